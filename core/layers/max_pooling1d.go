package layers

// MaxPooling1D takes the largest number of each window of pool_size, which moves by strides (null: pool_size).
//
// Input (batch, steps, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/max_pooling1d.py.
type MaxPooling1D struct{ maxPooling }

func init() {
	registerUpgraded("MaxPooling1D", func() *MaxPooling1D { return &MaxPooling1D{maxPooling{newPooling(1)}} }, upgradePooling, "MaxPool1D")
}

// NewMaxPooling1D makes a MaxPooling1D layer. poolSize is an int, or a list of one per spatial axis.
func NewMaxPooling1D(poolSize any, with ...With) *MaxPooling1D {
	return configure[*MaxPooling1D]("MaxPooling1D", With{"pool_size": poolSize}, with)
}
