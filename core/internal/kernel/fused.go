package kernel

import (
	"maps"
	"math"
	"slices"
	"unsafe"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the loops for several elementwise operations at once: those that stand in optimizers, whose operands are so large that
// every pass over them counts. They round after each operation, as the operations one by one do.

// FusedLoop computes dst from up to three vectors and two numbers; those that the operation does not have may be nil and 0.
type FusedLoop[T tensor.Float] func(dst, a, b, c []T, s, t T)

type fusedLoop = loop[FusedLoop[float32], FusedLoop[float64]]

var fusedLoops = map[string]fusedLoop{
	"toward":        {towardLoop[float32], towardLoop[float64]},             // a + (b-a) s
	"toward_square": {towardSquareLoop[float32], towardSquareLoop[float64]}, // a + (b b - a) s
	"add_scaled":    {addScaledLoop[float32], addScaledLoop[float64]},       // a + b s
	"sub_scaled":    {subScaledLoop[float32], subScaledLoop[float64]},       // a - b s
	"mix":           {mixLoop[float32], mixLoop[float64]},                   // a s + b t
	"mix_square":    {mixSquareLoop[float32], mixSquareLoop[float64]},       // a s + b b t
	"descend":       {descendLoop[float32], descendLoop[float64]},           // a - b s / (sqrt(c) + t)
}

// FusedNames are the names that Fused knows, sorted.
func FusedNames() []string { return slices.Sorted(maps.Keys(fusedLoops)) }

// Fused returns the loop of a name, nil for an unknown one.
func Fused[T tensor.Float](name string, reference bool) FusedLoop[T] {
	row, ok := fusedLoops[name]
	if !ok {
		return nil
	}
	if !reference {
		if code, ok := elementwise().fused[name]; ok {
			if f, ok := any(fusedVector(code)).(FusedLoop[T]); ok {
				return f
			}
		}
	}
	return of[T, FusedLoop[T]](row.f32, row.f64)
}

// fusedCode is the assembly for n >= 1 elements.
type fusedCode func(dst, a, b, c *float32, s, t float32, n int)

func fusedVector(code fusedCode) FusedLoop[float32] {
	return func(dst, a, b, c []float32, s, t float32) {
		n := len(dst)
		if n == 0 {
			return
		}
		_, _ = a[n-1], b[n-1]
		third := &b[0]
		if c != nil {
			_ = c[n-1]
			third = &c[0]
		}
		code(&dst[0], &a[0], &b[0], third, s, t, n)
	}
}

func towardLoop[T tensor.Float](dst, a, b, _ []T, s, _ T) {
	for i := range dst {
		d := b[i] - a[i]
		dst[i] = a[i] + T(d*s)
	}
}

func towardSquareLoop[T tensor.Float](dst, a, b, _ []T, s, _ T) {
	for i := range dst {
		d := T(b[i]*b[i]) - a[i]
		dst[i] = a[i] + T(d*s)
	}
}

func addScaledLoop[T tensor.Float](dst, a, b, _ []T, s, _ T) {
	for i := range dst {
		dst[i] = a[i] + T(b[i]*s)
	}
}

func subScaledLoop[T tensor.Float](dst, a, b, _ []T, s, _ T) {
	for i := range dst {
		dst[i] = a[i] - T(b[i]*s)
	}
}

func mixLoop[T tensor.Float](dst, a, b, _ []T, s, t T) {
	for i := range dst {
		dst[i] = T(a[i]*s) + T(b[i]*t)
	}
}

func mixSquareLoop[T tensor.Float](dst, a, b, _ []T, s, t T) {
	for i := range dst {
		dst[i] = T(a[i]*s) + T(T(b[i]*b[i])*t)
	}
}

func descendLoop[T tensor.Float](dst, a, b, c []T, s, t T) {
	for i := range dst {
		root := T(math.Sqrt(float64(c[i])))
		dst[i] = a[i] - T(b[i]*s)/(root+t)
	}
}

// Prefetch asks for x to be brought into the caches, to be there when it is needed a little later.
func Prefetch[T tensor.Float](x []T) {
	if len(x) > 0 {
		prefetch(unsafe.Pointer(&x[0]), (len(x)*sizeOf[T]()+63)/64)
	}
}
