package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Lion moves every number by the learning rate, one way or the other:
//
//	w = w - lr sign(beta_1 m + (1-beta_1) g),  m = beta_2 m + (1-beta_2) g
//
// Slots: momentum m. Source: keras/src/optimizers/lion.py; Chen et al., arXiv:2302.06675.
type Lion struct {
	core.OptimizerBase
	Beta1 float64 `json:"beta_1" want:">0"`
	Beta2 float64 `json:"beta_2" want:"0..1"`

	m []*core.Weight
}

func init() { register("Lion", 0.001, func() *Lion { return &Lion{Beta1: 0.9, Beta2: 0.99} }) }

// NewLion makes a Lion.
func NewLion(lr float64, with ...With) *Lion { return configure[*Lion]("Lion", lr, with) }

// Build declares the momentum.
func (o *Lion) Build(s *core.State, weights []*core.Weight) {
	if o.Beta1 > 1 {
		o.Fail(core.Errorf(core.ErrLayerConfig, `optimizer "Lion": beta_1`, "got %v, want <= 1", o.Beta1))
	}
	o.m = s.NewFor("momentum", nil, weights)
}

// Update takes one step.
func (o *Lion) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	way := s.Add(s.Mul(s.Get(o.m[i]), s.Const(o.Beta1)), s.Mul(grad, s.Const(1-o.Beta1)))
	mix(s, o.m[i], grad, o.Beta2)
	descend(s, w, s.Mul(s.LearningRate, s.Sign(way)))
}
