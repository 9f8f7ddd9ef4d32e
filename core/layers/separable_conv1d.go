package layers

// SeparableConv1D convolves each channel of sequences with kernels of its own, depth_multiplier of them, and then mixes what comes out
// at each place:
//
//	output = activation(convolution(input, depthwise_kernel) pointwise_kernel + bias)
//
// Input (batch, steps, channels), output (batch, new steps, filters);
// with data_format "channels_first" channels come second. Weights: depthwise_kernel (kernel_size..., channels,
// depth_multiplier), pointwise_kernel (1..., channels*depth_multiplier, filters), bias (filters). Source:
// keras/src/layers/convolutional/base_separable_conv.py.
type SeparableConv1D struct{ separableConv }

func init() {
	registerUpgraded("SeparableConv1D", func() *SeparableConv1D { return &SeparableConv1D{newSeparableConv(1)} }, upgradeSeparable,
		"SeparableConvolution1D")
}

// NewSeparableConv1D makes a SeparableConv1D layer. kernelSize is an int, or a list of one per spatial axis.
func NewSeparableConv1D(filters int, kernelSize any, with ...With) *SeparableConv1D {
	return configure[*SeparableConv1D]("SeparableConv1D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
