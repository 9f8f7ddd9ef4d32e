package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// approximate are the operations that assembly approximates. All others give the same bits on every level.
var approximate = map[string]bool{"exp": true, "expm1": true, "log": true, "log1p": true, "rsqrt": true, "tanh": true, "sigmoid": true,
	"erf": true, "softplus": true}

const elementwiseTolerance = 3e-7

var corners = []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3, -3, math.Inf(1), math.Inf(-1), math.NaN(),
	math.MaxFloat32, -math.MaxFloat32, 0x1p-126, -0x1p-126, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-130,
	88.5, 88.8, 89.5, -87, -88, -100, -103, -104, -105, 17, -17, -20, 9, 10, -10, 1e-10, -1e-10, 0x1p24, 8388609, -8388609, 0.999999, -0.999999, 1.000001, 1e30, -1e30}

// elementwiseInputs are numbers of many sizes, the corners among them.
func elementwiseInputs[T tensor.Float](r *rand.Rand, dst []T) {
	for i := range dst {
		switch r.IntN(4) {
		case 0:
			dst[i] = T(corners[r.IntN(len(corners))])
		case 1:
			dst[i] = T(r.NormFloat64())
		case 2:
			dst[i] = T(r.NormFloat64() * 20)
		default:
			dst[i] = T(math.Ldexp(r.NormFloat64(), r.IntN(60)-40))
		}
	}
}

// near reports whether got is want, up to a relative error, and up to one denormal.
func near(got, want, tolerance float64) bool {
	if got != got || want != want {
		return got != got && want != want
	}
	return got == want || math.Abs(got-want) <= tolerance*math.Abs(want)+1.5e-45
}

func TestElementwise(t *testing.T) {
	sizes := []int{511, 1030}
	for n := range 71 {
		sizes = append(sizes, n)
	}
	// try runs one loop over operands in guarded memory, then in place, then element by element.
	try := func(t *testing.T, name string, operands int, run func(dst []float32, in [][]float32), ref func(dst []float32, in [][]float32)) {
		r := rand.New(rand.NewPCG(1, uint64(len(name))))
		tolerance := 0.0
		if approximate[name] {
			tolerance = elementwiseTolerance
		}
		for _, n := range sizes {
			dst := newGuarded[float32](r, n)
			in, all := make([][]float32, operands), []guarded[float32]{dst}
			for i := range in {
				g := newGuarded[float32](r, n)
				elementwiseInputs(r, g.data)
				if i > 0 && n > 3 {
					g.data[2] = in[0][2] // equal operands
				}
				in[i], all = g.data, append(all, g)
			}
			want := make([]float32, n)
			ref(want, in)
			run(dst.data, in)
			for i, v := range dst.data {
				if !near(float64(v), float64(want[i]), tolerance) {
					t.Fatalf("%s: n=%d: element %d: got %v, want %v; operands %v", name, n, i, v, want[i], column(in, i))
				}
			}
			one := make([]float32, 1)
			for i := range n {
				single := make([][]float32, operands)
				for k := range in {
					single[k] = in[k][i : i+1]
				}
				run(one, single)
				if math.Float32bits(one[0]) != math.Float32bits(dst.data[i]) {
					t.Fatalf("%s: element %d of %d is %v, alone %v", name, i, n, dst.data[i], one[0])
				}
			}
			for k := range in {
				kept := append([]float32{}, in[k]...)
				run(in[k], in)
				for i, v := range in[k] {
					if math.Float32bits(v) != math.Float32bits(dst.data[i]) {
						t.Fatalf("%s: in place of operand %d: element %d of %d is %v, want %v", name, k, i, n, v, dst.data[i])
					}
				}
				copy(in[k], kept)
			}
			for _, g := range all {
				g.check(t)
			}
		}
	}
	for level, set := range levels() {
		t.Run(level, func(t *testing.T) {
			defer set()()
			for _, name := range UnaryNames() {
				f, g := Unary[float32](name, false), Unary[float32](name, true)
				try(t, name, 1, func(dst []float32, in [][]float32) { f(dst, in[0]) },
					func(dst []float32, in [][]float32) { g(dst, in[0]) })
			}
			for _, name := range BinaryNames() {
				f, g := Binary[float32](name, false), Binary[float32](name, true)
				try(t, name, 2, func(dst []float32, in [][]float32) { f(dst, in[0], in[1]) },
					func(dst []float32, in [][]float32) { g(dst, in[0], in[1]) })
				for _, y := range []float32{0, 1, 2, -1, -3, 0.5, float32(math.NaN())} {
					right, left := BinaryScalar[float32](name, false), ScalarBinary[float32](name, false)
					many := make([]float32, 1030)
					for i := range many {
						many[i] = y
					}
					try(t, name, 1, func(dst []float32, in [][]float32) { right(dst, in[0], y) },
						func(dst []float32, in [][]float32) { g(dst, in[0], many) })
					try(t, name, 1, func(dst []float32, in [][]float32) { left(dst, in[0], y) },
						func(dst []float32, in [][]float32) { g(dst, many, in[0]) })
				}
			}
			for _, name := range TernaryNames() {
				f, g := Ternary[float32](name, false), Ternary[float32](name, true)
				try(t, name, 3, func(dst []float32, in [][]float32) { f(dst, in[0], in[1], in[2]) },
					func(dst []float32, in [][]float32) { g(dst, in[0], in[1], in[2]) })
			}
			for _, name := range FusedNames() {
				f, g := Fused[float32](name, false), Fused[float32](name, true)
				for _, v := range []float32{0, 0.1, -3} {
					try(t, name, 3, func(dst []float32, in [][]float32) { f(dst, in[0], in[1], in[2], v, 1e-7) },
						func(dst []float32, in [][]float32) { g(dst, in[0], in[1], in[2], v, 1e-7) })
				}
			}
			for n := range 70 {
				g := newGuarded[float32](rand.New(rand.NewPCG(1, 2)), n)
				Fill[float32](false)(g.data, 7)
				for _, v := range g.data {
					if v != 7 {
						t.Fatalf("fill of %d: got %v", n, v)
					}
				}
				g.check(t)
			}
		})
	}
}

func column(in [][]float32, i int) (out []float32) {
	for _, x := range in {
		out = append(out, x[i])
	}
	return out
}

// TestElementwiseAccuracy compares the approximations with float64 over dense sweeps of everything they take.
func TestElementwiseAccuracy(t *testing.T) {
	const tile = 4096
	step := uint32(97)
	if testing.Short() {
		step = 9973
	}
	for level, set := range levels() {
		if level == "go" {
			continue
		}
		t.Run(level, func(t *testing.T) {
			defer set()()
			for name := range approximate {
				f, exactly := Unary[float32](name, false), Unary[float64](name, true)
				x, y := make([]float32, 0, tile), make([]float32, tile)
				worst, at := 0.0, float32(0)
				flush := func() {
					f(y[:len(x)], x)
					want := make([]float64, len(x))
					for i, v := range x {
						want[i] = float64(v)
					}
					exactly(want, want)
					for i, v := range x {
						got, want := float64(y[i]), want[i]
						if want > math.MaxFloat32*(1+1e-7) {
							want = math.Inf(1)
						}
						if got != got || want != want || math.IsInf(want, 0) {
							if !near(got, want, elementwiseTolerance) {
								t.Errorf("%s(%v) = %v, want %v", name, v, got, want)
							}
							continue
						}
						if err := (math.Abs(got-want) - 1.5e-45) / math.Abs(want); err > worst {
							worst, at = err, v
						}
					}
					x = x[:0]
				}
				add := func(v float32) {
					if x = append(x, v); len(x) == tile {
						flush()
					}
				}
				for bits := uint32(0); bits < 0x7f800000; bits += step {
					// Most numbers are dull: tiny, where f(x) is x or 1, or large, where it is a limit.
					if v := math.Float32frombits(bits); v > 1e-4 && v < 200 || bits%13 == 0 {
						add(v)
						add(-v)
					}
				}
				flush()
				t.Logf("%-10s worst relative error %.3g at %v", name, worst, at)
				if worst > elementwiseTolerance {
					t.Errorf("%s: relative error %.3g at %v, want <= %g", name, worst, at, elementwiseTolerance)
				}
			}
		})
	}
}

func TestElementwiseReference(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	unary := []struct {
		name    string
		x, want float64
	}{{"round", 2.5, 2}, {"round", -3.5, -4}, {"sign", -7, -1}, {"sign", nan, nan}, {"not", 0, 1}, {"not", nan, 0},
		{"is_nan", nan, 1}, {"is_nan", inf, 0}, {"is_finite", inf, 0}, {"is_finite", nan, 0}, {"is_finite", 3, 1}, {"relu", nan, nan},
		{"relu", -2, 0}, {"sigmoid", 0, 0.5}, {"softplus", 0, math.Ln2}, {"rsqrt", 4, 0.5}, {"reciprocal", 4, 0.25}, {"log", 0, -inf}, {"log", -1, nan}, {"sigmoid", -inf, 0}, {"tanh", inf, 1}}
	for _, c := range unary {
		got := []float64{0}
		if Unary[float64](c.name, false)(got, []float64{c.x}); !near(got[0], c.want, 1e-15) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.x, got[0], c.want)
		}
	}
	binary := []struct {
		name       string
		x, y, want float64
	}{{"mod", -7, 3, 2}, {"mod", 7, -3, -2}, {"mod", -6, 3, 0}, {"floor_div", -7, 2, -4}, {"maximum", nan, 1, nan},
		{"minimum", 1, nan, nan}, {"pow", 2, 10, 1024}, {"pow", -2, 3, -8}, {"pow", 3, 2, 9}, {"pow", nan, 0, 1},
		{"and", 2, -1, 1}, {"or", 0, 0, 0},
		{"not_equal", nan, nan, 1}, {"relu_grad", 5, 0, 0}, {"relu_grad", 5, 1, 5}, {"tanh_grad", 2, 0.5, 1.5},
		{"sigmoid_grad", 2, 0.25, 0.375}, {"atan2", 1, 0, math.Pi / 2}}
	for _, c := range binary {
		got := []float64{0}
		if Binary[float64](c.name, false)(got, []float64{c.x}, []float64{c.y}); !near(got[0], c.want, 1e-15) {
			t.Errorf("%s(%v, %v) = %v, want %v", c.name, c.x, c.y, got[0], c.want)
		}
	}
	if Unary[float32]("nothing", false) != nil || Binary[float32]("nothing", false) != nil || BinaryScalar[float64]("nothing", false) != nil ||
		ScalarBinary[float64]("nothing", false) != nil || Ternary[float32]("nothing", false) != nil {
		t.Error("unknown name: got a loop")
	}
}

// TestElementwiseTables: assembly under a name without a Go loop would never run.
func TestElementwiseTables(t *testing.T) {
	for _, set := range levels() {
		restore := set()
		code := elementwise()
		for name := range code.unary {
			if _, ok := unaryLoops[name]; !ok {
				t.Errorf("unary %q has no Go loop", name)
			}
		}
		for name := range code.binary {
			if _, ok := binaryLoops[name]; !ok {
				t.Errorf("binary %q has no Go loop", name)
			}
		}
		for name := range code.ternary {
			if _, ok := ternaryLoops[name]; !ok {
				t.Errorf("ternary %q has no Go loop", name)
			}
		}
		restore()
	}
}

func TestElementwiseAllocatesNothing(t *testing.T) {
	x := make([]float32, 1000)
	exp, add := Unary[float32]("exp", false), Binary[float32]("add", false)
	scaled, pow := BinaryScalar[float32]("mul", false), BinaryScalar[float32]("pow", false)
	pick := Select[float32](false)
	if n := testing.AllocsPerRun(100, func() {
		exp(x, x)
		add(x, x, x)
		scaled(x, x, 2)
		pow(x, x, 3)
		pick(x, x, x, x)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkElementwise(b *testing.B) {
	const n = 2048
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i%200)/20 - 5
	}
	for _, name := range []string{"exp", "tanh", "sigmoid", "log", "softplus", "erf", "relu", "sqrt", "rsqrt"} {
		for _, level := range []string{"avx512", "avx2", "go"} {
			set, ok := levels()[level]
			if !ok {
				continue
			}
			b.Run(fmt.Sprint(name, "/", level), func(b *testing.B) {
				defer set()()
				f := Unary[float32](name, false)
				for b.Loop() {
					f(y, x)
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "G/s")
			})
		}
	}
	add := Binary[float32]("add", false)
	b.Run("add", func(b *testing.B) {
		for b.Loop() {
			add(y, x, y)
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "G/s")
	})
}

// testRand is a source of test data, the same in every run.
func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
