package layers

// LocallyConnected2D is a convolution of images that has a kernel of its own for each place of the output:
//
//	output[place] = activation(window[place] kernel[place] + bias[place])
//
// Input (batch, height, width, channels), output (batch, new height, new width, filters); with data_format "channels_first" channels come
// second. All sizes but the batch must be known. Weights: kernel
// (new height new width, kernel height kernel width channels, filters), bias
// (new height, new width, filters); other implementations keep the kernel otherwise. Keras 3 has it no more.
// Source: tf_keras/src/layers/locally_connected/locally_connected2d.py.
type LocallyConnected2D struct{ locallyConnected }

func init() {
	registerLegacy("LocallyConnected2D", func() *LocallyConnected2D { return &LocallyConnected2D{newLocallyConnected(2)} }, upgradeConv)
}

// NewLocallyConnected2D makes a LocallyConnected2D layer. kernelSize is an int, or a list of one per spatial axis.
func NewLocallyConnected2D(filters int, kernelSize any, with ...With) *LocallyConnected2D {
	return configure[*LocallyConnected2D]("LocallyConnected2D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
