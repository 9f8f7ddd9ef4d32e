package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what the layers that drop whole channels have in common.

// spatialDropout sets channels to 0 with probability rate in training and multiplies the others by 1/(1-rate).
type spatialDropout struct {
	core.Base
	Rate       float64      `json:"rate" want:"0..1"`
	Seed       any          `json:"seed" keras:"3"`
	NoiseShape tensor.Shape `json:"noise_shape" keras:"omitnull"` // in files before Keras 3, always null

	rank int // spatial axes
}

// spatialDropoutOf is spatialDropout of images and volumes, which have a data_format.
type spatialDropoutOf struct {
	spatialDropout
	DataFormat string `json:"data_format" want:"channels_last|channels_first"`
}

// encodeSpatial gives the config of the fields of a layer. Keras 3 takes no other keys of all layers than name and dtype here.
func encodeSpatial(e *registry.Encoder, fields any, b *core.Base) (core.Config, error) {
	c, err := e.Config(fields)
	if err != nil {
		return nil, err
	}
	delete(c, "trainable")
	delete(c, "activity_regularizer")
	c["dtype"] = b.DType.Name()
	return c, nil
}

// Build checks the input.
func (l *spatialDropout) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, l.rank+2)
}

// drop drops channels in training.
func (l *spatialDropout) drop(c *core.Call, x graph.Value, format string) []graph.Value {
	noise := x.Shape().Clone()
	for _, axis := range spatialAxes(x.Rank(), format) {
		noise[axis] = 1
	}
	return []graph.Value{dropout(c, x, l.Rate, noise)}
}

// Call drops channels in training.
func (l *spatialDropoutOf) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.drop(c, inputs[0], l.DataFormat)
}
