package layers

// DepthwiseConv1D convolves each channel of sequences with kernels of its own, depth_multiplier of them:
//
//	output = activation(convolution(input, kernel) + bias)
//
// Input (batch, steps, channels), output (batch, new steps, channels*depth_multiplier);
// with data_format "channels_first" channels come second. Weights: kernel (kernel_size..., channels, depth_multiplier),
// bias (channels*depth_multiplier). Source: keras/src/layers/convolutional/base_depthwise_conv.py.
type DepthwiseConv1D struct{ depthwiseConv }

func init() {
	registerUpgraded("DepthwiseConv1D", func() *DepthwiseConv1D { return &DepthwiseConv1D{newDepthwiseConv(1)} }, dropGroups)
}

// NewDepthwiseConv1D makes a DepthwiseConv1D layer. kernelSize is an int, or a list of one per spatial axis.
func NewDepthwiseConv1D(kernelSize any, with ...With) *DepthwiseConv1D {
	return configure[*DepthwiseConv1D]("DepthwiseConv1D", With{"kernel_size": kernelSize}, with)
}
