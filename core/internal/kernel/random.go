package kernel

import (
	"math"
	"math/bits"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns random numbers. They are counter-based: a number is a hash of a seed and its index, so that any part of a
// stream can be computed by anyone at any time.

//go:generate go run ./asm/random -pkg kernel -out random_amd64.s -stubs random_stub_amd64.go

// golden is 2^64 divided by the golden ratio, made odd.
const golden = 0x9e3779b97f4a7c15

// mix64 is the output function of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014), a
// bijection in which every bit of the result depends on every bit of z.
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// RandomUniform sets dst[i] to element index+i of the stream of that seed: multiples of 2^-24 in [0, 1). The same on every
// machine and for both types.
//
// An element is the upper 24 bits of h(h(c ^ k0) + k1) where c is the lower half of the index, the keys k0 and k1 are a hash of
// the seed and of the upper half of the index, and h is a bijection of 32-bit words: three xor-shifts around two
// multiplications, whose constants were found by search for the least bias of any output bit under the flip of any input bit
// (C. Wellons, "Prospecting for hash functions", 2018). Two keyed rounds make streams of neighbouring seeds as unlike as those
// of distant ones. 2^32 elements in a row hold every word once.
func RandomUniform[T tensor.Float](dst []T, seed, index uint64) {
	for len(dst) > 0 {
		n := len(dst)
		if left := 1<<32 - index&(1<<32-1); uint64(n) > left {
			n = int(left)
		}
		keys := mix64(mix64(seed+golden) + index>>32*golden)
		uniform(dst[:n], uint32(index), uint32(keys), uint32(keys>>32))
		dst, index = dst[n:], index+uint64(n)
	}
}

func uniform[T tensor.Float](dst []T, first, key0, key1 uint32) {
	if d, ok := any(dst).([]float32); ok && uniformVector(d, first, key0, key1) {
		return
	}
	for i := range dst {
		x := mix32((first + uint32(i)) ^ key0)
		dst[i] = T(mix32(x+key1)>>8) * (1.0 / (1 << 24))
	}
}

// mix32 is the h of RandomUniform.
func mix32(x uint32) uint32 {
	x = (x ^ x>>16) * 0x21f0aaad
	x = (x ^ x>>15) * 0x735a2d97
	return x ^ x>>15
}

// Rand is a stream of random numbers for initial weights and for shuffling. It is SplitMix64. Not for use by several goroutines
// at a time.
type Rand struct {
	state  uint64
	spare  float64 // the second number of a pair of normal ones
	spared bool
}

// NewRand returns the stream of a seed. Streams of different seeds start at unrelated places.
func NewRand(seed uint64) *Rand { return &Rand{state: mix64(seed + golden)} }

// Uint64 is the next number, every 64-bit one as likely as the others.
func (r *Rand) Uint64() uint64 {
	r.state += golden
	return mix64(r.state)
}

// Float64 is in [0, 1), a multiple of 2^-53.
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// NormFloat64 has mean 0 and variance 1. It takes the method of Box and Muller (1958).
func (r *Rand) NormFloat64() float64 {
	if r.spared {
		r.spared = false
		return r.spare
	}
	length := math.Sqrt(-2 * math.Log(1-r.Float64()))
	sin, cos := math.Sincos(2 * math.Pi * r.Float64())
	r.spare, r.spared = length*sin, true
	return length * cos
}

// IntN is in [0, n) for n > 0; the bias is n/2^64.
func (r *Rand) IntN(n int) int {
	high, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(high)
}

// Perm puts the numbers of p in random order, every order as likely as the others.
func (r *Rand) Perm(p []int) {
	for i := len(p) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		p[i], p[j] = p[j], p[i]
	}
}
