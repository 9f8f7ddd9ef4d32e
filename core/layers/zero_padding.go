package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the layers that put zeros around their input have in common.

// zeroPadding puts zeros before and after each spatial axis.
type zeroPadding struct {
	core.Base
	Padding    core.Margins `json:"padding"`
	DataFormat string       `json:"data_format" keras:"3" want:"channels_last|channels_first"`
}

func newZeroPadding(rank int) zeroPadding {
	l := zeroPadding{Padding: make(core.Margins, rank), DataFormat: "channels_last"}
	for i := range l.Padding {
		l.Padding[i] = [2]int{1, 1}
	}
	return l
}

// Build checks the input.
func (l *zeroPadding) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, len(l.Padding)+2)
}

// Call pads. It drops masks.
func (l *zeroPadding) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	rank := inputs[0].Rank()
	before, after := make([]int, rank), make([]int, rank)
	for i, axis := range spatialAxes(rank, l.DataFormat) {
		before[axis], after[axis] = l.Padding[i][0], l.Padding[i][1]
	}
	return []graph.Value{c.Graph.Pad(inputs[0], before, after)}
}
