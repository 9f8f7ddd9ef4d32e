package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the layers that cut off the edges of their input have in common.

// cropping cuts numbers off before and after each spatial axis.
type cropping struct {
	core.Base
	Cropping core.Margins `json:"cropping"`

	older bool // from a file of Keras 1 or 2, which leave nothing where Keras 3 refuses
}

// SetKeras is for the registry.
func (l *cropping) SetKeras(major int) { l.older = major == 1 || major == 2 }

func newCropping(rank int) cropping {
	l := cropping{Cropping: make(core.Margins, rank)}
	for i := range l.Cropping {
		l.Cropping[i] = [2]int{1, 1}
	}
	return l
}

// Build checks the input.
func (l *cropping) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, len(l.Cropping)+2)
}

// crop cuts. It drops masks.
func (l *cropping) crop(c *core.Call, x graph.Value, format string) []graph.Value {
	c.DropMasks()
	start, size, step := make([]int, x.Rank()), x.Shape().Clone(), make([]int, x.Rank())
	for i := range step {
		step[i] = 1
	}
	for i, axis := range spatialAxes(x.Rank(), format) {
		cut := l.Cropping[i]
		start[axis] = cut[0]
		if size[axis] == tensor.Unknown {
			continue
		}
		size[axis] -= cut[0] + cut[1]
		if l.older && size[axis] <= 0 {
			start[axis], size[axis] = 0, 0
		} else if size[axis] <= 0 {
			c.Graph.Fail(core.Errorf(core.ErrShapeMismatch, "input", "got %d along axis %d, want more than cropping %v takes", x.Dim(axis), axis, cut))
			return []graph.Value{x}
		}
	}
	return []graph.Value{c.Graph.Slice(x, start, size, step)}
}

// croppingOf is cropping of images and volumes, which have a data_format.
type croppingOf struct {
	cropping
	DataFormat string `json:"data_format" want:"channels_last|channels_first"`
}

// Call crops.
func (l *croppingOf) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.crop(c, inputs[0], l.DataFormat)
}
