package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Subtract is its first input less its second.
//
// Inputs of one shape, or of shapes that broadcast; one of lower rank gets axes of size 1 after the batch. A step counts if any input's
// mask has it, as long as both have masks. Source: keras/src/layers/merging/subtract.py.
type Subtract struct{ merge }

func init() { register("Subtract", func() *Subtract { return &Subtract{} }) }

// NewSubtract makes a Subtract layer.
func NewSubtract(with ...With) *Subtract { return configure[*Subtract]("Subtract", nil, with) }

// Build checks that there are two inputs that go together.
func (l *Subtract) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 2, 0); err != nil {
		return err
	}
	return l.merge.Build(b, inputs)
}

// Call subtracts.
func (l *Subtract) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	xs := l.align(c, inputs)
	return []graph.Value{c.Graph.Sub(xs[0], xs[1])}
}
