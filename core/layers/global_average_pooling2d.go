package layers

// GlobalAveragePooling2D takes the mean of all places of each channel.
//
// Input (batch, height, width, channels), output (batch, channels), with ones between with keepdims; with data_format "channels_first"
// channels come second. Source: keras/src/layers/pooling/global_average_pooling2d.py.
type GlobalAveragePooling2D struct{ globalAverage }

func init() {
	registerUpgraded("GlobalAveragePooling2D", func() *GlobalAveragePooling2D { return &GlobalAveragePooling2D{globalAverage{newGlobalPooling(2)}} }, renamedFormat, "GlobalAveragePool2D")
}

// NewGlobalAveragePooling2D makes a GlobalAveragePooling2D layer.
func NewGlobalAveragePooling2D(with ...With) *GlobalAveragePooling2D {
	return configure[*GlobalAveragePooling2D]("GlobalAveragePooling2D", nil, with)
}
