package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RMSprop divides the gradient by the root of its mean square:
//
//	v = rho v + (1-rho) g^2,  d = lr g/sqrt(v + epsilon)
//	w = w - d, or with momentum  m = momentum m + d,  w = w - m
//
// With centered, a = rho a + (1-rho) g and v - a^2 stands in place of v. Slots: velocity; momentum, if not 0; average_gradient, if
// centered. Source: keras/src/optimizers/rmsprop.py.
type RMSprop struct {
	core.OptimizerBase
	Rho      float64 `json:"rho"`
	Momentum float64 `json:"momentum" keras:"3"`
	Epsilon  float64 `json:"epsilon"`
	Centered bool    `json:"centered" keras:"3"`

	velocity, momentum, average []*core.Weight
}

func init() {
	register("RMSprop", 0.001, func() *RMSprop { return &RMSprop{Rho: 0.9, Epsilon: 1e-7} })
}

// NewRMSprop makes an RMSprop.
func NewRMSprop(lr float64, with ...With) *RMSprop { return configure[*RMSprop]("RMSprop", lr, with) }

// Build declares the slots.
func (o *RMSprop) Build(s *core.State, weights []*core.Weight) {
	o.velocity = s.NewFor("velocity", nil, weights)
	if o.Momentum > 0 {
		o.momentum = s.NewFor("momentum", nil, weights)
	}
	if o.Centered {
		o.average = s.NewFor("average_gradient", nil, weights)
	}
}

// Update takes one step.
func (o *RMSprop) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	v := mix(s, o.velocity[i], s.Square(grad), o.Rho)
	if o.Centered {
		v = s.Sub(v, s.Square(mix(s, o.average[i], grad, o.Rho)))
	}
	d := s.Div(s.Mul(s.LearningRate, grad), s.Sqrt(s.Add(v, s.Const(o.Epsilon))))
	if o.Momentum > 0 {
		d = s.Add(s.Mul(s.Const(o.Momentum), s.Get(o.momentum[i])), d)
		s.Set(o.momentum[i], d)
	}
	descend(s, w, d)
}
