package graph

import (
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the operations that move numbers without changing them.

// ShapeAttr is the shape that a tensor is to get.
type ShapeAttr struct{ Shape tensor.Shape }

// PermAttr says which axis of the input each axis of the output is.
type PermAttr struct{ Perm []int }

// AxisAttr is one axis, counted from 0.
type AxisAttr struct{ Axis int }

// RangeAttr says which elements Slice takes along each axis, and where Place puts them: Start, Start+Step, ...; Size of them. Steps
// may be negative, not 0.
type RangeAttr struct {
	Start, Size, Step []int
	Shape             tensor.Shape // of the larger tensor, for Place
}

func init() {
	define(&Op{Name: "Reshape", Doc: "x with another shape, of which one size may be -1: what is left", Inputs: []string{"x"},
		Settings: ShapeAttr{},
		infer:    reshapeShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			return []Value{g.Reshape(dy[0], n.In[0].Shape()...)}
		}})
	define(&Op{Name: "BroadcastTo", Doc: "x repeated along axes that it lacks or in which it has size 1", Inputs: []string{"x"},
		Settings:    ShapeAttr{},
		Elementwise: true, infer: func(n *Node) error {
			want := n.Attr.(ShapeAttr).Shape
			if err := n.checkShape("shape", want); err != nil {
				return err
			}
			if got, ok := Broadcast(n.In[0].Shape(), want); !ok || !agreeAll(got, want) {
				return n.bad("does not broadcast to %v", want)
			}
			n.Out = []tensor.Shape{want}
			return nil
		}, grad: func(g *Graph, n *Node, dy []Value) []Value { return []Value{g.sumTo(dy[0], n.In[0])} }})
	define(&Op{Name: "Transpose", Doc: "axis i of y is axis perm[i] of x", Inputs: []string{"x"}, Settings: PermAttr{},
		infer: func(n *Node) error {
			perm, in := n.Attr.(PermAttr).Perm, n.In[0].Shape()
			if len(perm) != len(in) {
				return n.bad("permutation %v has not one number per axis", perm)
			}
			for i, p := range slices.Sorted(slices.Values(perm)) {
				if p != i {
					return n.bad("%v is no permutation of the axes", perm)
				}
			}
			out := make(tensor.Shape, len(perm))
			for i, p := range perm {
				out[i] = in[p]
			}
			n.Out = []tensor.Shape{out}
			return n.checkMoved(in)
		}, grad: func(g *Graph, n *Node, dy []Value) []Value {
			perm := n.Attr.(PermAttr).Perm
			back := make([]int, len(perm))
			for i, p := range perm {
				back[p] = i
			}
			return []Value{g.Transpose(dy[0], back...)}
		}})
	define(&Op{Name: "Concat", Doc: "the xs one after the other along an axis", Inputs: []string{"xs..."}, Settings: AxisAttr{},
		infer: concatShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			axis, at := n.Attr.(AxisAttr).Axis, 0
			d := make([]Value, len(n.In))
			for i, v := range n.In {
				d[i] = g.Narrow(dy[0], axis, at, v.Dim(axis))
				at += v.Dim(axis)
			}
			return d
		}})
	define(&Op{Name: "Slice", Doc: "y[i] = x[start + i step] for i < size along each axis; start < 0 counts from the end, size -1 is as many as there are",
		Inputs: []string{"x"}, Settings: RangeAttr{}, Without: []string{"Shape"},
		infer: sliceShape, grad: func(g *Graph, n *Node, dy []Value) []Value {
			a := n.Attr.(RangeAttr)
			return []Value{g.one("Place", RangeAttr{a.Start, a.Size, a.Step, n.In[0].Shape()}, dy[0])}
		}})
	define(&Op{Name: "Place", Doc: "y = 0, then y[start + i step] = x[i] along each axis", Inputs: []string{"x"}, Settings: RangeAttr{},
		Without: []string{"Size"}, infer: func(n *Node) error {
			a, in := n.Attr.(RangeAttr), n.In[0].Shape()
			if len(a.Shape) != len(in) || len(a.Start) != len(in) || len(a.Step) != len(in) {
				return n.bad("cannot be placed in %v", a.Shape)
			}
			if err := n.checkShape("shape", a.Shape); err != nil {
				return err
			}
			start, step := slices.Clone(a.Start), slices.Clone(a.Step)
			for i, d := range in {
				switch {
				case step[i] == 0 || step[i] < -maxSize || step[i] > maxSize:
					return n.bad("axis %d: step is %d", i, step[i])
				case d < 0 || a.Shape[i] < 0:
					continue
				}
				if err := n.checkRange(i, start[i], d, step[i], a.Shape[i]); err != nil {
					return err
				}
				start[i], step[i] = settled(start[i], d, step[i])
			}
			n.Attr = RangeAttr{Start: start, Size: in.Clone(), Step: step, Shape: a.Shape}
			n.Out = []tensor.Shape{a.Shape}
			return n.checkMoved(in)
		}, grad: func(g *Graph, n *Node, dy []Value) []Value {
			a := n.Attr.(RangeAttr)
			return []Value{g.Slice(dy[0], a.Start, n.In[0].Shape(), a.Step)}
		}})
}

func reshapeShape(n *Node) error {
	in, out := n.In[0].Shape(), n.Attr.(ShapeAttr).Shape.Clone()
	if err := n.checkShape("shape", out); err != nil {
		return err
	}
	known, free, unknown := 1, -1, 0
	for i, d := range out {
		if d < 0 {
			free = i
			unknown++
		} else {
			known *= d
		}
	}
	n.Out = []tensor.Shape{out}
	size := in.Size()
	if size < 0 { // being described only
		return nil
	}
	if unknown > 1 || unknown == 0 && known != size || unknown == 1 && (known == 0 || size%known != 0) {
		return n.bad("cannot become %v", out)
	}
	if unknown == 1 {
		out[free] = size / known
	}
	return nil
}

func concatShape(n *Node) error {
	if len(n.In) == 0 {
		return n.bad("nothing to concatenate")
	}
	out := n.In[0].Shape().Clone()
	axis, err := n.axisOf(n.Attr.(AxisAttr).Axis, len(out))
	if err != nil {
		return err
	}
	n.Attr = AxisAttr{axis}
	for _, v := range n.In[1:] {
		if v.Rank() != len(out) {
			return n.bad("ranks differ")
		}
		for i, d := range v.Shape() {
			switch {
			case i == axis && (d < 0 || out[i] < 0):
				out[i] = tensor.Unknown
			case i == axis:
				if out[i] += d; out[i] > maxSize {
					return n.bad("axis %d: more than %d elements", i, int64(maxSize))
				}
			case out[i] < 0:
				out[i] = d
			case d >= 0 && d != out[i]:
				return n.bad("shapes differ in axis %d, not only in axis %d", i, axis)
			}
		}
	}
	n.Out = []tensor.Shape{out}
	return n.checkMoved(out)
}

// settled is the start and the step of a range as all ranges of the same elements have them: start 0 if there are none, step 1 if there
// is no second one.
func settled(start, size, step int) (int, int) {
	switch size {
	case 0:
		return 0, 1
	case 1:
		return start, 1
	}
	return start, step
}

// sliceShape resolves what RangeAttr leaves open: a Size of -1 means as many as there are.
func sliceShape(n *Node) error {
	a, in := n.Attr.(RangeAttr), n.In[0].Shape()
	if len(a.Start) != len(in) || len(a.Size) != len(in) || len(a.Step) != len(in) {
		return n.bad("ranges for %d axes", len(a.Start))
	}
	start, size, step := slices.Clone(a.Start), slices.Clone(a.Size), slices.Clone(a.Step)
	for i, d := range in {
		switch {
		case step[i] == 0 || step[i] < -maxSize || step[i] > maxSize:
			return n.bad("axis %d: step is %d", i, step[i])
		case d < 0: // what an Unknown size leaves may be any number
			size[i] = max(size[i], tensor.Unknown)
			continue
		case size[i] < tensor.Unknown:
			return n.bad("axis %d: got a size of %d", i, size[i])
		}
		if start[i] < 0 {
			start[i] += d
		}
		if size[i] < 0 {
			size[i] = 0
			if start[i] >= 0 && start[i] < d {
				size[i] = (d-1-start[i])/step[i] + 1
				if step[i] < 0 {
					size[i] = start[i]/-step[i] + 1
				}
			}
		}
		if err := n.checkRange(i, start[i], size[i], step[i], d); err != nil {
			return err
		}
		start[i], step[i] = settled(start[i], size[i], step[i])
	}
	n.Attr = RangeAttr{Start: start, Size: size, Step: step}
	n.Out = []tensor.Shape{size}
	return n.checkMoved(size)
}

// Reshape gives x another shape; one dimension may be Unknown and is inferred.
func (g *Graph) Reshape(x Value, shape ...int) Value {
	if g.err == nil && x.Shape().Known() && x.Shape().Equal(shape) {
		return x
	}
	return g.one("Reshape", ShapeAttr{tensor.Shape(shape).Clone()}, x)
}

// Flatten makes x a matrix: the axes before axis become the rows, the others the columns.
func (g *Graph) Flatten(x Value, axis int) Value {
	s := x.Shape()
	if axis < 0 {
		axis += len(s)
	}
	return g.Reshape(x, s[:axis].Size(), s[axis:].Size())
}

// BroadcastTo repeats x along the axes in which it has size 1, or which it lacks.
func (g *Graph) BroadcastTo(x Value, shape tensor.Shape) Value {
	if g.err == nil && x.Shape().Equal(shape) {
		return x
	}
	return g.one("BroadcastTo", ShapeAttr{shape.Clone()}, x)
}

// Transpose puts axis perm[i] of x in place i.
func (g *Graph) Transpose(x Value, perm ...int) Value {
	same := len(perm) == x.Rank()
	for i, p := range perm {
		same = same && p == i
	}
	if same {
		return x
	}
	return g.one("Transpose", PermAttr{slices.Clone(perm)}, x)
}

// MoveAxis puts one axis in another place; the others keep their order.
func (g *Graph) MoveAxis(x Value, from, to int) Value {
	rank := x.Rank()
	if from < 0 {
		from += rank
	}
	if to < 0 {
		to += rank
	}
	perm := make([]int, 0, rank)
	for i := range rank {
		if i != from {
			perm = append(perm, i)
		}
	}
	return g.Transpose(x, slices.Insert(perm, to, from)...)
}

// ExpandDims inserts an axis of size 1.
func (g *Graph) ExpandDims(x Value, axis int) Value {
	if axis < 0 {
		axis += x.Rank() + 1
	}
	return g.Reshape(x, slices.Insert(x.Shape().Clone(), axis, 1)...)
}

// Squeeze drops an axis of size 1.
func (g *Graph) Squeeze(x Value, axis int) Value {
	if axis < 0 {
		axis += x.Rank()
	}
	return g.Reshape(x, slices.Delete(x.Shape().Clone(), axis, axis+1)...)
}

// Concat puts tensors one after the other along an axis.
func (g *Graph) Concat(axis int, xs ...Value) Value {
	if len(xs) == 1 {
		return xs[0]
	}
	return g.one("Concat", AxisAttr{axis}, slices.Clone(xs)...)
}

// Slice takes size elements from start on along each axis, every step-th; a negative size means as many as there are, a negative
// start counts from the end.
func (g *Graph) Slice(x Value, start, size, step []int) Value {
	return g.one("Slice", RangeAttr{Start: slices.Clone(start), Size: slices.Clone(size), Step: slices.Clone(step)}, x)
}

// Narrow takes size elements from start on along one axis, and all along the others.
func (g *Graph) Narrow(x Value, axis, start, size int) Value {
	if axis < 0 {
		axis += x.Rank()
	}
	if start == 0 && size >= 0 && size == x.Dim(axis) {
		return x
	}
	starts, sizes, steps := g.whole(x)
	starts[axis], sizes[axis] = start, size
	return g.Slice(x, starts, sizes, steps)
}

// Reverse turns an axis around.
func (g *Graph) Reverse(x Value, axis int) Value {
	if axis < 0 {
		axis += x.Rank()
	}
	starts, sizes, steps := g.whole(x)
	starts[axis], steps[axis] = x.Dim(axis)-1, -1
	return g.Slice(x, starts, sizes, steps)
}

func (g *Graph) whole(x Value) (start, size, step []int) {
	start, size, step = make([]int, x.Rank()), x.Shape().Clone(), make([]int, x.Rank())
	for i := range step {
		step[i] = 1
	}
	return start, size, step
}

// Pad puts zeros before and after each axis.
func (g *Graph) Pad(x Value, before, after []int) Value {
	_, _, step := g.whole(x)
	shape := x.Shape().Clone()
	for i, d := range shape {
		if d >= 0 {
			shape[i] = d + before[i] + after[i]
		}
	}
	return g.Place(x, before, step, shape)
}

// Place makes a tensor of zeros of a shape and puts x in it, element i along each axis at start + i*step.
func (g *Graph) Place(x Value, start, step []int, shape tensor.Shape) Value {
	return g.one("Place", RangeAttr{Start: slices.Clone(start), Size: x.Shape().Clone(), Step: slices.Clone(step), Shape: shape.Clone()}, x)
}

// Repeat puts n copies of each element one after the other along an axis.
func (g *Graph) Repeat(x Value, axis, n int) Value {
	if axis < 0 {
		axis += x.Rank()
	}
	s := x.Shape().Clone()
	wide := slices.Insert(s.Clone(), axis+1, n)
	if s[axis] >= 0 {
		s[axis] *= n
	}
	return g.Reshape(g.BroadcastTo(g.ExpandDims(x, axis+1), wide), s...)
}
