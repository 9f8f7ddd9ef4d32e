package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// SGD is gradient descent, with momentum if that is not 0:
//
//	w = w - lr g
//	m = momentum m - lr g,  w = w + m, or with nesterov  w = w + momentum m - lr g
//
// Slots: momentum, if not 0. Source: keras/src/optimizers/sgd.py.
type SGD struct {
	core.OptimizerBase
	Momentum float64 `json:"momentum" want:"0..1"`
	Nesterov bool    `json:"nesterov"`

	momentum []*core.Weight
}

func init() { register("SGD", 0.01, func() *SGD { return &SGD{} }) }

// NewSGD makes an SGD.
func NewSGD(lr float64, with ...With) *SGD { return configure[*SGD]("SGD", lr, with) }

// Build declares the momentum.
func (o *SGD) Build(s *core.State, weights []*core.Weight) {
	if o.Momentum != 0 {
		o.momentum = s.NewFor("momentum", nil, weights)
	}
}

// IdleShape is that of the momentum which Keras 2 kept where it is 0, too.
func (o *SGD) IdleShape(w *core.Weight) tensor.Shape {
	if o.Momentum == 0 {
		return w.Shape
	}
	return nil
}

// Update takes one step.
func (o *SGD) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	move := s.Mul(grad, s.LearningRate)
	if o.Momentum == 0 {
		descend(s, w, move)
		return
	}
	momentum := s.Const(o.Momentum)
	m := s.Sub(s.Mul(s.Get(o.momentum[i]), momentum), move)
	s.Set(o.momentum[i], m)
	if o.Nesterov {
		m = s.Sub(s.Mul(m, momentum), move)
	}
	s.Set(w, s.Add(s.Get(w), m))
}
