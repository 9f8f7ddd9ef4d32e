package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// naivePool computes max and average pooling and their gradients from the definition, in float64.
func naivePool[T tensor.Float](s PoolSpec, x, dy []T) [][]float64 {
	c := s.Channels
	nx, ny := s.Batch*volume(s.In)*c, s.Batch*volume(s.Out)*c
	top, mean, dTop, dMean := make([]float64, ny), make([]float64, ny), make([]float64, nx), make([]float64, nx)
	walk([]int{s.Batch, s.Out[0], s.Out[1], s.Out[2], c}, func(o []int) {
		out := at(0, Strides([]int{s.Batch, s.Out[0], s.Out[1], s.Out[2], c}), o)
		best, where, sum := math.Inf(-1), -1, 0.0
		var inside []int
		walk(s.Size[:], func(k []int) {
			var i [3]int
			for a := range 3 {
				i[a] = o[a+1]*s.Strides[a] - s.PadLo[a] + k[a]
				if i[a] < 0 || i[a] >= s.In[a] {
					return
				}
			}
			place := (((o[0]*s.In[0]+i[0])*s.In[1]+i[1])*s.In[2]+i[2])*c + o[4]
			inside = append(inside, place)
			if v := float64(x[place]); v > best {
				best, where = v, place
			}
			sum += float64(x[place])
		})
		top[out] = best
		for _, place := range inside {
			mean[out] = sum / float64(len(inside))
			dMean[place] += float64(dy[out]) / float64(len(inside))
		}
		if where >= 0 {
			dTop[where] += float64(dy[out])
		}
	})
	return [][]float64{top, mean, dTop, dMean}
}

func testPooling[T tensor.Float](t *testing.T, tolerance float64) {
	specs := []PoolSpec{
		{Batch: 3, Channels: 5, In: [3]int{1, 8, 6}, Out: [3]int{1, 4, 3},
			Size: [3]int{1, 2, 2}, Strides: [3]int{1, 2, 2}},
		{Batch: 20, Channels: 3, In: [3]int{1, 1, 9}, Out: [3]int{1, 1, 5},
			Size: [3]int{1, 1, 3}, Strides: [3]int{1, 1, 2}, PadLo: [3]int{0, 0, 1}},
		{Batch: 2, Channels: 130, In: [3]int{1, 5, 5}, Out: [3]int{1, 5, 5},
			Size: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1}, PadLo: [3]int{0, 1, 1}},
		{Batch: 1, Channels: 2, In: [3]int{4, 5, 6}, Out: [3]int{2, 2, 3},
			Size: [3]int{2, 3, 2}, Strides: [3]int{2, 2, 2}, PadLo: [3]int{0, 0, 0}},
		// with windows outside of the image
		{Batch: 2, Channels: 1, In: [3]int{1, 2, 2}, Out: [3]int{1, 3, 3},
			Size: [3]int{1, 1, 1}, Strides: [3]int{1, 1, 1}, PadLo: [3]int{0, 0, 0}},
		{Batch: 0, Channels: 4, In: [3]int{1, 2, 2}, Out: [3]int{1, 1, 1},
			Size: [3]int{1, 2, 2}, Strides: [3]int{1, 1, 1}},
	}
	for n := range 70 {
		specs = append(specs, PoolSpec{Batch: 2, Channels: n, In: [3]int{1, 3, 4}, Out: [3]int{1, 2, 2},
			Size: [3]int{1, 2, 2}, Strides: [3]int{1, 1, 2}})
	}
	for _, s := range specs {
		nx, ny := s.Batch*volume(s.In)*s.Channels, s.Batch*volume(s.Out)*s.Channels
		x, dy := newGuarded[T](testRand(), nx), newGuarded[T](testRand(), ny)
		for i := range x.data {
			x.data[i] = T(math.Round(float64(x.data[i]) * 4)) // ties
		}
		want := naivePool(s, x.data, dy.data)
		runsAlike(t, func(p *Pool) (func(), [][]T) {
			top, mean := newGuarded[T](testRand(), ny), newGuarded[T](testRand(), ny)
			dTop, dMean := newGuarded[T](testRand(), nx), newGuarded[T](testRand(), nx)
			steps := []func(){MaxPool(p, top.data, x.data, s), AvgPool(p, mean.data, x.data, s),
				MaxPoolGrad(p, dTop.data, dy.data, x.data, top.data, s), AvgPoolGrad(p, dMean.data, dy.data, s)}
			return func() {
				for _, step := range steps {
					step()
				}
			}, [][]T{top.whole, mean.whole, dTop.whole, dMean.whole}
		}, func(t *testing.T, results [][]T) {
			for i, name := range []string{"max", "mean", "max gradient", "mean gradient"} {
				compare(t, fmt.Sprintf("%s %+v", name, s), results[i], want[i], tolerance)
			}
		})
	}
}

func TestPoolingFloat32(t *testing.T) { testPooling[float32](t, 1e-6) }

func TestPoolingFloat64(t *testing.T) { testPooling[float64](t, 1e-14) }

func TestMaxPoolNaN(t *testing.T) {
	s := PoolSpec{Batch: 1, Channels: 1, In: [3]int{1, 1, 4}, Out: [3]int{1, 1, 2}, Size: [3]int{1, 1, 2}, Strides: [3]int{1, 1, 2}}
	y := make([]float32, 2)
	MaxPool(Default(), y, []float32{1, float32(math.NaN()), 2, 3}, s)()
	if y[0] == y[0] || y[1] != 3 {
		t.Errorf("got %v, want [NaN 3]", y)
	}
}

func BenchmarkPooling(b *testing.B) {
	s := PoolSpec{Batch: 128, Channels: 32, In: [3]int{1, 26, 26}, Out: [3]int{1, 13, 13}, Size: [3]int{1, 2, 2}, Strides: [3]int{1, 2, 2}}
	x, y := make([]float32, s.Batch*volume(s.In)*s.Channels), make([]float32, s.Batch*volume(s.Out)*s.Channels)
	dx := make([]float32, len(x))
	for name, run := range map[string]func(){
		"max":          MaxPool(Default(), y, x, s),
		"max gradient": MaxPoolGrad(Default(), dx, y, x, y, s),
		"avg":          AvgPool(Default(), y, x, s),
		"avg gradient": AvgPoolGrad(Default(), dx, y, s),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				run()
			}
			b.SetBytes(int64(4 * len(x)))
		})
	}
}
