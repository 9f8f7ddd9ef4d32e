package hdf5io_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
)

// Run these with -fuzzminimizetime 5x: goroutines make coverage vary, and minimizing for its sake takes all the time.

// seeds adds small good files of the given forms.
func seeds(f *testing.F, names ...string) {
	f.Helper()
	m, err := model.NewSequential(layers.NewDense(2, layers.With{"input_shape": 3, "name": "a"}), layers.NewDense(1, layers.With{"name": "b"}))
	if err == nil {
		err = m.Compile(model.Compile{Optimizer: "sgd", Loss: "mse"})
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(f.TempDir(), name)
		err := m.Save(path)
		text, readErr := os.ReadFile(path)
		if err := errors.Join(err, readErr); err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// loadAnything must give a model or an error of gk's, whatever the bytes are.
func loadAnything(t *testing.T, data []byte) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := hdf5io.Load(path, hdf5io.Options{Untrusted: true, LoadOptions: model.LoadOptions{
		Config: []byte(`{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "a", "units": 2, "batch_input_shape": [null, 3]}}]}`)}})
	var e *core.Error
	switch {
	case err == nil && r.Model == nil:
		t.Error("neither a model nor an error")
	case err != nil && (!errors.As(err, &e) || r.Model != nil || len(err.Error()) > 500):
		t.Errorf("got %v (%T) and model %v", err, err, r.Model)
	}
}

func FuzzHDF5(f *testing.F) {
	seeds(f, "m.h5", "m.weights.h5")
	f.Fuzz(loadAnything)
}

func FuzzArchive(f *testing.F) {
	seeds(f, "m.keras")
	f.Fuzz(loadAnything)
}

func FuzzConfig(f *testing.F) {
	seeds(f, "m.json")
	f.Add([]byte(`{"class_name": "Functional", "config": {"name": "m", "layers": [{"class_name": "InputLayer", "name": "x", "config":
		{"batch_shape": [null, 2]}, "inbound_nodes": []}, {"class_name": "Dense", "name": "d", "config": {"units": 2, "name": "d"},
		"inbound_nodes": [[["x", 0, 0, {}]], [["d", 0, 0, {}]]]}], "input_layers": [["x", 0, 0]], "output_layers": ["d", 1, 0]}}`))
	f.Fuzz(loadAnything)
}
