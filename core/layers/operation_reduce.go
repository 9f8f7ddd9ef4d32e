package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns operations that make one number of several along axes, and those that run along an axis. Source: keras/src/ops/numpy.py,
// math.py and nn.py.

var negativeInfinity = math.Inf(-1)

type reduction = func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value

func init() {
	const axes = "(axis=None, keepdims=False)(x)"
	reduce := func(f reduction) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x := a.tensor("x")
			return f(a.g, x, a.allAxes("axis", x.Rank()), a.flag("keepdims"))
		})
	}
	anyOf := func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
		return g.Max(g.NotEqual(x, g.Const(0)), axes, keep)
	}
	allOf := func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
		return g.Min(g.NotEqual(x, g.Const(0)), axes, keep)
	}
	count := func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
		return g.Sum(g.NotEqual(x, g.Const(0)), axes, keep)
	}
	spread := func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
		return g.Sub(g.Max(x, axes, keep), g.Min(x, axes, keep))
	}
	std := func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
		return g.Sqrt(variance(g, x, axes, keep))
	}
	for class, f := range map[string]reduction{
		"Mean": (*graph.Graph).Mean, "Sum": (*graph.Graph).Sum, "Var": variance, "Std": std, "Any": anyOf, "All": allOf, "Ptp": spread,
		"Amax": (*graph.Graph).Max, "Amin": (*graph.Graph).Min,
	} {
		operation("numpy", class+axes, reduce(f))
	}
	operation("math", "Logsumexp"+axes, reduce(logSumExp))
	operation("numpy", "CountNonzero(axis=None)(x)", reduce(count))
	operation("numpy", "Prod(axis=None, keepdims=False, dtype=None)(x)", reduce((*graph.Graph).Prod))
	extreme := func(f reduction, with binaryFormula) func(a *arguments) []graph.Value {
		r := reduce(f)
		return func(a *arguments) []graph.Value {
			y := r(a)
			if a.has("initial") {
				y[0] = with(a.g, y[0], a.tensor("initial"))
			}
			return y
		}
	}
	operation("numpy", "Max(axis=None, keepdims=False, initial=None)(x)", extreme((*graph.Graph).Max, (*graph.Graph).Maximum))
	operation("numpy", "Min(axis=None, keepdims=False, initial=None)(x)", extreme((*graph.Graph).Min, (*graph.Graph).Minimum))

	// Those that pass over what is not a number; where there is no number, the result is NaN, but for sums and products.
	for class, f := range map[string]func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value{
		"Nansum": func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
			return g.Sum(g.Select(number, x, g.Const(0)), axes, keep)
		},
		"Nanprod": func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
			return g.Prod(g.Select(number, x, g.Const(1)), axes, keep)
		},
		"Nanmean": nanMean,
		"Nanvar":  nanVariance,
		"Nanstd": func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
			return g.Sqrt(nanVariance(g, x, number, axes, keep))
		},
		"Nanmax": func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
			return orNaN(g, number, axes, keep, g.Max(g.Select(number, x, g.Const(negativeInfinity)), axes, keep))
		},
		"Nanmin": func(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
			return orNaN(g, number, axes, keep, g.Min(g.Select(number, x, g.Const(-negativeInfinity)), axes, keep))
		},
	} {
		operation("numpy", class+axes, reduce(func(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
			return f(g, x, g.Not(g.IsNaN(x)), axes, keep)
		}))
	}

	index := func(f func(g *graph.Graph, x graph.Value, axis int) graph.Value) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x := a.tensor("x")
			rank := x.Rank()
			x, axis := a.flat("axis", x)
			y := f(a.g, x, axis)
			switch {
			case !a.flag("keepdims"):
				return y
			case a.has("axis"):
				return a.g.ExpandDims(y, axis)
			}
			return a.g.Reshape(y, slices.Repeat([]int{1}, rank)...)
		})
	}
	operation("numpy", "Argmax"+axes, index((*graph.Graph).ArgMax))
	operation("numpy", "Argmin"+axes, index((*graph.Graph).ArgMin))
	operation("numpy", "Nanargmax"+axes, index(func(g *graph.Graph, x graph.Value, axis int) graph.Value {
		return g.ArgMax(g.Select(g.IsNaN(x), g.Const(negativeInfinity), x), axis)
	}))
	operation("numpy", "Nanargmin"+axes, index(func(g *graph.Graph, x graph.Value, axis int) graph.Value {
		return g.ArgMin(g.Select(g.IsNaN(x), g.Const(-negativeInfinity), x), axis)
	}))

	running := func(f binaryFormula, before func(g *graph.Graph, x graph.Value) graph.Value) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x, axis := a.flat("axis", a.tensor("x"))
			if before != nil {
				x = before(a.g, x)
			}
			return scan(a.g, x, axis, f)
		})
	}
	nanTo := func(n float64) func(g *graph.Graph, x graph.Value) graph.Value {
		return func(g *graph.Graph, x graph.Value) graph.Value { return g.Select(g.IsNaN(x), g.Const(n), x) }
	}
	operation("numpy", "Cumsum(axis=None, dtype=None)(x)", running((*graph.Graph).Add, nil))
	operation("numpy", "Cumprod(axis=None, dtype=None)(x)", running((*graph.Graph).Mul, nil))
	operation("numpy", "Nancumsum(axis=None, dtype=None)(x)", running((*graph.Graph).Add, nanTo(0)))
	operation("numpy", "Nancumprod(axis=None, dtype=None)(x)", running((*graph.Graph).Mul, nanTo(1)))
	operation("numpy", "Diff(n=1, axis=-1)(a)", one(func(a *arguments) graph.Value {
		x := a.tensor("a")
		axis := a.axis("axis", x.Rank())
		for range a.int("n") {
			n := x.Dim(axis)
			if n == tensor.Unknown {
				return x
			}
			n = max(n, 1)
			x = a.g.Sub(a.g.Narrow(x, axis, 1, n-1), a.g.Narrow(x, axis, 0, n-1))
		}
		return x
	}))
	// The trapezoidal rule: half the sum of neighbours times their distance.
	operation("numpy", "Trapezoid(x=None, dx=1.0, axis=-1)(y)", one(func(a *arguments) graph.Value {
		y, g := a.tensor("y"), a.g
		axis := a.axis("axis", y.Rank())
		n := y.Dim(axis)
		if n == tensor.Unknown {
			return g.Sum(y, []int{axis}, false)
		}
		d := g.Const(a.float("dx"))
		if a.has("x") {
			x := a.tensor("x")
			along := x.Rank() - 1
			if along > 0 {
				along = axis
			}
			d = g.Sub(g.Narrow(x, along, 1, n-1), g.Narrow(x, along, 0, n-1))
			if along != axis {
				d = g.Reshape(d, append([]int{n - 1}, slices.Repeat([]int{1}, y.Rank()-1-axis)...)...)
			}
		}
		pairs := g.Add(g.Narrow(y, axis, 1, n-1), g.Narrow(y, axis, 0, n-1))
		return scaled(g, g.Sum(g.Mul(pairs, d), []int{axis}, false), 0.5)
	}))
	operation("numpy", "Average(axis=None)(x, weights=None)", one(func(a *arguments) graph.Value {
		x, g := a.tensor("x"), a.g
		if !a.has("weights") {
			return g.Mean(x, a.allAxes("axis", x.Rank()), false)
		}
		w := a.tensor("weights")
		x, axis := a.flat("axis", x)
		switch {
		case !a.has("axis"):
			w = g.Reshape(w, w.Shape().Size())
		case w.Rank() == 1:
			w = g.Reshape(w, append([]int{w.Dim(0)}, slices.Repeat([]int{1}, x.Rank()-1-axis)...)...)
		}
		return g.Div(g.Sum(g.Mul(x, w), []int{axis}, false), g.Sum(g.Mul(g.Full(1, x.Shape()), w), []int{axis}, false))
	}))
	operation("nn", "Moments(axes, keepdims=False, synchronized=False)(x)", func(a *arguments) []graph.Value {
		x := a.tensor("x")
		axes, keep := a.allAxes("axes", x.Rank()), a.flag("keepdims")
		return []graph.Value{a.g.Mean(x, axes, keep), variance(a.g, x, axes, keep)}
	})
}

// variance is the mean of squares of distances from the mean.
func variance(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
	return g.Mean(g.Square(g.Sub(x, g.Mean(x, axes, true))), axes, keep)
}

func nanMean(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
	return g.Div(g.Sum(g.Select(number, x, g.Const(0)), axes, keep), g.Sum(number, axes, keep))
}

func nanVariance(g *graph.Graph, x, number graph.Value, axes []int, keep bool) graph.Value {
	d := g.Square(g.Sub(x, nanMean(g, x, number, axes, true)))
	return nanMean(g, d, number, axes, keep)
}

// orNaN is y, or NaN where no number was there.
func orNaN(g *graph.Graph, number graph.Value, axes []int, keep bool, y graph.Value) graph.Value {
	none := g.Equal(g.Max(number, axes, keep), g.Const(0))
	return g.Select(none, g.Div(g.Const(0), g.Const(0)), y)
}

// logSumExp is ln(sum(e^x)), the largest x taken out of the sum.
func logSumExp(g *graph.Graph, x graph.Value, axes []int, keep bool) graph.Value {
	largest := g.StopGradient(g.Max(x, axes, true))
	largest = g.Select(g.IsFinite(largest), largest, g.Const(0))
	y := g.Add(g.Log(g.Sum(g.Exp(g.Sub(x, largest)), axes, true)), largest)
	return g.Sum(y, axes, keep) // of one number along each
}

// scan combines each number along an axis with all before it: after k rounds, with the 2^k - 1 before it. f is associative.
func scan(g *graph.Graph, x graph.Value, axis int, f binaryFormula) graph.Value {
	n := x.Dim(axis)
	for s := 1; s < n; s *= 2 {
		x = g.Concat(axis, g.Narrow(x, axis, 0, s), f(g, g.Narrow(x, axis, s, n-s), g.Narrow(x, axis, 0, n-s)))
	}
	return x
}
