package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Flatten makes one axis of all but the batch.
//
// Input (batch, ...), output (batch, product of the others). With data_format "channels_first" the second axis is moved to the end
// first, so that weights after it fit both formats. Source: keras/src/layers/reshaping/flatten.py.
type Flatten struct {
	core.Base
	DataFormat string `json:"data_format" want:"channels_last|channels_first"`
}

func init() { register("Flatten", func() *Flatten { return &Flatten{DataFormat: "channels_last"} }) }

// NewFlatten makes a Flatten layer.
func NewFlatten(with ...With) *Flatten { return configure[*Flatten]("Flatten", nil, with) }

// Build checks that there is one input.
func (l *Flatten) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if len(inputs) == 1 && len(inputs[0]) == 0 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want a batch", inputs[0])
	}
	return core.WantInputs(inputs, 1, 0)
}

// Call reshapes. It drops masks.
func (l *Flatten) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := inputs[0]
	if x.Rank() > 1 {
		x = toLast(c.Graph, x, l.DataFormat)
	}
	return []graph.Value{c.Graph.Flatten(x, 1)}
}
