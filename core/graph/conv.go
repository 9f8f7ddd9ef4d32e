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
	define(&Op{Name: "Conv", Doc: "convolution: y[o,f] = sum of x[o strides + t dilation - pad_lo, c] kernel[t,c,f] over t, c",
		Inputs: []string{"x", "kernel"}, Settings: ConvAttr{}, Without: []string{"Spatial"},
		infer: convShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			a, x, k := n.Attr.(ConvAttr), n.In[0], n.In[1]
			return []Value{g.ConvGradInput(dy[0], k, a, spatial(x)), g.ConvGradKernel(dy[0], x, a, k.Shape()[:len(a.Strides)])}
		}})
	// dx is linear in dy and in the kernel.
	define(&Op{Name: "ConvGradInput", Doc: "transposed convolution: x[i,c] = sum of dy[o,f] kernel[t,c,f] over all o strides + t dilation - pad_lo = i",
		Inputs: []string{"dy", "kernel"}, Outputs: []string{"x"}, Settings: ConvAttr{}, infer: func(n *Node) error {
			a, dy, k := n.Attr.(ConvAttr), n.In[0].Shape(), n.In[1].Shape()
			s := len(a.Strides)
			if len(dy) != s+2 || len(k) != s+2 || len(a.Spatial) != s {
				return n.bad("wants rank %d", s+2)
			}
			channels := tensor.Unknown
			if k[s] >= 0 {
				if product(k[s], a.Groups) > maxSize {
					return n.bad("groups: got %d", a.Groups)
				}
				channels = k[s] * a.Groups
			}
			n.Out = []tensor.Shape{append(append(tensor.Shape{dy[0]}, a.Spatial...), channels)}
			return n.checkConv(a, n.Out[0], k, dy)
		}, grad: func(g *Graph, n *Node, d []Value) []Value {
			a, dy, k := n.Attr.(ConvAttr), n.In[0], n.In[1]
			return []Value{g.Conv(d[0], k, a), g.ConvGradKernel(dy, d[0], a, k.Shape()[:len(a.Strides)])}
		}})
	define(&Op{Name: "ConvGradKernel", Doc: "correlation: kernel[t,c,f] = sum of x[o strides + t dilation - pad_lo, c] dy[o,f] over o",
		Inputs: []string{"dy", "x"}, Outputs: []string{"kernel"}, Settings: ConvAttr{}, infer: func(n *Node) error {
			a, dy, x := n.Attr.(ConvAttr), n.In[0].Shape(), n.In[1].Shape()
			s := len(a.Strides)
			if len(dy) != s+2 || len(x) != s+2 || len(a.Spatial) != s {
				return n.bad("wants rank %d", s+2)
			}
			channels := tensor.Unknown
			if x[s+1] >= 0 && a.Groups > 0 {
				channels = x[s+1] / a.Groups
			}
			n.Out = []tensor.Shape{append(append(tensor.Shape{}, a.Spatial...), channels, dy[s+1])}
			return n.checkConv(a, x, n.Out[0], dy)
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
	if err := n.checkConv(a, x, k, nil); err != nil {
		return err
	}
	out := tensor.Shape{x[0]}
	for i := range s {
		out = append(out, WindowSize(x[i+1], k[i], a.Strides[i], a.Dilation[i], a.PadLo[i], a.PadHi[i]))
	}
	n.Out = []tensor.Shape{append(out, k[s+1])}
	return nil
}

// checkConv checks the settings of a convolution with the shapes of its image, kernel and result; y is nil if it is yet to be found. All
// have the right rank.
func (n *Node) checkConv(a ConvAttr, x, k, y tensor.Shape) error {
	s := len(a.Strides)
	if err := n.checkSpatial(s); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		list []int
		low  int
	}{{"strides", a.Strides, 1}, {"dilation", a.Dilation, 1}, {"pad_lo", a.PadLo, 0}, {"pad_hi", a.PadHi, -maxMove}} {
		if err := n.checkList(c.name, c.list, s, c.low, maxMove); err != nil {
			return err
		}
	}
	for _, shape := range []tensor.Shape{x, k} {
		if err := n.checkShape("spatial", shape); err != nil {
			return err
		}
	}
	channels, filters := x[s+1], k[s+1]
	if a.Groups < 1 || a.Groups > maxMove || filters%a.Groups > 0 || channels >= 0 && (channels%a.Groups != 0 || !agree(channels/a.Groups, k[s])) {
		return n.bad("%d channels in %d groups do not fit kernel %v", channels, a.Groups, k)
	}
	if y != nil && (!agree(y[0], x[0]) || !agree(y[s+1], filters)) {
		return n.bad("a result %v does not belong to image %v and kernel %v", y, x, k)
	}
	padded, passes, whole := max(1, float64(channels)), 1.0, a.Groups == 1
	for i := range s {
		d, size := x[i+1], k[i]
		if size < 1 {
			return n.bad("got a kernel of size %d along spatial axis %d, want > 0", size, i)
		}
		if product(a.Dilation[i], size) > maxSize {
			return n.bad("dilation: got %d for a kernel of size %d", a.Dilation[i], size)
		}
		if d < 0 {
			continue
		}
		places := WindowSize(d, size, a.Strides[i], a.Dilation[i], a.PadLo[i], a.PadHi[i])
		if y != nil && !agree(y[i+1], places) {
			return n.bad("got %d places along spatial axis %d, want %d", y[i+1], i, places)
		}
		padded *= max(1, float64(d+a.PadLo[i]+max(0, a.PadHi[i])))
		passes *= max(1, float64(min(a.Strides[i], d)))
		whole = whole && size == d && places == 1 && a.PadLo[i] == 0
	}
	if padded > max(maxPadded, 4*priceOf(x[1:])) {
		return n.bad("too much padding: before %v, after %v", a.PadLo, a.PadHi)
	}
	if passes > maxPasses && !whole {
		return n.bad("strides: got %v, want a product of at most %d", a.Strides, maxPasses)
	}
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
