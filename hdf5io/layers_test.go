package hdf5io_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// TestLayerForms puts the layer of every case into a model, saves it in every form and loads it: weights are equal to the bit, configs equal.
func TestLayerForms(t *testing.T) {
	for _, c := range coretest.LayerCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			if c.Row["states"] != nil {
				t.Skip("a cell by itself is no layer of a model")
			}
			t.Parallel() // most of the time is the disk's
			layerForms(t, modelOfLayers(t, []coretest.Case{c}))
		})
	}
}

// TestLegacyLayerForms is TestLayerForms for layers that Keras 3 has no more.
func TestLegacyLayerForms(t *testing.T) {
	// TensorFlow's functions are no layers without the calls of a model: testdata/zoo has one.
	tested := map[string]bool{"SlicingOpLambda": true, "TFOpLambda": true, "TensorFlowOpLayer": true}
	for _, c := range []struct {
		class  string
		config core.Config
		shape  []int
	}{
		{"LocallyConnected1D", core.Config{"filters": 2.0, "kernel_size": 3.0, "implementation": 2.0}, []int{7, 2}},
		{"LocallyConnected2D", core.Config{"filters": 2.0, "kernel_size": []any{2.0, 3.0}, "activation": "relu"}, []int{3, 5, 2}},
		{"ThresholdedReLU", core.Config{"theta": 0.5}, []int{3}},
		{"Highway", core.Config{"activation": "tanh"}, []int{3}},
		{"MaxoutDense", core.Config{"output_dim": 3.0, "nb_feature": 2.0}, []int{4}},
		{"SReLU", core.Config{"shared_axes": []any{1.0}}, []int{3, 2}},
		{"ParametricSoftplus", core.Config{"alpha_init": 0.5}, []int{3}},
		{"RandomFourierFeatures", core.Config{"output_dim": 3.0, "kernel_initializer": "laplacian", "scale": 0.5}, []int{4}},
		{"RandomHeight", core.Config{"factor": 0.25}, []int{4, 5, 3}},
		{"RandomWidth", core.Config{"factor": []any{0.0, 0.25}, "interpolation": "gaussian"}, []int{4, 5, 3}},
	} {
		tested[c.class] = true
		t.Run(c.class, func(t *testing.T) {
			in := model.NewInput(c.shape...)
			l, err := registry.Default.Decoder(registry.Origin{}).Layer(map[string]any{"class_name": c.class, "config": c.config})
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.New([]*model.Tensor{in}, []*model.Tensor{model.Apply(l, in)})
			if err != nil {
				t.Fatal(err)
			}
			number(m)
			layerForms(t, m)
		})
	}
	for _, name := range registry.Default.Layers.Names() {
		if e := registry.Default.Layers.Lookup(name); e.Module == registry.LegacyModule && e.Becomes == nil && !tested[name] {
			t.Errorf("layer %q is not tested", name)
		}
	}
}

func layerForms(t *testing.T, m *model.Model) {
	t.Helper()
	dir := t.TempDir()
	architecture, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range layerEndings {
		path := filepath.Join(dir, "m"+ending)
		weights := strings.Count(ending, ".") > 1
		if err := hdf5io.Save(m, path, hdf5io.SaveOptions{WeightsOnly: weights}); err != nil {
			t.Fatal(err)
		}
		o := hdf5io.Options{}
		if weights {
			o.Config = architecture
		}
		r, err := hdf5io.Load(path, o)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(r.Warnings)+len(r.Conversions) > 0 {
			t.Errorf("%s: warnings %q, conversions %q", path, r.Warnings, r.Conversions)
		}
		if ending == ".json" {
			sameConfigs(t, ending, r.Model, m)
			continue
		}
		sameModel(t, ending, r.Model, m)
	}
}

// layerEndings are those of all forms; with two dots they are of weights alone.
var layerEndings = []string{".h5", ".keras", ".json", ".weights.h5", ".legacy.h5"}

// TestLayerGroups is gk's side of testdata/keras/interchange.py --layers, which names a folder in $GK_FORMS. groups.json there says which
// cases make a model together. What is not there yet is written; what real Keras has made of it, NAME.back.h5 and so on, is compared.
func TestLayerGroups(t *testing.T) {
	dir := os.Getenv("GK_FORMS")
	if dir == "" {
		t.Skip("GK_FORMS is not set: testdata/keras/interchange.py runs this test with real Keras")
	}
	cases := map[string]coretest.Case{}
	for _, c := range coretest.LayerCases(t) {
		cases[c.Name] = c
	}
	var groups map[string][]string
	readJSON(t, filepath.Join(dir, "groups.json"), &groups)
	for name, rows := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list []coretest.Case
			for _, row := range rows {
				list = append(list, cases[row])
			}
			m := modelOfLayers(t, list)
			for _, ending := range layerEndings {
				path := filepath.Join(dir, name+ending)
				weights := strings.Count(ending, ".") > 1
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					if err := hdf5io.Save(m, path, hdf5io.SaveOptions{WeightsOnly: weights}); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := os.Stat(filepath.Join(dir, name+".back"+ending)); err == nil {
					groupBack(t, filepath.Join(dir, name+".back"+ending), m, weights)
				}
			}
		})
	}
}

func groupBack(t *testing.T, path string, m *model.Model, weights bool) {
	t.Helper()
	o := hdf5io.Options{}
	if weights {
		var err error
		if o.Config, err = m.JSON(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := hdf5io.Load(path, o)
	if err != nil {
		t.Error(err)
		return
	}
	if !strings.HasSuffix(path, ".json") {
		sameValues(t, path, r.Model, m)
	}
	// tf.keras has other defaults, and means something else by some words, so that configs are not comparable.
	if r.KerasVersion == "" || r.KerasVersion[0] == '3' {
		sameAsKeras(t, path, r.Model, m)
	}
}

// sameValues is sameWeights for a model that has been through Keras, which names weights in its own way.
func sameValues(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	g, w := got.AllWeights(), want.AllWeights()
	if len(g) != len(w) {
		t.Errorf("%s: got %d weights, want %d", what, len(g), len(w))
		return
	}
	for i := range g {
		if err := coretest.Near(w[i].Name, g[i].Value(), w[i].Value(), 0); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// sameAsKeras compares configs, apart from what Keras 3 alone records of a call: whether it was one in training, which each run overrides.
func sameAsKeras(t *testing.T, what string, got, want *model.Model) {
	t.Helper()
	a, errA := got.Config(core.Keras3)
	b, errB := want.Config(core.Keras3)
	if err := errors.Join(errA, errB, coretest.ThroughJSON(&a), coretest.ThroughJSON(&b)); err != nil {
		t.Error(err)
		return
	}
	for _, l := range a["config"].(map[string]any)["layers"].([]any) {
		for _, n := range l.(map[string]any)["inbound_nodes"].([]any) {
			delete(n.(map[string]any)["kwargs"].(map[string]any), "training")
		}
	}
	if err := coretest.SameConfig(what, a["config"], b["config"]); err != nil {
		t.Error(err)
	}
}

// modelOfLayers is a functional model with the layers of cases side by side, whose weights are numbered.
func modelOfLayers(t *testing.T, cases []coretest.Case) *model.Model {
	t.Helper()
	var in, out []*model.Tensor
	for _, c := range cases {
		x, y := callOfLayer(t, c)
		in, out = append(in, x...), append(out, y)
	}
	m, err := model.New(in, out)
	if err != nil {
		t.Fatal(err)
	}
	number(m)
	return m
}

// number gives weights values that tell them apart and that float16 holds.
func number(m *model.Model) {
	for i, w := range m.AllWeights() {
		d := w.Data()
		for k := range d {
			d[k] = float32((i*31+k)%997) / 64
			if strings.Contains(w.DType, "int") {
				d[k] = float32((i*31 + k) % 997)
			}
		}
		w.SetReady()
	}
}

// callOfLayer calls the layer of a case, which gets the name of the case, on new inputs.
func callOfLayer(t *testing.T, c coretest.Case) ([]*model.Tensor, *model.Tensor) {
	t.Helper()
	l, err := registry.Default.Decoder(registry.Origin{}).Layer(c.Row)
	if err != nil {
		t.Fatal(err)
	}
	l.Common().Name = strings.ReplaceAll(c.Name, "/", "_") // Keras 3 takes no name with a slash
	var in []*model.Tensor
	for _, x := range c.List("in_") {
		in = append(in, model.NewInput(x.Shape()[1:]...))
	}
	args, kwargs := in, map[string]any{}
	if states := int(c.Number("initial_state", 0)); states > 0 {
		args = in[:len(in)-states]
		kwargs["initial_state"] = in[len(in)-states:]
	}
	for i, name := range c.Arguments() {
		if _, ok := l.(core.SideBySide); !ok && i == 0 {
			args = in[:1]
			continue
		} else if ok {
			args = nil
		}
		kwargs[name] = in[i]
	}
	if more, ok := c.Row["kwargs"].(map[string]any); ok {
		maps.Copy(kwargs, more)
	}
	return in, model.ApplyWith(l, kwargs, args...)
}
