package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// UpSampling3D repeats each place size times along each axis.
//
// Input (batch, depth, height, width, channels), output (batch, depth*size, height*size, width*size, channels); with data_format
// "channels_first" channels come second. Source: keras/src/layers/reshaping/up_sampling3d.py.
type UpSampling3D struct {
	core.Base
	Size       core.PerAxis `json:"size" want:">0"`
	DataFormat string       `json:"data_format" want:"channels_last|channels_first"`
}

func init() {
	registerUpgraded("UpSampling3D", func() *UpSampling3D {
		return &UpSampling3D{Size: core.AllAxes(3, 2), DataFormat: "channels_last"}
	}, inheritedFormat)
}

// NewUpSampling3D makes an UpSampling3D layer. size is an int, or a list of one per axis.
func NewUpSampling3D(size any, with ...With) *UpSampling3D {
	return configure[*UpSampling3D]("UpSampling3D", With{"size": size}, with)
}

// Build checks the input.
func (l *UpSampling3D) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 5)
}

// Call repeats. It drops masks.
func (l *UpSampling3D) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := inputs[0]
	for i, axis := range spatialAxes(x.Rank(), l.DataFormat) {
		x = c.Graph.Repeat(x, axis, l.Size[i])
	}
	return []graph.Value{x}
}
