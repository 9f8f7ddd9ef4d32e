package optimizers

import (
	"maps"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// LossScaleOptimizer multiplies the loss by a scale and divides the gradients by it again, which keeps small gradients of float16 from
// becoming 0; Keras puts it around the optimizer of every model with the dtype policy mixed_float16. Where a gradient is not finite, the
// step is left out and the scale halved; after dynamic_growth_steps steps in a row that were not, the scale is doubled.
//
// gk computes in float32, where the scale changes nothing unless gradients overflow. Other than in Keras, a step that is left out counts
// as an iteration. Slots: step_counter, dynamic_scale, then those of the inner optimizer.
// Source: keras/src/optimizers/loss_scale_optimizer.py; Micikevicius et al., arXiv:1710.03740.
type LossScaleOptimizer struct {
	Inner core.Optimizer
	lossScale

	own            core.State
	counter, scale *core.Weight
	none           core.OptimizerBase // in place of the inner optimizer's while there is none
}

// lossScale is the config besides the inner optimizer.
type lossScale struct {
	Name               string  `json:"name"`
	InitialScale       float64 `json:"initial_scale" want:">0"`
	DynamicGrowthSteps int     `json:"dynamic_growth_steps" want:">0"`
}

func init() {
	register("LossScaleOptimizer", 0, func() *LossScaleOptimizer {
		return &LossScaleOptimizer{lossScale: lossScale{"loss_scale_optimizer", 32768, 2000}}
	}, "LossScaleOptimizerV3", "Custom>LossScaleOptimizerV3")
}

// NewLossScaleOptimizer puts one around an optimizer.
func NewLossScaleOptimizer(inner core.Optimizer, with ...With) *LossScaleOptimizer {
	o := registry.Default.Optimizers.Lookup("LossScaleOptimizer").New().(*LossScaleOptimizer)
	c := With{"inner_optimizer": inner}
	for _, w := range with {
		maps.Copy(c, w)
	}
	if err := o.DecodeConfig(registry.Default.Decoder(registry.Origin{}), c); err != nil {
		o.Inner = inner
		o.Common().Fail(core.In(`optimizer "LossScaleOptimizer"`, core.ErrLayerConfig, err))
	}
	return o
}

// DecodeConfig reads the inner optimizer and the rest. What other optimizers can do as well, such as clipnorm, the inner optimizer does:
// older Kerases write those keys here, with values that mean nothing.
func (o *LossScaleOptimizer) DecodeConfig(d *registry.Decoder, c core.Config) error {
	c = maps.Clone(c)
	v := c["inner_optimizer"]
	delete(c, "inner_optimizer")
	if v == nil {
		return core.Errorf(core.ErrLayerConfig, "inner_optimizer", "got nothing, want an optimizer")
	}
	inner, err := d.Optimizer(v)
	if err != nil {
		return core.In("inner_optimizer", core.ErrLayerConfig, err)
	}
	if _, nested := inner.(core.OptimizerWrapper); nested {
		return core.Errorf(core.ErrLayerConfig, "inner_optimizer", "got a LossScaleOptimizer, want another optimizer")
	}
	if on, ok := c["dynamic"].(bool); ok && !on {
		return core.WithHint(core.Errorf(core.ErrLayerConfig, "dynamic", "got false, want true"),
			"for a scale that does not change, use the inner optimizer with loss_scale_factor")
	}
	for _, key := range meaningless {
		delete(c, key)
	}
	inner.Common().LossScaleFactor = nil // or gradients would be scaled twice
	o.Inner = inner
	return d.Into(&o.lossScale, c)
}

var meaningless = []string{"dynamic", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
	"ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps"}

// EncodeConfig is the way back.
func (o *LossScaleOptimizer) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c, err := e.Config(&o.lossScale)
	if err != nil {
		return nil, err
	}
	if c["inner_optimizer"], err = e.Optimizer(o.Inner); err != nil {
		return nil, core.In("inner_optimizer", core.ErrLayerConfig, err)
	}
	return c, nil
}

// Common is that of the inner optimizer.
func (o *LossScaleOptimizer) Common() *core.OptimizerBase {
	if o.Inner == nil {
		return &o.none
	}
	return o.Inner.Common()
}

// Wrapped is the inner optimizer.
func (o *LossScaleOptimizer) Wrapped() core.Optimizer { return o.Inner }

// OwnSlots are step_counter and dynamic_scale.
func (o *LossScaleOptimizer) OwnSlots() []*core.Weight { return o.own.Weights() }

// Build declares the slots.
func (o *LossScaleOptimizer) Build(s *core.State, weights []*core.Weight) {
	o.own.Scope = o.Name
	o.counter = o.own.New("step_counter", nil, nil)
	o.counter.DType = "int64"
	o.scale = o.own.New("dynamic_scale", nil, number(o.InitialScale))
	for _, w := range o.own.Weights() {
		w.Initialize(nil)
	}
	o.Inner.Build(s, weights)
}

// Update is that of the inner optimizer.
func (o *LossScaleOptimizer) Update(s *core.Step, i int, w *core.Weight, grad graph.Value) {
	o.Inner.Update(s, i, w, grad)
}

// ScaleLoss multiplies the loss by the scale.
func (o *LossScaleOptimizer) ScaleLoss(s *core.States, loss graph.Value) graph.Value {
	return s.Mul(loss, s.Get(o.scale))
}

// ApplyAround does the step of the inner optimizer if all gradients are finite, and adapts the scale.
func (o *LossScaleOptimizer) ApplyAround(s *core.Step, grads []graph.Value) {
	grads = slices.Clone(grads)
	zero, one, scale, count := s.Const(0), s.Const(1), s.Get(o.scale), s.Get(o.counter)
	finite := one
	for i, g := range grads {
		if g.Valid() {
			finite = s.And(finite, s.Min(s.IsFinite(g), nil, false))
			grads[i] = s.Div(g, scale)
		}
	}
	s.When(finite, func(inner *core.States) {
		step := *s
		step.States = inner
		core.ApplyGradients(o.Inner, &step, grads)
	})
	grown := s.Equal(count, s.Const(float64(o.DynamicGrowthSteps-1)))
	s.Set(o.counter, s.Select(s.And(finite, s.Not(grown)), s.Add(count, one), zero))
	s.Set(o.scale, s.Mul(scale, s.Select(finite, s.Add(one, grown), s.Const(0.5))))
}
