package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomShear shears each image in training: place (x, y) of the output is place (x + a y, y + b x) of the input, with a random a between the two
// numbers of x_factor and b of y_factor, both with the same random sign. Otherwise it does nothing. For fill_mode see RandomRotation.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_shear.py; it refuses
// negative numbers but writes them into configs.
type RandomShear struct {
	imageLayer
	XFactor core.Range `json:"x_factor"`
	YFactor core.Range `json:"y_factor"`
	fill
	Seed any `json:"seed"`
}

func init() {
	register("RandomShear", func() *RandomShear {
		return &RandomShear{imageLayer: newImageLayer(), XFactor: signed, YFactor: signed, fill: newFill()}
	})
}

// NewRandomShear makes a RandomShear layer. Factors are a number or two.
func NewRandomShear(xFactor, yFactor any, with ...With) *RandomShear {
	return configure[*RandomShear]("RandomShear", With{"x_factor": xFactor, "y_factor": yFactor}, with)
}

// Call shears in training.
func (l *RandomShear) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change shears.
func (l *RandomShear) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	sign := eitherSign(g, x)
	factor := func(r core.Range) graph.Value { return g.Squeeze(g.Mul(sign, perImage(g, x, r.Low, r.High)), -1) }
	zero, one := g.Const(0), g.Const(1)
	return l.affine(g, x, [6]graph.Value{one, factor(l.XFactor), zero, factor(l.YFactor), one, zero})
}
