package kernel

import (
	"maps"
	"math"
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the activations inside recurrent cells. Each gives its derivative from its own result y, which is what a cell
// saves.

// rnnActivation is an activation: forward is dst = y(x), grad is dst = dy y'. dst may be the same slice as an operand but not
// as y.
type rnnActivation[T tensor.Float] struct {
	forward func(dst, x []T)
	grad    func(dst, dy, y []T)
}

// scalarStep is an operation with a number.
type scalarStep struct {
	op string
	by float64
}

// rnnActivations says how each is computed.
var rnnActivations = map[string]struct {
	// y is one of these: a unary operation, a function, or operations with numbers one after the other (none: x itself).
	unary string
	by    func(x float64) float64
	steps []scalarStep
	// dy y' is one of these: a binary operation of dy and y, dy times a function of y, or dy times slope where y is between 0
	// and top (all 0: dy itself).
	grad       string
	derivative func(y float64) float64
	slope, top float64
}{
	"linear":  {},
	"tanh":    {unary: "tanh", grad: "tanh_grad"},
	"sigmoid": {unary: "sigmoid", grad: "sigmoid_grad"},
	"relu":    {unary: "relu", grad: "relu_grad"},
	// relu6(x+3)/6
	"hard_sigmoid": {steps: []scalarStep{{"add", 3}, {"maximum", 0}, {"minimum", 6}, {"div", 6}}, slope: 1.0 / 6, top: 1},
	// clip(0.2x + 0.5, 0, 1), the hard_sigmoid of Keras 1 and 2
	"hard_sigmoid_legacy": {steps: []scalarStep{{"mul", 0.2}, {"add", 0.5}, {"maximum", 0}, {"minimum", 1}}, slope: 0.2, top: 1},
	"relu6":               {steps: []scalarStep{{"maximum", 0}, {"minimum", 6}}, slope: 1, top: 6},
	"softplus":            {unary: "softplus", derivative: func(y float64) float64 { return -math.Expm1(-y) }},
	"exponential":         {unary: "exp", derivative: func(y float64) float64 { return y }},
	"softsign": {
		by:         func(x float64) float64 { return x / (1 + math.Abs(x)) },
		derivative: func(y float64) float64 { return (1 - math.Abs(y)) * (1 - math.Abs(y)) },
	},
	"elu": {
		by:         func(x float64) float64 { return elu(x, 1, 1) },
		derivative: func(y float64) float64 { return eluSlope(y, 1, 1) },
	},
	"selu": {
		by:         func(x float64) float64 { return elu(x, seluScale, seluAlpha) },
		derivative: func(y float64) float64 { return eluSlope(y, seluScale, seluAlpha) },
	},
}

// The constants of selu (Klambauer et al., "Self-Normalizing Neural Networks", 2017).
const seluScale, seluAlpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

// elu is scale x, for negative x scale alpha (e^x - 1).
func elu(x, scale, alpha float64) float64 {
	if x > 0 {
		return scale * x
	}
	return scale * alpha * math.Expm1(x)
}

// eluSlope is the derivative of elu by its result.
func eluSlope(y, scale, alpha float64) float64 {
	if y > 0 {
		return scale
	}
	return y + scale*alpha
}

// RNNActivations are the names that RNNSpec knows, sorted.
func RNNActivations() []string { return slices.Sorted(maps.Keys(rnnActivations)) }

func newRNNActivation[T tensor.Float](p *Pool, name string) (a rnnActivation[T], ok bool) {
	row, ok := rnnActivations[name]
	if !ok {
		return a, false
	}
	ref := p.Reference()
	switch {
	case row.unary != "":
		a.forward = Unary[T](row.unary, ref)
	case row.by != nil:
		a.forward = unaryThrough[T](row.by)
	default:
		a.forward = chain[T](row.steps, ref)
	}
	switch {
	case row.grad != "":
		a.grad = Binary[T](row.grad, ref)
	case row.derivative != nil:
		a.grad = binaryThrough[T](func(dy, y float64) float64 { return dy * row.derivative(y) }).both
	case row.slope != 0:
		slope, top := T(row.slope), T(row.top)
		a.grad = func(dst, dy, y []T) {
			for i, d := range dy[:len(dst)] {
				if v := y[i]; v > 0 && v < top {
					dst[i] = d * slope
				} else {
					dst[i] = 0
				}
			}
		}
	default:
		a.grad = func(dst, dy, _ []T) { copy(dst, dy) }
	}
	return a, true
}

// chain applies operations with numbers, one after the other.
func chain[T tensor.Float](steps []scalarStep, reference bool) func(dst, x []T) {
	ops := make([]func(dst, x []T, y T), len(steps))
	for i, s := range steps {
		ops[i] = BinaryScalar[T](s.op, reference)
	}
	return func(dst, x []T) {
		if len(ops) == 0 {
			copy(dst, x)
		}
		for i, op := range ops {
			op(dst, x, T(steps[i].by))
			x = dst
		}
	}
}
