package layers

import (
	"math"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// RandomFourierFeatures is cos(input kernel/scale + bias): features whose products are near those of a kernel, exp(-|x-y|²/(2 scale²)) with the
// kernel_initializer "gaussian", and exp(-|x-y|/scale) with "laplacian". Only the scale can be trained, where trainable is on; scale null stands for
// sqrt(inputs/2) with "gaussian", else 1. Keras 3 has it no more.
//
// Input (batch, inputs), output (batch, output_dim). Weights: kernel_scale (1), unscaled_kernel (inputs, output_dim), bias (output_dim). Source:
// tf_keras/src/layers/kernelized.py; Rahimi and Recht, NeurIPS 2007.
type RandomFourierFeatures struct {
	core.Base
	OutputDim         int              `json:"output_dim" want:">0"`
	KernelInitializer core.Initializer `json:"kernel_initializer"` // or the name of a kernel
	Scale             *float64         `json:"scale" want:">0"`

	kernel, bias, scale *core.Weight
}

func init() {
	registerLegacy("RandomFourierFeatures", func() *RandomFourierFeatures {
		l := &RandomFourierFeatures{OutputDim: 1, KernelInitializer: featuresOf("gaussian")}
		l.Trainable.Set(false)
		return l
	}, nil)
}

// NewRandomFourierFeatures makes a RandomFourierFeatures layer.
func NewRandomFourierFeatures(outputDim int, with ...With) *RandomFourierFeatures {
	return configure[*RandomFourierFeatures]("RandomFourierFeatures", With{"output_dim": outputDim}, with)
}

// featuresOf is the initializer that the name of a kernel stands for: standard normal numbers for "gaussian", those of Cauchy's
// distribution for "laplacian".
type featuresOf string

// Fill fills dst.
func (f featuresOf) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	for i := range dst {
		if f == "gaussian" {
			dst[i] = float32(r.NormFloat64())
		} else {
			dst[i] = float32(math.Tan(math.Pi * (r.Float64() - 0.5)))
		}
	}
}

type randomFourierFields RandomFourierFeatures

// DecodeConfig takes the fields; kernel_initializer may be the name of a kernel.
func (l *RandomFourierFeatures) DecodeConfig(d *registry.Decoder, c core.Config) error {
	name, _ := c["kernel_initializer"].(string)
	if name = strings.ToLower(name); name == "gaussian" || name == "laplacian" {
		delete(c, "kernel_initializer")
		l.KernelInitializer = featuresOf(name)
	}
	return d.Into((*randomFourierFields)(l), c)
}

// EncodeConfig gives the fields.
func (l *RandomFourierFeatures) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	fields := randomFourierFields(*l)
	name, named := l.KernelInitializer.(featuresOf)
	if named {
		fields.KernelInitializer = nil
	}
	c, err := e.Config(&fields)
	if named && err == nil {
		c["kernel_initializer"] = string(name)
	}
	return c, err
}

// Build declares the weights.
func (l *RandomFourierFeatures) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 2); err != nil {
		return err
	}
	if l.OutputDim < 1 {
		return core.Errorf(core.ErrLayerConfig, "output_dim", "got %d, want > 0", l.OutputDim)
	}
	n, err := core.WantDim(inputs[0], -1)
	if err != nil {
		return err
	}
	scale := 1.0
	if l.KernelInitializer == featuresOf("gaussian") {
		scale = math.Sqrt(float64(n) / 2)
	}
	if l.Scale != nil {
		scale = *l.Scale
	}
	positive, err := registry.Default.Constraints.New("NonNeg")
	if err != nil {
		return err
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "unscaled_kernel", Shape: tensor.Shape{n, l.OutputDim}, Initializer: l.KernelInitializer, State: true})
	l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{l.OutputDim}, Initializer: between{0, 2 * math.Pi}, State: true})
	l.scale = b.Weight(core.WeightSpec{Name: "kernel_scale", Shape: tensor.Shape{1}, Initializer: between{scale, scale}, Constraint: positive})
	return nil
}

// between fills a weight with uniform numbers.
type between struct{ low, high float64 }

// Fill fills dst.
func (u between) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	for i := range dst {
		dst[i] = float32(u.low + (u.high-u.low)*r.Float64())
	}
}

// Call computes the features.
func (l *RandomFourierFeatures) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	kernel := g.Div(c.Read(l.kernel), c.Read(l.scale))
	return []graph.Value{g.Cos(g.Add(g.MatMul(inputs[0], kernel, false, false), c.Read(l.bias)))}
}
