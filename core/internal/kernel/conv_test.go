package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// convCase is a convolution with operands in guarded memory and the three results in float64, computed term by term.
type convCase[T tensor.Float] struct {
	s                         ConvSpec
	x, k, dy                  guarded[T]
	wantY, wantDX, wantDK     []float64
	absY, absDX, absDK        []float64 // sums of the absolute values of the terms: what errors are relative to
	groups, channels, filters int       // channels and filters in a group
}

func newConvCase[T tensor.Float](r *rand.Rand, s ConvSpec) convCase[T] {
	c := convCase[T]{s: s, groups: max(1, s.Groups)}
	c.channels, c.filters = s.Channels/c.groups, s.Filters/c.groups
	c.x = newGuarded[T](r, s.Batch*volume(s.In)*s.Channels)
	c.k = newGuarded[T](r, volume(s.Kernel)*c.channels*s.Filters)
	c.dy = newGuarded[T](r, s.Batch*volume(s.Out)*s.Filters)
	for _, p := range []*[]float64{&c.wantY, &c.absY} {
		*p = make([]float64, len(c.dy.data))
	}
	for _, p := range []*[]float64{&c.wantDX, &c.absDX} {
		*p = make([]float64, len(c.x.data))
	}
	for _, p := range []*[]float64{&c.wantDK, &c.absDK} {
		*p = make([]float64, len(c.k.data))
	}
	term := func(want, abs []float64, at int, a, b T) {
		want[at] += float64(a) * float64(b)
		abs[at] += math.Abs(float64(a) * float64(b))
	}
	var o, t, i [3]int
	for image := range s.Batch {
		for place := range volume(s.Out) {
			o = [3]int{place / s.Out[2] / s.Out[1], place / s.Out[2] % s.Out[1], place % s.Out[2]}
		taps:
			for tap := range volume(s.Kernel) {
				t = [3]int{tap / s.Kernel[2] / s.Kernel[1], tap / s.Kernel[2] % s.Kernel[1], tap % s.Kernel[2]}
				for d := range 3 {
					i[d] = o[d]*s.Strides[d] + t[d]*s.Dilation[d] - s.PadLo[d]
					if i[d] < 0 || i[d] >= s.In[d] {
						continue taps
					}
				}
				for f := range s.Filters {
					for ch := range c.channels {
						y := (image*volume(s.Out)+place)*s.Filters + f
						x := (image*volume(s.In)+(i[0]*s.In[1]+i[1])*s.In[2]+i[2])*s.Channels + f/c.filters*c.channels + ch
						k := (tap*c.channels+ch)*s.Filters + f
						term(c.wantY, c.absY, y, c.x.data[x], c.k.data[k])
						term(c.wantDX, c.absDX, x, c.dy.data[y], c.k.data[k])
						term(c.wantDK, c.absDK, k, c.dy.data[y], c.x.data[x])
					}
				}
			}
		}
	}
	return c
}

// check runs all three kernels on all pools, which have to agree to the bit, and compares with the results term by term.
func (c convCase[T]) check(t *testing.T, tolerance float64, pools ...*Pool) {
	t.Helper()
	results := []struct {
		name      string
		want, abs []float64
		make      func(p *Pool, s ConvSpec, to []T) func()
		rows      int
	}{
		{"Conv", c.wantY, c.absY, func(p *Pool, s ConvSpec, to []T) func() { return Conv(p, s, to, c.x.data, c.k.data) }, c.s.Filters},
		{"ConvGradInput", c.wantDX, c.absDX, func(p *Pool, s ConvSpec, to []T) func() { return ConvGradInput(p, s, to, c.dy.data, c.k.data) },
			c.s.Channels},
		{"ConvGradKernel", c.wantDK, c.absDK, func(p *Pool, s ConvSpec, to []T) func() { return ConvGradKernel(p, s, to, c.dy.data, c.x.data) },
			c.s.Filters},
	}
	for _, result := range results {
		var first []T
		for i, p := range pools {
			to := newGuarded[T](rand.New(rand.NewPCG(1, 1)), len(result.want))
			seen := make([]int8, len(to.data))
			s := c.s
			s.Epilogue = func(worker, batch, row0, row1, col0, col1 int) {
				for row := row0; row < row1; row++ {
					for col := col0; col < col1; col++ {
						to.data[row*result.rows+col] *= 2
						seen[row*result.rows+col]++
					}
				}
			}
			run := result.make(p, s, to.data)
			run()
			run()
			to.check(t)
			for i, want := range result.want {
				if seen[i] != 2 {
					t.Fatalf("%+v: %s: the epilogue saw element %d %d times in 2 runs", c.s, result.name, i, seen[i])
				}
				if got := float64(to.data[i]) / 2; !(math.Abs(got-want) <= tolerance*(result.abs[i]+1e-30)) {
					t.Fatalf("%+v: %s: element %d = %v, want %v", c.s, result.name, i, got, want)
				}
			}
			if i == 0 {
				first = to.data
			} else if !slices.Equal(first, to.data) {
				t.Fatalf("%+v: %s: the result depends on the number of workers", c.s, result.name)
			}
		}
	}
}

// randomConv makes a convolution in 1 to 3 dimensions, with padding such as valid, same, or anything.
func randomConv(r *rand.Rand) ConvSpec {
	one := [3]int{1, 1, 1}
	s := ConvSpec{Batch: 1 + r.IntN(3), In: one, Out: one, Kernel: one, Strides: one, Dilation: one}
	s.Groups = []int{0, 1, 1, 2, 3}[r.IntN(5)]
	g := max(1, s.Groups)
	s.Channels, s.Filters = g*(1+r.IntN(20)), g*(1+r.IntN(20))
	if r.IntN(4) == 0 {
		s.Filters = g * (30 + r.IntN(50))
	}
	if r.IntN(4) == 0 { // depthwise
		s.Channels = 1 + r.IntN(80)
		s.Groups, s.Filters = s.Channels, s.Channels
		if r.IntN(4) == 0 {
			s.Filters *= 2
		}
	}
	if r.IntN(4) == 0 { // very few filters, or channels
		s.Groups, s.Filters = 1, 1+r.IntN(5)
		if r.IntN(2) == 0 {
			s.Channels, s.Filters = s.Filters, 1+r.IntN(70)
		}
	}
	dims := 1 + r.IntN(3)
	for d := 3 - dims; d < 3; d++ {
		most := []int{60, 14, 6}[dims-1]
		s.In[d] = 1 + r.IntN(most)
		s.Kernel[d] = 1 + r.IntN(4)
		if r.IntN(2) == 0 {
			s.Strides[d] = 1 + r.IntN(3)
		}
		if r.IntN(3) == 0 {
			s.Dilation[d] = 1 + r.IntN(3)
		}
		extent := (s.Kernel[d]-1)*s.Dilation[d] + 1
		switch r.IntN(3) {
		case 0: // valid
			if s.In[d] < extent {
				s.In[d] = extent + r.IntN(3)
			}
			s.Out[d] = (s.In[d]-extent)/s.Strides[d] + 1
		case 1: // same
			s.Out[d] = ceilDiv(s.In[d], s.Strides[d])
			s.PadLo[d] = max(0, (s.Out[d]-1)*s.Strides[d]+extent-s.In[d]) / 2
		default:
			s.Out[d] = 1 + r.IntN(s.In[d]+3)
			s.PadLo[d] = r.IntN(6) - 1
		}
	}
	return s
}

func TestConvAgainstNaive(t *testing.T) {
	one, three := NewPool(1), NewPool(3)
	defer three.Close()
	for name, use := range levels() {
		t.Run(name, func(t *testing.T) {
			defer use()()
			r := rand.New(rand.NewPCG(1, 2))
			for range 250 {
				newConvCase[float32](r, randomConv(r)).check(t, 2e-6, three, one)
			}
		})
	}
	t.Run("float64", func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 150 {
			newConvCase[float64](r, randomConv(r)).check(t, 1e-13, three, one)
		}
	})
}

// Cases large enough for what small ones do not reach: several blocks of the sum, of columns, of lines and parts of lines; a distance of a
// page between places; many chunks.
func TestConvLarge(t *testing.T) {
	one, three := NewPool(1), NewPool(3)
	defer three.Close()
	ones := [3]int{1, 1, 1}
	r := rand.New(rand.NewPCG(5, 6))
	for name, s := range map[string]ConvSpec{
		"deep": {Batch: 1, In: [3]int{1, 5, 5}, Out: [3]int{1, 5, 5}, Kernel: [3]int{1, 3, 3},
			PadLo: [3]int{0, 1, 1}, Channels: 200, Filters: 70},
		"deeper": {Batch: 1, In: [3]int{1, 2, 3}, Out: [3]int{1, 2, 3}, Kernel: ones, Channels: 1024, Filters: 50},
		"page":   {Batch: 1, In: [3]int{1, 3, 4}, Out: [3]int{1, 3, 4}, Kernel: [3]int{1, 2, 2}, Channels: 1024, Filters: 3},
		"cover":  {Batch: 5, In: [3]int{2, 3, 4}, Out: ones, Kernel: [3]int{2, 3, 4}, Channels: 7, Filters: 20},
		"wide":   {Batch: 1, In: ones, Out: ones, Kernel: ones, Channels: 5, Filters: 600},
		"line": {Batch: 1, In: [3]int{1, 1, 2000}, Out: [3]int{1, 1, 2000}, Kernel: [3]int{1, 1, 3},
			PadLo: [3]int{0, 0, 1}, Channels: 20, Filters: 40},
		"image": {Batch: 2, In: [3]int{1, 60, 50}, Out: [3]int{1, 58, 48}, Kernel: [3]int{1, 3, 3}, Channels: 3, Filters: 32},
		"batch": {Batch: 40, In: [3]int{1, 6, 6}, Out: [3]int{1, 4, 4}, Kernel: [3]int{1, 3, 3}, Channels: 8, Filters: 16},
		"grouped": {Batch: 2, In: [3]int{1, 8, 8}, Out: [3]int{1, 8, 8}, Kernel: [3]int{1, 3, 3},
			PadLo: [3]int{0, 1, 1}, Channels: 64, Filters: 320, Groups: 32},
	} {
		s.Strides, s.Dilation = ones, ones
		t.Run(name, func(t *testing.T) {
			c := newConvCase[float32](r, s)
			for _, use := range levels() {
				restore := use()
				c.check(t, 4e-6, three, one)
				restore()
			}
		})
	}
}

func TestConvEmpty(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	ones := [3]int{1, 1, 1}
	r := rand.New(rand.NewPCG(7, 8))
	s := ConvSpec{Batch: 0, In: [3]int{1, 4, 4}, Out: [3]int{1, 2, 2}, Kernel: [3]int{1, 3, 3}, Strides: ones, Dilation: ones,
		Channels: 2, Filters: 3}
	newConvCase[float32](r, s).check(t, 0, p)
	s.Batch, s.Out = 2, [3]int{1, 0, 2}
	newConvCase[float32](r, s).check(t, 0, p)
}

func TestConvAllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for shape, s := range benchConvs {
		s.Batch = 2
		x, y := make([]float32, s.Batch*volume(s.In)*s.Channels), make([]float32, s.Batch*volume(s.Out)*s.Filters)
		k := make([]float32, volume(s.Kernel)*s.Channels/max(1, s.Groups)*s.Filters)
		for name, run := range map[string]func(){
			"Conv": Conv(p, s, y, x, k), "ConvGradInput": ConvGradInput(p, s, x, y, k), "ConvGradKernel": ConvGradKernel(p, s, k, y, x),
		} {
			if n := testing.AllocsPerRun(2, run); n != 0 {
				t.Errorf("%s %s allocates %v times", shape, name, n)
			}
		}
	}
}

var benchConvs = map[string]ConvSpec{
	"3x3x1_32": {Batch: 128, In: [3]int{1, 28, 28}, Out: [3]int{1, 26, 26}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, Channels: 1, Filters: 32},
	"3x3x32_64": {Batch: 128, In: [3]int{1, 26, 26}, Out: [3]int{1, 24, 24}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, Channels: 32, Filters: 64},
	"3x3x64_64same": {Batch: 32, In: [3]int{1, 28, 28}, Out: [3]int{1, 28, 28}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, PadLo: [3]int{0, 1, 1}, Channels: 64, Filters: 64},
	"3x3x256_256same7": {Batch: 32, In: [3]int{1, 7, 7}, Out: [3]int{1, 7, 7}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, PadLo: [3]int{0, 1, 1}, Channels: 256, Filters: 256},
	"7x7x3_64stride2": {Batch: 4, In: [3]int{1, 224, 224}, Out: [3]int{1, 112, 112}, Kernel: [3]int{1, 7, 7}, Strides: [3]int{1, 2, 2},
		Dilation: [3]int{1, 1, 1}, PadLo: [3]int{0, 2, 2}, Channels: 3, Filters: 64},
	"depthwise3x3x128": {Batch: 8, In: [3]int{1, 56, 56}, Out: [3]int{1, 56, 56}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, PadLo: [3]int{0, 1, 1}, Channels: 128, Filters: 128, Groups: 128},
	"3x3x32_1same": {Batch: 128, In: [3]int{1, 28, 28}, Out: [3]int{1, 28, 28}, Kernel: [3]int{1, 3, 3}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, PadLo: [3]int{0, 1, 1}, Channels: 32, Filters: 1},
	"1x1x1024_256": {Batch: 8, In: [3]int{1, 14, 14}, Out: [3]int{1, 14, 14}, Kernel: [3]int{1, 1, 1}, Strides: [3]int{1, 1, 1},
		Dilation: [3]int{1, 1, 1}, Channels: 1024, Filters: 256},
}

func BenchmarkConv(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	for name, s := range benchConvs {
		ones := func(n int) []float32 {
			x := alignedOf[float32](n)
			for i := range x {
				x[i] = 1
			}
			return x
		}
		x, k := ones(s.Batch*volume(s.In)*s.Channels), ones(volume(s.Kernel)*s.Channels/max(1, s.Groups)*s.Filters)
		y := ones(s.Batch * volume(s.Out) * s.Filters)
		flops := 2 * float64(s.Batch) * float64(volume(s.Out)) * float64(volume(s.Kernel)) * float64(s.Channels/max(1, s.Groups)) * float64(s.Filters)
		for _, pass := range []struct {
			name string
			run  func()
		}{{"forward", Conv(p, s, y, x, k)}, {"gradInput", ConvGradInput(p, s, x, y, k)}, {"gradKernel", ConvGradKernel(p, s, k, y, x)}} {
			b.Run(fmt.Sprint(name, "/", pass.name), func(b *testing.B) {
				for b.Loop() {
					clear(x[:1])
					pass.run()
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}
