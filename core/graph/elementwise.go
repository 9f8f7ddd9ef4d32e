package graph

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the elementwise operations: one row each, with the derivative. Operands broadcast as in numpy. Truth values are 1 and 0.
// The names are those of the kernels that compute them.

// Broadcast is the shape that a and b have together after numpy's rule, and whether there is one.
func Broadcast(a, b tensor.Shape) (tensor.Shape, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i := range b {
		x, y := out[len(out)-1-i], b[len(b)-1-i]
		switch {
		case x == y, y == 1:
		case x == 1, x == tensor.Unknown:
			out[len(out)-1-i] = y
		case y == tensor.Unknown:
		default:
			return nil, false
		}
	}
	return out, true
}

func broadcastShape(n *Node) error {
	out := n.In[0].Shape()
	for _, v := range n.In[1:] {
		var ok bool
		if out, ok = Broadcast(out, v.Shape()); !ok {
			return n.bad("shapes do not broadcast")
		}
	}
	n.Out = []tensor.Shape{out}
	return nil
}

type unaryGrad func(g *Graph, dy, x, y Value) Value

type binaryGrad func(g *Graph, dy, a, b, y Value) (da, db Value)

// says gives an operation its documentation, and so opens it for Append.
func (o *Op) says(doc string) { o.Doc = doc }

func unary(name string, grad unaryGrad) *Op {
	o := &Op{Name: name, Inputs: []string{"x"}, Elementwise: true, infer: broadcastShape}
	if grad != nil {
		o.grad = func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{grad(g, dy[0], n.In[0], n.Value(0))}
		}
	}
	define(o)
	return o
}

func binary(name string, grad binaryGrad) *Op {
	o := &Op{Name: name, Inputs: []string{"a", "b"}, Elementwise: true, infer: broadcastShape}
	if grad != nil {
		o.grad = func(g *Graph, n *Node, dy []Value) []Value {
			da, db := grad(g, dy[0], n.In[0], n.In[1], n.Value(0))
			return []Value{g.sumTo(da, n.In[0]), g.sumTo(db, n.In[1])}
		}
	}
	define(o)
	return o
}

// sumTo adds up the axes along which v was broadcast, so that it is shaped as like.
func (g *Graph) sumTo(v, like Value) Value {
	if !v.Valid() {
		return v
	}
	want := like.Shape()
	if v.Shape().Equal(want) {
		return v
	}
	if bigger, ok := Broadcast(v.Shape(), want); ok && !bigger.Equal(v.Shape()) {
		v = g.BroadcastTo(v, bigger)
	}
	var axes []int
	lead := v.Rank() - len(want)
	for i := range v.Shape() {
		if i < lead || want[i-lead] == 1 && v.Dim(i) != 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 {
		return v
	}
	return g.Reshape(g.Sum(v, axes, true), want...)
}

func init() {
	unary("neg", func(g *Graph, dy, _, _ Value) Value { return g.Neg(dy) }).says("y = -x")
	unary("abs", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Sign(x)) }).says("y = x without its sign")
	unary("sign", nil).says("y = -1, 0 or 1 as x is below, at or above 0")
	unary("exp", func(g *Graph, dy, _, y Value) Value { return g.Mul(dy, y) }).says("y = e^x")
	// expm1: d/dx (e^x - 1) = e^x = y + 1.
	unary("expm1", func(g *Graph, dy, _, y Value) Value { return g.Mul(dy, g.Add(y, g.Const(1))) }).says("y = e^x - 1, exact near 0")
	unary("log", func(g *Graph, dy, x, _ Value) Value { return g.Div(dy, x) }).says("y = ln x")
	unary("log1p", func(g *Graph, dy, x, _ Value) Value { return g.Div(dy, g.Add(x, g.Const(1))) }).says("y = ln(1 + x), exact near 0")
	unary("sqrt", func(g *Graph, dy, _, y Value) Value { return g.Div(dy, g.Mul(g.Const(2), y)) }).says("y = sqrt(x)")
	unary("rsqrt", func(g *Graph, dy, x, y Value) Value { return g.Mul(g.Mul(dy, g.Const(-0.5)), g.Div(y, x)) }).says("y = 1/sqrt(x)")
	unary("square", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Mul(g.Const(2), x)) }).says("y = x^2")
	unary("reciprocal", func(g *Graph, dy, _, y Value) Value { return g.Neg(g.Mul(dy, g.Square(y))) }).says("y = 1/x")
	unary("tanh", func(g *Graph, dy, _, y Value) Value { return g.one("tanh_grad", nil, dy, y) }).says("y = tanh x")
	unary("sigmoid", func(g *Graph, dy, _, y Value) Value { return g.one("sigmoid_grad", nil, dy, y) }).says("y = 1/(1 + e^-x)")
	unary("relu", func(g *Graph, dy, _, y Value) Value { return g.one("relu_grad", nil, dy, y) }).says("y = max(x, 0)")
	// erf: d/dx erf(x) = 2/sqrt(pi) e^(-x^2).
	unary("erf", func(g *Graph, dy, x, _ Value) Value {
		return g.Mul(dy, g.Mul(g.Const(2/math.Sqrt(math.Pi)), g.Exp(g.Neg(g.Square(x)))))
	}).says("y = erf x")
	unary("softplus", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Sigmoid(x)) }).says("y = ln(1 + e^x)")
	unary("sin", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Cos(x)) }).says("y = sin x")
	unary("cos", func(g *Graph, dy, x, _ Value) Value { return g.Neg(g.Mul(dy, g.Sin(x))) }).says("y = cos x")
	unary("tan", func(g *Graph, dy, _, y Value) Value { return g.Mul(dy, g.Add(g.Const(1), g.Square(y))) }).says("y = tan x")
	unary("atan", func(g *Graph, dy, x, _ Value) Value { return g.Div(dy, g.Add(g.Const(1), g.Square(x))) }).says("y = arctan x")
	unary("asin", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Rsqrt(g.Sub(g.Const(1), g.Square(x)))) }).says("y = arcsin x")
	unary("acos", func(g *Graph, dy, x, _ Value) Value { return g.Neg(g.Mul(dy, g.Rsqrt(g.Sub(g.Const(1), g.Square(x))))) }).says("y = arccos x")
	unary("sinh", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Cosh(x)) }).says("y = sinh x")
	unary("cosh", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Sinh(x)) }).says("y = cosh x")
	unary("asinh", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Rsqrt(g.Add(g.Square(x), g.Const(1)))) }).says("y = arsinh x")
	unary("acosh", func(g *Graph, dy, x, _ Value) Value { return g.Mul(dy, g.Rsqrt(g.Sub(g.Square(x), g.Const(1)))) }).says("y = arcosh x")
	unary("atanh", func(g *Graph, dy, x, _ Value) Value { return g.Div(dy, g.Sub(g.Const(1), g.Square(x))) }).says("y = artanh x")
	unary("floor", nil).says("y = x rounded down")
	unary("ceil", nil).says("y = x rounded up")
	unary("round", nil).says("y = x rounded to the nearest integer, halves to even")
	unary("not", nil).says("y = 1 where x is 0, else 0")
	unary("is_nan", nil).says("y = 1 where x is not a number, else 0")
	unary("is_finite", nil).says("y = 1 where x is neither infinite nor NaN, else 0")

	binary("add", func(_ *Graph, dy, _, _, _ Value) (Value, Value) { return dy, dy }).says("y = a + b")
	binary("sub", func(g *Graph, dy, _, _, _ Value) (Value, Value) { return dy, g.Neg(dy) }).says("y = a - b")
	binary("mul", func(g *Graph, dy, a, b, _ Value) (Value, Value) { return g.Mul(dy, b), g.Mul(dy, a) }).says("y = a b")
	binary("div", func(g *Graph, dy, _, b, y Value) (Value, Value) {
		da := g.Div(dy, b)
		return da, g.Neg(g.Mul(da, y))
	}).says("y = a/b")
	// pow: d/da = b a^(b-1); d/db = y ln a, taken as 0 where a <= 0, as TensorFlow does.
	binary("pow", func(g *Graph, dy, a, b, y Value) (Value, Value) {
		da := g.Mul(dy, g.Mul(b, g.Pow(a, g.Sub(b, g.Const(1)))))
		if _, ok := b.IsConst(); ok {
			return da, Value{}
		}
		positive := g.Greater(a, g.Const(0))
		return da, g.Mul(dy, g.Mul(y, g.Select(positive, g.Log(g.Select(positive, a, g.Const(1))), g.Const(0))))
	}).says("y = a^b")
	binary("maximum", func(g *Graph, dy, a, b, _ Value) (Value, Value) { return g.pick(dy, g.GreaterEqual(a, b)) }).says("y = the larger of a and b; NaN if one is")
	binary("minimum", func(g *Graph, dy, a, b, _ Value) (Value, Value) { return g.pick(dy, g.LessEqual(a, b)) }).says("y = the smaller of a and b; NaN if one is")
	binary("mod", func(g *Graph, dy, a, b, _ Value) (Value, Value) {
		return dy, g.Neg(g.Mul(dy, g.Floor(g.Div(a, b))))
	}).says("y = a - b floor(a/b)")
	binary("floor_div", nil).says("y = floor(a/b)")
	binary("atan2", func(g *Graph, dy, a, b, _ Value) (Value, Value) {
		s := g.Div(dy, g.Add(g.Square(a), g.Square(b)))
		return g.Mul(s, b), g.Neg(g.Mul(s, a))
	}).says("y = the angle of the point (b, a), in radians")
	binary("equal", nil).says("y = 1 where a = b, else 0")
	binary("not_equal", nil).says("y = 1 where a differs from b, else 0")
	binary("less", nil).says("y = 1 where a < b, else 0")
	binary("less_equal", nil).says("y = 1 where a <= b, else 0")
	binary("greater", nil).says("y = 1 where a > b, else 0")
	binary("greater_equal", nil).says("y = 1 where a >= b, else 0")
	binary("and", nil).says("y = 1 where neither is 0, else 0")
	binary("or", nil).says("y = 1 where one is not 0, else 0")

	// The derivative of an activation by its output, as one operation each because they stand in every backward pass.
	binary("relu_grad", func(g *Graph, d, dy, y, _ Value) (Value, Value) {
		return g.one("relu_grad", nil, d, y), Value{}
	})
	binary("tanh_grad", func(g *Graph, d, dy, y, _ Value) (Value, Value) {
		return g.Mul(d, g.Sub(g.Const(1), g.Square(y))), g.Mul(g.Const(-2), g.Mul(d, g.Mul(dy, y)))
	})
	binary("sigmoid_grad", func(g *Graph, d, dy, y, _ Value) (Value, Value) {
		return g.Mul(d, g.Mul(y, g.Sub(g.Const(1), y))), g.Mul(d, g.Mul(dy, g.Sub(g.Const(1), g.Mul(g.Const(2), y))))
	})

	define(&Op{Name: "select", Doc: "y = a where cond is not 0, else b", Inputs: []string{"cond", "a", "b"}, Elementwise: true, infer: broadcastShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
		zero := g.Const(0)
		return []Value{{}, g.sumTo(g.Select(n.In[0], dy[0], zero), n.In[1]), g.sumTo(g.Select(n.In[0], zero, dy[0]), n.In[2])}
	}})
}

// pick sends dy to the first operand where cond holds and to the second elsewhere.
func (g *Graph) pick(dy, cond Value) (Value, Value) {
	zero := g.Const(0)
	return g.Select(cond, dy, zero), g.Select(cond, zero, dy)
}

// Neg is -x.
func (g *Graph) Neg(x Value) Value { return g.one("neg", nil, x) }

// Abs is |x|.
func (g *Graph) Abs(x Value) Value { return g.one("abs", nil, x) }

// Sign is -1, 0 or 1 as x is below, at or above 0.
func (g *Graph) Sign(x Value) Value { return g.one("sign", nil, x) }

// Exp is e^x.
func (g *Graph) Exp(x Value) Value { return g.one("exp", nil, x) }

// Expm1 is e^x - 1, exact near 0.
func (g *Graph) Expm1(x Value) Value { return g.one("expm1", nil, x) }

// Log is the natural logarithm.
func (g *Graph) Log(x Value) Value { return g.one("log", nil, x) }

// Log1p is ln(1+x), exact near 0.
func (g *Graph) Log1p(x Value) Value { return g.one("log1p", nil, x) }

// Sqrt is the square root.
func (g *Graph) Sqrt(x Value) Value { return g.one("sqrt", nil, x) }

// Rsqrt is 1/sqrt(x).
func (g *Graph) Rsqrt(x Value) Value { return g.one("rsqrt", nil, x) }

// Square is x*x.
func (g *Graph) Square(x Value) Value { return g.one("square", nil, x) }

// Reciprocal is 1/x.
func (g *Graph) Reciprocal(x Value) Value { return g.one("reciprocal", nil, x) }

// Tanh is the hyperbolic tangent.
func (g *Graph) Tanh(x Value) Value { return g.one("tanh", nil, x) }

// Sigmoid is 1/(1+e^-x).
func (g *Graph) Sigmoid(x Value) Value { return g.one("sigmoid", nil, x) }

// Relu is max(x, 0).
func (g *Graph) Relu(x Value) Value { return g.one("relu", nil, x) }

// Erf is the error function.
func (g *Graph) Erf(x Value) Value { return g.one("erf", nil, x) }

// Softplus is ln(1+e^x).
func (g *Graph) Softplus(x Value) Value { return g.one("softplus", nil, x) }

// Sin is the sine.
func (g *Graph) Sin(x Value) Value { return g.one("sin", nil, x) }

// Cos is the cosine.
func (g *Graph) Cos(x Value) Value { return g.one("cos", nil, x) }

// Tan is the tangent.
func (g *Graph) Tan(x Value) Value { return g.one("tan", nil, x) }

// Atan is the arc tangent.
func (g *Graph) Atan(x Value) Value { return g.one("atan", nil, x) }

// Asin is the arc sine.
func (g *Graph) Asin(x Value) Value { return g.one("asin", nil, x) }

// Acos is the arc cosine.
func (g *Graph) Acos(x Value) Value { return g.one("acos", nil, x) }

// Sinh is the hyperbolic sine.
func (g *Graph) Sinh(x Value) Value { return g.one("sinh", nil, x) }

// Cosh is the hyperbolic cosine.
func (g *Graph) Cosh(x Value) Value { return g.one("cosh", nil, x) }

// Asinh is the inverse hyperbolic sine.
func (g *Graph) Asinh(x Value) Value { return g.one("asinh", nil, x) }

// Acosh is the inverse hyperbolic cosine.
func (g *Graph) Acosh(x Value) Value { return g.one("acosh", nil, x) }

// Atanh is the inverse hyperbolic tangent.
func (g *Graph) Atanh(x Value) Value { return g.one("atanh", nil, x) }

// Floor is x rounded down.
func (g *Graph) Floor(x Value) Value { return g.one("floor", nil, x) }

// Ceil is x rounded up.
func (g *Graph) Ceil(x Value) Value { return g.one("ceil", nil, x) }

// Round is x rounded to the nearest integer, halves to even.
func (g *Graph) Round(x Value) Value { return g.one("round", nil, x) }

// Not is 1 where x is 0, else 0.
func (g *Graph) Not(x Value) Value { return g.one("not", nil, x) }

// IsNaN is 1 where x is not a number.
func (g *Graph) IsNaN(x Value) Value { return g.one("is_nan", nil, x) }

// IsFinite is 1 where x is neither infinite nor NaN.
func (g *Graph) IsFinite(x Value) Value { return g.one("is_finite", nil, x) }

// Add is a + b.
func (g *Graph) Add(a, b Value) Value { return g.one("add", nil, a, b) }

// Sub is a - b.
func (g *Graph) Sub(a, b Value) Value { return g.one("sub", nil, a, b) }

// Mul is a * b.
func (g *Graph) Mul(a, b Value) Value { return g.one("mul", nil, a, b) }

// Div is a / b.
func (g *Graph) Div(a, b Value) Value { return g.one("div", nil, a, b) }

// DivNoNaN is a / b, and 0 where b is 0.
func (g *Graph) DivNoNaN(a, b Value) Value {
	zero := g.Equal(b, g.Const(0))
	return g.Select(zero, g.Const(0), g.Div(a, g.Select(zero, g.Const(1), b)))
}

// Pow is a to the power of b.
func (g *Graph) Pow(a, b Value) Value { return g.one("pow", nil, a, b) }

// Maximum is the larger of a and b; NaN if one is.
func (g *Graph) Maximum(a, b Value) Value { return g.one("maximum", nil, a, b) }

// Minimum is the smaller of a and b; NaN if one is.
func (g *Graph) Minimum(a, b Value) Value { return g.one("minimum", nil, a, b) }

// Mod is a - b*floor(a/b).
func (g *Graph) Mod(a, b Value) Value { return g.one("mod", nil, a, b) }

// FloorDiv is floor(a/b).
func (g *Graph) FloorDiv(a, b Value) Value { return g.one("floor_div", nil, a, b) }

// Atan2 is the angle of the point (b, a).
func (g *Graph) Atan2(a, b Value) Value { return g.one("atan2", nil, a, b) }

// Equal is 1 where a = b.
func (g *Graph) Equal(a, b Value) Value { return g.one("equal", nil, a, b) }

// NotEqual is 1 where a differs from b.
func (g *Graph) NotEqual(a, b Value) Value { return g.one("not_equal", nil, a, b) }

// Less is 1 where a < b.
func (g *Graph) Less(a, b Value) Value { return g.one("less", nil, a, b) }

// LessEqual is 1 where a <= b.
func (g *Graph) LessEqual(a, b Value) Value { return g.one("less_equal", nil, a, b) }

// Greater is 1 where a > b.
func (g *Graph) Greater(a, b Value) Value { return g.one("greater", nil, a, b) }

// GreaterEqual is 1 where a >= b.
func (g *Graph) GreaterEqual(a, b Value) Value { return g.one("greater_equal", nil, a, b) }

// And is 1 where neither is 0.
func (g *Graph) And(a, b Value) Value { return g.one("and", nil, a, b) }

// Or is 1 where one is not 0.
func (g *Graph) Or(a, b Value) Value { return g.one("or", nil, a, b) }

// Select is a where cond is not 0, b elsewhere.
func (g *Graph) Select(cond, a, b Value) Value { return g.one("select", nil, cond, a, b) }
