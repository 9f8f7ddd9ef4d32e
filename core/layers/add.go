package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Add adds its inputs.
//
// Inputs of one shape, or of shapes that broadcast; those of lower rank get axes of size 1 after the batch. A step counts if any
// input's mask has it, as long as all inputs have masks. Source: keras/src/layers/merging/add.py.
type Add struct{ merge }

func init() { register("Add", func() *Add { return &Add{} }) }

// NewAdd makes an Add layer.
func NewAdd(with ...With) *Add { return configure[*Add]("Add", nil, with) }

// Call adds.
func (l *Add) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	xs := l.align(c, inputs)
	out := xs[0]
	for _, x := range xs[1:] {
		out = c.Graph.Add(out, x)
	}
	return []graph.Value{out}
}
