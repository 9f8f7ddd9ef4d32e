package graph

import (
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns reductions. One operation reduces axes that follow each other; reductions over others are several operations.

// ReduceAttr says which axes a reduction takes together: First up to but not including End. They stay as axes of size 1.
type ReduceAttr struct{ First, End int }

func init() {
	reduction("Sum", "y = the sum over the axes first to end-1, which stay with size 1", func(g *Graph, n *Node, dy Value) Value {
		return g.BroadcastTo(dy, n.In[0].Shape())
	})
	reduction("Mean", "y = the mean over the axes first to end-1, which stay with size 1", func(g *Graph, n *Node, dy Value) Value {
		count := n.In[0].Shape().Size() / max(1, n.Out[0].Size())
		return g.BroadcastTo(g.Mul(dy, g.Const(1/float64(max(1, count)))), n.In[0].Shape())
	})
	// Elements that share the extreme share the gradient, as in TensorFlow.
	extreme := func(g *Graph, n *Node, dy Value) Value {
		a := n.Attr.(ReduceAttr)
		hit := g.Equal(n.In[0], n.Value(0))
		return g.Mul(hit, g.Div(dy, g.one("Sum", a, hit)))
	}
	reduction("Max", "y = the largest element, NaN if one is, over the axes first to end-1, which stay with size 1", extreme)
	reduction("Min", "y = the smallest element, NaN if one is, over the axes first to end-1, which stay with size 1", extreme)
	// With one zero among them, only that zero has a gradient: the product of the others.
	reduction("Prod", "y = the product over the axes first to end-1, which stay with size 1", func(g *Graph, n *Node, dy Value) Value {
		a, x := n.Attr.(ReduceAttr), n.In[0]
		zero := g.Equal(x, g.Const(0))
		safe := g.Select(zero, g.Const(1), x)
		others := g.Mul(g.one("Prod", a, safe), g.Equal(g.one("Sum", a, zero), g.Const(1)))
		return g.Mul(dy, g.Select(zero, others, g.Div(n.Value(0), safe)))
	})
	reduction("ArgMax", "y = the index of the first largest element over the axes first to end-1, which stay with size 1", nil)
	reduction("ArgMin", "y = the index of the first smallest element over the axes first to end-1, which stay with size 1", nil)
}

func reduction(name, doc string, grad func(g *Graph, n *Node, dy Value) Value) {
	o := &Op{Name: name, Doc: doc, Inputs: []string{"x"}, Settings: ReduceAttr{}, infer: func(n *Node) error {
		a, out := n.Attr.(ReduceAttr), n.In[0].Shape().Clone()
		if a.First < 0 || a.End > len(out) || a.First >= a.End {
			return n.bad("no axes %d to %d", a.First, a.End-1)
		}
		for i := a.First; i < a.End; i++ {
			out[i] = 1
		}
		n.Out = []tensor.Shape{out}
		return nil
	}}
	if grad != nil {
		o.grad = func(g *Graph, n *Node, dy []Value) []Value { return []Value{grad(g, n, dy[0])} }
	}
	define(o)
}

// reduce takes axes together; no axes at all means all of them.
func (g *Graph) reduce(op string, x Value, axes []int, keep bool) Value {
	rank := x.Rank()
	in := make([]bool, rank)
	for _, a := range axes {
		if a < 0 {
			a += rank
		}
		if a < 0 || a >= rank {
			g.Fail(&ShapeError{Op: op, Inputs: []tensor.Shape{x.Shape()}, Reason: "no such axis"})
			return x
		}
		in[a] = true
	}
	if axes == nil {
		for i := range in {
			in[i] = true
		}
	}
	for end := rank; end > 0; end-- {
		if !in[end-1] {
			continue
		}
		first := end - 1
		for first > 0 && in[first-1] {
			first--
		}
		x = g.one(op, ReduceAttr{first, end}, x)
		end = first + 1
	}
	if keep || g.err != nil {
		return x
	}
	out := slices.Clone(x.Shape())
	for i := rank - 1; i >= 0; i-- {
		if in[i] {
			out = slices.Delete(out, i, i+1)
		}
	}
	return g.Reshape(x, out...)
}

// Sum adds up along axes, all of them if axes is nil; with keep they stay with size 1. So it is for the other reductions.
func (g *Graph) Sum(x Value, axes []int, keep bool) Value { return g.reduce("Sum", x, axes, keep) }

// Mean is the arithmetic mean along axes.
func (g *Graph) Mean(x Value, axes []int, keep bool) Value { return g.reduce("Mean", x, axes, keep) }

// Max is the largest element along axes, NaN if one is.
func (g *Graph) Max(x Value, axes []int, keep bool) Value { return g.reduce("Max", x, axes, keep) }

// Min is the smallest element along axes, NaN if one is.
func (g *Graph) Min(x Value, axes []int, keep bool) Value { return g.reduce("Min", x, axes, keep) }

// Prod is the product along axes.
func (g *Graph) Prod(x Value, axes []int, keep bool) Value { return g.reduce("Prod", x, axes, keep) }

// ArgMax is the index of the first largest element along an axis, which it drops.
func (g *Graph) ArgMax(x Value, axis int) Value { return g.reduce("ArgMax", x, []int{axis}, false) }

// ArgMin is the index of the first smallest element along an axis, which it drops.
func (g *Graph) ArgMin(x Value, axis int) Value { return g.reduce("ArgMin", x, []int{axis}, false) }
