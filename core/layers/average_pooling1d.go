package layers

// AveragePooling1D takes the mean of each window of pool_size, which moves by strides (null: pool_size). Places outside of
// the input do not count.
//
// Input (batch, steps, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/average_pooling1d.py.
type AveragePooling1D struct{ averagePooling }

func init() {
	registerUpgraded("AveragePooling1D", func() *AveragePooling1D { return &AveragePooling1D{averagePooling{newPooling(1)}} }, upgradePooling, "AveragePool1D")
}

// NewAveragePooling1D makes a AveragePooling1D layer. poolSize is an int, or a list of one per spatial axis.
func NewAveragePooling1D(poolSize any, with ...With) *AveragePooling1D {
	return configure[*AveragePooling1D]("AveragePooling1D", With{"pool_size": poolSize}, with)
}
