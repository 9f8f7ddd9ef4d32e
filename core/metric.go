package core

import (
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the contract of metrics.

// Metric accumulates a statistic of targets and predictions over many batches.
type Metric interface {
	// Build declares the state, for targets and predictions of these shapes, whose batch is Unknown.
	Build(s *State, yTrue, yPred tensor.Shape) error
	// Update writes the operations that add one batch to the state. weight, the sample weights, may be "none".
	Update(s *States, yTrue, yPred, weight graph.Value)
	// Result computes the metric from the state.
	Result(s *States) graph.Value
	Common() *MetricBase
}

// MetricBase is what all metrics have in their config, and their state.
type MetricBase struct {
	Name  string `json:"name"`
	DType string `json:"dtype"` // "float32"

	state State
	built bool
}

// Common is b itself.
func (b *MetricBase) Common() *MetricBase { return b }

// Weights are the state of the metric, in Keras' order.
func (b *MetricBase) Weights() []*Weight { return b.state.weights }

// Reset puts the state back to where it starts.
func (b *MetricBase) Reset() {
	for _, w := range b.state.weights {
		w.Initialize(nil)
	}
}

// BuildMetric builds a metric once; later calls do nothing.
func BuildMetric(m Metric, yTrue, yPred tensor.Shape) error {
	b := m.Common()
	if b.built {
		return nil
	}
	b.state.Scope = b.Name
	if err := m.Build(&b.state, yTrue, yPred); err != nil {
		return In("metric \""+b.Name+"\"", ErrLayerConfig, err)
	}
	b.built = true
	b.Reset()
	return nil
}

// State is where a metric or an optimizer declares the tensors that it keeps, in Keras' order.
type State struct {
	Scope   string
	weights []*Weight
}

// New declares a tensor that starts with zeros, or with what init gives.
func (s *State) New(name string, shape tensor.Shape, init Initializer) *Weight {
	w := NewWeight(WeightSpec{Name: s.Scope + "/" + name, Shape: shape, Initializer: init, State: true})
	s.weights = append(s.weights, w)
	return w
}

// NewFor declares a tensor like each of some weights, for what an optimizer keeps: "dense/kernel" gets a "dense_kernel_momentum".
func (s *State) NewFor(kind string, init Initializer, weights []*Weight) []*Weight {
	slots := make([]*Weight, len(weights))
	for i, w := range weights {
		slots[i] = s.New(w.SlotName(kind), w.Shape, init)
	}
	return slots
}

// Weights are the tensors declared so far.
func (s *State) Weights() []*Weight { return s.weights }

// States reads and changes state inside of a graph.
type States struct {
	*graph.Graph
	// Mask goes with the predictions that a metric is given; metrics that are means of a value per sample leave out what it hides.
	// "none" if there is no mask.
	Mask   graph.Value
	shared *Shared
	below  *States // where values are looked for that shared does not have; nil: nowhere
}

// NewStates is for the graph whose calls have s in common.
func NewStates(g *graph.Graph, s *Shared) *States { return &States{Graph: g, shared: s} }

// Get is the state's value: what Set gave it in this graph, else that from before the run.
func (s *States) Get(w *Weight) graph.Value {
	for at := s; at != nil; at = at.below {
		if v, ok := at.shared.Updates[w]; ok {
			return v
		}
	}
	return s.Read(&w.Variable)
}

// Set gives a state its value for the next run.
func (s *States) Set(w *Weight, v graph.Value) { s.shared.update(w, v) }

// When sets states only in runs in which the scalar cond is not 0: whatever do sets, the others keep their values.
func (s *States) When(cond graph.Value, do func(s *States)) {
	inner := &States{Graph: s.Graph, Mask: s.Mask, shared: NewShared(), below: s}
	do(inner)
	for _, w := range inner.shared.Order {
		s.Set(w, s.Select(cond, inner.shared.Updates[w], s.Get(w)))
	}
}
