package dataset

// This file owns what happens between stored samples and a model's buffers: gathering rows, scaling, shapes, one-hot labels.

import (
	"fmt"

	"github.com/gokeras/gk/core/tensor"
)

// Gather converts rows of t, times scale, into dst: row indices[i] lands in the i-th row of dst. It allocates nothing, so that the
// training loop can call it for every batch. dst must hold exactly len(indices) rows.
func Gather[T tensor.Float](dst []T, t *tensor.Tensor, indices []int, scale T) error {
	switch t.DType() {
	case tensor.Float64:
		return gather(dst, tensor.Data[float64](t), t.Shape(), indices, scale)
	case tensor.Int32:
		return gather(dst, tensor.Data[int32](t), t.Shape(), indices, scale)
	case tensor.Int64:
		return gather(dst, tensor.Data[int64](t), t.Shape(), indices, scale)
	case tensor.Uint8:
		return gather(dst, tensor.Data[uint8](t), t.Shape(), indices, scale)
	}
	return gather(dst, tensor.Data[float32](t), t.Shape(), indices, scale)
}

func gather[D tensor.Float, S tensor.Element](dst []D, src []S, shape tensor.Shape, indices []int, scale D) error {
	if len(shape) == 0 {
		return fmt.Errorf("gather: got a scalar, want samples along a first axis")
	}
	row := shape[1:].Size()
	if len(dst) != row*len(indices) {
		return fmt.Errorf("gather: got a buffer of %d elements, want %d for %d rows of %v", len(dst), row*len(indices), len(indices), shape)
	}
	for i, index := range indices {
		if index < 0 || index >= shape[0] {
			return fmt.Errorf("gather: got index %d, want 0 to %d", index, shape[0]-1)
		}
		to, from := dst[i*row:(i+1)*row], src[index*row:(index+1)*row]
		if scale == 1 {
			for j, v := range from {
				to[j] = D(v)
			}
			continue
		}
		for j, v := range from {
			to[j] = D(v) * scale
		}
	}
	return nil
}

// AutoScale is the factor that brings images to 0..1: 1/255 for uint8 samples of two or more axes, else 1.
func AutoScale(t *tensor.Tensor) float64 {
	if t.DType() == tensor.Uint8 && len(t.Shape()) >= 3 {
		return 1.0 / 255
	}
	return 1
}

// Fit gives t, of shape (N, ...), the shape (None, ...) of a model's input over the same data. A trailing axis of size 1 is added or
// dropped; where the wanted shape is known, samples of as many elements are reshaped: (28, 28) becomes (784,) or back. An unknown
// dimension takes the size that is there and is never inferred by reshaping, which would hide mistakes.
func Fit(t *tensor.Tensor, want tensor.Shape) (*tensor.Tensor, error) {
	got := t.Shape()
	if len(got) == 0 || len(want) == 0 {
		return nil, fmt.Errorf("got shape %v, want %v", got, want)
	}
	n := got[0]
	sample := got[1:]
	options := []tensor.Shape{sample, append(sample.Clone(), 1), want[1:]}
	if len(sample) > 0 && sample.Dim(-1) == 1 {
		options = append(options, sample[:len(sample)-1])
	}
	for _, o := range options {
		if o.Known() && want[1:].Matches(o) && o.Size() == sample.Size() {
			return t.Reshape(append(tensor.Shape{n}, o...)...)
		}
	}
	return nil, fmt.Errorf("got samples of shape %v (%d elements), want %v", sample, sample.Size(), want[1:])
}

// ToCategorical turns class indices into one-hot rows of float32: (N,) or (N, 1) becomes (N, classes), as Keras' to_categorical.
// With classes 0 it is the largest index plus one. An index outside 0..classes-1, or a fraction, is an error.
func ToCategorical(t *tensor.Tensor, classes int) (*tensor.Tensor, error) {
	shape := t.Shape()
	if len(shape) > 1 && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	if len(shape) == 0 {
		return nil, fmt.Errorf("one-hot: got a scalar, want class indices along a first axis")
	}
	indices := t.Float64s()
	if classes == 0 {
		top := 0.0
		for _, v := range indices {
			top = max(top, v)
		}
		if !(top < maxClasses) {
			return nil, fmt.Errorf("one-hot: got class %v, want at most %d classes", top, maxClasses)
		}
		classes = int(top) + 1
	}
	if classes < 0 || len(indices) > maxInt/classes {
		return nil, fmt.Errorf("one-hot: got %d classes for %d labels", classes, len(indices))
	}
	hot := make([]float32, len(indices)*classes)
	for i, v := range indices {
		if !(v >= 0 && v < float64(classes)) || v != float64(int(v)) {
			return nil, fmt.Errorf("one-hot: label %d: got %v, want a whole number from 0 to %d", i, v, classes-1)
		}
		hot[i*classes+int(v)] = 1
	}
	return tensor.From(hot, append(shape.Clone(), classes)...), nil
}

// maxClasses bounds the classes that ToCategorical infers, so that one wild label does not ask for terabytes.
const maxClasses = 1 << 20
