package command

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	inTemp(t)
	writeText(t, "blobs.json", blobsExperiment)
	out := ok(t, "summary", "blobs.json")
	for _, want := range []string{"Model: \"sequential\"\n", "┃ Layer (type)      ", "│ dense (Dense)     ", "│ (None, 6)  ", "│              30 │", "\n Total params: 51 (204.00 B)\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	o := okJSON(t, "summary", "blobs.json")
	layer := o["layers"].([]any)[1].(map[string]any)
	if layer["name"] != "dense_1" || layer["class"] != "Dense" || layer["parameters"] != 21.0 || layer["trainable"] != true {
		t.Errorf("got %v", layer)
	}
	shape := layer["outputs"].([]any)[0].([]any)
	if shape[0] != nil || shape[1] != 3.0 {
		t.Errorf("got shape %v, want null and 3", shape)
	}
	fails(t, exitFailure, "ErrNotFound", []string{"none.h5: no such file"}, "summary", "none.h5")
	writeText(t, "list.json", "[1, 2]")
	fails(t, exitFailure, "ErrNotModel", []string{"list.json: "}, "summary", "list.json")
}
