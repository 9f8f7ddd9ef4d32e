package optimizers

import "github.com/gokeras/gk/core"

// AdamW is Adam with a weight decay that is not null: w = w - lr weight_decay w before the step.
//
// Slots: as Adam. Source: keras/src/optimizers/adamw.py; Loshchilov and Hutter, arXiv:1711.05101.
type AdamW struct {
	core.OptimizerBase
	adam
}

func init() {
	register("AdamW", 0.001, func() *AdamW {
		decay := 0.004
		return &AdamW{core.OptimizerBase{WeightDecay: &decay}, newAdam()}
	})
}

// NewAdamW makes an AdamW.
func NewAdamW(lr float64, with ...With) *AdamW { return configure[*AdamW]("AdamW", lr, with) }

// Build declares the slots.
func (o *AdamW) Build(s *core.State, weights []*core.Weight) {
	if o.WeightDecay == nil {
		o.Fail(core.Errorf(core.ErrLayerConfig, `optimizer "AdamW": weight_decay`, "got null, want a number"))
	}
	o.adam.Build(s, weights)
}
