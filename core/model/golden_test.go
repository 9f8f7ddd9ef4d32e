package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// The rows of testdata/cases/models.jsonl: whole models, trained by real Keras for some steps.

func TestModels(t *testing.T) {
	for _, c := range coretest.Read(t, "models") {
		t.Run(c.Name, func(t *testing.T) { checkModel(t, c) })
	}
}

func checkModel(t *testing.T, c coretest.Case) {
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
		shapes = append(shapes, x.Shape()) // the batch included, as Keras was told
	}
	if err := m.BuildFor(shapes...); err != nil {
		t.Fatal(err)
	}
	tol := c.Number("tol", 1e-4)
	setWeights(t, m, c.List("before_"))
	checkConfig(t, m, c)
	same(t, "prediction", predict(t, m, d), c.List("pred_before_"), 1e-5)
	if c.Row["compile"] == nil {
		return
	}
	if err := m.Compile(compileOf(c)); err != nil {
		t.Fatal(err)
	}
	names, _ := c.Meta["logs"].([]any)
	want := c.Golden["logs"]
	checkLogs := func(step int, get func(name string) (float64, bool)) {
		t.Helper()
		for i, n := range names {
			w := want.Float64s()[step*len(names)+i]
			if got, ok := get(n.(string)); !ok || math.Abs(got-w) > tol*max(1, math.Abs(w)) {
				t.Errorf("step %d: %v: got %v (there: %v), want %v", step, n, got, ok, w)
			}
		}
	}
	if fit, ok := c.Row["fit"].(map[string]any); ok {
		h, err := m.Fit(context.Background(), d, fitOf(fit))
		if err != nil {
			t.Fatal(err)
		}
		for epoch := range want.Shape()[0] {
			checkLogs(epoch, func(name string) (float64, bool) {
				v := h.Values[name]
				if epoch >= len(v) {
					return 0, false
				}
				return v[epoch], true
			})
		}
	} else {
		for step := range want.Shape()[0] {
			h, err := m.Fit(context.Background(), d, model.Fit{BatchSize: d.Len(), NoShuffle: true})
			if err != nil {
				t.Fatal(err)
			}
			checkLogs(step, func(name string) (float64, bool) { return h.Last(name), len(h.Values[name]) > 0 })
		}
	}
	after := c.List("after_")
	for i, w := range m.AllWeights() {
		if err := coretest.Near("weight "+w.Name, w.Value(), after[i], tol); err != nil {
			t.Error(err)
		}
	}
	same(t, "prediction after training", predict(t, m, d), c.List("pred_after_"), tol)
	logs, err := m.Evaluate(context.Background(), d, model.Run{BatchSize: d.Len()})
	if err != nil {
		t.Fatal(err)
	}
	evaluation, _ := c.Meta["evaluation"].([]any)
	for i, n := range evaluation {
		w := c.Golden["evaluation"].Float64s()[i]
		if got, ok := logs.Get(n.(string)); !ok || math.Abs(got-w) > tol*max(1, math.Abs(w)) {
			t.Errorf("evaluation: %v: got %v (there: %v), want %v", n, got, ok, w)
		}
	}
	checkOptimizer(t, m, c, tol)
}

func setWeights(t *testing.T, m *model.Model, values []*tensor.Tensor) {
	t.Helper()
	weights := m.AllWeights()
	if len(weights) != len(values) {
		t.Fatalf("got %d weights, want %d", len(weights), len(values))
	}
	for i, w := range weights {
		if err := w.Set(values[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func predict(t *testing.T, m *model.Model, d *dataset.Dataset) []*tensor.Tensor {
	t.Helper()
	out, err := m.Predict(context.Background(), d.X, model.Run{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, what string, got, want []*tensor.Tensor, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d outputs, want %d", what, len(got), len(want))
	}
	for i := range got {
		if err := coretest.Near(fmt.Sprintf("%s %d", what, i), got[i], want[i], tol); err != nil {
			t.Error(err)
		}
	}
}

// checkConfig holds the config against Keras', and writes and reads it in both dialects.
func checkConfig(t *testing.T, m *model.Model, c coretest.Case) {
	t.Helper()
	for _, dialect := range []core.Dialect{core.Keras3, core.Legacy} {
		got, err := m.Config(dialect)
		if err != nil {
			t.Fatal(err)
		}
		if err := coretest.ThroughJSON(&got); err != nil {
			t.Fatal(err)
		}
		if dialect == core.Keras3 {
			want := c.Meta["config"].(map[string]any)
			if err := coretest.SameConfig("config", got["config"], want["config"]); err != nil {
				t.Error(err)
			}
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.FromJSON(text, registry.Default, registry.Origin{})
		if err != nil {
			t.Errorf("dialect %d: reading back: %v", dialect, err)
			continue
		}
		if again.Built() && len(again.AllWeights()) != len(m.AllWeights()) {
			t.Errorf("dialect %d: read back with %d weights, want %d", dialect, len(again.AllWeights()), len(m.AllWeights()))
		}
	}
}

func compileOf(c coretest.Case) model.Compile {
	v := c.Row["compile"].(map[string]any)
	return model.Compile{Optimizer: v["optimizer"], Loss: v["loss"], LossWeights: v["loss_weights"],
		Metrics: v["metrics"], WeightedMetrics: v["weighted_metrics"]}
}

func fitOf(v map[string]any) model.Fit {
	o := model.Fit{NoShuffle: true}
	if n, ok := v["batch_size"].(float64); ok {
		o.BatchSize = int(n)
	}
	if n, ok := v["epochs"].(float64); ok {
		o.Epochs = int(n)
	}
	o.ValidationSplit, _ = v["validation_split"].(float64)
	if classes, ok := v["class_weight"].(map[string]any); ok {
		o.ClassWeight = map[int]float64{}
		for k, w := range classes {
			var class int
			fmt.Sscan(k, &class)
			o.ClassWeight[class] = w.(float64)
		}
	}
	return o
}

func checkOptimizer(t *testing.T, m *model.Model, c coretest.Case, tol float64) {
	t.Helper()
	described, _ := c.Meta["optimizer_variables"].([]any)
	values := c.List("opt_")
	o := m.Optimizer().Common()
	slots := o.Slots()
	for i, v := range described {
		switch v.(map[string]any)["name"] {
		case "iteration":
			if got := float64(o.Iterations); got != values[i].Float64s()[0] {
				t.Errorf("iteration: got %v, want %v", got, values[i].Float64s()[0])
			}
		case "learning_rate":
			if err := coretest.Near("learning rate", tensor.From([]float64{o.LearningRate.Value}, []int{}...), values[i], 1e-6); err != nil {
				t.Error(err)
			}
		default:
			if len(slots) == 0 {
				t.Fatalf("optimizer: got %d slots, want more: %v", len(o.Slots()), v)
			}
			if err := coretest.Near("slot "+slots[0].Name, slots[0].Value(), values[i], tol); err != nil {
				t.Error(err)
			}
			slots = slots[1:]
		}
	}
	if len(slots) > 0 {
		t.Errorf("optimizer: %d slots more than Keras has", len(slots))
	}
}

// TestStepsAllocateNothing: neither a step of training nor a prediction makes garbage.
func TestStepsAllocateNothing(t *testing.T) {
	cases := coretest.Read(t, "models")
	for _, name := range []string{"mlp_adam", "cnn", "lstm", "batch_normalization", "embedding_masking"} {
		i := slices.IndexFunc(cases, func(c coretest.Case) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("no case %q", name)
		}
		c := cases[i]
		m, err := model.FromConfig(c.Row["config"], registry.Default, registry.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Compile(compileOf(c)); err != nil {
			t.Fatal(err)
		}
		d := &dataset.Dataset{X: c.List("x_"), Y: c.List("y_")}
		step, predict, err := model.StepForTest(m, d)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%s: a training step makes %v allocations, want 0", name, n)
		}
		if n := testing.AllocsPerRun(20, predict); n != 0 {
			t.Errorf("%s: a prediction makes %v allocations, want 0", name, n)
		}
	}
}
