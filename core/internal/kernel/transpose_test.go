package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// permutations are all orders of 0..n-1.
func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// walk calls f for every index below shape.
func walk(shape []int, f func(index []int)) {
	index := make([]int, len(shape))
	for _, n := range shape {
		if n == 0 {
			return
		}
	}
	for {
		f(index)
		i := len(shape) - 1
		for ; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func at(offset int, strides, index []int) int {
	for i := range index {
		offset += strides[i] * index[i]
	}
	return offset
}

func size(shape []int) int { return tensor.Shape(shape).Size() }

func TestTranspose(t *testing.T) {
	shapes := [][]int{{}, {5}, {0, 3}, {1, 7}, {33, 65}, {200, 300}, {2, 3, 4}, {1, 5, 1, 6}, {3, 40, 2, 35}, {2, 1, 3, 2, 5}, {4, 64, 8, 16}}
	for _, shape := range shapes {
		for _, perm := range permutations(len(shape)) {
			src := newGuarded[float32](testRand(), size(shape))
			out := make([]int, len(perm))
			for i, a := range perm {
				out[i] = shape[a]
			}
			runsAlike(t, func(p *Pool) (func(), [][]float32) {
				dst := newGuarded[float32](testRand(), size(shape))
				return Transpose(p, dst.data, src.data, shape, perm), [][]float32{dst.whole}
			}, func(t *testing.T, results [][]float32) {
				g := guarded[float32]{results[0], results[0][guard : len(results[0])-guard]}
				g.check(t)
				walk(out, func(index []int) {
					from := make([]int, len(index))
					for i, a := range perm {
						from[a] = index[i]
					}
					got, want := g.data[at(0, Strides(out), index)], src.data[at(0, Strides(shape), from)]
					if got != want {
						t.Fatalf("%v by %v: at %v: got %v, want %v", shape, perm, index, got, want)
					}
				})
			})
		}
	}
}

func TestCopyStrided(t *testing.T) {
	type array struct {
		offset  int
		strides []int
	}
	for _, c := range []struct {
		name       string
		shape      []int
		dst, src   array
		nDst, nSrc int
	}{
		{"slice", []int{4, 5, 6}, array{0, []int{30, 6, 1}}, array{77, []int{100, 10, 1}}, 120, 500},
		{"slice with steps", []int{4, 5}, array{0, []int{5, 1}}, array{3, []int{40, 3}}, 20, 160},
		{"pad", []int{4, 5}, array{11, []int{10, 1}}, array{0, []int{5, 1}}, 60, 20},
		{"reverse", []int{7, 3}, array{0, []int{3, 1}}, array{20, []int{-3, -1}}, 21, 21},
		{"reverse one axis", []int{7, 3}, array{0, []int{3, 1}}, array{18, []int{-3, 1}}, 21, 21},
		{"broadcast", []int{3, 4, 5}, array{0, []int{20, 5, 1}}, array{0, []int{0, 1, 0}}, 60, 4},
		{"broadcast scalar", []int{100}, array{0, []int{1}}, array{0, []int{0}}, 100, 1},
		{"broadcast rows", []int{1000, 50}, array{0, []int{50, 1}}, array{0, []int{0, 1}}, 50000, 50},
		{"long row", []int{50000}, array{5, []int{1}}, array{9, []int{1}}, 50010, 50010},
		{"scatter columns", []int{6, 4}, array{0, []int{1, 6}}, array{0, []int{1, 6}}, 24, 24},
		{"empty", []int{3, 0}, array{0, []int{1, 1}}, array{0, []int{1, 1}}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := newGuarded[float64](testRand(), c.nSrc)
			want := make([]float64, c.nDst)
			for i := range want {
				want[i] = math.NaN()
			}
			walk(c.shape, func(index []int) {
				want[at(c.dst.offset, c.dst.strides, index)] = src.data[at(c.src.offset, c.src.strides, index)]
			})
			runsAlike(t, func(p *Pool) (func(), [][]float64) {
				dst := newGuarded[float64](testRand(), c.nDst)
				for i := range dst.data {
					dst.data[i] = math.NaN()
				}
				run := CopyStrided(p, dst.data, c.dst.strides, c.dst.offset, src.data, c.src.strides, c.src.offset, c.shape)
				return run, [][]float64{dst.whole}
			}, func(t *testing.T, results [][]float64) {
				guarded[float64]{results[0], results[0][guard : len(results[0])-guard]}.check(t)
				for i, w := range want {
					if v := results[0][guard+i]; v != w && (v == v || w == w) {
						t.Errorf("at %d: got %v, want %v", i, v, w)
					}
				}
			})
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("a copy beyond the end of its source went through")
		}
	}()
	CopyStrided(Default(), make([]float32, 4), []int{1}, 0, make([]float32, 3), []int{1}, 0, []int{4})
}

func TestGather(t *testing.T) {
	const rows, n = 50, 700
	for _, width := range []int{1, 3, 32, 70} {
		table := newGuarded[float32](testRand(), rows*width)
		d := newGuarded[float32](testRand(), n*width)
		index := make([]float32, n)
		r := testRand()
		for i := range index {
			index[i] = float32(r.IntN(rows))
		}
		runsAlike(t, func(p *Pool) (func(), [][]float32) {
			dst, grad := newGuarded[float32](testRand(), n*width), newGuarded[float32](testRand(), rows*width)
			fail := func(i int) { t.Errorf("fail told %d", i) }
			forth := Gather(p, dst.data, table.data, index, rows, width, fail)
			back := ScatterAdd(p, grad.data, d.data, index, rows, width, fail)
			return func() { forth(); back() }, [][]float32{dst.whole, grad.whole}
		}, func(t *testing.T, results [][]float32) {
			want := make([]float64, rows*width)
			for i, v := range index {
				for j := range width {
					if got, want := results[0][guard+i*width+j], table.data[int(v)*width+j]; got != want {
						t.Fatalf("row %d: got %v, want %v", i, got, want)
					}
					want[int(v)*width+j] += float64(d.data[i*width+j])
				}
			}
			for i, w := range want {
				if got := float64(results[1][guard+i]); math.Abs(got-w) > 1e-5 {
					t.Fatalf("gradient %d: got %v, want %v", i, got, w)
				}
			}
			guarded[float32]{results[0], results[0][guard : len(results[0])-guard]}.check(t)
			guarded[float32]{results[1], results[1][guard : len(results[1])-guard]}.check(t)
		})
	}
}

func TestGatherOutside(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, c := range []struct {
		index []float64
		want  []int
	}{{[]float64{0, 2, 1}, nil}, {[]float64{0, 3, 99}, []int{3}}, {[]float64{-1, 0, 5}, []int{-1}},
		{[]float64{0, 0, math.NaN()}, []int{math.MinInt}},
		{[]float64{0, 0, math.Inf(1)}, []int{math.MinInt}}} {
		for name, kernel := range map[string]func(fail func(int)) func(){
			"gather": func(fail func(int)) func() {
				return Gather(p, make([]float64, 6), make([]float64, 6), c.index, 3, 2, fail)
			},
			"scatter": func(fail func(int)) func() {
				return ScatterAdd(p, make([]float64, 6), make([]float64, 6), c.index, 3, 2, fail)
			},
		} {
			var told []int
			run := kernel(func(i int) { told = append(told, i) })
			run()
			if !slices.Equal(told, c.want) {
				t.Errorf("%s %v: told %v, want %v", name, c.index, told, c.want)
			}
			run()
			if len(told) != 2*len(c.want) {
				t.Errorf("%s %v: a second run told %v", name, c.index, told)
			}
		}
	}
}

func BenchmarkTranspose(b *testing.B) {
	for _, c := range []struct{ shape, perm []int }{{[]int{1024, 1024}, []int{1, 0}}, {[]int{32, 128, 8, 64}, []int{0, 2, 1, 3}},
		{[]int{32, 28, 28, 32}, []int{0, 3, 1, 2}}} {
		src, dst := make([]float32, size(c.shape)), make([]float32, size(c.shape))
		b.Run(fmt.Sprint(c.shape, c.perm), func(b *testing.B) {
			run := Transpose(Default(), dst, src, c.shape, c.perm)
			for b.Loop() {
				run()
			}
			b.SetBytes(int64(4 * len(src)))
		})
	}
}
