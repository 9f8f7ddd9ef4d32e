package hdf5io_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// malformedFile is a line of the manifest of malformed files.
type malformedFile struct{ File, Expect, Kind, Where, Why string }

// malformedFiles are the files of the manifest, and the two, beside it, that crash libhdf5 1.10.8 in the call that reads an attribute.
func malformedFiles(t *testing.T) (dir string, files []malformedFile) {
	dir = shared(t, "malformed")
	var manifest struct{ Files []malformedFile }
	readJSON(t, filepath.Join(dir, "manifest.json"), &manifest)
	crashers, err := filepath.Glob(filepath.Join(dir, "files", "libhdf5_*"))
	if err != nil || len(crashers) != 2 {
		t.Fatalf("got %d files that crash libhdf5, %v, want 2", len(crashers), err)
	}
	for _, path := range crashers {
		manifest.Files = append(manifest.Files, malformedFile{File: "files/" + filepath.Base(path), Expect: "error", Kind: "ErrCorrupt", Where: "global heap"})
	}
	return dir, manifest.Files
}

// TestMalformed loads every malformed and hostile file, with both backends, each in a process of its own that gets 2 s and 256 MiB. All of
// them must give what their manifest wants, the place in the error included.
func TestMalformed(t *testing.T) {
	dir, files := malformedFiles(t)
	var wait sync.WaitGroup
	var lock sync.Mutex
	slots := make(chan bool, 2)
	good, peak, slowest := 0, int64(0), time.Duration(0)
	for _, f := range files {
		for _, untrusted := range []bool{false, true} {
			wait.Go(func() {
				slots <- true
				defer func() { <-slots }()
				r, err := loadInChild(filepath.Join(dir, f.File), untrusted)
				var problem string
				if err != nil {
					problem = err.Error()
				} else {
					problem = f.judge(r)
				}
				lock.Lock()
				defer lock.Unlock()
				peak, slowest = max(peak, r.Peak), max(slowest, r.time)
				if problem != "" {
					t.Errorf("%s (untrusted %v): %s", f.File, untrusted, problem)
					return
				}
				if testing.Verbose() && r.Error != "" {
					t.Logf("ok %s | %s | %s", f.File, f.Where, r.Error)
				}
				good++
			})
		}
	}
	wait.Wait()
	t.Logf("%d of %d as expected; at most %d MiB and %v", good, 2*len(files), peak>>20, slowest)
}

// judge compares what came of a file with what the manifest wants: "" if they agree.
func (f malformedFile) judge(r report) string {
	failed := r.Error != ""
	switch {
	case !failed && !r.Model:
		return "neither model nor error"
	case failed && r.Model:
		return "a model with an error"
	case !failed && f.Expect == "error":
		return "loads, want " + f.Kind
	case failed && f.Expect == "ok":
		return "fails: " + r.Error
	case !failed:
		return ""
	case r.Foreign != "":
		return "an error of type " + r.Foreign
	case f.Kind != "" && f.Kind != "any" && r.Kind != f.Kind:
		return "got " + r.Kind + ", want " + f.Kind + " at " + f.Where + ": " + r.Error
	case r.Where == "":
		return "no place: " + r.Error
	case len(r.Error) > 500 || strings.ContainsAny(r.Error, "\n\r\x1b"):
		return "a text that is no short line"
	}
	if missing := placeMissing(f.Where, r.Error); missing != "" && f.Expect == "error" {
		return fmt.Sprintf("no %q in %q, want the place %q", missing, r.Error, f.Where)
	}
	return ""
}

var word = regexp.MustCompile(`[\pL\pN]+`)

// placeMissing is the first word of the place that the manifest wants which is not in an error; "offset" is a number of bytes there.
func placeMissing(want, text string) string {
	have := word.FindAllString(text, -1)
	for _, w := range word.FindAllString(want, -1) {
		if w != "offset" && !slices.Contains(have, w) {
			return w
		}
	}
	return ""
}
