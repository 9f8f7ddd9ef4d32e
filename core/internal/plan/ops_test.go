package plan

import (
	"fmt"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of single operations: planned, plain and interpreted, for shapes of all ranks, with axes of size 0 and 1.

// safe is a range of numbers that an operation is tested on.
func safe(op string) (lo, hi float64) {
	switch op {
	case "log", "sqrt", "rsqrt", "reciprocal":
		return 0.1, 3
	case "log1p":
		return -0.5, 3
	case "asin", "acos", "atanh":
		return -0.9, 0.9
	case "acosh":
		return 1.1, 4
	case "tan":
		return -1, 1
	case "pow":
		return 0.2, 2
	case "mod", "floor_div", "div":
		return 0.3, 3
	}
	return -2, 2
}

func TestElementwise(t *testing.T) {
	shapes := [][2]tensor.Shape{
		{{}, {}}, {{1}, {1}}, {{0}, {1}}, {{5}, {}}, {{7}, {7}}, {{3, 4}, {4}}, {{3, 1}, {1, 4}}, {{2, 3, 4}, {3, 1}},
		{{1200, 3}, {3}}, {{3, 1500}, {3, 1}}, {{2, 1100}, {1100}}, {{2, 3, 1, 5}, {1, 4, 1}}, {{2, 1, 3, 1, 2}, {4, 1, 2, 1}}, {{4, 0, 2}, {4, 1, 1}},
		{{2, 700, 3}, {2, 1, 3}}, {{130, 10}, {130, 1}}, {{3000}, {3000}},
	}
	for _, op := range kernel.UnaryNames() {
		t.Run(op, func(t *testing.T) {
			b := newBench(1)
			lo, hi := safe(op)
			for _, s := range shapes {
				b.out(apply(b, op, b.data(b.between(lo, hi), s[0]...)))
			}
			b.check(t)
		})
	}
	for _, op := range kernel.BinaryNames() {
		t.Run(op, func(t *testing.T) {
			b := newBench(2)
			lo, hi := safe(op)
			for _, s := range shapes {
				x, y := b.data(b.between(lo, hi), s[0]...), b.data(b.between(lo, hi), s[1]...)
				b.out(apply(b, op, x, y), apply(b, op, y, x), apply(b, op, x, b.Const(1.5)), apply(b, op, b.Const(0.5), x))
			}
			b.check(t)
		})
	}
	t.Run("select", func(t *testing.T) {
		b := newBench(3)
		for _, s := range shapes {
			x, y := b.in(s[0]...), b.in(s[1]...)
			b.out(b.Select(b.Greater(x, b.Const(0)), x, y), b.Select(b.Greater(y, b.Const(0)), b.Const(2), x), b.Select(x, y, b.Const(0)))
		}
		b.check(t)
	})
}

// apply writes an elementwise operation by name.
func apply(b *bench, op string, in ...graph.Value) graph.Value {
	switch op {
	case "relu_grad", "tanh_grad", "sigmoid_grad":
		// These come from gradients only.
		f := map[string]func(graph.Value) graph.Value{"relu_grad": b.Relu, "tanh_grad": b.Tanh, "sigmoid_grad": b.Sigmoid}[op]
		x := b.Mul(in[0], in[1])
		return b.Gradients([]graph.Value{f(x)}, []graph.Value{x}, []graph.Value{x})[0]
	}
	unary := map[string]func(graph.Value) graph.Value{"neg": b.Neg, "abs": b.Abs, "sign": b.Sign, "exp": b.Exp, "expm1": b.Expm1, "log": b.Log,
		"log1p": b.Log1p, "sqrt": b.Sqrt, "rsqrt": b.Rsqrt, "square": b.Square, "reciprocal": b.Reciprocal, "tanh": b.Tanh, "sigmoid": b.Sigmoid,
		"relu": b.Relu, "erf": b.Erf, "softplus": b.Softplus, "sin": b.Sin, "cos": b.Cos, "tan": b.Tan, "atan": b.Atan, "asin": b.Asin,
		"acos": b.Acos, "sinh": b.Sinh, "cosh": b.Cosh, "asinh": b.Asinh, "acosh": b.Acosh, "atanh": b.Atanh, "floor": b.Floor, "ceil": b.Ceil,
		"round": b.Round, "not": b.Not, "is_nan": b.IsNaN, "is_finite": b.IsFinite}
	if f := unary[op]; f != nil {
		return f(in[0])
	}
	return map[string]func(x, y graph.Value) graph.Value{"add": b.Add, "sub": b.Sub, "mul": b.Mul, "div": b.Div, "pow": b.Pow,
		"maximum": b.Maximum, "minimum": b.Minimum, "mod": b.Mod, "floor_div": b.FloorDiv, "atan2": b.Atan2, "equal": b.Equal,
		"not_equal": b.NotEqual, "less": b.Less, "less_equal": b.LessEqual, "greater": b.Greater, "greater_equal": b.GreaterEqual,
		"and": b.And, "or": b.Or}[op](in[0], in[1])
}

// opCases are the other operations, each with several shapes. Those with gradients are also differentiated in TestGradients.
var opCases = []struct {
	name string
	make func(b *bench) []graph.Value
}{
	{"broadcast", func(b *bench) []graph.Value {
		return []graph.Value{b.BroadcastTo(b.in(3, 1), tensor.Shape{2, 3, 4}), b.BroadcastTo(b.in(), tensor.Shape{2, 2}),
			b.BroadcastTo(b.in(1, 5), tensor.Shape{0, 5}), b.BroadcastTo(b.in(2, 1, 3, 1), tensor.Shape{2, 4, 3, 2}),
			b.Mul(b.Repeat(b.in(2, 3), 1, 4), b.in(2, 12)), b.Add(b.Reshape(b.BroadcastTo(b.in(4, 1), tensor.Shape{4, 6}), 2, 12), b.in(2, 1))}
	}},
	{"transpose", func(b *bench) []graph.Value {
		return []graph.Value{b.Transpose(b.in(3, 4), 1, 0), b.Transpose(b.in(2, 3, 4), 2, 0, 1), b.Transpose(b.in(2, 1, 3, 1), 1, 0, 3, 2),
			b.Transpose(b.in(2, 3, 4, 2, 3), 4, 2, 0, 3, 1), b.Transpose(b.in(0, 3), 1, 0), b.Transpose(b.Transpose(b.in(2, 3, 4), 1, 2, 0), 2, 0, 1)}
	}},
	{"reshape", func(b *bench) []graph.Value {
		x := b.in(2, 3, 4)
		return []graph.Value{b.Reshape(x, 6, 4), b.Reshape(b.Reshape(b.Relu(x), 24), 4, 6), b.ExpandDims(b.in(3), 0), b.Reshape(b.in(0, 4), 0)}
	}},
	{"slice", func(b *bench) []graph.Value {
		x := b.in(5, 6, 7)
		return []graph.Value{b.Narrow(x, 0, 1, 3), b.Narrow(x, 2, 2, 4), b.Reverse(x, 1), b.Slice(x, []int{4, 0, 1}, []int{2, 3, 2}, []int{-2, 2, 3}),
			b.Narrow(x, 1, 6, 0), b.Mul(b.Narrow(b.in(3, 40), 1, 8, 16), b.in(3, 16)), b.Relu(b.Narrow(b.Reshape(b.in(4, 2, 20), 8, 20), 1, 4, 9)),
			b.Add(b.Narrow(b.in(6, 30), 0, 2, 1), b.in(4, 30)), b.Narrow(b.Narrow(b.in(9, 8), 0, 2, 6), 0, 1, 3)}
	}},
	{"place", func(b *bench) []graph.Value {
		x := b.in(2, 3)
		return []graph.Value{b.Pad(x, []int{1, 0}, []int{2, 3}), b.Place(x, []int{3, 0}, []int{-2, 2}, tensor.Shape{4, 5}),
			b.Pad(b.in(0, 2), []int{1, 1}, []int{1, 1}), b.Place(b.in(3), []int{0}, []int{1}, tensor.Shape{3})}
	}},
	{"concat", func(b *bench) []graph.Value {
		x := b.in(2, 3)
		return []graph.Value{b.Concat(0, x, b.in(1, 3), x), b.Concat(1, x, b.in(2, 1)), b.Concat(-1, b.in(2, 2, 2), b.in(2, 2, 0), b.in(2, 2, 3)), b.Concat(0, b.Relu(x), b.Neg(x))}
	}},
	{"matmul", func(b *bench) []graph.Value {
		var all []graph.Value
		for _, s := range [][3]int{{4, 3, 5}, {1, 1, 1}, {130, 7, 1}, {1, 40, 60}, {3, 0, 4}, {0, 2, 3}, {70, 33, 300}, {2, 3, 0}} {
			m, k, n := s[0], s[1], s[2]
			all = append(all, b.MatMul(b.in(m, k), b.in(k, n), false, false), b.MatMul(b.in(k, m), b.in(k, n), true, false),
				b.MatMul(b.in(m, k), b.in(n, k), false, true), b.MatMul(b.in(k, m), b.in(n, k), true, true))
		}
		return append(all, b.MatMul(b.in(2, 3, 4, 5), b.in(2, 3, 5, 2), false, false), b.MatMul(b.in(3, 5, 4), b.in(3, 2, 5), true, true),
			b.MatMul(b.Transpose(b.in(2, 3, 4), 0, 2, 1), b.in(2, 3, 5), false, false),
			b.Relu(b.Add(b.MatMul(b.in(3, 4, 6), b.in(3, 6, 5), false, false), b.in(5))))
	}},
	{"conv", func(b *bench) []graph.Value {
		one := func(rank int, stride, dilation, lo, hi, groups int) graph.ConvAttr {
			a := graph.ConvAttr{Groups: groups}
			for range rank {
				a.Strides, a.Dilation, a.PadLo, a.PadHi = append(a.Strides, stride), append(a.Dilation, dilation), append(a.PadLo, lo), append(a.PadHi, hi)
			}
			return a
		}
		return []graph.Value{
			b.Conv(b.in(2, 7, 3), b.in(3, 3, 4), one(1, 1, 1, 0, 0, 1)),
			b.Conv(b.in(2, 9, 2), b.in(3, 2, 5), one(1, 2, 1, 1, 1, 1)),
			b.Relu(b.Add(b.Conv(b.in(2, 6, 7, 3), b.in(3, 3, 3, 8), one(2, 1, 1, 1, 1, 1)), b.in(8))),
			b.Conv(b.in(2, 8, 8, 4), b.in(3, 3, 2, 6), one(2, 1, 2, 0, 1, 2)),
			b.Conv(b.in(2, 5, 5, 4), b.in(3, 3, 1, 4), one(2, 2, 1, 1, 1, 4)),
			b.Conv(b.in(1, 4, 4, 4, 2), b.in(2, 2, 2, 2, 3), one(3, 1, 1, 0, 0, 1)),
			b.Conv(b.in(0, 4, 4, 2), b.in(2, 2, 2, 3), one(2, 1, 1, 0, 0, 1)),
			b.Relu(b.Conv(b.in(2, 1, 1, 2), b.in(2, 2, 2, 3), one(2, 1, 1, 0, 0, 1))),
			b.Conv(b.in(3, 4, 4, 5), b.in(1, 1, 5, 6), one(2, 1, 1, 0, 0, 1)),
			b.Conv(b.in(3, 4, 4, 5), b.in(4, 4, 5, 6), one(2, 1, 1, 0, 0, 1)),
			b.Tanh(b.ConvGradInput(b.in(2, 3, 3, 4), b.in(3, 3, 2, 4), one(2, 2, 1, 1, 1, 1), []int{5, 5})),
			b.Tanh(b.ConvGradKernel(b.in(2, 3, 3, 4), b.in(2, 5, 5, 3), one(2, 2, 1, 1, 1, 1), []int{3, 3})),
		}
	}},
	{"pool", func(b *bench) []graph.Value {
		two := func(size, stride, lo, hi int) graph.PoolAttr {
			return graph.PoolAttr{Size: []int{size, size}, Strides: []int{stride, stride}, PadLo: []int{lo, lo}, PadHi: []int{hi, hi}}
		}
		x := b.in(2, 6, 6, 3)
		one := graph.PoolAttr{Size: []int{3}, Strides: []int{2}, PadLo: []int{1}, PadHi: []int{1}}
		three := graph.PoolAttr{Size: []int{2, 2, 2}, Strides: []int{2, 1, 2}, PadLo: []int{0, 0, 0}, PadHi: []int{0, 0, 0}}
		return []graph.Value{b.MaxPool(x, two(2, 2, 0, 0)), b.AvgPool(x, two(2, 2, 0, 0)), b.MaxPool(x, two(3, 2, 1, 1)), b.AvgPool(x, two(3, 2, 1, 1)),
			b.MaxPool(b.in(2, 7, 4), one), b.AvgPool(b.in(2, 7, 4), one), b.MaxPool(b.in(1, 4, 4, 4, 2), three), b.AvgPool(b.in(1, 4, 4, 4, 2), three),
			b.MaxPool(b.Relu(b.in(2, 5, 5, 3)), two(2, 1, 0, 0)), b.Mul(b.AvgPool(b.Tanh(b.in(20, 5, 5, 70)), two(2, 1, 0, 0)), b.in(70)),
			b.Tanh(b.MaxPool(b.Tanh(b.in(3, 5, 5, 70)), two(3, 2, 1, 1))), b.MaxPool(b.in(0, 4, 4, 2), two(2, 2, 0, 0))}
	}},
	{"reduce", func(b *bench) []graph.Value {
		var all []graph.Value
		for _, f := range []func(x graph.Value, axes []int, keep bool) graph.Value{b.Sum, b.Mean, b.Max, b.Min, b.Prod} {
			x := b.in(3, 4, 5)
			all = append(all, f(x, nil, false), f(x, []int{0}, true), f(x, []int{1}, false), f(x, []int{-1}, true), f(x, []int{0, 2}, false), f(b.in(4, 1), []int{1}, false))
		}
		y := b.in(700, 9)
		return append(all, b.Sum(b.Square(y), []int{0}, false), b.Sum(b.Abs(y), nil, false), b.Mean(b.Mul(y, y), nil, false), b.Mean(b.Neg(y), []int{0}, false),
			b.Sum(b.in(0, 3), []int{0}, false), b.Sum(b.Relu(b.in(0, 3)), nil, false), b.Sum(b.in(), nil, false), b.Sum(b.Square(b.in(4, 3)), []int{1}, false))
	}},
	{"gather", func(b *bench) []graph.Value {
		return []graph.Value{b.Gather(b.in(5, 3), b.index(5, 4)), b.Gather(b.in(5, 2, 3), b.index(5, 2, 3)), b.Gather(b.in(6), b.index(6, 3)), b.Gather(b.in(3, 2), b.index(3, 0)), b.Gather(b.in(3, 2), b.index(3))}
	}},
	{"scatter", func(b *bench) []graph.Value {
		return []graph.Value{b.ScatterAdd(b.in(4, 3), b.index(5, 4), 5), b.ScatterAdd(b.in(2, 3, 40), b.index(5, 2, 3), 5), b.ScatterAdd(b.in(3), b.index(2, 3), 2)}
	}},
	{"softmax", func(b *bench) []graph.Value {
		return []graph.Value{b.Softmax(b.in(3, 4)), b.Softmax(b.in(2, 3, 700)), b.LogSoftmax(b.in(3, 4)), b.LogSoftmax(b.in(1)), b.Softmax(b.in(0, 4)), b.Softmax(b.in(2, 1))}
	}},
	{"crossentropy", func(b *bench) []graph.Value {
		p := b.data(b.between(0, 1), 3, 4)
		return []graph.Value{b.SoftmaxCrossEntropy(b.in(3, 4), p), b.SparseSoftmaxCrossEntropy(b.in(5, 10), b.index(10, 5)), b.SparseSoftmaxCrossEntropy(b.in(2, 3, 4), b.index(4, 2, 3))}
	}},
	{"norm", func(b *bench) []graph.Value {
		var all []graph.Value
		for _, shape := range [][]int{{6, 3}, {2, 3, 4, 5}, {300, 16}} {
			c := shape[len(shape)-1]
			y, _, _ := b.BatchNorm(b.in(shape...), b.in(c), b.in(c), 1e-3)
			z, _, _ := b.BatchNorm(b.in(shape...), graph.Value{}, b.in(c), 1e-3)
			all = append(all, b.Relu(b.Add(y, b.in(shape...))), z, b.Mul(b.Relu(z), b.in(c)))
			u, _, _ := b.BatchNorm(b.Tanh(b.in(shape...)), b.in(c), graph.Value{}, 1e-3)
			all = append(all, b.Sigmoid(u))
		}
		for _, shape := range [][]int{{3, 5}, {4, 700}} {
			c := shape[1]
			all = append(all, b.LayerNorm(b.in(shape...), b.in(c), b.in(c), 1e-3), b.LayerNorm(b.in(shape...), b.in(c), graph.Value{}, 1e-3))
		}
		return all
	}},
	{"rnn", func(b *bench) []graph.Value {
		var all []graph.Value
		for _, a := range []graph.RNNAttr{{Cell: "lstm", Activation: "tanh", RecurrentActivation: "sigmoid"},
			{Cell: "gru", Activation: "tanh", RecurrentActivation: "sigmoid", ResetAfter: true}, {Cell: "gru", Activation: "tanh", RecurrentActivation: "sigmoid"},
			{Cell: "simple", Activation: "tanh", GoBackwards: true}} {
			g := graph.RNNGates[a.Cell]
			in := graph.RNNInputs{X: b.in(3, 4, g*5), R: b.in(5, g*5), H0: b.in(3, 5)}
			if a.Cell == "lstm" {
				in.C0 = b.in(3, 5)
			}
			if a.ResetAfter {
				in.RBias = b.in(g * 5)
			}
			y, h, c := b.RNN(a, in)
			all = append(all, y, h)
			if a.Cell == "lstm" {
				all = append(all, c)
			}
			in.Mask, in.Dropout = b.index(2, 3, 4), b.in(3, 5)
			y, h, _ = b.RNN(a, in)
			all = append(all, b.Add(y, b.ExpandDims(h, 1)))
		}
		return all
	}},
}

func TestOperations(t *testing.T) {
	for _, c := range opCases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(5)
			b.out(c.make(b)...)
			b.check(t)
		})
	}
	t.Run("arg", func(t *testing.T) {
		b := newBench(6)
		x := b.in(3, 4, 5)
		b.out(b.ArgMax(x, 1), b.ArgMin(x, -1), b.ArgMax(b.in(7), 0))
		b.check(t)
	})
	t.Run("leaf", func(t *testing.T) {
		b := newBench(7)
		w := b.weight(2, 3)
		r := b.Random(tensor.Shape{5, 300})
		b.out(b.in(4), b.Read(w), b.Const(3), b.Full(2, tensor.Shape{3, 2}), b.Table(tensor.From([]int32{1, 2, 3})), r, b.Random(tensor.Shape{2}),
			b.Mul(b.Greater(r, b.Const(0.5)), b.in(5, 300)), b.Add(b.Random(tensor.Shape{5, 1}), b.in(5, 300)), b.OneHot(b.index(4, 6), 4), b.Reshape(b.in(2, 2), 4), b.StopGradient(b.Mul(r, r)))
		b.check(t)
	})
}

// TestGradients compares every gradient with finite differences in float64.
func TestGradients(t *testing.T) {
	for _, c := range opCases {
		t.Run(c.name, func(t *testing.T) { checkGradients(t, newBench(8), c.make) })
	}
	for _, op := range append(kernel.UnaryNames(), kernel.BinaryNames()...) {
		t.Run(op, func(t *testing.T) {
			b := newBench(9)
			lo, hi := safe(op)
			checkGradients(t, b, func(b *bench) []graph.Value {
				return []graph.Value{apply(b, op, b.data(b.between(lo, hi), 3, 4), b.data(b.between(lo, hi), 3, 1))}
			})
		})
	}
}

// checkGradients adds up what build makes, with weights, and differentiates by all inputs.
func checkGradients(t *testing.T, b *bench, build func(b *bench) []graph.Value) {
	t.Helper()
	ys := build(b)
	var inputs []graph.Value
	for _, n := range b.Nodes() {
		if n.Op.Name == "Input" {
			inputs = append(inputs, n.Value(0))
		}
	}
	total := b.Const(0)
	for _, y := range ys {
		total = b.Add(total, b.Sum(b.Mul(y, b.in(y.Shape()...)), nil, false))
	}
	b.out(total)
	grads := b.Gradient(total, inputs...)
	var with []int
	for i, d := range grads {
		if d.Valid() {
			b.out(d)
			with = append(with, i)
		}
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	p, _ := compiled(t, b, Options[float64]{Pool: pools[2], Poison: true})
	run := func() float64 {
		if err := p.Run(1, 1); err != nil {
			t.Fatal(err)
		}
		return p.Output(0)[0]
	}
	run()
	var exact [][]float64
	for i := range with {
		exact = append(exact, append([]float64{}, p.Output(i+1)...))
	}
	for k, i := range with {
		name := inputs[i].Node().Attr.(graph.InputAttr).Name
		x := p.Input(name)
		if x == nil {
			continue
		}
		for try := range min(len(x), 6) {
			at := try
			if len(x) > 6 {
				at = b.rng.IntN(len(x))
			}
			const h = 1e-5
			old := x[at]
			x[at] = old + h
			up := run()
			x[at] = old - h
			down := run()
			x[at] = old
			want := (up - down) / (2 * h)
			if d := far([]float64{exact[k][at]}, []float64{want}); d > 1e-6 {
				t.Errorf("%s: element %d of %v: gradient %g, by differences %g", name, at, inputs[i].Shape(), exact[k][at], want)
			}
		}
	}
	if t.Failed() {
		for _, s := range p.Steps() {
			t.Log(fmt.Sprint(s.Name))
		}
	}
}
