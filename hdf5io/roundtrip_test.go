package hdf5io_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// forms are the files that hold whole models.
var forms = []string{"m.h5", "m.keras"}

// TestRoundTrip writes every model of the cases after some training in every form and reads it back: weights equal to the bit, the config
// and the optimizer's state equal, and so equal after one more step.
func TestRoundTrip(t *testing.T) {
	for _, c := range coretest.Read(t, "models") {
		t.Run(c.Name, func(t *testing.T) { roundTrip(t, c) })
	}
}

// trained is the model of a case after a step, with its data.
func trained(t *testing.T, c coretest.Case) (*model.Model, *dataset.Dataset) {
	t.Helper()
	m, err := model.FromConfig(c.Row["config"], registry.Default, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	d := &dataset.Dataset{X: c.List("x_"), Y: c.List("y_")}
	if w := c.Golden["sample_weight"]; w != nil {
		d.W = []*tensor.Tensor{w}
	}
	var shapes []tensor.Shape
	for _, x := range d.X {
		shapes = append(shapes, x.Shape().With(0, tensor.Unknown))
	}
	if err := m.BuildFor(shapes...); err != nil {
		t.Fatal(err)
	}
	before := c.List("before_")
	for i, w := range m.AllWeights() {
		if err := w.Set(before[i]); err != nil {
			t.Fatal(err)
		}
	}
	if compile, ok := c.Row["compile"].(map[string]any); ok {
		if err := m.Compile(model.Compile{Optimizer: compile["optimizer"], Loss: compile["loss"], LossWeights: compile["loss_weights"],
			Metrics: compile["metrics"], WeightedMetrics: compile["weighted_metrics"]}); err != nil {
			t.Fatal(err)
		}
		step(t, m, d)
	}
	return m, d
}

func step(t *testing.T, m *model.Model, d *dataset.Dataset) *model.History {
	t.Helper()
	h, err := m.Fit(context.Background(), d, model.Fit{BatchSize: d.Len(), NoShuffle: true})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func roundTrip(t *testing.T, c coretest.Case) {
	m, d := trained(t, c)
	dir := t.TempDir()
	architecture, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var copies []*model.Model
	for _, name := range forms {
		path := filepath.Join(dir, name)
		if err := m.Save(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range r.Warnings {
			t.Errorf("%s: warning: %s", name, w)
		}
		if len(r.Conversions)+len(r.Skipped) > 0 {
			t.Errorf("%s: converted %q, skipped %q", name, r.Conversions, r.Skipped)
		}
		sameModel(t, name, r.Model, m)
		sameOptimizer(t, name, r.Model, m)
		copies = append(copies, r.Model)
	}
	for _, name := range []string{"w.h5", "w.weights.h5"} {
		path := filepath.Join(dir, name)
		if err := m.SaveWeights(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := hdf5io.Load(path, hdf5io.Options{LoadOptions: model.LoadOptions{Config: architecture}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameModel(t, name, r.Model, m)
	}
	if m.Compiled() {
		want := step(t, m, d)
		for i, x := range copies {
			got := step(t, x, d)
			if !reflect.DeepEqual(got.Values, want.Values) {
				t.Errorf("%s: next step: got %v, want %v", forms[i], got.Values, want.Values)
			}
			sameWeights(t, forms[i]+" after the next step", x, m)
		}
	}
}

func sameModel(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	sameWeights(t, what, got, want)
	sameConfigs(t, what, got, want)
}

func sameConfigs(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	for _, d := range []core.Dialect{core.Keras3, core.Legacy} {
		if g, w := configText(t, got, d), configText(t, want, d); !bytes.Equal(g, w) {
			t.Errorf("%s: dialect %d: got config\n%s\nwant\n%s", what, d, g, w)
		}
	}
}

func configText(t *testing.T, m *model.Model, d core.Dialect) []byte {
	t.Helper()
	c, err := m.Config(d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sameWeights(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	g, w := got.AllWeights(), want.AllWeights()
	if len(g) != len(w) {
		t.Fatalf("%s: got %d weights, want %d", what, len(g), len(w))
	}
	for i := range g {
		if g[i].Name != w[i].Name || !slices.Equal(g[i].Data(), w[i].Data()) {
			t.Errorf("%s: weight %q (want %q) differs", what, g[i].Name, w[i].Name)
		}
	}
}

func sameOptimizer(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	if !want.Compiled() {
		return
	}
	if !got.Compiled() {
		t.Fatalf("%s: is not compiled", what)
	}
	g, w := got.Optimizer().Common(), want.Optimizer().Common()
	if g.Iterations != w.Iterations || float32(g.LearningRate.Value) != float32(w.LearningRate.Value) || len(g.Slots()) != len(w.Slots()) {
		t.Fatalf("%s: optimizer: got iteration %d, rate %v, %d slots, want %d, %v, %d", what,
			g.Iterations, g.LearningRate.Value, len(g.Slots()), w.Iterations, w.LearningRate.Value, len(w.Slots()))
	}
	for i, s := range g.Slots() {
		if s.Name != w.Slots()[i].Name || !slices.Equal(s.Data(), w.Slots()[i].Data()) {
			t.Errorf("%s: optimizer: slot %q (want %q) differs", what, s.Name, w.Slots()[i].Name)
		}
	}
}

// TestLoadByContent gives files the wrong ending.
func TestLoadByContent(t *testing.T) {
	c := coretest.Read(t, "models")[0]
	m, _ := trained(t, c)
	dir := t.TempDir()
	for _, name := range append(forms, "m.json") {
		path := filepath.Join(dir, name)
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		for _, ending := range []string{".keras", ".h5", ".json", ".weights.h5", ""} {
			other := filepath.Join(dir, "other"+ending)
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(other, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := model.Load(other, model.LoadOptions{})
			if err != nil {
				t.Errorf("%s named %s: %v", name, other, err)
				continue
			}
			if g, w := configText(t, got, core.Keras3), configText(t, m, core.Keras3); !bytes.Equal(g, w) {
				t.Errorf("%s named %s: got another config", name, other)
			}
		}
	}
}

// TestLegacyVersion saves models that mean what Keras 2 means by its words, and such as only Keras 3 has words for.
func TestLegacyVersion(t *testing.T) {
	lstm := func(version, recurrent string) *model.Model {
		text := `{"class_name": "Sequential", "config": [{"class_name": "LSTM", "config": {"name": "l", "units": 2, "recurrent_activation": "` +
			recurrent + `", "batch_input_shape": [null, 3, 2]}}]}`
		m, err := model.FromJSON([]byte(text), nil, registry.Origin{KerasVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		from, activation, as, want string
		kind                       core.Kind
	}{
		{from: "2.2.4", activation: "hard_sigmoid", want: "2.2.4"},
		{from: "1.2.2", activation: "hard_sigmoid", want: "2.3.1"},
		{from: "", activation: "hard_sigmoid", want: "3.15.1"},
		{from: "", activation: "hard_sigmoid_legacy", want: "2.3.1"},
		{from: "", activation: "sigmoid", as: "2.3.1", want: "2.3.1"},
		{from: "2.2.4", activation: "sigmoid", as: "3.15.1", want: "3.15.1"},
		{from: "", activation: "hard_sigmoid", as: "2.3.1", kind: core.ErrUnsupported},
		{from: "", activation: "sigmoid", as: "1.2.2", kind: core.ErrUsage},
	} {
		m := lstm(c.from, c.activation)
		path := filepath.Join(t.TempDir(), "m.h5")
		err := hdf5io.Save(m, path, hdf5io.SaveOptions{KerasVersion: c.as})
		if c.kind != "" {
			if e := (*core.Error)(nil); !errors.As(err, &e) || e.Kind != c.kind {
				t.Errorf("%+v: got %v", c, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.KerasVersion != c.want {
			t.Errorf("%+v: got Keras %s", c, r.KerasVersion)
		}
		sameModel(t, c.from+" "+c.activation, r.Model, m)
	}
}

// TestMetricsByOutput holds that a legacy file names the metric of each output, and losses by position.
func TestMetricsByOutput(t *testing.T) {
	in := model.NewInput(4)
	a := model.Apply(layers.NewDense(3, layers.With{"name": "a", "activation": "softmax"}), in)
	b := model.Apply(layers.NewDense(1, layers.With{"name": "b", "activation": "sigmoid"}), in)
	c := model.Apply(layers.NewDense(2, layers.With{"name": "c"}), in)
	m, err := model.New([]*model.Tensor{in}, []*model.Tensor{a, b, c})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Compile(model.Compile{Optimizer: "sgd",
		Loss:    map[string]any{"c": "categorical_crossentropy", "a": "sparse_categorical_crossentropy", "b": "binary_crossentropy"},
		Metrics: map[string]any{"a": []any{"accuracy", "mae"}, "b": "acc", "c": []any{"accuracy"}}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.h5")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	r, err := hdf5io.Load(path, hdf5io.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o, _ := r.Model.CompileOptions()
	var got []string
	for _, x := range []any{o.Loss, o.Metrics} {
		for _, each := range x.([]any) {
			list, ok := each.([]any)
			if !ok {
				list = []any{each}
			}
			for _, v := range list {
				if o, ok := v.(map[string]any); ok {
					v = o["class_name"].(string) + " " + o["config"].(map[string]any)["name"].(string)
				}
				got = append(got, v.(string))
			}
		}
	}
	want := []string{"sparse_categorical_crossentropy", "binary_crossentropy", "categorical_crossentropy", "SparseCategoricalAccuracy accuracy",
		"MeanAbsoluteError mae", "BinaryAccuracy acc", "CategoricalAccuracy accuracy"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
