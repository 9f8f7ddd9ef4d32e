package hdf5io_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
	"github.com/gokeras/gk/registry"
)

// TestOperationForms saves the models of functions between layers, of Keras 3 and of tf.keras, as .h5 and .keras and loads them: their configs
// are equal. What they compute, TestOperations and TestTensorFlow of core/model compare.
//
// With $GK_FORMS the files are kept in that folder, where testdata/keras/operations.py loads them with real Keras.
func TestOperationForms(t *testing.T) {
	for kind, version := range map[string]string{"operations": "3.15.1", "tensorflow": "2.15.0"} {
		for _, c := range coretest.Read(t, kind) {
			t.Run(kind+"/"+c.Name, func(t *testing.T) {
				if c.Row["unwritable"] == true {
					t.Skip("Keras 3 cannot say it")
				}
				t.Parallel()
				text, err := json.Marshal(c.Meta["config"])
				if err != nil {
					t.Fatal(err)
				}
				m, err := model.FromJSON(text, nil, registry.Origin{KerasVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				if keep := os.Getenv("GK_FORMS"); keep != "" {
					dir = keep
				}
				for ending, dialect := range map[string]core.Dialect{".h5": core.Legacy, ".keras": core.Keras3} {
					config, err := m.Config(dialect)
					if err != nil {
						t.Fatal(err)
					}
					if err := coretest.ThroughJSON(&config); err != nil {
						t.Fatal(err)
					}
					written, err := model.FromConfig(config, nil, registry.Origin{KerasVersion: "3.15.1"})
					if err != nil {
						t.Fatal(err)
					}
					want, err := written.JSON()
					if err != nil {
						t.Fatal(err)
					}
					path := filepath.Join(dir, kind+"__"+c.Name+ending)
					if err := hdf5io.Save(m, path, hdf5io.SaveOptions{}); err != nil {
						t.Fatal(err)
					}
					r, err := hdf5io.Load(path, hdf5io.Options{})
					if err != nil {
						t.Fatal(err)
					}
					got, err := r.Model.JSON()
					if err != nil {
						t.Fatal(err)
					}
					if string(got) != string(want) {
						t.Errorf("%s: got %s\nwant %s", ending, got, want)
					}
				}
			})
		}
	}
}
