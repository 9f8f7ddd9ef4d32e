package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomSharpness makes each image sharper or less sharp in training:
//
//	output = input + (1 - 2 f)(smooth - input), cut to value_range
//
// f a random number between the two of factor, smooth the mean of each place and its eight neighbours, the place itself five times, what is outside 0.
// Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_sharpness.py.
type RandomSharpness struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomSharpness", func() *RandomSharpness {
		return &RandomSharpness{imageLayer: newImageLayer(), Factor: share, ValueRange: bytes}
	})
}

// NewRandomSharpness makes a RandomSharpness layer. factor is a number or two.
func NewRandomSharpness(factor any, with ...With) *RandomSharpness {
	return configure[*RandomSharpness]("RandomSharpness", With{"factor": factor}, with)
}

// Call changes sharpness in training.
func (l *RandomSharpness) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change changes sharpness.
func (l *RandomSharpness) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	smooth := g.Mul(g.Add(threeSum(g, threeSum(g, x, 1), 2), g.Mul(x, g.Const(4))), g.Const(1.0/13))
	blur := g.Sub(g.Const(1), g.Mul(perImage(g, x, l.Factor.Low, l.Factor.High), g.Const(2)))
	return clip(g, g.Add(x, g.Mul(blur, g.Sub(smooth, x))), l.ValueRange.Low, l.ValueRange.High)
}

// threeSum is the sum of each number and its two neighbours along an axis.
func threeSum(g *graph.Graph, x graph.Value, axis int) graph.Value {
	n, edge := x.Dim(axis), make([]int, x.Rank())
	edge[axis] = 1
	padded := g.Pad(x, edge, edge)
	return g.Add(g.Add(g.Narrow(padded, axis, 0, n), g.Narrow(padded, axis, 2, n)), x)
}
