package layers

import (
	"github.com/gokeras/gk/core"

	"github.com/gokeras/gk/registry"
)

// SpatialDropout2D sets each channel of each sample to 0 with probability rate in training, and multiplies the others by 1/(1-rate).
// Otherwise it does nothing.
//
// Input and output (batch, height, width, channels); with data_format "channels_first" channels come second.
// Source: keras/src/layers/regularization/spatial_dropout.py; Tompson et al., CVPR 2015.
type SpatialDropout2D struct{ spatialDropoutOf }

func init() {
	registerUpgraded("SpatialDropout2D", func() *SpatialDropout2D {
		return &SpatialDropout2D{spatialDropoutOf{spatialDropout{rank: 2}, "channels_last"}}
	}, upgrades(upgradeRate, inheritedFormat))
}

// NewSpatialDropout2D makes a SpatialDropout2D layer.
func NewSpatialDropout2D(rate float64, with ...With) *SpatialDropout2D {
	return configure[*SpatialDropout2D]("SpatialDropout2D", With{"rate": rate}, with)
}

// DecodeConfig takes the fields of the layer.
func (l *SpatialDropout2D) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return d.Into(&l.spatialDropoutOf, c)
}

// EncodeConfig gives what Keras' class takes.
func (l *SpatialDropout2D) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return encodeSpatial(e, &l.spatialDropoutOf, l.Common())
}
