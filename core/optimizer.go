package core

import (
	"github.com/gokeras/gk/core/graph"
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

// OptimizerBase is what all optimizers have in their config.
type OptimizerBase struct {
	Name                      string       `json:"name"`
	LearningRate              LearningRate `json:"learning_rate"`
	WeightDecay               *float64     `json:"weight_decay"`
	ClipNorm                  *float64     `json:"clipnorm" want:">0"`
	GlobalClipNorm            *float64     `json:"global_clipnorm" want:">0"`
	ClipValue                 *float64     `json:"clipvalue" want:">0"`
	UseEMA                    bool         `json:"use_ema"`
	EMAMomentum               float64      `json:"ema_momentum" want:"0..1"`
	EMAOverwriteFrequency     *int         `json:"ema_overwrite_frequency" want:">0"`
	LossScaleFactor           *float64     `json:"loss_scale_factor"`
	GradientAccumulationSteps *int         `json:"gradient_accumulation_steps" want:">1"`

	// Iterations is the number of steps taken (of accumulated ones, where gradients are accumulated, one in GradientAccumulationSteps).
	Iterations int64 `json:"-"`

	state       State
	built       bool
	averages    []*Weight
	accumulated []*Weight
}

// Common is b itself.
func (b *OptimizerBase) Common() *OptimizerBase { return b }

// Slots are the tensors that the optimizer keeps besides Iterations and the learning rate, in the order in which Keras saves them.
func (b *OptimizerBase) Slots() []*Weight { return b.state.weights }

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

// BuildOptimizer declares the slots of an optimizer once, for the weights that are trained.
func BuildOptimizer(o Optimizer, weights []*Weight) {
	b := o.Common()
	if b.built {
		return
	}
	b.state.Scope = b.Name
	if b.UseEMA {
		for _, w := range weights {
			b.averages = append(b.averages, b.slotFor("average", w))
		}
	}
	if b.GradientAccumulationSteps != nil {
		for _, w := range weights {
			b.accumulated = append(b.accumulated, b.slotFor("gradient_accumulator", w))
		}
	}
	o.Build(&b.state, weights)
	for _, w := range b.state.weights {
		w.Initialize(nil)
	}
	b.built = true
}

func (b *OptimizerBase) slotFor(kind string, w *Weight) *Weight {
	return b.state.New(w.SlotName(kind), w.Shape, nil)
}
