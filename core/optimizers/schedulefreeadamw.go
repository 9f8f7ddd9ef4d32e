package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ScheduleFreeAdamW needs no schedule: it takes Adam's steps from z and trains with the mean of all z:
//
//	v = v + (1-beta_2) (g^2 - v),  z = z - lr min(t/warmup_steps, 1) g/(sqrt(v/(1-beta_2^t)) + epsilon)
//	w = (1-1/t) w + z/t
//
// The paper trains with a point between that mean and z, which beta_1 chooses. Keras has the paper's formula too, but on TensorFlow it
// reads z only after z has moved, and what comes out is the above; on JAX it is as in the paper. gk does as TensorFlow, Keras' default.
//
// Slots: momentum z, which starts from the weight; velocity v.
// Source: keras/src/optimizers/schedule_free_adamw.py; Defazio et al., arXiv:2405.15682.
type ScheduleFreeAdamW struct {
	core.OptimizerBase
	Beta1       float64 `json:"beta_1" want:">0"`
	Beta2       float64 `json:"beta_2" want:"0..<1"`
	Epsilon     float64 `json:"epsilon"`
	WarmupSteps int     `json:"warmup_steps" want:">=0"`

	z, v []*core.Weight
}

func init() {
	register("ScheduleFreeAdamW", 0.0025, func() *ScheduleFreeAdamW {
		return &ScheduleFreeAdamW{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	})
}

// NewScheduleFreeAdamW makes a ScheduleFreeAdamW.
func NewScheduleFreeAdamW(lr float64, with ...With) *ScheduleFreeAdamW {
	return configure[*ScheduleFreeAdamW]("ScheduleFreeAdamW", lr, with)
}

// copyOf starts a slot from a weight.
type copyOf struct{ w *core.Weight }

// Fill copies the weight.
func (c copyOf) Fill(dst []float32, _ tensor.Shape, _ core.Rand) { copy(dst, c.w.Data()) }

// Build declares the slots.
func (o *ScheduleFreeAdamW) Build(s *core.State, weights []*core.Weight) {
	for i, w := range weights {
		z, v := pairs(s, "momentum", "velocity", copyOf{w}, weights[i:i+1])
		o.z, o.v = append(o.z, z...), append(o.v, v...)
	}
}

// Update takes one step.
func (o *ScheduleFreeAdamW) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	one, t, lr := s.Const(1), time(s), s.LearningRate
	if o.WarmupSteps > 0 {
		lr = s.Mul(lr, s.Minimum(s.Div(t, s.Const(float64(o.WarmupSteps))), one))
	}
	v := toward(s, o.v[i], s.Square(grad), 1-o.Beta2)
	root := s.Add(s.Sqrt(s.Div(v, correction(s, o.Beta2))), s.Const(o.Epsilon))
	z := s.Sub(s.Get(o.z[i]), s.Div(s.Mul(lr, grad), root))
	s.Set(o.z[i], z)
	part := s.Div(one, t)
	s.Set(w, s.Add(s.Mul(s.Sub(one, part), s.Get(w)), s.Mul(part, z)))
}
