package initializers

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the initializers that keep the variance of signals from layer to layer.

func init() {
	register("VarianceScaling", func() core.Initializer {
		return &VarianceScaling{Scale: 1, Mode: "fan_in", Distribution: "truncated_normal"}
	})
	registerFunction("GlorotUniform", func() core.Initializer { return &GlorotUniform{} })
	registerFunction("GlorotNormal", func() core.Initializer { return &GlorotNormal{} })
	registerFunction("HeUniform", func() core.Initializer { return &HeUniform{} })
	registerFunction("HeNormal", func() core.Initializer { return &HeNormal{} })
	registerFunction("LecunUniform", func() core.Initializer { return &LecunUniform{} })
	registerFunction("LecunNormal", func() core.Initializer { return &LecunNormal{} })
}

// VarianceScaling draws numbers of mean 0 and variance scale/n, n being the number of inputs (fan_in) or outputs (fan_out) of a unit, or
// the mean of both (fan_avg):
//
//	uniform             from [-l, l), l = sqrt(3 scale/n)
//	untruncated_normal  from a normal distribution
//	truncated_normal    from one cut at two standard deviations and as much wider as that takes from its variance
type VarianceScaling struct {
	Scale        float64 `json:"scale" want:">0"`
	Mode         string  `json:"mode" want:"fan_in|fan_out|fan_avg"`
	Distribution string  `json:"distribution" want:"uniform|truncated_normal|untruncated_normal"`
	Seed         *int64  `json:"seed"`
	// InputAxes and OutputAxes say which axes of the shape are inputs and outputs; nil: see Fans.
	InputAxes  []int `json:"input_axes" keras:"3"`
	OutputAxes []int `json:"output_axes" keras:"3"`
}

// EncodeConfig is the config; Keras 2 calls truncated_normal normal, which later Kerases take as well.
func (i *VarianceScaling) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	type fields VarianceScaling
	c, err := e.Config((*fields)(i))
	if err == nil && e.Dialect == core.Legacy && i.Distribution == "truncated_normal" {
		c["distribution"] = "normal"
	}
	return c, err
}

// truncation is the standard deviation of a standard normal distribution cut at -2 and 2.
const truncation = 0.87962566103423978

// Fans are the numbers of inputs and outputs of a unit whose weights have a shape: those of the given axes, or, if one of both is nil,
// those of a kernel (spatial..., inputs, outputs), where every place of the window counts. A vector has its size as both. Axes that
// are not there do not count.
func Fans(shape tensor.Shape, inputAxes, outputAxes []int) (in, out int) {
	in, out = 1, 1
	if inputAxes != nil && outputAxes != nil {
		for _, a := range inputAxes {
			in *= dim(shape, a)
		}
		for _, a := range outputAxes {
			out *= dim(shape, a)
		}
		return in, out
	}
	switch r := len(shape); r {
	case 0:
		return 1, 1
	case 1:
		return shape[0], shape[0]
	default:
		window := shape[:r-2].Size()
		return shape[r-2] * window, shape[r-1] * window
	}
}

func dim(shape tensor.Shape, axis int) int {
	if hasAxis(shape, axis) {
		return shape.Dim(axis)
	}
	return 1
}

func hasAxis(shape tensor.Shape, axis int) bool { return axis >= -len(shape) && axis < len(shape) }

// CheckShape refuses a shape that lacks one of the given axes.
func (i *VarianceScaling) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

func checkAxes(shape tensor.Shape, inputAxes, outputAxes []int) error {
	for at, axes := range map[string][]int{"input_axes": inputAxes, "output_axes": outputAxes} {
		for _, a := range axes {
			if !hasAxis(shape, a) {
				return core.Errorf(core.ErrShapeMismatch, at, "got %d, want an axis of shape %v", a, shape)
			}
		}
	}
	return nil
}

// Fill draws dst.
func (i *VarianceScaling) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	r = source(i.Seed, r)
	in, out := Fans(shape, i.InputAxes, i.OutputAxes)
	n := float64(in)
	switch i.Mode {
	case "fan_out":
		n = float64(out)
	case "fan_avg":
		n = float64(in+out) / 2
	}
	variance := i.Scale / max(1, n)
	switch i.Distribution {
	case "uniform":
		limit := math.Sqrt(3 * variance)
		uniform(dst, -limit, limit, r)
	case "untruncated_normal":
		normal(dst, 0, math.Sqrt(variance), r)
	default:
		truncated(dst, 0, math.Sqrt(variance)/truncation, r)
	}
}

// scaling is the config of the initializers below.
type scaling struct {
	Seed       *int64 `json:"seed"`
	InputAxes  []int  `json:"input_axes" keras:"3"`
	OutputAxes []int  `json:"output_axes" keras:"3"`
}

func (i scaling) fill(scale float64, mode, distribution string, dst []float32, shape tensor.Shape, r core.Rand) {
	v := VarianceScaling{scale, mode, distribution, i.Seed, i.InputAxes, i.OutputAxes}
	v.Fill(dst, shape, r)
}

// GlorotUniform draws from [-l, l), l = sqrt(6/(fan_in+fan_out)).
// Source: Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", 2010.
type GlorotUniform scaling

// Fill draws dst.
func (i *GlorotUniform) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(1, "fan_avg", "uniform", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *GlorotUniform) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

// GlorotNormal draws from a truncated normal distribution of variance 2/(fan_in+fan_out). Source: as GlorotUniform.
type GlorotNormal scaling

// Fill draws dst.
func (i *GlorotNormal) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(1, "fan_avg", "truncated_normal", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *GlorotNormal) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

// HeUniform draws from [-l, l), l = sqrt(6/fan_in).
// Source: He et al., "Delving Deep into Rectifiers", 2015.
type HeUniform scaling

// Fill draws dst.
func (i *HeUniform) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(2, "fan_in", "uniform", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *HeUniform) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

// HeNormal draws from a truncated normal distribution of variance 2/fan_in. Source: as HeUniform.
type HeNormal scaling

// Fill draws dst.
func (i *HeNormal) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(2, "fan_in", "truncated_normal", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *HeNormal) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

// LecunUniform draws from [-l, l), l = sqrt(3/fan_in).
// Source: LeCun et al., "Efficient BackProp", 1998.
type LecunUniform scaling

// Fill draws dst.
func (i *LecunUniform) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(1, "fan_in", "uniform", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *LecunUniform) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}

// LecunNormal draws from a truncated normal distribution of variance 1/fan_in. Source: as LecunUniform.
type LecunNormal scaling

// Fill draws dst.
func (i *LecunNormal) Fill(dst []float32, shape tensor.Shape, r core.Rand) {
	scaling(*i).fill(1, "fan_in", "truncated_normal", dst, shape, r)
}

// CheckShape refuses a shape that lacks one of the given axes.
func (i *LecunNormal) CheckShape(shape tensor.Shape) error {
	return checkAxes(shape, i.InputAxes, i.OutputAxes)
}
