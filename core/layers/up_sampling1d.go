package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// UpSampling1D repeats each step size times.
//
// Input (batch, steps, channels), output (batch, steps*size, channels). Source: keras/src/layers/reshaping/up_sampling1d.py.
type UpSampling1D struct {
	core.Base
	Size int64 `json:"size" want:">0"` // no weight depends on it: whether it is too large, the shape of the output says
}

func init() {
	registerUpgraded("UpSampling1D", func() *UpSampling1D { return &UpSampling1D{Size: 2} }, renamed(map[string]string{"length": "size"}))
}

// NewUpSampling1D makes an UpSampling1D layer.
func NewUpSampling1D(size int, with ...With) *UpSampling1D {
	return configure[*UpSampling1D]("UpSampling1D", With{"size": size}, with)
}

// Build checks the input.
func (l *UpSampling1D) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 3)
}

// Call repeats. It drops masks.
func (l *UpSampling1D) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	return []graph.Value{c.Graph.Repeat(inputs[0], 1, int(l.Size))}
}
