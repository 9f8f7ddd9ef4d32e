package graph

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns normalisation by statistics of the data.

// NormAttr is what is added to the variance.
type NormAttr struct{ Epsilon float64 }

func init() {
	define(&Op{Name: "BatchNorm", Doc: "y = (x - mean)/sqrt(variance + epsilon) gamma + beta, over all axes but the last",
		Inputs:  []string{"x", "gamma?", "beta?"},
		Outputs: []string{"y", "mean", "variance"}, Settings: NormAttr{}, infer: func(n *Node) error {
			x := n.In[0].Shape()
			if len(x) < 2 {
				return n.bad("wants rank 2 or more")
			}
			c := x[len(x)-1:]
			return n.normShape(x, c, c)
		}, grad: normGrad("BatchNormGrad")})
	define(&Op{Name: "LayerNorm", Doc: "y = (x - mean)/sqrt(variance + epsilon) gamma + beta, over each row of a matrix",
		Inputs:   []string{"x", "gamma?", "beta?"},
		Settings: NormAttr{}, infer: func(n *Node) error {
			x := n.In[0].Shape()
			if len(x) != 2 {
				return n.bad("wants a matrix")
			}
			return n.normShape(x, x[1:], x[:1])
		}, grad: normGrad("LayerNormGrad")})
	grads := func(n *Node) error {
		x := n.In[1].Shape()
		n.Out = []tensor.Shape{x, x[len(x)-1:], x[len(x)-1:]}
		return nil
	}
	define(&Op{Name: "BatchNormGrad", infer: grads})
	define(&Op{Name: "LayerNormGrad", infer: grads})
}

// normShape sets the shapes of y, mean, variance (batch normalisation alone) and rstd, and checks gamma and beta.
func (n *Node) normShape(x, params, stats tensor.Shape) error {
	if e := n.Attr.(NormAttr).Epsilon; !(e >= 0) || math.IsInf(e, 1) {
		return n.bad("epsilon: got %v, want a number of at least 0", e)
	}
	for _, v := range n.In[1:] {
		if v.Valid() && !params.Matches(v.Shape()) && !v.Shape().Matches(params) {
			return n.bad("parameters want shape %v", params)
		}
	}
	n.Out = []tensor.Shape{x, stats, stats, stats}
	if n.Op.Name == "LayerNorm" {
		n.Out = []tensor.Shape{x, stats, stats}
	}
	return nil
}

func normGrad(op string) func(g *Graph, n *Node, dy []Value) []Value {
	return func(g *Graph, n *Node, dy []Value) []Value {
		if !dy[0].Valid() {
			return make([]Value, len(n.In))
		}
		gamma := n.In[1]
		d := g.add(op, n.Attr, dy[0], n.In[0], n.Value(1), n.Value(len(n.Out)-1), gamma)
		out := []Value{d.Value(0), {}, {}}
		if gamma.Valid() {
			out[1] = d.Value(1)
		}
		if n.In[2].Valid() {
			out[2] = d.Value(2)
		}
		return out
	}
}

// BatchNorm normalises x (..., channels) with the mean and variance of each channel over all other axes: y = (x - mean)/sqrt(variance +
// epsilon) gamma + beta. gamma and beta, of shape (channels), may be "none". The variance is the biased one. No gradient flows through
// mean and variance as results.
func (g *Graph) BatchNorm(x, gamma, beta Value, epsilon float64) (y, mean, variance Value) {
	n := g.add("BatchNorm", NormAttr{epsilon}, x, gamma, beta)
	return n.Value(0), n.Value(1), n.Value(2)
}

// LayerNorm normalises each row of a matrix with its own mean and variance, then multiplies by gamma and adds beta, one number per
// column, either of which may be "none".
func (g *Graph) LayerNorm(x, gamma, beta Value, epsilon float64) Value {
	return g.add("LayerNorm", NormAttr{epsilon}, x, gamma, beta).Value(0)
}
