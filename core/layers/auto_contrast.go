package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// AutoContrast stretches each channel of each image so that its lowest and highest number become those of value_range, in prediction as in
// training. A channel of one number stays as it is.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py.
type AutoContrast struct {
	imageLayer
	ValueRange core.ValueRange `json:"value_range"`
}

func init() {
	register("AutoContrast", func() *AutoContrast { return &AutoContrast{imageLayer: newImageLayer(), ValueRange: bytes} })
}

// NewAutoContrast makes an AutoContrast layer.
func NewAutoContrast(with ...With) *AutoContrast {
	return configure[*AutoContrast]("AutoContrast", nil, with)
}

// Call stretches.
func (l *AutoContrast) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.images(c, inputs[0], func(_ *graph.Graph, x graph.Value) graph.Value { return l.change(c, x) })
}

// change stretches.
func (l *AutoContrast) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	low, high := g.Min(x, []int{1, 2}, true), g.Max(x, []int{1, 2}, true)
	span := g.Sub(high, low)
	some := g.Greater(span, g.Const(0))
	part := g.Div(g.Sub(x, low), g.Select(some, span, g.Const(1)))
	return g.Select(some, inRange(g, part, core.ValueRange{Low: 0, High: 1}, l.ValueRange), x)
}
