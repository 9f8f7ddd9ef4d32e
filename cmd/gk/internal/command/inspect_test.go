package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	inTemp(t)
	blobs(t, "blobs.npz")
	ok(t, with(small, "--epochs", "1")...)
	ok(t, "save", "model.h5", "model.keras")
	ok(t, "save", "model.h5", "model.json")
	for _, c := range []struct {
		args      []string
		want, not string
	}{
		{[]string{"model.h5"}, "HDF5, ", "min "},
		{[]string{"model.h5"}, "  @model_config  {", ""},
		{[]string{"model.h5"}, "        kernel ", ""},
		{[]string{"model.h5", "/model_weights/dense", "--values", "2"}, "... min ", "dense_1"},
		{[]string{"model.h5", "model_weights/dense/sequential/dense/kernel"}, "float32 (4, 8) contiguous 128 bytes", "bias"},
		{[]string{"model.keras"}, "config.json stored ", ""},
		{[]string{"model.keras"}, "model.weights.h5:/", ""},
		{[]string{"model.keras", "/layers/dense", "--untrusted"}, "float32 (4, 8) contiguous 128 bytes", "dense_1"},
		{[]string{"model.keras", "model.weights.h5:/layers/dense"}, `@name "dense"`, "dense_1"},
		{[]string{"model.keras", "config.json"}, `"class_name": "Sequential"`, "model.weights.h5"},
		{[]string{"model.json"}, `"class_name": "Sequential"`, ""},
		{[]string{"model.h5", "--attr", "model_config"}, `{ "class_name": "Sequential", "config": {`, "@"},
		{[]string{"model.h5", "/model_weights", "--attr", "layer_names"}, "dense dense_1", "@"},
	} {
		got := strings.Join(strings.Fields(ok(t, append([]string{"inspect"}, c.args...)...)), " ")
		if want := strings.Join(strings.Fields(c.want), " "); !strings.Contains(got, want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%q: got\n%s\nwant %q in it and not %q", c.args, got, c.want, c.not)
		}
	}
	entry := func(path string, args ...string) map[string]any {
		t.Helper()
		for _, x := range okJSON(t, append([]string{"inspect"}, args...)...)["entries"].([]any) {
			if x := x.(map[string]any); x["path"] == path {
				return x
			}
		}
		t.Fatalf("%q: no entry %s", args, path)
		return nil
	}
	if x := entry("/model_weights/dense/sequential/dense/kernel", "model.h5", "--values", "3"); x["type"] != "float32" || x["bytes"] != 128.0 ||
		x["storage"] != "contiguous" || len(x["values"].(map[string]any)["first"].([]any)) != 3 {
		t.Errorf("got %v", x)
	}
	if x := entry("config.json", "model.keras"); len(x["crc32"].(string)) != 8 || x["stored"] != x["bytes"] {
		t.Errorf("got %v", x)
	}
	if o := okJSON(t, "inspect", "model.h5", "--attr", "model_config"); o["value"].(map[string]any)["class_name"] != "Sequential" {
		t.Errorf("got %v", o)
	}
	fails(t, exitFailure, "ErrNotFound", []string{`model.h5: /: has no attribute "layer_names" (/model_weights has it)`}, "inspect", "model.h5", "--attr", "layer_names")
	fails(t, exitFailure, "ErrNotFound", []string{`(did you mean "backend"?)`}, "inspect", "model.h5", "--attr", "bakend")
	fails(t, exitFailure, "ErrNotFound", []string{`model.h5: /model_weight: there is no such group or dataset (did you mean "/model_weights"?)`}, "inspect", "model.h5", "/model_weight")
	fails(t, exitFailure, "ErrNotFound", []string{`model.keras: member "conf.json": is not there (did you mean "config.json"?)`}, "inspect", "model.keras", "conf.json")
	fails(t, exitUsage, "ErrUsage", []string{"--values: got 0"}, "inspect", "model.h5", "--values", "0")
	fails(t, exitFailure, "ErrNotFound", []string{"none.h5: no such file"}, "inspect", "none.h5")
	writeText(t, "text.h5", "hello")
	fails(t, exitFailure, "ErrNotModel", []string{"text.h5: "}, "inspect", "text.h5")
}

// shared finds a folder of files that are kept beside the repository, or skips the test.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "..", "..", "shared", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not there: it is kept beside the repository, as ../shared/%s", dir, name)
	}
	return dir
}

// Every published file can be looked into, with all its values.
func TestInspectPublished(t *testing.T) {
	list, err := filepath.Glob(filepath.Join(shared(t, "keras-files"), "models", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		if len(ok(t, "inspect", path, "--values", "2")) < 20 || len(okJSON(t, "inspect", path, "--values", "2")["entries"].([]any)) == 0 {
			t.Errorf("%s: nothing is shown", path)
		}
	}
}

// A malformed file is shown, or refused with the kind of error that it has for whoever loads it. What is wrong with the model in a sound
// file is no matter of inspect.
func TestInspectMalformed(t *testing.T) {
	dir := shared(t, "malformed")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct{ File, Expect, Kind, Group string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, f := range manifest.Files {
		path := filepath.Join(dir, f.File)
		code, out, stderr := gk("inspect", path, "--values", "3", "--json")
		if code == exitOK {
			shown++
			if f.Expect == "error" && slices.Contains([]string{"truncation", "superblock", "structure", "links"}, f.Group) {
				t.Errorf("%s (%s): is shown, want %s", f.File, f.Group, f.Kind)
			}
			var o map[string]any
			if err := json.Unmarshal([]byte(out), &o); err != nil {
				t.Errorf("%s: %v", f.File, err)
			}
			if plain := ok(t, "inspect", path, "--values", "3"); strings.ContainsAny(plain, "\x1b\r\x00") {
				t.Errorf("%s: characters that a terminal obeys are shown", f.File)
			}
			continue
		}
		var o struct {
			Error struct{ Kind, Where, Message string }
		}
		if err := json.Unmarshal([]byte(stderr), &o); err != nil || o.Error.Where == "" || o.Error.Message == "" {
			t.Errorf("%s: got %q, %v", f.File, stderr, err)
		}
		if f.Expect == "ok" || f.Kind != "" && f.Kind != "any" && o.Error.Kind != f.Kind {
			t.Errorf("%s: got %+v, want %s %s", f.File, o.Error, f.Expect, f.Kind)
		}
	}
	if shown < 20 || shown == len(manifest.Files) {
		t.Errorf("%d of %d are shown", shown, len(manifest.Files))
	}
}
