package layers

// Cropping2D cuts off the edges of its input. cropping is a number for all sides, one per axis, or a pair (before, after) per axis.
//
// Input (batch, height, width, channels), output the same, smaller; with data_format "channels_first" channels come second.
// Source: keras/src/layers/reshaping/cropping2d.py.
type Cropping2D struct{ croppingOf }

func init() {
	registerUpgraded("Cropping2D", func() *Cropping2D { return &Cropping2D{croppingOf{newCropping(2), "channels_last"}} }, inheritedFormat)
}

// NewCropping2D makes a Cropping2D layer.
func NewCropping2D(cropping any, with ...With) *Cropping2D {
	return configure[*Cropping2D]("Cropping2D", With{"cropping": cropping}, with)
}
