package layers

// AdaptiveAveragePooling2D takes the mean of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, height, width, channels), output (batch, output height, output width, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_average_pooling2d.py.
type AdaptiveAveragePooling2D struct{ adaptiveAverage }

func init() {
	register("AdaptiveAveragePooling2D", func() *AdaptiveAveragePooling2D {
		return &AdaptiveAveragePooling2D{adaptiveAverage{newAdaptivePooling(2)}}
	})
}

// NewAdaptiveAveragePooling2D makes an AdaptiveAveragePooling2D layer. outputSize is a number or a list of 2.
func NewAdaptiveAveragePooling2D(outputSize any, with ...With) *AdaptiveAveragePooling2D {
	return configure[*AdaptiveAveragePooling2D]("AdaptiveAveragePooling2D", With{"output_size": outputSize}, with)
}
