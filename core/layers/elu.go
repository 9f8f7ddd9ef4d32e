package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/activations"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ELU is its input where that is positive, and alpha (e^input - 1) elsewhere.
//
// Input and output of any shape. It also serves as an activation of another layer. Source: keras/src/layers/activations/elu.py.
type ELU struct {
	core.Base
	Alpha float64 `json:"alpha"`
}

func init() { register("ELU", func() *ELU { return &ELU{Alpha: 1} }) }

// NewELU makes an ELU layer.
func NewELU(with ...With) *ELU { return configure[*ELU]("ELU", nil, with) }

// Build checks that there is one input.
func (l *ELU) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Apply is the function as an activation.
func (l *ELU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return (&activations.ELU{Alpha: l.Alpha}).Apply(g, x)
}

// Call applies the function.
func (l *ELU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{l.Apply(c.Graph, inputs[0])}
}
