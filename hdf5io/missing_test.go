package hdf5io_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// scale is a layer that only some registries have: x w, with a count besides.
type scale struct {
	core.Base
	By float64 `json:"by"`

	w, n *core.Weight
}

func (l *scale) Build(b *core.Builder, inputs []tensor.Shape) error {
	l.w = b.Weight(core.WeightSpec{Name: "w", Shape: tensor.Shape{inputs[0].Dim(-1)}})
	l.n = b.Weight(core.WeightSpec{Name: "n", Shape: tensor.Shape{}, State: true, DType: "float16"})
	return nil
}

func (l *scale) Call(c *core.Call, in []graph.Value) []graph.Value {
	return []graph.Value{c.Graph.Mul(in[0], c.Read(l.w))}
}

// withScale is a registry that has the layer.
func withScale(t *testing.T) *registry.Registry {
	t.Helper()
	r := registry.Default.Clone()
	e := registry.Entry[core.Layer]{Name: "Scale", Package: "acme", From: "a test", New: func() core.Layer { return &scale{} }}
	if err := r.Layers.Add(e); err != nil {
		t.Fatal(err)
	}
	return r
}

// customModels have the layer in a row, in a graph, and in a model inside of a model.
var customModels = map[string]string{
	"row": `{"class_name": "Sequential", "config": {"name": "row", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 3], "name": "in"}},
		{"class_name": "Dense", "config": {"name": "first", "units": 4}},
		{"class_name": "acme>Scale", "config": {"name": "scale", "by": 3}},
		{"class_name": "Dense", "config": {"name": "last", "units": 2}}]}}`,
	"graph": `{"class_name": "Functional", "config": {"name": "graph", "layers": [
		{"class_name": "InputLayer", "name": "in", "config": {"batch_shape": [null, 3], "name": "in"}, "inbound_nodes": []},
		{"class_name": "Scale", "registered_name": "acme>Scale", "name": "scale", "config": {"name": "scale", "by": 2}, "inbound_nodes": [[["in", 0, 0, {}]]]},
		{"class_name": "Dense", "name": "out", "config": {"name": "out", "units": 2}, "inbound_nodes": [[["scale", 0, 0, {}]]]}],
		"input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}}`,
	"nested": `{"class_name": "Sequential", "config": {"name": "outer", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 3], "name": "in"}},
		{"class_name": "Sequential", "config": {"name": "inner", "layers": [
			{"class_name": "InputLayer", "config": {"batch_shape": [null, 3], "name": "inner_in"}},
			{"class_name": "Dense", "config": {"name": "a", "units": 4}},
			{"class_name": "acme>Scale", "config": {"name": "scale", "by": 1.5}},
			{"class_name": "Dense", "config": {"name": "b", "units": 5}}]}},
		{"class_name": "Dense", "config": {"name": "end", "units": 1}}]}}`,
}

// customModel makes one of them, with weights that are all different.
func customModel(t *testing.T, r *registry.Registry, text string) *model.Model {
	t.Helper()
	m, err := model.FromJSON([]byte(text), r, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	m.Initialize()
	x := float32(0)
	for _, w := range m.AllWeights() {
		for i := range w.Data() {
			x += 0.25
			w.Data()[i] = x
		}
	}
	return m
}

// A file with a layer that nothing provides says which, and opens if that is allowed. It can be written in every form, and whoever has
// the layer finds all weights in their places.
func TestMissing(t *testing.T) {
	r := withScale(t)
	dir := t.TempDir()
	for name, text := range customModels {
		want := customModel(t, r, text)
		architecture, err := want.JSON()
		if err != nil {
			t.Fatal(err)
		}
		check := func(path string) {
			t.Helper()
			o := hdf5io.Options{LoadOptions: model.LoadOptions{Registry: r}}
			if strings.Contains(path, "weights") {
				o.Config = architecture
			}
			got, err := hdf5io.Load(path, o)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return
			}
			d, err := model.Diff(want, got.Model, model.DiffOptions{})
			if err != nil || !d.Equal() {
				t.Errorf("%s: got differences %+v, %v", path, d, err)
			}
		}
		for _, from := range []string{"a.keras", "a.h5", "a.weights.h5", "weights_a.h5"} {
			file := filepath.Join(dir, name+"_"+from)
			if err := hdf5io.Save(want, file, hdf5io.SaveOptions{WeightsOnly: strings.Contains(from, "weights")}); err != nil {
				t.Fatal(err)
			}
			check(file)
			o := hdf5io.Options{}
			if strings.Contains(from, "weights") {
				o.Config = architecture
			}
			_, err := hdf5io.Load(file, o)
			if !errors.Is(err, core.ErrUnknownLayer) {
				t.Errorf("%s: got %v, want ErrUnknownLayer", file, err)
				continue
			}
			for _, part := range []string{`layer "scale" (acme>Scale)`, `with config {"by":`, "gk plugin install PATH, then --plugin PATH", "--allow-missing"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: got %v, want %q in it", file, err, part)
				}
			}
			o.AllowMissing = true
			got, err := hdf5io.Load(file, o)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if len(got.Missing) != 1 || got.Missing[0].Name != "scale" || got.Missing[0].Object.Config["by"] == nil || len(got.Warnings) == 0 {
				t.Errorf("%s: got %+v, %q", file, got.Missing, got.Warnings)
			}
			sum := func(m *model.Model) (n int, total float64) {
				for _, w := range m.AllWeights() {
					n += w.Shape.Size()
					for _, v := range w.Data() {
						total += float64(v)
					}
				}
				return n, total
			}
			n, total := sum(got.Model)
			if wantN, wantTotal := sum(want); n != wantN || total != wantTotal {
				t.Errorf("%s: got %d numbers, %v in sum, want %d, %v", file, n, total, wantN, wantTotal)
			}
			if _, err := got.Model.Predict(context.Background(), []*tensor.Tensor{tensor.New(tensor.Float32, 1, 3)}, model.Run{}); !errors.Is(err, core.ErrUnknownLayer) ||
				!strings.Contains(err.Error(), `layer "scale"`) {
				t.Errorf("%s: got %v from Predict, want that the layer cannot run", file, err)
			}
			for _, to := range []string{"b.keras", "b.h5", "b.weights.h5", "weights_b.h5"} {
				// Only a legacy file says which weights of a layer are not trained, and the order of one depends on it inside of a nested model.
				if name == "nested" && strings.HasSuffix(to, "b.h5") && (from == "a.keras" || from == "a.weights.h5") {
					continue
				}
				out := filepath.Join(dir, name+"_"+from+"_to_"+to)
				if err := hdf5io.Save(got.Model, out, hdf5io.SaveOptions{WeightsOnly: strings.Contains(to, "weights")}); err != nil {
					t.Errorf("%s: %v", out, err)
					continue
				}
				check(out)
			}
		}
	}
}

// Other things that only a plugin, or nobody, can provide.
func TestMissingOthers(t *testing.T) {
	for _, c := range []struct{ layer, want string }{
		{`{"class_name": "Dense", "config": {"name": "x", "units": 2, "activation": "acme>wave"}}`, `layer "x" (Dense): activation: unknown activation "acme>wave"`},
		{`{"class_name": "Lambda", "config": {"name": "x", "function": ["4wEAAAAAAAAA", null, null], "function_type": "lambda"}}`, `layer "x" (Lambda): holds Python code`},
		{`{"class_name": "TimeDistributed", "config": {"name": "x", "layer": {"class_name": "acme>Scale", "config": {"name": "s"}}}}`, `layer "s" (acme>Scale)`},
	} {
		text := `{"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [null, 3, 4], "name": "in"}},` +
			c.layer + `,{"class_name": "Dense", "config": {"name": "last", "units": 2}}]}}`
		var missing []*registry.Missing
		m, err := model.FromJSON([]byte(text), nil, registry.Origin{KerasVersion: "3.15.1", Missing: func(l *registry.Missing) { missing = append(missing, l) }})
		if err != nil || len(missing) != 1 || !strings.Contains(missing[0].Reason.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want %q", c.layer, missing, err, c.want)
			continue
		}
		if rows := m.Summary(false).Rows; len(rows) != 2 || rows[0].Name != "x" || !rows[0].Kept || rows[0].Outputs != nil || !rows[1].Kept {
			t.Errorf("%s: got %+v", c.layer, rows)
		}
		config, err := m.JSON()
		if err != nil || !bytes.Contains(config, []byte(`"x"`)) {
			t.Errorf("%s: got %s, %v", c.layer, config, err)
		}
		if _, err := model.FromJSON([]byte(text), nil, registry.Origin{KerasVersion: "3.15.1"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.layer, err, c.want)
		}
	}
	// What is wrong in another way is wrong with missing layers, too.
	_, err := model.FromJSON([]byte(`{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": -1}}]}}`), nil,
		registry.Origin{Missing: func(*registry.Missing) {}})
	if !errors.Is(err, core.ErrLayerConfig) {
		t.Errorf("got %v, want ErrLayerConfig", err)
	}
}

// The shape behind a missing layer is known where the file says it, and the layers there are built.
func TestMissingShapes(t *testing.T) {
	r := withScale(t)
	for name, text := range customModels {
		m := customModel(t, r, text)
		for _, form := range []string{"m.keras", "m.h5"} {
			got, err := hdf5io.Load(save(t, m, form, hdf5io.SaveOptions{}), hdf5io.Options{LoadOptions: model.LoadOptions{AllowMissing: true}})
			if err != nil {
				t.Errorf("%s %s: %v", name, form, err)
				continue
			}
			shape := got.Model.Outputs()[0].Shape()
			if known := shape.Equal(m.Outputs()[0].Shape()); known != (form == "m.keras") || !known && shape != nil {
				t.Errorf("%s %s: got output %v, want %v", name, form, shape, m.Outputs()[0].Shape())
			}
		}
		if !slices.ContainsFunc(m.AllWeights(), func(w *core.Weight) bool { return w.DType == "float16" }) {
			t.Errorf("%s: no weight of float16", name)
		}
	}
}
