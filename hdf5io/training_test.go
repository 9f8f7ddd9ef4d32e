package hdf5io_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// TestTrainingConfigs reads what the Kerases write about compiling: what can be restored is, the rest is a warning.
func TestTrainingConfigs(t *testing.T) {
	for what, c := range map[string]struct {
		config    string
		optimizer string // the class; "": not compiled
		loss      any
		metrics   any
		warning   string
	}{
		"Keras 1": {`{"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.0, "momentum": 0.9, "nesterov": false}},
			"loss": "mse", "metrics": ["accuracy"], "sample_weight_mode": null, "loss_weights": null}`,
			"SGD", "mse", []any{"accuracy"}, ""},
		"tf.keras": {`{"loss": {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "name": "binary_crossentropy", "from_logits": true,
			"label_smoothing": 0, "axis": -1, "fn": "binary_crossentropy"}},
			"metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "dtype": "float32", "fn": "mean_absolute_error"}}]],
			"weighted_metrics": null, "loss_weights": null, "optimizer_config": {"class_name": "Custom>Adam", "config": {"name": "Adam",
			"learning_rate": 0.5, "jit_compile": false, "is_legacy_optimizer": false}}}`,
			"Adam", map[string]any{"class_name": "BinaryCrossentropy", "config": map[string]any{"reduction": "auto", "name": "binary_crossentropy",
				"from_logits": true, "label_smoothing": 0.0, "axis": -1.0}},
			[]any{[]any{map[string]any{"class_name": "MeanAbsoluteError", "config": map[string]any{"name": "mae", "dtype": "float32"}}}}, ""},
		"Keras 3": {`{"optimizer": {"module": "keras.optimizers", "class_name": "RMSprop", "config": {"learning_rate": 0.25}, "registered_name": null},
			"loss": {"out": "mae"}, "loss_weights": {"class_name": "__tuple__", "items": [2.0]}, "metrics": null}`,
			"RMSprop", map[string]any{"out": "mae"}, nil, ""},
		"Keras 3 after an .h5": {`{"loss": "mse", "loss_weights": null, "metrics": ["mae"], "weighted_metrics": null, "run_eagerly": false}`,
			"RMSprop", "mse", []any{"mae"}, "names no optimizer"},
		"a loss of one's own": {`{"optimizer_config": {"class_name": "Adam", "config": {}}, "loss": "my_loss", "metrics": ["mae", "my_metric"]}`,
			"Adam", nil, []any{"mae"}, `unknown loss "my_loss"`},
		"an optimizer of one's own": {`{"optimizer_config": {"class_name": "Mine", "config": {}}, "loss": "mse"}`, "", nil, nil, `unknown optimizer "Mine"`},
		"sample weights":            {`{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse", "sample_weight_mode": "temporal"}`, "SGD", "mse", nil, "temporal"},
	} {
		path := filepath.Join(t.TempDir(), "m.json")
		text := `{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": {"name": "out", "units": 1,
			"batch_input_shape": [null, 2]}}]}, "compile_config": ` + c.config + `}`
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := strings.Join(r.Warnings, "\n"); (c.warning == "") != (got == "") || !strings.Contains(got, c.warning) {
			t.Errorf("%s: got warnings %q, want %q", what, got, c.warning)
		}
		o, ok := r.Model.CompileOptions()
		if ok != (c.optimizer != "") {
			t.Errorf("%s: compiled: %v", what, ok)
			continue
		}
		if !ok {
			continue
		}
		if got := r.Model.Registry().Optimizers.NameOf(r.Model.Optimizer()); got != c.optimizer {
			t.Errorf("%s: got optimizer %q, want %q", what, got, c.optimizer)
		}
		if !reflect.DeepEqual(o.Loss, c.loss) || !reflect.DeepEqual(o.Metrics, c.metrics) {
			t.Errorf("%s: got loss %#v, metrics %#v, want %#v, %#v", what, o.Loss, o.Metrics, c.loss, c.metrics)
		}
	}
}

// TestOptimizerOrders reads the state of an Adam in the order of each generation. All weights have one shape, so that a wrong order would
// go unnoticed but for the numbers.
func TestOptimizerOrders(t *testing.T) {
	const keras3, weightByWeight, slotBySlot = "0 r m0 v0 m1 v1", "0 m0 v0 m1 v1", "0 m0 m1 v0 v1"
	for _, c := range []struct{ version, config, order string }{
		{"3.15.1", `{}`, keras3},
		{"2.15.0", `{"is_legacy_optimizer": false}`, weightByWeight},
		{"2.15.0", `{"is_legacy_optimizer": true}`, slotBySlot},
		{"2.4.0", `{}`, slotBySlot},
		{"1.2.2", `{}`, slotBySlot},
		{"2.3.1", `{}`, slotBySlot + " 1 1"}, // vhat of Keras 2, which Adam without amsgrad does not use
	} {
		m := sequential(t, dense("a", 2, layers.With{"input_shape": 2, "use_bias": false}), dense("b", 2, layers.With{"use_bias": false}))
		path := wholeWith(t, m, c.version, c.config, c.order)
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Warnings) > 0 || !r.HasOptimizer {
			t.Errorf("Keras %s %s: warnings %q, restored %v", c.version, c.config, r.Warnings, r.HasOptimizer)
			continue
		}
		b := r.Model.Optimizer().Common()
		if b.Iterations != 7 {
			t.Errorf("Keras %s: got iteration %d, want 7", c.version, b.Iterations)
		}
		for i, s := range b.Slots() {
			want := []float32{10, 20, 11, 21}[i] // m0 v0 m1 v1
			if !slices.Equal(s.Data(), []float32{want, want, want, want}) {
				t.Errorf("Keras %s %s: slot %s: got %v, want %v", c.version, c.config, s.Name, s.Data(), want)
			}
		}
	}
}

// wholeWith writes a whole-model file with an Adam whose arrays lie in the given order: 0 the iteration, r the rate, m0 10, v1 21, ...
func wholeWith(t *testing.T, m *model.Model, version, config, order string) string {
	t.Helper()
	c, err := m.Config(core.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	text, err := core.FormatJSON(c)
	if err != nil {
		t.Fatal(err)
	}
	root := &h5.GroupSpec{}
	root.SetAttr("keras_version", version)
	root.SetAttr("model_config", string(text))
	root.SetAttr("training_config", `{"loss": "mean_squared_error", "optimizer_config": {"class_name": "Adam", "config": `+config+`}}`)
	add := func(path string, d *h5.DatasetSpec) {
		if err := root.Add(path, d); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"a", "b"} {
		add("model_weights/"+name+"/w", &h5.DatasetSpec{Shape: tensor.Shape{2, 2}, Data: m.AllWeights()[i].Data()})
		g, err := root.Group("model_weights/" + name)
		if err != nil {
			t.Fatal(err)
		}
		g.SetAttr("weight_names", []string{"w"})
	}
	g, err := root.Group("model_weights")
	if err != nil {
		t.Fatal(err)
	}
	g.SetAttr("layer_names", []string{"a", "b"})
	var names []string
	for i, what := range strings.Fields(order) {
		name := "training/Adam/" + string(rune('a'+i))
		names = append(names, name)
		switch what[0] {
		case '0':
			add("optimizer_weights/"+name, &h5.DatasetSpec{Data: []int64{7}})
		case 'r':
			add("optimizer_weights/"+name, &h5.DatasetSpec{Data: []float32{0.5}})
		case '1':
			add("optimizer_weights/"+name, &h5.DatasetSpec{Shape: []int{1}, Data: []float32{0}})
		default:
			v := map[string]float32{"m0": 10, "m1": 11, "v0": 20, "v1": 21}[what]
			add("optimizer_weights/"+name, &h5.DatasetSpec{Shape: []int{2, 2}, Data: []float32{v, v, v, v}})
		}
	}
	if g, err = root.Group("optimizer_weights"); err != nil {
		t.Fatal(err)
	}
	g.SetAttr("weight_names", names)
	path := filepath.Join(t.TempDir(), "m.h5")
	if err := h5.Create(path, root); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOptimizerWeightsForOldKeras writes the state for tf.keras and reads it back.
func TestOptimizerWeightsForOldKeras(t *testing.T) {
	m := sequential(t, dense("a", 2, layers.With{"input_shape": 2}), dense("b", 2))
	if err := m.Compile(model.Compile{Optimizer: "adam", Loss: "mse"}); err != nil {
		t.Fatal(err)
	}
	if err := m.BuildOptimizer(); err != nil {
		t.Fatal(err)
	}
	for i, s := range m.Optimizer().Common().Slots() {
		for j := range s.Data() {
			s.Data()[j] = float32(100*i + j)
		}
	}
	path := save(t, m, "m.h5", hdf5io.SaveOptions{OptimizerWeights: true})
	r, err := hdf5io.Load(path, hdf5io.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameOptimizer(t, path, r.Model, m)
}

// TestStandaloneKeras2 holds what a file for Keras 2.3.1 has to have: optimizer_weights as long as its optimizers make them, and names of
// functions for metrics. Keras 2.3.1 itself reads such files in testdata/keras/interchange.py.
func TestStandaloneKeras2(t *testing.T) {
	for _, c := range []struct {
		optimizer any
		shapes    string
	}{
		{"sgd", "[] [2 3] [3]"},
		{map[string]any{"class_name": "SGD", "config": map[string]any{"momentum": 0.9}}, "[] [2 3] [3]"},
		{"adam", "[] [2 3] [3] [2 3] [3] [1] [1]"},
		{map[string]any{"class_name": "Adam", "config": map[string]any{"amsgrad": true}}, "[] [2 3] [3] [2 3] [3] [2 3] [3]"},
		{"adadelta", "[] [2 3] [3] [2 3] [3]"},
		{"nadam", "[] [] [2 3] [3] [2 3] [3]"},
		{"rmsprop", "[] [2 3] [3]"},
	} {
		m := sequential(t, dense("a", 3, layers.With{"input_shape": 2}))
		metrics := []any{"accuracy", "mae", "kld", map[string]any{"class_name": "TopKCategoricalAccuracy", "config": map[string]any{"k": 2.0}}, "Precision"}
		if err := m.Compile(model.Compile{Optimizer: c.optimizer, Loss: "kld", Metrics: metrics}); err != nil {
			t.Fatal(err)
		}
		if err := m.BuildOptimizer(); err != nil {
			t.Fatal(err)
		}
		path := save(t, m, "m.h5", hdf5io.SaveOptions{KerasVersion: "2.3.1"})
		f, err := h5.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		g, err := f.Root().Group("optimizer_weights")
		if err != nil {
			t.Fatal(err)
		}
		a, err := g.Attr("weight_names")
		if err != nil {
			t.Fatal(err)
		}
		names, err := a.Strs()
		if err != nil {
			t.Fatal(err)
		}
		var shapes []string
		for _, n := range names {
			d, err := g.Dataset(n)
			if err != nil {
				t.Fatal(err)
			}
			shapes = append(shapes, fmt.Sprint(d.Shape))
		}
		if got := strings.Join(shapes, " "); got != c.shapes {
			t.Errorf("%v: got arrays %s, want %s", c.optimizer, got, c.shapes)
		}
		if a, err = f.Root().Attr("training_config"); err != nil {
			t.Fatal(err)
		}
		text, err := a.Str()
		if want := `"metrics": ["accuracy", "mean_absolute_error", "kullback_leibler_divergence"]`; err != nil || !strings.Contains(text, want) {
			t.Errorf("%v: got %s, %v, want %s", c.optimizer, text, err, want)
		}
		f.Close()
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Warnings) > 0 || !r.HasOptimizer {
			t.Errorf("%v: warnings %q, restored %v", c.optimizer, r.Warnings, r.HasOptimizer)
		}
		sameOptimizer(t, path, r.Model, m)
	}
}

// TestSchedulesInH5 holds how a schedule stands in a legacy file: with its module, without which Keras 3 does not find it; and for Keras 2.3,
// which has no schedules, as the decay that does the same, or as the learning rate of now.
func TestSchedulesInH5(t *testing.T) {
	inverse := map[string]any{"class_name": "InverseTimeDecay", "config": map[string]any{"initial_learning_rate": 0.5, "decay_steps": 1.0, "decay_rate": 0.25}}
	halved := map[string]any{"class_name": "ExponentialDecay", "config": map[string]any{"initial_learning_rate": 0.5, "decay_steps": 1.0, "decay_rate": 0.5}}
	for _, c := range []struct {
		schedule      map[string]any
		version, want string
	}{
		{inverse, "", `"module": "keras.optimizers.schedules"`},
		{inverse, "2.3.1", `"decay": 0.25, "learning_rate": 0.5`},
		{halved, "2.3.1", `"learning_rate": 0.125`},
	} {
		m := sequential(t, dense("a", 3, layers.With{"input_shape": 2}))
		optimizer := map[string]any{"class_name": "SGD", "config": map[string]any{"learning_rate": c.schedule}}
		if err := m.Compile(model.Compile{Optimizer: optimizer, Loss: "mse"}); err != nil {
			t.Fatal(err)
		}
		m.Optimizer().Common().Iterations = 2
		path := save(t, m, "m.h5", hdf5io.SaveOptions{KerasVersion: c.version})
		f, err := h5.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := f.Root().Attr("training_config")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := a.Str(); err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s: got %s, %v, want %s", c.version, text, err, c.want)
		}
		f.Close()
		r, err := hdf5io.Load(path, hdf5io.Options{})
		if err != nil || len(r.Warnings) > 0 {
			t.Errorf("%s: got %v, %v", c.version, err, r)
		}
	}
}
