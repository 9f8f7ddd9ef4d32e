package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomColorDegeneration takes colour away from images in training:
//
//	output = input + f (grey - input), cut to value_range
//
// with a random f for each, between the two numbers of factor. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_color_degeneration.py.
type RandomColorDegeneration struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomColorDegeneration", func() *RandomColorDegeneration {
		return &RandomColorDegeneration{imageLayer: newImageLayer(), Factor: signed, ValueRange: bytes}
	})
}

// NewRandomColorDegeneration makes a RandomColorDegeneration layer. factor is a number or two.
func NewRandomColorDegeneration(factor any, with ...With) *RandomColorDegeneration {
	return configure[*RandomColorDegeneration]("RandomColorDegeneration", With{"factor": factor}, with)
}

// Call takes colour away in training.
func (l *RandomColorDegeneration) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change takes colour away.
func (l *RandomColorDegeneration) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	grey := g.Mul(perImage(g, x, l.Factor.Low, l.Factor.High), g.Sub(grayscale(g, x), x))
	return clip(g, g.Add(x, grey), l.ValueRange.Low, l.ValueRange.High)
}
