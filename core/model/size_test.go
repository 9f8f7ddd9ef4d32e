package model_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// TestSizeOfValues refuses layers without weights whose output no memory holds, by its shape alone.
func TestSizeOfValues(t *testing.T) {
	const config = `{"class_name": "Sequential", "config": {"name": "m", "layers": [
		{"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": %s}}, %s]}}`
	for _, c := range []struct{ input, layers, place string }{
		{"[null, 4]", `{"class_name": "RepeatVector", "config": {"name": "d", "n": 8589934592}}`, `layer "d" (RepeatVector)`},
		{"[null, 4]", `{"class_name": "RepeatVector", "config": {"name": "d", "n": 4503599627370496}}`, `layer "d" (RepeatVector)`},
		{"[null, 4]", `{"class_name": "ZeroPadding1D", "config": {"name": "d", "padding": [8589934592, 0]}}`, `layer "d" (ZeroPadding1D): padding`},
		{"[null, 3, 4]", `{"class_name": "ZeroPadding1D", "config": {"name": "d", "padding": [2000000000, 2000000000]}}`, `layer "d" (ZeroPadding1D)`},
		{"[null, 3, 4]", `{"class_name": "UpSampling1D", "config": {"name": "d", "size": 4503599627370496}}`, `layer "d" (UpSampling1D)`},
		{"[null, 3, 3, 4]", `{"class_name": "UpSampling2D", "config": {"name": "d", "size": [65536, 65536]}}`, `layer "d" (UpSampling2D)`},
		{"[null, 3, 3, 4]", `{"class_name": "UpSampling2D", "config": {"name": "d", "size": [65536, 65536], "interpolation": "bilinear"}}`, `layer "d" (UpSampling2D)`},
		{"[null, 3, 3, 4]", `{"class_name": "UpSampling2D", "config": {"name": "d", "size": 4611686018427387904}}`, `layer "d" (UpSampling2D): size`},
		{"[null, 3, 3, 3, 4]", `{"class_name": "UpSampling3D", "config": {"name": "d", "size": 4096}}`, `layer "d" (UpSampling3D)`},
		{"[null, 4]", `{"class_name": "RepeatVector", "config": {"name": "a", "n": 65536}}, {"class_name": "UpSampling1D", "config": {"name": "b", "size": 65536}}`,
			`layer "b" (UpSampling1D)`},
		{"[null, 4]", `{"class_name": "Activation", "config": {"name": "a", "activation": "sparsemax"}}, {"class_name": "RepeatVector", "config": {"name": "d",
			"n": 2000000000}}`, `layer "d" (RepeatVector)`},
	} {
		_, err := model.FromJSON(fmt.Appendf(nil, config, c.input, c.layers), nil, registry.Origin{KerasVersion: "2.4.0"})
		if !errors.Is(err, core.ErrTooLarge) || !strings.HasPrefix(err.Error(), c.place) {
			t.Errorf("%s: got %v, want ErrTooLarge at %s", c.layers, err, c.place)
		}
	}
	// Where the steps are not known before, the batch says that they are too many.
	m, err := model.FromJSON(fmt.Appendf(nil, config, "[null, null, 4]", `{"class_name": "ZeroPadding1D", "config": {"name": "d",
		"padding": [2000000000, 2000000000]}}`), nil, registry.Origin{KerasVersion: "2.4.0"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Predict(context.Background(), []*tensor.Tensor{tensor.New(tensor.Float32, 2, 5, 4)}, model.Run{})
	if !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("predicting: got %v, want ErrTooLarge", err)
	}
	// Six samples may take more than one.
	m, err = model.FromJSON(fmt.Appendf(nil, config, "[null, 4]", `{"class_name": "RepeatVector", "config": {"name": "d", "n": 1000}}`), nil,
		registry.Origin{KerasVersion: "2.4.0"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = m.Predict(context.Background(), []*tensor.Tensor{tensor.New(tensor.Float32, 6, 4)}, model.Run{}); err != nil {
		t.Error(err)
	}
}
