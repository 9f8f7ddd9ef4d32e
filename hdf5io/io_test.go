package hdf5io_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

func sequential(t *testing.T, ls ...core.Layer) *model.Model {
	t.Helper()
	m, err := model.NewSequential(ls...)
	if err != nil {
		t.Fatal(err)
	}
	m.SetSeed(3)
	m.Initialize()
	return m
}

func dense(name string, units int, more ...layers.With) core.Layer {
	return layers.NewDense(units, append(more, layers.With{"name": name})...)
}

func save(t *testing.T, m *model.Model, name string, o hdf5io.SaveOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := hdf5io.Save(m, path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

func architecture(t *testing.T, m *model.Model) []byte {
	t.Helper()
	text, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestDisagreements names everything that does not fit, at once.
func TestDisagreements(t *testing.T) {
	three := sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 5), dense("c", 2))
	others := map[string]struct {
		m    *model.Model
		kind core.Kind
		want []string
	}{
		"fewer layers": {sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 5)), core.ErrExtraWeights, []string{"/c"}},
		"more layers": {sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 5), dense("c", 2), dense("d", 2), dense("e", 2)),
			core.ErrMissingWeights, []string{`layer "d"`, `layer "e"`}},
		"other shapes": {sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 6), dense("c", 2)), core.ErrShapeMismatch,
			[]string{`layer "b" (Dense): kernel`, `layer "b" (Dense): bias`, `layer "c" (Dense): kernel`, "(4, 5)", "(4, 6)"}},
		"no bias": {sequential(t, dense("a", 4, layers.With{"input_shape": 3, "use_bias": false}), dense("b", 5), dense("c", 2)), core.ErrExtraWeights,
			[]string{`layer "a" (Dense)`, "a/bias"}},
	}
	for what, c := range others {
		path := save(t, three, "w.h5", hdf5io.SaveOptions{WeightsOnly: true})
		r, err := hdf5io.Load(path, hdf5io.Options{LoadOptions: model.LoadOptions{Config: architecture(t, c.m)}})
		var all hdf5io.Disagreements
		if !errors.Is(err, c.kind) || !errors.As(err, &all) || r.Model != nil {
			t.Errorf("%s: got %v, want %s and no model", what, err, c.kind)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %q", what, w, err)
			}
		}
	}
}

// TestSkipMismatchAndByName load what fits.
func TestSkipMismatchAndByName(t *testing.T) {
	from := sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 5), dense("c", 2))
	to := sequential(t, dense("b", 4, layers.With{"input_shape": 3}), dense("x", 5), dense("c", 3))
	path := save(t, from, "w.h5", hdf5io.SaveOptions{WeightsOnly: true})
	load := func(o hdf5io.Options) *hdf5io.Result {
		t.Helper()
		o.Config = architecture(t, to)
		r, err := hdf5io.Load(path, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := load(hdf5io.Options{SkipMismatch: true})
	if len(r.Skipped) != 2 || !strings.Contains(r.Skipped[0], `layer "c" (Dense): kernel: got shape (5, 2)`) {
		t.Errorf("skip mismatch: skipped %q, want kernel and bias of c", r.Skipped)
	}
	for i := range 4 {
		if !slices.Equal(r.Model.AllWeights()[i].Data(), from.AllWeights()[i].Data()) {
			t.Errorf("skip mismatch: weight %d is not loaded", i)
		}
	}
	if _, err := hdf5io.Load(path, hdf5io.Options{ByName: true, LoadOptions: model.LoadOptions{Config: architecture(t, to)}}); !errors.Is(err, core.ErrShapeMismatch) {
		t.Errorf("by name: got %v, want a mismatch of b", err)
	}
	to = sequential(t, dense("z", 4, layers.With{"input_shape": 3}), dense("b", 5))
	r = load(hdf5io.Options{ByName: true})
	if len(r.Skipped) != 3 || !slices.Equal(r.Model.AllWeights()[2].Data(), from.AllWeights()[2].Data()) || r.Model.AllWeights()[0].Ready() {
		t.Errorf("by name: skipped %q", r.Skipped)
	}
}

// TestUnsaidInput opens weights of Sequential models whose architecture does not say what their input is, as Keras 2.3.1 writes those that
// were made with an InputLayer.
func TestUnsaidInput(t *testing.T) {
	for want, ls := range map[string][]string{
		"(None, 6)": {
			`{"class_name": "GaussianNoise", "config": {"name": "n", "stddev": 0.1}}`,
			`{"class_name": "Dropout", "config": {"name": "o", "rate": 0.1}}`,
			`{"class_name": "Dense", "config": {"name": "d", "units": 2}}`},
		"(None, None, 4)": {
			`{"class_name": "Masking", "config": {"name": "m", "mask_value": 0.0}}`,
			`{"class_name": "Bidirectional", "config": {"name": "b", "layer": {"class_name": "GRU", "config": {"name": "g", "units": 3}}}}`},
		"": {
			`{"class_name": "Flatten", "config": {"name": "f"}}`,
			`{"class_name": "Dense", "config": {"name": "d", "units": 2}}`},
	} {
		text := func(layers []string) []byte {
			return []byte(`{"class_name": "Sequential", "config": {"name": "s", "layers": [` + strings.Join(layers, ", ") + `]}, "keras_version": "2.3.1"}`)
		}
		said := `{"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": ` +
			map[string]string{"(None, 6)": "[null, 6]", "(None, None, 4)": "[null, 7, 4]", "": "[null, 5, 2]"}[want] + `}}`
		m, err := model.FromJSON(text(append([]string{said}, ls...)), nil, registry.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		m.Initialize()
		path := save(t, m, "w.h5", hdf5io.SaveOptions{WeightsOnly: true})
		r, err := hdf5io.Load(path, hdf5io.Options{LoadOptions: model.LoadOptions{Config: text(ls)}})
		if want == "" {
			if !errors.Is(err, core.ErrGraph) {
				t.Errorf("%s: got %v, want that nothing says what its input is", ls, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", ls, err)
			continue
		}
		if got := fmt.Sprint(r.Model.Inputs()[0].Shape()); got != want || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], want) {
			t.Errorf("%s: got input %s and warnings %q, want %s", ls, got, r.Warnings, want)
		}
		for i, w := range r.Model.AllWeights() {
			if !slices.Equal(w.Data(), m.AllWeights()[i].Data()) {
				t.Errorf("%s: weight %d is not loaded", ls, i)
			}
		}
	}
}

// TestManyLongNames needs attributes beyond what an object header holds.
func TestManyLongNames(t *testing.T) {
	var ls []core.Layer
	for i := range 200 {
		with := layers.With{}
		if i == 0 {
			with["input_shape"] = 1
		}
		ls = append(ls, dense(fmt.Sprintf("%s%04d", strings.Repeat("n", 417), i), 1, with))
	}
	m := sequential(t, ls...)
	path := save(t, m, "m.h5", hdf5io.SaveOptions{})
	f, err := h5.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Root().Group("model_weights")
	if err != nil {
		t.Fatal(err)
	}
	// 200 names of 421 bytes are two lists of 100, as in files of Keras 3.15.
	for _, name := range []string{"layer_names0", "layer_names1"} {
		if a, err := g.Attr(name); err != nil || a.Len() != 100 || a.Type.Size < 421 {
			t.Errorf("%s: got %v, %v", name, a, err)
		}
	}
	if g.HasAttr("layer_names") || g.HasAttr("layer_names2") {
		t.Error("there is another list of names")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := hdf5io.Load(path, hdf5io.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, path, r.Model, m)
}

// TestFailedSaveKeepsFile: an error while saving leaves the old file and nothing else.
func TestFailedSaveKeepsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.h5")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := sequential(t, dense(strings.Repeat("n", 70_000), 1, layers.With{"input_shape": 1}))
	if err := m.Save(path); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("got %v, want a name that is too long", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("the old file is gone: %q, %v", text, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if err := m.Save(filepath.Join(dir, "no", "folder.keras")); !errors.Is(err, core.ErrIO) {
		t.Errorf("got %v, want an error of the system", err)
	}
	if err := m.Save(filepath.Join(dir, "m.txt")); !errors.Is(err, core.ErrUsage) {
		t.Errorf("got %v, want an error about the ending", err)
	}
}

// TestShards reads weights that are spread over files, one group of arrays over two of them.
func TestShards(t *testing.T) {
	m := sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 2))
	dir := t.TempDir()
	w := m.AllWeights()
	write := func(name string, arrays map[string]*core.Weight) {
		root := &h5.GroupSpec{}
		for path, x := range arrays {
			if err := root.Add(path, &h5.DatasetSpec{Shape: x.Shape, Data: x.Data()}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h5.Create(filepath.Join(dir, name), root); err != nil {
			t.Fatal(err)
		}
	}
	write("w_00000.weights.h5", map[string]*core.Weight{"layers/dense/vars/0": w[0]})
	write("w_00001.weights.h5", map[string]*core.Weight{"layers/dense/vars/1": w[1], "layers/dense_1/vars/0": w[2], "layers/dense_1/vars/1": w[3]})
	list := filepath.Join(dir, "w.weights.json")
	put := func(first string) {
		text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": map[string]any{
			"/layers/dense/vars": []string{first, "w_00001.weights.h5"}, "/layers/dense_1/vars": []string{"w_00001.weights.h5"}}})
		if err == nil {
			err = os.WriteFile(list, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	o := hdf5io.Options{LoadOptions: model.LoadOptions{Config: architecture(t, m)}}
	put("w_00000.weights.h5")
	r, err := hdf5io.Load(list, o)
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, list, r.Model, m)
	put("../w_00000.weights.h5")
	if _, err := hdf5io.Load(list, o); !errors.Is(err, core.ErrUnsafePath) {
		t.Errorf("got %v, want a refusal", err)
	}
}

// TestOldestLayout reads weights as Keras 0.x kept them.
func TestOldestLayout(t *testing.T) {
	m := sequential(t, dense("a", 4, layers.With{"input_shape": 3}), dense("b", 2))
	root := &h5.GroupSpec{}
	root.SetAttr("nb_layers", 3)
	w := m.AllWeights()
	for k, n := range []int{2, 0, 2} {
		g, err := root.Group(fmt.Sprint("layer_", k))
		if err != nil {
			t.Fatal(err)
		}
		g.SetAttr("nb_params", n)
		for p := range n {
			if err := g.Add(fmt.Sprint("param_", p), &h5.DatasetSpec{Shape: w[0].Shape, Data: w[0].Data()}); err != nil {
				t.Fatal(err)
			}
			w = w[1:]
		}
	}
	path := filepath.Join(t.TempDir(), "old.h5")
	if err := h5.Create(path, root); err != nil {
		t.Fatal(err)
	}
	r, err := hdf5io.Load(path, hdf5io.Options{LoadOptions: model.LoadOptions{Config: architecture(t, m)}})
	if err != nil {
		t.Fatal(err)
	}
	sameWeights(t, path, r.Model, m)
	if _, err := hdf5io.Load(path, hdf5io.Options{}); !errors.Is(err, core.ErrNoConfig) {
		t.Errorf("without an architecture: got %v", err)
	}
}

// TestStoredTypes writes weights in the types that their layers ask for.
func TestStoredTypes(t *testing.T) {
	for _, c := range []struct {
		dtype string
		from  []float32
		want  []float32
	}{
		{"float16", []float32{1, -0.1, 65504, 1e6, 6e-8, 1 + 1.0/2048, float32(math.Inf(-1))},
			[]float32{1, -0.099975586, 65504, float32(math.Inf(1)), 5.9604645e-08, 1, float32(math.Inf(-1))}},
		{"bfloat16", []float32{1, -0.1, 3.4e38, 1 + 1.0/256}, []float32{1, -0.10009765625, float32(math.Inf(1)), 1}},
		{"float64", []float32{0.1, -2}, []float32{0.1, -2}},
		{"int64", []float32{7, -3}, []float32{7, -3}},
		{"uint8", []float32{7, 255}, []float32{7, 255}},
	} {
		for _, name := range []string{"w.h5", "w.weights.h5"} {
			m := sequential(t, dense("a", len(c.from), layers.With{"input_shape": 1}))
			w := m.AllWeights()[1]
			w.DType = c.dtype
			copy(w.Data(), c.from)
			path := save(t, m, name, hdf5io.SaveOptions{WeightsOnly: true})
			r, err := hdf5io.Load(path, hdf5io.Options{LoadOptions: model.LoadOptions{Config: architecture(t, m)}})
			if err != nil {
				t.Errorf("%s in %s: %v", c.dtype, name, err)
				continue
			}
			if got := r.Model.AllWeights()[1].Data(); !slices.Equal(got, c.want) {
				t.Errorf("%s in %s: got %v, want %v", c.dtype, name, got, c.want)
			}
			in, err := hdf5io.Inspect(path, hdf5io.InspectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(in.Entries, func(e hdf5io.Entry) bool { return e.Kind == "dataset" && e.Type == c.dtype }) {
				t.Errorf("%s: no dataset of it in %+v", c.dtype, in.Entries)
			}
		}
	}
}

// TestInspect lists groups, attributes, datasets and members.
func TestInspect(t *testing.T) {
	m := sequential(t, dense("a", 2, layers.With{"input_shape": 3}))
	for name, want := range map[string][]string{
		"m.h5":    {"/ group", "/model_weights group", "/model_weights/a/sequential/a/kernel dataset"},
		"m.keras": {"config.json member", "model.weights.h5 member", "model.weights.h5:/layers/dense/vars/0 dataset"},
		"m.json":  {"/ json"},
	} {
		path := save(t, m, name, hdf5io.SaveOptions{})
		in, err := hdf5io.Inspect(path, hdf5io.InspectOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range want {
			if !slices.ContainsFunc(in.Entries, func(e hdf5io.Entry) bool { return e.Path+" "+e.Kind == w }) {
				t.Errorf("%s: %s is not in %+v", name, w, in.Entries)
			}
		}
		config, _, err := hdf5io.Config(path, hdf5io.Options{})
		if o, ok := config.(map[string]any); err != nil || !ok || o["class_name"] != "Sequential" {
			t.Errorf("%s: got config %v, %v", name, config, err)
		}
	}
}
