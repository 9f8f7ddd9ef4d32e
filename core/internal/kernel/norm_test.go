package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// naiveNorm normalises groups of elements: group says which group and which parameter an element belongs to. It returns y,
// mean, variance and rstd of the groups, and the gradients dx, dgamma, dbeta, all in float64.
func naiveNorm[T tensor.Float](x, dy, gamma, beta []T, groups, params int, epsilon float64, group func(i int) (g, param int)) [][]float64 {
	y, dx := make([]float64, len(x)), make([]float64, len(x))
	mean, variance, rstd, n := make([]float64, groups), make([]float64, groups), make([]float64, groups), make([]float64, groups)
	dgamma, dbeta := make([]float64, params), make([]float64, params)
	each := func(f func(i, g, j int)) {
		for i := range x {
			g, j := group(i)
			f(i, g, j)
		}
	}
	gain := func(j int) float64 {
		if gamma == nil {
			return 1
		}
		return float64(gamma[j])
	}
	each(func(i, g, _ int) { mean[g], n[g] = mean[g]+float64(x[i]), n[g]+1 })
	for g := range mean {
		mean[g] /= n[g]
	}
	each(func(i, g, _ int) { d := float64(x[i]) - mean[g]; variance[g] += d * d / n[g] })
	for g := range rstd {
		rstd[g] = 1 / math.Sqrt(variance[g]+epsilon)
	}
	hat := func(i, g int) float64 { return (float64(x[i]) - mean[g]) * rstd[g] }
	m, mHat := make([]float64, groups), make([]float64, groups)
	each(func(i, g, j int) {
		y[i] = hat(i, g) * gain(j)
		if beta != nil {
			y[i] += float64(beta[j])
		}
		d := float64(dy[i])
		dgamma[j] += d * hat(i, g)
		dbeta[j] += d
		m[g] += d * gain(j) / n[g]
		mHat[g] += d * gain(j) * hat(i, g) / n[g]
	})
	each(func(i, g, j int) { dx[i] = rstd[g] * (float64(dy[i])*gain(j) - m[g] - hat(i, g)*mHat[g]) })
	return [][]float64{y, mean, variance, rstd, dx, dgamma, dbeta}
}

func testNorm[T tensor.Float](t *testing.T, tolerance float64) {
	for _, s := range [][2]int{{1, 1}, {2, 3}, {7, 17}, {300, 10}, {5000, 3}, {1000, 70}, {40, 1500}, {20, 2100}} {
		rows, c := s[0], s[1]
		for _, affine := range []bool{true, false} {
			r := testRand()
			x, dy, gamma, beta := newGuarded[T](r, rows*c), newGuarded[T](r, rows*c), newGuarded[T](r, c), newGuarded[T](r, c)
			for i := range x.data {
				x.data[i] = x.data[i]*2 + T(i%c%3)*10 // means away from zero
			}
			if !affine {
				gamma.data, beta.data = nil, nil
			}
			const epsilon = 1e-3
			outputs := func(sizes ...int) (gs []guarded[T], wholes [][]T) {
				for _, n := range sizes {
					g := newGuarded[T](testRand(), n)
					gs, wholes = append(gs, g), append(wholes, g.whole)
				}
				return gs, wholes
			}
			want := naiveNorm(x.data, dy.data, gamma.data, beta.data, c, c, epsilon, func(i int) (int, int) { return i % c, i % c })
			names := []string{"y", "mean", "variance", "rstd", "dx", "dgamma", "dbeta"}
			runsAlike(t, func(p *Pool) (func(), [][]T) {
				o, wholes := outputs(rows*c, c, c, c, rows*c, c, c)
				spec := BatchNormSpec{Rows: rows, C: c, Epsilon: epsilon}
				forth := BatchNorm(p, spec, o[0].data, o[1].data, o[2].data, o[3].data, x.data, gamma.data, beta.data)
				back := BatchNormGrad(p, spec, o[4].data, o[5].data, o[6].data, dy.data, x.data, o[1].data, o[3].data, gamma.data)
				return func() { forth(); back() }, wholes
			}, func(t *testing.T, results [][]T) {
				for i, name := range names {
					// With one row xhat is 0 but for rounding.
					if rows > 2 || i < 3 {
						compare(t, fmt.Sprint("batch norm of ", s, ": ", name), results[i], want[i], tolerance)
					}
				}
			})
			want = naiveNorm(x.data, dy.data, gamma.data, beta.data, rows, c, epsilon, func(i int) (int, int) { return i / c, i % c })
			want = append(want[:2:2], want[3:]...)
			names = append(names[:2:2], names[3:]...)
			runsAlike(t, func(p *Pool) (func(), [][]T) {
				o, wholes := outputs(rows*c, rows, rows, rows*c, c, c)
				forth := LayerNorm(p, o[0].data, o[1].data, o[2].data, x.data, gamma.data, beta.data, rows, c, epsilon)
				back := LayerNormGrad(p, o[3].data, o[4].data, o[5].data, dy.data, x.data, o[1].data, o[2].data, gamma.data, rows, c)
				return func() { forth(); back() }, wholes
			}, func(t *testing.T, results [][]T) {
				for i, name := range names {
					if c > 2 || i < 2 {
						compare(t, fmt.Sprint("layer norm of ", s, ": ", name), results[i], want[i], tolerance)
					}
				}
			})
		}
	}
}

func TestNormFloat32(t *testing.T) { testNorm[float32](t, 5e-6) }

func TestNormFloat64(t *testing.T) { testNorm[float64](t, 1e-12) }

// TestBatchNormFarMean: a deviation that is small beside the mean.
func TestBatchNormFarMean(t *testing.T) {
	const rows, c = 10000, 5
	x := make([]float32, rows*c)
	r := testRand()
	for i := range x {
		x[i] = 1000 + float32(r.NormFloat64())
	}
	want := naiveNorm(x, x, nil, nil, c, c, 1e-3, func(i int) (int, int) { return i % c, i % c })
	y, mean, variance, rstd := make([]float32, rows*c), make([]float32, c), make([]float32, c), make([]float32, c)
	BatchNorm(Default(), BatchNormSpec{Rows: rows, C: c, Epsilon: 1e-3}, y, mean, variance, rstd, x, nil, nil)()
	for j := range c {
		if w := want[2][j]; math.Abs(float64(variance[j])-w) > 1e-5*w {
			t.Errorf("variance %v, want %v", variance[j], w)
		}
	}
}

func BenchmarkNorm(b *testing.B) {
	const rows, c = 128 * 14 * 14, 64
	x, y := make([]float32, rows*c), make([]float32, rows*c)
	a, m, v, r := make([]float32, rows), make([]float32, rows), make([]float32, rows), make([]float32, rows)
	for i := range x {
		x[i] = float32(i % 77)
	}
	spec := BatchNormSpec{Rows: rows, C: c, Epsilon: 1e-3}
	for name, run := range map[string]func(){
		"batch":          BatchNorm(Default(), spec, y, m, v, r, x, a, a),
		"batch gradient": BatchNormGrad(Default(), spec, y, v[:c], v[c:2*c], x, x, m, r, a),
		"layer":          LayerNorm(Default(), y, m, r, x, a, a, rows, c, 1e-3),
		"layer gradient": LayerNormGrad(Default(), y, v[:c], v[c:2*c], x, x, m, r, a, rows, c),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run()
			}
			b.SetBytes(4 * rows * c)
		})
	}
}
