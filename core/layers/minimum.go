package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Minimum takes the smallest of its inputs at each place. What the mask of an input skips is left to the others.
//
// Inputs of one shape, or of shapes that broadcast; those of lower rank get axes of size 1 after the batch. A step counts if any
// input's mask has it, as long as all inputs have masks. Source: keras/src/layers/merging/minimum.py.
type Minimum struct{ merge }

func init() { register("Minimum", func() *Minimum { return &Minimum{} }) }

// NewMinimum makes a Minimum layer.
func NewMinimum(with ...With) *Minimum { return configure[*Minimum]("Minimum", nil, with) }

// Call takes the smallest.
func (l *Minimum) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.extreme(c, inputs, c.Graph.Minimum)
}
