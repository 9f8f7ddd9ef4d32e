package layers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of what tf.keras kept in keras.layers.experimental: layers that Keras 3 has no more, and the names and keys that
// files of TensorFlow 2.3 to 2.15 have for the others.

// tfLayer makes a layer from what a file of tf.keras has.
func tfLayer(class, config string) (core.Layer, error) {
	var c core.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return nil, err
	}
	return registry.Default.Decoder(registry.Origin{KerasVersion: "2.8.0"}).Layer(map[string]any{"class_name": class, "config": c})
}

// TestRandomSize compares training with what tf_keras 2.21 gave for one size, and prediction with the input.
func TestRandomSize(t *testing.T) {
	x := pattern(1, 1, 5, 3, 1)
	for _, c := range []struct {
		class, config string
		shape         []int
		want          []float64
	}{
		{"RandomHeight", `{"factor": [0.4, 0.4], "rng_type": "stateful", "seed": null}`, []int{1, 7, 3, 1},
			[]float64{-0.5, 1.25, 0.25, -0.6428571, 1.1071429, 0.1071429, -0.8214286, 0.9285714, -0.0714286, -1, 0.75, -0.25, -1.1785715, 0.5714285, -0.4285715, -0.1785713, 0.3928571, -0.6071429, 1.25, 0.25, -0.75}},
		{"RandomHeight", `{"factor": [-0.4, -0.4], "interpolation": "nearest"}`, []int{1, 3, 3, 1}, []float64{-0.5, 1.25, 0.25, -1, 0.75, -0.25, 1.25, 0.25, -0.75}},
		{"RandomHeight", `{"factor": [0.4, 0.4], "interpolation": "gaussian"}`, []int{1, 7, 3, 1},
			[]float64{-0.3091449, 0.9393557, 0.3514529, -0.4390348, 0.8094658, 0.221563, -0.6063361, 0.6421645, 0.0542616, -0.7913948, 0.4571058, -0.1307971, -0.9052181, 0.2806609, -0.3158558, -0.1187684, 0.2286882, -0.4831571, 0.9765714, 0.2469545, -0.6130471}},
		{"RandomWidth", `{"factor": [0.4, 0.4], "interpolation": "area"}`, []int{1, 5, 4, 1},
			[]float64{-0.5, 0.6666667, 0.9166667, 0.25, -0.75, 0.4166667, 0.6666667, 0, -1, 0.1666667, 0.4166667, -0.25, -1.25, -0.0833333, 0.1666667, -0.5, 1.25, 0.5833334, -0.0833333, -0.75}},
		{"RandomWidth", `{"factor": [0.4, 0.4], "interpolation": "mitchellcubic"}`, []int{1, 5, 4, 1},
			[]float64{-0.5039519, 0.6004754, 0.9130346, 0.2414392, -0.7392461, 0.3651812, 0.6777406, 0.0061451, -0.989246, 0.1151813, 0.4277406, -0.2438549, -1.0874066, -0.0763983, 0.1724913, -0.4938549, 1.0977896, 0.6195948, -0.1464818, -0.7291489}},
		{"RandomWidth", `{"factor": 0}`, []int{1, 5, 3, 1}, x.Float64s()},
	} {
		what := c.class + c.config
		l, err := tfLayer(c.class, c.config)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := tryRun(l, true, x)
		if err == nil {
			err = coretest.Near(what, got, tensor.From(c.want, c.shape...), 2e-6)
		}
		if err != nil {
			t.Error(err)
		}
		if got, err = tryRun(l, false, x); err == nil {
			err = coretest.Near(what+" in prediction", got, x, 0)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for config, want := range map[string]string{
		`{"factor": 0.2, "name": "higher"}`: `layer "higher" (RandomHeight): factor: got -0.2 to 0.2, by which training would give each batch another height, from 4 to 6`,
		`{"factor": [-1, -1]}`:              `from 0 to 0`,
		`{"factor": [-2, 0]}`:               `factor: got [-2 0], want a number or two between -1 and 1024`,
		`{"factor": null}`:                  `factor: got null, want a number or two`,
		`{"interpolation": "linear"}`:       `interpolation: got "linear"`,
	} {
		l, err := tfLayer("RandomHeight", config)
		if err == nil {
			_, err = tryRun(l, true, x)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", config, err, want)
		}
	}
}

// TestRandomFourierFeatures compares with what tf_keras 2.21 gave for these weights.
func TestRandomFourierFeatures(t *testing.T) {
	for _, c := range []struct {
		config, wrote string
		want          []float64
	}{
		{`{"output_dim": 3, "scale": 0.7}`, `"gaussian"`, []float64{0.8775825, -0.1474144, 0.9000584, 0.5663302, -0.5783492, 0.9272003}},
		{`{"output_dim": 3, "kernel_initializer": "laplacian", "trainable": true}`, `"laplacian"`, []float64{0.8775825, -0.0073286, 0.9246712, 0.6762583, -0.3291976, 0.9414974}},
		{`{"output_dim": 2}`, `"gaussian"`, []float64{0.9464819, 0.9924391, -0.1221406, -0.5975377}},
	} {
		l, err := tfLayer("RandomFourierFeatures", c.config)
		if err != nil {
			t.Error(err)
			continue
		}
		x := pattern(1, 2, 4)
		if err := core.Build(l, []tensor.Shape{{tensor.Unknown, 4}}); err != nil {
			t.Error(err)
			continue
		}
		trained, fixed := core.Weights(l)
		if len(trained) == 1 != strings.Contains(c.config, "trainable") {
			t.Errorf("%s: got %d weights to train", c.config, len(trained))
		}
		all := append(trained, fixed...)
		for i, w := range all {
			w.Initialize(kernel.NewRand(1))
			if i > 0 {
				copy(w.Data(), pattern(0.5+0.25*float64(i), w.Shape...).Float32s())
			}
		}
		err = coretest.Near(c.config, run(t, l, true, x), tensor.From(c.want, 2, len(c.want)/2), 1e-6)
		if err != nil {
			t.Error(err)
		}
		if got := asJSON(encoded(t, l, core.Legacy)["config"].(map[string]any)["kernel_initializer"]); got != c.wrote {
			t.Errorf("%s: kernel_initializer: got %s, want %s", c.config, got, c.wrote)
		}
	}
	l, err := tfLayer("RandomFourierFeatures", `{"output_dim": 3, "kernel_initializer": {"class_name": "RandomNormal", "config": {"mean": 0.5}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(encoded(t, l, core.Legacy)["config"].(map[string]any)["kernel_initializer"]); !strings.Contains(got, "RandomNormal") {
		t.Errorf("kernel_initializer: got %s, want RandomNormal", got)
	}
	for _, config := range []string{`{"output_dim": 0}`, `{"output_dim": 2, "scale": 0}`, `{"output_dim": 2, "kernel_initializer": "cauchy"}`} {
		if _, err := tfLayer("RandomFourierFeatures", config); err == nil {
			t.Errorf("%s: got no error", config)
		}
	}
}

// TestExperimentalNames checks what classes and keys of older files become.
func TestExperimentalNames(t *testing.T) {
	for _, c := range []struct{ class, config, becomes, key, want string }{
		{"SyncBatchNormalization", `{"momentum": 0.9}`, "BatchNormalization", "synchronized", "true"},
		{"BatchNormalizationV1", `{"axis": [3]}`, "BatchNormalization", "axis", "3"},
		{"BatchNormalizationV2", `{}`, "BatchNormalization", "synchronized", "false"},
		{"experimental.preprocessing>Rescaling", `{"scale": 0.5, "offset": 0.0}`, "Rescaling", "scale", "0.5"},
		{"experimental.preprocessing>RandomRotation", `{"factor": 0.5, "fill_mode": "reflect", "interpolation": "bilinear", "seed": null}`, "RandomRotation", "factor", "[-0.5,0.5]"},
		{"Normalization", `{"axis": -1}`, "Normalization", "axis", "[-1]"},
		{"Discretization", `{"bins": [0.0, 1.0]}`, "Discretization", "bin_boundaries", "[0,1]"},
		{"CategoryEncoding", `{"max_tokens": 4, "output_mode": "binary", "sparse": false}`, "CategoryEncoding", "num_tokens", "4"},
		{"IntegerLookup", `{"max_values": 9, "mask_value": 0, "oov_value": -1, "num_oov_indices": 1, "vocabulary": [5, 6], "invert": false}`, "IntegerLookup", "max_tokens", "9"},
		{"RandomHeight", `{"factor": [0.1, 0.2]}`, "RandomHeight", "factor", "[0.1,0.2]"},
	} {
		l, err := tfLayer(c.class, c.config)
		if err != nil {
			t.Error(err)
			continue
		}
		got := encoded(t, l, core.Keras3)
		if got["class_name"] != c.becomes {
			t.Errorf("%s: got class %v, want %s", c.class, got["class_name"], c.becomes)
		}
		if v := asJSON(got["config"].(map[string]any)[c.key]); v != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.class, c.key, v, c.want)
		}
	}
	if got := encoded(t, layers.NewRandomWidth(0.25), core.Legacy)["config"].(map[string]any)["factor"]; got != 0.25 {
		t.Errorf("factor: got %v, want it as it was given", got)
	}
}
