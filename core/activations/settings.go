package activations

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// This file owns the elementwise functions with settings. Keras writes them by name alone, so a Keras that reads a file with settings
// other than the defaults refuses it; layers such as LeakyReLU say the same in a way that Keras reads.

func init() {
	register("relu", func() core.Activation { return &ReLU{} })
	register("leaky_relu", func() core.Activation { return &LeakyReLU{NegativeSlope: 0.2} })
	register("elu", func() core.Activation { return &ELU{Alpha: 1} })
	register("celu", func() core.Activation { return &CELU{Alpha: 1} })
	register("gelu", func() core.Activation { return &GELU{} })
	register("squareplus", func() core.Activation { return &Squareplus{B: 4} })
	register("soft_shrink", func() core.Activation { return &SoftShrink{Threshold: 0.5} })
	register("hard_shrink", func() core.Activation { return &HardShrink{Threshold: 0.5} })
	register("threshold", func() core.Activation { return &Threshold{} })
}

// ReLU is, with s the negative slope, t the threshold and m the largest value,
//
//	x         where x > t, at most m
//	s (x - t) where x <= t
//
// and with nothing set max(x, 0). It is what Keras computes for all settings: with s set and t negative, x between t and 0 is
// x itself, unless m is set, too, which clips it to 0.
// Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.
type ReLU struct {
	NegativeSlope float64  `json:"negative_slope"`
	MaxValue      *float64 `json:"max_value"` // nil: none
	Threshold     float64  `json:"threshold"`
}

// RegistryName is "relu" for max(x, 0).
func (a *ReLU) RegistryName() string {
	return nameIf(a.NegativeSlope == 0 && a.MaxValue == nil && a.Threshold == 0, "relu")
}

// Apply writes the function of x.
func (a *ReLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	if a.NegativeSlope != 0 && a.MaxValue == nil && a.Threshold == 0 {
		return (&LeakyReLU{a.NegativeSlope}).Apply(g, x)
	}
	var y graph.Value
	switch {
	case a.Threshold != 0:
		y = g.Select(g.Greater(x, g.Const(a.Threshold)), x, g.Const(0))
		if a.MaxValue != nil {
			y = clip(g, y, 0, *a.MaxValue)
		}
	case a.MaxValue == nil:
		y = g.Relu(x)
	case *a.MaxValue == 6:
		y = relu6(g, x)
	default:
		y = clip(g, g.Relu(x), 0, *a.MaxValue)
	}
	if a.NegativeSlope == 0 {
		return y
	}
	below := g.Relu(g.Sub(g.Const(a.Threshold), x))
	return g.Sub(y, g.Mul(g.Const(a.NegativeSlope), below))
}

// LeakyReLU is x where x > 0, else negative_slope x.
// Source: Maas et al., "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
type LeakyReLU struct {
	NegativeSlope float64 `json:"negative_slope"`
}

// RegistryName is "leaky_relu" for a slope of 0.2.
func (a *LeakyReLU) RegistryName() string { return nameIf(a.NegativeSlope == 0.2, "leaky_relu") }

// Apply writes the function of x.
func (a *LeakyReLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Select(g.Greater(x, g.Const(0)), x, g.Mul(x, g.Const(a.NegativeSlope)))
}

// ELU is x where x > 0, else alpha (e^x - 1).
// Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2016.
type ELU struct {
	Alpha float64 `json:"alpha"`
}

// RegistryName is "elu" for an alpha of 1.
func (a *ELU) RegistryName() string { return nameIf(a.Alpha == 1, "elu") }

// Apply writes the function of x.
func (a *ELU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Add(g.Relu(x), g.Mul(g.Const(a.Alpha), negativeExpm1(g, x)))
}

// CELU is max(x, 0) + alpha (e^(min(x, 0)/alpha) - 1). Its derivative at 0 is 1, where TensorFlow adds up those of both terms to 2.
// Source: Barron, "Continuously Differentiable Exponential Linear Units", 2017.
type CELU struct {
	Alpha float64 `json:"alpha"`
}

// RegistryName is "celu" for an alpha of 1.
func (a *CELU) RegistryName() string { return nameIf(a.Alpha == 1, "celu") }

// Apply writes the function of x.
func (a *CELU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	negative := g.Expm1(g.Div(g.Minimum(x, g.Const(0)), g.Const(a.Alpha)))
	return g.Add(g.Relu(x), g.Mul(g.Const(a.Alpha), negative))
}

// GELU is x times the standard normal distribution function at x, or an approximation of it:
//
//	x/2 (1 + erf(x/sqrt(2)))
//	x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
//
// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
type GELU struct {
	Approximate bool `json:"approximate"`
}

// RegistryName is "gelu" for the exact function.
func (a *GELU) RegistryName() string { return nameIf(!a.Approximate, "gelu") }

// Apply writes the function of x.
func (a *GELU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	half, one := g.Mul(g.Const(0.5), x), g.Const(1)
	if !a.Approximate {
		return g.Mul(half, g.Add(one, g.Erf(g.Mul(x, g.Const(1/math.Sqrt2)))))
	}
	cube := g.Mul(g.Square(x), x)
	inner := g.Mul(g.Const(math.Sqrt(2/math.Pi)), g.Add(x, g.Mul(g.Const(0.044715), cube)))
	return g.Mul(half, g.Add(one, g.Tanh(inner)))
}

// Squareplus is (x + sqrt(x^2 + b))/2.
// Source: Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021.
type Squareplus struct {
	B float64 `json:"b"`
}

// RegistryName is "squareplus" for a b of 4.
func (a *Squareplus) RegistryName() string { return nameIf(a.B == 4, "squareplus") }

// Apply writes the function of x.
func (a *Squareplus) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Div(g.Add(x, g.Sqrt(g.Add(g.Square(x), g.Const(a.B)))), g.Const(2))
}

// SoftShrink is x moved towards 0 by the threshold, and 0 where |x| is at most the threshold.
type SoftShrink struct {
	Threshold float64 `json:"threshold"`
}

// RegistryName is "soft_shrink" for a threshold of 0.5.
func (a *SoftShrink) RegistryName() string { return nameIf(a.Threshold == 0.5, "soft_shrink") }

// Apply writes the function of x.
func (a *SoftShrink) Apply(g *graph.Graph, x graph.Value) graph.Value {
	t, minus := g.Const(a.Threshold), g.Const(-a.Threshold)
	return g.Select(g.Greater(x, t), g.Sub(x, t), g.Select(g.Less(x, minus), g.Add(x, t), g.Const(0)))
}

// HardShrink is x where |x| is above the threshold, else 0.
type HardShrink struct {
	Threshold float64 `json:"threshold"`
}

// RegistryName is "hard_shrink" for a threshold of 0.5.
func (a *HardShrink) RegistryName() string { return nameIf(a.Threshold == 0.5, "hard_shrink") }

// Apply writes the function of x.
func (a *HardShrink) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Select(g.Greater(g.Abs(x), g.Const(a.Threshold)), x, g.Const(0))
}

// Threshold is x where x is above the threshold, else the default value. Keras has no defaults for the two; here they are 0.
type Threshold struct {
	Threshold    float64 `json:"threshold"`
	DefaultValue float64 `json:"default_value"`
}

// RegistryName is "threshold" while nothing is set.
func (a *Threshold) RegistryName() string { return nameIf(*a == Threshold{}, "threshold") }

// Apply writes the function of x.
func (a *Threshold) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return g.Select(g.Greater(x, g.Const(a.Threshold)), x, g.Const(a.DefaultValue))
}
