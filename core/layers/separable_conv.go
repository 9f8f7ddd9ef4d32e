package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what SeparableConv1D and SeparableConv2D have in common.

// separableConv convolves each channel with depth_multiplier kernels of its own, and then mixes what comes out at each place.
type separableConv struct {
	core.Base
	DepthMultiplier      int              `json:"depth_multiplier" want:">0"`
	Filters              int              `json:"filters" want:">0"`
	KernelSize           core.PerAxis     `json:"kernel_size" want:">0"`
	Strides              core.PerAxis     `json:"strides" want:">0"`
	Padding              string           `json:"padding" want:"valid|same"`
	DataFormat           string           `json:"data_format" want:"channels_last|channels_first"`
	DilationRate         core.PerAxis     `json:"dilation_rate" want:">0"`
	Activation           core.Activation  `json:"activation"`
	UseBias              bool             `json:"use_bias"`
	DepthwiseInitializer core.Initializer `json:"depthwise_initializer"`
	PointwiseInitializer core.Initializer `json:"pointwise_initializer"`
	BiasInitializer      core.Initializer `json:"bias_initializer"`
	DepthwiseRegularizer core.Regularizer `json:"depthwise_regularizer"`
	PointwiseRegularizer core.Regularizer `json:"pointwise_regularizer"`
	BiasRegularizer      core.Regularizer `json:"bias_regularizer"`
	DepthwiseConstraint  core.Constraint  `json:"depthwise_constraint"`
	PointwiseConstraint  core.Constraint  `json:"pointwise_constraint"`
	BiasConstraint       core.Constraint  `json:"bias_constraint"`

	depthwise, pointwise, bias *core.Weight
}

func newSeparableConv(rank int) separableConv {
	return separableConv{
		DepthMultiplier: 1, Filters: 1, KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), DilationRate: core.AllAxes(rank, 1),
		Padding: "valid", DataFormat: "channels_last", Activation: activation("linear"), UseBias: true,
		DepthwiseInitializer: initializer("GlorotUniform"), PointwiseInitializer: initializer("GlorotUniform"),
		BiasInitializer: initializer("Zeros"),
	}
}

// Build declares the two kernels and the bias.
func (l *separableConv) Build(b *core.Builder, inputs []tensor.Shape) error {
	rank := len(l.KernelSize)
	if err := core.WantInputs(inputs, 1, rank+2); err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], channelAxis(l.DataFormat))
	if err != nil {
		return err
	}
	if err := strideOrDilation(l.Strides, l.DilationRate); err != nil {
		return err
	}
	l.depthwise = b.Weight(core.WeightSpec{Name: "depthwise_kernel", Shape: append(tensor.Shape(l.KernelSize).Clone(), channels, l.DepthMultiplier),
		Initializer: l.DepthwiseInitializer, Regularizer: l.DepthwiseRegularizer, Constraint: l.DepthwiseConstraint})
	l.pointwise = b.Weight(core.WeightSpec{Name: "pointwise_kernel", Shape: append(tensor.Shape(core.AllAxes(rank, 1)), channels*l.DepthMultiplier, l.Filters),
		Initializer: l.PointwiseInitializer, Regularizer: l.PointwiseRegularizer, Constraint: l.PointwiseConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{l.Filters},
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// Call moves the kernels over the input. It drops masks.
func (l *separableConv) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	rank := len(l.KernelSize)
	x := toLast(c.Graph, inputs[0], l.DataFormat)
	x = depthwise(c, x, c.Read(l.depthwise), l.Strides, l.DilationRate, l.Padding)
	one, none := core.AllAxes(rank, 1), make([]int, rank)
	y := c.Graph.Conv(x, c.Read(l.pointwise), graph.ConvAttr{Strides: one, Dilation: one, PadLo: none, PadHi: none, Groups: 1})
	return biasAndActivate(c, y, l.bias, l.Activation, l.DataFormat)
}

// upgradeSeparable is for files of Keras 1 and 2.
var upgradeSeparable = upgrades(separableOfKeras1, renamed(biasNames, windowNames, inputNames), renamedFormat, joinedKernelSize, dropKernel)

// separableOfKeras1: one initializer of Keras 1 is that of both kernels.
func separableOfKeras1(c core.Config, from registry.Origin) error {
	if v, ok := c["init"]; ok && from.Major() == 1 {
		delete(c, "init")
		c["depthwise_initializer"], c["pointwise_initializer"] = v, v
	}
	return nil
}

// dropKernel takes away what Keras 2 wrote for the single kernel that a convolution has and this one has not, and groups.
func dropKernel(c core.Config, from registry.Origin) error {
	for _, key := range []string{"kernel_initializer", "kernel_regularizer", "kernel_constraint"} {
		delete(c, key)
	}
	return dropGroups(c, from)
}
