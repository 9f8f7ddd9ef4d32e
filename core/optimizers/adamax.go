package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Adamax is Adam with the largest gradient, which fades, in place of the root of the mean square:
//
//	m = m + (1-beta_1) (g - m),  u = max(beta_2 u, |g|)
//	w = w - lr m/((1-beta_1^t) (u + epsilon))
//
// Slots: momentum m, norm u. Source: keras/src/optimizers/adamax.py; Kingma and Ba, arXiv:1412.6980, section 7.
type Adamax struct {
	core.OptimizerBase
	Beta1   float64 `json:"beta_1" want:"0..<1"`
	Beta2   float64 `json:"beta_2" want:"0..1"`
	Epsilon float64 `json:"epsilon"`

	m, u []*core.Weight
}

func init() {
	register("Adamax", 0.001, func() *Adamax { return &Adamax{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} })
}

// NewAdamax makes an Adamax.
func NewAdamax(lr float64, with ...With) *Adamax { return configure[*Adamax]("Adamax", lr, with) }

// Build declares the slots.
func (o *Adamax) Build(s *core.State, weights []*core.Weight) {
	o.m, o.u = pairs(s, "momentum", "norm", nil, weights)
}

// Update takes one step.
func (o *Adamax) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	m := toward(s, o.m[i], grad, 1-o.Beta1)
	u := s.Maximum(s.Mul(s.Const(o.Beta2), s.Get(o.u[i])), s.Abs(grad))
	s.Set(o.u[i], u)
	alpha := s.Div(s.LearningRate, correction(s, o.Beta1))
	descend(s, w, s.Div(s.Mul(m, alpha), s.Add(u, s.Const(o.Epsilon))))
}
