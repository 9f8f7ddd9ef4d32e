package layers

// Conv3DTranspose goes the way of a convolution of volumes backwards, to enlarge what comes in by its strides:
//
//	output = activation(transposed convolution(input, kernel) + bias)
//
// Input (batch, depth, height, width, channels), output (batch, new depth, new height, new width, filters);
// with data_format "channels_first" channels come second. Weights: kernel (kernel_size..., filters, channels), bias (filters).
// Source: keras/src/layers/convolutional/base_conv_transpose.py.
type Conv3DTranspose struct{ convTranspose }

func init() {
	registerUpgraded("Conv3DTranspose", func() *Conv3DTranspose { return &Conv3DTranspose{newConvTranspose(3)} }, upgradeConvTranspose,
		"Convolution3DTranspose", "Deconvolution3D")
}

// NewConv3DTranspose makes a Conv3DTranspose layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv3DTranspose(filters int, kernelSize any, with ...With) *Conv3DTranspose {
	return configure[*Conv3DTranspose]("Conv3DTranspose", With{"filters": filters, "kernel_size": kernelSize}, with)
}
