package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Concatenate puts its inputs one after the other along an axis.
//
// Inputs of shapes that differ in that axis only. With a mask on any input the output has one: a step counts that any input's mask
// has, an input without a mask has all. Source: keras/src/layers/merging/concatenate.py.
type Concatenate struct {
	core.Base
	Axis int `json:"axis"`

	older bool // from a file of Keras 1 or 2
}

// SetKeras is for the registry. In Kerases before 3 a step counts that all masks have.
func (l *Concatenate) SetKeras(major int) { l.older = major == 1 || major == 2 }

func init() { register("Concatenate", func() *Concatenate { return &Concatenate{Axis: -1} }) }

// NewConcatenate makes a Concatenate layer.
func NewConcatenate(with ...With) *Concatenate {
	return configure[*Concatenate]("Concatenate", nil, with)
}

// Build checks the axis.
func (l *Concatenate) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if len(inputs) == 0 {
		return core.Errorf(core.ErrGraph, "", "got no inputs, want a list")
	}
	_, err := core.Resolve([]int{l.Axis}, len(inputs[0]))
	return err
}

// Call concatenates.
func (l *Concatenate) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, masked := c.Graph, false
	masks := make([]graph.Value, len(inputs))
	for i, x := range inputs {
		switch m := c.Mask(i); {
		case !m.Valid():
			masks[i] = g.Full(1, x.Shape())
		case m.Rank() < x.Rank():
			masks[i], masked = g.BroadcastTo(g.ExpandDims(m, -1), x.Shape()), true
		default:
			masks[i], masked = m, true
		}
	}
	if masked {
		all := g.Concat(l.Axis, masks...)
		if l.older {
			c.SetMask(0, g.Min(all, []int{-1}, false))
		} else {
			c.SetMask(0, g.Max(all, []int{-1}, false))
		}
	}
	return []graph.Value{g.Concat(l.Axis, inputs...)}
}
