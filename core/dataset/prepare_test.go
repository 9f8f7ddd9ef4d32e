package dataset

import (
	"slices"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

func TestGather(t *testing.T) {
	kinds := []*tensor.Tensor{
		tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2), tensor.From([]float64{1, 2, 3, 4, 5, 6}, 3, 2),
		tensor.From([]int32{1, 2, 3, 4, 5, 6}, 3, 2), tensor.From([]int64{1, 2, 3, 4, 5, 6}, 3, 2),
		tensor.From([]uint8{1, 2, 3, 4, 5, 6}, 3, 2),
	}
	indices := []int{2, 0, 2}
	for _, x := range kinds {
		testGather[float32](t, x, indices)
		testGather[float64](t, x, indices)
	}
	x := kinds[0]
	wantError(t, Gather(make([]float32, 5), x, indices, 1), "got a buffer of 5", "want 6")
	wantError(t, Gather(make([]float32, 2), x, []int{3}, 1), "index 3", "0 to 2")
	wantError(t, Gather(make([]float32, 2), x, []int{-1}, 1), "index -1")
	wantError(t, Gather(make([]float32, 1), tensor.New(tensor.Float32), []int{0}, 1), "scalar")
}

func testGather[T tensor.Float](t *testing.T, x *tensor.Tensor, indices []int) {
	t.Helper()
	dst := make([]T, 6)
	for scale, want := range map[T][]T{1: {5, 6, 1, 2, 5, 6}, 0.5: {2.5, 3, 0.5, 1, 2.5, 3}} {
		if n := testing.AllocsPerRun(10, func() {
			if err := Gather(dst, x, indices, scale); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: allocates %v times", x.DType(), n)
		}
		if !slices.Equal(dst, want) {
			t.Errorf("%s times %v: got %v, want %v", x.DType(), scale, dst, want)
		}
	}
}

func TestAutoScale(t *testing.T) {
	for want, x := range map[float64]*tensor.Tensor{1.0 / 255: tensor.New(tensor.Uint8, 1, 2, 2), 1: tensor.New(tensor.Float32, 1, 2, 2)} {
		if got := AutoScale(x); got != want {
			t.Errorf("%s %v: got %v, want %v", x.DType(), x.Shape(), got, want)
		}
	}
	if got := AutoScale(tensor.New(tensor.Uint8, 4)); got != 1 {
		t.Errorf("labels: got %v", got)
	}
}

func TestFit(t *testing.T) {
	const none = tensor.Unknown
	type shape = tensor.Shape
	for _, c := range []struct{ have, want, got shape }{
		{shape{3, 28, 28}, shape{none, 28, 28}, shape{3, 28, 28}},
		{shape{3, 28, 28}, shape{none, 784}, shape{3, 784}},
		{shape{3, 784}, shape{none, 28, 28}, shape{3, 28, 28}},
		{shape{3, 28, 28}, shape{none, 28, 28, 1}, shape{3, 28, 28, 1}},
		{shape{3, 28, 28, 1}, shape{none, 28, 28}, shape{3, 28, 28}},
		{shape{3, 28, 28}, shape{none, none, none, 1}, shape{3, 28, 28, 1}},
		{shape{3, 9, 7, 1}, shape{none, none, 7}, shape{3, 9, 7}},
		{shape{3, 9}, shape{none, none, 1}, shape{3, 9, 1}},
		{shape{3}, shape{none, 1}, shape{3, 1}},
		{shape{3, 1}, shape{none}, shape{3}},
		{shape{3, 12}, shape{32, 12}, shape{3, 12}},
		{shape{3, 28, 28}, shape{none, none, 4}, nil}, // a guess would be wrong
		{shape{3, 28, 28}, shape{none, 783}, nil},
		{shape{3, 28, 28}, shape{none, none, none, 3}, nil},
		{shape{3, 10, 6, 3}, shape{none, none, none, 1}, nil},
		{shape{}, shape{none, 1}, nil},
	} {
		r, err := Fit(tensor.New(tensor.Uint8, c.have...), c.want)
		if c.got == nil {
			wantError(t, err, "got", "want")
			continue
		}
		if err != nil {
			t.Error(err)
		} else if !r.Shape().Equal(c.got) {
			t.Errorf("%v to %v: got %v", c.have, c.want, r.Shape())
		}
	}
	_, err := Fit(tensor.New(tensor.Uint8, 3, 28, 28), shape{none, 32, 32, 3})
	wantError(t, err, "(28, 28)", "784", "(32, 32, 3)")
}

func TestToCategorical(t *testing.T) {
	for _, y := range []*tensor.Tensor{
		tensor.From([]uint8{0, 2, 1}), tensor.From([]int64{0, 2, 1}, 3, 1), tensor.From([]float32{0, 2, 1}),
	} {
		for classes, width := range map[int]int{0: 3, 3: 3, 4: 4} {
			hot, err := ToCategorical(y, classes)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, 3*width)
			want[0], want[width+2], want[2*width+1] = 1, 1, 1
			if !hot.Shape().Equal(tensor.Shape{3, width}) || !slices.Equal(tensor.Data[float32](hot), want) {
				t.Errorf("%d classes: got %v %v", classes, hot.Shape(), hot.Float32s())
			}
		}
	}
	if hot, err := ToCategorical(tensor.New(tensor.Int32, 2, 3), 2); err != nil || !hot.Shape().Equal(tensor.Shape{2, 3, 2}) {
		t.Errorf("several labels in a sample: %v %v", hot, err)
	}
	for _, c := range []struct {
		y       *tensor.Tensor
		classes int
		words   []string
	}{
		{tensor.From([]int32{0, 3}), 3, []string{"label 1", "got 3", "0 to 2"}},
		{tensor.From([]int32{-1}), 0, []string{"label 0", "got -1"}},
		{tensor.From([]float32{0.5}), 0, []string{"0.5", "whole"}},
		{tensor.From([]float64{nan()}), 2, []string{"NaN"}},
		{tensor.From([]int64{1 << 40}), 0, []string{"at most"}},
		{tensor.From([]int64{1}), -1, []string{"-1 classes"}},
		{tensor.New(tensor.Float32), 0, []string{"scalar"}},
	} {
		_, err := ToCategorical(c.y, c.classes)
		wantError(t, err, c.words...)
	}
}
