package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Multiply multiplies its inputs. What the mask of an input skips counts as 1, what all masks skip becomes 0.
//
// Inputs of one shape, or of shapes that broadcast; those of lower rank get axes of size 1 after the batch. A step counts if any
// input's mask has it, as long as all inputs have masks. Source: keras/src/layers/merging/multiply.py.
type Multiply struct{ merge }

func init() { register("Multiply", func() *Multiply { return &Multiply{} }) }

// NewMultiply makes a Multiply layer.
func NewMultiply(with ...With) *Multiply { return configure[*Multiply]("Multiply", nil, with) }

// Call multiplies.
func (l *Multiply) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	var out, anyMask graph.Value
	for i, x := range l.align(c, inputs) {
		if m := c.Mask(i); m.Valid() && !l.older {
			m = g.ExpandDims(m, -1)
			x = g.Select(m, x, g.Const(1))
			if anyMask.Valid() {
				m = g.Or(anyMask, m)
			}
			anyMask = m
		}
		if out.Valid() {
			x = g.Mul(out, x)
		}
		out = x
	}
	if anyMask.Valid() && l.allMasked(c, inputs) {
		out = g.Select(anyMask, out, g.Const(0))
	}
	return []graph.Value{out}
}
