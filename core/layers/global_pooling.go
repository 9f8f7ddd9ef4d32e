package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the global pooling layers have in common.

// globalPooling takes one number of all places of a channel.
type globalPooling struct {
	core.Base
	DataFormat string `json:"data_format" want:"channels_last|channels_first"`
	KeepDims   bool   `json:"keepdims" keras:"3"`

	rank int // spatial axes
}

func newGlobalPooling(rank int) globalPooling {
	return globalPooling{DataFormat: "channels_last", rank: rank}
}

// Build checks the input.
func (l *globalPooling) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, l.rank+2)
}

// globalMax takes the largest number of each channel.
type globalMax struct{ globalPooling }

// Call takes the maximum. It drops masks.
func (l *globalMax) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	return []graph.Value{c.Graph.Max(inputs[0], spatialAxes(l.rank+2, l.DataFormat), l.KeepDims)}
}

// globalAverage takes the mean of each channel.
type globalAverage struct{ globalPooling }

// Call takes the mean; over steps, of those that the mask has. It drops masks.
func (l *globalAverage) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, x, axes := c.Graph, inputs[0], spatialAxes(l.rank+2, l.DataFormat)
	mask := c.Mask(0)
	if l.rank > 1 || !mask.Valid() {
		return []graph.Value{g.Mean(x, axes, l.KeepDims)}
	}
	mask = g.ExpandDims(mask, 3-axes[0]) // the channels' axis
	sum := g.Sum(g.Select(mask, x, g.Const(0)), axes, l.KeepDims)
	return []graph.Value{g.Div(sum, g.Sum(mask, axes, l.KeepDims))}
}
