package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Equalization spreads the numbers of each channel evenly over value_range in training: a number becomes the share of the numbers of the whole
// batch that are not above it, by a histogram of so many bins. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/equalization.py.
type Equalization struct {
	imageLayer
	ValueRange core.ValueRange `json:"value_range"`
	Bins       int             `json:"bins" want:">0"`
}

func init() {
	register("Equalization", func() *Equalization {
		return &Equalization{imageLayer: newImageLayer(), ValueRange: bytes, Bins: 256}
	})
}

// NewEqualization makes an Equalization layer.
func NewEqualization(with ...With) *Equalization {
	return configure[*Equalization]("Equalization", nil, with)
}

// maxBins bounds histograms, whose sums are products with a square matrix.
const maxBins = 1 << 12

// Build checks the settings.
func (l *Equalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if l.Bins < 1 || l.Bins > maxBins {
		return core.Errorf(core.ErrLayerConfig, "bins", "got %d, want 1 to %d", l.Bins, maxBins)
	}
	return l.imageLayer.Build(b, inputs)
}

// Call equalizes in training.
func (l *Equalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change equalizes.
func (l *Equalization) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	x = inRange(g, x, l.ValueRange, bytes)
	last := float64(l.Bins - 1)
	bin := clip(g, g.Floor(g.Div(g.Mul(x, g.Const(last)), g.Const(bytes.High))), 0, last)
	var channels []graph.Value
	for i := range x.Dim(-1) {
		index, values := channel(g, bin, i), channel(g, x, i)
		count := g.ScatterAdd(g.Full(1, index.Shape()), index, l.Bins)
		sums := running(g, count)
		first := g.Min(g.Select(g.Greater(sums, g.Const(0)), sums, g.Const(float64(index.Shape().Size()))), nil, true)
		rest := g.Sub(g.Max(sums, nil, true), first)
		one := g.Equal(rest, g.Const(0)) // all in one bin
		table := g.Round(g.Mul(g.Div(g.Maximum(g.Sub(sums, first), g.Const(0)), g.Select(one, g.Const(1), rest)), g.Const(bytes.High)))
		one = g.Reshape(one, 1, 1, 1, 1)
		channels = append(channels, g.Select(one, values, g.Gather(table, index)))
	}
	return inRange(g, g.Concat(3, channels...), bytes, l.ValueRange)
}

// running is the sum of each number along the last axis and those before it.
func running(g *graph.Graph, x graph.Value) graph.Value {
	n := x.Dim(-1)
	matrix := make([]float64, n*n)
	for i := range n {
		for j := i; j < n; j++ {
			matrix[i*n+j] = 1
		}
	}
	return g.Reshape(g.MatMul(g.Reshape(x, -1, n), g.Table(tensor.From(matrix, n, n)), false, false), x.Shape()...)
}
