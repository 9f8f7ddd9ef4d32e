package metrics_test

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	_ "github.com/gokeras/gk/core/metrics"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

var decoder = registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"})

// batchUnknown is the shape of a batch as a metric is built for it.
func batchUnknown(t *tensor.Tensor) tensor.Shape {
	if t == nil || len(t.Shape()) == 0 {
		return tensor.Shape{tensor.Unknown}
	}
	return t.Shape().With(0, tensor.Unknown)
}

// update builds a metric if need be, adds a batch and returns the result. mask, weight and yTrue may be nil.
func update(m core.Metric, yTrue, yPred, weight, mask *tensor.Tensor, mode coretest.Mode) (*tensor.Tensor, error) {
	if err := core.BuildMetric(m, batchUnknown(yTrue), batchUnknown(yPred)); err != nil {
		return nil, err
	}
	g, shared, feeds := graph.New(), core.NewShared(), map[string]*tensor.Tensor{}
	in := func(name string, t *tensor.Tensor) graph.Value {
		if t == nil {
			return graph.Value{}
		}
		feeds[name] = t
		return g.Input(name, t.Shape())
	}
	s := core.NewStates(g, shared)
	s.Mask = in("mask", mask)
	m.Update(s, in("y_true", yTrue), in("y_pred", yPred), in("weight", weight))
	result := m.Result(s)
	shared.Assign(g)
	if err := g.Err(); err != nil {
		return nil, err
	}
	memory := coretest.Memory[float32]{}
	for _, w := range m.Common().Weights() {
		memory[&w.Variable] = w.Data()
	}
	out, err := coretest.Eval(g, []graph.Value{result}, feeds, memory, mode)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

func TestAgainstKeras(t *testing.T) {
	rows := map[string]bool{}
	for _, c := range coretest.Read(t, "metrics") {
		class := c.Row["class_name"].(string)
		rows[class] = true
		for _, mode := range []coretest.Mode{{}, {Plain: true, Reference: true}} {
			t.Run(fmt.Sprintf("%s/plain=%v", c.Name, mode.Plain), func(t *testing.T) { against(t, c, class, mode) })
		}
	}
	for _, name := range registry.Default.Metrics.Names() {
		if !rows[name] {
			t.Errorf("metric %q has no row: add one to testdata/cases/metrics.jsonl and make its golden with testdata/keras/gen.py", name)
		}
	}
}

func against(t *testing.T, c coretest.Case, class string, mode coretest.Mode) {
	m, err := decoder.Metric(core.Config{"class_name": class, "config": c.Row["config"]})
	if err != nil {
		t.Fatal(err)
	}
	tol := c.Number("tol", 1e-5)
	for k, want := range c.List("result_") {
		at := func(name string) *tensor.Tensor { return c.Golden[fmt.Sprintf("%s_%d", name, k)] }
		got, err := update(m, at("y_true"), at("y_pred"), at("sample_weight"), at("mask"), mode)
		if err != nil {
			t.Fatal(err)
		}
		if err := coretest.Near(fmt.Sprintf("result %d", k), got, want, tol); err != nil {
			t.Error(err)
		}
	}
	weights, variables := m.Common().Weights(), c.Meta["variables"].([]any)
	if len(weights) != len(variables) {
		t.Fatalf("got %d variables, want %d", len(weights), len(variables))
	}
	for i, w := range weights {
		if want := variables[i].(map[string]any)["path"]; w.Name != want {
			t.Errorf("variable %d: got %s, want %s", i, w.Name, want)
		}
		if err := coretest.Near(w.Name, w.Value(), c.Golden[fmt.Sprint("var_", i)], tol); err != nil {
			t.Error(err)
		}
	}
	m.Common().Reset()
	for _, w := range weights {
		if err := coretest.Near(w.Name+" after a reset", w.Value(), tensor.New(tensor.Float32, w.Shape...), 0); err != nil {
			t.Error(err)
		}
	}
}

// TestConfig decodes what Keras serialises, encodes it and compares. Keras forgets some settings when it serialises, which gk does not.
func TestConfig(t *testing.T) {
	for _, c := range coretest.Read(t, "metrics") {
		want := c.Meta["config"].(map[string]any)
		config := want["config"].(map[string]any)
		if o, ok := registry.ObjectOf(config["label_weights"]); ok { // a tensor, for which Keras takes a list
			config["label_weights"] = o.Config["value"]
		}
		for k, v := range c.Row["config"].(map[string]any) {
			if _, ok := config[k]; !ok {
				config[k] = v
			}
		}
		for pass, w := range []map[string]any{want, {"class_name": want["class_name"], "config": c.Row["config"]}} {
			m, err := decoder.Metric(w)
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			got, err := registry.Default.Encoder(core.Keras3).Metric(m)
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			if d := differ("", got, want); d != "" {
				t.Errorf("%s, pass %d: %s", c.Name, pass, d)
			}
			if _, err := registry.Default.Encoder(core.Legacy).Metric(m); err != nil {
				t.Errorf("%s: legacy: %v", c.Name, err)
			}
		}
	}
}

// differ says where two JSON values differ; null and a missing key are the same, and so are whole numbers of any type.
func differ(at string, got, want any) string {
	g, ok := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if ok && ok2 {
		for _, keys := range []map[string]any{w, g} {
			for k := range maps.Keys(keys) {
				if d := differ(at+"."+k, g[k], w[k]); d != "" {
					return d
				}
			}
		}
		return ""
	}
	gl, ok := got.([]any)
	wl, ok2 := want.([]any)
	if ok && ok2 && len(gl) == len(wl) {
		for i := range gl {
			if d := differ(fmt.Sprintf("%s[%d]", at, i), gl[i], wl[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if n, ok := got.(int); ok {
		got = float64(n)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s: got %#v, want %#v", at, got, want)
	}
	return ""
}
