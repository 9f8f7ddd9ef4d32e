package layers

// GlobalAveragePooling3D takes the mean of all places of each channel.
//
// Input (batch, depth, height, width, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_average_pooling3d.py.
type GlobalAveragePooling3D struct{ globalAverage }

func init() {
	registerUpgraded("GlobalAveragePooling3D", func() *GlobalAveragePooling3D { return &GlobalAveragePooling3D{globalAverage{newGlobalPooling(3)}} }, renamedFormat, "GlobalAveragePool3D")
}

// NewGlobalAveragePooling3D makes a GlobalAveragePooling3D layer.
func NewGlobalAveragePooling3D(with ...With) *GlobalAveragePooling3D {
	return configure[*GlobalAveragePooling3D]("GlobalAveragePooling3D", nil, with)
}
