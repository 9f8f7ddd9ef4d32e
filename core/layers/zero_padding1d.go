package layers

// ZeroPadding1D puts zeros around its input. padding is a number for both ends, or a pair (before, after).
//
// Input (batch, steps, channels), output the same, larger; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/zero_padding1d.py.
type ZeroPadding1D struct{ zeroPadding }

func init() {
	register("ZeroPadding1D", func() *ZeroPadding1D { return &ZeroPadding1D{newZeroPadding(1)} })
}

// NewZeroPadding1D makes a ZeroPadding1D layer.
func NewZeroPadding1D(padding any, with ...With) *ZeroPadding1D {
	return configure[*ZeroPadding1D]("ZeroPadding1D", With{"padding": padding}, with)
}
