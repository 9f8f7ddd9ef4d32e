package command

import (
	"math"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

func TestEvaluate(t *testing.T) {
	inTemp(t)
	writeText(t, "sum.json", `{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 1, "kernel_initializer": "ones", "input_shape": [2]}}]}}`)
	// The sum is off by 1, 1 and 4.
	write(t, "d.npz", []string{"x", "y"}, tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2), tensor.From([]float32{2, 8, 15}))
	args := []string{"evaluate", "sum.json", "--data", "d.npz", "--loss", "mse", "--metrics", "mae"}
	if got, want := ok(t, args...), "data   d.npz (train): 3 samples\nloss  6.0000\nmae   2.0000\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	o := okJSON(t, append(args, "--batch-size", "2")...)
	m := o["metrics"].(map[string]any)
	if math.Abs(m["loss"].(float64)-6) > 1e-6 || o["samples"] != 3.0 || o["error"] != nil {
		t.Errorf("got %v", o)
	}
	fails(t, exitUsage, "ErrUsage", []string{"sum.json: ", "nothing says what its loss is"}, "evaluate", "sum.json", "--data", "d.npz")
	fails(t, exitFailure, "ErrData", []string{"d.npz: --part: got data of one part, want a test part"}, append(args, "--part", "test")...)
	fails(t, exitUsage, "ErrUsage", []string{`--part: got "all", want train or test`}, append(args, "--part", "all")...)
	write(t, "x.npy", nil, tensor.From([]float32{1, 2}, 1, 2))
	fails(t, exitFailure, "ErrData", []string{"x.npy: got no targets", "--labels"}, "evaluate", "sum.json", "--data", "x.npy", "--loss", "mse")
	write(t, "y.npy", nil, tensor.From([]float32{2}, 1))
	if o := okJSON(t, "evaluate", "sum.json", "--data", "x.npy", "--labels", "y.npy", "--loss", "mse"); o["metrics"].(map[string]any)["loss"] != 1.0 {
		t.Errorf("got %v, want a loss of 1", o)
	}
}

func TestEvaluateParts(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	for part, want := range map[string]string{"": "(test): 60 samples", "test": "(test): 60 samples", "train": "(train): 300 samples"} {
		args := []string{"evaluate", "model.h5", "--data", "blobs.npz"}
		if part != "" {
			args = append(args, "--part", part)
		}
		out := ok(t, args...)
		if !strings.Contains(out, want) || !strings.Contains(out, "\naccuracy  ") || !strings.Contains(out, "\nerror     ") {
			t.Errorf("part %q: got\n%s\nwant %q and an accuracy and an error", part, out, want)
		}
	}
	y := tensor.From([]int32{0, 1, -1, 2})
	write(t, "labels.npz", []string{"x", "y"}, tensor.New(tensor.Float32, 4, 4), y)
	fails(t, exitFailure, "ErrData", []string{"labels.npz: ", "label 2: got -1, want a whole number from 0 to 2"}, "evaluate", "model.h5", "--data", "labels.npz")
}
