package graph

import (
	"math"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the shape rules of several families check. Settings may come from a stranger (see Append), so a shape rule looks at
// every number before it computes with it, and what it accepts must not make a kernel read or write outside of its operands.

const (
	// maxSize bounds numbers of a setting that stand for elements, and products of sizes.
	maxSize = 1 << 40
	// maxMove bounds strides, dilations, paddings and groups.
	maxMove = 1 << 31
	// maxMoved bounds the axes of operations that move numbers: their kernel counts over so many.
	maxMoved = 16
	// maxPasses bounds in how many parts the gradient of a strided convolution falls.
	maxPasses = 1 << 16
	// maxPadded is how many numbers of an image with its padding are no reason to ask for the size of the image itself.
	maxPadded = 1 << 26
)

// product multiplies sizes, of which those that are Unknown count 1; what does not fit is +Inf or at least too large.
func product(sizes ...int) float64 {
	p := 1.0
	for _, d := range sizes {
		if d != tensor.Unknown {
			p *= float64(d)
		}
	}
	return p
}

// checkShape checks a shape that is a setting.
func (n *Node) checkShape(name string, s tensor.Shape) error {
	for _, d := range s {
		if d < tensor.Unknown {
			return n.bad("%s: got a size of %d", name, d)
		}
	}
	if priceOf(s) > maxSize {
		return &SizeError{n.Op.Name, s.Clone(), maxSize}
	}
	return nil
}

// priceOf is the number of elements of a shape, where sizes of 0 and Unknown ones count 1.
func priceOf(s tensor.Shape) float64 {
	p := 1.0
	for _, d := range s {
		p *= max(1, float64(d))
	}
	return p
}

// checkMoved checks that the kernel that moves numbers can count over the axes of a shape.
func (n *Node) checkMoved(s tensor.Shape) error {
	axes := 0
	for _, d := range s {
		if d != 1 {
			axes++
		}
	}
	if axes > maxMoved {
		return n.bad("got %d axes of more than one element, want at most %d", axes, maxMoved)
	}
	return nil
}

// checkList checks that a setting has one number for each of so many axes, each between low and high.
func (n *Node) checkList(name string, list []int, axes, low, high int) error {
	if len(list) != axes {
		return n.bad("%s: got %d numbers, want %d", name, len(list), axes)
	}
	for _, v := range list {
		if v < low || v > high {
			return n.bad("%s: got %d, want %d to %d", name, v, low, high)
		}
	}
	return nil
}

// checkSpatial checks the number of spatial axes.
func (n *Node) checkSpatial(axes int) error {
	if axes < 1 || axes > 3 {
		return n.bad("got settings for %d spatial axes, want 1 to 3", axes)
	}
	return nil
}

// agree reports whether two sizes are the same, as far as they are known.
func agree(a, b int) bool { return a == b || a == tensor.Unknown || b == tensor.Unknown }

// agreeAll is agree for shapes.
func agreeAll(a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !agree(a[i], b[i]) {
			return false
		}
	}
	return true
}

// checkRange checks that elements start, start+step, ... of an axis, so many of them, are there.
func (n *Node) checkRange(axis, start, size, step, of int) error {
	if size == 0 {
		return nil
	}
	last := math.Inf(1)
	if size <= of {
		last = float64(start) + float64(size-1)*float64(step)
	}
	if start < 0 || start >= of || last < 0 || last >= float64(of) {
		return n.bad("axis %d: %d elements from %d on by steps of %d are not all among %d", axis, size, start, step, of)
	}
	return nil
}
