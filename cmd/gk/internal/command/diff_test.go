package command

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io"
)

// differs runs gk diff on models that differ and gives what it writes, for people and as JSON.
func differs(t *testing.T, args ...string) (string, map[string]any) {
	t.Helper()
	args = append([]string{"diff"}, args...)
	code, out, stderr := gk(args...)
	if code != exitDifferent || stderr != "" {
		t.Errorf("gk %q: exit code %d, stderr %q, want %d and nothing", args, code, stderr, exitDifferent)
	}
	code, text, stderr := gk(append(args, "--json")...)
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil || code != exitDifferent || stderr != "" || o["equal"] != false {
		t.Errorf("gk %q --json: exit code %d, stderr %q, %v, equal %v", args, code, stderr, err, o["equal"])
	}
	return strings.Join(strings.Fields(out), " "), o
}

func TestDiff(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	for _, file := range []string{"model.keras", "b.h5", "model.json", "w.weights.h5"} {
		ok(t, "save", "model.h5", file)
	}
	ok(t, "save", "model.h5", "w.h5", "--weights-only")
	// The same model in every form is equal.
	for _, b := range []string{"model.h5", "b.h5", "model.keras", "model.json", "w.weights.h5", "w.h5"} {
		out := strings.Join(strings.Fields(ok(t, "diff", "model.h5", b)), " ")
		if !strings.Contains(out, "settings equal") || strings.Contains(out, "weights all 4 are equal bit for bit") == (b == "model.json") {
			t.Errorf("%s: got %q", b, out)
		}
		if o := okJSON(t, "diff", b, "model.h5"); o["equal"] != true || len(o["settings"].([]any)) != 0 {
			t.Errorf("%s: got %v", b, o)
		}
	}
	if o := okJSON(t, "diff", "model.h5", "model.keras"); len(o["weights"].([]any)) != 4 || len(o["state"].([]any)) != 8 || len(o["notes"].([]any)) != 0 {
		t.Errorf("got %v", o)
	}
	if o := okJSON(t, "diff", "w.h5", "w.weights.h5", "--config", "model.json"); o["equal"] != true || len(o["weights"].([]any)) != 4 {
		t.Errorf("got %v", o)
	}

	// One more epoch changes weights and the state of the optimizer.
	ok(t, "train", "model.h5", "--data", "blobs.npz", "--epochs", "1", "--out", "more.h5")
	out, o := differs(t, "model.h5", "more.h5")
	for _, want := range []string{"dense/kernel (4, 8) float32 0.", "32 of 32", "settings equal", "weights 0 of 4 are equal bit for bit; largest difference 0.", "iterations 27 30"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	first := o["weights"].([]any)[0].(map[string]any)
	if first["exact"] != false || !(first["largest"].(float64) > 0) || first["layer"] != "dense" || first["name"] != "kernel" {
		t.Errorf("got %v", first)
	}
	if out := ok(t, "diff", "w.weights.h5", "more.h5", "--tolerance", "2"); !strings.Contains(out, "4 within 2") {
		t.Errorf("got %q", out)
	}

	// Other settings, one layer more.
	writeText(t, "other.json", `{"class_name": "Sequential", "config": {"name": "sequential", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "input_layer"}},
		{"class_name": "Dense", "config": {"name": "dense", "units": 9, "activation": "tanh"}},
		{"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5}},
		{"class_name": "Dense", "config": {"name": "last", "units": 3, "activation": "softmax"}}]}}`)
	out, o = differs(t, "model.json", "other.json")
	for _, want := range []string{"dense: activation relu tanh", "dense: units 8 9", "drop - Dropout", "dense_1: name dense_1 last"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	if len(o["settings"].([]any)) < 4 || len(o["weights"].([]any)) != 0 {
		t.Errorf("got %v", o)
	}

	fails(t, exitFailure, "ErrNoConfig", []string{"w.h5: ", "--config"}, "diff", "w.h5", "w.weights.h5")
	fails(t, exitFailure, "ErrNotFound", []string{"none.h5: no such file"}, "diff", "model.h5", "none.h5")
	fails(t, exitUsage, "ErrUsage", []string{"diff: got 1 arguments, want A B"}, "diff", "model.h5")
	fails(t, exitUsage, "ErrUsage", []string{"--tolerance: got -1, want >= 0"}, "diff", "model.h5", "b.h5", "--tolerance", "-1")
}

// A single bit is found, and a type in which files store weights.
func TestDiffBits(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	r, err := hdf5io.Load("model.h5", hdf5io.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ws := r.Model.AllWeights()
	ws[0].Data()[5] *= 1 + 1.0/(1<<22)
	if err := r.Model.Save("changed.h5"); err != nil {
		t.Fatal(err)
	}
	out, o := differs(t, "model.h5", "changed.h5")
	for _, want := range []string{"dense/kernel (4, 8) float32 ", "1 of 32", "weights 3 of 4 are equal bit for bit"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	if w := o["weights"].([]any)[0].(map[string]any); w["count"] != 1.0 || !(w["relative"].(float64) < 1e-6) {
		t.Errorf("got %v", w)
	}
	other, err := hdf5io.Load("model.h5", hdf5io.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ws[0].Data()[5] = other.Model.AllWeights()[0].Data()[5]
	ws[1].DType = "float64"
	if d, err := model.Diff(r.Model, other.Model, model.DiffOptions{}); err != nil || d.Equal() || d.Weights[0].Equal != true || d.Weights[1].Equal || !d.Weights[1].Exact {
		t.Errorf("got %+v, %v", d, err)
	}
	if d, err := model.Diff(r.Model, r.Model, model.DiffOptions{}); err != nil || !d.Equal() {
		t.Errorf("a model differs from itself: %+v, %v", d, err)
	}
}
