package layers

// GlobalAveragePooling1D takes the mean of all steps of each channel. Steps that the mask skips do not count.
//
// Input (batch, steps, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_average_pooling1d.py.
type GlobalAveragePooling1D struct{ globalAverage }

func init() {
	registerUpgraded("GlobalAveragePooling1D", func() *GlobalAveragePooling1D { return &GlobalAveragePooling1D{globalAverage{newGlobalPooling(1)}} }, renamedFormat, "GlobalAveragePool1D")
}

// NewGlobalAveragePooling1D makes a GlobalAveragePooling1D layer.
func NewGlobalAveragePooling1D(with ...With) *GlobalAveragePooling1D {
	return configure[*GlobalAveragePooling1D]("GlobalAveragePooling1D", nil, with)
}
