package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Maximum takes the largest of its inputs at each place. What the mask of an input skips is left to the others.
//
// Inputs of one shape, or of shapes that broadcast; those of lower rank get axes of size 1 after the batch. A step counts if any
// input's mask has it, as long as all inputs have masks. Source: keras/src/layers/merging/maximum.py.
type Maximum struct{ merge }

func init() { register("Maximum", func() *Maximum { return &Maximum{} }) }

// NewMaximum makes a Maximum layer.
func NewMaximum(with ...With) *Maximum { return configure[*Maximum]("Maximum", nil, with) }

// Call takes the largest.
func (l *Maximum) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.extreme(c, inputs, c.Graph.Maximum)
}
