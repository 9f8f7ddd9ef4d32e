package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ThresholdedReLU is its input where that is larger than theta, and 0 elsewhere. Keras 3 has it no more; its ReLU with a threshold does
// the same.
//
// Input and output of any shape. Source: tf_keras/src/layers/activation/thresholded_relu.py.
type ThresholdedReLU struct {
	core.Base
	Theta float64 `json:"theta" want:">=0"`
}

func init() {
	registerLegacy("ThresholdedReLU", func() *ThresholdedReLU { return &ThresholdedReLU{Theta: 1} }, nil)
}

// NewThresholdedReLU makes a ThresholdedReLU layer.
func NewThresholdedReLU(with ...With) *ThresholdedReLU {
	return configure[*ThresholdedReLU]("ThresholdedReLU", nil, with)
}

// Build checks that there is one input.
func (l *ThresholdedReLU) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Apply is the function as an activation.
func (l *ThresholdedReLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Mul(x, g.Greater(x, g.Const(l.Theta)))
}

// Call applies the function.
func (l *ThresholdedReLU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{l.Apply(c.Graph, inputs[0])}
}
