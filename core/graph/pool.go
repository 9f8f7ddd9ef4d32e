package graph

import "github.com/gokeras/gk/core/tensor"

// This file owns pooling over windows, channels last.

// PoolAttr says which windows there are, one number per spatial axis. Places outside of the input do not count.
type PoolAttr struct{ Size, Strides, PadLo, PadHi []int }

func init() {
	define(&Op{Name: "MaxPool", Doc: "y = the largest element of each window of x", Inputs: []string{"x"}, Settings: PoolAttr{},
		infer: poolShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{g.one("MaxPoolGrad", n.Attr, dy[0], n.In[0], n.Value(0))}
		}})
	define(&Op{Name: "AvgPool", Doc: "y = the mean of the elements of each window that lie in x", Inputs: []string{"x"}, Settings: PoolAttr{},
		infer: poolShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
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
	if err := n.checkSpatial(s); err != nil {
		return err
	}
	if len(x) != s+2 {
		return n.bad("wants rank %d", s+2)
	}
	for _, c := range []struct {
		name     string
		list     []int
		low, top int
	}{{"size", a.Size, 1, maxMove}, {"strides", a.Strides, 1, maxMove}, {"pad_lo", a.PadLo, 0, maxMove}, {"pad_hi", a.PadHi, 0, maxMove}} {
		if err := n.checkList(c.name, c.list, s, c.low, c.top); err != nil {
			return err
		}
	}
	if product(a.Size...) > maxSize {
		return n.bad("size: got %v, want a window of at most %d elements", a.Size, int64(maxSize))
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
