package plan

import (
	"slices"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns how the elements of a loop's domain find theirs in an operand. A domain is so many places in a row; an operand that
// broadcasts, or is a part of a tensor, is read with strides.

// access says where in an operand's root the element for each place of a domain lies: place i, written in the mixed radix of the axes'
// sizes, has its element at offset + sum of digit times stride.
type access struct {
	offset int
	axes   []accessAxis // outermost first; none of size 1, none that could be joined with the next
}

type accessAxis struct{ n, stride int }

// newAccess joins axes.
func newAccess(offset int, shape, strides []int) access {
	a := access{offset: offset}
	for i, n := range shape {
		if n == 1 {
			continue
		}
		if k := len(a.axes) - 1; k >= 0 && a.axes[k].stride == n*strides[i] {
			a.axes[k] = accessAxis{a.axes[k].n * n, strides[i]}
			continue
		}
		a.axes = append(a.axes, accessAxis{n, strides[i]})
	}
	return a
}

// identical reports whether place i has element i.
func (a access) identical() bool {
	return a.offset == 0 && (len(a.axes) == 0 || len(a.axes) == 1 && a.axes[0].stride == 1)
}

// scalar reports whether all places have the same element.
func (a access) scalar() bool { return len(a.axes) == 0 || len(a.axes) == 1 && a.axes[0].stride == 0 }

func (a access) equal(b access) bool { return a.offset == b.offset && slices.Equal(a.axes, b.axes) }

// inner is the innermost axis.
func (a access) inner() accessAxis {
	if len(a.axes) == 0 {
		return accessAxis{1, 0}
	}
	return a.axes[len(a.axes)-1]
}

// period is the size of a vector that the domain repeats, 0 if that is not what the access is.
func (a access) period() int {
	if len(a.axes) == 2 && a.axes[0].stride == 0 && a.axes[1].stride == 1 {
		return a.axes[1].n
	}
	return 0
}

// at is the element of a place.
func (a access) at(place int) int {
	at := a.offset
	for k := len(a.axes) - 1; k > 0; k-- {
		x := a.axes[k]
		at += place % x.n * x.stride
		place /= x.n
	}
	if len(a.axes) > 0 {
		at += place * a.axes[0].stride
	}
	return at
}

// broadcastStrides are the strides of a tensor of shape from, broadcast to shape to.
func broadcastStrides(from, to tensor.Shape) []int {
	strides, own := make([]int, len(to)), kernel.Strides(from)
	for i := range from {
		if from[i] != 1 {
			strides[len(to)-len(from)+i] = own[i]
		}
	}
	return strides
}

// place is a value as a loop over a domain reads it.
type place struct {
	v *value // a root
	a access
}

// locate finds out how a loop over a domain of a shape reads x, seeing through views, broadcasts and parts where that is possible.
// through says whether a value may be seen through to the operand of its node.
func locate(x *value, shape tensor.Shape, through func(*node) bool) place {
	a := newAccess(0, shape, broadcastStrides(x.shape, shape))
	for {
		d := x.def
		switch {
		case d.kind == viewNode:
			x = d.in[0]
			continue
		case !through(d):
		case d.op == "BroadcastTo":
			y := d.in[0]
			inner := newAccess(0, d.out[0].shape, broadcastStrides(y.shape, d.out[0].shape))
			if joined, ok := a.through(inner); ok {
				x, a = y, joined
				continue
			}
		case d.op == "Slice":
			r, own := d.attr.(graph.RangeAttr), kernel.Strides(d.in[0].shape)
			offset := 0
			for i := range own {
				offset += r.Start[i] * own[i]
				own[i] *= r.Step[i]
			}
			if d.out[0].size == 0 {
				offset = 0
			}
			inner := newAccess(offset, d.out[0].shape, own)
			joined, ok := a.through(inner)
			if in := joined.inner(); ok && (in.stride == 0 || in.stride == 1) && in.n >= 8 {
				x, a = d.in[0], joined
				continue
			}
		}
		return place{x, a}
	}
}

// through is the access that first goes through a and then, in the tensor that a is an access of, through b.
func (a access) through(b access) (access, bool) {
	switch {
	case a.identical():
		return b, true
	case b.identical():
		return a, true
	case b.scalar():
		return access{offset: b.offset, axes: a.zero()}, true
	}
	if a.offset != 0 {
		return access{}, false
	}
	// Each axis of a must be some axes of b, whole and side by side, or none.
	sizes := make([]int, len(b.axes)) // elements that one step along the axis of b is, in the tensor between
	n := 1
	for k := len(b.axes) - 1; k >= 0; k-- {
		sizes[k] = n
		n *= b.axes[k].n
	}
	var shape, strides []int
	for _, x := range a.axes {
		if x.stride == 0 {
			shape, strides = append(shape, x.n), append(strides, 0)
			continue
		}
		if x.stride < 0 {
			return access{}, false
		}
		left := x.n
		var ns, ss []int
		for k := len(b.axes) - 1; k >= 0 && left > 1; k-- {
			y := b.axes[k]
			if x.stride >= sizes[k]*y.n { // an axis further out
				continue
			}
			if len(ns) == 0 && x.stride != sizes[k] {
				if x.stride%sizes[k] != 0 || left*(x.stride/sizes[k]) > y.n { // not an even part of this axis
					return access{}, false
				}
				ns, ss, left = append(ns, left), append(ss, y.stride*(x.stride/sizes[k])), 1
				break
			}
			if left <= y.n {
				ns, ss, left = append(ns, left), append(ss, y.stride), 1
				break
			}
			if left%y.n != 0 {
				return access{}, false
			}
			ns, ss = append(ns, y.n), append(ss, y.stride)
			left /= y.n
		}
		if left > 1 {
			return access{}, false
		}
		slices.Reverse(ns)
		slices.Reverse(ss)
		shape, strides = append(shape, ns...), append(strides, ss...)
	}
	return newAccess(b.offset, shape, strides), true
}

func (a access) zero() []accessAxis {
	n := 1
	for _, x := range a.axes {
		n *= x.n
	}
	if n <= 1 {
		return nil
	}
	return []accessAxis{{n, 0}}
}
