package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Adadelta divides the gradient by the root of its mean square and multiplies it by that of the moves made so far:
//
//	a = rho a + (1-rho) g^2,  d = g sqrt(b + epsilon)/sqrt(a + epsilon),  b = rho b + (1-rho) d^2
//	w = w - lr d
//
// Slots: accumulated_grad a, accumulated_delta_var b. Source: keras/src/optimizers/adadelta.py; Zeiler, arXiv:1212.5701.
type Adadelta struct {
	core.OptimizerBase
	Rho     float64 `json:"rho"`
	Epsilon float64 `json:"epsilon"`

	grads, moves []*core.Weight
}

func init() {
	register("Adadelta", 0.001, func() *Adadelta { return &Adadelta{Rho: 0.95, Epsilon: 1e-7} })
}

// NewAdadelta makes an Adadelta.
func NewAdadelta(lr float64, with ...With) *Adadelta {
	return configure[*Adadelta]("Adadelta", lr, with)
}

// Build declares the slots.
func (o *Adadelta) Build(s *core.State, weights []*core.Weight) {
	o.grads, o.moves = pairs(s, "accumulated_grad", "accumulated_delta_var", nil, weights)
}

// Update takes one step.
func (o *Adadelta) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	root := func(x graph.Value) graph.Value { return s.Sqrt(s.Add(x, s.Const(o.Epsilon))) }
	a := mix(s, o.grads[i], s.Square(grad), o.Rho)
	d := s.Div(s.Mul(root(s.Get(o.moves[i])), grad), root(a))
	mix(s, o.moves[i], s.Square(d), o.Rho)
	descend(s, w, s.Mul(s.LearningRate, d))
}
