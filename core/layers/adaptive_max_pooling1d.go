package layers

// AdaptiveMaxPooling1D takes the largest number of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, steps, channels), output (batch, output_size, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_max_pooling1d.py.
type AdaptiveMaxPooling1D struct{ adaptiveMax }

func init() {
	register("AdaptiveMaxPooling1D", func() *AdaptiveMaxPooling1D { return &AdaptiveMaxPooling1D{adaptiveMax{newAdaptivePooling(1)}} })
}

// NewAdaptiveMaxPooling1D makes an AdaptiveMaxPooling1D layer. outputSize is the number of outputs.
func NewAdaptiveMaxPooling1D(outputSize int, with ...With) *AdaptiveMaxPooling1D {
	return configure[*AdaptiveMaxPooling1D]("AdaptiveMaxPooling1D", With{"output_size": outputSize}, with)
}
