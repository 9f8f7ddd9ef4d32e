package kernel

import (
	"math"
	"math/bits"
	"slices"
	"testing"
)

// TestRandomUniformBits pins the stream: a change of these numbers changes every seeded result.
func TestRandomUniformBits(t *testing.T) {
	got := make([]float64, 3)
	RandomUniform(got, 42, 1<<32-1)
	want := []float64{0.9115325212478638, 0.6775927543640137, 0.6015961766242981}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRandomUniformSameOnAllLevels(t *testing.T) {
	for level, set := range levels() {
		restore := set()
		for n := range 150 {
			for _, index := range []uint64{0, 1, 12345, 1<<32 - 70, 1<<40 - 3} {
				g := newGuarded[float32](testRand(), n)
				want := make([]float64, n)
				RandomUniform(g.data, 7, index)
				g.check(t)
				for i := range want {
					RandomUniform(want[i:i+1], 7, index+uint64(i))
					if float64(g.data[i]) != want[i] {
						t.Fatalf("%s: element %d of %d from %d: got %v, want %v", level, i, n, index, g.data[i], want[i])
					}
				}
			}
		}
		restore()
	}
}

// correlation is that of two series of uniform numbers, in standard deviations of what independent ones have.
func correlation(x, y []float32) float64 {
	sum := 0.0
	for i := range x {
		sum += (float64(x[i]) - 0.5) * (float64(y[i]) - 0.5)
	}
	return sum * 12 / math.Sqrt(float64(len(x)))
}

func TestRandomUniformQuality(t *testing.T) {
	const n = 1 << 20
	const sigmas = 4.5
	x, y := make([]float32, n+64), make([]float32, n+64)
	for _, seed := range []uint64{0, 1, 2, 1 << 32, 1 << 63, 0xdeadbeef} {
		RandomUniform(x, seed, 0)
		var sum, squares float64
		ones, bins, pairs, flips := make([]float64, 24), make([]float64, 1000), make([]float64, 64*64), make([]float64, 24)
		for i, v := range x[:n] {
			if v < 0 || v >= 1 {
				t.Fatalf("seed %d: %v is not in [0, 1)", seed, v)
			}
			d := float64(v) - 0.5
			sum, squares = sum+d, squares+d*d
			bins[int(v*1000)]++
			pairs[int(v*64)*64+int(x[i+1]*64)]++
			w, next := uint32(v*(1<<24)), uint32(x[i+1]*(1<<24))
			for b := range ones {
				ones[b] += float64(w >> b & 1)
				flips[b] += float64((w ^ next) >> b & 1)
			}
		}
		check := func(what string, got, want, sd float64) {
			if math.Abs(got-want) > sigmas*sd {
				t.Errorf("seed %d: %s: got %v, want %v +- %v", seed, what, got, want, sd)
			}
		}
		check("mean", sum/n, 0, math.Sqrt(1./12/n))
		check("variance", squares/n, 1./12, math.Sqrt(1./180/n))
		for b := range ones {
			check("ones in a bit", ones[b], n/2, math.Sqrt(n)/2)
			check("flips of a bit", flips[b], n/2, math.Sqrt(n)/2)
		}
		check("chi square of 1000 bins", chiSquare(bins, n), 999, math.Sqrt(2*999))
		check("chi square of pairs", chiSquare(pairs, n), 4095, math.Sqrt(2*4095))
		for _, lag := range []int{1, 2, 3, 4, 8, 16, 32, 64} {
			check("serial correlation", correlation(x[:n], x[lag:lag+n]), 0, 1)
		}
		for _, other := range []uint64{seed + 1, seed + 2, seed ^ 1<<31, seed ^ 1<<32, seed ^ 1<<63, ^seed} {
			RandomUniform(y, other, 0)
			check("correlation with another seed", correlation(x[:n], y[:n]), 0, 1)
			check("correlation with another seed, next element", correlation(x[:n], y[1:n+1]), 0, 1)
		}
		RandomUniform(y, seed, 1<<32)
		check("correlation with the next 2^32 elements", correlation(x[:n], y[:n]), 0, 1)
	}
}

func chiSquare(bins []float64, n float64) (sum float64) {
	want := n / float64(len(bins))
	for _, b := range bins {
		sum += (b - want) * (b - want) / want
	}
	return sum
}

// TestRandomUniformAvalanche: a flipped bit of index or seed flips each result bit half of the time.
func TestRandomUniformAvalanche(t *testing.T) {
	const samples = 1 << 14
	one := func(seed, index uint64) uint32 {
		var v [1]float64
		RandomUniform(v[:], seed, index)
		return uint32(v[0] * (1 << 24))
	}
	for bit := range 128 {
		flips := make([]float64, 24)
		total := 0
		for i := range uint64(samples) {
			seed, index := i%16, i*977
			a := one(seed, index)
			if bit < 64 {
				index ^= 1 << bit
			} else {
				seed ^= 1 << (bit - 64)
			}
			d := a ^ one(seed, index)
			total += bits.OnesCount32(d)
			for b := range flips {
				flips[b] += float64(d >> b & 1)
			}
		}
		if r := float64(total) / (24 * samples); math.Abs(r-0.5) > 0.01 {
			t.Errorf("input bit %d flips %v of the result bits", bit, r)
		}
		for b, f := range flips {
			if math.Abs(f-samples/2) > 6*math.Sqrt(samples)/2 {
				t.Errorf("input bit %d flips result bit %d in %v of the cases", bit, b, f/samples)
			}
		}
	}
}

func TestRand(t *testing.T) {
	const n = 1 << 18
	r, again, other := NewRand(5), NewRand(5), NewRand(6)
	var sum, squares, cubes, fourths, serial, last float64
	same := 0
	for range n {
		v := r.NormFloat64()
		if w := again.NormFloat64(); v != w {
			t.Fatalf("the same seed gives %v and %v", v, w)
		}
		if v == other.NormFloat64() {
			same++
		}
		sum, squares, cubes, fourths, serial = sum+v, squares+v*v, cubes+v*v*v, fourths+v*v*v*v, serial+v*last
		last = v
	}
	for what, c := range map[string][3]float64{"mean": {sum / n, 0, 1}, "variance": {squares / n, 1, 2}, "third moment": {cubes / n, 0, 15},
		"fourth moment": {fourths / n, 3, 96}, "serial": {serial / n, 0, 1}} {
		if math.Abs(c[0]-c[1]) > 4.5*math.Sqrt(c[2]/n) {
			t.Errorf("%s: got %v, want %v", what, c[0], c[1])
		}
	}
	if same > 0 {
		t.Errorf("seeds 5 and 6 agree %d times", same)
	}
	counts := make([]float64, 24)
	for range 24000 {
		p := []int{0, 1, 2, 3}
		r.Perm(p)
		code := 0 // the rank of the order
		for i := range p {
			for j := i + 1; j < len(p); j++ {
				if p[j] < p[i] {
					code += []int{6, 2, 1, 0}[i]
				}
			}
		}
		counts[code]++
	}
	if c := chiSquare(counts, 24000); c > 60 { // 23 degrees of freedom: 1 in 30000
		t.Errorf("orders of four are uneven: chi square %v, counts %v", c, counts)
	}
	for range 1000 {
		if f := r.Float64(); f < 0 || f >= 1 {
			t.Fatalf("%v is not in [0, 1)", f)
		}
	}
}

func BenchmarkRandomUniform(b *testing.B) {
	x := make([]float32, 2048)
	for b.Loop() {
		RandomUniform(x, 1, 2)
	}
	b.ReportMetric(float64(len(x))*float64(b.N)/b.Elapsed().Seconds()/1e9, "G/s")
}

func TestRandomUniformAllocatesNothing(t *testing.T) {
	x, y := make([]float32, 100), make([]float64, 100)
	if n := testing.AllocsPerRun(100, func() { RandomUniform(x, 1, 2); RandomUniform(y, 1, 2) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
