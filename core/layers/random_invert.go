package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomInvert makes images negatives in training, value_range[1] - input, each with a random probability between the two numbers of factor.
// Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_invert.py.
type RandomInvert struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomInvert", func() *RandomInvert {
		return &RandomInvert{imageLayer: newImageLayer(), Factor: core.Range{High: 1, Max: 1}, ValueRange: bytes}
	})
}

// NewRandomInvert makes a RandomInvert layer. factor is a number or two.
func NewRandomInvert(factor any, with ...With) *RandomInvert {
	return configure[*RandomInvert]("RandomInvert", With{"factor": factor}, with)
}

// Call inverts in training.
func (l *RandomInvert) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change inverts.
func (l *RandomInvert) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	return g.Select(chance(g, x, l.Factor.Low, l.Factor.High), g.Sub(g.Const(l.ValueRange.High), x), x)
}
