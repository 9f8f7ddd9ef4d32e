package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns colours: the range of the numbers of images, grey, hue and saturation. Images have their channels last, red first.

// bytes is the range that most changes of colours are defined on.
var bytes = core.ValueRange{Low: 0, High: 255}

// inRange maps numbers of one range to those of another.
func inRange(g *graph.Graph, x graph.Value, from, to core.ValueRange) graph.Value {
	if from == to {
		return x
	}
	part := g.Div(g.Sub(x, g.Const(from.Low)), g.Const(from.Width()))
	return g.Add(g.Mul(part, g.Const(to.Width())), g.Const(to.Low))
}

// colours reports whether images have three channels; if not, the graph fails.
func colours(g *graph.Graph, x graph.Value) bool {
	if x.Dim(-1) != 3 {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "images", "got shape %v, want 3 channels", x.Shape()))
	}
	return x.Dim(-1) == 3
}

// grayscale is how bright colours are, in one channel.
func grayscale(g *graph.Graph, x graph.Value) graph.Value {
	if x.Dim(-1) == 1 || !colours(g, x) {
		return x
	}
	return g.Sum(g.Mul(x, g.Table(tensor.From([]float64{0.2989, 0.5870, 0.1140}))), []int{-1}, true)
}

// channel is one of the channels of x.
func channel(g *graph.Graph, x graph.Value, i int) graph.Value { return g.Narrow(x, -1, i, 1) }

// rgbToHSV gives hue, saturation and value of colours, all from 0 to 1. Hue is 0 where there is none.
func rgbToHSV(g *graph.Graph, x graph.Value) graph.Value {
	if !colours(g, x) {
		return x
	}
	r, gr, b := channel(g, x, 0), channel(g, x, 1), channel(g, x, 2)
	v := g.Max(x, []int{-1}, true)
	span := g.Sub(v, g.Min(x, []int{-1}, true))
	some := g.Greater(span, g.Const(0))
	norm := g.Div(g.Const(1.0/6), g.Select(some, span, g.Const(1)))
	hue := g.Select(g.Equal(r, v), g.Mul(norm, g.Sub(gr, b)),
		g.Select(g.Equal(gr, v), g.Add(g.Mul(norm, g.Sub(b, r)), g.Const(2.0/6)), g.Add(g.Mul(norm, g.Sub(r, gr)), g.Const(4.0/6))))
	hue = g.Select(some, hue, g.Const(0))
	hue = g.Select(g.Less(hue, g.Const(0)), g.Add(hue, g.Const(1)), hue)
	s := g.Select(g.Greater(v, g.Const(0)), g.Div(span, g.Select(g.Greater(v, g.Const(0)), v, g.Const(1))), g.Const(0))
	return g.Concat(x.Rank()-1, hue, s, v)
}

// hsvToRGB is the way back.
func hsvToRGB(g *graph.Graph, x graph.Value) graph.Value {
	if !colours(g, x) {
		return x
	}
	h, s, v := scaled(g, channel(g, x, 0), 6), channel(g, x, 1), channel(g, x, 2)
	away := func(from float64) graph.Value { return g.Abs(g.Sub(h, g.Const(from))) }
	parts := []graph.Value{
		clip(g, g.Sub(away(3), g.Const(1)), 0, 1), clip(g, g.Sub(g.Const(2), away(2)), 0, 1), clip(g, g.Sub(g.Const(2), away(4)), 0, 1),
	}
	for i, p := range parts {
		parts[i] = g.Mul(v, g.Add(g.Sub(g.Const(1), s), g.Mul(s, p)))
	}
	return g.Concat(x.Rank()-1, parts...)
}
