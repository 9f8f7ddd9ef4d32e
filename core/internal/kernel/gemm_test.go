package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// levels are the ways to compute float32 that this processor has, each with a function that switches to it and one that switches back.
func levels() map[string]func() (restore func()) {
	all := map[string]func() func(){"go": func() func() { return forceLevel(false, false) }}
	if useAVX2 {
		all["avx2"] = func() func() { return forceLevel(true, false) }
	}
	if useAVX512 {
		all["avx512"] = func() func() { return forceLevel(true, true) }
	}
	return all
}

// guarded is a slice of n numbers with NaN around it.
type guarded[T tensor.Float] struct{ whole, data []T }

const guard = 80

func newGuarded[T tensor.Float](r *rand.Rand, n int) guarded[T] {
	whole := make([]T, n+2*guard)
	for i := range whole {
		whole[i] = T(math.NaN())
	}
	g := guarded[T]{whole, whole[guard : guard+n]}
	for i := range g.data {
		g.data[i] = T(r.Float32()*2 - 1)
	}
	return g
}

func (g guarded[T]) check(t *testing.T) {
	t.Helper()
	for i, v := range g.whole {
		if (i < guard || i >= len(g.whole)-guard) && v == v {
			t.Fatalf("wrote %v at %d of %d", v, i-guard, len(g.data))
		}
	}
}

// gemmCase is a product with operands in guarded memory.
type gemmCase[T tensor.Float] struct {
	s       GemmSpec
	a, b, c guarded[T]
	want    []float64
}

func newGemmCase[T tensor.Float](r *rand.Rand, s GemmSpec) gemmCase[T] {
	n := s
	n.Epilogue = func(_, _, _, _, _, _ int) {} // batches stay as they are
	n.normalise()
	size := func(rows, cols, ld, stride int) int {
		if rows == 0 || cols == 0 {
			return 0
		}
		return (n.Batch-1)*stride + (rows-1)*ld + cols
	}
	rowsA, colsA := either(s.TransA, s.M, s.K)
	rowsB, colsB := either(s.TransB, s.K, s.N)
	g := gemmCase[T]{s: s,
		a: newGuarded[T](r, size(rowsA, colsA, n.LDA, n.StrideA)),
		b: newGuarded[T](r, size(rowsB, colsB, n.LDB, n.StrideB)),
		c: newGuarded[T](r, size(s.M, s.N, n.LDC, n.StrideC)),
	}
	g.want = make([]float64, len(g.c.data))
	for i, v := range g.c.data {
		g.want[i] = float64(v)
	}
	for batch := range n.Batch {
		for i := range s.M {
			for j := range s.N {
				at := batch*n.StrideC + i*n.LDC + j
				if !s.Accumulate {
					g.want[at] = 0
				}
				for k := range s.K {
					ia, ib := i*n.LDA+k, k*n.LDB+j
					if s.TransA {
						ia = k*n.LDA + i
					}
					if s.TransB {
						ib = j*n.LDB + k
					}
					g.want[at] += float64(g.a.data[batch*n.StrideA+ia]) * float64(g.b.data[batch*n.StrideB+ib])
				}
			}
		}
	}
	return g
}

// run computes the product into a fresh C and returns it.
func (g gemmCase[T]) run(t *testing.T, p *Pool, s GemmSpec) []T {
	t.Helper()
	c := guarded[T]{whole: slices.Clone(g.c.whole)}
	c.data = c.whole[guard : guard+len(g.c.data)]
	Gemm(p, s, c.data, g.a.data, g.b.data).Run()
	c.check(t)
	return c.data
}

func (g gemmCase[T]) check(t *testing.T, got []T, tolerance float64) {
	t.Helper()
	for i, want := range g.want {
		if !(math.Abs(float64(got[i])-want) <= tolerance*math.Sqrt(float64(g.s.K+1))) {
			t.Fatalf("%+v: element %d = %v, want %v", g.s, i, got[i], want)
		}
	}
}

func randomGemm(r *rand.Rand) GemmSpec {
	if r.IntN(5) == 0 { // for mulDots, either way
		s := GemmSpec{M: 1 + r.IntN(200), N: 1 + r.IntN(5), K: 1 + r.IntN(300), TransB: r.IntN(2) == 0, Accumulate: r.IntN(2) == 0}
		if s.TransB && r.IntN(2) == 0 {
			s.M, s.N = s.N, s.M
		}
		if r.IntN(2) == 0 {
			s.LDA, s.LDC, s.Batch = s.K+3, s.N+2, 1+r.IntN(3)
			s.StrideB = s.K * s.N * r.IntN(2)
		}
		return s
	}
	size := func() int {
		switch r.IntN(4) {
		case 0:
			return r.IntN(5)
		case 1:
			return r.IntN(140)
		case 2:
			return 16 * r.IntN(6)
		}
		return r.IntN(40)
	}
	s := GemmSpec{M: size(), N: size(), K: size(), TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0, Accumulate: r.IntN(2) == 0}
	if r.IntN(6) == 0 {
		s.K = 300 + r.IntN(700)
	}
	if r.IntN(8) == 0 {
		s.M = 150 + r.IntN(300)
	}
	if r.IntN(8) == 0 {
		s.N = 250 + r.IntN(300)
	}
	rowsA, colsA := either(s.TransA, s.M, s.K)
	rowsB, colsB := either(s.TransB, s.K, s.N)
	if r.IntN(2) == 0 {
		s.LDA, s.LDB, s.LDC = colsA+r.IntN(4), colsB+r.IntN(4), s.N+r.IntN(4)
	}
	if r.IntN(3) == 0 {
		s.Batch = 1 + r.IntN(5)
		if r.IntN(2) == 0 {
			s.StrideA = rowsA*max(colsA, s.LDA) + r.IntN(3)
		}
		if r.IntN(2) == 0 {
			s.StrideB = rowsB*max(colsB, s.LDB) + r.IntN(3)
		}
		s.M, s.N, s.K = min(s.M, 100), min(s.N, 100), min(s.K, 100)
	}
	s.ConstB = r.IntN(4) == 0
	return s
}

func TestGemmAgainstNaive(t *testing.T) {
	one, three := NewPool(1), NewPool(3)
	defer three.Close()
	for name, use := range levels() {
		t.Run(name, func(t *testing.T) {
			defer use()()
			r := rand.New(rand.NewPCG(1, 2))
			for range 250 {
				g := newGemmCase[float32](r, randomGemm(r))
				got := g.run(t, three, g.s)
				g.check(t, got, 2e-6)
				if !slices.Equal(got, g.run(t, one, g.s)) && len(got) > 0 && got[0] == got[0] {
					t.Fatalf("%+v: one and three workers differ", g.s)
				}
			}
		})
	}
	t.Run("float64", func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 300 {
			g := newGemmCase[float64](r, randomGemm(r))
			g.check(t, g.run(t, three, g.s), 1e-13)
		}
	})
}

// Every size up to a bit more than two panels, where the edges are.
func TestGemmTails(t *testing.T) {
	p := NewPool(1)
	for name, use := range levels() {
		t.Run(name, func(t *testing.T) {
			defer use()()
			r := rand.New(rand.NewPCG(5, 6))
			for n := range 71 {
				for _, m := range []int{1, 2, 3, 5, 7, 11, 12, 13, 17, 23, 70} {
					s := GemmSpec{M: m, N: n, K: 1 + (m*n)%37, TransA: n%2 == 0, TransB: m%2 == 0 && n%3 != 0, Accumulate: n%5 == 0}
					g := newGemmCase[float32](r, s)
					g.check(t, g.run(t, p, s), 2e-6)
				}
			}
		})
	}
}

// The bits of an element depend on its row of A and column of B only.
func TestGemmElementsDoNotDependOnShape(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for name, use := range levels() {
		if name == "go" {
			continue // the processor may or may not fuse, as the compiler likes
		}
		t.Run(name, func(t *testing.T) {
			defer use()()
			r := rand.New(rand.NewPCG(7, 8))
			const m, n, k = 61, 200, 801
			g := newGemmCase[float32](r, GemmSpec{M: m, N: n, K: k})
			all := g.run(t, p, g.s)
			for row := range m {
				c := make([]float32, n)
				Gemm(p, GemmSpec{M: 1, N: n, K: k}, c, g.a.data[row*k:][:k], g.b.data).Run()
				if !slices.Equal(c, all[row*n:][:n]) {
					t.Fatalf("row %d alone differs", row)
				}
			}
			b := NewPackedB[float32](p, k, n)
			b.Pack(g.b.data, n, false)
			c := make([]float32, m*n)
			for col := 0; col < n; col += 2 * PanelCols {
				b.Mul(c, n, g.a.data, k, m, col, min(n, col+2*PanelCols), false)
			}
			if !slices.Equal(c, all) {
				t.Fatal("PackedB differs from Gemm")
			}
		})
	}
}

func TestSerialProducts(t *testing.T) {
	p := NewPool(1)
	for name, use := range levels() {
		t.Run(name, func(t *testing.T) {
			defer use()()
			r := rand.New(rand.NewPCG(9, 10))
			for range 100 {
				s := GemmSpec{M: r.IntN(30), N: r.IntN(100), K: r.IntN(100), TransB: r.IntN(2) == 0, Accumulate: r.IntN(2) == 0}
				s.LDC = s.N + 1
				g := newGemmCase[float32](r, s)
				b := NewPackedB[float32](p, s.K, s.N)
				_, ldb := either(s.TransB, s.K, s.N)
				b.Pack(g.b.data, ldb, s.TransB)
				for j := 0; j < s.N; j += PanelCols {
					b.Mul(g.c.data, s.LDC, g.a.data, s.K, s.M, j, min(j+PanelCols, s.N), s.Accumulate)
				}
				g.c.check(t)
				g.check(t, g.c.data, 2e-6)

				s.TransA, s.TransB = s.TransB, false
				g = newGemmCase[float32](r, s)
				_, lda := either(s.TransA, s.M, s.K)
				MulSerial(p, g.c.data, s.LDC, g.a.data, lda, s.TransA, g.b.data, s.N, s.M, s.N, s.K, s.Accumulate)
				g.c.check(t)
				g.check(t, g.c.data, 2e-6)
			}
		})
	}
}

func TestGemmEpilogueSeesEveryElementOnce(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	r := rand.New(rand.NewPCG(11, 12))
	for range 200 {
		s := randomGemm(r)
		g := newGemmCase[float32](r, s)
		ldc, stride := max(s.LDC, s.N), s.M*max(s.LDC, s.N)
		c := slices.Clone(g.c.data)
		seen := make([]int8, len(c))
		s.Epilogue = func(worker, batch, row0, row1, col0, col1 int) {
			for i := row0; i < row1; i++ {
				for j := col0; j < col1; j++ {
					at := batch*stride + i*ldc + j
					c[at] = 2*c[at] + 1
					seen[at]++
				}
			}
		}
		Gemm(p, s, c, g.a.data, g.b.data).Run()
		for batch := range max(1, s.Batch) {
			for i := range s.M {
				for j := range s.N {
					at := batch*stride + i*ldc + j
					if want := 2*g.want[at] + 1; seen[at] != 1 || !(math.Abs(float64(c[at])-want) <= 1e-4) {
						t.Fatalf("%+v: element %d,%d: seen %d times, %v, want %v", s, i, j, seen[at], c[at], want)
					}
				}
			}
		}
	}
}

func TestGemmConstB(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	r := rand.New(rand.NewPCG(13, 14))
	a, b, c := newGuarded[float32](r, 50*60), newGuarded[float32](r, 60*70), newGuarded[float32](r, 50*70)
	g := Gemm(p, GemmSpec{M: 50, N: 70, K: 60, TransB: true, ConstB: true}, c.data, a.data, b.data)
	g.Run()
	before := slices.Clone(c.data)
	clear(b.data)
	g.Run()
	if !slices.Equal(before, c.data) {
		t.Error("a constant B was packed again")
	}
	g.Invalidate()
	g.Run()
	if slices.ContainsFunc(c.data, func(v float32) bool { return v != 0 }) {
		t.Error("Invalidate was not noticed")
	}
}

func TestGemmPropagatesNaNAndInf(t *testing.T) {
	p := NewPool(1)
	for _, use := range levels() {
		restore := use()
		a, b, c := make([]float32, 20*20), make([]float32, 20*20), make([]float32, 20*20)
		a[3*20+4], b[7*20+9] = float32(math.NaN()), float32(math.Inf(1))
		Gemm(p, GemmSpec{M: 20, N: 20, K: 20}, c, a, b).Run()
		for i := range 20 {
			for j := range 20 {
				if v := c[i*20+j]; (v != v) != (i == 3 || j == 9) { // 0*Inf is NaN too
					t.Errorf("c[%d,%d] = %v", i, j, v)
				}
			}
		}
		restore()
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	r := rand.New(rand.NewPCG(15, 16))
	var calls atomic.Int64
	for _, s := range []GemmSpec{
		{M: 1, N: 300, K: 300}, {M: 200, N: 300, K: 300}, {M: 60, N: 100, K: 700, TransB: true}, {M: 40, N: 40, K: 40, Batch: 30, StrideB: 1600},
		{M: 1, N: 90, K: 900, TransB: true}, {M: 90, N: 3, K: 900},
	} {
		s.Epilogue = func(worker, batch, row0, row1, col0, col1 int) { calls.Add(1) }
		g := newGemmCase[float32](r, s)
		product := Gemm(p, s, g.c.data, g.a.data, g.b.data)
		if n := testing.AllocsPerRun(20, product.Run); n != 0 {
			t.Errorf("%+v: %v allocations", s, n)
		}
	}
}

func TestGemmRefusesShortOperands(t *testing.T) {
	p := NewPool(1)
	for _, n := range [][3]int{{5, 6, 6}, {6, 5, 6}, {6, 6, 5}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("sizes %v went through", n)
				}
			}()
			Gemm(p, GemmSpec{M: 2, N: 2, K: 3}, make([]float32, n[0]-2), make([]float32, n[1]), make([]float32, n[2]))
		}()
	}
}

func BenchmarkGemm(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	for _, s := range []GemmSpec{
		{M: 1024, N: 1024, K: 1024},
		{M: 128, N: 784, K: 784},
		{M: 784, N: 784, K: 128, TransA: true},
		{M: 128, N: 784, K: 784, TransB: true},
		{M: 128, N: 10, K: 784},
		{M: 784, N: 10, K: 128, TransA: true},
		{M: 128, N: 784, K: 10, TransB: true},
		{M: 128, N: 128, K: 784},
		{M: 784, N: 128, K: 128, TransA: true},
		{M: 128, N: 128, K: 9216},
		{M: 9216, N: 128, K: 128, TransA: true},
		{M: 128, N: 9216, K: 128, TransB: true},
		{M: 128, N: 512, K: 128},
		{M: 128, N: 1, K: 784},
		{M: 1, N: 784, K: 784, TransB: true},
		{M: 1, N: 784, K: 784},
		{M: 1, N: 128, K: 9216},
		{M: 64, N: 64, K: 64, Batch: 256, StrideA: 4096, StrideB: 4096},
	} {
		name := fmt.Sprintf("%dx%dx%d", s.M, s.K, s.N)
		if s.TransA {
			name += "_TA"
		}
		if s.TransB {
			name += "_TB"
		}
		if s.Batch > 0 {
			name += fmt.Sprintf("_batch%d", s.Batch)
		}
		b.Run(name, func(b *testing.B) {
			batch := max(1, s.Batch)
			ones := func(n int) []float32 {
				x := alignedOf[float32](n)
				for i := range x {
					x[i] = 1
				}
				return x
			}
			g := Gemm(p, s, ones(batch*s.M*s.N), ones(batch*s.M*s.K), ones(batch*s.K*s.N))
			for b.Loop() {
				g.Run()
			}
			flops := 2 * float64(batch) * float64(s.M) * float64(s.N) * float64(s.K)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
