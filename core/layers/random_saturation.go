package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomSaturation changes how strong the colours of images are in training: it multiplies the saturation of each by f/(1-f) with a random f between
// the two numbers of factor, so that 0.5 changes nothing, 0 gives grey and 1 colours as strong as there are. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_saturation.py.
type RandomSaturation struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomSaturation", func() *RandomSaturation {
		return &RandomSaturation{imageLayer: newImageLayer(), Factor: signed, ValueRange: bytes}
	})
}

// signed is a range of numbers from -1 to 1, at first 0 to 0.
var signed = core.Range{Min: -1, Max: 1}

// NewRandomSaturation makes a RandomSaturation layer. factor is a number or two.
func NewRandomSaturation(factor any, with ...With) *RandomSaturation {
	return configure[*RandomSaturation]("RandomSaturation", With{"factor": factor}, with)
}

// Call changes saturation in training.
func (l *RandomSaturation) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change changes saturation. Keras cuts it to the range of the images, whatever that is.
func (l *RandomSaturation) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	f := perImage(g, x, l.Factor.Low, l.Factor.High)
	f = g.Div(f, g.Add(g.Sub(g.Const(1), f), g.Const(1e-7)))
	hsv := rgbToHSV(g, x)
	s := clip(g, g.Mul(channel(g, hsv, 1), f), l.ValueRange.Low, l.ValueRange.High)
	return hsvToRGB(g, g.Concat(3, channel(g, hsv, 0), s, channel(g, hsv, 2)))
}
