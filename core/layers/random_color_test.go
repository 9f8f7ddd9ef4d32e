package layers_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of what is random about layers that change colours.

// copies is so many images of the same numbers.
func copies(n, height, width, channels int, image ...float64) *tensor.Tensor {
	return tensor.From(slices.Repeat(image, n), n, height, width, channels)
}

// TestRandomColors checks that the random number of each image is uniform between the two that the config says.
func TestRandomColors(t *testing.T) {
	const n = 4000
	red := []float64{100, 0, 0}
	for _, c := range []struct {
		what      string
		layer     core.Layer
		images    *tensor.Tensor
		low, high float64
		number    func(y []float64) float64 // from an image that came out
	}{
		{"addition", layers.NewSolarization([]float64{0, 0.2}, 0), copies(n, 1, 1, 3, red...), 0, 51, func(y []float64) float64 { return 155 - y[0] }},
		{"saturation", layers.NewRandomSaturation([]float64{0.2, 0.6}), copies(n, 1, 1, 3, 200, 100, 100), 0.2, 0.6, func(y []float64) float64 {
			f := (y[0] - y[1]) / y[0] / 0.5
			return f / (1 + f)
		}},
		{"hue", layers.NewRandomHue([]float64{0.1, 0.3}), copies(n, 1, 1, 3, red...), 0.1, 0.3, func(y []float64) float64 { return (y[1] + y[2]) / 300 }},
		{"hue and its direction", layers.NewRandomHue(0.3), copies(n, 1, 1, 3, red...), 0, 0.3, func(y []float64) float64 { return (y[1] + y[2]) / 300 }},
		{"sharpness", layers.NewRandomSharpness([]float64{0.2, 0.4}), copies(n, 3, 3, 1, 0, 0, 0, 0, 13, 0, 0, 0, 0), 0.2, 0.4, func(y []float64) float64 { return (y[4] - 5) / 16 }},
		{"grey", layers.NewRandomColorDegeneration([]float64{0.2, 0.4}), copies(n, 1, 1, 3, red...), 0.2, 0.4, func(y []float64) float64 { return (100 - y[0]) / 70.11 }},
		{"brightness of a jitter", layers.NewRandomColorJitter(layers.With{"brightness_factor": []float64{0.1, 0.2}}), copies(n, 1, 1, 3, red...), 25.5, 51, func(y []float64) float64 { return y[1] }},
	} {
		var numbers []float64
		for _, y := range perImageOf(run(t, c.layer, true, c.images)) {
			numbers = append(numbers, c.number(y))
		}
		uniform(t, c.what, numbers, c.low, c.high)
	}
}

// TestRandomColorChoices checks how often each of the results comes that there are.
func TestRandomColorChoices(t *testing.T) {
	const n = 6000
	for _, c := range []struct {
		what  string
		layer core.Layer
		want  map[float64]float64 // the first number of what comes out, and how often
	}{
		{"threshold", layers.NewSolarization(0, []float64{0, 1}), map[float64]float64{200: 55.0 / 255, 55: 200.0 / 255}}, // below the threshold they stay
		{"grayscale", layers.NewRandomGrayscale(0.3), map[float64]float64{200: 0.7, 59.78: 0.3}},
		{"invert", layers.NewRandomInvert([]float64{0.2, 0.6}), map[float64]float64{200: 0.6, 55: 0.4}},
		{"posterization", layers.NewRandomPosterization(4), map[float64]float64{128: 1.0 / 3, 192: 2.0 / 3}},
	} {
		count := map[float64]float64{}
		for _, y := range perImageOf(run(t, c.layer, true, copies(n, 1, 1, 3, 200, 0, 0))) {
			count[math.Round(y[0]*1e6)/1e6]++
		}
		if len(count) != len(c.want) {
			t.Errorf("%s: got %v, want %v", c.what, count, c.want)
		}
		for v, share := range c.want {
			near(t, c.what, count[v]/n, share, math.Sqrt(share*(1-share)/n))
		}
	}
	// Hues go both ways.
	ways := 0.0
	for _, y := range perImageOf(run(t, layers.NewRandomHue(0.3), true, copies(n, 1, 1, 3, 100, 0, 0))) {
		if y[1] > 0 {
			ways++
		}
	}
	near(t, "hue", ways/n, 0.5, math.Sqrt(0.25/n))
}

// TestRandomColorMistakes checks what is said of settings and images that make no sense.
func TestRandomColorMistakes(t *testing.T) {
	grey, one := copies(1, 1, 1, 3, 1, 2, 3), copies(1, 1, 1, 2, 1, 2)
	for _, c := range []struct {
		class, config string
		x             *tensor.Tensor
		want          string
	}{
		{"AutoContrast", `{"value_range": 255}`, grey, `value_range: got 255, want two numbers`},
		{"AutoContrast", `{"value_range": [0, 1, 2]}`, grey, `value_range: got [0 1 2], want two numbers`},
		{"AutoContrast", `{"value_range": null}`, grey, `value_range: got null, want two numbers`},
		{"AutoContrast", `{"factor": 1}`, grey, `factor: unknown key`},
		{"Equalization", `{"bins": 0}`, grey, `bins: got 0, want > 0`},
		{"Equalization", `{"bins": 100000000}`, grey, `bins: got 100000000, want 1 to 4096`},
		{"Solarization", `{"addition_factor": 1.5}`, grey, `addition_factor: got 1.5, want a number or two between 0 and 1`},
		{"Solarization", `{"threshold_factor": [-0.5, 1]}`, grey, `threshold_factor: got [-0.5 1], want a number or two between 0 and 1`},
		{"RandomGrayscale", `{"factor": 1.5}`, grey, `factor: got 1.5, want between 0 and 1`},
		{"RandomGrayscale", `{"factor": 1}`, one, `images: got shape (1, 1, 1, 2), want 3 channels`},
		{"RandomInvert", `{"factor": -0.5}`, grey, `factor: got -0.5, want a number or two between 0 and 1`},
		{"RandomPosterization", `{"factor": 9}`, grey, `factor: got 9, want a number or two between 1 and 8`},
		{"RandomPosterization", `{"factor": 2.5}`, grey, `factor: got 2.5, want whole numbers`},
		{"RandomSaturation", `{"factor": 1.5}`, grey, `factor: got 1.5, want a number or two between -1 and 1`},
		{"RandomSaturation", `{"factor": 0.5}`, one, `want 3 channels`},
		{"RandomHue", `{"factor": -0.1}`, grey, `factor: got -0.1, want a number or two between 0 and 1`},
		{"RandomSharpness", `{"factor": [0, 2]}`, grey, `factor: got [0 2], want a number or two between 0 and 1`},
		{"RandomColorDegeneration", `{"factor": null}`, grey, `factor: got null, want a number or two`},
		{"RandomColorJitter", `{"hue_factor": 2}`, grey, `hue_factor: got 2, want a number or two between 0 and 1`},
		{"RandomColorJitter", `{"data_format": "last"}`, grey, `data_format: got "last", want one of`},
	} {
		l, err := fromJSON(c.class, c.config)
		if err == nil {
			_, err = tryRun(l, true, c.x)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "layer \"") {
			t.Errorf("%s %s: got %v, want layer ...: %s", c.class, c.config, err, c.want)
		}
	}
}
