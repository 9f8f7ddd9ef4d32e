package hdf5io_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns fuzzing of whole files; that of HDF5's own structures lies beside the reader. Run these with -fuzzminimizetime 5x:
// goroutines make coverage vary, and minimizing for its sake takes all the time.

// fuzzModel is small and has weights that are trained and others.
func fuzzModel(tb testing.TB) *model.Model {
	tb.Helper()
	m, err := model.NewSequential(layers.NewDense(2, layers.With{"input_shape": 3, "name": "a"}), layers.NewBatchNormalization(layers.With{"name": "n"}),
		layers.NewDense(1, layers.With{"name": "b"}))
	if err == nil {
		err = m.Compile(model.Compile{Optimizer: "sgd", Loss: "mse"})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// saved are the bytes of a model in the form that the file's name asks for.
func saved(tb testing.TB, name string) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	err := fuzzModel(tb).Save(path)
	text, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr); err != nil {
		tb.Fatal(err)
	}
	return text
}

// fuzzFile is where this process puts what it loads: always the same file, because making folders takes most of the time.
var fuzzFile = sync.OnceValues(func() (string, error) {
	f, err := os.CreateTemp("", "gk-fuzz-*")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
})

// loadBytes must give a model or an error of gk's, whatever the bytes are.
func loadBytes(t *testing.T, data []byte, o hdf5io.Options) *hdf5io.Result {
	path, err := fuzzFile()
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Untrusted = true
	r, err := hdf5io.Load(path, o)
	var e *core.Error
	switch {
	case err == nil && r.Model == nil:
		t.Error("neither a model nor an error")
	case err != nil && (!errors.As(err, &e) || e.Where == "" || r.Model != nil || len(err.Error()) > 500):
		t.Errorf("got %v (%T) and model %v", err, err, r.Model)
	}
	return r
}

const fuzzConfig = `{"class_name": "Sequential", "config": [
	{"class_name": "Dense", "config": {"name": "a", "units": 2, "batch_input_shape": [null, 3]}},
	{"class_name": "BatchNormalization", "config": {"name": "n"}}, {"class_name": "Dense", "config": {"name": "b", "units": 1}}]}`

func fuzzOptions() hdf5io.Options {
	return hdf5io.Options{LoadOptions: model.LoadOptions{Config: []byte(fuzzConfig)}}
}

func loadAnything(t *testing.T, data []byte) { loadBytes(t, data, fuzzOptions()) }

func FuzzHDF5(f *testing.F) {
	f.Add(saved(f, "m.h5"))
	f.Add(saved(f, "m.weights.h5"))
	f.Fuzz(loadAnything)
}

func FuzzArchive(f *testing.F) {
	f.Add(saved(f, "m.keras"))
	f.Fuzz(loadAnything)
}

func FuzzConfig(f *testing.F) {
	f.Add(saved(f, "m.json"))
	f.Add([]byte(fuzzConfig))
	f.Add([]byte(`{"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name": "InputLayer", "name": "x", "config":
		{"batch_shape": [null, 2]}, "inbound_nodes": []}, {"class_name": "Dense", "name": "d", "config": {"units": 2, "name": "d"},
		"inbound_nodes": [[["x", 0, 0, {}]], [["d", 0, 0, {}]]]}], "input_layers": [["x", 0, 0]], "output_layers": ["d", 1, 0]}}`))
	f.Add([]byte(`{"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name": "InputLayer", "name": "x", "config":
		{"batch_shape": [null, 8, 2]}, "inbound_nodes": []}, {"class_name": "LSTM", "name": "r", "config": {"units": 2, "name": "r",
		"return_sequences": true}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}],
		"kwargs": {}}]}], "input_layers": ["x", 0, 0], "output_layers": ["r", 0, 0]}}`))
	f.Fuzz(loadAnything)
}

// FuzzAssign damages the weights of a sound file (names, shapes, types, lists of names, groups) and loads it in every way. A weight must get
// all numbers of one dataset in their order, or what it had before.
func FuzzAssign(f *testing.F) {
	for form := range byte(3) {
		for mode := range byte(4) {
			f.Add([]byte{form, mode})
			for op := range byte(assignOps) {
				f.Add([]byte{form, mode, op, 0, 0})
				f.Add([]byte{form, mode, op, 3, 2, op, 5, 1})
			}
		}
	}
	forms := [][]byte{saved(f, "m.h5"), saved(f, "m.weights.h5"), legacyWeights(f)}
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) < 2 || len(program) > 60 {
			return
		}
		tree := readTree(t, forms[int(program[0])%len(forms)])
		for ops := program[2:]; len(ops) >= 3; ops = ops[3:] {
			tree.damage(ops[0], ops[1], ops[2])
		}
		o := fuzzOptions()
		o.ByName, o.SkipMismatch = program[1]&1 != 0, program[1]&2 != 0
		file, ok := tree.encode(t)
		if !ok {
			return
		}
		r := loadBytes(t, file, o)
		if r.Model == nil {
			if len(program) == 2 && !(o.ByName && program[0]%3 == 1) { // paths, which .weights.h5 has, are no names
				t.Error("a sound file does not load")
			}
			return
		}
		for _, w := range r.Model.AllWeights() {
			if len(w.Data()) != w.Shape.Size() {
				t.Errorf("%s has %d numbers", w.Name, len(w.Data()))
			}
			first := w.Data()[0]
			if first < assigned { // an initial value
				if !o.ByName && !o.SkipMismatch || len(program) == 2 {
					t.Errorf("%s keeps %v", w.Name, w.Data())
				}
				continue
			}
			for i, v := range w.Data() {
				if v != first+float32(i) {
					t.Errorf("%s is put together: %v", w.Name, w.Data())
					break
				}
			}
		}
	})
}

// assigned is more than any initial value: numbers of datasets are counted from here on, hundreds apart.
const assigned = 1000

// tree is a file that is being damaged.
type tree struct {
	groups   map[string][]h5.AttrSpec
	datasets []leaf
}

type leaf struct {
	path string
	spec *h5.DatasetSpec
	data []float32
}

// readTree takes a file apart. The numbers of its datasets become ones that tell where they are from.
func readTree(t testing.TB, file []byte) *tree {
	f, err := h5.NewReader(strings.NewReader(string(file)), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	out := &tree{groups: map[string][]h5.AttrSpec{"/": specs(t, f.Root().Attrs())}}
	_ = f.Root().Walk(func(m h5.Member) error { // the function never fails
		if m.Group != nil {
			out.groups[m.Group.Path()] = specs(t, m.Group.Attrs())
			return nil
		}
		data := make([]float32, m.Dataset.Len())
		for i := range data {
			data[i] = float32(assigned + 100*len(out.datasets) + i)
		}
		out.datasets = append(out.datasets, leaf{m.Dataset.Path(), &h5.DatasetSpec{Shape: slices.Clone(m.Dataset.Shape), Data: data}, data})
		return nil
	})
	return out
}

func specs(t testing.TB, attrs []*h5.Attr) []h5.AttrSpec {
	var out []h5.AttrSpec
	for _, a := range attrs {
		if s, err := a.Str(); err == nil {
			out = append(out, h5.AttrSpec{Name: a.Name, Value: h5.ASCII(s)})
			continue
		}
		list, err := a.Strs()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h5.AttrSpec{Name: a.Name, Value: list})
	}
	return out
}

// assignOps is how many ways there are to damage a tree.
const assignOps = 11

// damage changes one dataset, or one attribute that lists names.
func (tr *tree) damage(op, which, how byte) {
	if len(tr.datasets) == 0 {
		return
	}
	i := int(which) % len(tr.datasets)
	d := &tr.datasets[i]
	switch op % assignOps {
	case 0: // not there
		tr.datasets = slices.Delete(tr.datasets, i, i+1)
	case 1: // another name
		d.path = fmt.Sprintf("%s_%d", d.path, how)
	case 2: // the place of another one
		other := &tr.datasets[int(how)%len(tr.datasets)]
		d.path, other.path = other.path, d.path
	case 3: // another shape of the same size
		n := len(d.data)
		d.spec.Shape = [][]int{{n}, {1, n}, {n, 1}, {n, 1, 1}}[how%4]
	case 4: // another size
		n := int(how)%9 + 1
		for len(d.data) < n {
			d.data = append(d.data, d.data[0]+float32(len(d.data)))
		}
		d.data = d.data[:n]
		d.spec.Shape, d.spec.Data = []int{n}, d.data
	case 5: // another type
		var v any
		switch how % 4 {
		case 0:
			v = converted[float64](d.data)
		case 1:
			v = converted[int32](d.data)
		case 2:
			v = converted[uint16](d.data)
		case 3:
			v = converted[int64](d.data)
		}
		d.spec.Data = v
	case 6: // an attribute that nothing asks for, or that means something
		d.spec.Attrs = append(d.spec.Attrs, h5.AttrSpec{Name: []string{"dtype", "x", "weight_names"}[how%3], Value: "bfloat16"})
	case 7: // nothing in it
		d.spec.Shape, d.spec.Data = []int{0}, []float32{}
	default: // a list of names is shorter, longer, in another order, or no list
		tr.rename(op%assignOps, which, how)
	}
}

func converted[T float64 | int32 | int64 | uint16](v []float32) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

func (tr *tree) rename(op, which, how byte) {
	paths := make([]string, 0, len(tr.groups))
	for p := range tr.groups {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	attrs := tr.groups[paths[int(which)%len(paths)]]
	for i := range attrs {
		list, ok := attrs[i].Value.([]string)
		if !ok || len(list) == 0 {
			continue
		}
		list = slices.Clone(list)
		k := int(how) % len(list)
		switch op {
		case 8:
			list = slices.Delete(list, k, k+1)
		case 9:
			list = append(list, list[k], "../"+list[0])
		case 10:
			list[0], list[k] = list[k], list[0]
			if how > 200 {
				attrs[i].Value = "one"
				continue
			}
		}
		attrs[i].Value = list
	}
}

// encode writes the tree; it is false where damage made what no file can hold.
func (tr *tree) encode(t *testing.T) ([]byte, bool) {
	root := &h5.GroupSpec{}
	for path, attrs := range tr.groups {
		g, err := root.Group(path)
		if err != nil {
			return nil, false
		}
		g.Attrs = attrs
	}
	for _, d := range tr.datasets {
		if root.Add(d.path, d.spec) != nil {
			return nil, false
		}
	}
	var b strings.Builder
	if err := h5.Encode(&b, root); err != nil {
		var e *h5.Error
		if !errors.As(err, &e) {
			t.Errorf("writing: %v", err)
		}
		return nil, false
	}
	return []byte(b.String()), true
}

// legacyWeights is a file of weights alone, as save_weights of Keras 1 and 2 writes it.
func legacyWeights(tb testing.TB) []byte {
	whole := readTree(tb, saved(tb, "m.h5"))
	root := &h5.GroupSpec{}
	for path, attrs := range whole.groups {
		if inner, ok := strings.CutPrefix(path, "/model_weights"); ok {
			g, err := root.Group(inner)
			if err != nil {
				tb.Fatal(err)
			}
			g.Attrs = attrs
		}
	}
	for _, d := range whole.datasets {
		if inner, ok := strings.CutPrefix(d.path, "/model_weights"); ok {
			if err := root.Add(inner, d.spec); err != nil {
				tb.Fatal(err)
			}
		}
	}
	var b strings.Builder
	if err := h5.Encode(&b, root); err != nil {
		tb.Fatal(err)
	}
	return []byte(b.String())
}
