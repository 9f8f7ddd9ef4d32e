package layers_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of configs: constructors, old configs, and what is said of mistakes.

// TestConstructors checks that each constructor makes the layer that the config of its arguments makes.
func TestConstructors(t *testing.T) {
	more := layers.With{"name": "x"}
	for _, c := range []struct {
		layer  core.Layer
		config core.Config
	}{
		{layers.NewActivation("relu", more), core.Config{"activation": "relu"}},
		{layers.NewActivityRegularization(more), nil},
		{layers.NewAdd(more), nil},
		{layers.NewAlphaDropout(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewAverage(more), nil},
		{layers.NewAveragePooling1D(3, more), core.Config{"pool_size": 3.0}},
		{layers.NewAveragePooling2D([]int{2, 3}, more), core.Config{"pool_size": []any{2.0, 3.0}}},
		{layers.NewAveragePooling3D(3, more), core.Config{"pool_size": 3.0}},
		{layers.NewBatchNormalization(more), nil},
		{layers.NewConcatenate(more), nil},
		{layers.NewConv1D(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewConv1DTranspose(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewConv2D(4, [2]int{3, 2}, more), core.Config{"filters": 4.0, "kernel_size": []any{3.0, 2.0}}},
		{layers.NewConv2DTranspose(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewConv3D(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewConv3DTranspose(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewCropping1D(1, more), core.Config{"cropping": 1.0}},
		{layers.NewCropping2D([]int{1, 2}, more), core.Config{"cropping": []any{1.0, 2.0}}},
		{layers.NewCropping3D([][2]int{{1, 2}, {3, 4}, {5, 6}}, more), core.Config{"cropping": []any{[]any{1.0, 2.0}, []any{3.0, 4.0}, []any{5.0, 6.0}}}},
		{layers.NewDense(4, more), core.Config{"units": 4.0}},
		{layers.NewDepthwiseConv1D(3, more), core.Config{"kernel_size": 3.0}},
		{layers.NewDepthwiseConv2D(3, more), core.Config{"kernel_size": 3.0}},
		{layers.NewDot([]int{1, 2}, more), core.Config{"axes": []any{1.0, 2.0}}},
		{layers.NewDropout(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewEinsumDense("ab,bc->ac", []int{3}, more), core.Config{"equation": "ab,bc->ac", "output_shape": 3.0}},
		{layers.NewELU(more), nil},
		{layers.NewEmbedding(5, 3, more), core.Config{"input_dim": 5.0, "output_dim": 3.0}},
		{layers.NewFlatten(more), nil},
		{layers.NewGaussianDropout(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewGaussianNoise(0.5, more), core.Config{"stddev": 0.5}},
		{layers.NewGlobalAveragePooling1D(more), nil},
		{layers.NewGlobalAveragePooling2D(more), nil},
		{layers.NewGlobalAveragePooling3D(more), nil},
		{layers.NewGlobalMaxPooling1D(more), nil},
		{layers.NewGlobalMaxPooling2D(more), nil},
		{layers.NewGlobalMaxPooling3D(more), nil},
		{layers.NewGroupNormalization(more), nil},
		{layers.NewIdentity(more), nil},
		{layers.NewInputLayer([]int{3, tensor.Unknown}, more), core.Config{"batch_shape": []any{nil, 3.0, nil}}},
		{layers.NewLayerNormalization(more), nil},
		{layers.NewLeakyReLU(more), nil},
		{layers.NewMasking(more), nil},
		{layers.NewMaximum(more), nil},
		{layers.NewMaxPooling1D(3, more), core.Config{"pool_size": 3.0}},
		{layers.NewMaxPooling2D(3, more), core.Config{"pool_size": 3.0}},
		{layers.NewMaxPooling3D(3, more), core.Config{"pool_size": 3.0}},
		{layers.NewMinimum(more), nil},
		{layers.NewMultiply(more), nil},
		{layers.NewNormalization(more), nil},
		{layers.NewPermute([]int{2, 1}, more), core.Config{"dims": []any{2.0, 1.0}}},
		{layers.NewPReLU(more), nil},
		{layers.NewReLU(more), nil},
		{layers.NewRepeatVector(3, more), core.Config{"n": 3.0}},
		{layers.NewRescaling(0.5, more), core.Config{"scale": 0.5}},
		{layers.NewReshape([]int{2, -1}, more), core.Config{"target_shape": []any{2.0, -1.0}}},
		{layers.NewRMSNormalization(more), nil},
		{layers.NewSeparableConv1D(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewSeparableConv2D(4, 3, more), core.Config{"filters": 4.0, "kernel_size": 3.0}},
		{layers.NewSoftmax(more), nil},
		{layers.NewSpatialDropout1D(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewSpatialDropout2D(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewSpatialDropout3D(0.5, more), core.Config{"rate": 0.5}},
		{layers.NewSubtract(more), nil},
		{layers.NewUnitNormalization(more), nil},
		{layers.NewUpSampling1D(3, more), core.Config{"size": 3.0}},
		{layers.NewUpSampling2D([]int{1, 3}, more), core.Config{"size": []any{1.0, 3.0}}},
		{layers.NewUpSampling3D(3, more), core.Config{"size": 3.0}},
		{layers.NewZeroPadding1D([]int{1, 2}, more), core.Config{"padding": []any{1.0, 2.0}}},
		{layers.NewZeroPadding2D(2, more), core.Config{"padding": 2.0}},
		{layers.NewZeroPadding3D(2, more), core.Config{"padding": 2.0}},
	} {
		class := c.layer.Common().Class()
		config := core.Config{"name": "x"}
		maps.Copy(config, c.config)
		want, err := registry.Default.Decoder(registry.Origin{}).Layer(map[string]any{"class_name": class, "config": config})
		if err != nil {
			t.Errorf("%s: %v", class, err)
			continue
		}
		if err := coretest.SameConfig(class, encoded(t, c.layer, core.Keras3), encoded(t, want, core.Keras3)); err != nil {
			t.Error(err)
		}
		if got := c.layer.Common().Name; got != "x" {
			t.Errorf("%s: got name %q, want x", class, got)
		}
	}
}

// encoded is a layer as JSON.
func encoded(t *testing.T, l core.Layer, d core.Dialect) map[string]any {
	t.Helper()
	o, err := registry.Default.Encoder(d).Layer(l)
	if err == nil {
		err = coretest.ThroughJSON(&o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOldConfigs checks configs that older Kerases wrote, by a key of what they become.
func TestOldConfigs(t *testing.T) {
	for _, c := range []struct {
		class, config, key, want string
	}{
		{"LeakyReLU", `{"alpha": 0.1}`, "negative_slope", `0.1`},
		{"PReLU", `{"shared_axes": 1}`, "shared_axes", `[1]`},
		{"BatchNormalization", `{"axis": [3]}`, "axis", `3`},
		{"LayerNormalization", `{"axis": 1}`, "axis", `[1]`},
		{"DepthwiseConv2D", `{"kernel_size": [3, 3], "groups": 1}`, "kernel_size", `[3,3]`},
		{"Conv2DTranspose", `{"filters": 2, "kernel_size": 3, "groups": 1}`, "filters", `2`},
		{"Embedding", `{"input_dim": 5, "output_dim": 2, "input_length": 4, "sparse": false}`, "output_dim", `2`},
		{"InputLayer", `{"batch_input_shape": [null, 4], "dtype": "float32", "sparse": false}`, "batch_shape", `[null,4]`},
		{"EinsumDense", `{"equation": "ab,bc->ac", "output_shape": 3}`, "output_shape", `[3]`},
		{"Convolution2D", `{"filters": 2, "kernel_size": 3}`, "padding", `"valid"`},
		{"Conv2D", `{"filters": 2, "kernel_size": 3, "data_format": null}`, "data_format", `"channels_last"`},
		{"Conv2D", `{"filters": 2, "kernel_size": {"class_name": "__tuple__", "items": [3, 2]}}`, "kernel_size", `[3,2]`},
		{"MaxPooling2D", `{"pool_size": [2, 2], "strides": null}`, "strides", `null`},
	} {
		l, err := fromJSON(c.class, c.config)
		if err != nil {
			t.Errorf("%s %s: %v", c.class, c.config, err)
			continue
		}
		config := encoded(t, l, core.Keras3)["config"].(map[string]any)
		if got := asJSON(config[c.key]); got != c.want {
			t.Errorf("%s %s: %s: got %s, want %s", c.class, c.config, c.key, got, c.want)
		}
	}
}

// TestLegacyKeys checks what is written for older Kerases where it differs from what Keras 3 reads.
func TestLegacyKeys(t *testing.T) {
	for _, c := range []struct {
		layer     core.Layer
		has, lack []string
	}{
		{layers.NewLeakyReLU(), []string{"alpha"}, []string{"negative_slope"}},
		{layers.NewConv2D(2, 3), []string{"filters"}, []string{"groups"}},
		{layers.NewConv2D(2, 3, layers.With{"groups": 2}), []string{"groups"}, nil},
		{layers.NewBatchNormalization(), []string{"momentum"}, []string{"synchronized", "renorm", "renorm_clipping", "renorm_momentum"}},
		{layers.NewLayerNormalization(), []string{"axis"}, []string{"rms_scaling"}},
		{layers.NewGlobalMaxPooling2D(), []string{"data_format"}, []string{"keepdims"}},
		{layers.NewZeroPadding1D(1), []string{"padding"}, []string{"data_format"}},
		{layers.NewSpatialDropout1D(0.5), []string{"rate"}, []string{"trainable", "seed"}},
		{layers.NewInputLayer([]int{4}), []string{"batch_input_shape"}, []string{"batch_shape", "ragged", "optional", "trainable"}},
	} {
		config := encoded(t, c.layer, core.Legacy)["config"].(map[string]any)
		for _, key := range c.has {
			if _, ok := config[key]; !ok {
				t.Errorf("%s: got no key %q", c.layer.Common().Place(), key)
			}
		}
		for _, key := range c.lack {
			if v, ok := config[key]; ok {
				t.Errorf("%s: %s: got %v, want no such key", c.layer.Common().Place(), key, v)
			}
		}
	}
}

// TestMistakes checks that mistakes are found, either when the config is read or when the layer is built or called, and what is said.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		class, config string
		inputs        []tensor.Shape
		want          string
	}{
		{"Conv2D", `{"filters": 0, "kernel_size": 3}`, nil, `layer "conv2d" (Conv2D): filters: got 0, want > 0`},
		{"Conv2D", `{"filters": 2, "kernel_size": [3, 0]}`, nil, `kernel_size: got 0, want > 0`},
		{"Conv2D", `{"filters": 2, "kernel_size": [3]}`, nil, `kernel_size: got [3], want a whole number or 2 of them`},
		{"Conv1D", `{"filters": 2, "kernel_size": 2.5}`, nil, `kernel_size: got 2.5, want a whole number`},
		{"Conv2D", `{"filters": 2, "kernel_size": null}`, nil, `kernel_size: got null, want a whole number or 2 of them`},
		{"Conv2D", `{"filters": 2, "kernel_size": 3, "padding": "sane"}`, nil, `padding: got "sane", want one of valid, same, causal (did you mean "same"?)`},
		{"Conv2D", `{"filters": 2, "kernel_size": 3, "padding": "causal"}`, []tensor.Shape{{-1, 4, 4, 1}}, `padding: got "causal", want valid or same`},
		{"Conv2D", `{"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2}`, []tensor.Shape{{-1, 9, 9, 1}}, `dilation_rate: got [2 2] with strides [2 2], want one of them to be 1`},
		{"Conv2D", `{"filters": 3, "kernel_size": 3, "groups": 2}`, []tensor.Shape{{-1, 9, 9, 2}}, `groups: got 2, want a divisor of filters 3 and of the 2 channels of the input`},
		{"Conv2D", `{"filters": 3, "kernel_size": 3}`, []tensor.Shape{{-1, 9, 9}}, `input: got shape (None, 9, 9), want rank 4`},
		{"Conv2D", `{"filters": 3, "kernel_size": 3}`, []tensor.Shape{{-1, 9, 9, -1}}, `input: got shape (None, 9, 9, None), want a known size of axis -1`},
		{"Conv2D", `{"filters": 3, "kernel_size": 3}`, []tensor.Shape{{-1, 9, 2, 1}}, `input: got 2 along spatial axis 2, want at least 3`},
		{"MaxPooling1D", `{"pool_size": 3}`, []tensor.Shape{{-1, 2, 1}}, `input: got 2 along spatial axis 1, want at least 3`},
		{"MaxPooling2D", `{"strides": 0}`, nil, `strides: got 0, want > 0`},
		{"Conv2DTranspose", `{"filters": 1, "kernel_size": 3, "output_padding": 1}`, []tensor.Shape{{-1, 2, 2, 1}}, `output_padding: got [1 1], want less than the strides [1 1]`},
		{"ZeroPadding2D", `{"padding": [1, 2, 3]}`, nil, `padding: got [1 2 3], want a whole number >= 0 or 2 numbers or 2 pairs`},
		{"ZeroPadding1D", `{"padding": -1}`, nil, `padding: got -1, want a whole number >= 0 or a pair of whole numbers`},
		{"Cropping1D", `{"cropping": [1, 2]}`, []tensor.Shape{{-1, 3, 1}}, `input: got 3 along axis 1, want more than cropping [1 2] takes`},
		{"Reshape", `{"target_shape": [4, 2]}`, []tensor.Shape{{-1, 9}}, `target_shape: got [4 2] for samples of shape (9,), want one of 9 numbers`},
		{"Reshape", `{"target_shape": [-1, -1]}`, []tensor.Shape{{-1, 9}}, `target_shape: got [-1 -1], want at most one -1`},
		{"Permute", `{"dims": [1, 3]}`, []tensor.Shape{{-1, 2, 3}}, `dims: got [1 3], want each of 1 to 2 once`},
		{"Embedding", `{"input_dim": 5, "output_dim": 0}`, nil, `output_dim: got 0, want > 0`},
		{"BatchNormalization", `{"axis": 4}`, []tensor.Shape{{-1, 3}}, `axis: got 4, want one of the axes of a rank 2 input`},
		{"BatchNormalization", `{"renorm": true, "renorm_clipping": {"max": 1}}`, []tensor.Shape{{-1, 3}}, `renorm_clipping: got "max" 1, want numbers for rmin, rmax, dmax`},
		{"LayerNormalization", `{"axis": [1, -1]}`, []tensor.Shape{{-1, 3}}, `axis: got [1 -1], want each axis once`},
		{"GroupNormalization", `{"groups": 2}`, []tensor.Shape{{-1, 3}}, `groups: got 2, want a divisor of the 3 channels or -1`},
		{"GlobalMaxPooling1D", `{}`, []tensor.Shape{{-1, 3}}, `input: got shape (None, 3), want rank 3`},
		{"Add", `{}`, []tensor.Shape{{-1, 3}, {-1, 4}}, `input: got shapes [(None, 3) (None, 4)], want ones that broadcast`},
		{"Subtract", `{}`, []tensor.Shape{{-1, 3}}, `got 1 inputs, want 2`},
		{"Concatenate", `{}`, []tensor.Shape{{-1, 3, 2}, {-1, 4, 2}}, `shapes differ in axis 1, not only in axis 2`},
		{"Dot", `{"axes": 0}`, []tensor.Shape{{-1, 3}, {-1, 3}}, `axes: got 0 for an input of shape (None, 3), want one of its axes but the batch`},
		{"Dot", `{"axes": 1}`, []tensor.Shape{{-1, 3}, {-1, 4}}, `input: got shapes (None, 3) and (None, 4), want the same size along axes 1 and 1`},
		{"PReLU", `{"shared_axes": [2]}`, []tensor.Shape{{-1, 3}}, `shared_axes: got 2, want 1 to 1`},
		{"ReLU", `{"max_value": -1}`, nil, `max_value: got -1, want >= 0`},
		{"Rescaling", `{"scale": "x"}`, []tensor.Shape{{-1, 3}}, `scale: got x, want a number or a list of numbers`},
		{"Rescaling", `{"scale": [1, 2]}`, []tensor.Shape{{-1, 3}}, `scale: got shape (2,), want one that broadcasts to (None, 3)`},
		{"Normalization", `{"mean": 1}`, []tensor.Shape{{-1, 3}}, `mean: got 1 with variance <nil>, want both or none`},
		{"EinsumDense", `{"equation": "ab,bc", "output_shape": 3}`, []tensor.Shape{{-1, 3}}, `equation: got "ab,bc", want [X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z]...`},
		{"EinsumDense", `{"equation": "ab,bc->ac", "output_shape": [3, 4]}`, []tensor.Shape{{-1, 3}}, `output_shape: got (3, 4), want 1 numbers for equation "ab,bc->ac"`},
		{"EinsumDense", `{"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "x"}`, []tensor.Shape{{-1, 3}}, `bias_axes: got "x", want axes of the output of a known size`},
		{"InputLayer", `{"batch_shape": []}`, nil, `batch_shape: got (), want a shape with a batch`},
		{"SpatialDropout2D", `{"rate": 2}`, nil, `rate: got 2, want between 0 and 1`},
		{"Dropout", `{"rate": 0.5, "noise_shape": [null, 2]}`, []tensor.Shape{{-1, 3}}, `noise_shape: got (None, 2), want one that broadcasts to (None, 3)`},
		{"Flatten", `{"data_fromat": "channels_last"}`, nil, `data_fromat: unknown key, got "channels_last" (did you mean "data_format"?)`},
	} {
		l, err := fromJSON(c.class, c.config)
		if err == nil && c.inputs != nil {
			if err = core.Build(l, c.inputs); err == nil {
				_, err = core.OutputShapes(l, c.inputs)
			}
		}
		var e *core.Error
		if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "layer \"") {
			t.Errorf("%s %s: got %v, want layer ...: %s", c.class, c.config, err, c.want)
		}
	}
}

// TestEmbeddingRange checks that a number that is no row of the table fails the run.
func TestEmbeddingRange(t *testing.T) {
	for _, bad := range []float64{-1, 5} {
		if _, err := tryRun(layers.NewEmbedding(5, 2), false, full(bad, 1, 1)); err == nil || !strings.Contains(err.Error(), "want 0 to 4") {
			t.Errorf("index %v: got error %v, want one that says 0 to 4", bad, err)
		}
	}
}

// TestAdapt checks statistics of data along one axis, several and none, and that the layer uses them.
func TestAdapt(t *testing.T) {
	data := tensor.From([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}, 2, 3, 2)
	for _, c := range []struct {
		axis           any
		mean, variance []float64
	}{
		{-1, []float64{6, 43.0 / 6}, []float64{35.0 / 3, 389.0/6 - 43.0*43/36}},
		{[]int{1, 2}, []float64{4, 5, 6, 7, 8, 9.5}, []float64{9, 9, 9, 9, 9, 12.25}},
		{nil, []float64{79.0 / 12}, []float64{675.0/12 - 79.0*79/144}},
	} {
		l := layers.NewNormalization(layers.With{"axis": c.axis})
		if err := l.Adapt(data); err != nil {
			t.Fatal(err)
		}
		w := l.Weights()
		for i, want := range [][]float64{c.mean, c.variance} {
			if err := coretest.Near(w[i].Name, tensor.From(w[i].Value().Float64s(), w[i].Value().Size()), tensor.From(want, len(want)), 1e-6); err != nil {
				t.Errorf("axis %v: %v", c.axis, err)
			}
		}
		mean, variance := moments(run(t, l, false, data).Float64s())
		if c.axis == nil && (mean > 1e-6 || variance < 1-1e-6 || variance > 1+1e-6) {
			t.Errorf("output: got mean %v and variance %v, want 0 and 1", mean, variance)
		}
	}
	if err := layers.NewNormalization(layers.With{"mean": 1.0, "variance": 2.0}).Adapt(data); err == nil {
		t.Error("given statistics: got no error")
	}
}

func fromJSON(class, config string) (core.Layer, error) {
	var c core.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return nil, err
	}
	return registry.Default.Decoder(registry.Origin{}).Layer(map[string]any{"class_name": class, "config": c})
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
