package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Adam moves each number by its mean gradient over the root of its mean square gradient:
//
//	m = m + (1-beta_1) (g - m),  v = v + (1-beta_2) (g^2 - v)
//	w = w - lr sqrt(1-beta_2^t)/(1-beta_1^t) m/(sqrt(v) + epsilon)
//
// With amsgrad, the largest v so far stands in place of v. Slots: momentum m, velocity v; with amsgrad velocity_hat.
// Source: keras/src/optimizers/adam.py; Kingma and Ba, arXiv:1412.6980; Reddi et al., ICLR 2018 (amsgrad).
type Adam struct {
	core.OptimizerBase
	adam
}

// adam is what Adam and AdamW have in common.
type adam struct {
	Beta1   float64 `json:"beta_1" want:"0..<1"`
	Beta2   float64 `json:"beta_2" want:"0..<1"`
	Epsilon float64 `json:"epsilon"`
	AMSGrad bool    `json:"amsgrad"`

	m, v, largest []*core.Weight
}

func newAdam() adam { return adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7} }

func init() { register("Adam", 0.001, func() *Adam { return &Adam{adam: newAdam()} }) }

// NewAdam makes an Adam.
func NewAdam(lr float64, with ...With) *Adam { return configure[*Adam]("Adam", lr, with) }

// Build declares the slots.
func (o *adam) Build(s *core.State, weights []*core.Weight) {
	o.m, o.v = pairs(s, "momentum", "velocity", nil, weights)
	if o.AMSGrad {
		o.largest = s.NewFor("velocity_hat", nil, weights)
	}
}

// IdleShape is that of vhat, which Keras 2 kept without amsgrad, too.
func (o *adam) IdleShape(*core.Weight) tensor.Shape {
	if !o.AMSGrad {
		return tensor.Shape{1}
	}
	return nil
}

// Update takes one step.
func (o *adam) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	alpha := adamRate(s, s.LearningRate, o.Beta1, o.Beta2)
	m := toward(s, o.m[i], grad, 1-o.Beta1)
	v := toward(s, o.v[i], s.Square(grad), 1-o.Beta2)
	if o.AMSGrad {
		v = s.Maximum(s.Get(o.largest[i]), v)
		s.Set(o.largest[i], v)
	}
	descend(s, w, s.Div(s.Mul(m, alpha), s.Add(s.Sqrt(v), s.Const(o.Epsilon))))
}

// adamRate is the learning rate times sqrt(1-beta_2^t)/(1-beta_1^t): the same scalar for all weights.
func adamRate(s *core.Step, lr graph.Value, beta1, beta2 float64) graph.Value {
	return s.Div(s.Mul(lr, s.Sqrt(correction(s, beta2))), correction(s, beta1))
}
