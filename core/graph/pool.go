package graph

import "github.com/gokeras/gk/core/tensor"

// This file owns pooling over windows, channels last.

// PoolAttr says which windows there are, one number per spatial axis. Places outside of the input do not count.
type PoolAttr struct{ Size, Strides, PadLo, PadHi []int }

func init() {
	define(&Op{Name: "MaxPool", infer: poolShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
		return []Value{g.one("MaxPoolGrad", n.Attr, dy[0], n.In[0], n.Value(0))}
	}})
	define(&Op{Name: "AvgPool", infer: poolShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
		return []Value{g.one("AvgPoolGrad", n.Attr, dy[0], n.In[0])}
	}})
	// Both take the input of the pooling for its shape.
	define(&Op{Name: "MaxPoolGrad", infer: secondShape})
	define(&Op{Name: "AvgPoolGrad", infer: secondShape})
}

func secondShape(n *Node) error {
	n.Out = []tensor.Shape{n.In[1].Shape()}
	return nil
}

func poolShape(n *Node) error {
	a, x := n.Attr.(PoolAttr), n.In[0].Shape()
	s := len(a.Size)
	if len(x) != s+2 {
		return n.bad("wants rank %d", s+2)
	}
	out := x.Clone()
	for i := range s {
		out[i+1] = WindowSize(x[i+1], a.Size[i], a.Strides[i], 1, a.PadLo[i], a.PadHi[i])
	}
	n.Out = []tensor.Shape{out}
	return nil
}

// MaxPool is the largest element of each window of x (batch, spatial..., channels).
func (g *Graph) MaxPool(x Value, a PoolAttr) Value { return g.one("MaxPool", a, x) }

// AvgPool is the mean of the elements of each window of x (batch, spatial..., channels) that are there.
func (g *Graph) AvgPool(x Value, a PoolAttr) Value { return g.one("AvgPool", a, x) }
