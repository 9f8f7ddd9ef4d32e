package layers

// AdaptiveAveragePooling1D takes the mean of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, steps, channels), output (batch, output_size, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_average_pooling1d.py.
type AdaptiveAveragePooling1D struct{ adaptiveAverage }

func init() {
	register("AdaptiveAveragePooling1D", func() *AdaptiveAveragePooling1D {
		return &AdaptiveAveragePooling1D{adaptiveAverage{newAdaptivePooling(1)}}
	})
}

// NewAdaptiveAveragePooling1D makes an AdaptiveAveragePooling1D layer. outputSize is the number of outputs.
func NewAdaptiveAveragePooling1D(outputSize int, with ...With) *AdaptiveAveragePooling1D {
	return configure[*AdaptiveAveragePooling1D]("AdaptiveAveragePooling1D", With{"output_size": outputSize}, with)
}
