package layers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what the layers over images share: their settings, random numbers for each image, crops, and affine maps.

// imageLayer is the settings of all of them. Images are (batch, height, width, channels), or channels second with data_format
// "channels_first".
type imageLayer struct {
	core.Base
	DataFormat        string `json:"data_format" want:"channels_last|channels_first" keras:"3"`
	BoundingBoxFormat any    `json:"bounding_box_format" keras:"omitnull"` // of boxes beside images, which gk has not
}

func newImageLayer() imageLayer { return imageLayer{DataFormat: "channels_last"} }

// upgradeRandomImage: tf.keras told which sort of random numbers it took.
func upgradeRandomImage(c core.Config, _ registry.Origin) error {
	delete(c, "rng_type")
	return nil
}

// Build checks the input.
func (l *imageLayer) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 4)
}

// images does something to images with channels last. It drops masks.
func (l *imageLayer) images(c *core.Call, x graph.Value, f func(g *graph.Graph, x graph.Value) graph.Value) []graph.Value {
	c.DropMasks()
	return []graph.Value{fromLast(c.Graph, f(c.Graph, toLast(c.Graph, x, l.DataFormat)), l.DataFormat)}
}

// augmentation is a layer that changes images at random.
type augmentation interface {
	// change is what training does to images with channels last.
	change(c *core.Call, x graph.Value) graph.Value
}

// augment changes images in training, and does nothing otherwise.
func (l *imageLayer) augment(c *core.Call, x graph.Value, by augmentation) []graph.Value {
	c.DropMasks()
	if !c.Training {
		return []graph.Value{x}
	}
	return l.images(c, x, func(_ *graph.Graph, x graph.Value) graph.Value { return by.change(c, x) })
}

// perImage is a random number between two for each image of x: (batch, 1, 1, 1).
func perImage(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	shape := tensor.Shape{x.Dim(0), 1, 1, 1}
	if low == high {
		return g.Full(low, shape)
	}
	u := g.Random(shape)
	return g.Add(g.Const(low), g.Mul(u, g.Const(high-low)))
}

// chance is 1 for an image with a probability that is itself random, between two numbers, else 0: (batch, 1, 1, 1).
func chance(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	return g.Less(perImage(g, x, 0, 1), perImage(g, x, low, high))
}

// clip keeps numbers between two.
func clip(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	return g.Minimum(g.Maximum(x, g.Const(low)), g.Const(high))
}

// toRatio is the largest part of height x width with the aspect ratio of a size.
func toRatio(height, width int, size [2]int) (h, w int) {
	h = int(float32(width*size[0]) / float32(size[1]))
	w = int(float32(height*size[1]) / float32(size[0]))
	return max(1, min(height, h)), max(1, min(width, w))
}

// cropMiddle is the middle of images.
func cropMiddle(g *graph.Graph, x graph.Value, height, width int) graph.Value {
	x = g.Narrow(x, 1, (x.Dim(1)-height)/2, height)
	return g.Narrow(x, 2, (x.Dim(2)-width)/2, width)
}

// smartResize crops images to the aspect ratio of a size, and resizes them to it. Source: keras/src/utils/image_utils.py.
func smartResize(g *graph.Graph, x graph.Value, size [2]int, interpolation string, antialias bool) graph.Value {
	if height, width := x.Dim(1), x.Dim(2); height >= 0 && width >= 0 {
		h, w := toRatio(height, width, size)
		x = cropMiddle(g, x, h, w)
	}
	return resizeTo(g, x, size, interpolation, antialias)
}

// resizeTo makes images another size.
func resizeTo(g *graph.Graph, x graph.Value, size [2]int, interpolation string, antialias bool) graph.Value {
	for i, n := range size {
		if interpolation == "area" && x.Shape().Known() {
			x = averageAreas(g, x, i+1, n)
		} else {
			x = resize(g, x, i+1, n, interpolation, antialias)
		}
	}
	return x
}

// averageAreas makes an axis of x size numbers long, each the mean of the stretch of the axis that it stands for.
func averageAreas(g *graph.Graph, x graph.Value, axis, size int) graph.Value {
	n := x.Dim(axis)
	if !g.Fits("resize", tensor.Shape{n, size}) {
		return x
	}
	matrix, scale := make([]float64, n*size), float64(n)/float64(size)
	for i := range size {
		from, to := float64(i)*scale, float64(i+1)*scale
		for j := int(from); j < n && float64(j) < to; j++ {
			matrix[j*size+i] = (min(to, float64(j+1)) - max(from, float64(j))) / scale
		}
	}
	moved := g.MoveAxis(x, axis, -1)
	y := g.MatMul(g.Flatten(moved, -1), g.Table(tensor.From(matrix, n, size)), false, false)
	return g.MoveAxis(g.Reshape(y, moved.Shape().With(-1, size)...), -1, axis)
}

// fill says what is where an image has nothing.
type fill struct {
	FillMode      string  `json:"fill_mode" want:"reflect|wrap|constant|nearest"`
	Interpolation string  `json:"interpolation" want:"bilinear|nearest"`
	FillValue     float64 `json:"fill_value"`

	perPlace bool // the modes hold for each place that is read, by the rules of map_coordinates, and not for where between them one looks
}

func newFill() fill { return fill{FillMode: "reflect", Interpolation: "bilinear"} }

// affine takes the number at (x, y) of each image from
//
//	(a[0] x + a[1] y + a[2], a[3] x + a[4] y + a[5])
//
// of the same image, each a (batch, 1, 1) or a scalar. Source: ImageProjectiveTransformV3 of TensorFlow.
func (f *fill) affine(g *graph.Graph, images graph.Value, a [6]graph.Value) graph.Value {
	h, w := images.Dim(1), images.Dim(2)
	xs, ys := g.Reshape(counting(g, w), 1, 1, w), g.Reshape(counting(g, h), 1, h, 1)
	at := func(a, b, c graph.Value) graph.Value { return g.Add(g.Add(g.Mul(a, xs), g.Mul(b, ys)), c) }
	return f.warp(g, images, at(a[0], a[1], a[2]), at(a[3], a[4], a[5]))
}

// warp takes the numbers of each image from places x and y of the same image, which broadcast to (batch, height, width).
func (f *fill) warp(g *graph.Graph, images, x, y graph.Value) graph.Value {
	h, w := images.Dim(1), images.Dim(2)
	shape := images.Shape()[:3]
	if !f.perPlace {
		x, y = f.inside(g, x, w), f.inside(g, y, h)
	}
	x, y = g.BroadcastTo(x, shape), g.BroadcastTo(y, shape)
	// Places are counted in float32, which has all whole numbers up to 2^24.
	chunk := max(1, (1<<24)/max(1, h*w))
	var parts []graph.Value
	for from := 0; from < shape[0]; from += chunk {
		n := min(chunk, shape[0]-from)
		parts = append(parts, f.sample(g, g.Narrow(images, 0, from, n), g.Narrow(x, 0, from, n), g.Narrow(y, 0, from, n)))
	}
	if len(parts) == 0 {
		return images
	}
	return g.Concat(0, parts...)
}

// counting is 0, 1, ... n-1.
func counting(g *graph.Graph, n int) graph.Value {
	places := make([]float64, n)
	for i := range places {
		places[i] = float64(i)
	}
	return g.Table(tensor.From(places, n))
}

// inside is where a place along an axis of n numbers is looked for.
func (f *fill) inside(g *graph.Graph, at graph.Value, n int) graph.Value {
	size := g.Const(float64(n))
	last, period := g.Const(float64(n-1)), g.Const(float64(2*n))
	switch {
	case f.FillMode == "constant":
		return at
	case n <= 1:
		return g.Mul(at, g.Const(0))
	case f.FillMode == "reflect": // dcba|abcd|dcba
		rest := g.Mod(at, period)
		at = g.Select(g.GreaterEqual(rest, size), g.Sub(g.Sub(period, rest), g.Const(1)), rest)
	case f.FillMode == "wrap": // abcd|abcd|abcd, whose stretches are one shorter than their number of places
		before := g.Add(at, g.Mul(size, g.Add(g.Floor(g.Div(g.Neg(at), last)), g.Const(1))))
		after := g.Sub(at, g.Mul(size, g.Floor(g.Div(at, last))))
		at = g.Select(g.Less(at, g.Const(0)), before, g.Select(g.Greater(at, last), after, at))
	}
	return clip(g, at, 0, float64(n-1))
}

// place is the place that is read for a whole number along an axis of n numbers.
func (f *fill) place(g *graph.Graph, at graph.Value, n int) graph.Value {
	switch {
	case f.perPlace && f.FillMode == "reflect": // abcd|dcba, and before the beginning bcd
		rest := g.Mod(g.Abs(at), g.Const(float64(2*n)))
		at = g.Minimum(rest, g.Sub(g.Const(float64(2*n-1)), rest))
	case f.perPlace && f.FillMode == "wrap":
		at = g.Mod(at, g.Const(float64(n)))
	}
	return clip(g, at, 0, float64(n-1))
}

// sample reads images at places (batch, height, width).
func (f *fill) sample(g *graph.Graph, images, x, y graph.Value) graph.Value {
	n, h, w, channels := images.Dim(0), images.Dim(1), images.Dim(2), images.Dim(3)
	rows := g.Reshape(images, n*h*w, channels)
	first := g.Mul(g.Reshape(counting(g, n), n, 1, 1), g.Const(float64(h*w)))
	read := func(y, x graph.Value) graph.Value {
		iy, ix := f.place(g, y, h), f.place(g, x, w)
		v := g.Gather(rows, g.Add(first, g.Add(g.Mul(iy, g.Const(float64(w))), ix)))
		if f.FillMode != "constant" {
			return v
		}
		there := g.And(g.Equal(iy, y), g.Equal(ix, x))
		return g.Select(g.ExpandDims(there, -1), v, g.Const(f.FillValue))
	}
	if f.Interpolation == "nearest" {
		round := func(v graph.Value) graph.Value { // halves away from 0
			return g.Mul(g.Sign(v), g.Floor(g.Add(g.Abs(v), g.Const(0.5))))
		}
		return read(round(y), round(x))
	}
	x0, y0, one := g.Floor(x), g.Floor(y), g.Const(1)
	wx, wy := g.ExpandDims(g.Sub(x, x0), -1), g.ExpandDims(g.Sub(y, y0), -1)
	between := func(a, b, weight graph.Value) graph.Value {
		return g.Add(g.Mul(a, g.Sub(one, weight)), g.Mul(b, weight))
	}
	row := func(y graph.Value) graph.Value { return between(read(y, x0), read(y, g.Add(x0, one)), wx) }
	return between(row(y0), row(g.Add(y0, one)), wy)
}

// radians is a whole turn.
const radians = 2 * math.Pi
