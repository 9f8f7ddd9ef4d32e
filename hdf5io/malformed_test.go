package hdf5io_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/hdf5io"
)

// malformedFloor is how many of the malformed files give the expected result now; it only grows.
const malformedFloor = 300

// TestMalformed loads every malformed and hostile file, with both backends.
func TestMalformed(t *testing.T) {
	dir := shared(t, "malformed")
	var manifest struct {
		Files []struct{ File, Expect, Kind, Where, Why string }
	}
	readJSON(t, filepath.Join(dir, "manifest.json"), &manifest)
	good := 0
	for _, f := range manifest.Files {
		for _, untrusted := range []bool{false, true} {
			began := time.Now()
			r, err := hdf5io.Load(filepath.Join(dir, f.File), hdf5io.Options{Untrusted: untrusted})
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("%s: took %v", f.File, d)
			}
			problem := ""
			var e *core.Error
			switch {
			case err == nil && r.Model == nil:
				problem = "neither model nor error"
			case err != nil && r.Model != nil:
				problem = "a model with an error"
			case err == nil && f.Expect == "error":
				problem = "loads, want " + f.Kind
			case err != nil && f.Expect == "ok":
				problem = "fails: " + err.Error()
			case err != nil && !errors.As(err, &e):
				problem = "an error that is no core.Error"
			case err != nil && f.Kind != "" && f.Kind != "any" && string(e.Kind) != f.Kind:
				problem = "got " + string(e.Kind) + ", want " + f.Kind + " at " + f.Where + ": " + err.Error()
			case err != nil && e.Where == "":
				problem = "no place: " + err.Error()
			case err != nil && (len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\n\r\x1b")):
				problem = "a text that is no short line"
			}
			if problem != "" {
				t.Logf("%s (untrusted %v): %s", f.File, untrusted, problem)
				continue
			}
			if testing.Verbose() && err != nil {
				t.Logf("ok %s | %s | %s", f.File, f.Where, err)
			}
			good++
		}
	}
	t.Logf("%d of %d as expected", good, 2*len(manifest.Files))
	if good < malformedFloor {
		t.Errorf("got %d as expected, want at least %d", good, malformedFloor)
	}
}
