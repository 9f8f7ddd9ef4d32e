package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the layers that merge several inputs elementwise have in common.

// merge is a layer of inputs whose shapes broadcast.
type merge struct {
	core.Base
	older bool // from a file of Keras 1 or 2
}

// SetKeras is for the registry. Kerases before 3 compute without regard to masks, and what they pass on has the steps that the masks of
// all inputs have, not those that some have.
func (l *merge) SetKeras(major int) { l.older = major == 1 || major == 2 }

// Build checks that the inputs go together.
func (l *merge) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if len(inputs) == 0 {
		return core.Errorf(core.ErrGraph, "", "got no inputs, want a list")
	}
	rank := 0
	for _, s := range inputs {
		rank = max(rank, len(s))
	}
	var all tensor.Shape
	for _, s := range inputs {
		if len(s) == 0 {
			return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want a batch", s)
		}
		var ok bool
		if all, ok = graph.Broadcast(alignTo(s, rank), all); !ok {
			return core.Errorf(core.ErrShapeMismatch, "input", "got shapes %v, want ones that broadcast", inputs)
		}
	}
	return nil
}

// alignTo puts axes of size 1 after the batch until a shape has the wanted rank.
func alignTo(s tensor.Shape, rank int) tensor.Shape {
	out := tensor.Shape{s[0]}
	for range rank - len(s) {
		out = append(out, 1)
	}
	return append(out, s[1:]...)
}

// align gives inputs of different ranks the same, and passes their masks on: steps count that some input has.
func (l *merge) align(c *core.Call, inputs []graph.Value) []graph.Value {
	g, rank := c.Graph, 0
	for _, x := range inputs {
		rank = max(rank, x.Rank())
	}
	out := make([]graph.Value, len(inputs))
	for i, x := range inputs {
		out[i] = g.Reshape(x, alignTo(x.Shape(), rank)...)
	}
	c.DropMasks()
	if l.older {
		c.SetMask(0, maskOfAll(c, inputs))
		return out
	}
	if mask := c.Mask(0); l.allMasked(c, inputs) {
		for i := range inputs[1:] {
			mask = g.Or(mask, c.Mask(i+1))
		}
		c.SetMask(0, mask)
	}
	return out
}

// maskOfAll is the steps that every mask among those of the inputs has; "none" if there are none.
func maskOfAll(c *core.Call, inputs []graph.Value) graph.Value {
	var all graph.Value
	for i := range inputs {
		switch m := c.Mask(i); {
		case !m.Valid():
		case !all.Valid():
			all = m
		default:
			all = c.Graph.And(all, m)
		}
	}
	return all
}

func (l *merge) allMasked(c *core.Call, inputs []graph.Value) bool {
	for i := range inputs {
		if !c.Mask(i).Valid() {
			return false
		}
	}
	return true
}

// extreme is the maximum or minimum of the inputs. A masked step of one input leaves it to the others.
func (l *merge) extreme(c *core.Call, inputs []graph.Value, op func(a, b graph.Value) graph.Value) []graph.Value {
	g := c.Graph
	var out, outMask graph.Value
	for i, x := range l.align(c, inputs) {
		mask := c.Mask(i)
		if l.older {
			mask = graph.Value{}
		}
		if mask.Valid() {
			mask = g.ExpandDims(mask, -1)
		}
		if i == 0 {
			out, outMask = x, mask
			continue
		}
		if mask.Valid() {
			x = g.Select(mask, x, out)
		}
		if outMask.Valid() {
			out = g.Select(outMask, out, x)
		}
		if mask.Valid() && outMask.Valid() {
			outMask = g.Or(outMask, mask)
		} else {
			outMask = graph.Value{}
		}
		out = op(out, x)
	}
	return []graph.Value{out}
}
