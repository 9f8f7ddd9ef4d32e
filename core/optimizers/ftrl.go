package optimizers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Ftrl follows the regularized leader, which makes weights exactly 0 where l1 says so. With p = -learning_rate_power:
//
//	h = g + 2 l2_shrinkage w,  b = a + g^2,  z = z + h - (b^p - a^p)/lr w,  a = b
//	w = (min(max(z, -l1), l1) - z)/(b^p/lr + 2 l2 + beta/lr)
//
// Slots: accumulator a, which starts from initial_accumulator_value, linear z.
// Source: keras/src/optimizers/ftrl.py; McMahan et al., KDD 2013.
type Ftrl struct {
	core.OptimizerBase
	LearningRatePower       float64 `json:"learning_rate_power"`
	InitialAccumulatorValue float64 `json:"initial_accumulator_value" want:">=0"`
	L1                      float64 `json:"l1_regularization_strength" want:">=0"`
	L2                      float64 `json:"l2_regularization_strength" want:">=0"`
	L2Shrinkage             float64 `json:"l2_shrinkage_regularization_strength" want:">=0"`
	Beta                    float64 `json:"beta"`

	accumulator, linear []*core.Weight
}

func init() {
	register("Ftrl", 0.001, func() *Ftrl { return &Ftrl{LearningRatePower: -0.5, InitialAccumulatorValue: 0.1} })
}

// NewFtrl makes an Ftrl.
func NewFtrl(lr float64, with ...With) *Ftrl { return configure[*Ftrl]("Ftrl", lr, with) }

// Build declares the slots. A power above 0 would divide by an accumulator that is 0.
func (o *Ftrl) Build(s *core.State, weights []*core.Weight) {
	if o.LearningRatePower > 0 {
		o.Fail(core.Errorf(core.ErrLayerConfig, `optimizer "Ftrl": learning_rate_power`, "got %v, want <= 0", o.LearningRatePower))
	}
	o.accumulator, o.linear = pairs(s, "accumulator", "linear", number(o.InitialAccumulatorValue), weights)
}

// Update takes one step.
func (o *Ftrl) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	power := func(x graph.Value) graph.Value { return s.Pow(x, s.Const(-o.LearningRatePower)) }
	x, a := s.Get(w), s.Get(o.accumulator[i])
	b := s.Add(a, s.Square(grad))
	h := s.Add(grad, s.Mul(s.Const(2*o.L2Shrinkage), x))
	z := s.Add(s.Get(o.linear[i]), s.Sub(h, s.Mul(s.Div(s.Sub(power(b), power(a)), s.LearningRate), x)))
	s.Set(o.accumulator[i], b)
	s.Set(o.linear[i], z)
	l2 := s.Add(s.Const(2*o.L2), s.Div(s.Const(o.Beta), s.LearningRate))
	clipped := s.Minimum(s.Maximum(z, s.Const(-o.L1)), s.Const(o.L1))
	s.Set(w, s.Div(s.Sub(clipped, z), s.Add(s.Div(power(b), s.LearningRate), l2)))
}
