package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// SpatialDropout1D sets each channel of each sample to 0 with probability rate in training, and multiplies the others by 1/(1-rate).
// Otherwise it does nothing.
//
// Input and output (batch, steps, channels).
// Source: keras/src/layers/regularization/spatial_dropout.py; Tompson et al., CVPR 2015.
type SpatialDropout1D struct{ spatialDropout }

func init() {
	registerUpgraded("SpatialDropout1D", func() *SpatialDropout1D { return &SpatialDropout1D{spatialDropout{rank: 1}} }, upgradeRate)
}

// NewSpatialDropout1D makes a SpatialDropout1D layer.
func NewSpatialDropout1D(rate float64, with ...With) *SpatialDropout1D {
	return configure[*SpatialDropout1D]("SpatialDropout1D", With{"rate": rate}, with)
}

// DecodeConfig takes the fields of the layer.
func (l *SpatialDropout1D) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return d.Into(&l.spatialDropout, c)
}

// EncodeConfig gives what Keras' class takes.
func (l *SpatialDropout1D) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	return encodeSpatial(e, &l.spatialDropout, l.Common())
}

// Call drops channels in training.
func (l *SpatialDropout1D) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.drop(c, inputs[0], "channels_last")
}
