package layers

// AdaptiveMaxPooling3D takes the largest number of as many windows as output_size says, whatever the size of the input: output i of o sees the
// inputs floor(i n/o) up to but not ceil((i+1) n/o) of n.
//
// Input (batch, depth, height, width, channels), output (batch, output depth, output height, output width, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/pooling/adaptive_max_pooling3d.py.
type AdaptiveMaxPooling3D struct{ adaptiveMax }

func init() {
	register("AdaptiveMaxPooling3D", func() *AdaptiveMaxPooling3D { return &AdaptiveMaxPooling3D{adaptiveMax{newAdaptivePooling(3)}} })
}

// NewAdaptiveMaxPooling3D makes an AdaptiveMaxPooling3D layer. outputSize is a number or a list of 3.
func NewAdaptiveMaxPooling3D(outputSize any, with ...With) *AdaptiveMaxPooling3D {
	return configure[*AdaptiveMaxPooling3D]("AdaptiveMaxPooling3D", With{"output_size": outputSize}, with)
}
