package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// naiveSoftmax is softmax and its logarithm of one row, in float64.
func naiveSoftmax[T tensor.Float](x []T) (y, logY []float64) {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, float64(v))
	}
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	for _, v := range x {
		l := float64(v) - top - math.Log(sum)
		y, logY = append(y, math.Exp(l)), append(logY, l)
	}
	return y, logY
}

// compare checks results against what is wanted, relative to the largest number of the whole but to 0.1 at least, and the
// guards around them.
func compare[T tensor.Float](t *testing.T, name string, whole []T, want []float64, tolerance float64) {
	t.Helper()
	g := guarded[T]{whole, whole[guard : len(whole)-guard]}
	g.check(t)
	if len(g.data) != len(want) {
		t.Fatalf("%s: %d results, want %d", name, len(g.data), len(want))
	}
	scale := 0.1
	for _, w := range want {
		if !math.IsNaN(w) {
			scale = max(scale, math.Abs(w))
		}
	}
	for i, w := range want {
		v := float64(g.data[i])
		if v != w && (v == v || w == w) && !(math.Abs(v-w) <= tolerance*scale) {
			t.Errorf("%s: element %d: got %v, want %v", name, i, v, w)
			return
		}
	}
}

func testSoftmax[T tensor.Float](t *testing.T, tolerance float64) {
	shapes := [][2]int{{0, 5}, {3, 10}, {200, 33}, {2, 5000}, {1, 1}}
	for n := range 70 {
		shapes = append(shapes, [2]int{2, n + 1})
	}
	for _, s := range shapes {
		rows, n := s[0], s[1]
		r := testRand()
		x, dy, target, label := newGuarded[T](r, rows*n), newGuarded[T](r, rows*n), newGuarded[T](r, rows*n), newGuarded[T](r, rows)
		for i := range x.data {
			x.data[i] = x.data[i]*20 + 300
			target.data[i] = target.data[i]*target.data[i] + 0.1
		}
		for i := range label.data {
			label.data[i] = T(r.IntN(n))
		}
		want := make([][]float64, 8)
		for i := range rows {
			row := func(g guarded[T]) []T { return g.data[i*n:][:n] }
			y, l := naiveSoftmax(row(x))
			var dot, sum, mass, loss float64
			for j := range n {
				d, q := float64(row(dy)[j]), float64(row(target)[j])
				dot, sum, mass, loss = dot+d*y[j], sum+d, mass+q, loss-q*l[j]
			}
			at := int(label.data[i])
			want[2], want[4] = append(want[2], -l[at]), append(want[4], loss)
			for j := range n {
				d, hot := float64(row(dy)[j]), 0.0
				if j == at {
					hot = 1
				}
				want[0], want[1] = append(want[0], y[j]), append(want[1], l[j])
				want[3], want[5] = append(want[3], y[j]-hot), append(want[5], y[j]*mass-float64(row(target)[j]))
				want[6], want[7] = append(want[6], y[j]*(d-dot)), append(want[7], d-y[j]*sum)
			}
		}
		runsAlike(t, func(p *Pool) (func(), [][]T) {
			var out []guarded[T]
			for i := range want {
				out = append(out, newGuarded[T](testRand(), len(want[i])))
			}
			fail := func(i int) { t.Errorf("fail told %d", i) }
			steps := []func(){
				Softmax(p, out[0].data, x.data, rows, n),
				LogSoftmax(p, out[1].data, x.data, rows, n),
				SparseSoftmaxCrossEntropy(p, out[2].data, out[3].data, x.data, label.data, rows, n, fail),
				SoftmaxCrossEntropy(p, out[4].data, out[5].data, x.data, target.data, rows, n),
				SoftmaxGrad(p, out[6].data, dy.data, out[0].data, rows, n),
				LogSoftmaxGrad(p, out[7].data, dy.data, out[1].data, rows, n),
			}
			var results [][]T
			for _, g := range out {
				results = append(results, g.whole)
			}
			return func() {
				for _, step := range steps {
					step()
				}
			}, results
		}, func(t *testing.T, results [][]T) {
			for i, name := range []string{"softmax", "log softmax", "sparse loss", "sparse gradient", "loss", "loss gradient",
				"softmax gradient", "log softmax gradient"} {
				compare(t, fmt.Sprint(name, " of ", s), results[i], want[i], tolerance)
			}
		})
	}
}

func TestSoftmaxFloat32(t *testing.T) { testSoftmax[float32](t, 3e-6) }

func TestSoftmaxFloat64(t *testing.T) { testSoftmax[float64](t, 1e-12) }

func TestSoftmaxLarge(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct{ x, want []float32 }{
		{[]float32{1000, 1000}, []float32{0.5, 0.5}},
		{[]float32{-1e9, 0}, []float32{0, 1}},
		{[]float32{-inf, 3, 3}, []float32{0, 0.5, 0.5}},
		{[]float32{nan, 3}, []float32{nan, nan}},
		{[]float32{inf, 3}, []float32{nan, nan}},
	} {
		Softmax(Default(), c.x, c.x, 1, len(c.x))() // in place
		for i, w := range c.want {
			if v := c.x[i]; v != w && (v == v || w == w) {
				t.Errorf("got %v, want %v", c.x, c.want)
			}
		}
	}
}

func TestCrossEntropyBadLabel(t *testing.T) {
	var told []int
	loss, grad := make([]float64, 3), []float64{9, 9, 9, 9, 9, 9}
	fail := func(i int) { told = append(told, i) }
	SparseSoftmaxCrossEntropy(Default(), loss, grad, []float64{1, 1, 2, 2, 3, 3}, []float64{1, 2, -7}, 3, 2, fail)()
	if len(told) != 1 || told[0] != 2 {
		t.Errorf("told %v, want [2]", told)
	}
	if math.Abs(loss[0]-math.Ln2) > 1e-15 || !math.IsNaN(loss[1]) || !math.IsNaN(loss[2]) ||
		grad[2] != 0 || grad[5] != 0 || grad[0] != 0.5 {
		t.Errorf("loss %v, gradient %v", loss, grad)
	}
	SparseSoftmaxCrossEntropy(Default(), loss, nil, []float64{1, 1}, []float64{0}, 1, 2, nil)() // loss only
}

func BenchmarkSoftmax(b *testing.B) {
	for _, s := range [][2]int{{128, 10}, {32 * 8 * 128, 128}, {1024, 1000}} {
		b.Run(fmt.Sprint(s), func(b *testing.B) {
			x := make([]float32, s[0]*s[1])
			y := make([]float32, len(x))
			run := Softmax(Default(), y, x, s[0], s[1])
			for b.Loop() {
				run()
			}
			b.SetBytes(int64(4 * len(x)))
		})
	}
}
