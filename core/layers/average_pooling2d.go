package layers

// AveragePooling2D takes the mean of each window of pool_size, which moves by strides (null: pool_size). Places outside of
// the input do not count.
//
// Input (batch, height, width, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/average_pooling2d.py.
type AveragePooling2D struct{ averagePooling }

func init() {
	registerUpgraded("AveragePooling2D", func() *AveragePooling2D { return &AveragePooling2D{averagePooling{newPooling(2)}} }, upgradePooling, "AveragePool2D")
}

// NewAveragePooling2D makes a AveragePooling2D layer. poolSize is an int, or a list of one per spatial axis.
func NewAveragePooling2D(poolSize any, with ...With) *AveragePooling2D {
	return configure[*AveragePooling2D]("AveragePooling2D", With{"pool_size": poolSize}, with)
}
