package layers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of how attention is called in files, and of settings that make no sense; what it computes is in the cases.

// TestAttentionCalls checks all forms in which files call a layer with several tensors: by place, by name, and as tf.keras writes it.
func TestAttentionCalls(t *testing.T) {
	const layer = `{"class_name": "InputLayer", "name": "%[1]s", "config": {"name": "%[1]s", "batch_input_shape": [null, %[2]d, 6]}, "inbound_nodes": []}`
	tensorOf := func(name string) string {
		return fmt.Sprintf(`{"class_name": "__keras_tensor__", "config": {"keras_history": ["%s", 0, 0]}}`, name)
	}
	q, v := tensorOf("q"), tensorOf("v")
	for _, c := range []struct{ what, version, node, want string }{
		{"by place", "3.15.1", `{"args": [` + q + `, ` + v + `], "kwargs": {"return_attention_scores": true}}`, ""},
		{"by name", "3.15.1", `{"args": [], "kwargs": {"value": ` + v + `, "query": ` + q + `, "return_attention_scores": true}}`, ""},
		{"all by place", "3.15.1", `{"args": [` + q + `, ` + v + `, null, null, null, null, null, true], "kwargs": {}}`, ""},
		{"tf.keras", "2.15.0", `[["q", 0, 0, {"value": ["v", 0, 0], "return_attention_scores": true}]]`, ""},
		{"key without value", "3.15.1", `{"args": [` + q + `], "kwargs": {"key": ` + v + `}}`, "called with key and without value"},
		{"a number", "3.15.1", `{"args": [` + q + `, 3], "kwargs": {}}`, "value: got a number, want a tensor"},
		{"query alone", "3.15.1", `{"args": [` + q + `], "kwargs": {}}`, "got 1 inputs, want query, value and perhaps key"},
	} {
		text := `{"class_name": "Functional", "config": {"name": "m", "layers": [` + fmt.Sprintf(layer, "q", 4) + `, ` + fmt.Sprintf(layer, "v", 5) + `,
			{"class_name": "MultiHeadAttention", "name": "a", "inbound_nodes": [` + c.node + `], "config": {"name": "a", "num_heads": 2, "key_dim": 3,
			"value_dim": 3, "attention_axes": [1], "query_shape": [null, 4, 6], "key_shape": [null, 5, 6], "value_shape": [null, 5, 6], "softmax_robust_masking": false}}],
			"input_layers": [["q", 0, 0], ["v", 0, 0]], "output_layers": [["a", 0, 1]]}}`
		m, err := model.FromJSON([]byte(text), registry.Default, registry.Origin{KerasVersion: c.version})
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.what, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		for range 2 { // as it is read, and as it is written
			if got := m.Outputs()[0].Shape(); !got.Equal(tensor.Shape{tensor.Unknown, 2, 4, 5}) {
				t.Errorf("%s: got scores of shape %v", c.what, got)
			}
			if names := m.InputNames(); len(names) != 2 || names[0] != "q" {
				t.Errorf("%s: got inputs %q", c.what, names)
			}
			text, err := m.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(strings.Fields(string(text)), ""), `"shapes_dict":{"query_shape":[null,4,6],"value_shape":[null,5,6]}`) {
				t.Errorf("%s: the config does not say what the layer was built for", c.what)
			}
			if m, err = model.FromJSON(text, registry.Default, registry.Origin{KerasVersion: "3.15.1"}); err != nil {
				t.Fatalf("%s: reading back: %v", c.what, err)
			}
		}
	}
}

// TestMistakesOfNewerLayers checks what is said of settings that make no sense.
func TestMistakesOfNewerLayers(t *testing.T) {
	sequence := tensor.Shape{-1, 4, 6}
	for _, c := range []struct {
		class, config string
		inputs        []tensor.Shape
		want          string
	}{
		{"MultiHeadAttention", `{"num_heads": 0, "key_dim": 2}`, nil, "num_heads: got 0, want > 0"},
		{"MultiHeadAttention", `{"num_heads": 2, "key_dim": 2, "attention_axes": [3]}`, []tensor.Shape{sequence, sequence}, "attention_axes: got [3], want some of 1 to 1, each once and in order"},
		{"MultiHeadAttention", `{"num_heads": 2, "key_dim": 2}`, []tensor.Shape{sequence, sequence, {-1, 5, 6}}, "key: got shape (None, 5, 6), want that of the value (None, 4, 6) but for the last axis"},
		{"MultiHeadAttention", `{"num_heads": 2, "key_dim": 2}`, []tensor.Shape{sequence, {-1, 6}}, "value: got shape (None, 6), want (batch, steps, ..., features), as many axes as the query has"},
		{"GroupQueryAttention", `{"head_dim": 2, "num_query_heads": 3, "num_key_value_heads": 2}`, []tensor.Shape{sequence, sequence}, "num_query_heads: got 3, want a multiple of num_key_value_heads 2"},
		{"Attention", `{"score_mode": "sum"}`, nil, `score_mode: got "sum", want one of dot, concat`},
		{"Attention", `{}`, []tensor.Shape{sequence, {-1, 5, 7}}, "key: got shape (None, 5, 7), want 6 channels as the query (None, 4, 6)"},
		{"SpectralNormalization", `{"layer": {"class_name": "Flatten", "config": {}}}`, []tensor.Shape{sequence}, "want a layer with a kernel or embeddings"},
		{"AdaptiveMaxPooling1D", `{"output_size": 0}`, nil, "output_size: got 0, want > 0"},
		{"Resizing", `{"height": 2, "width": 2, "crop_to_aspect_ratio": true, "pad_to_aspect_ratio": true}`, []tensor.Shape{{-1, 4, 4, 1}}, "pad_to_aspect_ratio: got true with crop_to_aspect_ratio, want one of them"},
		{"Resizing", `{"height": 2, "width": 2, "interpolation": "bicubi"}`, nil, `(did you mean "bicubic"?)`},
		{"RandomRotation", `{"factor": 2}`, nil, "factor: got 2, want a number or two between -1 and 1"},
		{"RandomZoom", `{"height_factor": [1, 2, 3]}`, nil, "height_factor: got [1 2 3], want a number or two between -1 and 1"},
		{"CategoryEncoding", `{"num_tokens": 3, "sparse": true}`, []tensor.Shape{{-1, 2}}, "sparse: got true, but gk has dense tensors only"},
		{"Discretization", `{"num_bins": 3}`, []tensor.Shape{{-1, 2}}, "bin_boundaries: got none"},
		{"Discretization", `{"bin_boundaries": [2, 1]}`, []tensor.Shape{{-1, 2}}, "in ascending order"},
		{"IntegerLookup", `{"vocabulary": [1, 1]}`, []tensor.Shape{{-1, 2}}, "vocabulary: got a number twice, want each once"},
		{"IntegerLookup", `{}`, []tensor.Shape{{-1, 2}}, "vocabulary: got none"},
		{"IntegerLookup", `{"vocabulary": [99999999]}`, []tensor.Shape{{-1, 2}}, "vocabulary: got 99999999, want numbers below 16777216"},
	} {
		var config core.Config
		if err := json.Unmarshal([]byte(c.config), &config); err != nil {
			t.Fatal(err)
		}
		l, err := registry.Default.Decoder(registry.Origin{}).Layer(map[string]any{"class_name": c.class, "config": config})
		if err == nil {
			err = core.Build(l, c.inputs)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "layer \"") {
			t.Errorf("%s %s: got %v, want %q", c.class, c.config, err, c.want)
		}
	}
	// A number that has no place fails the run.
	l, err := registry.Default.Decoder(registry.Origin{}).Layer(map[string]any{"class_name": "IntegerLookup", "config": core.Config{"vocabulary": []any{3.0, 5.0}, "num_oov_indices": 0.0}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryRun(l, false, full(4, 1, 2)); err == nil || !strings.Contains(err.Error(), "want 0 to 1") {
		t.Errorf("a number that is not in the vocabulary: got error %v", err)
	}
}
