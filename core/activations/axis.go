package activations

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the functions that work along an axis.

func init() {
	register("softmax", func() core.Activation { return &Softmax{Axis: -1} })
	register("log_softmax", func() core.Activation { return &LogSoftmax{Axis: -1} })
	register("sparsemax", func() core.Activation { return &Sparsemax{Axis: -1} })
	register("glu", func() core.Activation { return &GLU{Axis: -1} })
}

// Softmax is e^x / sum(e^x) along an axis. Along the last one it is one operation, which losses look for to take its input instead.
type Softmax struct {
	Axis int `json:"axis"`
}

// RegistryName is "softmax" along the last axis.
func (a *Softmax) RegistryName() string { return nameIf(a.Axis == -1, "softmax") }

// Apply writes the function of x.
func (a *Softmax) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return alongLast(g, "softmax", x, a.Axis, g.Softmax)
}

// LogSoftmax is x - ln(sum(e^x)) along an axis.
type LogSoftmax struct {
	Axis int `json:"axis"`
}

// RegistryName is "log_softmax" along the last axis.
func (a *LogSoftmax) RegistryName() string { return nameIf(a.Axis == -1, "log_softmax") }

// Apply writes the function of x.
func (a *LogSoftmax) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return alongLast(g, "log_softmax", x, a.Axis, g.LogSoftmax)
}

// Sparsemax is max(x - tau, 0) along an axis. With x sorted in descending order and c its running sums, the support is the places r,
// counted from 1, where x > (c - 1)/r, and
//
//	tau = (sum of c over the support - 1) / (size of the support)
//
// as Keras 3 has it. Martins and Astudillo, "From Softmax to Sparsemax", 2016, have the last c of the support in place of the sum: the
// two are the same, and the result adds up to 1, where the support is one place.
//
// It compares all pairs of numbers along the axis, so it is meant for axes of some hundred at most.
type Sparsemax struct {
	Axis int `json:"axis"`
}

// RegistryName is "sparsemax" along the last axis.
func (a *Sparsemax) RegistryName() string { return nameIf(a.Axis == -1, "sparsemax") }

// Apply writes the function of x.
func (a *Sparsemax) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return alongLast(g, "sparsemax", x, a.Axis, func(x graph.Value) graph.Value { return sparsemax(g, x) })
}

func sparsemax(g *graph.Graph, x graph.Value) graph.Value {
	if !x.Shape().Known() || !g.Fits("Sparsemax", append(x.Shape().Clone(), x.Dim(-1))) {
		return x // only the shape is asked for
	}
	// earlier[j][i] is 1 where x[i] stands at or before x[j] in descending order; equal numbers stand as they came.
	n := x.Dim(-1)
	order := make([]float32, n*n)
	for j := range n {
		for i := range j + 1 {
			order[j*n+i] = 1
		}
	}
	first := g.Table(tensor.From(order, n, n))
	xi, xj := g.ExpandDims(x, -2), g.ExpandDims(x, -1)
	earlier := g.Or(g.Greater(xi, xj), g.And(g.Equal(xi, xj), first))

	last, one := []int{-1}, g.Const(1)
	place := g.Sum(earlier, last, false)
	running := g.Sum(g.Select(earlier, xi, g.Const(0)), last, false)
	support := g.Greater(x, g.Div(g.Sub(running, one), place))
	sum := g.Sum(g.Select(support, running, g.Const(0)), last, true)
	tau := g.Div(g.Sub(sum, one), g.Sum(support, last, true))
	return g.Maximum(g.Sub(x, tau), g.Const(0))
}

// GLU halves x along an axis into a and b and is a sigmoid(b), half as long as x along that axis, whose size must be even.
// Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2017.
type GLU struct {
	Axis int `json:"axis"`
}

// RegistryName is "glu" along the last axis.
func (a *GLU) RegistryName() string { return nameIf(a.Axis == -1, "glu") }

// Apply writes the function of x.
func (a *GLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	axis, ok := resolve(g, "glu", x, a.Axis)
	if !ok || unknown(x, axis) {
		return x
	}
	n := x.Dim(axis)
	if n%2 != 0 {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "activation \"glu\"", "got size %d along axis %d, want an even one", n, a.Axis))
		return x
	}
	return g.Mul(g.Narrow(x, axis, 0, n/2), g.Sigmoid(g.Narrow(x, axis, n/2, n/2)))
}
