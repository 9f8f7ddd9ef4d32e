package layers

// Conv2DTranspose goes the way of a convolution of images backwards, to enlarge what comes in by its strides:
//
//	output = activation(transposed convolution(input, kernel) + bias)
//
// Input (batch, height, width, channels), output (batch, new height, new width, filters);
// with data_format "channels_first" channels come second. Weights: kernel (kernel_size..., filters, channels), bias (filters).
// Source: keras/src/layers/convolutional/base_conv_transpose.py.
type Conv2DTranspose struct{ convTranspose }

func init() {
	registerUpgraded("Conv2DTranspose", func() *Conv2DTranspose { return &Conv2DTranspose{newConvTranspose(2)} }, upgradeConvTranspose,
		"Convolution2DTranspose", "Deconvolution2D")
}

// NewConv2DTranspose makes a Conv2DTranspose layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv2DTranspose(filters int, kernelSize any, with ...With) *Conv2DTranspose {
	return configure[*Conv2DTranspose]("Conv2DTranspose", With{"filters": filters, "kernel_size": kernelSize}, with)
}
