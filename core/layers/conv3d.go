package layers

// Conv3D convolves volumes with a kernel that is learned:
//
//	output = activation(convolution(input, kernel) + bias)
//
// Input (batch, depth, height, width, channels), output (batch, new depth, new height, new width, filters); with data_format
// "channels_first" channels come second. Weights: kernel (kernel depth, height, width, channels/groups, filters), bias (filters). Source:
// keras/src/layers/convolutional/conv3d.py.
type Conv3D struct{ conv }

func init() {
	registerUpgraded("Conv3D", func() *Conv3D { return &Conv3D{newConv(3)} }, upgradeConv, "Convolution3D")
}

// NewConv3D makes a Conv3D layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv3D(filters int, kernelSize any, with ...With) *Conv3D {
	return configure[*Conv3D]("Conv3D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
