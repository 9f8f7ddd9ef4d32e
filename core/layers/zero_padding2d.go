package layers

// ZeroPadding2D puts zeros around its input. padding is a number for all sides, one per axis, or a pair (before, after) per axis.
//
// Input (batch, height, width, channels), output the same, larger; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/zero_padding2d.py.
type ZeroPadding2D struct{ zeroPadding }

func init() {
	register("ZeroPadding2D", func() *ZeroPadding2D { return &ZeroPadding2D{newZeroPadding(2)} })
}

// NewZeroPadding2D makes a ZeroPadding2D layer.
func NewZeroPadding2D(padding any, with ...With) *ZeroPadding2D {
	return configure[*ZeroPadding2D]("ZeroPadding2D", With{"padding": padding}, with)
}
