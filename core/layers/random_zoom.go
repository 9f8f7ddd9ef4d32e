package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomZoom makes each image smaller or larger around its middle in training: by a random part between the two numbers of height_factor and of
// width_factor; null there keeps the aspect ratio. Numbers above 0 show more than the image. Otherwise it does nothing. For fill_mode see
// RandomRotation.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_zoom.py.
type RandomZoom struct {
	imageLayer
	HeightFactor core.Range `json:"height_factor"`
	WidthFactor  core.Range `json:"width_factor"`
	fill
	Seed any `json:"seed"`
}

func init() {
	registerUpgraded("RandomZoom", func() *RandomZoom {
		factor := core.Range{Min: -1, Max: 1, AsGiven: true}
		return &RandomZoom{imageLayer: newImageLayer(), HeightFactor: factor, WidthFactor: factor, fill: newFill()}
	}, upgradeRandomImage)
}

// NewRandomZoom makes a RandomZoom layer. heightFactor is a number or two.
func NewRandomZoom(heightFactor any, with ...With) *RandomZoom {
	return configure[*RandomZoom]("RandomZoom", With{"height_factor": heightFactor}, with)
}

// Call zooms in training.
func (l *RandomZoom) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change makes images smaller or larger.
func (l *RandomZoom) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	factor := func(r core.Range) graph.Value { return g.Squeeze(perImage(g, x, 1+r.Low, 1+r.High), -1) }
	zy := factor(l.HeightFactor)
	zx := zy
	if !l.WidthFactor.Null() {
		zx = factor(l.WidthFactor)
	}
	offset := func(z graph.Value, size int) graph.Value {
		return g.Mul(g.Const(float64(size-1)/2), g.Sub(g.Const(1), z))
	}
	zero := g.Const(0)
	return l.affine(g, x, [6]graph.Value{zx, zero, offset(zx, x.Dim(2)), zero, zy, offset(zy, x.Dim(1))})
}
