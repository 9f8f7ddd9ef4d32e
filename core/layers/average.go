package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Average is the mean of its inputs.
//
// Inputs of one shape, or of shapes that broadcast; those of lower rank get axes of size 1 after the batch. A step counts if any
// input's mask has it, as long as all inputs have masks. Source: keras/src/layers/merging/average.py.
type Average struct{ merge }

func init() { register("Average", func() *Average { return &Average{} }) }

// NewAverage makes an Average layer.
func NewAverage(with ...With) *Average { return configure[*Average]("Average", nil, with) }

// Call takes the mean.
func (l *Average) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	xs := l.align(c, inputs)
	out := xs[0]
	for _, x := range xs[1:] {
		out = c.Graph.Add(out, x)
	}
	return []graph.Value{c.Graph.Mul(out, c.Graph.Const(1/float64(len(xs))))}
}
