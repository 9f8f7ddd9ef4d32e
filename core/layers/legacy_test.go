package layers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of what Keras 3 has no more: layers of tf_keras, and configs and weights of Keras 1 and Theano.

// pattern is small numbers that repeat after eleven, times a factor.
func pattern(factor float64, shape ...int) *tensor.Tensor {
	data := make([]float64, tensor.Shape(shape).Size())
	for i := range data {
		data[i] = float64((i*7+3)%11-5) / 4 * factor
	}
	return tensor.From(data, shape...)
}

// patterned is the output of a layer whose weights hold the pattern, times 0.5 for the first of them and 0.75 for the second.
func patterned(l core.Layer, x *tensor.Tensor) (*tensor.Tensor, error) {
	if err := core.Build(l, []tensor.Shape{x.Shape().With(0, tensor.Unknown)}); err != nil {
		return nil, err
	}
	memory := coretest.Memory[float64]{}
	weights, _ := core.Weights(l)
	for i, w := range weights {
		memory[&w.Variable] = pattern(0.5+0.25*float64(i), w.Shape...).Float64s()
	}
	g := graph.New()
	out, err := core.Apply(l, g, false, core.NewShared(), []graph.Value{g.Input("x", x.Shape())}, nil, nil)
	if err != nil {
		return nil, err
	}
	got, err := coretest.Eval(g, out.Values, map[string]*tensor.Tensor{"x": x}, memory, coretest.Mode{})
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

// TestLegacyLayers compares with what tf_keras 2.21 gave for the same weights and inputs.
func TestLegacyLayers(t *testing.T) {
	x := tensor.From([]float64{-2, -.5, 0, .5, .75, 1, 2, 3}, 1, 8)
	for _, c := range []struct {
		layer core.Layer
		x     *tensor.Tensor
		shape []int
		want  []float64
	}{
		{layers.NewThresholdedReLU(), x, []int{1, 8}, []float64{0, 0, 0, 0, 0, 0, 2, 3}},
		{layers.NewThresholdedReLU(layers.With{"theta": 0.5}), x, []int{1, 8}, []float64{0, 0, 0, 0, 0.75, 1, 2, 3}},
		{layers.NewThresholdedReLU(layers.With{"theta": 0}), x, []int{1, 8}, []float64{0, 0, 0, 0.5, 0.75, 1, 2, 3}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"strides": 2, "activation": "relu"}), pattern(1, 2, 7, 2), []int{2, 3, 2},
			[]float64{0.28125, 0, 1.5625, 0, 0.375, 0.3125, 0.28125, 0, 0.9375, 0.625, 1.53125, 0.5}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"strides": 2, "activation": "relu", "implementation": 2}), pattern(1, 2, 7, 2), []int{2, 3, 2},
			[]float64{0, 0.84375, 0, 0.15625, 1, 0, 0, 0.84375, 1.40625, 0.40625, 0.0625, 0.75}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"strides": 2, "activation": "relu", "implementation": 3}), pattern(1, 2, 7, 2), []int{2, 3, 2},
			[]float64{1.34375, 2.34375, 2.1875, 0, 0.90625, 1.875, 1.1875, 2.5625, 0.71875, 1.5625, 0, 0.15625}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"padding": "same", "implementation": 2}), pattern(1, 1, 4, 2), []int{1, 4, 2},
			[]float64{-0.5, 0, 0.78125, -0.59375, 0.71875, 0.53125, -0.71875, 0.21875}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"padding": "same", "implementation": 3}), pattern(1, 1, 4, 2), []int{1, 4, 2},
			[]float64{0.84375, 0.28125, 0.34375, 1, -0.25, -0.71875, -1.03125, -0.1875}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"data_format": "channels_first"}), pattern(1, 1, 2, 5), []int{1, 2, 3},
			[]float64{0.34375, 0.84375, -1.59375, -0.90625, 1.5625, -0.28125}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"data_format": "channels_first", "implementation": 2}), pattern(1, 1, 2, 5), []int{1, 2, 3},
			[]float64{-0.8125, 1.21875, 0.21875, -0.0625, 1, -0.96875}},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"data_format": "channels_first", "implementation": 3}), pattern(1, 1, 2, 5), []int{1, 2, 3},
			[]float64{0.0625, 1.375, 0.875, -0.34375, -0.03125, 0.1875}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"strides": []int{1, 2}}), pattern(1, 1, 3, 5, 2), []int{1, 2, 2, 2},
			[]float64{1.09375, -1.15625, 0.5625, -2.4375, 0.15625, 0.5, -1.96875, 0.71875}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"strides": []int{1, 2}, "implementation": 2}), pattern(1, 1, 3, 5, 2), []int{1, 2, 2, 2},
			[]float64{-0.3125, -1.1875, 1.78125, 0.15625, 1.9375, 0.5625, -0.6875, 0.96875}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"strides": []int{1, 2}, "implementation": 3}), pattern(1, 1, 3, 5, 2), []int{1, 2, 2, 2},
			[]float64{0.15625, 0.65625, -0.375, -0.96875, -1.125, 1.625, 0.1875, 1.15625}},
		{layers.NewLocallyConnected2D(1, []int{2, 3}, layers.With{"padding": "same", "implementation": 2}), pattern(1, 1, 3, 2, 2), []int{1, 3, 2, 1},
			[]float64{-1, 1.21875, 0.65625, -0.25, -0.09375, -0.125}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"data_format": "channels_first"}), pattern(1, 1, 2, 3, 4), []int{1, 2, 2, 2},
			[]float64{0.40625, 2.5, -0.9375, -2.8125, 1.46875, 0.28125, -0.625, 1.78125}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"data_format": "channels_first", "implementation": 2}), pattern(1, 1, 2, 3, 4), []int{1, 2, 2, 2},
			[]float64{-0.9375, 0.34375, 1.84375, -0.375, 2, 0.8125, -3.03125, 1.21875}},
		{layers.NewLocallyConnected2D(2, []int{2, 3}, layers.With{"data_format": "channels_first", "implementation": 3}), pattern(1, 1, 2, 3, 4), []int{1, 2, 2, 2},
			[]float64{-0.6875, 0.625, 2, 0.46875, 1.90625, 0.75, -2.1875, -0.34375}},
	} {
		config := encoded(t, c.layer, core.Legacy)
		what := fmt.Sprint(config["class_name"], asJSON(config["config"]))
		got, err := patterned(c.layer, c.x)
		if err == nil {
			err = coretest.Near(what, got, tensor.From(c.want, c.shape...), 1e-6)
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		again, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.15.0"}).Layer(config)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if err := coretest.SameConfig(what, encoded(t, again, core.Legacy)["config"], config["config"]); err != nil {
			t.Error(err)
		}
	}
}

// TestLegacyMistakes checks what is said of settings that make no sense.
func TestLegacyMistakes(t *testing.T) {
	for _, c := range []struct {
		layer core.Layer
		shape tensor.Shape
		want  string
	}{
		{layers.NewThresholdedReLU(layers.With{"theta": -1}), tensor.Shape{-1, 3}, "theta: got -1, want >= 0"},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"padding": "same"}), tensor.Shape{-1, 5, 2}, "padding: got \"same\" with implementation 1, want valid"},
		{layers.NewLocallyConnected1D(2, 3, layers.With{"implementation": 4}), tensor.Shape{-1, 5, 2}, "implementation: got 4, want 1, 2 or 3"},
		{layers.NewLocallyConnected1D(2, 6), tensor.Shape{-1, 5, 2}, "input: got 5 along axis 1, want at least 6"},
		{layers.NewLocallyConnected2D(2, 3, layers.With{"implementation": 2}), tensor.Shape{-1, 999, 999, 2}, "want fewer numbers"},
		{layers.NewLocallyConnected2D(2, 3), tensor.Shape{-1, 5, -1, 2}, "axis 2"},
	} {
		if err := core.Build(c.layer, []tensor.Shape{c.shape}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestCroppedAway checks that files of Keras 2 may crop all there is.
func TestCroppedAway(t *testing.T) {
	l, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.15.0"}).Layer(map[string]any{"class_name": "Cropping2D", "config": core.Config{"cropping": 1.0}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := patterned(l, pattern(1, 2, 1, 3, 4))
	if err != nil {
		t.Fatal(err)
	}
	if want := (tensor.Shape{2, 0, 1, 4}); !got.Shape().Equal(want) {
		t.Errorf("got shape %v, want %v", got.Shape(), want)
	}
}

// TestKeras1Configs checks what configs of Keras 1 become; want is part of the config of today.
func TestKeras1Configs(t *testing.T) {
	for _, c := range []struct{ class, config, want string }{
		{"Dense", `{"output_dim": 3, "init": "uniform", "bias": false, "input_dim": 4, "input_dtype": "float32", "W_regularizer": null, "b_constraint": null}`,
			`{"units": 3, "use_bias": false}`},
		{"Convolution1D", `{"nb_filter": 2, "filter_length": 3, "subsample_length": 2, "border_mode": "same", "bias": true, "input_length": null, "input_dim": 5}`,
			`{"filters": 2, "kernel_size": [3], "strides": [2], "padding": "same"}`},
		{"AtrousConvolution2D", `{"nb_filter": 2, "nb_row": 3, "nb_col": 2, "atrous_rate": [2, 1], "dim_ordering": "th"}`,
			`{"kernel_size": [3, 2], "dilation_rate": [2, 1], "data_format": "channels_first"}`},
		{"Convolution3D", `{"nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1, "subsample": [1, 1, 1], "dim_ordering": "tf"}`,
			`{"kernel_size": [3, 2, 1], "data_format": "channels_last"}`},
		{"Deconvolution2D", `{"nb_filter": 2, "nb_row": 3, "nb_col": 2, "output_shape": [null, 8, 8, 2], "subsample": [2, 2]}`, `{"kernel_size": [3, 2], "strides": [2, 2]}`},
		{"SeparableConvolution2D", `{"nb_filter": 2, "nb_row": 3, "nb_col": 2, "init": "uniform", "bias": false}`, `{"kernel_size": [3, 2], "use_bias": false}`},
		{"LocallyConnected1D", `{"nb_filter": 2, "filter_length": 3, "bias": false}`, `{"kernel_size": [3], "use_bias": false}`},
		{"MaxPooling1D", `{"pool_length": 3, "stride": 2, "border_mode": "same"}`, `{"pool_size": [3], "strides": [2], "padding": "same"}`},
		{"GlobalMaxPooling2D", `{"dim_ordering": "th"}`, `{"data_format": "channels_first"}`},
		{"UpSampling1D", `{"length": 3}`, `{"size": 3}`},
		{"UpSampling2D", `{"size": [2, 3], "dim_ordering": "th"}`, `{"data_format": "channels_first"}`},
		{"ZeroPadding2D", `{"padding": {"top_pad": 1, "right_pad": 2}, "dim_ordering": "tf"}`, `{"padding": [[1, 0], [0, 2]]}`},
		{"ZeroPadding2D", `{"padding": [1, 2, 3, 4]}`, `{"padding": [[1, 2], [3, 4]]}`},
		{"Cropping2D", `{"cropping": [[1, 2], [3, 4]], "dim_ordering": "th"}`, `{"data_format": "channels_first"}`},
		{"Dropout", `{"p": 0.25}`, `{"rate": 0.25}`},
		{"GaussianDropout", `{"p": 0.25}`, `{"rate": 0.25}`},
		{"SpatialDropout2D", `{"p": 0.25, "dim_ordering": "th"}`, `{"rate": 0.25, "data_format": "channels_first"}`},
		{"GaussianNoise", `{"sigma": 0.5}`, `{"stddev": 0.5}`},
		{"BatchNormalization", `{"mode": 0, "beta_init": "zero", "gamma_init": "one", "epsilon": 1e-05}`, `{"epsilon": 1e-05}`},
		{"PReLU", `{"init": "zero", "shared_axes": [1]}`, `{"shared_axes": [1]}`},
		{"Embedding", `{"input_dim": 4, "output_dim": 5, "init": "uniform", "dropout": 0.5, "W_constraint": null, "input_dtype": "int32", "input_length": 3}`,
			`{"input_dim": 4, "output_dim": 5}`},
	} {
		var config core.Config
		var want map[string]any
		for text, v := range map[string]any{c.config: &config, c.want: &want} {
			if err := json.Unmarshal([]byte(text), v); err != nil {
				t.Fatal(err)
			}
		}
		l, err := registry.Default.Decoder(registry.Origin{KerasVersion: "1.2.2"}).Layer(map[string]any{"class_name": c.class, "config": config})
		if err != nil {
			t.Errorf("%s %s: %v", c.class, c.config, err)
			continue
		}
		got := encoded(t, l, core.Keras3)["config"].(map[string]any)
		for key, v := range want {
			if asJSON(got[key]) != asJSON(v) {
				t.Errorf("%s %s: %s: got %v, want %v", c.class, c.config, key, got[key], v)
			}
		}
		if _, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.3.1"}).Layer(map[string]any{"class_name": c.class, "config": config}); err == nil &&
			!strings.Contains(c.class, "ZeroPadding") && !strings.Contains(c.class, "PReLU") {
			t.Errorf("%s %s: got no error in a file of Keras 2, want an unknown key", c.class, c.config)
		}
	}
	for class, config := range map[string]string{"BatchNormalization": `{"mode": 3}`, "Conv2D": `{"filters": 1, "nb_row": 2}`, "MaxPooling2D": `{"dim_ordering": "xy"}`} {
		var c core.Config
		if err := json.Unmarshal([]byte(config), &c); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.Default.Decoder(registry.Origin{KerasVersion: "1.2.2"}).Layer(map[string]any{"class_name": class, "config": c}); err == nil {
			t.Errorf("%s %s: got no error", class, config)
		}
	}
}

// TestUpgradeWeights checks where each number of an older kernel goes, by index.
func TestUpgradeWeights(t *testing.T) {
	count := func(shape ...int) *tensor.Tensor {
		data := make([]float32, tensor.Shape(shape).Size())
		for i := range data {
			data[i] = float32(i)
		}
		return tensor.From(data, shape...)
	}
	first := layers.With{"data_format": "channels_first"}
	keras1, theano := registry.Origin{KerasVersion: "1.2.2"}, registry.Origin{KerasVersion: "2.1.3", Backend: "theano"}
	both := registry.Origin{KerasVersion: "1.2.2", Backend: "theano"}
	for _, c := range []struct {
		what     string
		layer    core.Layer
		from     registry.Origin
		old, now []int
		at       func(i []int) []int // from an index of today to that of old
	}{
		{"as it is", layers.NewConv2D(5, []int{2, 3}), registry.Origin{KerasVersion: "2.3.1", Backend: "tensorflow"}, []int{2, 3, 4, 5}, []int{2, 3, 4, 5},
			func(i []int) []int { return i }},
		{"turned", layers.NewConv2D(5, []int{2, 3}), theano, []int{2, 3, 4, 5}, []int{2, 3, 4, 5},
			func(i []int) []int { return []int{1 - i[0], 2 - i[1], i[2], i[3]} }},
		{"th", layers.NewConv2D(5, []int{2, 3}, first), keras1, []int{5, 4, 2, 3}, []int{2, 3, 4, 5},
			func(i []int) []int { return []int{i[3], i[2], i[0], i[1]} }},
		{"th turned", layers.NewConv2D(5, []int{2, 3}, first), both, []int{5, 4, 2, 3}, []int{2, 3, 4, 5},
			func(i []int) []int { return []int{i[3], i[2], 1 - i[0], 2 - i[1]} }},
		{"steps", layers.NewConv1D(5, 3), keras1, []int{3, 1, 4, 5}, []int{3, 4, 5}, func(i []int) []int { return []int{i[0], 0, i[1], i[2]} }},
		{"steps before 1.1", layers.NewConv1D(5, 3), keras1, []int{5, 4, 3, 1}, []int{3, 4, 5}, func(i []int) []int { return []int{i[2], i[1], i[0], 0} }},
		{"volumes", layers.NewConv3D(2, []int{2, 3, 1}, first), keras1, []int{2, 4, 2, 3, 1}, []int{2, 3, 1, 4, 2},
			func(i []int) []int { return []int{i[4], i[3], i[0], i[1], i[2]} }},
		{"transposed", layers.NewConv2DTranspose(5, []int{2, 3}), keras1, []int{2, 3, 4, 5}, []int{2, 3, 5, 4},
			func(i []int) []int { return []int{i[0], i[1], i[3], i[2]} }},
		{"transposed th", layers.NewConv2DTranspose(5, []int{2, 3}, first), keras1, []int{5, 4, 2, 3}, []int{2, 3, 5, 4},
			func(i []int) []int { return []int{i[2], i[3], i[0], i[1]} }},
	} {
		old := count(c.old...)
		got, what, err := c.layer.(registry.WeightUpgrader).UpgradeWeights([]*tensor.Tensor{old}, c.from)
		if err != nil || len(got) != 1 || !got[0].Shape().Equal(c.now) || (what == "") != (c.what == "as it is") {
			t.Errorf("%s: got %v, %q, %v, want shape %v", c.what, got, what, err, c.now)
			continue
		}
		index := make([]int, len(c.now))
		for k, v := range got[0].Float32s() {
			for i, rest := len(index)-1, k; i >= 0; i-- {
				index[i], rest = rest%c.now[i], rest/c.now[i]
			}
			place := 0
			for i, n := range c.at(index) {
				place = place*c.old[i] + n
			}
			if v != float32(place) {
				t.Errorf("%s: at %v: got %v, want %v", c.what, index, v, place)
				break
			}
		}
	}
}

// TestGatesOfKeras1 checks the order of the gates that Keras 1 kept in arrays of their own: each array holds one number.
func TestGatesOfKeras1(t *testing.T) {
	for _, c := range []struct {
		layer core.Layer
		want  [3][]float32 // kernel, recurrent kernel, bias; by number of the array
	}{
		{layers.NewLSTM(1), [3][]float32{{0, 6, 3, 9}, {1, 7, 4, 10}, {2, 8, 5, 11}}},
		{layers.NewGRU(1), [3][]float32{{0, 3, 6}, {1, 4, 7}, {2, 5, 8}}},
	} {
		u := c.layer.(registry.WeightUpgrader)
		n := u.OldWeightCount(registry.Origin{KerasVersion: "1.0.0"})
		var arrays []*tensor.Tensor
		for i := range n {
			shape := []int{1, 1}[i%3/2:]
			arrays = append(arrays, tensor.From([]float32{float32(i)}, shape...))
		}
		got, what, err := u.UpgradeWeights(arrays, registry.Origin{KerasVersion: "1.0.0"})
		if err != nil || len(got) != 3 || what == "" || n != 3*len(c.want[0]) {
			t.Fatalf("got %v, %q, %v for %d arrays", got, what, err, n)
		}
		for i, want := range c.want {
			if fmt.Sprint(got[i].Float32s()) != fmt.Sprint(want) {
				t.Errorf("%s: array %d: got %v, want %v", c.layer.Common().Class(), i, got[i].Float32s(), want)
			}
		}
		arrays[0] = tensor.From([]float32{1, 2}, 1, 2)
		if _, _, err := u.UpgradeWeights(arrays, registry.Origin{KerasVersion: "1.0.0"}); err == nil {
			t.Error("gates of different shapes: got no error")
		}
		if n := u.OldWeightCount(registry.Origin{KerasVersion: "2.0.0"}); n != 0 {
			t.Errorf("Keras 2: got %d arrays, want 0", n)
		}
	}
}
