package layers

// SeparableConv2D convolves each channel of images with kernels of its own, depth_multiplier of them, and then mixes what comes out
// at each place:
//
//	output = activation(convolution(input, depthwise_kernel) pointwise_kernel + bias)
//
// Input (batch, height, width, channels), output (batch, new height, new width, filters);
// with data_format "channels_first" channels come second. Weights: depthwise_kernel (kernel_size..., channels,
// depth_multiplier), pointwise_kernel (1..., channels*depth_multiplier, filters), bias (filters). Source:
// keras/src/layers/convolutional/base_separable_conv.py.
type SeparableConv2D struct{ separableConv }

func init() {
	registerUpgraded("SeparableConv2D", func() *SeparableConv2D { return &SeparableConv2D{newSeparableConv(2)} }, upgradeSeparable,
		"SeparableConvolution2D")
}

// NewSeparableConv2D makes a SeparableConv2D layer. kernelSize is an int, or a list of one per spatial axis.
func NewSeparableConv2D(filters int, kernelSize any, with ...With) *SeparableConv2D {
	return configure[*SeparableConv2D]("SeparableConv2D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
