package layers

// Cropping3D cuts off the edges of its input. cropping is a number for all sides, one per axis, or a pair (before, after) per axis.
//
// Input (batch, depth, height, width, channels), output the same, smaller; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/cropping3d.py.
type Cropping3D struct{ croppingOf }

func init() {
	registerUpgraded("Cropping3D", func() *Cropping3D { return &Cropping3D{croppingOf{newCropping(3), "channels_last"}} }, inheritedFormat)
}

// NewCropping3D makes a Cropping3D layer.
func NewCropping3D(cropping any, with ...With) *Cropping3D {
	return configure[*Cropping3D]("Cropping3D", With{"cropping": cropping}, with)
}
