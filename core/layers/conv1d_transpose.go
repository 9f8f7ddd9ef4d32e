package layers

// Conv1DTranspose goes the way of a convolution of sequences backwards, to enlarge what comes in by its strides:
//
//	output = activation(transposed convolution(input, kernel) + bias)
//
// Input (batch, steps, channels), output (batch, new steps, filters);
// with data_format "channels_first" channels come second. Weights: kernel (kernel_size..., filters, channels), bias (filters).
// Source: keras/src/layers/convolutional/base_conv_transpose.py.
type Conv1DTranspose struct{ convTranspose }

func init() {
	registerUpgraded("Conv1DTranspose", func() *Conv1DTranspose { return &Conv1DTranspose{newConvTranspose(1)} }, upgradeConvTranspose,
		"Convolution1DTranspose")
}

// NewConv1DTranspose makes a Conv1DTranspose layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv1DTranspose(filters int, kernelSize any, with ...With) *Conv1DTranspose {
	return configure[*Conv1DTranspose]("Conv1DTranspose", With{"filters": filters, "kernel_size": kernelSize}, with)
}
