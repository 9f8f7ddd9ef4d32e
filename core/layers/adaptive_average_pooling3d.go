package layers

// AdaptiveAveragePooling3D takes the mean of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, depth, height, width, channels), output (batch, output depth, output height, output width, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_average_pooling3d.py.
type AdaptiveAveragePooling3D struct{ adaptiveAverage }

func init() {
	register("AdaptiveAveragePooling3D", func() *AdaptiveAveragePooling3D {
		return &AdaptiveAveragePooling3D{adaptiveAverage{newAdaptivePooling(3)}}
	})
}

// NewAdaptiveAveragePooling3D makes an AdaptiveAveragePooling3D layer. outputSize is a number or a list of 3.
func NewAdaptiveAveragePooling3D(outputSize any, with ...With) *AdaptiveAveragePooling3D {
	return configure[*AdaptiveAveragePooling3D]("AdaptiveAveragePooling3D", With{"output_size": outputSize}, with)
}
