package layers

// DepthwiseConv2D convolves each channel of images with kernels of its own, depth_multiplier of them:
//
//	output = activation(convolution(input, kernel) + bias)
//
// Input (batch, height, width, channels), output (batch, new height, new width, channels*depth_multiplier);
// with data_format "channels_first" channels come second. Weights: kernel (kernel_size..., channels, depth_multiplier),
// bias (channels*depth_multiplier). Source: keras/src/layers/convolutional/base_depthwise_conv.py.
type DepthwiseConv2D struct{ depthwiseConv }

func init() {
	registerUpgraded("DepthwiseConv2D", func() *DepthwiseConv2D { return &DepthwiseConv2D{newDepthwiseConv(2)} }, dropGroups)
}

// NewDepthwiseConv2D makes a DepthwiseConv2D layer. kernelSize is an int, or a list of one per spatial axis.
func NewDepthwiseConv2D(kernelSize any, with ...With) *DepthwiseConv2D {
	return configure[*DepthwiseConv2D]("DepthwiseConv2D", With{"kernel_size": kernelSize}, with)
}
