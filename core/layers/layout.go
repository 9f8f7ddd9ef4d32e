package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what layers over images and sequences share: where channels are, and how far windows reach over the edge.

const channelsFirst = "channels_first" // of data_format; anything else is "channels_last"

// What padding "same" is in a file of Theano, for overhang.
const (
	sameOfTheano     = "same of Theano"
	samePoolOfTheano = "same of Theano's pooling"
)

// channelAxis is where data_format puts channels.
func channelAxis(format string) int {
	if format == channelsFirst {
		return 1
	}
	return -1
}

// toLast moves the channels of x to the end, where operations want them.
func toLast(g *graph.Graph, x graph.Value, format string) graph.Value {
	if format == channelsFirst {
		return g.MoveAxis(x, 1, -1)
	}
	return x
}

// fromLast moves channels from the end to where data_format puts them.
func fromLast(g *graph.Graph, y graph.Value, format string) graph.Value {
	if format == channelsFirst {
		return g.MoveAxis(y, -1, 1)
	}
	return y
}

// spatialAxes are the axes of an input that are neither batch nor channels.
func spatialAxes(rank int, format string) []int {
	axes := make([]int, rank-2)
	for i := range axes {
		axes[i] = i + 1
		if format == channelsFirst {
			axes[i]++
		}
	}
	return axes
}

// overhang is how far the windows that move over the spatial axes of x, channels last, reach over its edges. size, strides and dilation
// hold one number per spatial axis.
//
//	valid   not at all
//	same    so far that there is a window for each stride; an odd number is more at the end
//	causal  at the beginning, so far that no window sees what comes after its own step
//
// In files of Theano same means that as many windows begin at other places: those of convolutions half a window before the edge, those of
// pooling one or two places after the first that would touch it.
//
// Source: the padding of TensorFlow's convolutions; conv2d and pool2d of keras/backend/theano_backend.py, Keras 1.2.2.
func overhang(c *core.Call, x graph.Value, size, strides, dilation []int, padding string) (lo, hi []int) {
	lo, hi = make([]int, len(size)), make([]int, len(size))
	for i := range size {
		n, reach := x.Dim(i+1), dilation[i]*(size[i]-1)
		switch {
		case padding == "causal":
			lo[i] = reach
		case (padding == sameOfTheano || padding == samePoolOfTheano) && n > 0:
			switch lo[i] = (reach + 1) / 2; {
			case padding == samePoolOfTheano && size[i] > 2 && size[i]%2 == 1:
				lo[i] = size[i] - 2
			case padding == samePoolOfTheano:
				lo[i] = size[i] - 1
			}
			hi[i] = max(0, (n-1)/strides[i]*strides[i]+reach+1-n-lo[i])
		case padding == "same" && n > 0:
			total := max(0, (n-1)/strides[i]*strides[i]+reach+1-n)
			lo[i], hi[i] = total/2, total-total/2
		case padding == "valid" && n != tensor.Unknown && n <= reach:
			c.Graph.Fail(core.Errorf(core.ErrShapeMismatch, "input", "got %d along spatial axis %d, want at least %d", n, i+1, reach+1))
		}
	}
	return lo, hi
}
