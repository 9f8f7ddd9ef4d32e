package hdf5io_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
)

// TestKerases opens files that tf.keras 2.12 to 2.15, tf_keras and Keras 3.0 to 3.15 wrote, in every form, and predicts what they predict.
// testdata/keras/zoo.py writes them; a few are in testdata/zoo, and $GK_ZOO names a folder with all of them: VERSION/NAME.npz has inputs
// x_0, ... and outputs y_0, ... of VERSION/NAME.keras, .h5, .weights.h5 and .json.
func TestKerases(t *testing.T) {
	dir := os.Getenv("GK_ZOO")
	if dir == "" {
		dir = filepath.Join("..", "testdata", "zoo")
	}
	data, err := filepath.Glob(filepath.Join(dir, "*", "*.npz"))
	if err != nil || len(data) == 0 {
		t.Fatalf("%s: no files, %v", dir, err)
	}
	for _, path := range data {
		base := strings.TrimSuffix(path, ".npz")
		for _, form := range []string{".keras", ".h5", ".weights.h5"} {
			if _, err := os.Stat(base + form); err != nil {
				continue
			}
			t.Run(filepath.Base(filepath.Dir(base))+"/"+filepath.Base(base)+form, func(t *testing.T) {
				t.Parallel()
				if err := zooFile(t, base, form); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func zooFile(t *testing.T, base, form string) error {
	o := hdf5io.Options{}
	if form == ".weights.h5" {
		var err error
		if o.Config, err = os.ReadFile(base + ".json"); err != nil {
			return err
		}
	}
	r, err := hdf5io.Load(base+form, o)
	if err != nil {
		return err
	}
	for _, w := range r.Warnings {
		t.Errorf("warning: %s", w)
	}
	names, arrays, err := dataset.ReadArrays(base + ".npz")
	if err != nil {
		return err
	}
	var x, want []*tensor.Tensor
	for i, n := range names {
		if strings.HasPrefix(n, "x_") {
			x = append(x, arrays[i])
		} else {
			want = append(want, arrays[i])
		}
	}
	got, err := r.Model.Predict(context.Background(), x, model.Run{})
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("got %d outputs, want %d", len(got), len(want))
	}
	tolerance := 1e-5
	if strings.Contains(base, "mixed") {
		tolerance = 1e-3 // Keras computes in float16
	}
	for i := range got {
		if err := coretest.Near(fmt.Sprintf("output %d", i), got[i], want[i], tolerance); err != nil {
			return err
		}
	}
	return nil
}
