package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// Adagrad divides the gradient by the root of the sum of all its squares:
//
//	a = a + g^2,  w = w - lr g/sqrt(a + epsilon)
//
// Slots: accumulator, which starts from initial_accumulator_value. Source: keras/src/optimizers/adagrad.py; Duchi et al., JMLR 12, 2011.
type Adagrad struct {
	core.OptimizerBase
	InitialAccumulatorValue float64 `json:"initial_accumulator_value" want:">=0"`
	Epsilon                 float64 `json:"epsilon"`

	accumulator []*core.Weight
}

func init() {
	registerUpgraded("Adagrad", 0.001, func() *Adagrad {
		return &Adagrad{InitialAccumulatorValue: 0.1, Epsilon: 1e-7}
	}, func(c core.Config, from registry.Origin) {
		// Keras 1 and 2 start from 0 and have no key for it; tf.keras always writes it.
		if _, ok := c["initial_accumulator_value"]; !ok && (from.Major() == 1 || from.Major() == 2) {
			c["initial_accumulator_value"] = 0.0
		}
	})
}

// NewAdagrad makes an Adagrad.
func NewAdagrad(lr float64, with ...With) *Adagrad { return configure[*Adagrad]("Adagrad", lr, with) }

// Build declares the accumulators.
func (o *Adagrad) Build(s *core.State, weights []*core.Weight) {
	o.accumulator = s.NewFor("accumulator", number(o.InitialAccumulatorValue), weights)
}

// Update takes one step.
func (o *Adagrad) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	a := s.Add(s.Get(o.accumulator[i]), s.Square(grad))
	s.Set(o.accumulator[i], a)
	descend(s, w, s.Div(s.Mul(s.LearningRate, grad), s.Sqrt(s.Add(a, s.Const(o.Epsilon)))))
}
