package model_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// TestOperations holds every function of keras.ops against Keras: outputs and gradients of a model of it, and that its config is written as
// Keras writes it and means the same when it is read again, with and without modules.
func TestOperations(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range coretest.Read(t, "operations") {
		t.Run(c.Name, func(t *testing.T) {
			m := operationModel(t, c, c.Meta["config"])
			for _, l := range m.Layers() {
				tried[registry.Default.Layers.NameOf(l)] = true
			}
			comparePredictions(t, "outputs", m, c)
			compareGradients(t, m, c)
			for _, dialect := range []core.Dialect{core.Keras3, core.Legacy} {
				config, err := m.Config(dialect)
				if err != nil {
					t.Fatal(err)
				}
				if err := coretest.ThroughJSON(&config); err != nil {
					t.Fatal(err)
				}
				if dialect == core.Keras3 {
					want := c.Meta["config"].(map[string]any)
					if err := coretest.SameConfig("config", config["config"], want["config"]); err != nil {
						t.Error(err)
					}
				}
				comparePredictions(t, fmt.Sprintf("outputs after dialect %d", dialect), operationModel(t, c, config), c)
			}
			bare := withoutModules(c.Meta["config"]) // as Keras writes .h5 files
			comparePredictions(t, "outputs without modules", operationModel(t, c, bare), c)
		})
	}
	for _, name := range registry.Default.Layers.Names() {
		if strings.HasPrefix(name, registry.OperationName("")) && !tried[name] && untried[name] == "" {
			t.Errorf("operation %q has no case: add a row to testdata/cases/operations.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

// untried are operations without a case, by the reason.
var untried = map[string]string{
	"ops.Abs":           "keras.ops.abs makes an Absolute",
	"ops.Arange":        "Keras makes none of tensors; see TestTensorFlow",
	"ops.Conj":          "keras.ops.conj makes a Conjugate",
	"ops.ConvTranspose": "Keras 3.15 makes it and cannot run it: it mixes up two arguments; see TestTensorFlow",
	"ops.Ndim":          "Keras 3.15 describes its scalar as a vector",
	"ops.Shape":         "of tf.keras; see TestTensorFlow",
}

func operationModel(t *testing.T, c coretest.Case, config any) *model.Model {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.FromJSON(text, nil, registry.Origin{KerasVersion: "3.15.1"})
	if err != nil {
		t.Fatalf("%s: %v", c.Row["expr"], err)
	}
	return m
}

// withoutModules drops the module of every object in the config of a model.
func withoutModules(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, x := range v {
			if key != "module" && key != "registered_name" {
				out[key] = withoutModules(x)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = withoutModules(x)
		}
		return out
	}
	return v
}

func comparePredictions(t *testing.T, what string, m *model.Model, c coretest.Case) {
	t.Helper()
	xs, want := c.List("x_"), c.List("y_")
	g := graph.New()
	feeds, in := feed(g, xs)
	r, err := core.Apply(m, g, false, core.NewShared(), in, nil, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(r.Values) != len(want) {
		t.Fatalf("%s: got %d, want %d", what, len(r.Values), len(want))
	}
	got, err := coretest.Eval(g, r.Values, feeds, coretest.Memory[float32]{}, coretest.Mode{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i := range want {
		if err := coretest.Near(fmt.Sprintf("%s %d", what, i), got[i], want[i], c.Number("tol", 1e-5)); err != nil {
			t.Errorf("%s: %v", c.Row["expr"], err)
		}
		if shape := m.Outputs()[i].Shape(); !matches(shape, want[i].Shape()) {
			t.Errorf("%s: %s %d is described as %v, want %v", c.Row["expr"], what, i, shape, want[i].Shape())
		}
	}
}

// matches reports whether a description, perhaps with unknown sizes, fits a shape.
func matches(described, shape tensor.Shape) bool {
	if len(described) != len(shape) {
		return false
	}
	for i, d := range described {
		if d != tensor.Unknown && d != shape[i] {
			return false
		}
	}
	return true
}

func feed(g *graph.Graph, xs []*tensor.Tensor) (map[string]*tensor.Tensor, []graph.Value) {
	feeds, in := map[string]*tensor.Tensor{}, make([]graph.Value, len(xs))
	for i, x := range xs {
		name := fmt.Sprint(i)
		feeds[name], in[i] = x, g.Input(name, x.Shape())
	}
	return feeds, in
}

func compareGradients(t *testing.T, m *model.Model, c coretest.Case) {
	t.Helper()
	xs := c.List("x_")
	g := graph.New()
	feeds, in := feed(g, xs)
	r, err := core.Apply(m, g, true, core.NewShared(), in, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ys, seeds []graph.Value
	for i, y := range r.Values {
		if dy := c.Golden[fmt.Sprint("dy_", i)]; dy != nil {
			name := fmt.Sprint("dy", i)
			feeds[name] = dy
			ys, seeds = append(ys, y), append(seeds, g.Input(name, dy.Shape()))
		}
	}
	if ys == nil {
		return
	}
	dx := g.Gradients(ys, seeds, in)
	for i, d := range dx {
		want := c.Golden[fmt.Sprint("dx_", i)]
		if want == nil {
			continue
		}
		if !d.Valid() {
			d = g.Zeros(in[i])
		}
		got, err := coretest.Eval(g, []graph.Value{d}, feeds, coretest.Memory[float32]{}, coretest.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		if err := coretest.Near(fmt.Sprint("gradient ", i), got[0], want, 2*c.Number("tol", 1e-5)); err != nil {
			t.Errorf("%s: %v", c.Row["expr"], err)
		}
	}
}
