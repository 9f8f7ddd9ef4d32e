package tensor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

func ExampleShape_String() {
	fmt.Println(tensor.Shape{tensor.Unknown, 28, 28}, tensor.Shape{10}, tensor.Shape{})
	// Output: (None, 28, 28) (10,) ()
}

func ExampleTensor_Reshape() {
	t := tensor.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	r, err := t.Reshape(tensor.Unknown, 2)
	fmt.Println(r.Shape(), err)
	_, err = t.Reshape(4, 2)
	fmt.Println(err)
	// Output:
	// (3, 2) <nil>
	// cannot reshape (2, 3) to (4, 2)
}

func TestShape(t *testing.T) {
	s := tensor.Shape{tensor.Unknown, 3}
	if s.Size() != tensor.Unknown || (tensor.Shape{2, 3}).Size() != 6 || (tensor.Shape{}).Size() != 1 {
		t.Error("Size: want Unknown, 6, 1")
	}
	if s.Dim(-1) != 3 || s.Dim(0) != tensor.Unknown || s.Dim(5) != tensor.Unknown || s.Dim(-3) != tensor.Unknown {
		t.Errorf("Dim: got %d %d %d %d", s.Dim(-1), s.Dim(0), s.Dim(5), s.Dim(-3))
	}
	if !s.Matches(tensor.Shape{7, 3}) || s.Matches(tensor.Shape{7, 4}) || s.Matches(tensor.Shape{3}) {
		t.Error("Matches: want an unknown dimension, and nothing else, to take any size")
	}
	if w := s.With(-1, 5); !w.Equal(tensor.Shape{tensor.Unknown, 5}) || s[1] != 3 {
		t.Errorf("With: got %v, and %v afterwards", w, s)
	}
}

func TestConversion(t *testing.T) {
	for _, x := range []*tensor.Tensor{
		tensor.From([]uint8{0, 7, 255}), tensor.From([]int32{0, 7, 255}), tensor.From([]int64{0, 7, 255}),
		tensor.From([]float32{0, 7, 255}), tensor.From([]float64{0, 7, 255}),
	} {
		if got := x.Float32s(); !slices.Equal(got, []float32{0, 7, 255}) {
			t.Errorf("%v: got %v", x.DType(), got)
		}
		part := make([]float64, 2)
		tensor.CopyTo(part, x, 1)
		if !slices.Equal(part, []float64{7, 255}) {
			t.Errorf("%v: CopyTo: got %v", x.DType(), part)
		}
		c := x.Clone()
		if tensor.MaxAbsDiff(c, x) != 0 || c.DType() != x.DType() {
			t.Errorf("%v: a clone differs", x.DType())
		}
		if r := x.Rows(1, 3); !r.Shape().Equal(tensor.Shape{2}) || r.Float64s()[0] != 7 {
			t.Errorf("%v: rows 1 to 3: got %v", x.DType(), r.Float64s())
		}
	}
	// A tensor of the type that is asked for gives its own memory.
	x := tensor.New(tensor.Float32, 2)
	x.Float32s()[1] = 3
	if tensor.Data[float32](x)[1] != 3 {
		t.Error("Float32s of a float32 tensor is a copy, want the data")
	}
}

func TestMaxAbsDiff(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		a, b []float64
		want float64
	}{{[]float64{1, 2}, []float64{1, 2.5}, 0.5}, {[]float64{nan, 1}, []float64{nan, 1}, 0}, {[]float64{nan}, []float64{1}, nan},
		{[]float64{math.Inf(1)}, []float64{math.Inf(1)}, 0}, {[]float64{1}, []float64{1, 2}, math.Inf(1)}} {
		got := tensor.MaxAbsDiff(tensor.From(c.a), tensor.From(c.b))
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%v and %v: got %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestFromChecked(t *testing.T) {
	_, err := tensor.FromChecked([]float32{1, 2}, 3)
	if err == nil || err.Error() != "shape (3,) wants 3 elements, got 2" {
		t.Errorf("got %v", err)
	}
}
