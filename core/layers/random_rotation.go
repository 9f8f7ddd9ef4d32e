package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomRotation turns each image around its middle in training, by a random part of a whole turn between the two numbers of factor. Otherwise
// it does nothing. fill_mode says what is where the image has nothing: "reflect" dcba|abcd|dcba, "wrap" abcd|abcd|abcd, "nearest"
// aaaa|abcd|dddd, or "constant", fill_value.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_rotation.py.
type RandomRotation struct {
	imageLayer
	Factor core.Range `json:"factor"`
	fill
	Seed any `json:"seed"`
}

func init() {
	registerUpgraded("RandomRotation", func() *RandomRotation {
		return &RandomRotation{imageLayer: newImageLayer(), Factor: core.Range{Min: -1, Max: 1}, fill: newFill()}
	}, upgradeRandomImage)
}

// NewRandomRotation makes a RandomRotation layer. factor is a number or two.
func NewRandomRotation(factor any, with ...With) *RandomRotation {
	return configure[*RandomRotation]("RandomRotation", With{"factor": factor}, with)
}

// Call rotates in training.
func (l *RandomRotation) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change turns images.
func (l *RandomRotation) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	angle := g.Squeeze(perImage(g, x, l.Factor.Low*radians, l.Factor.High*radians), -1)
	cos, sin := g.Cos(angle), g.Sin(angle)
	cx, cy := g.Const(float64(x.Dim(2)-1)/2), g.Const(float64(x.Dim(1)-1)/2)
	return l.affine(g, x, [6]graph.Value{
		cos, g.Neg(sin), g.Add(g.Sub(cx, g.Mul(cx, cos)), g.Mul(cy, sin)),
		sin, cos, g.Sub(g.Sub(cy, g.Mul(cx, sin)), g.Mul(cy, cos)),
	})
}
