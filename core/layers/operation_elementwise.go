package layers

import (
	"math"

	"github.com/gokeras/gk/core/graph"
)

// This file owns operations that take numbers at the same place. Inputs broadcast as in numpy; truth values are 1 and 0. Source:
// keras/src/ops/numpy.py, math.py and core.py.

type unaryFormula = func(g *graph.Graph, x graph.Value) graph.Value

type binaryFormula = func(g *graph.Graph, x, y graph.Value) graph.Value

func init() {
	for class, f := range map[string]unaryFormula{
		"Negative": (*graph.Graph).Neg, "Absolute": (*graph.Graph).Abs, "Abs": (*graph.Graph).Abs, "Fabs": (*graph.Graph).Abs,
		"Sign": (*graph.Graph).Sign, "Exp": (*graph.Graph).Exp, "Expm1": (*graph.Graph).Expm1, "Log": (*graph.Graph).Log,
		"Log1p": (*graph.Graph).Log1p, "Sqrt": (*graph.Graph).Sqrt, "Square": (*graph.Graph).Square,
		"Reciprocal": (*graph.Graph).Reciprocal, "Sin": (*graph.Graph).Sin, "Cos": (*graph.Graph).Cos, "Tan": (*graph.Graph).Tan,
		"Sinh": (*graph.Graph).Sinh, "Cosh": (*graph.Graph).Cosh, "Tanh": (*graph.Graph).Tanh, "Arcsin": (*graph.Graph).Asin,
		"Arccos": (*graph.Graph).Acos, "Arctan": (*graph.Graph).Atan, "Arcsinh": (*graph.Graph).Asinh, "Arccosh": (*graph.Graph).Acosh,
		"Arctanh": (*graph.Graph).Atanh, "Floor": (*graph.Graph).Floor, "Ceil": (*graph.Graph).Ceil, "LogicalNot": (*graph.Graph).Not,
		"Isnan": (*graph.Graph).IsNaN, "Isfinite": (*graph.Graph).IsFinite, "Trunc": truncated, "Cbrt": cubeRoot,
		"Log2":     func(g *graph.Graph, x graph.Value) graph.Value { return scaled(g, g.Log(x), 1/math.Ln2) },
		"Log10":    func(g *graph.Graph, x graph.Value) graph.Value { return scaled(g, g.Log(x), 1/math.Ln10) },
		"Exp2":     func(g *graph.Graph, x graph.Value) graph.Value { return g.Exp(scaled(g, x, math.Ln2)) },
		"Deg2rad":  func(g *graph.Graph, x graph.Value) graph.Value { return scaled(g, x, math.Pi/180) },
		"Rad2deg":  func(g *graph.Graph, x graph.Value) graph.Value { return scaled(g, x, 180/math.Pi) },
		"Isinf":    func(g *graph.Graph, x graph.Value) graph.Value { return g.Equal(g.Abs(x), g.Const(math.Inf(1))) },
		"Isposinf": func(g *graph.Graph, x graph.Value) graph.Value { return g.Equal(x, g.Const(math.Inf(1))) },
		"Isneginf": func(g *graph.Graph, x graph.Value) graph.Value { return g.Equal(x, g.Const(math.Inf(-1))) },
		"Isreal":   func(g *graph.Graph, x graph.Value) graph.Value { return g.Full(1, x.Shape()) },
		"Signbit":  func(g *graph.Graph, x graph.Value) graph.Value { return g.Less(x, g.Const(0)) },
		// sinc is sin(pi x)/(pi x), 1 at 0.
		"Sinc": func(g *graph.Graph, x graph.Value) graph.Value {
			zero := g.Equal(x, g.Const(0))
			y := g.Select(zero, g.Const(1), scaled(g, x, math.Pi))
			return g.Select(zero, g.Const(1), g.Div(g.Sin(y), y))
		},
		"I0":   bessel0,
		"Copy": func(_ *graph.Graph, x graph.Value) graph.Value { return x },
		"Real": func(_ *graph.Graph, x graph.Value) graph.Value { return x },
		"Conj": func(_ *graph.Graph, x graph.Value) graph.Value { return x }, "Conjugate": func(_ *graph.Graph, x graph.Value) graph.Value { return x },
		"Imag": func(g *graph.Graph, x graph.Value) graph.Value { return g.Zeros(x) },
		// The angle of a real number as a complex one.
		"Angle": func(g *graph.Graph, x graph.Value) graph.Value {
			return g.Select(g.Less(x, g.Const(0)), g.Const(math.Pi), g.Const(0))
		},
	} {
		operation("numpy", class+"()(x)", one(func(a *arguments) graph.Value { return f(a.g, a.tensor("x")) }))
	}
	for class, f := range map[string]unaryFormula{
		"Rsqrt": (*graph.Graph).Rsqrt, "Erf": (*graph.Graph).Erf, "Erfinv": inverseErf,
		"Erfc": func(g *graph.Graph, x graph.Value) graph.Value { return g.Sub(g.Const(1), g.Erf(x)) },
	} {
		operation("math", class+"()(x)", one(func(a *arguments) graph.Value { return f(a.g, a.tensor("x")) }))
	}
	for class, f := range map[string]binaryFormula{
		"Add": (*graph.Graph).Add, "Subtract": (*graph.Graph).Sub, "Multiply": (*graph.Graph).Mul, "Divide": (*graph.Graph).Div,
		"TrueDivide": (*graph.Graph).Div, "DivideNoNan": (*graph.Graph).DivNoNaN, "Power": (*graph.Graph).Pow, "Mod": (*graph.Graph).Mod,
		"FloorDivide": (*graph.Graph).FloorDiv, "Maximum": (*graph.Graph).Maximum, "Minimum": (*graph.Graph).Minimum,
		"Equal": (*graph.Graph).Equal, "NotEqual": (*graph.Graph).NotEqual, "Less": (*graph.Graph).Less,
		"LessEqual": (*graph.Graph).LessEqual, "Greater": (*graph.Graph).Greater, "GreaterEqual": (*graph.Graph).GreaterEqual,
		"LogicalAnd": (*graph.Graph).And, "LogicalOr": (*graph.Graph).Or, "Arctan2": (*graph.Graph).Atan2,
		"LogicalXor": func(g *graph.Graph, x, y graph.Value) graph.Value { return g.NotEqual(g.Not(x), g.Not(y)) },
		// fmod has the sign of x.
		"Fmod": func(g *graph.Graph, x, y graph.Value) graph.Value {
			return g.Sub(x, g.Mul(y, truncated(g, g.Div(x, y))))
		},
		"Fmax": func(g *graph.Graph, x, y graph.Value) graph.Value {
			return g.Select(g.IsNaN(x), y, g.Select(g.IsNaN(y), x, g.Maximum(x, y)))
		},
		"Fmin": func(g *graph.Graph, x, y graph.Value) graph.Value {
			return g.Select(g.IsNaN(x), y, g.Select(g.IsNaN(y), x, g.Minimum(x, y)))
		},
		"Hypot": func(g *graph.Graph, x, y graph.Value) graph.Value { return g.Sqrt(g.Add(g.Square(x), g.Square(y))) },
		// ln(e^x + e^y), the larger one taken out of the sum.
		"Logaddexp": func(g *graph.Graph, x, y graph.Value) graph.Value { return logAddExp(g, x, y, 1) },
		"Logaddexp2": func(g *graph.Graph, x, y graph.Value) graph.Value {
			return scaled(g, logAddExp(g, x, y, math.Ln2), 1/math.Ln2)
		},
		"Heaviside": func(g *graph.Graph, x, y graph.Value) graph.Value {
			return g.Select(g.Equal(x, g.Const(0)), y, g.Select(g.Greater(x, g.Const(0)), g.Const(1), g.Const(0)))
		},
		"Ldexp": func(g *graph.Graph, x, y graph.Value) graph.Value { return g.Mul(x, g.Exp(scaled(g, y, math.Ln2))) },
	} {
		operation("numpy", class+"()(x1, x2)", one(func(a *arguments) graph.Value { return f(a.g, a.tensor("x1"), a.tensor("x2")) }))
	}

	operation("core", "StopGradient()(variable)", one(func(a *arguments) graph.Value { return a.g.StopGradient(a.tensor("variable")) }))
	operation("core", "Cast(dtype)(x)", one(func(a *arguments) graph.Value { return cast(a.g, a.tensor("x"), a.dtype("dtype")) }))
	operation("core", "SaturateCast(dtype)(x)", one(func(a *arguments) graph.Value {
		x, name := a.tensor("x"), a.dtype("dtype")
		if r, ok := integerRange[name]; ok {
			x = a.g.Minimum(a.g.Maximum(x, a.g.Const(r[0])), a.g.Const(r[1]))
		}
		return cast(a.g, x, name)
	}))
	operation("core", "ConvertToTensor(dtype=None, sparse=None, ragged=None)(x)", one(func(a *arguments) graph.Value {
		return cast(a.g, a.tensor("x"), a.dtype("dtype"))
	}))
	operation("numpy", "Array(dtype=None)(x)", one(func(a *arguments) graph.Value { return cast(a.g, a.tensor("x"), a.dtype("dtype")) }))
	operation("numpy", "Round(decimals=0)(x)", one(func(a *arguments) graph.Value {
		scale := a.g.Const(math.Pow(10, float64(a.int("decimals"))))
		if a.int("decimals") == 0 {
			return a.g.Round(a.tensor("x"))
		}
		return a.g.Div(a.g.Round(a.g.Mul(a.tensor("x"), scale)), scale)
	}))
	operation("numpy", "Clip(x_min, x_max)(x)", one(func(a *arguments) graph.Value {
		x := a.tensor("x")
		if a.has("x_min") {
			x = a.g.Maximum(x, a.tensor("x_min"))
		}
		if a.has("x_max") {
			x = a.g.Minimum(x, a.tensor("x_max"))
		}
		return x
	}))
	operation("numpy", "Where()(condition, x1=None, x2=None)", one(func(a *arguments) graph.Value {
		if !a.has("x1") || !a.has("x2") {
			a.fail("x1", "got None, want a tensor: how many places fulfil the condition depends on data")
			return a.g.Const(0)
		}
		return a.g.Select(a.tensor("condition"), a.tensor("x1"), a.tensor("x2"))
	}))
	// The first condition that holds says which choice it is.
	operation("numpy", "Select()(condlist, choicelist, default=0)", one(func(a *arguments) graph.Value {
		conditions, choices, y := a.tensors("condlist"), a.tensors("choicelist"), a.tensor("default")
		if len(conditions) != len(choices) {
			a.fail("choicelist", "got %d choices for %d conditions", len(choices), len(conditions))
			return y
		}
		for i := range conditions {
			last := len(conditions) - 1 - i
			y = a.g.Select(conditions[last], choices[last], y)
		}
		return y
	}))
	operation("numpy", "NanToNum(nan=0.0, posinf=None, neginf=None)(x)", one(func(a *arguments) graph.Value {
		x, g := a.tensor("x"), a.g
		bound := func(name string, otherwise float64) graph.Value {
			if a.has(name) {
				return g.Const(a.float(name))
			}
			return g.Const(otherwise)
		}
		y := g.Select(g.IsNaN(x), g.Const(a.float("nan")), x)
		y = g.Select(g.Equal(x, g.Const(math.Inf(1))), bound("posinf", math.MaxFloat32), y)
		return g.Select(g.Equal(x, g.Const(math.Inf(-1))), bound("neginf", -math.MaxFloat32), y)
	}))
	near := func(a *arguments) graph.Value {
		g, x, y := a.g, a.tensor("x1"), a.tensor("x2")
		limit := g.Add(a.tensor("atol"), g.Mul(a.tensor("rtol"), g.Abs(y)))
		same := g.Or(g.Equal(x, y), g.And(g.IsFinite(y), g.LessEqual(g.Abs(g.Sub(x, y)), limit)))
		if a.flag("equal_nan") {
			same = g.Or(same, g.And(g.IsNaN(x), g.IsNaN(y)))
		}
		return same
	}
	operation("numpy", "Isclose(equal_nan=False)(x1, x2, rtol=1e-05, atol=1e-08)", one(near))
	operation("numpy", "AllClose(rtol=1e-05, atol=1e-08, equal_nan=False)(x1, x2)", one(func(a *arguments) graph.Value {
		return a.g.Min(near(a), nil, false)
	}))
}

func scaled(g *graph.Graph, x graph.Value, by float64) graph.Value { return g.Mul(x, g.Const(by)) }

// truncated is x rounded towards zero.
func truncated(g *graph.Graph, x graph.Value) graph.Value {
	return g.Mul(g.Sign(x), g.Floor(g.Abs(x)))
}

// cubeRoot is sign(x) |x|^(1/3).
func cubeRoot(g *graph.Graph, x graph.Value) graph.Value {
	return g.Mul(g.Sign(x), g.Pow(g.Abs(x), g.Const(1.0/3)))
}

// logAddExp is ln(e^(s x) + e^(s y)).
func logAddExp(g *graph.Graph, x, y graph.Value, s float64) graph.Value {
	x, y = scaled(g, x, s), scaled(g, y, s)
	return g.Add(g.Maximum(x, y), g.Softplus(g.Neg(g.Abs(g.Sub(x, y)))))
}

// polynomial is c[0] + x (c[1] + x (c[2] + ...)).
func polynomial(g *graph.Graph, x graph.Value, c ...float64) graph.Value {
	y := g.Const(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		y = g.Add(g.Mul(y, x), g.Const(c[i]))
	}
	return y
}

// inverseErf is the x of erf(x) = y. Source: Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011, single precision.
func inverseErf(g *graph.Graph, y graph.Value) graph.Value {
	w := g.Neg(g.Log(g.Mul(g.Sub(g.Const(1), y), g.Add(g.Const(1), y))))
	middle := polynomial(g, g.Sub(w, g.Const(2.5)), 1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087,
		-4.39150654e-06, -3.5233877e-06, 3.43273939e-07, 2.81022636e-08)
	tail := polynomial(g, g.Sub(g.Sqrt(g.Maximum(w, g.Const(5))), g.Const(3)), 2.83297682, 1.00167406, 0.00943887047, -0.0076224613,
		0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558, -0.000200214257)
	return g.Mul(y, g.Select(g.Less(w, g.Const(5)), middle, tail))
}

// bessel0 is the modified Bessel function of order 0. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 9.8.1 and 9.8.2.
func bessel0(g *graph.Graph, x graph.Value) graph.Value {
	x = g.Abs(x)
	small := polynomial(g, g.Square(scaled(g, g.Minimum(x, g.Const(3.75)), 1/3.75)), 1, 3.5156229, 3.0899424, 1.2067492, 0.2659732,
		0.0360768, 0.0045813)
	far := g.Maximum(x, g.Const(3.75))
	large := polynomial(g, g.Div(g.Const(3.75), far), 0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706,
		0.02635537, -0.01647633, 0.00392377)
	return g.Select(g.LessEqual(x, g.Const(3.75)), small, g.Mul(g.Mul(g.Exp(far), g.Rsqrt(far)), large))
}

// integerRange is the smallest and the largest number of each integer type.
var integerRange = map[string][2]float64{
	"bool": {0, 1}, "int8": {-128, 127}, "uint8": {0, 255}, "int16": {-32768, 32767}, "uint16": {0, 65535},
	"int32": {math.MinInt32, math.MaxInt32}, "uint32": {0, math.MaxUint32}, "int64": {math.MinInt64, math.MaxInt64},
	"uint64": {0, math.MaxUint64}, "int": {math.MinInt32, math.MaxInt32},
}

// dtype is the name of a type; "" for None. Keras 3 writes names, tf.keras may write {class_name: TypeSpec}.
func (a *arguments) dtype(name string) string {
	if m, ok := a.values[name].(map[string]any); ok {
		if c, ok := m["config"].(map[string]any); ok {
			a.values[name] = c["name"]
		}
	}
	return a.word(name)
}

// cast gives x the numbers that it has in another type: whole ones, truth values, or as they are.
func cast(g *graph.Graph, x graph.Value, dtype string) graph.Value {
	if dtype == "bool" {
		return g.NotEqual(x, g.Const(0))
	}
	if _, ok := integerRange[dtype]; ok {
		return truncated(g, x)
	}
	return x
}
