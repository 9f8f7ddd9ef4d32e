package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what Conv1DTranspose, Conv2DTranspose and Conv3DTranspose have in common.

// convTranspose goes the way of a convolution backwards: its output is the gradient that a convolution with the same kernel, strides
// and padding would pass to its input.
type convTranspose struct {
	core.Base
	Filters           int              `json:"filters" want:">0"`
	KernelSize        core.PerAxis     `json:"kernel_size" want:">0"`
	Strides           core.PerAxis     `json:"strides" want:">0"`
	Padding           string           `json:"padding" want:"valid|same"`
	OutputPadding     core.PerAxis     `json:"output_padding" want:">=0"` // null: see outputSize
	DataFormat        string           `json:"data_format" want:"channels_last|channels_first"`
	DilationRate      core.PerAxis     `json:"dilation_rate" want:">0"`
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
func (l *convTranspose) SetOrigin(from registry.Origin) { l.theano = from.Backend == "theano" }

func newConvTranspose(rank int) convTranspose {
	return convTranspose{
		Filters: 1, KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), OutputPadding: core.NoAxes(rank),
		DilationRate: core.AllAxes(rank, 1), Padding: "valid", DataFormat: "channels_last", Activation: activation("linear"), UseBias: true,
		KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros"),
	}
}

// upgradeConvTranspose is for files of Keras 1, which also wrote the shape of the output, and 2.
var upgradeConvTranspose = upgrades(upgradeConv, renamed(map[string]string{"output_shape": ""}), dropGroups)

// Build declares kernel and bias.
func (l *convTranspose) Build(b *core.Builder, inputs []tensor.Shape) error {
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
	for i, p := range l.OutputPadding {
		if p >= l.Strides[i] {
			return core.Errorf(core.ErrLayerConfig, "output_padding", "got %v, want less than the strides %v", []int(l.OutputPadding), []int(l.Strides))
		}
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: append(tensor.Shape(l.KernelSize).Clone(), l.Filters, channels),
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{l.Filters},
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// outputSize is how many places there are along spatial axis i for n of the input, k being how far the kernel reaches.
//
//	valid  (n-1) strides + k + output_padding, null: as many as make k at least strides
//	same   (n-1) strides + k mod 2 + output_padding, null: n strides in all
func (l *convTranspose) outputSize(i, n, k int) int {
	pad, none := l.OutputPadding[i], l.OutputPadding.Null()
	switch {
	case n == tensor.Unknown:
		return n
	case l.Padding == "same" && none:
		return n * l.Strides[i]
	case l.Padding == "same":
		return (n-1)*l.Strides[i] + k%2 + pad
	case none:
		pad = max(0, l.Strides[i]-k)
	}
	return (n-1)*l.Strides[i] + k + pad
}

// Call spreads the input. It drops masks.
func (l *convTranspose) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	y := l.spread(c.Graph, toLast(c.Graph, inputs[0], l.DataFormat), c.Read(l.kernel))
	return biasAndActivate(c, y, l.bias, l.Activation, l.DataFormat)
}

// spread is the transposed convolution of x, channels last, with a kernel.
func (l *convTranspose) spread(g *graph.Graph, x, kernel graph.Value) graph.Value {
	rank := len(l.KernelSize)
	out, lo, hi := make([]int, rank), make([]int, rank), make([]int, rank)
	for i := range rank {
		n, k := x.Dim(i+1), l.DilationRate[i]*(l.KernelSize[i]-1)+1
		out[i] = l.outputSize(i, n, k)
		over := (n-1)*l.Strides[i] + k - out[i] // by how much windows are larger than the output
		if l.Padding == "same" {
			lo[i] = max(0, over) / 2
			if l.theano {
				lo[i] = k / 2
			}
		}
		hi[i] = over - lo[i]
	}
	return g.ConvGradInput(x, kernel, graph.ConvAttr{Strides: l.Strides, Dilation: l.DilationRate, PadLo: lo, PadHi: hi, Groups: 1}, out)
}
