package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what Conv1D, Conv2D and Conv3D have in common: all but the number of spatial axes.

// conv is a convolution over spatial axes, as many as kernel_size has numbers.
type conv struct {
	core.Base
	Filters           int              `json:"filters" want:">0"`
	KernelSize        core.PerAxis     `json:"kernel_size" want:">0"`
	Strides           core.PerAxis     `json:"strides" want:">0"`
	Padding           string           `json:"padding" want:"valid|same|causal"`
	DataFormat        string           `json:"data_format" want:"channels_last|channels_first"`
	DilationRate      core.PerAxis     `json:"dilation_rate" want:">0"`
	Groups            int              `json:"groups" keras:"3" want:">0"`
	Activation        core.Activation  `json:"activation"`
	UseBias           bool             `json:"use_bias"`
	KernelInitializer core.Initializer `json:"kernel_initializer"`
	BiasInitializer   core.Initializer `json:"bias_initializer"`
	KernelRegularizer core.Regularizer `json:"kernel_regularizer"`
	BiasRegularizer   core.Regularizer `json:"bias_regularizer"`
	KernelConstraint  core.Constraint  `json:"kernel_constraint"`
	BiasConstraint    core.Constraint  `json:"bias_constraint"`

	theano       bool
	kernel, bias *core.Weight
}

// SetOrigin is for the registry.
func (l *conv) SetOrigin(from registry.Origin) { l.theano = from.Backend == "theano" }

func newConv(rank int) conv {
	return conv{
		KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), DilationRate: core.AllAxes(rank, 1), Groups: 1,
		Padding: "valid", DataFormat: "channels_last", Activation: activation("linear"), UseBias: true,
		KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros"),
	}
}

// Build declares kernel and bias.
func (l *conv) Build(b *core.Builder, inputs []tensor.Shape) error {
	rank := len(l.KernelSize)
	if err := core.WantInputs(inputs, 1, rank+2); err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], channelAxis(l.DataFormat))
	if err != nil {
		return err
	}
	if l.Padding == "causal" && rank > 1 {
		return core.Errorf(core.ErrLayerConfig, "padding", "got %q, want valid or same", l.Padding)
	}
	if l.Filters%l.Groups != 0 || channels%l.Groups != 0 {
		return core.Errorf(core.ErrLayerConfig, "groups", "got %d, want a divisor of filters %d and of the %d channels of the input", l.Groups, l.Filters, channels)
	}
	if err := strideOrDilation(l.Strides, l.DilationRate); err != nil {
		return err
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: append(tensor.Shape(l.KernelSize).Clone(), channels/l.Groups, l.Filters),
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{l.Filters},
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// strideOrDilation refuses windows that both skip and spread, as Keras does.
func strideOrDilation(strides, dilation core.PerAxis) error {
	for i := range strides {
		for j := range dilation {
			if strides[i] > 1 && dilation[j] > 1 {
				return core.Errorf(core.ErrLayerConfig, "dilation_rate", "got %v with strides %v, want one of them to be 1", []int(dilation), []int(strides))
			}
		}
	}
	return nil
}

// Call moves the kernel over the input. It drops masks.
func (l *conv) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := toLast(c.Graph, inputs[0], l.DataFormat)
	padding := l.Padding
	if l.theano && padding == "same" {
		padding = sameOfTheano
	}
	lo, hi := overhang(c, x, l.KernelSize, l.Strides, l.DilationRate, padding)
	y := c.Graph.Conv(x, c.Read(l.kernel), graph.ConvAttr{Strides: l.Strides, Dilation: l.DilationRate, PadLo: lo, PadHi: hi, Groups: l.Groups})
	return biasAndActivate(c, y, l.bias, l.Activation, l.DataFormat)
}

// biasAndActivate ends a convolution: y has its channels last, the result where the layer has them.
func biasAndActivate(c *core.Call, y graph.Value, bias *core.Weight, a core.Activation, format string) []graph.Value {
	if bias != nil {
		y = c.Graph.Add(y, c.Read(bias))
	}
	return activate(c, a, fromLast(c.Graph, y, format))
}
