package layers

// MaxPooling3D takes the largest number of each window of pool_size, which moves by strides (null: pool_size).
//
// Input (batch, depth, height, width, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/max_pooling3d.py.
type MaxPooling3D struct{ maxPooling }

func init() {
	registerUpgraded("MaxPooling3D", func() *MaxPooling3D { return &MaxPooling3D{maxPooling{newPooling(3)}} }, upgradePooling, "MaxPool3D")
}

// NewMaxPooling3D makes a MaxPooling3D layer. poolSize is an int, or a list of one per spatial axis.
func NewMaxPooling3D(poolSize any, with ...With) *MaxPooling3D {
	return configure[*MaxPooling3D]("MaxPooling3D", With{"pool_size": poolSize}, with)
}
