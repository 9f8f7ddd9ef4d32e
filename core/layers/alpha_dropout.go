package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// AlphaDropout sets each element to the lowest value of selu with probability rate in training, and scales and shifts the result so
// that inputs of mean 0 and variance 1 keep both. Otherwise it does nothing.
//
// Input and output of any shape. noise_shape makes elements share their fate along axes where it has 1. Source:
// keras/src/layers/regularization/alpha_dropout.py; Klambauer et al., NeurIPS 2017.
type AlphaDropout struct {
	core.Base
	Rate       float64      `json:"rate" want:"0..<1"`
	Seed       any          `json:"seed" keras:"3"`
	NoiseShape tensor.Shape `json:"noise_shape"`
}

func init() { register("AlphaDropout", func() *AlphaDropout { return &AlphaDropout{} }) }

// NewAlphaDropout makes an AlphaDropout layer.
func NewAlphaDropout(rate float64, with ...With) *AlphaDropout {
	return configure[*AlphaDropout]("AlphaDropout", With{"rate": rate}, with)
}

// Build checks the noise shape.
func (l *AlphaDropout) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	return wantNoiseShape(l.NoiseShape, inputs[0])
}

// Call drops elements in training.
func (l *AlphaDropout) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	if !c.Training || l.Rate == 0 {
		return inputs
	}
	// -scale*alpha of selu, which it comes to for large negative numbers.
	const lowest = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
	g, x := c.Graph, inputs[0]
	a := 1 / math.Sqrt((1-l.Rate)*(1+l.Rate*lowest*lowest))
	b := -a * lowest * l.Rate
	keep := g.GreaterEqual(g.Random(noiseShape(x, l.NoiseShape)), g.Const(l.Rate))
	return []graph.Value{g.Add(g.Mul(g.Select(keep, x, g.Const(lowest)), g.Const(a)), g.Const(b))}
}
