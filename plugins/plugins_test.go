package plugins

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	_ "github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of what plugins are for: a model with classes of a plugin does what it does with the same classes built in.

func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, o Options) *Manager {
	t.Helper()
	m, err := Load(registry.Default, o, self(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

const wholeModel = `{"class_name": "Sequential", "config": {"name": "m", "layers": [
	{"class_name": "InputLayer", "config": {"batch_shape": [null, 6], "name": "in"}},
	{"class_name": "Dense", "config": {"name": "dense", "units": 5, "activation": "test>bent",
	    "kernel_regularizer": {"class_name": "test>Cube", "config": {}}, "kernel_constraint": {"class_name": "test>Clip", "config": {"limit": 0.3}},
	    "bias_initializer": {"class_name": "test>Ramp", "config": {"step": 0.05}}}},
	{"class_name": "test>Scale", "config": {"name": "scale", "power": 2, "dropout": 0.3, "penalize": true}},
	{"class_name": "test>Computed", "config": {"name": "computed"}},
	{"class_name": "test>Computed", "config": {"name": "computed_1"}},
	{"class_name": "Dense", "config": {"name": "out", "units": 2}}]}}`

func data(n int) *dataset.Dataset {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, 6*n), make([]float32, 2*n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range y {
		y[i] = x[i/2*6+i%2] + x[i/2*6+2]
	}
	return &dataset.Dataset{X: []*tensor.Tensor{tensor.From(x, n, 6)}, Y: []*tensor.Tensor{tensor.From(y, n, 2)}}
}

// train trains the model with the classes of r and returns weights, logs and predictions.
func train(t testing.TB, r *registry.Registry) (m *model.Model, numbers [][]float32) {
	t.Helper()
	m, err := model.FromJSON([]byte(wholeModel), r, registry.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	m.SetSeed(3)
	rnd := rand.New(rand.NewPCG(5, 6)) // a plugin's initializer takes random numbers as one built in does, but not as many
	for _, w := range m.AllWeights() {
		w.Initialize(rand.New(rand.NewPCG(7, 8)))
		if strings.HasSuffix(w.Name, "kernel") {
			for i := range w.Data() {
				w.Data()[i] = float32(rnd.NormFloat64() / 3)
			}
		}
	}
	d := r.Decoder(registry.Origin{})
	o, err := d.Optimizer(map[string]any{"class_name": "test>Heavy", "config": core.Config{"momentum": 0.7, "learning_rate": 0.02, "clipnorm": 1.0}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Compile(model.Compile{Optimizer: o, Loss: "test>Quartic", Metrics: []string{"test>Total"}}); err != nil {
		t.Fatal(err)
	}
	set := data(70)
	h, err := m.Fit(context.Background(), set, model.Fit{Epochs: 3, BatchSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range h.Names {
		var v []float32
		for _, x := range h.Values[n] {
			v = append(v, float32(x))
		}
		numbers = append(numbers, v)
	}
	for _, w := range m.AllWeights() {
		numbers = append(numbers, slices.Clone(w.Data()))
	}
	y, err := m.Predict(context.Background(), set.X, model.Run{})
	if err != nil {
		t.Fatal(err)
	}
	return m, append(numbers, y[0].Float32s())
}

func TestPluginEqualsBuiltIn(t *testing.T) {
	local := registry.Default.Clone()
	register(local)
	_, want := train(t, local)
	for _, transport := range []string{"futex", "fdbell", "stream"} {
		t.Run(transport, func(t *testing.T) {
			m := load(t, Options{Transport: transport})
			if got := m.Plugins()[0].Transport(); got != transport {
				t.Fatalf("got transport %q, want %q", got, transport)
			}
			_, got := train(t, m.Registry)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("numbers %d differ: got %v..., want %v...", i, got[i][0], want[i][0])
				}
			}
		})
	}
}

func TestFiles(t *testing.T) {
	m := load(t, Options{})
	trained, numbers := train(t, m.Registry)
	for _, name := range []string{"m.h5", "m.keras"} {
		path := filepath.Join(t.TempDir(), name)
		if err := trained.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := model.Load(path, model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "bent") {
			t.Errorf("%s without the plugin: got %v, want an error that names the class", name, err)
		}
		again, err := model.Load(path, model.LoadOptions{Registry: m.Registry})
		if err != nil {
			t.Fatal(err)
		}
		y, err := again.Predict(context.Background(), data(70).X, model.Run{})
		if err != nil {
			t.Fatal(err)
		}
		if want := numbers[len(numbers)-1]; !slices.Equal(y[0].Float32s(), want) {
			t.Errorf("%s: predictions differ after saving and loading", name)
		}
		local := registry.Default.Clone()
		register(local)
		builtIn, err := model.Load(path, model.LoadOptions{Registry: local})
		if err != nil {
			t.Fatal(err)
		}
		if y, err := builtIn.Predict(context.Background(), data(70).X, model.Run{}); err != nil || !slices.Equal(y[0].Float32s(), numbers[len(numbers)-1]) {
			t.Errorf("%s: predictions with the classes built in differ, error %v", name, err)
		}
	}
}

func TestConfigErrorsAreTheSame(t *testing.T) {
	local := registry.Default.Clone()
	register(local)
	m := load(t, Options{})
	for _, config := range []string{`{"power": -1}`, `{"pwer": 2}`, `{"dropout": "x"}`} {
		text := `{"class_name": "Sequential", "config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [null, 4]}},
			{"class_name": "test>Scale", "config": ` + config + `}]}}`
		_, want := model.FromJSON([]byte(text), local, registry.Origin{})
		_, got := model.FromJSON([]byte(text), m.Registry, registry.Origin{})
		if want == nil || got == nil {
			t.Fatalf("%s: got %v and %v, want errors", config, want, got)
		}
		for _, part := range []string{strings.SplitN(want.Error(), "): ", 2)[1], `plugin "test"`, `"scale"`} {
			if !strings.Contains(got.Error(), part) {
				t.Errorf("%s: got %q, want %q in it", config, got, part)
			}
		}
	}
}

func TestDuplicateNames(t *testing.T) {
	_, err := Load(registry.Default, Options{}, self(t), self(t))
	if err == nil || strings.Count(err.Error(), self(t)) < 2 || !strings.Contains(err.Error(), "provided twice") {
		t.Errorf("got %v, want an error that names both binaries", err)
	}
}

func TestRunByHand(t *testing.T) {
	var b bytes.Buffer
	explain(&b, testPlugin())
	for _, want := range []string{"test 1.2.3 is a plugin for gk", "layer        test>Scale", "optimizer    test>Heavy", "gk plugin install"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %q, want %q in it", b.String(), want)
		}
	}
}

func TestRestartedPluginGoesOn(t *testing.T) {
	for _, transport := range []string{"futex", "stream"} {
		m := load(t, Options{Transport: transport})
		trained, _ := train(t, m.Registry)
		x := data(20).X
		want, err := trained.Predict(context.Background(), x, model.Run{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			m.Plugins()[0].Restart()
			got, err := trained.Predict(context.Background(), x, model.Run{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0].Float32s(), want[0].Float32s()) {
				t.Error("a plugin that was started again computes something else")
			}
		}
	}
}
