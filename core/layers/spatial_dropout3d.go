package layers

import (
	"github.com/gokeras/gk/core"

	"github.com/gokeras/gk/registry"
)

// SpatialDropout3D sets each channel of each sample to 0 with probability rate in training, and multiplies the others by 1/(1-rate).
// Otherwise it does nothing.
//
// Input and output (batch, depth, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/regularization/spatial_dropout.py; Tompson et al., CVPR 2015.
type SpatialDropout3D struct{ spatialDropoutOf }

func init() {
	registerUpgraded("SpatialDropout3D", func() *SpatialDropout3D {
		return &SpatialDropout3D{spatialDropoutOf{spatialDropout{rank: 3}, "channels_last"}}
	}, upgrades(upgradeRate, inheritedFormat))
}

// NewSpatialDropout3D makes a SpatialDropout3D layer.
func NewSpatialDropout3D(rate float64, with ...With) *SpatialDropout3D {
	return configure[*SpatialDropout3D]("SpatialDropout3D", With{"rate": rate}, with)
}

// DecodeConfig takes the fields of the layer.
func (l *SpatialDropout3D) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return d.Into(&l.spatialDropoutOf, c)
}

// EncodeConfig gives what Keras' class takes.
func (l *SpatialDropout3D) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return encodeSpatial(e, &l.spatialDropoutOf, l.Common())
}
