package layers

// LocallyConnected1D is a convolution of sequences that has a kernel of its own for each place of the output:
//
//	output[place] = activation(window[place] kernel[place] + bias[place])
//
// Input (batch, steps, channels), output (batch, new steps, filters); with data_format "channels_first" channels come
// second. All sizes but the batch must be known. Weights: kernel
// (new steps, kernel_size channels, filters), bias (new steps, filters); other implementations keep the kernel otherwise. Keras 3 has it no more.
// Source: tf_keras/src/layers/locally_connected/locally_connected1d.py.
type LocallyConnected1D struct{ locallyConnected }

func init() {
	registerLegacy("LocallyConnected1D", func() *LocallyConnected1D { return &LocallyConnected1D{newLocallyConnected(1)} }, upgradeConv)
}

// NewLocallyConnected1D makes a LocallyConnected1D layer. kernelSize is an int, or a list of one per spatial axis.
func NewLocallyConnected1D(filters int, kernelSize any, with ...With) *LocallyConnected1D {
	return configure[*LocallyConnected1D]("LocallyConnected1D", With{"filters": filters, "kernel_size": kernelSize}, with)
}
