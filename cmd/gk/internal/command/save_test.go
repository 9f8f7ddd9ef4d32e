package command

import (
	"bytes"
	"os"
	"testing"
)

// Every form keeps the predictions, and where it can the optimizer.
func TestSave(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	predict := func(model string, more ...string) []byte {
		t.Helper()
		ok(t, append([]string{"predict", model, "blobs.npz", "--out", "y.npy"}, more...)...)
		y, err := os.ReadFile("y.npy")
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	want := predict("model.h5")
	for _, c := range []struct {
		from, to string
		config   bool
	}{
		{"model.h5", "a.keras", false}, {"a.keras", "b.h5", false}, {"b.h5", "c.hdf5", false},
		{"model.h5", "a.json", false}, {"model.h5", "d.weights.h5", true},
	} {
		o := okJSON(t, "save", c.from, c.to)
		if info, err := os.Stat(c.to); err != nil || o["saved"] != c.to || o["bytes"] != float64(info.Size()) {
			t.Errorf("%s to %s: got %v, %v", c.from, c.to, o, err)
		}
		if c.to == "a.json" {
			continue
		}
		var more []string
		if c.config {
			more = []string{"--config", "a.json"}
		} else if got := okJSON(t, "load", c.to)["optimizer"].(map[string]any)["iterations"]; got != 27.0 {
			t.Errorf("%s: got an optimizer after %v steps, want 27", c.to, got)
		}
		if !bytes.Equal(predict(c.to, more...), want) {
			t.Errorf("%s to %s: predictions changed", c.from, c.to)
		}
	}
	ok(t, "save", "model.h5", "plain.h5", "--no-compile")
	if o := okJSON(t, "load", "plain.h5"); o["optimizer"] != nil {
		t.Errorf("got optimizer %v, want none", o["optimizer"])
	}
}

func TestSaveBadInput(t *testing.T) {
	inTemp(t)
	writeText(t, "blobs.json", blobsExperiment)
	writeText(t, "old.h5", "old")
	fails(t, exitFailure, "ErrIO", []string{"none/x.h5: ", "no such file or directory"}, "save", "blobs.json", "none/x.h5")
	fails(t, exitUsage, "ErrUsage", []string{"x.txt: ", "want .h5"}, "save", "blobs.json", "x.txt")
	fails(t, exitFailure, "ErrNotModel", []string{"old.h5: "}, "save", "old.h5", "x.h5")
	fails(t, exitUsage, "ErrUsage", []string{"save: got 1 arguments, want MODEL FILE"}, "save", "blobs.json")
	writeText(t, "broken.json", `{"model": {"class_name": "Sequential", "config": {"layers": [{"class_name": "Nothing", "config": {}}]}}}`)
	fails(t, exitFailure, "ErrUnknownLayer", []string{"broken.json: ", `layer "nothing" (Nothing): unknown layer "Nothing"`}, "save", "broken.json", "old.h5")
	if text, err := os.ReadFile("old.h5"); err != nil || string(text) != "old" {
		t.Errorf("got %q, %v: a file was touched by a save that failed", text, err)
	}
}
