//go:build cgo

// Tests that libhdf5 survives what the Go reader lets through.

package h5

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"gonum.org/v1/hdf5"
)

// TestGonumMutants lets libhdf5 read every mutant that the Go reader accepts, in a child process, which must survive.
// GK_H5_MUTANTS sets their number per file.
func TestGonumMutants(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 30
	}
	if s := os.Getenv("GK_H5_MUTANTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if dir := os.Getenv("GK_H5_CHILD"); dir != "" {
		path := filepath.Join(dir, "mutant.h5")
		total := 0
		for i, good := range goodFiles(t) {
			r := rand.New(rand.NewPCG(uint64(n), uint64(i)))
			for range n {
				b := slices.Clone(good)
				mutate(r, b)
				fixSums(b)
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				f, err := Open(path, WithBackend(BackendGonum), WithLimits(Limits{DataBytes: 8 << 20, ChunkBytes: 1 << 20}))
				if err != nil {
					continue
				}
				total++
				for _, d := range f.Root().Datasets() {
					_ = d.ReadRaw(make([]byte, d.Len()*d.Type.Size)) // may fail, must not crash
				}
				if err := f.Close(); err != nil {
					t.Fatalf("file %d: %v", i, err) // libhdf5 has lost its footing, and will crash in its own clean-up
				}
			}
		}
		fmt.Println("accepted:", total)
		if err := hdf5.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestGonumMutants$", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), "GK_H5_CHILD="+dir, "GK_H5_MUTANTS="+strconv.Itoa(n))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v; the file is %s\n%s", err, keep(t, dir), out[max(0, len(out)-2000):])
	}
	t.Logf("%s", out)
}

// TestFiltersRefused wants unknown filters refused before libhdf5 could look for a plugin, and the looking for plugins switched off.
func TestFiltersRefused(t *testing.T) {
	for _, name := range []string{"filter_lzf.h5", "filter_unknown_plugin.h5"} {
		path := above(t, "shared/malformed/files/"+name)
		for _, b := range []Backend{BackendGo, BackendGonum, BackendDefault} {
			if _, err := Open(path, WithBackend(b)); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s, %v backend: %v, want ErrUnsupported", name, b, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "x.h5")
	if err := Create(path, kerasTree(), WithBackend(BackendGonum)); err != nil {
		t.Fatal(err)
	}
	if v := os.Getenv("HDF5_PLUGIN_PRELOAD"); v == "" {
		t.Error("libhdf5 would look for plugins")
	}
}

// keep copies the last mutant to where the end of the test does not remove it.
func keep(t *testing.T, dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "mutant.h5"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp("", "mutant-*.h5")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
