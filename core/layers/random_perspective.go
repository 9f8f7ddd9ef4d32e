package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// RandomPerspective shows images from a random side in training, each with a random probability between the two numbers of factor: the corners of an
// image move, each coordinate by a random part of itself, up to half of scale, and the rest follows as in a photograph of it. What is outside of the
// image is fill_value. Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/preprocessing/image_preprocessing/random_perspective.py.
type RandomPerspective struct {
	imageLayer
	Factor        core.Range `json:"factor"`
	Scale         float64    `json:"scale" want:"0..1"`
	Interpolation string     `json:"interpolation" want:"bilinear|nearest"`
	FillValue     float64    `json:"fill_value"`
	Seed          any        `json:"seed"`
}

func init() {
	register("RandomPerspective", func() *RandomPerspective {
		return &RandomPerspective{imageLayer: newImageLayer(), Factor: core.Range{High: 1, Max: 1}, Scale: 1, Interpolation: "bilinear"}
	})
}

// NewRandomPerspective makes a RandomPerspective layer. factor is a number or two.
func NewRandomPerspective(factor any, with ...With) *RandomPerspective {
	return configure[*RandomPerspective]("RandomPerspective", With{"factor": factor}, with)
}

// Call changes the perspective in training.
func (l *RandomPerspective) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.augment(c, inputs[0], l)
}

// change changes the perspective. The corner (0, 0) stays, those beside it stay on their edges, so that of the map
//
//	(u, v) -> ((a u)/(g u + h v + 1), (e v)/(g u + h v + 1))
//
// from the unit square to the new corners (x1, 0), (0, y3), (x2, y2) only a, e, g and h are to be found (Heckbert, Fundamentals of Texture Mapping,
// 1989, 2.2.3); its inverse says where the numbers of the output come from.
func (l *RandomPerspective) change(c *core.Call, x graph.Value) graph.Value {
	g, width, height := c.Graph, float64(x.Dim(2)-1), float64(x.Dim(1)-1)
	if width < 1 || height < 1 {
		return x
	}
	corner := func(at float64) graph.Value {
		return g.Squeeze(perImage(g, x, at*(1-l.Scale/2), at*(1+l.Scale/2)), -1)
	}
	x1, x2, y2, y3 := corner(width), corner(width), corner(height), corner(height)
	down, right := g.Sub(y3, y2), g.Sub(x1, x2)
	span := g.Sub(g.Mul(right, down), g.Mul(x2, y2))
	gg, hh := g.Neg(g.Div(g.Mul(x1, down), span)), g.Neg(g.Div(g.Mul(right, y3), span))
	a, e := g.Mul(x1, g.Add(g.Const(1), gg)), g.Mul(y3, g.Add(g.Const(1), hh))
	u := g.Div(g.Reshape(counting(g, x.Dim(2)), 1, 1, x.Dim(2)), a)
	v := g.Div(g.Reshape(counting(g, x.Dim(1)), 1, x.Dim(1), 1), e)
	rest := g.Sub(g.Sub(g.Const(1), g.Mul(gg, u)), g.Mul(hh, v))
	f := fill{FillMode: "constant", Interpolation: l.Interpolation, FillValue: l.FillValue}
	seen := f.warp(g, x, g.Div(g.Mul(u, g.Const(width)), rest), g.Div(g.Mul(v, g.Const(height)), rest))
	return g.Select(chance(g, x, l.Factor.Low, l.Factor.High), seen, x)
}
