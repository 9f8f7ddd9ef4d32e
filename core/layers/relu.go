package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/activations"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ReLU is the rectifier with its settings, s the negative slope, t the threshold and m the largest value:
//
//	output = min(input, m) where input > t, s (input - t) elsewhere
//
// Input and output of any shape. It also serves as an activation of another layer. Source: keras/src/layers/activations/relu.py.
type ReLU struct {
	core.Base
	MaxValue      *float64 `json:"max_value" want:">=0"`
	NegativeSlope float64  `json:"negative_slope" want:">=0"`
	Threshold     float64  `json:"threshold" want:">=0"`
}

func init() { register("ReLU", func() *ReLU { return &ReLU{} }) }

// NewReLU makes a ReLU layer.
func NewReLU(with ...With) *ReLU { return configure[*ReLU]("ReLU", nil, with) }

// Build checks that there is one input.
func (l *ReLU) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Apply is the function as an activation.
func (l *ReLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return (&activations.ReLU{NegativeSlope: l.NegativeSlope, MaxValue: l.MaxValue, Threshold: l.Threshold}).Apply(g, x)
}

// Call applies the function.
func (l *ReLU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{l.Apply(c.Graph, inputs[0])}
}
