package layers_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of RandAugment and AugMix, whose choices are the same for all images of a batch, so that they are called many times, and of
// Pipeline.

// many is what training makes of an image, many times.
func many(t *testing.T, l core.Layer, x *tensor.Tensor, times int) [][]float64 {
	t.Helper()
	if err := core.Build(l, []tensor.Shape{x.Shape().With(0, tensor.Unknown)}); err != nil {
		t.Fatal(err)
	}
	var all [][]float64
	for len(all) < times {
		g := graph.New()
		for range 211 * len(all) { // random numbers depend on how many tensors of them there are before
			g.Random(tensor.Shape{})
		}
		in := g.Input("x", x.Shape())
		var outs []graph.Value
		for range min(10, times-len(all)) {
			r, err := core.Apply(l, g, true, core.NewShared(), []graph.Value{in}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			outs = append(outs, r.Values...)
		}
		got, err := coretest.Eval(g, outs, map[string]*tensor.Tensor{"x": x}, coretest.Memory[float64]{}, coretest.Mode{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, y := range got {
			all = append(all, y.Float64s())
		}
	}
	return all
}

// TestRandAugment checks that each augmentation comes as often as the others: with factor 0 each gives a result of its own, or the image.
func TestRandAugment(t *testing.T) {
	const n = 200
	x := tensor.From([]float64{100, 120, 130, 150}, 1, 2, 2, 1)
	want := map[string]float64{
		"the image": 6.0 / 11, // shear, translation, rotation, brightness, color degeneration, contrast
		"solarized": 1.0 / 11, "posterized": 1.0 / 11, "sharpened": 1.0 / 11, "stretched": 1.0 / 11, "equalized": 1.0 / 11,
	}
	count := map[string]float64{}
	for _, y := range many(t, layers.NewRandAugment(layers.With{"factor": 0, "num_ops": 1}), x, n) {
		switch {
		case same(y, x.Float64s()):
			count["the image"]++
		case same(y, []float64{155, 135, 125, 105}):
			count["solarized"]++
		case same(y, []float64{0, 0, 128, 128}):
			count["posterized"]++
		case same(y, []float64{0, 85, 170, 255}):
			count["equalized"]++
		case math.Abs(y[1]-255*0.4) < 1e-9 && y[3] == 255:
			count["stretched"]++
		case math.Abs(y[0]-(500+4*100)/13.0) < 1e-9:
			count["sharpened"]++
		default:
			t.Fatalf("got %v, want what an augmentation gives", y)
		}
	}
	for what, share := range want {
		near(t, what, count[what]/n, share, math.Sqrt(share*(1-share)/n))
	}
	if y := many(t, layers.NewRandAugment(layers.With{"factor": 0.5, "num_ops": 2}), x, 1)[0]; len(y) != 4 {
		t.Errorf("got %d numbers, want 4", len(y))
	}
}

// TestAugMix checks the weights: one chain of one augmentation or none, of which two change this image.
func TestAugMix(t *testing.T) {
	const n = 200
	l := layers.NewAugMix(layers.With{"factor": 0, "num_chains": 1, "chain_depth": 1, "all_ops": false})
	var solarized, posterized []float64 // the weight of what is augmented
	for _, y := range many(t, l, full(200, 1, 1, 1, 2), n) {
		switch {
		case y[0] != y[1] || y[0] < 55 || y[0] > 200+1e-9:
			t.Fatalf("got %v, want two times the same from 55 to 200", y)
		case y[0] < 128:
			solarized = append(solarized, (200-y[0])/145)
		case y[0] < 200-1e-9:
			posterized = append(posterized, (200-y[0])/72)
		}
	}
	// Of 8 choices solarization gives 55 and posterization 128, each with a uniform weight: those below 128 are of the former.
	share := 1.0 / 8 * (1 - 72.0/145)
	near(t, "solarized", float64(len(solarized))/n, share, math.Sqrt(share/n))
	share = 2.0/8 - share
	near(t, "between", float64(len(posterized))/n, share, math.Sqrt(share/n))
	uniform(t, "weight", solarized, 72.0/145, 1)

	// Weights of chains that do nothing add up to 1, whatever alpha is.
	for _, alpha := range []float64{0.1, 5} {
		l := layers.NewAugMix(layers.With{"chain_depth": 0, "alpha": alpha, "num_chains": 4})
		for _, y := range many(t, l, full(200, 1, 1, 1, 2), 20) {
			if math.Abs(y[0]-200) > 1e-9 {
				t.Fatalf("alpha %v: got %v, want 200", alpha, y[0])
			}
		}
	}
}

// TestAugmentMistakes checks what is said of settings that make no sense.
func TestAugmentMistakes(t *testing.T) {
	for _, c := range []struct{ class, config, want string }{
		{"RandAugment", `{"num_ops": -1}`, `num_ops: got -1, want >= 0`},
		{"RandAugment", `{"num_ops": 1000000}`, `num_ops: got 1000000, want at most 64`},
		{"RandAugment", `{"factor": 2}`, `factor: got 2, want a number or two between 0 and 1`},
		{"RandAugment", `{"interpolation": "bicubic"}`, `interpolation: got "bicubic", want one of bilinear, nearest`},
		{"AugMix", `{"num_chains": 0}`, `num_chains: got 0, want > 0`},
		{"AugMix", `{"num_chains": 10, "chain_depth": 10}`, `num_chains: got 10 of chain_depth 10, want at most 64 augmentations`},
		{"AugMix", `{"alpha": 0}`, `alpha: got 0, want > 0`},
		{"MaxNumBoundingBoxes", `{"max_number": 0}`, `max_number: got 0, want > 0`},
		{"ContrastLimitedAdaptiveHistogramEqualization", `{"tile_grid_size": [0, 1]}`, `tile_grid_size: got 0, want > 0`},
		{"ContrastLimitedAdaptiveHistogramEqualization", `{"tile_grid_size": [9, 9]}`, `tile_grid_size: got [9 9] for images of 3 x 3, want tiles of at least half a place`},
		{"Pipeline", `{}`, `layers: got none, want at least one`},
		{"Pipeline", `{"layers": [{"class_name": "Dense", "config": {"units": 0}}]}`, `units: got 0, want > 0`},
		{"Pipeline", `{"layers": [{"class_name": "MaxPooling1D", "config": {}}]}`, `want rank 3`},
	} {
		l, err := fromJSON(c.class, c.config)
		if err == nil {
			_, err = tryRun(l, true, ramps(1, 3, 3))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "layer \"") {
			t.Errorf("%s %s: got %v, want layer ...: %s", c.class, c.config, err, c.want)
		}
	}
}

// TestPipelineNames checks that layers of one name get names of their own.
func TestPipelineNames(t *testing.T) {
	l := layers.NewPipeline([]core.Layer{layers.NewDense(2), layers.NewDense(3)})
	if err := core.Build(l, []tensor.Shape{{tensor.Unknown, 4}}); err != nil {
		t.Fatal(err)
	}
	weights, _ := core.Weights(l)
	if len(weights) != 4 || weights[0].Name == weights[2].Name {
		t.Errorf("got weights %v, want four of different names", weights)
	}
}
