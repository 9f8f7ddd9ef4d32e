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
//
// With $GK_FORMS the files are kept in that folder, and where NAME.back.h5 or NAME.back.keras is there already, which
// testdata/keras/interchange.py makes by loading and saving with real Keras, they are loaded as well.
func TestLayerForms(t *testing.T) {
	for _, c := range coretest.LayerCases(t) {
		t.Run(c.Name, func(t *testing.T) { layerForms(t, c) })
	}
}

func layerForms(t *testing.T, c coretest.Case) {
	if c.Row["states"] != nil {
		t.Skip("a cell by itself is no layer of a model")
	}
	t.Parallel() // most of the time is the disk's
	m := modelOfLayer(t, c)
	dir, name := t.TempDir(), strings.ReplaceAll(c.Name, "/", "_")
	if keep := os.Getenv("GK_FORMS"); keep != "" {
		dir = keep
	}
	architecture, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".h5", ".keras", ".weights.h5", ".legacy.h5"} {
		path := filepath.Join(dir, name+ending)
		weights := strings.Count(ending, ".") > 1
		if err := hdf5io.Save(m, path, hdf5io.SaveOptions{WeightsOnly: weights}); err != nil {
			t.Fatal(err)
		}
		loadForm(t, path, m, architecture, weights)
	}
	for _, ending := range []string{".back.h5", ".back.keras"} {
		path := filepath.Join(dir, name+ending)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			loadForm(t, path, m, nil, false)
		}
	}
}

func loadForm(t *testing.T, path string, m *model.Model, architecture []byte, weights bool) {
	t.Helper()
	o := hdf5io.Options{}
	if weights {
		o.Config = architecture
	}
	r, err := hdf5io.Load(path, o)
	if err != nil {
		t.Error(err)
		return
	}
	if strings.Contains(path, ".back.") {
		// tf.keras has other defaults, and means something else by some words, so that configs are not comparable.
		sameValues(t, path, r.Model, m, r.KerasVersion[0] == '3')
		return
	}
	if len(r.Warnings)+len(r.Conversions) > 0 {
		t.Errorf("%s: warnings %q, conversions %q", path, r.Warnings, r.Conversions)
	}
	sameModel(t, path, r.Model, m)
}

// sameValues is sameModel for a model that has been through Keras, which names weights and writes defaults in its own way.
func sameValues(t *testing.T, what string, got, want *model.Model, configs bool) {
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
	if !configs {
		return
	}
	a, errA := got.Config(core.Keras3)
	b, errB := want.Config(core.Keras3)
	if err := errors.Join(errA, errB, coretest.ThroughJSON(&a), coretest.ThroughJSON(&b)); err != nil {
		t.Error(err)
		return
	}
	// Keras 3 records of every call whether it was one in training, and overrides it in every run.
	for _, l := range a["config"].(map[string]any)["layers"].([]any) {
		for _, n := range l.(map[string]any)["inbound_nodes"].([]any) {
			delete(n.(map[string]any)["kwargs"].(map[string]any), "training")
		}
	}
	if err := coretest.SameConfig(what, a["config"], b["config"]); err != nil {
		t.Error(err)
	}
}

// modelOfLayer is a functional model of one layer, whose weights are numbered.
func modelOfLayer(t *testing.T, c coretest.Case) *model.Model {
	t.Helper()
	l, err := registry.Default.Decoder(registry.Origin{}).Layer(c.Row)
	if err != nil {
		t.Fatal(err)
	}
	l.Common().Name = "it" // Keras 3 takes no name with a slash, as those of cases have
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
	y := model.ApplyWith(l, kwargs, args...)
	m, err := model.New(in, []*model.Tensor{y})
	if err != nil {
		t.Fatal(err)
	}
	next := float32(0)
	for _, w := range m.AllWeights() {
		d := w.Data()
		for i := range d {
			next++
			d[i] = next / 64
			if strings.Contains(w.DType, "int") {
				d[i] = next
			}
		}
		w.SetReady()
	}
	return m
}
