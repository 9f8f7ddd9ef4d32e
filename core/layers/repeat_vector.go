package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RepeatVector makes a sequence of n steps that all equal its input.
//
// Input (batch, channels), output (batch, n, channels). Source: keras/src/layers/reshaping/repeat_vector.py.
type RepeatVector struct {
	core.Base
	N int64 `json:"n" want:">0"` // no weight depends on it: whether it is too large, the shape of the output says
}

func init() { register("RepeatVector", func() *RepeatVector { return &RepeatVector{N: 1} }) }

// NewRepeatVector makes a RepeatVector layer.
func NewRepeatVector(n int, with ...With) *RepeatVector {
	return configure[*RepeatVector]("RepeatVector", With{"n": n}, with)
}

// Build checks the input.
func (l *RepeatVector) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 2)
}

// Call repeats. It drops masks.
func (l *RepeatVector) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, x := c.Graph, inputs[0]
	return []graph.Value{g.BroadcastTo(g.ExpandDims(x, 1), tensor.Shape{x.Dim(0), int(l.N), x.Dim(1)})}
}
