package layers

// Conv2D convolves images with a kernel that is learned:
//
//	output = activation(convolution(input, kernel) + bias)
//
// Input (batch, height, width, channels), output (batch, new height, new width, filters); with data_format
// "channels_first" channels come second. Weights: kernel (kernel height, kernel width, channels/groups, filters), bias (filters). Source:
// keras/src/layers/convolutional/conv2d.py.
type Conv2D struct{ conv }

func init() {
	registerUpgraded("Conv2D", func() *Conv2D { return &Conv2D{newConv(2)} }, upgradeConv, "Convolution2D", "AtrousConvolution2D")
}

// NewConv2D makes a Conv2D layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv2D(filters int, kernelSize any, with ...With) *Conv2D {
	return configure[*Conv2D]("Conv2D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
