package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Dot is the scalar products of its two inputs along an axis of each, for each sample:
//
//	output[b, i..., j...] = sum over k of first[b, i..., k, i...] second[b, j..., k, j...]
//
// axes is one number for both inputs, or one for each; not the batch. With normalize the vectors are divided by their length first.
// Inputs (batch, ...), output (batch, what is left of the first, what is left of the second), (batch, 1) if nothing is. Source:
// keras/src/layers/merging/dot.py.
type Dot struct {
	core.Base
	Axes      core.Axes `json:"axes"`
	Normalize bool      `json:"normalize"`
}

func init() { register("Dot", func() *Dot { return &Dot{Axes: core.OneAxis(-1)} }) }

// NewDot makes a Dot layer. axes is an int, or a list of two.
func NewDot(axes any, with ...With) *Dot {
	return configure[*Dot]("Dot", With{"axes": axes}, with)
}

// axesOf are the axes of the two inputs, counted from 0.
func (l *Dot) axesOf(inputs []tensor.Shape) (first, second int, err error) {
	axes := l.Axes.List
	if len(axes) == 1 {
		axes = []int{axes[0], axes[0]}
	}
	if len(axes) != 2 {
		return 0, 0, core.Errorf(core.ErrLayerConfig, "axes", "got %v, want one axis or one for each input", axes)
	}
	for i, s := range inputs {
		a := axes[i]
		if a < 0 {
			a += len(s)
		}
		if a < 1 || a >= len(s) {
			return 0, 0, core.Errorf(core.ErrLayerConfig, "axes", "got %d for an input of shape %v, want one of its axes but the batch", axes[i], s)
		}
		first, second = second, a
	}
	return first, second, nil
}

// Build checks the inputs.
func (l *Dot) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 2, 0); err != nil {
		return err
	}
	a, b, err := l.axesOf(inputs)
	if err != nil {
		return err
	}
	if x, y := inputs[0][a], inputs[1][b]; x >= 0 && y >= 0 && x != y {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shapes %v and %v, want the same size along axes %d and %d", inputs[0], inputs[1], a, b)
	}
	return nil
}

// Call multiplies. It drops masks.
func (l *Dot) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, x, y := c.Graph, inputs[0], inputs[1]
	a, b, err := l.axesOf([]tensor.Shape{x.Shape(), y.Shape()})
	if err != nil {
		g.Fail(err)
		return inputs[:1]
	}
	if l.Normalize {
		x, y = unit(g, x, []int{a}, 1e-7), unit(g, y, []int{b}, 1e-7)
	}
	return []graph.Value{dotted(g, x, y, a, b)}
}

// dotted is the scalar products of x along axis a and y along axis b, for each sample.
func dotted(g *graph.Graph, x, y graph.Value, a, b int) graph.Value {
	x, y = g.MoveAxis(x, a, -1), g.MoveAxis(y, b, 1)
	shape := slices.Concat(x.Shape()[:x.Rank()-1], y.Shape()[2:])
	if len(shape) == 1 {
		shape = append(shape, 1)
	}
	x = g.Reshape(x, x.Dim(0), x.Shape()[1:x.Rank()-1].Size(), x.Dim(-1))
	y = g.Reshape(y, y.Dim(0), y.Dim(1), y.Shape()[2:].Size())
	return g.Reshape(g.MatMul(x, y, false, false), shape...)
}
