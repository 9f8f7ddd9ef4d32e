package layers

// AveragePooling3D takes the mean of each window of pool_size, which moves by strides (null: pool_size). Places outside of
// the input do not count.
//
// Input (batch, depth, height, width, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/average_pooling3d.py.
type AveragePooling3D struct{ averagePooling }

func init() {
	registerUpgraded("AveragePooling3D", func() *AveragePooling3D { return &AveragePooling3D{averagePooling{newPooling(3)}} }, upgradePooling, "AveragePool3D")
}

// NewAveragePooling3D makes a AveragePooling3D layer. poolSize is an int, or a list of one per spatial axis.
func NewAveragePooling3D(poolSize any, with ...With) *AveragePooling3D {
	return configure[*AveragePooling3D]("AveragePooling3D", With{"pool_size": poolSize}, with)
}
