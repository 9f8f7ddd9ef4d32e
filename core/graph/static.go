package graph

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns finding numbers that do not depend on data: shapes that a model computes with.

// maxStatic bounds how many numbers are found that way.
const maxStatic = 1 << 12

// Static is the elements of v if they are few and depend on constants alone. A size that is Unknown while a model is described is NaN, as is
// what depends on it.
func (v Value) Static() ([]float64, bool) {
	return v.static(0, map[Value][]float64{})
}

// static is Static within a search that knows some values already: a value may be read many times, also by what is read many times itself.
func (v Value) static(depth int, known map[Value][]float64) ([]float64, bool) {
	if !v.Valid() || depth > 64 {
		return nil, false
	}
	if n := v.Shape().Size(); n < 0 || n > maxStatic {
		return nil, false
	}
	if x, ok := known[v]; ok {
		return x, x != nil
	}
	x, ok := v.found(depth, known)
	if !ok {
		x = nil
	} else if x == nil {
		x = []float64{}
	}
	known[v] = x
	return x, ok
}

// found computes v from its operands.
func (v Value) found(depth int, known map[Value][]float64) ([]float64, bool) {
	n := v.node
	if n.Op.Name == "Const" {
		return []float64{n.Attr.(ConstAttr).Value}, true
	}
	if n.Op.Name == "Table" {
		if t := n.Attr.(TableAttr).Values; t.Size() <= maxStatic {
			return t.Float64s(), true
		}
		return nil, false
	}
	in := make([][]float64, len(n.In))
	for i, x := range n.In {
		var ok bool
		if in[i], ok = x.static(depth+1, known); !ok {
			return nil, false
		}
	}
	f, isBinary := staticBinary[n.Op.Name]
	one, isUnary := staticUnary[n.Op.Name]
	switch {
	case isUnary:
		out := make([]float64, len(in[0]))
		for i, x := range in[0] {
			out[i] = one(x)
		}
		return out, true
	case isBinary:
		return elementwise(n, in, f)
	case n.Op.Name == "Reshape", n.Op.Name == "StopGradient":
		return in[0], true
	case n.Op.Name == "select" && len(in) == 3:
		out := make([]float64, n.Out[0].Size())
		for _, x := range in {
			if len(x) != len(out) && len(x) != 1 {
				return nil, false
			}
		}
		for i := range out {
			c, x, y := in[0][min(i, len(in[0])-1)], in[1][min(i, len(in[1])-1)], in[2][min(i, len(in[2])-1)]
			if out[i] = y; c != 0 {
				out[i] = x
			}
			if math.IsNaN(c) {
				out[i] = c
			}
		}
		return out, true
	case n.Op.Name == "BroadcastTo":
		return elementwise(n, [][]float64{in[0], {0}}, func(a, _ float64) float64 { return a })
	case n.Op.Name == "Concat" && len(n.Out[0]) == 1:
		var out []float64
		for _, x := range in {
			out = append(out, x...)
		}
		return out, true
	case n.Op.Name == "Slice" && len(n.Out[0]) == 1:
		a := n.Attr.(RangeAttr)
		out := make([]float64, n.Out[0][0])
		for i := range out {
			out[i] = in[0][a.Start[0]+i*a.Step[0]]
		}
		return out, true
	case n.Op.Name == "Prod" || n.Op.Name == "Sum":
		if n.Out[0].Size() != 1 {
			return nil, false
		}
		sum, prod := 0.0, 1.0
		for _, x := range in[0] {
			sum, prod = sum+x, prod*x
		}
		if n.Op.Name == "Sum" {
			return []float64{sum}, true
		}
		return []float64{prod}, true
	}
	return nil, false
}

var staticUnary = map[string]func(x float64) float64{
	"floor": math.Floor, "ceil": math.Ceil, "round": math.RoundToEven, "abs": math.Abs, "sqrt": math.Sqrt, "exp": math.Exp, "log": math.Log,
	"neg": func(x float64) float64 { return -x }, "square": func(x float64) float64 { return x * x },
	"rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) }, "reciprocal": func(x float64) float64 { return 1 / x },
	"sign": func(x float64) float64 { return truth(x, 0, x > 0) - truth(x, 0, x < 0) },
	"not":  func(x float64) float64 { return truth(x, 0, x == 0) },
}

var staticBinary = map[string]func(a, b float64) float64{
	"add": func(a, b float64) float64 { return a + b }, "sub": func(a, b float64) float64 { return a - b },
	"mul": func(a, b float64) float64 { return a * b }, "div": func(a, b float64) float64 { return a / b },
	"floor_div": func(a, b float64) float64 { return math.Floor(a / b) }, "maximum": math.Max, "minimum": math.Min,
	"mod": func(a, b float64) float64 { return a - b*math.Floor(a/b) }, "pow": math.Pow,
	"equal":         func(a, b float64) float64 { return truth(a, b, a == b) },
	"not_equal":     func(a, b float64) float64 { return truth(a, b, a != b) },
	"less":          func(a, b float64) float64 { return truth(a, b, a < b) },
	"less_equal":    func(a, b float64) float64 { return truth(a, b, a <= b) },
	"greater":       func(a, b float64) float64 { return truth(a, b, a > b) },
	"greater_equal": func(a, b float64) float64 { return truth(a, b, a >= b) },
}

// truth is 1 or 0, or NaN where an operand is unknown.
func truth(a, b float64, yes bool) float64 {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return math.NaN()
	case yes:
		return 1
	}
	return 0
}

// elementwise computes an operation of two vectors, or a vector and a scalar.
func elementwise(n *Node, in [][]float64, f func(a, b float64) float64) ([]float64, bool) {
	size := n.Out[0].Size()
	if len(in) != 2 || size < 0 || size > maxStatic {
		return nil, false
	}
	for _, x := range in {
		if len(x) != size && len(x) != 1 {
			return nil, false
		}
	}
	out := make([]float64, size)
	for i := range out {
		out[i] = f(in[0][min(i, len(in[0])-1)], in[1][min(i, len(in[1])-1)])
	}
	return out, true
}

// ShapeOf is the shape of x as a vector of numbers, NaN where it is Unknown.
func (g *Graph) ShapeOf(x Value) Value {
	sizes := make([]float64, x.Rank())
	for i, d := range x.Shape() {
		if sizes[i] = float64(d); d < 0 {
			sizes[i] = math.NaN()
		}
	}
	return g.Table(tensor.From(sizes, len(sizes)))
}
