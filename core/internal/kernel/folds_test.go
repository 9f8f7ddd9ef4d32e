package kernel

import (
	"math"
	"testing"
)

// TestFolds compares the assembly of every fold with the Go loops, in guarded memory.
func TestFolds(t *testing.T) {
	want := foldsOf[float32](true)
	for level, set := range levels() {
		restore := set()
		got := foldsOf[float32](false)
		r := testRand()
		near := func(name string, n int, a, b float32) {
			t.Helper()
			if math.Abs(float64(a-b)) > 1e-5*(1+math.Abs(float64(b))) || (a != a) != (b != b) {
				t.Errorf("%s: %s of %d: got %v, want %v", level, name, n, a, b)
			}
		}
		for n := range 71 {
			x, y := newGuarded[float32](r, n), newGuarded[float32](r, n)
			near("sum", n, got.sum(x.data), want.sum(x.data))
			near("dot", n, got.dot(x.data, y.data), want.dot(x.data, y.data))
			near("spread", n, got.spread(x.data, 0.3), want.spread(x.data, 0.3))
			e, f := newGuarded[float32](r, n), newGuarded[float32](r, n)
			near("exp", n, got.expSum(e.data, x.data, 0.3), want.expSum(f.data, x.data, 0.3))
			for i, v := range e.data {
				near("exp", n, v, f.data[i])
			}
			e.check(t)
			near("covary", n, got.covary(x.data, y.data, 0.3), want.covary(x.data, y.data, 0.3))
			if a, b := got.max(x.data), want.max(x.data); a != b {
				t.Errorf("%s: max of %d: got %v, want %v", level, n, a, b)
			}
			if a, b := got.min(x.data), want.min(x.data); a != b {
				t.Errorf("%s: min of %d: got %v, want %v", level, n, a, b)
			}
			for i := range x.data {
				was := x.data[i]
				x.data[i] = float32(math.NaN())
				if a, b := got.max(x.data), got.min(x.data); a == a || b == b {
					t.Errorf("%s: max and min of %d with NaN at %d: got %v and %v", level, n, i, a, b)
				}
				x.data[i] = was
			}
			for _, rows := range []int{1, 2, 5} {
				for _, stride := range []int{n, n + 3} {
					size := (rows-1)*stride + n
					x, y, m := newGuarded[float32](r, size), newGuarded[float32](r, size), newGuarded[float32](r, n)
					a, b := newGuarded[float32](r, n), newGuarded[float32](r, n)
					for name, run := range map[string]func(f *folds[float32], dst []float32){
						"sum":    func(f *folds[float32], dst []float32) { f.colSum(dst, x.data, rows, stride) },
						"max":    func(f *folds[float32], dst []float32) { f.colMax(dst, x.data, rows, stride) },
						"min":    func(f *folds[float32], dst []float32) { f.colMin(dst, x.data, rows, stride) },
						"dot":    func(f *folds[float32], dst []float32) { f.colDot(dst, x.data, y.data, rows, stride) },
						"spread": func(f *folds[float32], dst []float32) { f.colSpread(dst, x.data, m.data, rows, stride) },
						"covary": func(f *folds[float32], dst []float32) { f.colCovary(dst, x.data, y.data, m.data, rows, stride) },
					} {
						run(&got, a.data)
						run(&want, b.data)
						a.check(t)
						for i := range a.data {
							near("column "+name, n, a.data[i], b.data[i])
						}
					}
				}
			}
		}
		restore()
	}
}
