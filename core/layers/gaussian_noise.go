package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// GaussianNoise adds normal numbers of mean 0 and the given standard deviation in training. Otherwise it does nothing.
//
// Input and output of any shape. Source: keras/src/layers/regularization/gaussian_noise.py.
type GaussianNoise struct {
	core.Base
	Stddev float64 `json:"stddev" want:">=0"`
	Seed   any     `json:"seed" keras:"3"`
}

func init() {
	registerUpgraded("GaussianNoise", func() *GaussianNoise { return &GaussianNoise{} }, renamed(map[string]string{"sigma": "stddev"}))
}

// NewGaussianNoise makes a GaussianNoise layer.
func NewGaussianNoise(stddev float64, with ...With) *GaussianNoise {
	return configure[*GaussianNoise]("GaussianNoise", With{"stddev": stddev}, with)
}

// Build checks that there is one input.
func (l *GaussianNoise) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Call adds noise in training.
func (l *GaussianNoise) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	if !c.Training || l.Stddev == 0 {
		return inputs
	}
	g, x := c.Graph, inputs[0]
	return []graph.Value{g.Add(x, g.Mul(normal(g, x.Shape()), g.Const(l.Stddev)))}
}

// normal is a tensor of normal numbers of mean 0 and variance 1, other ones in every run: sqrt(-2 ln u) cos(2 pi v) for uniform u and v
// (Box and Muller, 1958).
func normal(g *graph.Graph, shape tensor.Shape) graph.Value {
	u, v := g.Random(shape), g.Random(shape)
	// u may be 0 but not 1: ln(1-u) is always finite.
	radius := g.Sqrt(g.Mul(g.Const(-2), g.Log1p(g.Neg(u))))
	return g.Mul(radius, g.Cos(g.Mul(v, g.Const(2*math.Pi))))
}
