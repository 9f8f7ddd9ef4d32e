package layers

// GlobalMaxPooling2D takes the largest number of all places of each channel.
//
// Input (batch, height, width, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_max_pooling2d.py.
type GlobalMaxPooling2D struct{ globalMax }

func init() {
	registerUpgraded("GlobalMaxPooling2D", func() *GlobalMaxPooling2D { return &GlobalMaxPooling2D{globalMax{newGlobalPooling(2)}} }, renamedFormat, "GlobalMaxPool2D")
}

// NewGlobalMaxPooling2D makes a GlobalMaxPooling2D layer.
func NewGlobalMaxPooling2D(with ...With) *GlobalMaxPooling2D {
	return configure[*GlobalMaxPooling2D]("GlobalMaxPooling2D", nil, with)
}
