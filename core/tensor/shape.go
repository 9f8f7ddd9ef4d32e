// Package tensor holds dense row-major arrays and their shapes. It has no maths: operations live in core/graph, loops in
// core/internal/kernel.
package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// Unknown is a dimension that only a concrete input decides (Keras' None): the batch, or the steps of a sequence.
const Unknown = -1

// Shape is the size of each axis, outermost first. The empty shape is a scalar.
type Shape []int

// Rank is the number of axes.
func (s Shape) Rank() int { return len(s) }

// Size is the number of elements, or Unknown if any dimension is.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		if d < 0 {
			return Unknown
		}
		n *= d
	}
	return n
}

// Known reports whether no dimension is Unknown.
func (s Shape) Known() bool { return !slices.Contains(s, Unknown) }

// Dim is the size of an axis; negative axes count from the end. An axis outside the shape is Unknown.
func (s Shape) Dim(axis int) int {
	if axis < 0 {
		axis += len(s)
	}
	if axis < 0 || axis >= len(s) {
		return Unknown
	}
	return s[axis]
}

// Clone returns a copy.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(o Shape) bool { return slices.Equal(s, o) }

// Matches reports whether a concrete shape o fits s, an Unknown dimension of s taking any size.
func (s Shape) Matches(o Shape) bool {
	return slices.EqualFunc(s, o, func(a, b int) bool { return a == Unknown || a == b })
}

// With returns a copy in which axis has size dim.
func (s Shape) With(axis, dim int) Shape {
	c := s.Clone()
	if axis < 0 {
		axis += len(c)
	}
	c[axis] = dim
	return c
}

// String writes the shape as Keras does: (None, 28, 28), (10,), ().
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		if d < 0 {
			b.WriteString("None")
		} else {
			fmt.Fprint(&b, d)
		}
	}
	if len(s) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}
