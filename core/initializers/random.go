package initializers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the initializers that draw each element on its own, from a distribution that does not depend on the shape.

func init() {
	register("RandomNormal", func() core.Initializer { return &RandomNormal{StdDev: 0.05} }, "normal")
	register("RandomUniform", func() core.Initializer { return &RandomUniform{MinVal: -0.05, MaxVal: 0.05} }, "uniform")
	register("TruncatedNormal", func() core.Initializer { return &TruncatedNormal{StdDev: 0.05} })
}

// RandomNormal draws from a normal distribution.
type RandomNormal struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"stddev"`
	Seed   *int64  `json:"seed"`
}

// Fill draws dst.
func (i *RandomNormal) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	normal(dst, i.Mean, i.StdDev, source(i.Seed, r))
}

func normal(dst []float32, mean, stddev float64, r core.Rand) {
	for k := range dst {
		dst[k] = float32(mean + stddev*r.NormFloat64())
	}
}

// RandomUniform draws from [minval, maxval).
type RandomUniform struct {
	MinVal float64 `json:"minval"`
	MaxVal float64 `json:"maxval"`
	Seed   *int64  `json:"seed"`
}

// Fill draws dst.
func (i *RandomUniform) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	uniform(dst, i.MinVal, i.MaxVal, source(i.Seed, r))
}

func uniform(dst []float32, low, high float64, r core.Rand) {
	for k := range dst {
		dst[k] = float32(low + (high-low)*r.Float64())
	}
}

// TruncatedNormal draws from a normal distribution, and again what is more than two stddev away from the mean. What remains has a
// standard deviation of 0.8796 stddev.
type TruncatedNormal struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"stddev"`
	Seed   *int64  `json:"seed"`
}

// Fill draws dst.
func (i *TruncatedNormal) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	truncated(dst, i.Mean, i.StdDev, source(i.Seed, r))
}

func truncated(dst []float32, mean, stddev float64, r core.Rand) {
	for k := range dst {
		x := r.NormFloat64()
		for math.Abs(x) > 2 {
			x = r.NormFloat64()
		}
		dst[k] = float32(mean + stddev*x)
	}
}
