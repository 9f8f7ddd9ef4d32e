package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RandomErasing fills a rectangle of each image in training, with a random probability between the two numbers of factor. Its height and its width are
// each the square root of a random number between the two of scale, as parts of those of the image; its place is random. It holds fill_value, a number
// or one for each channel, or without one normal numbers times value_range[1]; all cut to value_range. Otherwise the layer does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_erasing.py.
type RandomErasing struct {
	imageLayer
	Factor     core.Range      `json:"factor"`
	Scale      core.Range      `json:"scale"`
	FillValue  any             `json:"fill_value"`
	ValueRange core.ValueRange `json:"value_range"`
	Seed       any             `json:"seed"`
}

func init() {
	register("RandomErasing", func() *RandomErasing {
		return &RandomErasing{imageLayer: newImageLayer(), Factor: core.Range{High: 1, Max: 1}, Scale: core.Range{Low: 0.02, High: 0.33, Max: 1}, ValueRange: bytes}
	})
}

// NewRandomErasing makes a RandomErasing layer. factor is a number or two.
func NewRandomErasing(factor any, with ...With) *RandomErasing {
	return configure[*RandomErasing]("RandomErasing", With{"factor": factor}, with)
}

// Build checks fill_value.
func (l *RandomErasing) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := l.imageLayer.Build(b, inputs); err != nil || l.FillValue == nil {
		return err
	}
	t, err := numbers(l.FillValue)
	if err != nil {
		return core.In("fill_value", core.ErrLayerConfig, err)
	}
	if channels := inputs[0].Dim(channelAxis(l.DataFormat)); t.Shape().Rank() > 0 && !t.Shape().Equal(tensor.Shape{channels}) {
		return core.Errorf(core.ErrLayerConfig, "fill_value", "got %v, want a number or one for each of the %d channels", l.FillValue, channels)
	}
	return nil
}

// Call erases in training.
func (l *RandomErasing) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change erases.
func (l *RandomErasing) change(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	side := func() graph.Value { return g.Sqrt(perImage(g, x, l.Scale.Low, l.Scale.High)) }
	box := rectangle(g, x, side(), side())
	var with graph.Value
	if l.FillValue == nil {
		with = g.Mul(normal(g, x.Shape()), g.Const(l.ValueRange.High))
	} else if v, err := constant(g, l.FillValue); err == nil {
		with = v
	}
	with = clip(g, with, l.ValueRange.Low, l.ValueRange.High)
	return g.Select(g.And(box, chance(g, x, l.Factor.Low, l.Factor.High)), with, x)
}

// rectangle is 1 in a rectangle at a random place of each image, 0 outside: (batch, height, width, 1). Its sides are parts of those of the images, each
// (batch, 1, 1, 1).
func rectangle(g *graph.Graph, x, width, height graph.Value) graph.Value {
	along := func(axis int, part graph.Value) graph.Value {
		shape := tensor.Shape{1, 1, 1, 1}
		shape[axis] = x.Dim(axis)
		places, size := g.Reshape(counting(g, x.Dim(axis)), shape...), g.Const(float64(x.Dim(axis)))
		length := g.Mul(part, size)
		start := g.Mul(perImage(g, x, 0, 1), g.Sub(size, length))
		return g.And(g.GreaterEqual(places, start), g.Less(places, g.Add(start, length)))
	}
	return g.And(along(2, width), along(1, height))
}
