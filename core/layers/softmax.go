package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Softmax is e^input / sum(e^input), the sum along one axis or several.
//
// Input and output of any shape. What a mask, which must broadcast to the input, skips becomes 0 and does not count. It also serves as
// an activation of another layer. Source: keras/src/layers/activations/softmax.py.
type Softmax struct {
	core.Base
	Axis core.Axes `json:"axis"`
}

func init() { register("Softmax", func() *Softmax { return &Softmax{Axis: core.OneAxis(-1)} }) }

// NewSoftmax makes a Softmax layer.
func NewSoftmax(with ...With) *Softmax { return configure[*Softmax]("Softmax", nil, with) }

// Build checks the axes.
func (l *Softmax) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	_, err := core.Resolve(l.Axis.List, len(inputs[0]))
	return err
}

// Apply is the function as an activation.
func (l *Softmax) Apply(g *graph.Graph, x graph.Value) graph.Value {
	axes, err := core.Resolve(l.Axis.List, x.Rank())
	if err != nil {
		g.Fail(err)
		return x
	}
	if len(axes) == 1 && axes[0] == x.Rank()-1 {
		return g.Softmax(x)
	}
	rows, back := asRows(g, x, axes)
	return back(g.Softmax(rows))
}

// Call applies the function.
func (l *Softmax) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x, mask := c.Graph, inputs[0], c.Mask(0)
	if !mask.Valid() {
		return []graph.Value{l.Apply(g, x)}
	}
	// So low a number leaves nothing of it, and keeps rows that are skipped as a whole from being 0/0.
	y := l.Apply(g, g.Select(mask, x, g.Const(-1e9)))
	return []graph.Value{g.Select(mask, y, g.Const(0))}
}
