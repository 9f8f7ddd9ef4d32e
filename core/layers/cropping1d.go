package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
)

// Cropping1D cuts steps off the ends of its input. cropping is a number for both ends, or a pair (before, after).
//
// Input (batch, steps, channels), output the same, shorter. Source: keras/src/layers/reshaping/cropping1d.py.
type Cropping1D struct{ cropping }

func init() {
	register("Cropping1D", func() *Cropping1D { return &Cropping1D{newCropping(1)} })
}

// NewCropping1D makes a Cropping1D layer.
func NewCropping1D(cropping any, with ...With) *Cropping1D {
	return configure[*Cropping1D]("Cropping1D", With{"cropping": cropping}, with)
}

// Call crops.
func (l *Cropping1D) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.crop(c, inputs[0], "channels_last")
}
