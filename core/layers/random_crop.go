package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RandomCrop is a part of images, in training at a random place, which is the same for all images of a batch. Images that are not larger in
// both directions are resized. Otherwise it does nothing in Keras 3; before, it resized the middle of images of the same aspect ratio.
//
// Input (batch, height, width, channels), output the same with other sizes; with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_crop.py.
type RandomCrop struct {
	imageLayer
	Height int `json:"height" want:">0"`
	Width  int `json:"width" want:">0"`
	Seed   any `json:"seed"`

	older bool
}

func init() {
	registerUpgraded("RandomCrop", func() *RandomCrop { return &RandomCrop{imageLayer: newImageLayer(), Height: 1, Width: 1} }, upgradeRandomImage)
}

// NewRandomCrop makes a RandomCrop layer.
func NewRandomCrop(height, width int, with ...With) *RandomCrop {
	return configure[*RandomCrop]("RandomCrop", With{"height": height, "width": width}, with)
}

// SetKeras tells which Keras the layer is of.
func (l *RandomCrop) SetKeras(major int) { l.older = major == 2 }

// Call crops.
func (l *RandomCrop) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	size := [2]int{l.Height, l.Width}
	return l.images(c, inputs[0], func(g *graph.Graph, x graph.Value) graph.Value {
		height, width := x.Dim(1), x.Dim(2)
		switch {
		case !x.Shape().Known():
			return resizeTo(g, x, size, "bilinear", false)
		case c.Training && (height > l.Height && width > l.Width || l.older && height >= l.Height && width >= l.Width):
			return l.part(g, l.part(g, x, 1, l.Height), 2, l.Width)
		case l.older:
			return smartResize(g, x, size, "bilinear", false)
		case c.Training:
			h, w := toRatio(height, width, size)
			top, left := (height-h)/2, (width-w)/2
			x = g.Narrow(x, 1, top, min(l.Height, height-top))
			x = g.Narrow(x, 2, left, min(l.Width, width-left))
			return resizeTo(g, x, size, "bilinear", false)
		}
		return x
	})
}

// part is size numbers of x along an axis, from a random place on.
func (l *RandomCrop) part(g *graph.Graph, x graph.Value, axis, size int) graph.Value {
	first := g.Floor(g.Mul(g.Random(tensor.Shape{1}), g.Const(float64(x.Dim(axis)-size+1))))
	return g.MoveAxis(g.Gather(g.MoveAxis(x, axis, 0), g.Add(first, counting(g, size))), 0, axis)
}
