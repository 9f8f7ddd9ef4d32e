package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomTranslation moves each image in training, down and to the right, by a random part of its height and width between the two numbers of
// height_factor and of width_factor. Otherwise it does nothing. For fill_mode see RandomRotation.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_translation.py.
type RandomTranslation struct {
	imageLayer
	HeightFactor core.Range `json:"height_factor"`
	WidthFactor  core.Range `json:"width_factor"`
	fill
	Seed any `json:"seed"`
}

func init() {
	registerUpgraded("RandomTranslation", func() *RandomTranslation {
		factor := core.Range{Min: -1, Max: 1, AsGiven: true}
		return &RandomTranslation{imageLayer: newImageLayer(), HeightFactor: factor, WidthFactor: factor, fill: newFill()}
	}, upgradeRandomImage)
}

// NewRandomTranslation makes a RandomTranslation layer. Factors are a number or two.
func NewRandomTranslation(heightFactor, widthFactor any, with ...With) *RandomTranslation {
	return configure[*RandomTranslation]("RandomTranslation", With{"height_factor": heightFactor, "width_factor": widthFactor}, with)
}

// Call moves images in training.
func (l *RandomTranslation) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change moves images.
func (l *RandomTranslation) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	shift := func(r core.Range, size int) graph.Value {
		return g.Squeeze(perImage(g, x, -r.Low*float64(size), -r.High*float64(size)), -1)
	}
	dy := shift(l.HeightFactor, x.Dim(1))
	dx := shift(l.WidthFactor, x.Dim(2))
	zero, one := g.Const(0), g.Const(1)
	return l.affine(g, x, [6]graph.Value{one, zero, dx, zero, one, dy})
}
