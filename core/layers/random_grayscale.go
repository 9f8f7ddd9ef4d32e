package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomGrayscale makes images grey in training, each with the probability factor; they keep their three channels. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_grayscale.py.
type RandomGrayscale struct {
	imageLayer
	Factor float64 `json:"factor" want:"0..1"`
	Seed   any     `json:"seed" keras:"omitnull"` // which Keras takes but does not write
}

func init() {
	register("RandomGrayscale", func() *RandomGrayscale { return &RandomGrayscale{imageLayer: newImageLayer(), Factor: 0.5} })
}

// NewRandomGrayscale makes a RandomGrayscale layer.
func NewRandomGrayscale(factor float64, with ...With) *RandomGrayscale {
	return configure[*RandomGrayscale]("RandomGrayscale", With{"factor": factor}, with)
}

// Call makes images grey in training.
func (l *RandomGrayscale) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change makes images grey.
func (l *RandomGrayscale) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	return g.Select(chance(g, x, l.Factor, l.Factor), grayscale(g, x), x)
}
