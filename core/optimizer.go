package core

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contract of optimizers.

// Optimizer turns gradients into new weights. What all optimizers share (learning rate, weight decay, clipping, moving averages of
// weights, accumulation of gradients) is in OptimizerBase and done by ApplyGradients, never by an optimizer.
type Optimizer interface {
	// Build declares the slots for these weights, in the order in which Keras saves them.
	Build(s *State, weights []*Weight)
	// Update writes the operations that take weight i, with the value s.Get(weights[i]), one step along gradient g, and its slots with it.
	Update(s *Step, i int, w *Weight, grad graph.Value)
	Common() *OptimizerBase
}

// Step is one step of an optimizer inside of a graph.
type Step struct {
	*States
	LearningRate graph.Value // a scalar
	Iteration    graph.Value // a scalar: the number of steps taken before this one
	Weights      []*Weight
}

// OptimizerFinisher is an optimizer with something to do once a step, after all weights.
type OptimizerFinisher interface{ Finish(s *Step) }

// WeightDecayer is an optimizer whose weight decay is not the same for all weights; nil is none.
type WeightDecayer interface{ WeightDecayOf(w *Weight) *float64 }

// Idler is an optimizer of which Keras 2 kept a tensor for each weight that it did not use, as the optimizer is configured: IdleShape is
// the shape of that tensor for w, nil where there is none. Files for Keras 2 hold zeros there.
type Idler interface{ IdleShape(w *Weight) tensor.Shape }

// OptimizerWrapper is an optimizer around another one. Its Common is that of the inner one: the learning rate and the number of steps
// that count.
type OptimizerWrapper interface {
	Optimizer
	Wrapped() Optimizer
	// OwnSlots is what the wrapper itself keeps. Keras saves an iteration and a learning rate of the wrapper's own, both always 0, then
	// these, then everything of the inner optimizer.
	OwnSlots() []*Weight
	// ApplyAround does the step with the inner optimizer: it calls ApplyGradients of that.
	ApplyAround(s *Step, grads []graph.Value)
	ScaleLoss(s *States, loss graph.Value) graph.Value
}

// OptimizerBase is what all optimizers have in their config.
type OptimizerBase struct {
	Name                      string       `json:"name" keras:"-legacy"`
	LearningRate              LearningRate `json:"learning_rate"`
	WeightDecay               *float64     `json:"weight_decay" keras:"3"`
	ClipNorm                  *float64     `json:"clipnorm" keras:"3" want:">0"`
	GlobalClipNorm            *float64     `json:"global_clipnorm" keras:"3" want:">0"`
	ClipValue                 *float64     `json:"clipvalue" keras:"3" want:">0"`
	UseEMA                    bool         `json:"use_ema" keras:"3"`
	EMAMomentum               float64      `json:"ema_momentum" keras:"3" want:"0..1"`
	EMAOverwriteFrequency     *int         `json:"ema_overwrite_frequency" keras:"3" want:">0"`
	LossScaleFactor           *float64     `json:"loss_scale_factor" keras:"3" want:">0"`
	GradientAccumulationSteps *int         `json:"gradient_accumulation_steps" keras:"3" want:">1"`

	// Iterations is the number of steps taken, as files hold it: of batches, whether or not gradients are accumulated over several.
	// Schedules count by it.
	Iterations int64 `json:"-"`

	err         error
	state       State
	built       bool
	averages    []*Weight
	accumulated []*Weight
}

// Common is b itself.
func (b *OptimizerBase) Common() *OptimizerBase { return b }

// Fail records a mistake in the config, with its place, which BuildOptimizer reports.
func (b *OptimizerBase) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// Slots are the tensors that the optimizer keeps besides Iterations and the learning rate, in the order in which Keras saves them.
func (b *OptimizerBase) Slots() []*Weight { return b.state.weights }

// OptimizerSlots are all tensors that an optimizer keeps, those of a wrapper first.
func OptimizerSlots(o Optimizer) []*Weight {
	if w, ok := o.(OptimizerWrapper); ok {
		return append(slices.Clone(w.OwnSlots()), o.Common().Slots()...)
	}
	return o.Common().Slots()
}

// Built reports whether the slots have been declared.
func (b *OptimizerBase) Built() bool { return b.built }

// LearningRate is a number, or a schedule.
type LearningRate struct {
	Value    float64
	Schedule Schedule // or nil
}

// At is the learning rate of a step.
func (l LearningRate) At(step int64) float64 {
	if l.Schedule != nil {
		return l.Schedule.At(step)
	}
	return l.Value
}

// BuildOptimizer declares the slots of an optimizer once, for the weights that are trained and have their first values. The error is a
// mistake in the config.
func BuildOptimizer(o Optimizer, weights []*Weight) error {
	b := o.Common()
	if b.built {
		return nil
	}
	clips := 0
	for _, c := range []*float64{b.ClipNorm, b.GlobalClipNorm, b.ClipValue} {
		if c != nil {
			clips++
		}
	}
	if clips > 1 {
		b.Fail(Errorf(ErrLayerConfig, fmt.Sprintf("optimizer %q", b.Name), "got more than one of clipnorm, global_clipnorm and clipvalue, want at most one"))
	}
	if b.err != nil {
		return b.err
	}
	b.state.Scope = b.Name
	if b.UseEMA {
		b.averages = b.state.NewFor("average", nil, weights)
	}
	if b.GradientAccumulationSteps != nil {
		b.accumulated = b.state.NewFor("gradient_accumulator", nil, weights)
	}
	o.Build(&b.state, weights)
	if b.err != nil {
		return b.err
	}
	for _, w := range b.state.weights {
		w.Initialize(nil)
	}
	b.built = true
	return nil
}
