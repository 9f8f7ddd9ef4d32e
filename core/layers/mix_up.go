package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns MixUp and how a batch is mixed: with itself in another order, by weights of Beta's and Dirichlet's distributions.

// MixUp mixes each image with another one of the batch in training: output = w input + (1-w) other, w from the distribution Beta(alpha, alpha).
// Otherwise it does nothing. Labels, which Keras mixes likewise where they come in a dictionary with the images, stay as they are.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/mix_up.py; Zhang et al., ICLR 2018.
type MixUp struct {
	imageLayer
	Alpha float64 `json:"alpha" want:">0"`
	Seed  any     `json:"seed"`
}

func init() {
	register("MixUp", func() *MixUp { return &MixUp{imageLayer: newImageLayer(), Alpha: 0.2} })
}

// NewMixUp makes a MixUp layer.
func NewMixUp(with ...With) *MixUp { return configure[*MixUp]("MixUp", nil, with) }

// Call mixes in training.
func (l *MixUp) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change mixes.
func (l *MixUp) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	w := beta(g, tensor.Shape{x.Dim(0), 1, 1, 1}, g.Const(l.Alpha))
	other := shuffled(g, x)
	return g.Add(other, g.Mul(w, g.Sub(x, other)))
}

// shuffled is a batch in a random order.
func shuffled(g *graph.Graph, x graph.Value) graph.Value {
	return g.Gather(x, orders(g, g.Random(tensor.Shape{x.Dim(0)}), false))
}

// beta is random numbers of the distribution Beta(alpha, alpha): x/(x+y) for two of Gamma(alpha).
func beta(g *graph.Graph, shape tensor.Shape, alpha graph.Value) graph.Value {
	return g.Sigmoid(g.Sub(logGamma(g, shape, alpha), logGamma(g, shape, alpha)))
}

// logGamma is the logarithm of random numbers of the distribution Gamma(alpha), which may be too small to be numbers themselves: those of
// Gamma(alpha+1) by rejection, times u^(1/alpha) (Marsaglia and Tsang, 2000). More than 95 of 100 are taken at once, so that of the last of ten rounds
// nobody hears.
func logGamma(g *graph.Graph, shape tensor.Shape, alpha graph.Value) graph.Value {
	one := g.Const(1)
	logOf := func() graph.Value { return g.Log1p(g.Neg(g.Random(shape))) } // of a uniform number above 0
	d := g.Add(alpha, g.Const(2.0/3))
	spread := g.Rsqrt(g.Mul(d, g.Const(9)))
	y := g.BroadcastTo(g.Log(d), shape)
	for range 10 {
		x := normal(g, shape)
		v := g.Add(one, g.Mul(x, spread))
		some := g.Greater(v, g.Const(0))
		logV := g.Mul(g.Log(g.Select(some, v, one)), g.Const(3))
		most := g.Add(g.Mul(g.Square(x), g.Const(0.5)), g.Mul(d, g.Add(g.Sub(one, g.Exp(logV)), logV)))
		y = g.Select(g.And(some, g.Less(logOf(), most)), g.Add(g.Log(d), logV), y)
	}
	return g.Add(y, g.Div(logOf(), alpha))
}
