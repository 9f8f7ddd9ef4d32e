package layers_test

import (
	"math"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of layers whose training is random: Keras' random numbers are not ours, so their distribution is checked.

// run calls a layer once, in float64, on a single input.
func run(t *testing.T, l core.Layer, training bool, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	out, err := tryRun(l, training, x)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryRun(l core.Layer, training bool, x *tensor.Tensor) (*tensor.Tensor, error) {
	if err := core.Build(l, []tensor.Shape{x.Shape().With(0, tensor.Unknown)}); err != nil {
		return nil, err
	}
	g := graph.New()
	r, err := core.Apply(l, g, training, core.NewShared(), []graph.Value{g.Input("x", x.Shape())}, nil, nil)
	if err != nil {
		return nil, err
	}
	m := coretest.Memory[float64]{}
	trained, fixed := core.Weights(l)
	for _, w := range append(trained, fixed...) {
		m[&w.Variable] = w.Value().Float64s()
	}
	out, err := coretest.Eval(g, r.Values, map[string]*tensor.Tensor{"x": x}, m, coretest.Mode{})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// full is a tensor of one number.
func full(v float64, shape ...int) *tensor.Tensor {
	data := make([]float64, tensor.Shape(shape).Size())
	for i := range data {
		data[i] = v
	}
	return tensor.From(data, shape...)
}

// moments are mean and variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, variance
}

// near checks a number that is random, with a standard deviation of what it may differ by.
func near(t *testing.T, what string, got, want, deviation float64) {
	t.Helper()
	if math.Abs(got-want) > 5*deviation {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, 5*deviation)
	}
}

func TestGaussianNoise(t *testing.T) {
	const n = 40000
	mean, variance := moments(run(t, layers.NewGaussianNoise(0.5), true, full(2, 200, 200)).Float64s())
	near(t, "mean", mean, 2, 0.5/math.Sqrt(n))
	near(t, "variance", variance, 0.25, 0.25*math.Sqrt(2.0/n))
}

func TestGaussianDropout(t *testing.T) {
	const n, v = 40000, 9 * 0.2 / 0.8
	mean, variance := moments(run(t, layers.NewGaussianDropout(0.2), true, full(3, 200, 200)).Float64s())
	near(t, "mean", mean, 3, math.Sqrt(v/n))
	near(t, "variance", variance, v, v*math.Sqrt(2.0/n))
}

// TestAlphaDropout checks that there are two values, how often each comes, and that mean and variance of standard normal inputs stay.
func TestAlphaDropout(t *testing.T) {
	const n, rate = 40000, 0.3
	values := map[float64]int{}
	for _, v := range run(t, layers.NewAlphaDropout(rate), true, full(1, 200, 200)).Float64s() {
		values[v]++
	}
	if len(values) != 2 {
		t.Fatalf("got %d different numbers, want 2", len(values))
	}
	lowest := -1.7580993408473766
	a := 1 / math.Sqrt((1-rate)*(1+rate*lowest*lowest))
	dropped, kept := a*lowest-a*lowest*rate, a-a*lowest*rate
	for v, count := range values {
		switch share := float64(count) / n; {
		case math.Abs(v-dropped) < 1e-9:
			near(t, "dropped", share, rate, math.Sqrt(rate*(1-rate)/n))
		case math.Abs(v-kept) > 1e-9:
			t.Errorf("got %v, want %v or %v", v, dropped, kept)
		}
	}
	// For an input of mean 0 and variance 1: E y = a(1-p)0 + a p lowest + b, E y^2 likewise.
	if mean := rate*dropped + (1-rate)*(kept-a); math.Abs(mean) > 1e-12 {
		t.Errorf("mean: got %v, want 0", mean)
	}
}

// TestSpatialDropout checks that channels stand or fall as a whole, in every sample anew, and how many fall.
func TestSpatialDropout(t *testing.T) {
	const rate = 0.4
	for _, c := range []struct {
		layer    core.Layer
		shape    []int
		channels int // their axis
	}{
		{layers.NewSpatialDropout1D(rate), []int{40, 3, 50}, 2},
		{layers.NewSpatialDropout2D(rate), []int{40, 2, 2, 50}, 3},
		{layers.NewSpatialDropout2D(rate, layers.With{"data_format": "channels_first"}), []int{40, 50, 2, 2}, 1},
		{layers.NewSpatialDropout3D(rate), []int{40, 2, 1, 2, 50}, 4},
	} {
		place := c.layer.Common().Place()
		y := run(t, c.layer, true, full(1, c.shape...))
		inner := tensor.Shape(c.shape[c.channels+1:]).Size()
		sums, sizes := map[[2]int]float64{}, y.Size()/(40*50)
		for i, v := range y.Float64s() {
			sums[[2]int{i * 40 / y.Size(), i / inner % 50}] += v
		}
		dropped := 0
		for at, sum := range sums {
			switch {
			case sum == 0:
				dropped++
			case math.Abs(sum-float64(sizes)/(1-rate)) > 1e-9:
				t.Fatalf("%s: channel %v: got sum %v, want 0 or %v", place, at, sum, float64(sizes)/(1-rate))
			}
		}
		near(t, place+": dropped", float64(dropped)/2000, rate, math.Sqrt(rate*(1-rate)/2000))
	}
}

func TestDropout(t *testing.T) {
	const n, rate = 40000, 0.25
	dropped := 0
	for _, v := range run(t, layers.NewDropout(rate), true, full(3, 200, 200)).Float64s() {
		if v == 0 {
			dropped++
		} else if math.Abs(v-4) > 1e-12 {
			t.Fatalf("got %v, want 0 or 4", v)
		}
	}
	near(t, "dropped", float64(dropped)/n, rate, math.Sqrt(rate*(1-rate)/n))
	y := run(t, layers.NewDropout(rate, layers.With{"noise_shape": []any{nil, 1}}), true, full(3, 500, 4)).Float64s()
	for i, v := range y {
		if v != y[i/4*4] {
			t.Fatalf("noise_shape: element %d: got %v, want %v as the others of its sample", i, v, y[i/4*4])
		}
	}
	if v := run(t, layers.NewDropout(1), true, full(3, 2, 2)).Float64s(); v[0] != 0 || v[3] != 0 {
		t.Errorf("rate 1: got %v, want zeros", v)
	}
}
