package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomHue moves all hues of an image along the circle of colours in training, one way or the other, by a random part of half a turn between the
// two numbers of factor. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_hue.py.
type RandomHue struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomHue", func() *RandomHue { return &RandomHue{imageLayer: newImageLayer(), Factor: share, ValueRange: bytes} })
}

// NewRandomHue makes a RandomHue layer. factor is a number or two.
func NewRandomHue(factor any, with ...With) *RandomHue {
	return configure[*RandomHue]("RandomHue", With{"factor": factor}, with)
}

// Call changes hues in training.
func (l *RandomHue) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change changes hues.
func (l *RandomHue) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	unit := core.ValueRange{Low: 0, High: 1}
	hsv := rgbToHSV(g, inRange(g, x, l.ValueRange, unit))
	turn := g.Mul(eitherSign(g, x), perImage(g, x, l.Factor.Low/2, l.Factor.High/2))
	hue := g.Add(channel(g, hsv, 0), turn)
	hue = g.Sub(hue, g.Greater(hue, g.Const(1)))
	hue = g.Add(hue, g.Less(hue, g.Const(0)))
	rgb := hsvToRGB(g, g.Concat(3, hue, channel(g, hsv, 1), channel(g, hsv, 2)))
	return inRange(g, clip(g, rgb, 0, 1), unit, l.ValueRange)
}

// eitherSign is 1 or -1 for each image, as often the one as the other: (batch, 1, 1, 1).
func eitherSign(g *graph.Graph, x graph.Value) graph.Value {
	return g.Sub(g.Mul(chance(g, x, 0.5, 0.5), g.Const(2)), g.Const(1))
}
