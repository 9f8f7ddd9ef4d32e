package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomFlip turns half of the images around in training: "horizontal" swaps left and right, "vertical" top and bottom, and
// "horizontal_and_vertical" both at once, or before Keras 3 each by itself. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_flip.py.
type RandomFlip struct {
	imageLayer
	Mode string `json:"mode" want:"horizontal|vertical|horizontal_and_vertical"`
	Seed any    `json:"seed"`

	older bool
}

func init() {
	registerUpgraded("RandomFlip", func() *RandomFlip { return &RandomFlip{imageLayer: newImageLayer(), Mode: "horizontal_and_vertical"} }, upgradeRandomImage)
}

// NewRandomFlip makes a RandomFlip layer.
func NewRandomFlip(mode string, with ...With) *RandomFlip {
	return configure[*RandomFlip]("RandomFlip", With{"mode": mode}, with)
}

// SetKeras tells which Keras the layer is of.
func (l *RandomFlip) SetKeras(major int) { l.older = major == 2 }

// Call flips in training.
func (l *RandomFlip) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change turns images around.
func (l *RandomFlip) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	flip := chance(g, x, 0.5, 0.5)
	if l.Mode != "vertical" {
		x = g.Select(flip, g.Reverse(x, 2), x)
	}
	if l.Mode == "horizontal_and_vertical" && l.older {
		flip = chance(g, x, 0.5, 0.5)
	}
	if l.Mode != "horizontal" {
		x = g.Select(flip, g.Reverse(x, 1), x)
	}
	return x
}
