package layers

// MaxPooling2D takes the largest number of each window of pool_size, which moves by strides (null: pool_size).
//
// Input (batch, height, width, channels), output the same with fewer places; with data_format "channels_first" channels come
// second. Source: keras/src/layers/pooling/max_pooling2d.py.
type MaxPooling2D struct{ maxPooling }

func init() {
	registerUpgraded("MaxPooling2D", func() *MaxPooling2D { return &MaxPooling2D{maxPooling{newPooling(2)}} }, upgradePooling, "MaxPool2D")
}

// NewMaxPooling2D makes a MaxPooling2D layer. poolSize is an int, or a list of one per spatial axis.
func NewMaxPooling2D(poolSize any, with ...With) *MaxPooling2D {
	return configure[*MaxPooling2D]("MaxPooling2D", With{"pool_size": poolSize}, with)
}
