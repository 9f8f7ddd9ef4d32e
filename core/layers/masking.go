package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Masking skips steps whose numbers all equal mask_value: the output is 0 there and has a mask without them.
//
// Input and output (batch, steps, ...); the numbers of a step are those along the last axis. Source: keras/src/layers/core/masking.py.
type Masking struct {
	core.Base
	MaskValue float64 `json:"mask_value"`
}

func init() { register("Masking", func() *Masking { return &Masking{} }) }

// NewMasking makes a Masking layer.
func NewMasking(with ...With) *Masking { return configure[*Masking]("Masking", nil, with) }

// Build checks the input.
func (l *Masking) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if len(inputs) == 1 && len(inputs[0]) < 2 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want rank 2 or more", inputs[0])
	}
	return core.WantInputs(inputs, 1, 0)
}

// Call makes the mask.
func (l *Masking) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	mask := g.Max(g.NotEqual(x, g.Const(l.MaskValue)), []int{-1}, true)
	c.SetMask(0, g.Squeeze(mask, -1))
	return []graph.Value{g.Select(mask, x, g.Const(0))}
}
