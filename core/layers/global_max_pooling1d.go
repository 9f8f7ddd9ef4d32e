package layers

// GlobalMaxPooling1D takes the largest number of all steps of each channel.
//
// Input (batch, steps, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_max_pooling1d.py.
type GlobalMaxPooling1D struct{ globalMax }

func init() {
	registerUpgraded("GlobalMaxPooling1D", func() *GlobalMaxPooling1D { return &GlobalMaxPooling1D{globalMax{newGlobalPooling(1)}} }, renamedFormat, "GlobalMaxPool1D")
}

// NewGlobalMaxPooling1D makes a GlobalMaxPooling1D layer.
func NewGlobalMaxPooling1D(with ...With) *GlobalMaxPooling1D {
	return configure[*GlobalMaxPooling1D]("GlobalMaxPooling1D", nil, with)
}
