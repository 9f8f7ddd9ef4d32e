package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// CenterCrop is the middle of images. Images that are too small are cropped to the aspect ratio of height and width, and enlarged.
//
// Input (batch, height, width, channels), output the same with other sizes; with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/center_crop.py.
type CenterCrop struct {
	imageLayer
	Height int `json:"height" want:">0"`
	Width  int `json:"width" want:">0"`
}

func init() {
	register("CenterCrop", func() *CenterCrop { return &CenterCrop{imageLayer: newImageLayer(), Height: 1, Width: 1} })
}

// NewCenterCrop makes a CenterCrop layer.
func NewCenterCrop(height, width int, with ...With) *CenterCrop {
	return configure[*CenterCrop]("CenterCrop", With{"height": height, "width": width}, with)
}

// Call crops.
func (l *CenterCrop) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.images(c, inputs[0], func(g *graph.Graph, x graph.Value) graph.Value {
		if x.Shape().Known() && x.Dim(1) >= l.Height && x.Dim(2) >= l.Width {
			return cropMiddle(g, x, l.Height, l.Width)
		}
		return smartResize(g, x, [2]int{l.Height, l.Width}, "bilinear", false)
	})
}
