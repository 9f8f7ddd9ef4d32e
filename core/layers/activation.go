package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Activation applies an activation function to an input of any shape.
// Source: keras/src/layers/activations/activation.py.
type Activation struct {
	core.Base
	Activation core.Activation `json:"activation"`
}

func init() { register("Activation", func() *Activation { return &Activation{} }) }

// NewActivation makes an Activation layer from a name ("relu") or a core.Activation.
func NewActivation(activation any, with ...With) *Activation {
	return configure[*Activation]("Activation", With{"activation": activation}, with)
}

// Build checks that there is one input.
func (l *Activation) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Call applies the function.
func (l *Activation) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return activate(c, l.Activation, inputs[0])
}
