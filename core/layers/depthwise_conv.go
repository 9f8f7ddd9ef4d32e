package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what DepthwiseConv1D and DepthwiseConv2D have in common.

// depthwiseConv convolves each channel with depth_multiplier kernels of its own.
type depthwiseConv struct {
	core.Base
	DepthMultiplier      int              `json:"depth_multiplier" want:">0"`
	KernelSize           core.PerAxis     `json:"kernel_size" want:">0"`
	Strides              core.PerAxis     `json:"strides" want:">0"`
	Padding              string           `json:"padding" want:"valid|same"`
	DataFormat           string           `json:"data_format" want:"channels_last|channels_first"`
	DilationRate         core.PerAxis     `json:"dilation_rate" want:">0"`
	Activation           core.Activation  `json:"activation"`
	UseBias              bool             `json:"use_bias"`
	DepthwiseInitializer core.Initializer `json:"depthwise_initializer"`
	BiasInitializer      core.Initializer `json:"bias_initializer"`
	DepthwiseRegularizer core.Regularizer `json:"depthwise_regularizer"`
	BiasRegularizer      core.Regularizer `json:"bias_regularizer"`
	DepthwiseConstraint  core.Constraint  `json:"depthwise_constraint"`
	BiasConstraint       core.Constraint  `json:"bias_constraint"`

	kernel, bias *core.Weight
}

func newDepthwiseConv(rank int) depthwiseConv {
	return depthwiseConv{
		DepthMultiplier: 1, KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), DilationRate: core.AllAxes(rank, 1),
		Padding: "valid", DataFormat: "channels_last", Activation: activation("linear"), UseBias: true,
		DepthwiseInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros"),
	}
}

// dropGroups takes groups of 1 away, which Keras 2 also wrote for layers that have none.
func dropGroups(c core.Config, _ registry.Origin) error {
	if n, ok := core.Whole(c["groups"]); ok && n == 1 {
		delete(c, "groups")
	}
	return nil
}

// Build declares kernel and bias.
func (l *depthwiseConv) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, len(l.KernelSize)+2); err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], channelAxis(l.DataFormat))
	if err != nil {
		return err
	}
	if err := strideOrDilation(l.Strides, l.DilationRate); err != nil {
		return err
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: append(tensor.Shape(l.KernelSize).Clone(), channels, l.DepthMultiplier),
		Initializer: l.DepthwiseInitializer, Regularizer: l.DepthwiseRegularizer, Constraint: l.DepthwiseConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{channels * l.DepthMultiplier},
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// Call moves the kernels over the input. It drops masks.
func (l *depthwiseConv) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := toLast(c.Graph, inputs[0], l.DataFormat)
	y := depthwise(c, x, c.Read(l.kernel), l.Strides, l.DilationRate, l.Padding)
	return biasAndActivate(c, y, l.bias, l.Activation, l.DataFormat)
}

// depthwise convolves each channel of x with kernels of its own (spatial..., channels, multiplier): a convolution in as many groups as
// there are channels.
func depthwise(c *core.Call, x, kernel graph.Value, strides, dilation core.PerAxis, padding string) graph.Value {
	rank := len(strides)
	size, channels := kernel.Shape()[:rank], kernel.Dim(rank)
	lo, hi := overhang(c, x, size, strides, dilation, padding)
	grouped := c.Graph.Reshape(kernel, append(size.Clone(), 1, channels*kernel.Dim(rank+1))...)
	return c.Graph.Conv(x, grouped, graph.ConvAttr{Strides: strides, Dilation: dilation, PadLo: lo, PadHi: hi, Groups: channels})
}
