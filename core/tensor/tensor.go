package tensor

import (
	"fmt"
	"math"
)

// DType is the element type of a tensor in memory.
type DType uint8

// The element types. Graphs compute in Float32 (or Float64 for checks); the others are how data arrives.
const (
	Float32 DType = iota
	Float64
	Int32
	Int64
	Uint8
)

var dtypeNames = [...]string{"float32", "float64", "int32", "int64", "uint8"}

// String is numpy's and Keras' name of the type.
func (d DType) String() string { return dtypeNames[d] }

// Element is any Go type that a tensor can hold.
type Element interface {
	float32 | float64 | int32 | int64 | uint8
}

// Float is any type that a graph computes in.
type Float interface{ float32 | float64 }

// Tensor is a dense row-major array. The zero Tensor is an empty float32 scalar without data; make one with New or From.
type Tensor struct {
	shape Shape
	dtype DType
	data  any // a slice of the Go type of dtype, len = shape.Size()
}

// New returns a tensor of zeros.
func New(dtype DType, shape ...int) *Tensor {
	n := Shape(shape).Size()
	if n < 0 {
		panic("tensor: New: unknown dimension")
	}
	t := &Tensor{shape: Shape(shape).Clone(), dtype: dtype}
	switch dtype {
	case Float32:
		t.data = make([]float32, n)
	case Float64:
		t.data = make([]float64, n)
	case Int32:
		t.data = make([]int32, n)
	case Int64:
		t.data = make([]int64, n)
	case Uint8:
		t.data = make([]uint8, n)
	}
	return t
}

// From wraps data, which it keeps, as a tensor of the given shape; without a shape it is a vector.
// It panics if the shape's size is not len(data), a bug of the caller; FromChecked returns that as an error.
func From[T Element](data []T, shape ...int) *Tensor {
	t, err := FromChecked(data, shape...)
	if err != nil {
		panic("tensor: From: shape does not fit the data")
	}
	return t
}

// FromChecked is From for shapes that come from outside.
func FromChecked[T Element](data []T, shape ...int) (*Tensor, error) {
	if shape == nil {
		shape = []int{len(data)}
	}
	s := Shape(shape).Clone()
	if s.Size() != len(data) {
		return nil, fmt.Errorf("shape %v wants %d elements, got %d", s, s.Size(), len(data))
	}
	return &Tensor{shape: s, dtype: DTypeOf[T](), data: data}, nil
}

// DTypeOf is the DType of a Go element type.
func DTypeOf[T Element]() DType {
	switch any(*new(T)).(type) {
	case float64:
		return Float64
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	}
	return Float32
}

// Shape is the size of each axis. The caller must not change it.
func (t *Tensor) Shape() Shape { return t.shape }

// DType is the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Size is the number of elements.
func (t *Tensor) Size() int { return t.shape.Size() }

// Data returns the elements themselves, not a copy. It panics if T is not the tensor's type, a bug of the caller.
func Data[T Element](t *Tensor) []T {
	d, ok := t.data.([]T)
	if !ok {
		panic("tensor: Data: tensor has another element type")
	}
	return d
}

// Float32s returns the elements as float32: the data itself where that is the type, else a converted copy.
func (t *Tensor) Float32s() []float32 { return converted[float32](t) }

// Float64s returns the elements as float64: the data itself where that is the type, else a converted copy.
func (t *Tensor) Float64s() []float64 { return converted[float64](t) }

// CopyTo converts elements from start on into dst until it is full.
func CopyTo[T Float](dst []T, t *Tensor, start int) {
	switch d := t.data.(type) {
	case []float32:
		convert(dst, d[start:start+len(dst)])
	case []float64:
		convert(dst, d[start:start+len(dst)])
	case []int32:
		convert(dst, d[start:start+len(dst)])
	case []int64:
		convert(dst, d[start:start+len(dst)])
	case []uint8:
		convert(dst, d[start:start+len(dst)])
	}
}

func converted[T Float](t *Tensor) []T {
	if d, ok := t.data.([]T); ok {
		return d
	}
	dst := make([]T, t.Size())
	CopyTo(dst, t, 0)
	return dst
}

func convert[D Float, S Element](dst []D, src []S) {
	if s, ok := any(src).([]D); ok {
		copy(dst, s)
		return
	}
	for i, v := range src {
		dst[i] = D(v)
	}
}

// Clone returns a copy with its own data.
func (t *Tensor) Clone() *Tensor {
	c := New(t.dtype, t.shape...)
	switch d := t.data.(type) {
	case []float32:
		copy(c.data.([]float32), d)
	case []float64:
		copy(c.data.([]float64), d)
	case []int32:
		copy(c.data.([]int32), d)
	case []int64:
		copy(c.data.([]int64), d)
	case []uint8:
		copy(c.data.([]uint8), d)
	}
	return c
}

// Reshape returns a tensor of another shape over the same data; one dimension may be Unknown and is inferred.
func (t *Tensor) Reshape(shape ...int) (*Tensor, error) {
	s, free, known := Shape(shape).Clone(), -1, 1
	for i, d := range s {
		switch {
		case d == Unknown && free < 0:
			free = i
		case d < 0:
			return nil, fmt.Errorf("cannot reshape %v to %v", t.shape, Shape(shape))
		default:
			known *= d
		}
	}
	if free >= 0 && known > 0 {
		s[free] = t.Size() / known
	}
	if s.Size() != t.Size() {
		return nil, fmt.Errorf("cannot reshape %v to %v", t.shape, Shape(shape))
	}
	return &Tensor{shape: s, dtype: t.dtype, data: t.data}, nil
}

// Rows returns elements lo to hi of the first axis, over the same data.
func (t *Tensor) Rows(lo, hi int) *Tensor {
	n := 1
	for _, d := range t.shape[1:] {
		n *= d
	}
	r := &Tensor{shape: t.shape.With(0, hi-lo), dtype: t.dtype}
	switch d := t.data.(type) {
	case []float32:
		r.data = d[lo*n : hi*n]
	case []float64:
		r.data = d[lo*n : hi*n]
	case []int32:
		r.data = d[lo*n : hi*n]
	case []int64:
		r.data = d[lo*n : hi*n]
	case []uint8:
		r.data = d[lo*n : hi*n]
	}
	return r
}

// MaxAbsDiff is the largest absolute difference between two tensors of one shape; NaN where just one of them is NaN, and +Inf
// where the shapes differ.
func MaxAbsDiff(a, b *Tensor) float64 {
	if !a.shape.Equal(b.shape) {
		return math.Inf(1)
	}
	x, y, worst := a.Float64s(), b.Float64s(), 0.0
	for i := range x {
		if math.IsNaN(x[i]) && math.IsNaN(y[i]) || x[i] == y[i] {
			continue
		}
		if d := math.Abs(x[i] - y[i]); !(d <= worst) {
			worst = d
		}
	}
	return worst
}
