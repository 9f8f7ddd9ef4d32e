// Rational is a plugin for gk: activations whose shape is trained.
package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// Rational is an activation that is a quotient of polynomials, which are trained:
//
//	y = (p0 + p1 x + ... + p5 x^5)/(1 + |q1 x + ... + q4 x^4|)
//
// It starts as a function that is known to do well, see Start. Any shape of x. Source: Molina, Schramowski and Kersting, "Padé Activation
// Units", 2020.
type Rational struct {
	core.Base
	Start string `json:"start"` // one of starts

	p, q *core.Weight
}

// starts are coefficients fitted to functions on [-3, 3], with the largest differences there 0.034, 0.0009, 3.4e-6, 4.6e-9 and 1.2e-6.
var starts = map[string][2][]float32{
	"leaky_relu": {{0.033583, 0.505, 1.651315, 2.004516, 0.927936, 0.151537}, {0, 3.969339, 0, 0.300074}},
	"gelu":       {{-0.000425, 0.5, 0.402702, 0.073833, -0.012834, -0.003719}, {0, 0.147666, 0, -0.007438}},
	"tanh":       {{0, 0.999994, 0, 0.107698, 0, 0.000871}, {0, -0.441003, 0, -0.014577}},
	"sigmoid":    {{0.5, 0.25, 0.055442, 0.006888, 0.000485, 0.000016}, {0, 0.110885, 0, 0.00097}},
	"swish":      {{0, 0.5, 0.249997, 0.053264, 0.005802, 0.000275}, {0, 0.106529, 0, 0.00055}},
}

// coefficients are the first values of a weight.
type coefficients struct {
	Values []float64 `json:"values"`
}

// Fill copies them.
func (c *coefficients) Fill(dst []float32, _ tensor.Shape, _ core.Rand) {
	for i := range dst {
		dst[i] = float32(c.Values[i])
	}
}

// CheckShape wants a place for each.
func (c *coefficients) CheckShape(s tensor.Shape) error {
	if s.Size() != len(c.Values) {
		return core.Errorf(core.ErrShapeMismatch, "values", "got %d, want %d for shape %v", len(c.Values), s.Size(), s)
	}
	return nil
}

// Build declares the coefficients.
func (l *Rational) Build(b *core.Builder, _ []tensor.Shape) error {
	start, ok := starts[l.Start]
	if !ok {
		return core.Errorf(core.ErrLayerConfig, "start", "got %q, want one of %s", l.Start, strings.Join(slices.Sorted(maps.Keys(starts)), ", "))
	}
	weight := func(name string, v []float32) *core.Weight {
		c := &coefficients{}
		for _, x := range v {
			c.Values = append(c.Values, float64(x))
		}
		return b.Weight(core.WeightSpec{Name: name, Shape: tensor.Shape{len(v)}, Initializer: c})
	}
	l.p, l.q = weight("numerator", start[0]), weight("denominator", start[1])
	return nil
}

// Call writes the formula, by Horner's rule.
func (l *Rational) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	polynomial := func(w *core.Weight, first int) graph.Value {
		v := c.Read(w)
		at := func(i int) graph.Value { return g.Reshape(g.Narrow(v, 0, i, 1)) }
		y := at(v.Dim(0) - 1)
		for i := v.Dim(0) - 2; i >= 0; i-- {
			y = g.Add(g.Mul(y, x), at(i))
		}
		if first > 0 {
			y = g.Mul(y, x)
		}
		return y
	}
	return []graph.Value{g.Div(polynomial(l.p, 0), g.Add(g.Const(1), g.Abs(polynomial(l.q, 1))))}
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: "Rational", Package: "rational", About: "A quotient of polynomials, which are trained.",
		New: func() core.Layer { return &Rational{Start: "leaky_relu"} }})
	registry.Default.Initializers.MustAdd(registry.Entry[core.Initializer]{Name: "Coefficients", Package: "rational", About: "Numbers as they are given.",
		New: func() core.Initializer { return &coefficients{} }})
}

var config = plugins.Config{Name: "rational", Version: "1.0.0", About: "Activations whose shape is trained (Padé activation units, 2020).",
	Examples: []plugins.Example{
		{Class: "rational>Rational", Config: core.Config{"start": "gelu"}, Inputs: [][]int{{4, 8}}},
		{Class: "rational>Coefficients", Config: core.Config{"values": []any{1.0, 2.0, 3.0}}, Inputs: [][]int{{3}}},
	}}

func main() { plugins.Serve(config) }
