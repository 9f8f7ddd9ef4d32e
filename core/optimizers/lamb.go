package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Lamb is Adam whose step for each weight is as long, relative to the weight, as the learning rate:
//
//	m = m + (1-beta_1) (g - m),  v = v + (1-beta_2) (g^2 - v)
//	d = m/(1-beta_1^t)/(sqrt(v/(1-beta_2^t)) + epsilon),  w = w - lr |w|/|d| d
//
// |x| is the root of the sum of squares; where one is 0, the ratio is 1. Slots: momentum m, velocity v.
// Source: keras/src/optimizers/lamb.py; You et al., arXiv:1904.00962.
type Lamb struct {
	core.OptimizerBase
	Beta1   float64 `json:"beta_1" want:"0..<1"`
	Beta2   float64 `json:"beta_2" want:"0..<1"`
	Epsilon float64 `json:"epsilon"`

	m, v []*core.Weight
}

func init() {
	register("Lamb", 0.001, func() *Lamb { return &Lamb{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} })
}

// NewLamb makes a Lamb.
func NewLamb(lr float64, with ...With) *Lamb { return configure[*Lamb]("Lamb", lr, with) }

// Build declares the slots.
func (o *Lamb) Build(s *core.State, weights []*core.Weight) {
	o.m, o.v = pairs(s, "momentum", "velocity", nil, weights)
}

// Update takes one step.
func (o *Lamb) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	m := toward(s, o.m[i], grad, 1-o.Beta1)
	v := toward(s, o.v[i], s.Square(grad), 1-o.Beta2)
	root := s.Add(s.Sqrt(s.Div(v, correction(s, o.Beta2))), s.Const(o.Epsilon))
	d := s.Div(s.Div(m, correction(s, o.Beta1)), root)

	norm := func(x graph.Value) graph.Value { return s.Sqrt(s.Sum(s.Square(x), nil, false)) }
	long, far, zero, one := norm(s.Get(w)), norm(d), s.Const(0), s.Const(1)
	both := s.And(s.Greater(long, zero), s.Greater(far, zero))
	ratio := s.Select(both, s.Div(long, s.Select(both, far, one)), one)
	descend(s, w, s.Mul(s.Mul(ratio, s.LearningRate), d))
}
