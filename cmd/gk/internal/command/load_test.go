package command

import (
	"os"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	ok(t, "save", "model.h5", "model.keras")
	for _, file := range []string{"model.h5", "model.keras"} {
		for _, more := range [][]string{nil, {"--untrusted"}} {
			out := ok(t, append([]string{"load", file}, more...)...)
			for _, want := range []string{file + " (", "format  ", "written by  Keras 3.", `Sequential "sequential", 2 layers`, "dense/kernel", "(4, 8)", "Adam, learning rate 0.01, 27 steps taken",
				"sparse_categorical_crossentropy", "67, 67 of them trained"} {
				if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
					t.Errorf("%s: got\n%s\nwant %q in it", file, out, want)
				}
			}
		}
		o := okJSON(t, "load", file)
		if len(o["weights"].([]any)) != 4 || o["parameters"] != 67.0 || o["class"] != "Sequential" || o["optimizer"].(map[string]any)["state"] != true {
			t.Errorf("%s: got %v", file, o)
		}
	}
	good, err := os.ReadFile("model.h5")
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, "short.h5", string(good[:len(good)-100]))
	fails(t, exitFailure, "ErrTruncated", []string{"short.h5: "}, "load", "short.h5")
	writeText(t, "text.h5", "hello")
	fails(t, exitFailure, "ErrNotModel", []string{"text.h5: "}, "load", "text.h5")
	ok(t, "save", "model.h5", "--weights-only", "weights.h5")
	fails(t, exitFailure, "ErrNoConfig", []string{"weights.h5: ", "--config"}, "load", "weights.h5")
	ok(t, "save", "model.h5", "architecture.json")
	if o := okJSON(t, "load", "weights.h5", "--config", "architecture.json"); o["weights_only"] != true || o["parameters"] != 67.0 {
		t.Errorf("got %v", o)
	}
	fails(t, exitFailure, "ErrNotFound", []string{"none.json: no such file"}, "load", "weights.h5", "--config", "none.json")
}
