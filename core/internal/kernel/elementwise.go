package kernel

import (
	"maps"
	"math"
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the elementwise operations: one table row per name, with its Go loop. The loops work on tiles that lie in a
// fast cache, on the calling goroutine. dst may be the same slice as an operand (not overlap it otherwise), and decides the
// length; operands may be longer. Truth values are 1 and 0, any number but 0 counts as true, NaN too.

//go:generate go run ./asm/elementwise -pkg kernel -out elementwise_amd64.s -stubs elementwise_stub_amd64.go -table elementwise_table_amd64.go

// loop is a Go loop for both types.
type loop[F32, F64 any] struct {
	f32 F32
	f64 F64
}

type (
	unaryLoop   = loop[func(dst, x []float32), func(dst, x []float64)]
	binaryLoop  = loop[binaryGo[float32], binaryGo[float64]]
	ternaryLoop = loop[func(dst, a, b, c []float32), func(dst, a, b, c []float64)]
)

// binaryGo is a binary operation on vectors, and on single numbers for the forms that are not used enough to have loops of
// their own.
type binaryGo[T tensor.Float] struct {
	both func(dst, x, y []T)
	one  func(x, y T) T
}

var unaryLoops = map[string]unaryLoop{
	"neg":        {negLoop[float32], negLoop[float64]},
	"abs":        {absLoop[float32], absLoop[float64]},
	"sign":       unaryBy(sign),
	"exp":        unaryBy(math.Exp),
	"expm1":      unaryBy(math.Expm1),
	"log":        unaryBy(math.Log),
	"log1p":      unaryBy(math.Log1p),
	"sqrt":       {sqrtLoop[float32], sqrtLoop[float64]},
	"rsqrt":      unaryBy(func(x float64) float64 { return 1 / math.Sqrt(x) }),
	"square":     {squareLoop[float32], squareLoop[float64]},
	"reciprocal": {reciprocalLoop[float32], reciprocalLoop[float64]},
	"tanh":       unaryBy(math.Tanh),
	"sigmoid":    unaryBy(sigmoid),
	"relu":       {reluLoop[float32], reluLoop[float64]},
	"erf":        unaryBy(math.Erf),
	"sin":        unaryBy(math.Sin),
	"cos":        unaryBy(math.Cos),
	"tan":        unaryBy(math.Tan),
	"floor":      unaryBy(math.Floor),
	"ceil":       unaryBy(math.Ceil),
	"round":      unaryBy(math.RoundToEven),
	"softplus":   unaryBy(func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }),
	"not":        unaryBy(func(x float64) float64 { return truth(x == 0) }),
	"is_nan":     unaryBy(func(x float64) float64 { return truth(x != x) }),
	"is_finite":  unaryBy(func(x float64) float64 { return truth(x-x == 0) }),
	"asin":       unaryBy(math.Asin),
	"acos":       unaryBy(math.Acos),
	"atan":       unaryBy(math.Atan),
	"sinh":       unaryBy(math.Sinh),
	"cosh":       unaryBy(math.Cosh),
	"asinh":      unaryBy(math.Asinh),
	"acosh":      unaryBy(math.Acosh),
	"atanh":      unaryBy(math.Atanh),
}

var binaryLoops = map[string]binaryLoop{
	"add":           binaryOf(addLoop[float32], addOne[float32], addLoop[float64], addOne[float64]),
	"sub":           binaryOf(subLoop[float32], subOne[float32], subLoop[float64], subOne[float64]),
	"mul":           binaryOf(mulLoop[float32], mulOne[float32], mulLoop[float64], mulOne[float64]),
	"div":           binaryOf(divLoop[float32], divOne[float32], divLoop[float64], divOne[float64]),
	"pow":           binaryOf(powLoop[float32], powOne[float32], powLoop[float64], powOne[float64]),
	"maximum":       binaryOf(maximumLoop[float32], maximumOne[float32], maximumLoop[float64], maximumOne[float64]),
	"minimum":       binaryOf(minimumLoop[float32], minimumOne[float32], minimumLoop[float64], minimumOne[float64]),
	"mod":           binaryBy(mod), // x - y floor(x/y), exactly; with the sign of y, as numpy
	"floor_div":     binaryOf(floorDivLoop[float32], floorDivOne[float32], floorDivLoop[float64], floorDivOne[float64]),
	"atan2":         binaryBy(math.Atan2),
	"equal":         binaryBy(func(x, y float64) float64 { return truth(x == y) }),
	"not_equal":     binaryBy(func(x, y float64) float64 { return truth(x != y) }),
	"less":          binaryBy(func(x, y float64) float64 { return truth(x < y) }),
	"less_equal":    binaryBy(func(x, y float64) float64 { return truth(x <= y) }),
	"greater":       binaryBy(func(x, y float64) float64 { return truth(x > y) }),
	"greater_equal": binaryBy(func(x, y float64) float64 { return truth(x >= y) }),
	"and":           binaryBy(func(x, y float64) float64 { return truth(x != 0 && y != 0) }),
	"or":            binaryBy(func(x, y float64) float64 { return truth(x != 0 || y != 0) }),
	// Of (dy, y): dy where y > 0, dy (1 - y^2), dy y (1 - y).
	"relu_grad":    binaryOf(reluGradLoop[float32], reluGradOne[float32], reluGradLoop[float64], reluGradOne[float64]),
	"tanh_grad":    binaryOf(tanhGradLoop[float32], tanhGradOne[float32], tanhGradLoop[float64], tanhGradOne[float64]),
	"sigmoid_grad": binaryOf(sigmoidGradLoop[float32], sigmoidGradOne[float32], sigmoidGradLoop[float64], sigmoidGradOne[float64]),
}

var ternaryLoops = map[string]ternaryLoop{
	"select":  {selectLoop[float32], selectLoop[float64]}, // (cond, a, b): a where cond is true, else b
	"mul_add": {mulAddLoop[float32], mulAddLoop[float64]}, // a*b + c, rounded after each
}

// UnaryNames are the names that Unary knows, sorted.
func UnaryNames() []string { return slices.Sorted(maps.Keys(unaryLoops)) }

// BinaryNames are the names that Binary, BinaryScalar and ScalarBinary know, sorted.
func BinaryNames() []string { return slices.Sorted(maps.Keys(binaryLoops)) }

// TernaryNames are the names that Ternary knows, sorted.
func TernaryNames() []string { return slices.Sorted(maps.Keys(ternaryLoops)) }

// Unary returns the loop dst[i] = name(x[i]), nil for an unknown name. With reference it is the Go loop.
func Unary[T tensor.Float](name string, reference bool) func(dst, x []T) {
	row, ok := unaryLoops[name]
	if !ok {
		return nil
	}
	if !reference {
		if code, ok := elementwise().unary[name]; ok {
			if f, ok := any(unaryVector(code)).(func(dst, x []T)); ok {
				return f
			}
		}
	}
	return of[T, func(dst, x []T)](row.f32, row.f64)
}

// Binary returns the loop dst[i] = name(x[i], y[i]), nil for an unknown name.
func Binary[T tensor.Float](name string, reference bool) func(dst, x, y []T) {
	row, ok := binaryLoops[name]
	if !ok {
		return nil
	}
	if !reference {
		if code, ok := elementwise().binary[name]; ok {
			if f, ok := any(binaryVector(code.both)).(func(dst, x, y []T)); ok {
				return f
			}
		}
	}
	return of[T, binaryGo[T]](row.f32, row.f64).both
}

// BinaryScalar returns the loop dst[i] = name(x[i], y), nil for an unknown name.
func BinaryScalar[T tensor.Float](name string, reference bool) func(dst, x []T, y T) {
	if !reference {
		if code, ok := elementwise().binary[name]; ok {
			if f, ok := any(scalarVector(code.right)).(func(dst, x []T, y T)); ok {
				return f
			}
		}
	}
	row, ok := binaryLoops[name]
	if !ok {
		return nil
	}
	f := of[T, binaryGo[T]](row.f32, row.f64).one
	through := func(dst, x []T, y T) {
		for i, v := range x[:len(dst)] {
			dst[i] = f(v, y)
		}
	}
	if name == "pow" {
		square := Unary[T]("square", reference)
		return func(dst, x []T, y T) {
			if y == 2 {
				square(dst, x)
			} else {
				through(dst, x, y)
			}
		}
	}
	return through
}

// ScalarBinary returns the loop dst[i] = name(y, x[i]), nil for an unknown name: the scalar is the left operand.
func ScalarBinary[T tensor.Float](name string, reference bool) func(dst, x []T, y T) {
	if !reference {
		if code, ok := elementwise().binary[name]; ok {
			if f, ok := any(scalarVector(code.left)).(func(dst, x []T, y T)); ok {
				return f
			}
		}
	}
	row, ok := binaryLoops[name]
	if !ok {
		return nil
	}
	f := of[T, binaryGo[T]](row.f32, row.f64).one
	return func(dst, x []T, y T) {
		for i, v := range x[:len(dst)] {
			dst[i] = f(y, v)
		}
	}
}

// Ternary returns the loop dst[i] = name(a[i], b[i], c[i]), nil for an unknown name.
func Ternary[T tensor.Float](name string, reference bool) func(dst, a, b, c []T) {
	row, ok := ternaryLoops[name]
	if !ok {
		return nil
	}
	if !reference {
		if code, ok := elementwise().ternary[name]; ok {
			if f, ok := any(ternaryVector(code)).(func(dst, a, b, c []T)); ok {
				return f
			}
		}
	}
	return of[T, func(dst, a, b, c []T)](row.f32, row.f64)
}

// Select returns the loop dst[i] = a[i] where cond[i] is true, else b[i].
func Select[T tensor.Float](reference bool) func(dst, cond, a, b []T) {
	return Ternary[T]("select", reference)
}

// Fill returns the loop dst[i] = v.
func Fill[T tensor.Float](reference bool) func(dst []T, v T) {
	if code := elementwise().fill; code != nil && !reference {
		f := func(dst []float32, v float32) {
			if n := len(dst); n > 0 {
				code(&dst[0], v, n)
			}
		}
		if f, ok := any(f).(func(dst []T, v T)); ok {
			return f
		}
	}
	return func(dst []T, v T) {
		for i := range dst {
			dst[i] = v
		}
	}
}

// of is the one of two functions that is for T.
func of[T tensor.Float, F any](f32, f64 any) F {
	if f, ok := f32.(F); ok {
		return f
	}
	return f64.(F)
}

// Assembly for n >= 1 elements; the number of a scalar operand comes last.
type (
	unaryCode   func(dst, x *float32, n int)
	pairCode    func(dst, x, y *float32, n int)
	scalarCode  func(dst, x *float32, y float32, n int)
	ternaryCode func(dst, a, b, c *float32, n int)
	fillCode    func(dst *float32, x float32, n int)
)

// binaryCode has the form for two vectors, that whose right operand is a number and that whose left is.
type binaryCode struct {
	both        pairCode
	right, left scalarCode
}

// elementwiseCode is the assembly of one instruction set.
type elementwiseCode struct {
	unary   map[string]unaryCode
	binary  map[string]binaryCode
	ternary map[string]ternaryCode
	fused   map[string]fusedCode
	fill    fillCode
}

func unaryVector(code unaryCode) func(dst, x []float32) {
	return func(dst, x []float32) {
		if n := len(dst); n > 0 {
			_ = x[n-1]
			code(&dst[0], &x[0], n)
		}
	}
}

func binaryVector(code pairCode) func(dst, x, y []float32) {
	return func(dst, x, y []float32) {
		if n := len(dst); n > 0 {
			_, _ = x[n-1], y[n-1]
			code(&dst[0], &x[0], &y[0], n)
		}
	}
}

func scalarVector(code scalarCode) func(dst, x []float32, y float32) {
	return func(dst, x []float32, y float32) {
		if n := len(dst); n > 0 {
			_ = x[n-1]
			code(&dst[0], &x[0], y, n)
		}
	}
}

func ternaryVector(code ternaryCode) func(dst, a, b, c []float32) {
	return func(dst, a, b, c []float32) {
		if n := len(dst); n > 0 {
			_, _, _ = a[n-1], b[n-1], c[n-1]
			code(&dst[0], &a[0], &b[0], &c[0], n)
		}
	}
}

// unaryBy makes loops that compute in float64.
func unaryBy(f func(float64) float64) unaryLoop {
	return unaryLoop{unaryThrough[float32](f), unaryThrough[float64](f)}
}

func unaryThrough[T tensor.Float](f func(float64) float64) func(dst, x []T) {
	return func(dst, x []T) {
		for i, v := range x[:len(dst)] {
			dst[i] = T(f(float64(v)))
		}
	}
}

func binaryOf(both32 func(dst, x, y []float32), one32 func(x, y float32) float32,
	both64 func(dst, x, y []float64), one64 func(x, y float64) float64) binaryLoop {
	return binaryLoop{binaryGo[float32]{both32, one32}, binaryGo[float64]{both64, one64}}
}

// binaryBy makes loops that compute in float64.
func binaryBy(f func(x, y float64) float64) binaryLoop {
	return binaryLoop{binaryThrough[float32](f), binaryThrough[float64](f)}
}

func binaryThrough[T tensor.Float](f func(x, y float64) float64) binaryGo[T] {
	return binaryGo[T]{func(dst, x, y []T) {
		y = y[:len(dst)]
		for i, v := range x[:len(dst)] {
			dst[i] = T(f(float64(v), float64(y[i])))
		}
	}, func(x, y T) T { return T(f(float64(x), float64(y))) }}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func sign(x float64) float64 {
	if x > 0 {
		return 1
	}
	if x < 0 {
		return -1
	}
	return x // 0 or NaN
}

// sigmoid is 1/(1 + e^-x); for negative x as e^x/(1 + e^x), which does not lose small results.
func sigmoid(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

func mod(x, y float64) float64 {
	r := math.Mod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// The loops below are those that a processor without our assembly should not do through a function call per element. Products
// that are added to are converted first, which forbids the compiler to fuse the two.

func negLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = -v
	}
}

func absLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = T(math.Abs(float64(v)))
	}
}

func sqrtLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = T(math.Sqrt(float64(v)))
	}
}

func squareLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = v * v
	}
}

func reciprocalLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = 1 / v
	}
}

func reluLoop[T tensor.Float](dst, x []T) {
	for i, v := range x[:len(dst)] {
		dst[i] = max(v, 0)
	}
}

func addOne[T tensor.Float](x, y T) T { return x + y }

func addLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = addOne(v, y[i])
	}
}

func subOne[T tensor.Float](x, y T) T { return x - y }

func subLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = subOne(v, y[i])
	}
}

func mulOne[T tensor.Float](x, y T) T { return x * y }

func mulLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = mulOne(v, y[i])
	}
}

func divOne[T tensor.Float](x, y T) T { return x / y }

func divLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = divOne(v, y[i])
	}
}

func maximumOne[T tensor.Float](x, y T) T { return max(x, y) }

func maximumLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = maximumOne(v, y[i])
	}
}

func minimumOne[T tensor.Float](x, y T) T { return min(x, y) }

func minimumLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = minimumOne(v, y[i])
	}
}

// floorDivOne rounds the quotient to T before it takes the floor, as TensorFlow does.
func floorDivOne[T tensor.Float](x, y T) T { return T(math.Floor(float64(x / y))) }

func floorDivLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = floorDivOne(v, y[i])
	}
}

// powOne has short cuts for the exponents that stand in models as constants.
func powOne[T tensor.Float](x, y T) T {
	switch y {
	case 1:
		return x
	case 2:
		return x * x
	case -1:
		return 1 / x
	}
	return T(math.Pow(float64(x), float64(y)))
}

func powLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = powOne(v, y[i])
	}
}

func reluGradOne[T tensor.Float](dy, y T) T {
	if y > 0 {
		return dy
	}
	return 0
}

func reluGradLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = reluGradOne(v, y[i])
	}
}

func tanhGradOne[T tensor.Float](dy, y T) T { return dy * (1 - T(y*y)) }

func tanhGradLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = tanhGradOne(v, y[i])
	}
}

func sigmoidGradOne[T tensor.Float](dy, y T) T { return dy * (y * (1 - y)) }

func sigmoidGradLoop[T tensor.Float](dst, x, y []T) {
	y = y[:len(dst)]
	for i, v := range x[:len(dst)] {
		dst[i] = sigmoidGradOne(v, y[i])
	}
}

func selectLoop[T tensor.Float](dst, cond, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, c := range cond[:len(dst)] {
		if c != 0 {
			dst[i] = a[i]
		} else {
			dst[i] = b[i]
		}
	}
}

func mulAddLoop[T tensor.Float](dst, a, b, c []T) {
	b, c = b[:len(dst)], c[:len(dst)]
	for i, v := range a[:len(dst)] {
		dst[i] = T(v*b[i]) + c[i]
	}
}
