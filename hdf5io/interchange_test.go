package hdf5io_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
)

// TestInterchange is gk's side of testdata/keras/interchange.py, which names a folder with jobs in $GK_INTERCHANGE: it loads a model,
// predicts, saves it in several forms, takes a step, and predicts again.
func TestInterchange(t *testing.T) {
	dir := os.Getenv("GK_INTERCHANGE")
	if dir == "" {
		t.Skip("GK_INTERCHANGE is not set: testdata/keras/interchange.py runs this test with real Keras")
	}
	var jobs []struct {
		Name, Model, Data, Config string
		Save                      []string
	}
	readJSON(t, filepath.Join(dir, "jobs.json"), &jobs)
	for _, j := range jobs {
		t.Run(j.Name, func(t *testing.T) {
			o := hdf5io.Options{}
			if j.Config != "" {
				var err error
				if o.Config, err = os.ReadFile(filepath.Join(dir, j.Config)); err != nil {
					t.Fatal(err)
				}
			}
			r, err := hdf5io.Load(filepath.Join(dir, j.Model), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range r.Warnings {
				t.Errorf("warning: %s", w)
			}
			names, arrays, err := dataset.ReadArrays(filepath.Join(dir, j.Data))
			if err != nil {
				t.Fatal(err)
			}
			d := &dataset.Dataset{}
			for i, n := range names {
				if strings.HasPrefix(n, "x_") {
					d.X = append(d.X, arrays[i])
				} else {
					d.Y = append(d.Y, arrays[i])
				}
			}
			answers, values := []string{"before"}, []*tensor.Tensor{predictOne(t, r.Model, d)}
			for _, file := range j.Save {
				o := hdf5io.SaveOptions{OptimizerWeights: strings.HasSuffix(file, ".tf.h5"), WeightsOnly: strings.HasSuffix(file, ".legacy.h5")}
				if strings.HasSuffix(file, ".2.3.1.h5") {
					o = hdf5io.SaveOptions{KerasVersion: "2.3.1"}
				}
				if err := hdf5io.Save(r.Model, filepath.Join(dir, file), o); err != nil {
					t.Fatal(err)
				}
			}
			if r.Model.Compiled() {
				if !r.HasOptimizer && !r.WeightsOnly {
					t.Error("the state of the optimizer is not restored")
				}
				step(t, r.Model, d)
				answers, values = append(answers, "after"), append(values, predictOne(t, r.Model, d))
			}
			if err := dataset.Write(filepath.Join(dir, j.Name+".out.npz"), answers, values); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func predictOne(t *testing.T, m *model.Model, d *dataset.Dataset) *tensor.Tensor {
	t.Helper()
	out, err := m.Predict(context.Background(), d.X, model.Run{})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
