package layers

// ZeroPadding3D puts zeros around its input. padding is a number for all sides, one per axis, or a pair (before, after) per axis.
//
// Input (batch, depth, height, width, channels), output the same, larger; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/zero_padding3d.py.
type ZeroPadding3D struct{ zeroPadding }

func init() {
	registerUpgraded("ZeroPadding3D", func() *ZeroPadding3D { return &ZeroPadding3D{newZeroPadding(3)} }, inheritedFormat)
}

// NewZeroPadding3D makes a ZeroPadding3D layer.
func NewZeroPadding3D(padding any, with ...With) *ZeroPadding3D {
	return configure[*ZeroPadding3D]("ZeroPadding3D", With{"padding": padding}, with)
}
