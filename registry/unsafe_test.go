package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of layers that are refused by name.

// TestRefused checks that the error says why, and what to do instead, and that a model without the layer can be looked at.
func TestRefused(t *testing.T) {
	const plugin = `can replace it: gk plugin install PATH, then --plugin PATH; gk summary --allow-missing`
	for _, c := range []struct {
		class  string
		config core.Config
		kind   error
		say    []string
	}{
		{"Lambda", core.Config{"function": []any{"4wEAAA==", nil, nil}, "function_type": "lambda"}, core.ErrUnsafeObject, []string{"Python code", "never runs", `registers the class "Lambda"`, plugin}},
		{"TorchModuleWrapper", core.Config{"module": "gAJ9"}, core.ErrUnsafeObject, []string{"pickled PyTorch module", plugin}},
		{"TFSMLayer", core.Config{"filepath": "/tmp/x"}, core.ErrUnsafeObject, []string{"SavedModel", plugin}},
		{"JaxLayer", core.Config{}, core.ErrUnsafeObject, []string{"JAX function", plugin}},
		{"FlaxLayer", core.Config{}, core.ErrUnsafeObject, []string{"Flax module", plugin}},
		{"StringLookup", core.Config{"vocabulary": []any{"a", "b"}}, core.ErrUnknownLayer, []string{"takes text", "the model behind this layer", "--allow-missing"}},
		{"StringLookup", core.Config{"vocabulary": "/etc/passwd"}, core.ErrUnsafePath, []string{"names a file", "give the vocabulary as a list"}},
		{"TextVectorization", core.Config{"max_tokens": 5.0}, core.ErrUnknownLayer, []string{"takes text", "the model behind this layer"}},
		{"experimental.preprocessing>TextVectorization", core.Config{}, core.ErrUnknownLayer, []string{"takes text"}},
		{"CategoryCrossing", core.Config{"depth": nil}, core.ErrUnknownLayer, []string{"takes text"}},
		{"DenseFeatures", core.Config{"feature_columns": []any{}}, core.ErrUnknownLayer, []string{"feature columns of TensorFlow", "takes tensors " + plugin}},
		{"SequenceFeatures", core.Config{}, core.ErrUnknownLayer, []string{"feature columns", plugin}},
		{"KerasLayer", core.Config{"handle": "https://tfhub.dev/x"}, core.ErrUnknownLayer, []string{"TensorFlow Hub", plugin}},
	} {
		v := map[string]any{"class_name": c.class, "config": c.config}
		_, err := registry.New().Decoder(registry.Origin{KerasVersion: "3.15.1"}).Layer(v)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v, want %v", c.class, err, c.kind)
			continue
		}
		for _, words := range c.say {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: got %q, want %q in it", c.class, err, words)
			}
		}
		seen := 0
		l, err := registry.New().Decoder(registry.Origin{Missing: func(*registry.Missing) { seen++ }}).Layer(v)
		if ok := !errors.Is(c.kind, core.ErrUnsafePath); ok != (err == nil && seen == 1) {
			t.Errorf("%s: got %v and %v where layers may be missing", c.class, l, err)
		}
	}
}
