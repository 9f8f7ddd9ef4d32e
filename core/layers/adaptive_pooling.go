package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the adaptive pooling layers have in common.

// adaptivePooling makes an output of a size whatever that of the input is: output i of o comes from the inputs floor(i n/o) up to but not
// ceil((i+1) n/o) of n, along each spatial axis.
type adaptivePooling struct {
	core.Base
	OutputSize core.PerAxis `json:"output_size" want:">0"`
	DataFormat string       `json:"data_format" want:"channels_last|channels_first"`
}

func newAdaptivePooling(rank int) adaptivePooling {
	return adaptivePooling{OutputSize: core.AllAxes(rank, 0), DataFormat: "channels_last"}
}

// Build checks the input.
func (l *adaptivePooling) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if l.OutputSize[0] == 0 {
		return core.Errorf(core.ErrLayerConfig, "output_size", "got none, want a number > 0")
	}
	return core.WantInputs(inputs, 1, len(l.OutputSize)+2)
}

// pool reduces one axis after the other, which for boxes is the same as all at once.
func (l *adaptivePooling) pool(c *core.Call, x graph.Value, along func(g *graph.Graph, x graph.Value, axis, size int) graph.Value) []graph.Value {
	g := c.Graph
	c.DropMasks()
	for i, axis := range spatialAxes(x.Rank(), l.DataFormat) {
		size := l.OutputSize[i]
		switch x.Dim(axis) {
		case size:
		case tensor.Unknown: // the shape alone is asked for
			x = g.Repeat(g.Max(x, []int{axis}, true), axis, size)
		case 0:
			g.Fail(core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want at least one place along axis %d", x.Shape(), axis))
			return nil
		default:
			x = along(g, x, axis, size)
		}
	}
	return []graph.Value{x}
}

// window is what output i of size sees of n inputs.
func window(i, size, n int) (first, end int) { return i * n / size, ((i+1)*n + size - 1) / size }

// adaptiveAverage takes means.
type adaptiveAverage struct{ adaptivePooling }

// Call pools by a product with a matrix that has the means.
func (l *adaptiveAverage) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.pool(c, inputs[0], func(g *graph.Graph, x graph.Value, axis, size int) graph.Value {
		n := x.Dim(axis)
		means := make([]float64, n*size)
		for i := range size {
			first, end := window(i, size, n)
			for j := first; j < end; j++ {
				means[j*size+i] = 1 / float64(end-first)
			}
		}
		last := g.MoveAxis(x, axis, -1)
		y := g.MatMul(g.Flatten(last, -1), g.Table(tensor.From(means, n, size)), false, false)
		return g.MoveAxis(g.Reshape(y, last.Shape().With(-1, size)...), -1, axis)
	})
}

// adaptiveMax takes maxima.
type adaptiveMax struct{ adaptivePooling }

// Call pools window by window.
func (l *adaptiveMax) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.pool(c, inputs[0], func(g *graph.Graph, x graph.Value, axis, size int) graph.Value {
		places := make([]graph.Value, size)
		for i := range places {
			first, end := window(i, size, x.Dim(axis))
			places[i] = g.Max(g.Narrow(x, axis, first, end-first), []int{axis}, true)
		}
		return g.Concat(axis, places...)
	})
}
