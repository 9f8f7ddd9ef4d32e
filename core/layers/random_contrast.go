package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// RandomContrast changes the contrast of each image in training:
//
//	output = (input - mean) f + mean, cut to value_range
//
// the mean of each channel of an image, f a random number from 1 - factor[0] to 1 + factor[1]. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_contrast.py.
type RandomContrast struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range" keras:"3"`
	Seed       any             `json:"seed"`
}

func init() {
	registerUpgraded("RandomContrast", func() *RandomContrast {
		return &RandomContrast{imageLayer: newImageLayer(), Factor: core.Range{Min: 0, Max: 1}, ValueRange: core.ValueRange{Low: 0, High: 255}}
	}, upgrades(upgradeRandomImage, func(c core.Config, from registry.Origin) error {
		if f := c["factor"]; from.Major() == 2 { // one number stood for both
			if _, ok := number(f); ok {
				c["factor"] = []any{f, f}
			}
		}
		return nil
	}))
}

// NewRandomContrast makes a RandomContrast layer. factor is a number or two.
func NewRandomContrast(factor any, with ...With) *RandomContrast {
	return configure[*RandomContrast]("RandomContrast", With{"factor": factor}, with)
}

// Call changes contrast in training.
func (l *RandomContrast) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change makes differences from the mean larger or smaller.
func (l *RandomContrast) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	mean := g.Mean(x, []int{1, 2}, true)
	f := perImage(g, x, 1-l.Factor.Low, 1+l.Factor.High)
	return clip(g, g.Add(g.Mul(g.Sub(x, mean), f), mean), l.ValueRange.Low, l.ValueRange.High)
}
