package optimizers_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin" // for the schedules
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/optimizers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

var eval = coretest.Eval[float32]

// decode makes an optimizer as from a file of Keras 3.
func decode(class string, c any) (core.Optimizer, error) {
	return registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"}).Optimizer(core.Config{"class_name": class, "config": c})
}

// take does one step, with gradients that do not depend on anything.
func take(o core.Optimizer, weights []*core.Weight, grads []*tensor.Tensor, mode coretest.Mode) error {
	b := o.Common()
	g, shared := graph.New(), core.NewShared()
	feeds := map[string]*tensor.Tensor{
		"iteration":     scalar(float64(b.Iterations)),
		"learning_rate": scalar(b.LearningRate.At(b.Iterations)),
	}
	s := &core.Step{States: core.NewStates(g, shared), Weights: weights,
		LearningRate: g.Input("learning_rate", nil), Iteration: g.Input("iteration", nil)}
	values := make([]graph.Value, len(grads))
	for i, t := range grads {
		if t != nil {
			feeds[fmt.Sprint("g", i)] = t
			values[i] = g.Input(fmt.Sprint("g", i), t.Shape())
		}
	}
	core.ApplyGradients(o, s, values)
	shared.Assign(g)
	m := coretest.Memory[float32]{}
	for _, w := range append(weights[:len(weights):len(weights)], core.OptimizerSlots(o)...) {
		m[&w.Variable] = w.Data()
	}
	_, err := eval(g, nil, feeds, m, mode)
	b.Iterations++
	return err
}

func scalar(x float64) *tensor.Tensor {
	t := tensor.New(tensor.Float32)
	tensor.Data[float32](t)[0] = float32(x)
	return t
}

func ownSlots(o core.Optimizer) []*core.Weight {
	if w, ok := o.(core.OptimizerWrapper); ok {
		return w.OwnSlots()
	}
	return nil
}

// newWeights are weights as the goldens have them.
func newWeights(t *testing.T, start ...*tensor.Tensor) []*core.Weight {
	t.Helper()
	var weights []*core.Weight
	for i, x := range start {
		w := core.NewWeight(core.WeightSpec{Name: []string{"kernel", "bias"}[i], Shape: x.Shape()})
		if err := w.Set(x); err != nil {
			t.Fatal(err)
		}
		weights = append(weights, w)
	}
	return weights
}

func TestAgainstKeras(t *testing.T) {
	rows := map[string]bool{}
	for _, c := range coretest.Read(t, "optimizers") {
		class := c.Row["class_name"].(string)
		rows[class] = true
		for _, mode := range []coretest.Mode{{}, {Plain: true, Reference: true}} {
			t.Run(fmt.Sprintf("%s/plain=%v", c.Name, mode.Plain), func(t *testing.T) { against(t, c, class, mode) })
		}
	}
	for _, name := range registry.Default.Optimizers.Names() {
		if !rows[name] {
			t.Errorf("optimizer %q has no row: add one to testdata/cases/optimizers.jsonl and make its golden with testdata/keras/gen.py", name)
		}
	}
}

func against(t *testing.T, c coretest.Case, class string, mode coretest.Mode) {
	o, err := decode(class, c.Row["config"])
	if err != nil {
		t.Fatal(err)
	}
	b, weights := o.Common(), newWeights(t, c.List("start_")...)
	if err := core.BuildOptimizer(o, weights); err != nil {
		t.Fatal(err)
	}
	rates := c.Golden["lr"].Float64s()
	near := func(what string, got, want *tensor.Tensor) {
		t.Helper()
		if err := coretest.Near(what, got, want, 1e-5); err != nil {
			t.Error(err)
		}
	}
	for step, want := range rates {
		if got := b.LearningRate.At(b.Iterations); math.Abs(got-want) > 1e-6*want {
			t.Errorf("learning rate of step %d: got %v, want %v", step, got, want)
		}
		if err := take(o, weights, c.List(fmt.Sprintf("g_%d_", step)), mode); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.List(fmt.Sprintf("after_%d_", step)) {
			near(fmt.Sprintf("step %d, %s", step, weights[i].Name), weights[i].Value(), want)
		}
	}
	checkSlots(t, c, o, near)
	core.FinalizeEMA(o, weights)
	for i, want := range c.List("final_") {
		near("final "+weights[i].Name, weights[i].Value(), want)
	}
}

// checkSlots compares what Keras saves with iteration, learning rate and slots.
func checkSlots(t *testing.T, c coretest.Case, o core.Optimizer, near func(string, *tensor.Tensor, *tensor.Tensor)) {
	type saved struct {
		path, dtype string
		value       *tensor.Tensor
	}
	var list []saved
	head := func(name string, iterations int64, lr core.LearningRate) {
		list = append(list, saved{name + "/iteration", "int64", scalar(float64(iterations))})
		if lr.Schedule == nil {
			list = append(list, saved{name + "/learning_rate", "float32", scalar(lr.Value)})
		}
	}
	add := func(slots []*core.Weight) {
		for _, w := range slots {
			list = append(list, saved{w.Name, w.DType, w.Value()})
		}
	}
	if own := ownSlots(o); own != nil {
		name, _, _ := strings.Cut(own[0].Name, "/")
		head(name, 0, core.LearningRate{})
		add(own)
	}
	b := o.Common()
	head(b.Name, b.Iterations, b.LearningRate)
	add(b.Slots())

	described := c.Meta["variables"].([]any)
	if len(list) != len(described) {
		t.Fatalf("got %d variables, want %d", len(list), len(described))
	}
	for k, got := range list {
		want := described[k].(map[string]any)
		path := want["path"].(string)
		if got.path != path && got.path != b.Name+"/"+path || got.dtype != want["dtype"] {
			t.Errorf("variable %d: got %s of %s, want %s of %s", k, got.path, got.dtype, path, want["dtype"])
		}
		near(fmt.Sprintf("variable %d, %s", k, path), got.value, c.Golden[fmt.Sprint("var_", k)])
	}
}

// TestConfig decodes what Keras serialises, encodes it and compares.
func TestConfig(t *testing.T) {
	for _, c := range coretest.Read(t, "optimizers") {
		want := c.Meta["config"].(map[string]any)
		o, err := registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"}).Optimizer(want)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got, err := registry.Default.Encoder(core.Keras3).Optimizer(o)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if d := differ("", got, want); d != "" {
			t.Errorf("%s: %s", c.Name, d)
		}
		if _, err := registry.Default.Encoder(core.Legacy).Optimizer(o); err != nil {
			t.Errorf("%s: legacy: %v", c.Name, err)
		}
	}
}

// differ says where two JSON values differ; null and a missing key are the same, and so are whole numbers of any type.
func differ(at string, got, want any) string {
	if g, ok := got.(map[string]any); ok {
		w, ok := want.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: got an object, want %v", at, want)
		}
		for k := range w {
			if d := differ(at+"."+k, g[k], w[k]); d != "" {
				return d
			}
		}
		for k := range g {
			if w[k] == nil && g[k] != nil {
				return fmt.Sprintf("%s.%s: got %v, want nothing", at, k, g[k])
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

// TestOldConfigs reads what Keras 1, Keras 2 and tf.keras wrote.
func TestOldConfigs(t *testing.T) {
	for _, c := range []struct {
		version, class string
		config         core.Config
		key            string
		want           any
	}{
		{"1.2.2", "SGD", core.Config{"lr": 0.05, "momentum": 0.9, "decay": 0.0, "nesterov": true}, "learning_rate", 0.05},
		{"1.2.2", "Adam", core.Config{"lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}, "epsilon", 1e-8},
		{"2.1.2", "RMSprop", core.Config{"lr": 0.001, "rho": 0.8, "decay": 0.0, "epsilon": nil}, "epsilon", 1e-7},
		{"2.2.4", "Adagrad", core.Config{"lr": 0.01, "epsilon": 1e-7, "decay": 0.0}, "initial_accumulator_value", 0.0},
		{"2.2.4", "Adam", core.Config{"lr": 0.01, "clipnorm": 0.0}, "clipnorm", nil},
		{"2.12.0", "Custom>Adam", core.Config{"name": "Adam", "jit_compile": true, "is_legacy_optimizer": false, "learning_rate": 0.002,
			"weight_decay": nil}, "learning_rate", 0.002},
		{"2.9.0", "rmsprop", core.Config{"name": "RMSprop", "learning_rate": 0.003, "decay": 0.0}, "learning_rate", 0.003},
	} {
		d := registry.Default.Decoder(registry.Origin{KerasVersion: c.version})
		before := len(c.config)
		o, err := d.Optimizer(core.Config{"class_name": c.class, "config": c.config})
		if err != nil {
			t.Errorf("%s %s: %v", c.version, c.class, err)
			continue
		}
		config, err := registry.Default.Encoder(core.Keras3).Config(o)
		if err != nil || config[c.key] != c.want {
			t.Errorf("%s %s: %s: got %v, want %v (%v)", c.version, c.class, c.key, config[c.key], c.want, err)
		}
		if len(c.config) != before {
			t.Errorf("%s %s: the config of the file was changed", c.version, c.class)
		}
	}
}

// TestDecay checks that the decay of old Kerases becomes a schedule that computes the same.
func TestDecay(t *testing.T) {
	o, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.3.1"}).Optimizer(core.Config{"class_name": "SGD",
		"config": core.Config{"learning_rate": 0.1, "decay": 0.5, "momentum": 0.0, "nesterov": false}})
	if err != nil {
		t.Fatal(err)
	}
	for step := range int64(5) {
		want := 0.1 / (1 + 0.5*float64(step))
		if got := o.Common().LearningRate.At(step); math.Abs(got-want) > 1e-7 {
			t.Errorf("step %d: got learning rate %v, want %v", step, got, want)
		}
	}
	both := optimizers.NewSGD(0.1, optimizers.With{"decay": 0.5, "learning_rate": o.Common().LearningRate.Schedule})
	want := `optimizer "SGD": decay: got 0.5 without a learning_rate that is a number`
	if err := core.BuildOptimizer(both, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got error %v, want %s", err, want)
	}
	// tf.keras writes the growth of Nadam's momentum as its decay.
	nadam, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.4.0"}).Optimizer(core.Config{"class_name": "Nadam",
		"config": core.Config{"name": "Nadam", "learning_rate": 0.1, "decay": 0.004}})
	if err != nil || nadam.Common().LearningRate.Value != 0.1 {
		t.Errorf("Nadam: got %+v (%v), want learning rate 0.1", nadam, err)
	}
}

// TestLegacyConfig checks that a config for old files has the keys that Keras 2 knows, and others where they are not the default.
func TestLegacyConfig(t *testing.T) {
	for _, c := range []struct {
		o    core.Optimizer
		want core.Config
	}{
		{optimizers.NewSGD(0.1), core.Config{"learning_rate": 0.1, "momentum": 0.0, "nesterov": false}},
		{optimizers.NewAdam(0.1, optimizers.With{"clipnorm": 2}), core.Config{"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999,
			"epsilon": 1e-7, "amsgrad": false, "clipnorm": 2.0}},
	} {
		got, err := registry.Default.Encoder(core.Legacy).Config(c.o)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("got %v (%v), want %v", got, err, c.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	weights := newWeights(t, tensor.New(tensor.Float32, 2, 3))
	for _, c := range []struct {
		o    core.Optimizer
		want string
	}{
		{optimizers.NewAdam(0.1, optimizers.With{"beta1": 0.9}), `optimizer "Adam": beta1: unknown key, got 0.9 (did you mean "beta_1"`},
		{optimizers.NewSGD(0.1, optimizers.With{"momentum": 1.5}), "momentum: got 1.5, want between 0 and 1"},
		{optimizers.NewSGD(0.1, optimizers.With{"clipnorm": 1, "clipvalue": 1}), "got more than one of clipnorm, global_clipnorm and clipvalue"},
		{optimizers.NewSGD(0.1, optimizers.With{"gradient_accumulation_steps": 1}), "gradient_accumulation_steps: got 1, want > 1"},
		{optimizers.NewAdamW(0.1, optimizers.With{"weight_decay": nil}), `optimizer "AdamW": weight_decay: got null, want a number`},
		{optimizers.NewSGD(0.1, optimizers.With{"decay": -1}), "decay: got -1, want a number >= 0"},
	} {
		err := core.BuildOptimizer(c.o, weights)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
	}
}
