package layers_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of what is random about layers that change images in training. What they make of given numbers is in the cases, whose
// ranges are one number wide.

// numberedImages is 0, 1, 2, ... the same for each image.
func numberedImages(count, height, width int) *tensor.Tensor {
	data := make([]float64, count*height*width)
	for i := range data {
		data[i] = float64(i % (height * width))
	}
	return tensor.From(data, count, height, width, 1)
}

// perImageOf is the numbers of each image.
func perImageOf(y *tensor.Tensor) [][]float64 {
	n := y.Shape()[0]
	return slices.Collect(slices.Chunk(y.Float64s(), y.Size()/n))
}

// TestRandomFlip checks that each image is as it was or turned around, and how many are.
func TestRandomFlip(t *testing.T) {
	const n = 4000
	x := numberedImages(n, 2, 3)
	for _, c := range []struct {
		mode  string
		older bool
		want  map[string]float64 // first, second and fourth number of what comes out, and how often
	}{
		{"horizontal", false, map[string]float64{"[0 1 3]": 0.5, "[2 1 5]": 0.5}},
		{"vertical", false, map[string]float64{"[0 1 3]": 0.5, "[3 4 0]": 0.5}},
		{"horizontal_and_vertical", false, map[string]float64{"[0 1 3]": 0.5, "[5 4 2]": 0.5}},
		{"horizontal_and_vertical", true, map[string]float64{"[0 1 3]": 0.25, "[2 1 5]": 0.25, "[3 4 0]": 0.25, "[5 4 2]": 0.25}},
	} {
		l := layers.NewRandomFlip(c.mode)
		if c.older {
			l.SetKeras(2)
		}
		count := map[string]float64{}
		for _, y := range perImageOf(run(t, l, true, x)) {
			count[asText(y[0], y[1], y[3])]++
		}
		if len(count) != len(c.want) {
			t.Errorf("%s: got %v, want %v", c.mode, count, c.want)
		}
		for key, share := range c.want {
			near(t, c.mode+" "+key, count[key]/n, share, math.Sqrt(share*(1-share)/n))
		}
	}
}

func asText(v ...float64) string {
	s := "["
	for i, x := range v {
		if i > 0 {
			s += " "
		}
		s += string(rune('0' + int(x)))
	}
	return s + "]"
}

// TestRandomRanges checks that the random number of each image is uniform between the two that the config says.
func TestRandomRanges(t *testing.T) {
	const n = 4000
	ramp := numberedImages(n, 5, 5)
	for _, c := range []struct {
		what      string
		layer     core.Layer
		low, high float64
		number    func(y []float64) float64 // from an image that came out
	}{
		{"brightness", layers.NewRandomBrightness([]float64{-0.1, 0.3}, layers.With{"value_range": []int{-100, 100}}), -20, 60, func(y []float64) float64 { return y[12] - 12 }},
		{"contrast", layers.NewRandomContrast([]float64{0.2, 0.4}, layers.With{"value_range": []int{-100, 100}}), 0.8, 1.4, func(y []float64) float64 { return (y[24] - y[0]) / 24 }},
		{"translation along the width", layers.NewRandomTranslation(0, []float64{-0.2, 0.1}, layers.With{"fill_mode": "nearest"}), -1, 0.5, func(y []float64) float64 { return 12 - y[12] }},
		{"translation along the height", layers.NewRandomTranslation([]float64{-0.2, 0.1}, 0, layers.With{"fill_mode": "nearest"}), -1, 0.5, func(y []float64) float64 { return (12 - y[12]) / 5 }},
		{"zoom", layers.NewRandomZoom([]float64{-0.5, -0.1}), 0.5, 0.9, func(y []float64) float64 { return (y[17] - y[12]) / 5 }},
		{"zoom of the width", layers.NewRandomZoom(0, layers.With{"width_factor": 0.4}), 0.6, 1.4, func(y []float64) float64 { return y[13] - y[12] }},
		{"rotation", layers.NewRandomRotation([]float64{-0.05, 0.1}), -0.05, 0.1, func(y []float64) float64 { // of x+5y
			return (math.Atan2(5, 1) - math.Atan2(y[17]-y[12], y[13]-y[12])) / (2 * math.Pi)
		}},
	} {
		var numbers []float64
		for _, y := range perImageOf(run(t, c.layer, true, ramp)) {
			numbers = append(numbers, c.number(y))
		}
		uniform(t, c.what, numbers, c.low, c.high)
	}
}

// uniform checks that numbers are all between two, and uniform there by mean and variance.
func uniform(t *testing.T, what string, numbers []float64, low, high float64) {
	t.Helper()
	n, width := float64(len(numbers)), high-low
	if lowest, highest := slices.Min(numbers), slices.Max(numbers); lowest < low-1e-9 || highest > high+1e-9 {
		t.Errorf("%s: got %v to %v, want %v to %v", what, lowest, highest, low, high)
	}
	mean, variance := moments(numbers)
	near(t, what+": mean", mean, (low+high)/2, width/math.Sqrt(12*n))
	near(t, what+": variance", variance, width*width/12, width*width/math.Sqrt(180*n))
}

// TestRandomCrop checks that every place comes, that images of a batch share theirs, and what the crop is.
func TestRandomCrop(t *testing.T) {
	l, x := layers.NewRandomCrop(2, 2), numberedImages(2, 3, 4)
	if err := core.Build(l, []tensor.Shape{{tensor.Unknown, 3, 4, 1}}); err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	in := g.Input("x", x.Shape())
	var outs []graph.Value
	for range 100 {
		r, err := core.Apply(l, g, true, core.NewShared(), []graph.Value{in}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, r.Values...)
	}
	got, err := coretest.Eval(g, outs, map[string]*tensor.Tensor{"x": x}, coretest.Memory[float64]{}, coretest.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[float64]bool{}
	for _, y := range got {
		first := y.Float64s()[0]
		seen[first] = true
		if want := []float64{first, first + 1, first + 4, first + 5, first, first + 1, first + 4, first + 5}; !slices.Equal(y.Float64s(), want) {
			t.Fatalf("got %v, want %v", y.Float64s(), want)
		}
	}
	for _, first := range []float64{0, 1, 2, 4, 5, 6} {
		if !seen[first] {
			t.Errorf("got no crop from %v on", first)
		}
	}
	if len(seen) != 6 {
		t.Errorf("got crops from %v, want 6 places", seen)
	}
	older := layers.NewRandomCrop(2, 2)
	older.SetKeras(2)
	if got := run(t, older, false, numberedImages(1, 4, 4)).Float64s(); !slices.Equal(got, []float64{2.5, 4.5, 10.5, 12.5}) {
		t.Errorf("before Keras 3: got %v, want the image resized", got)
	}
}

// TestImagesBeforeKeras3 compares with what tf_keras 2.21 gave.
func TestImagesBeforeKeras3(t *testing.T) {
	for _, c := range []struct {
		class, config string
		shape         []int
		want          []float64
	}{
		{"Resizing", `{"height": 2, "width": 3, "interpolation": "area", "crop_to_aspect_ratio": false}`, []int{1, 2, 3, 1},
			[]float64{0, 0.23333334, -0.08333337, -0.06666666, 0.5333333, -0.5166667}},
		{"Resizing", `{"height": 5, "width": 2, "interpolation": "area"}`, []int{1, 5, 2, 1}, []float64{0.35, 0.15, 0.15, -0.05, -0.25, -0.45, 0.0833334, -0.1166666, 0.25, 0.05}},
		{"Resizing", `{"height": 2, "width": 2, "crop_to_aspect_ratio": true}`, []int{1, 2, 2, 1}, []float64{0.609375, -0.375, -0.1875, 0.375}},
		{"CenterCrop", `{"height": 2, "width": 4}`, []int{1, 2, 4, 1}, []float64{-0.5, 1.25, 0.25, -0.75, 0, -1, 0.75, -0.25}},
		{"RandomCrop", `{"height": 2, "width": 2, "rng_type": "stateful", "seed": null}`, []int{1, 2, 2, 1}, []float64{0.609375, -0.375, -0.1875, 0.375}},
	} {
		var config core.Config
		if err := json.Unmarshal([]byte(c.config), &config); err != nil {
			t.Fatal(err)
		}
		l, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.15.0"}).Layer(map[string]any{"class_name": c.class, "config": config})
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := tryRun(l, false, pattern(1, 1, 3, 5, 1))
		if err == nil {
			err = coretest.Near("output", got, tensor.From(c.want, c.shape...), 1e-6)
		}
		if err != nil {
			t.Errorf("%s %s: %v", c.class, c.config, err)
		}
	}
	for class, config := range map[string]core.Config{
		"RandomFlip": {"mode": "horizontal"}, "RandomZoom": {"height_factor": 0.1, "width_factor": nil, "fill_mode": "reflect", "fill_value": 0.0},
		"RandomRotation": {"factor": 0.2}, "RandomTranslation": {"height_factor": 0.1, "width_factor": []any{0.1, 0.2}},
		"RandomBrightness": {"factor": []any{-0.2, 0.2}, "value_range": []any{0.0, 255.0}}, "RandomContrast": {"factor": 0.2},
	} {
		config["rng_type"] = "stateful"
		l, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.15.0"}).Layer(map[string]any{"class_name": class, "config": config})
		if err != nil {
			t.Error(err)
			continue
		}
		if contrast, ok := l.(*layers.RandomContrast); ok && (contrast.Factor.Low != 0.2 || contrast.Factor.High != 0.2) {
			t.Errorf("got factor %v to %v, want 0.2 for both", contrast.Factor.Low, contrast.Factor.High)
		}
	}
}
