package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RandomElasticTransform distorts images in training as if they were on rubber, each with a random probability between the two numbers of factor: every
// place moves along the diagonal by a random number that is much like those of its neighbours. With a random s for the batch, between the two numbers of
// scale, they are normal numbers, times 0.05 s min(height, width), blurred with that standard deviation, times 0.1 s max(height, width). Otherwise it
// does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_elastic_transform.py,
// where the same random numbers move places across and down.
type RandomElasticTransform struct {
	imageLayer
	Factor        core.Range      `json:"factor"`
	Scale         core.Range      `json:"scale"`
	Interpolation string          `json:"interpolation" want:"bilinear|nearest"`
	FillMode      string          `json:"fill_mode" want:"reflect|wrap|constant|nearest|mirror"`
	FillValue     float64         `json:"fill_value"`
	ValueRange    core.ValueRange `json:"value_range"`
	Seed          any             `json:"seed"`
}

func init() {
	register("RandomElasticTransform", func() *RandomElasticTransform {
		to1 := core.Range{High: 1, Max: 1}
		return &RandomElasticTransform{imageLayer: newImageLayer(), Factor: to1, Scale: to1, Interpolation: "bilinear", FillMode: "reflect", ValueRange: bytes}
	})
}

// NewRandomElasticTransform makes a RandomElasticTransform layer. factor is a number or two.
func NewRandomElasticTransform(factor any, with ...With) *RandomElasticTransform {
	return configure[*RandomElasticTransform]("RandomElasticTransform", With{"factor": factor}, with)
}

// Call distorts in training.
func (l *RandomElasticTransform) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change distorts.
func (l *RandomElasticTransform) change(c *core.Call, x graph.Value) graph.Value {
	g, height, width := c.Graph, x.Dim(1), x.Dim(2)
	switch {
	case l.Factor.High == 0 || l.Scale.High == 0:
		return x
	case l.FillMode == "mirror":
		g.Fail(core.Errorf(core.ErrUnsupported, "fill_mode", "got \"mirror\", which Keras takes but cannot run; want reflect, wrap, constant or nearest"))
		return x
	}
	const blur, move = 0.05, 0.1
	scale := oneBetween(g, l.Scale.Low, l.Scale.High)
	sigma := g.Mul(scale, g.Const(blur*float64(min(height, width))))
	moves := g.Mul(normal(g, tensor.Shape{x.Dim(0), height, width, 1}), sigma)
	// Keras' kernel reaches three times the whole part of the standard deviation; this one is as large as it may become, and 0 beyond.
	reach := 3 * int(blur*l.Scale.High*float64(min(height, width)))
	places := g.Sub(counting(g, 2*reach+1), g.Const(float64(reach)))
	kernel := g.Mul(gaussian(g, 2*reach+1, sigma), g.LessEqual(g.Abs(places), g.Mul(g.Floor(sigma), g.Const(3))))
	kernel = g.Div(kernel, g.Sum(kernel, nil, true))
	for _, shape := range [][]int{{2*reach + 1, 1, 1, 1}, {1, 2*reach + 1, 1, 1}} {
		moves = depthwise(c, moves, g.Reshape(kernel, shape...), core.AllAxes(2, 1), core.AllAxes(2, 1), "same")
	}
	moves = g.Squeeze(g.Mul(moves, g.Mul(scale, g.Const(move*float64(max(height, width))))), -1)
	f := fill{FillMode: l.FillMode, Interpolation: l.Interpolation, FillValue: l.FillValue, perPlace: true}
	moved := f.warp(g, x, g.Add(moves, g.Reshape(counting(g, width), 1, 1, width)), g.Add(moves, g.Reshape(counting(g, height), 1, height, 1)))
	x = g.Select(chance(g, x, l.Factor.Low, l.Factor.High), moved, x)
	return clip(g, x, l.ValueRange.Low, l.ValueRange.High)
}
