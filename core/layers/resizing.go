package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Resizing makes images another size, by weighted sums of the places around; see UpSampling2D. interpolation "area", which tf.keras alone has,
// takes means. crop_to_aspect_ratio first crops them to the aspect ratio that they are to have, pad_to_aspect_ratio fills them up with
// fill_value. antialias makes the weights reach further where images shrink.
//
// Input (batch, height, width, channels), output the same with other sizes; with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/resizing.py.
type Resizing struct {
	imageLayer
	Height            int     `json:"height" want:">0"`
	Width             int     `json:"width" want:">0"`
	Interpolation     string  `json:"interpolation" want:"bilinear|nearest|bicubic|area|lanczos3|lanczos5"`
	CropToAspectRatio bool    `json:"crop_to_aspect_ratio"`
	PadToAspectRatio  bool    `json:"pad_to_aspect_ratio" keras:"3"`
	FillMode          string  `json:"fill_mode" want:"constant" keras:"3"`
	FillValue         float64 `json:"fill_value" keras:"3"`
	Antialias         bool    `json:"antialias" keras:"3"`
}

func init() {
	register("Resizing", func() *Resizing {
		return &Resizing{imageLayer: newImageLayer(), Interpolation: "bilinear", FillMode: "constant"}
	})
}

// NewResizing makes a Resizing layer.
func NewResizing(height, width int, with ...With) *Resizing {
	return configure[*Resizing]("Resizing", With{"height": height, "width": width}, with)
}

// Build checks the settings.
func (l *Resizing) Build(b *core.Builder, inputs []tensor.Shape) error {
	if l.CropToAspectRatio && l.PadToAspectRatio {
		return core.Errorf(core.ErrLayerConfig, "pad_to_aspect_ratio", "got true with crop_to_aspect_ratio, want one of them")
	}
	if l.Height <= 0 || l.Width <= 0 {
		return core.Errorf(core.ErrLayerConfig, "height", "got %d and width %d, want > 0", l.Height, l.Width)
	}
	return l.imageLayer.Build(b, inputs)
}

// Call resizes.
func (l *Resizing) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	size := [2]int{l.Height, l.Width}
	return l.images(c, inputs[0], func(g *graph.Graph, x graph.Value) graph.Value {
		switch {
		case l.CropToAspectRatio:
			return smartResize(g, x, size, l.Interpolation, l.Antialias)
		case l.PadToAspectRatio && x.Shape().Known():
			height, width := x.Dim(1), x.Dim(2)
			x = l.pad(g, x, 1, int(float32(width*l.Height)/float32(l.Width)))
			x = l.pad(g, x, 2, int(float32(height*l.Width)/float32(l.Height)))
		}
		return resizeTo(g, x, size, l.Interpolation, l.Antialias)
	})
}

// pad puts as much before and after x along an axis as makes it size numbers long, or one less.
func (l *Resizing) pad(g *graph.Graph, x graph.Value, axis, size int) graph.Value {
	n := (size - x.Dim(axis)) / 2
	if n <= 0 {
		return x
	}
	side := g.Full(l.FillValue, x.Shape().With(axis, n))
	return g.Concat(axis, side, x, side)
}
