package hdf5io_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/dataset"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io"
)

// publishedFloor is how many of the published files give the outputs of their Keras now; it only grows.
const publishedFloor = 64

// TestPublished loads files that people published and compares outputs with those of the Keras that wrote them.
func TestPublished(t *testing.T) {
	dir := shared(t, "keras-files")
	var manifest []struct {
		ID, File     string
		ArchFile     string `json:"arch_file"`
		KerasVersion string `json:"keras_version"`
		ArchVersion  string `json:"arch_keras_version"`
		Reference    string
		Expected     string
		Alternatives []string
	}
	readJSON(t, filepath.Join(dir, "manifest.json"), &manifest)
	good := 0
	for _, f := range manifest {
		version := f.KerasVersion
		if version == "" {
			version = f.ArchVersion
		}
		worst, err := checkPublished(dir, f.File, f.ArchFile, f.Expected, f.Reference)
		verdict := "ok"
		if err != nil {
			verdict = "FAILS " + err.Error()
		} else {
			good++
		}
		t.Logf("%-60s %-9s %8.1g  %s", f.ID, version, worst, verdict)
	}
	t.Logf("%d of %d give the outputs of their Keras", good, len(manifest))
	if good < publishedFloor {
		t.Errorf("got %d, want at least %d", good, publishedFloor)
	}
}

func checkPublished(dir, file, arch, expected, reference string) (float64, error) {
	o := hdf5io.Options{}
	if arch != "" {
		text, err := os.ReadFile(filepath.Join(dir, arch))
		if err != nil {
			return math.NaN(), err
		}
		o.Config = text
	}
	if strings.Contains(reference, "theano") {
		o.Backend = "theano"
	}
	r, err := hdf5io.Load(filepath.Join(dir, file), o)
	if err != nil {
		return math.NaN(), err
	}
	names, arrays, err := dataset.ReadArrays(filepath.Join(dir, expected))
	if err != nil {
		return math.NaN(), err
	}
	var in, want []*tensor.Tensor
	for i, n := range names {
		if strings.HasPrefix(n, "in_") {
			in = append(in, arrays[i])
		} else {
			want = append(want, arrays[i])
		}
	}
	out, err := r.Model.Predict(context.Background(), in, model.Run{})
	if err != nil {
		return math.NaN(), err
	}
	if len(out) != len(want) {
		return math.NaN(), fmt.Errorf("got %d outputs, want %d", len(out), len(want))
	}
	worst := 0.0
	for i := range out {
		d, err := difference(out[i], want[i])
		if err != nil {
			return math.NaN(), fmt.Errorf("output %d: %w", i, err)
		}
		worst = max(worst, d)
	}
	if worst > 1e-5 {
		return worst, fmt.Errorf("outputs differ")
	}
	return worst, nil
}

// difference is the largest one relative to the largest number of want.
func difference(got, want *tensor.Tensor) (float64, error) {
	if !got.Shape().Equal(want.Shape()) {
		return 0, fmt.Errorf("got shape %v, want %v", got.Shape(), want.Shape())
	}
	scale, worst := 1e-30, 0.0
	g, w := got.Float64s(), want.Float64s()
	for i := range w {
		scale = max(scale, math.Abs(w[i]))
		worst = max(worst, math.Abs(g[i]-w[i]))
	}
	return worst / scale, nil
}
