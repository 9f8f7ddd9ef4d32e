package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RandomPosterization keeps the first bits of the numbers of images in training, which it takes for bytes: as many as factor says, or for each image a
// random whole number of them, from factor[0] to below factor[1]. Otherwise it does nothing. One number as a factor stands for 1 and that number.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_posterization.py.
type RandomPosterization struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomPosterization", func() *RandomPosterization {
		return &RandomPosterization{imageLayer: newImageLayer(), Factor: core.Range{Low: 1, High: 8, Min: 1, Max: 8}, ValueRange: bytes}
	})
}

// NewRandomPosterization makes a RandomPosterization layer. factor is a number or two.
func NewRandomPosterization(factor any, with ...With) *RandomPosterization {
	return configure[*RandomPosterization]("RandomPosterization", With{"factor": factor}, with)
}

// Build checks the factor.
func (l *RandomPosterization) Build(b *core.Builder, inputs []tensor.Shape) error {
	for _, v := range []float64{l.Factor.Low, l.Factor.High} {
		if v != math.Trunc(v) {
			return core.Errorf(core.ErrLayerConfig, "factor", "got %v, want whole numbers", v)
		}
	}
	return l.imageLayer.Build(b, inputs)
}

// Call posterizes in training.
func (l *RandomPosterization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change posterizes.
func (l *RandomPosterization) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	x = g.Floor(inRange(g, x, l.ValueRange, bytes))
	bits := g.Floor(perImage(g, x, l.Factor.Low, l.Factor.High))
	step := g.Pow(g.Const(2), g.Sub(g.Const(8), bits))
	return inRange(g, g.Mul(g.Floor(g.Div(x, step)), step), bytes, l.ValueRange)
}
