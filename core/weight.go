package core

import (
	"strings"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns weights: the tensors that a model keeps between runs.

// Weight is a tensor that a layer, an optimizer or a metric owns. Its memory stays where it is as long as the weight lives, because
// programs compute in place.
type Weight struct {
	graph.Variable
	Initializer Initializer
	Regularizer Regularizer // or nil
	Constraint  Constraint  // or nil
	Trainable   bool        // false for state, such as moving averages
	Group       string      // where Keras keeps it below the layer, for .weights.h5: "cell"
	DType       string      // how files store it: "float32" by default, "int64" for counts, "float16", ...

	value *tensor.Tensor
	ready bool
}

// WeightSpec declares a weight.
type WeightSpec struct {
	Name        string
	Shape       tensor.Shape
	Initializer Initializer // nil: zeros
	Regularizer Regularizer
	Constraint  Constraint
	State       bool   // not trained by gradients
	Group       string // see Weight.Group
	DType       string // see Weight.DType
}

// NewWeight makes a weight without memory.
func NewWeight(s WeightSpec) *Weight {
	if s.DType == "" {
		s.DType = "float32"
	}
	return &Weight{
		Variable:    graph.Variable{Name: s.Name, Shape: s.Shape.Clone()},
		Initializer: s.Initializer, Regularizer: s.Regularizer, Constraint: s.Constraint,
		Trainable: !s.State, Group: s.Group, DType: s.DType,
	}
}

// Value is the tensor itself, of float32; it is made, with zeros, at first use.
func (w *Weight) Value() *tensor.Tensor {
	if w.value == nil {
		w.value = tensor.New(tensor.Float32, w.Shape...)
	}
	return w.value
}

// Place gives the weight memory of its size, such as one that another process sees too. It must come before the first use.
func (w *Weight) Place(data []float32) {
	if w.value == nil {
		w.value = tensor.From(data, w.Shape...)
	}
}

// Data is the numbers of the weight, not a copy.
func (w *Weight) Data() []float32 { return tensor.Data[float32](w.Value()) }

// Set copies numbers into the weight. The error names the weight.
func (w *Weight) Set(t *tensor.Tensor) error {
	if !w.Shape.Equal(t.Shape()) {
		return Errorf(ErrShapeMismatch, w.Name, "got shape %v, want %v", t.Shape(), w.Shape)
	}
	tensor.CopyTo(w.Data(), t, 0)
	w.ready = true
	return nil
}

// Ready reports whether the weight has values, by Set, Initialize or SetReady.
func (w *Weight) Ready() bool { return w.ready }

// SetReady says that Data has been filled.
func (w *Weight) SetReady() { w.ready = true }

// Initialize fills the weight by its initializer.
func (w *Weight) Initialize(r Rand) {
	w.ready = true
	if w.Initializer == nil {
		clear(w.Data())
		return
	}
	w.Initializer.Fill(w.Data(), w.Shape, r)
}

// SlotName is how Keras names what an optimizer keeps for a weight: "dense/kernel" and "momentum" make "dense_kernel_momentum".
func (w *Weight) SlotName(kind string) string {
	return strings.ReplaceAll(w.Name, "/", "_") + "_" + kind
}
