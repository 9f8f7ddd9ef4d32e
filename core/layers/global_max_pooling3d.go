package layers

// GlobalMaxPooling3D takes the largest number of all places of each channel.
//
// Input (batch, depth, height, width, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_max_pooling3d.py.
type GlobalMaxPooling3D struct{ globalMax }

func init() {
	registerUpgraded("GlobalMaxPooling3D", func() *GlobalMaxPooling3D { return &GlobalMaxPooling3D{globalMax{newGlobalPooling(3)}} }, renamedFormat, "GlobalMaxPool3D")
}

// NewGlobalMaxPooling3D makes a GlobalMaxPooling3D layer.
func NewGlobalMaxPooling3D(with ...With) *GlobalMaxPooling3D {
	return configure[*GlobalMaxPooling3D]("GlobalMaxPooling3D", nil, with)
}
