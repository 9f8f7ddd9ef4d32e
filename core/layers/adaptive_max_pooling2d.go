package layers

// AdaptiveMaxPooling2D takes the largest number of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, height, width, channels), output (batch, output height, output width, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_max_pooling2d.py.
type AdaptiveMaxPooling2D struct{ adaptiveMax }

func init() {
	register("AdaptiveMaxPooling2D", func() *AdaptiveMaxPooling2D { return &AdaptiveMaxPooling2D{adaptiveMax{newAdaptivePooling(2)}} })
}

// NewAdaptiveMaxPooling2D makes an AdaptiveMaxPooling2D layer. outputSize is a number or a list of 2.
func NewAdaptiveMaxPooling2D(outputSize any, with ...With) *AdaptiveMaxPooling2D {
	return configure[*AdaptiveMaxPooling2D]("AdaptiveMaxPooling2D", With{"output_size": outputSize}, with)
}
