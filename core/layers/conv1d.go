package layers

// Conv1D convolves sequences with a kernel that is learned:
//
//	output = activation(convolution(input, kernel) + bias)
//
// Input (batch, steps, channels), output (batch, new steps, filters); with data_format
// "channels_first" channels come second. Weights: kernel (kernel_size, channels/groups, filters), bias (filters). Source:
// keras/src/layers/convolutional/conv1d.py.
type Conv1D struct{ conv }

func init() {
	registerUpgraded("Conv1D", func() *Conv1D { return &Conv1D{newConv(1)} }, upgradeConv, "Convolution1D", "AtrousConvolution1D")
}

// NewConv1D makes a Conv1D layer. kernelSize is an int, or a list of one per spatial axis.
func NewConv1D(filters int, kernelSize any, with ...With) *Conv1D {
	return configure[*Conv1D]("Conv1D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
