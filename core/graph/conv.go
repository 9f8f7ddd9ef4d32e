package graph

import (
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns convolution and its two gradients, which are each other's: three operations that need no others for their gradients.
// Layouts are Keras' channels_last ones: x (batch, spatial..., channels), kernel (spatial..., channels/groups, filters).

// ConvAttr says how a convolution moves over its input, one number per spatial axis.
type ConvAttr struct {
	Strides, Dilation, PadLo, PadHi []int
	Groups                          int
	Spatial                         []int // of the result, for the gradients: the input's or the kernel's spatial sizes
}

func init() {
	define(&Op{Name: "Conv", infer: convShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
		a, x, k := n.Attr.(ConvAttr), n.In[0], n.In[1]
		return []Value{g.ConvGradInput(dy[0], k, a, spatial(x)), g.ConvGradKernel(dy[0], x, a, k.Shape()[:len(a.Strides)])}
	}})
	// dx is linear in dy and in the kernel.
	define(&Op{Name: "ConvGradInput", infer: func(n *Node) error {
		a, dy, k := n.Attr.(ConvAttr), n.In[0].Shape(), n.In[1].Shape()
		s := len(a.Strides)
		if len(dy) != s+2 || len(k) != s+2 || len(a.Spatial) != s {
			return n.bad("wants rank %d", s+2)
		}
		if dy[s+1] >= 0 && dy[s+1] != k[s+1] {
			return n.bad("%d channels do not fit a kernel of %d filters", dy[s+1], k[s+1])
		}
		out := append(tensor.Shape{dy[0]}, a.Spatial...)
		n.Out = []tensor.Shape{append(out, k[s]*a.Groups)}
		return nil
	}, grad: func(g *Graph, n *Node, d []Value) []Value {
		a, dy, k := n.Attr.(ConvAttr), n.In[0], n.In[1]
		return []Value{g.Conv(d[0], k, a), g.ConvGradKernel(dy, d[0], a, k.Shape()[:len(a.Strides)])}
	}})
	define(&Op{Name: "ConvGradKernel", infer: func(n *Node) error {
		a, dy, x := n.Attr.(ConvAttr), n.In[0].Shape(), n.In[1].Shape()
		s := len(a.Strides)
		if len(dy) != s+2 || len(x) != s+2 || len(a.Spatial) != s {
			return n.bad("wants rank %d", s+2)
		}
		n.Out = []tensor.Shape{append(append(tensor.Shape{}, a.Spatial...), x[s+1]/a.Groups, dy[s+1])}
		return nil
	}, grad: func(g *Graph, n *Node, d []Value) []Value {
		a, dy, x := n.Attr.(ConvAttr), n.In[0], n.In[1]
		return []Value{g.Conv(x, d[0], a), g.ConvGradInput(dy, d[0], a, spatial(x))}
	}})
}

func spatial(x Value) []int { return x.Shape()[1 : x.Rank()-1] }

// WindowSize is the number of places along one axis of a window of size numbers, dilation apart, that moves by stride over n numbers
// with lo and hi more before and after; at least 0, and Unknown if n is.
func WindowSize(n, size, stride, dilation, lo, hi int) int {
	if n < 0 {
		return tensor.Unknown
	}
	return max(0, (n+lo+hi-dilation*(size-1)-1+stride)/stride)
}

func convShape(n *Node) error {
	a, x, k := n.Attr.(ConvAttr), n.In[0].Shape(), n.In[1].Shape()
	s := len(a.Strides)
	if len(x) != s+2 || len(k) != s+2 {
		return n.bad("wants rank %d", s+2)
	}
	if c := x[s+1]; c >= 0 && c != k[s]*a.Groups || k[s+1]%a.Groups != 0 {
		return n.bad("%d channels in %d groups do not fit kernel %v", c, a.Groups, k)
	}
	out := tensor.Shape{x[0]}
	for i := range s {
		out = append(out, WindowSize(x[i+1], k[i], a.Strides[i], a.Dilation[i], a.PadLo[i], a.PadHi[i]))
	}
	n.Out = []tensor.Shape{append(out, k[s+1])}
	return nil
}

// Conv is the convolution (cross-correlation, as everywhere in deep learning) of x with a kernel, zeros around x as a says.
func (g *Graph) Conv(x, kernel Value, a ConvAttr) Value {
	a.Spatial = nil
	return g.one("Conv", a, x, kernel)
}

// ConvGradInput is the gradient of a Conv with respect to its input, of the given spatial sizes; it is also the transposed convolution
// of dy.
func (g *Graph) ConvGradInput(dy, kernel Value, a ConvAttr, spatial []int) Value {
	a.Spatial = slices.Clone(spatial)
	return g.one("ConvGradInput", a, dy, kernel)
}

// ConvGradKernel is the gradient of a Conv with respect to its kernel, of the given spatial sizes.
func (g *Graph) ConvGradKernel(dy, x Value, a ConvAttr, spatial []int) Value {
	a.Spatial = slices.Clone(spatial)
	return g.one("ConvGradKernel", a, dy, x)
}
