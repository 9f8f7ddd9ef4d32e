package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// GaussianDropout multiplies by normal numbers of mean 1 and standard deviation sqrt(rate/(1-rate)) in training. Otherwise it does
// nothing.
//
// Input and output of any shape. Source: keras/src/layers/regularization/gaussian_dropout.py; Srivastava et al., JMLR 15, 2014.
type GaussianDropout struct {
	core.Base
	Rate float64 `json:"rate" want:"0..<1"`
	Seed any     `json:"seed" keras:"3"`
}

func init() {
	registerUpgraded("GaussianDropout", func() *GaussianDropout { return &GaussianDropout{} }, renamed(rateName))
}

// NewGaussianDropout makes a GaussianDropout layer.
func NewGaussianDropout(rate float64, with ...With) *GaussianDropout {
	return configure[*GaussianDropout]("GaussianDropout", With{"rate": rate}, with)
}

// Build checks that there is one input.
func (l *GaussianDropout) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Call multiplies in training.
func (l *GaussianDropout) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	if !c.Training || l.Rate == 0 {
		return inputs
	}
	g, x := c.Graph, inputs[0]
	noise := g.Mul(normal(g, x.Shape()), g.Const(math.Sqrt(l.Rate/(1-l.Rate))))
	return []graph.Value{g.Mul(x, g.Add(noise, g.Const(1)))}
}
