package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// naiveReduce is the definition, in float64.
func naiveReduce[T tensor.Float](op string, src []T, outer, n, inner int) []float64 {
	dst := make([]float64, outer*inner)
	for i := range dst {
		at := func(k int) float64 { return float64(src[(i/inner*n+k)*inner+i%inner]) }
		sum, lost, prod, most, least, argMost, argLeast := 0.0, 0.0, 1.0, math.Inf(-1), math.Inf(1), 0, 0
		for k := range n {
			v := at(k)
			if v > most || v != v && most == most {
				argMost = k
			}
			if v < least || v != v && least == least {
				argLeast = k
			}
			prod, most, least = prod*v, max(most, v), min(least, v)
			s := sum + v
			if math.Abs(sum) >= math.Abs(v) { // after Neumaier
				lost += sum - s + v
			} else {
				lost += v - s + sum
			}
			sum = s
		}
		sum += lost
		dst[i] = map[string]float64{ReduceSum: sum, ReduceMean: sum / float64(n), ReduceMax: most, ReduceMin: least, ReduceProd: prod,
			ReduceArgMax: float64(argMost), ReduceArgMin: float64(argLeast)}[op]
	}
	return dst
}

var reduceOps = []string{ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceArgMax, ReduceArgMin}

// runsAlike runs a kernel with one and with three workers, on every level, and checks that numbers of workers change no bit,
// that running allocates nothing, and what check finds. prepare makes the kernel and returns its results.
func runsAlike[T tensor.Float](t *testing.T, prepare func(p *Pool) (run func(), results [][]T), check func(t *testing.T, results [][]T)) {
	t.Helper()
	for level, set := range levels() {
		restore := set()
		var first [][]T
		for _, workers := range []int{1, 3} {
			p := NewPool(workers)
			run, results := prepare(p)
			run()
			if check(t, results); t.Failed() {
				t.Fatalf("level %s, %d workers", level, workers)
			}
			copies := make([][]T, len(results))
			for i := range results {
				copies[i] = slices.Clone(results[i])
			}
			// What else runs in the process may allocate, but not every time.
			for try := 1; testing.AllocsPerRun(2, run) >= 1; try++ {
				if try == 5 {
					t.Fatalf("level %s: running allocates", level)
				}
			}
			for i, r := range results {
				for j, v := range r {
					if w := copies[i][j]; v != w && (v == v || w == w) {
						t.Fatalf("level %s: result %d[%d] is %v in another run, was %v", level, i, j, v, w)
					}
				}
			}
			if first == nil {
				first = copies
				continue
			}
			for i, r := range copies {
				for j, v := range r {
					if w := first[i][j]; v != w && (v == v || w == w) {
						t.Fatalf("level %s: result %d[%d] is %v with %d workers, %v with 1", level, i, j, v, workers, w)
					}
				}
			}
			p.Close()
		}
		restore()
	}
}

func testReduce[T tensor.Float](t *testing.T, tolerance float64) {
	shapes := [][3]int{{1, 1, 1}, {3, 0, 2}, {2, 5, 0}, {1, 40000, 1}, {1, 3000, 32}, {1, 300, 10}, {3, 7, 5}, {40, 28, 3}, {1, 17, 5000},
		{2, 700, 130}, {500, 10, 1}, {20, 3000, 1}}
	for n := range 67 {
		shapes = append(shapes, [3]int{2, n, 1}, [3]int{2, 3, n})
	}
	for _, s := range shapes {
		for _, op := range reduceOps {
			outer, n, inner := s[0], s[1], s[2]
			for _, withNaN := range []bool{false, true} {
				r := rand.New(rand.NewPCG(1, uint64(n)))
				src := newGuarded[T](r, outer*n*inner)
				size := 0.0
				for i := range src.data {
					src.data[i] += 0.3
					size += math.Abs(float64(src.data[i]))
				}
				if op == ReduceProd {
					for i := range src.data {
						src.data[i] = 1 + src.data[i]/1000
					}
				}
				if withNaN && len(src.data) > 2 {
					src.data[len(src.data)/3] = T(math.NaN())
				}
				want := naiveReduce(op, src.data, outer, n, inner)
				limit := tolerance * (1 + float64(n))
				if op == ReduceMean {
					limit = tolerance
				}
				runsAlike(t, func(p *Pool) (func(), [][]T) {
					dst := newGuarded[T](r, outer*inner)
					return Reduce(p, op, dst.data, src.data, outer, n, inner), [][]T{dst.whole}
				}, func(t *testing.T, results [][]T) {
					guarded[T]{results[0], results[0][guard : guard+outer*inner]}.check(t)
					for i, w := range want {
						got := float64(results[0][guard+i])
						if op == ReduceProd {
							limit = tolerance * float64(10+n) * math.Abs(w)
						}
						if got != w && (got == got || w == w) && !(math.Abs(got-w) <= limit) {
							t.Errorf("%s of %v: element %d: got %v, want %v", op, s, i, got, w)
							return
						}
					}
				})
			}
		}
	}
}

func TestReduceFloat32(t *testing.T) { testReduce[float32](t, 2e-7) }

func TestReduceFloat64(t *testing.T) { testReduce[float64](t, 1e-14) }

func TestReduceUnknown(t *testing.T) {
	if Reduce(Default(), "median", []float32{0}, []float32{0}, 1, 1, 1) != nil {
		t.Error("an unknown operation got a kernel")
	}
}

func BenchmarkReduce(b *testing.B) {
	for _, s := range [][3]int{{1, 128 * 26 * 26, 32}, {128 * 26 * 26, 32, 1}, {1, 1 << 20, 1}, {1, 128, 1024}} {
		src, dst := make([]float32, s[0]*s[1]*s[2]), make([]float32, s[0]*s[2])
		for _, op := range []string{ReduceSum, ReduceMax} {
			b.Run(fmt.Sprint(op, s), func(b *testing.B) {
				run := Reduce(Default(), op, dst, src, s[0], s[1], s[2])
				for b.Loop() {
					run()
				}
				b.SetBytes(int64(4 * len(src)))
			})
		}
	}
}
