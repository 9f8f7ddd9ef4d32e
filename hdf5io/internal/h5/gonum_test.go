//go:build cgo

// Tests that libhdf5 survives what the Go reader lets through.

package h5

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/hdf5"
)

// TestGonumMutants lets libhdf5 read mutants of good files that the Go reader accepts, in child processes: none may crash or hang, or read
// other numbers or strings than the Go reader. Only what libhdf5 would get to see counts: files in the old format. GK_H5_MUTANTS sets how many accepted ones are wanted.
func TestGonumMutants(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	if s := os.Getenv("GK_H5_MUTANTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if dir := os.Getenv("GK_H5_CHILD"); dir != "" {
		seed, err := strconv.ParseUint(os.Getenv("GK_H5_SEED"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		surviveMutants(t, filepath.Join(dir, "mutant.h5"), seed, n)
		return
	}
	const children = 2
	var wait sync.WaitGroup
	for child := range children {
		wait.Go(func() {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestGonumMutants$", "-test.timeout=30m")
			cmd.Env = append(os.Environ(), "GK_H5_CHILD="+dir, "GK_H5_SEED="+strconv.Itoa(child), "GK_H5_MUTANTS="+strconv.Itoa((n+children-1)/children))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v; the file is %s\n%s", err, keep(t, dir), out[max(0, len(out)-3000):])
				return
			}
			t.Logf("%s", out)
		})
	}
	wait.Wait()
}

// oldFiles are good files in the format that Keras writes, published ones where they are at hand.
func oldFiles(t *testing.T) [][]byte {
	var old [][]byte
	for _, b := range append(goodFiles(t), publishedFiles()...) {
		f, err := NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if !f.modern {
			old = append(old, b)
		}
	}
	return old
}

// publishedFiles are the small ones among the published models beside the repository.
func publishedFiles() [][]byte {
	var files [][]byte
	paths, _ := filepath.Glob("../../../../shared/keras-files/models/*.h5")
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil && len(b) < 40<<10 {
			files = append(files, b)
		}
	}
	return files
}

// surviveMutants reads n accepted mutants with both backends. path is where the one at work is.
func surviveMutants(t *testing.T, path string, seed uint64, n int) {
	files := oldFiles(t)
	places := make([][]int, len(files))
	for i, b := range files {
		places[i] = metadata(t, b)
	}
	tried, accepted, refused := 0, 0, 0
	watch := time.AfterFunc(time.Hour, func() {
		debug.SetTraceback("all")
		panic("libhdf5 hangs")
	})
	for ; accepted < n; tried++ {
		good := files[tried%len(files)]
		r := rand.New(rand.NewPCG(seed, uint64(tried)))
		b := slices.Clone(good)
		mutate(r, b, places[tried%len(files)])
		fixSums(b)
		lim := WithLimits(Limits{DataBytes: 8 << 20, ChunkBytes: 1 << 20})
		reader, err := NewReader(bytes.NewReader(b), int64(len(b)), lim)
		if err != nil || reader.modern { // the new format never goes to libhdf5
			continue
		}
		accepted++
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		watch.Reset(10 * time.Second)
		f, err := Open(path, WithBackend(BackendGonum), lim)
		if err != nil {
			t.Fatalf("file %d, mutant %d: %v", tried%len(files), tried, err)
		}
		for i, d := range f.Root().Datasets() {
			got, want := make([]byte, d.Len()*d.Type.Size), make([]byte, d.Len()*d.Type.Size)
			gotErr, wantErr := d.ReadRaw(got), reader.Root().Datasets()[i].ReadRaw(want)
			switch {
			case gotErr != nil: // libhdf5 may refuse what gk reads
				refused++
			case wantErr != nil:
				t.Fatalf("file %d, mutant %d, %s: only libhdf5 reads it; gk: %v", tried%len(files), tried, d.Path(), wantErr)
			case !bytes.Equal(got, want):
				t.Fatalf("file %d, mutant %d, %s: libhdf5 reads other bytes than gk", tried%len(files), tried, d.Path())
			}
		}
		// The backend leaves attributes to Go, because libhdf5 dies of heaps that lie. What gk accepts must not.
		if err := gonumAttributes(path, f.Root()); err != nil {
			t.Fatalf("file %d, mutant %d: %v", tried%len(files), tried, err)
		}
		if err := f.Close(); err != nil {
			t.Fatalf("file %d, mutant %d: %v", tried%len(files), tried, err) // libhdf5 has lost its footing, and will crash in its own clean-up
		}
	}
	watch.Stop()
	fmt.Printf("%d mutants made, %d accepted by gk and survived by libhdf5, which refused %d of their data sets\n", tried, accepted, refused)
	if err := hdf5.Close(); err != nil {
		t.Fatal(err)
	}
}

// attributed is an open group or dataset.
type attributed interface {
	OpenAttribute(name string) (*hdf5.Attribute, error)
	Close() error
}

// gonumAttributes reads all string attributes of the old format through libhdf5 and compares them with what gk has read. An error says
// that they differ; libhdf5 may refuse.
func gonumAttributes(path string, root *Group) error {
	return locked(func() error {
		f, err := hdf5.OpenFile(path, hdf5.F_ACC_RDONLY)
		if err != nil {
			return nil
		}
		defer f.Close()
		read := func(o attributed, err error, attrs []*Attr) error {
			if err != nil {
				return nil
			}
			defer o.Close()
			for _, a := range attrs {
				if err := gonumStrings(o, a); err != nil {
					return err
				}
			}
			return nil
		}
		g, err := f.OpenGroup("/")
		if err := read(g, err, root.Attrs()); err != nil {
			return err
		}
		return root.Walk(func(m Member) error {
			if m.Group != nil {
				g, err := f.OpenGroup(m.Group.Path())
				return read(g, err, m.Group.Attrs())
			}
			d, err := f.OpenDataset(m.Dataset.Path())
			return read(d, err, m.Dataset.Attrs())
		})
	})
}

// gonumStrings reads one attribute of strings of variable length.
func gonumStrings(o attributed, a *Attr) error {
	if !a.Type.VarLen || len(a.strs) == 0 {
		return nil
	}
	attr, err := o.OpenAttribute(a.Name)
	if err != nil {
		return nil
	}
	defer attr.Close()
	if len(a.strs) == 1 {
		var s string // with the type of the file
		if err := attr.Read(&s, nil); err == nil && s != a.strs[0] {
			return fmt.Errorf("%s: libhdf5 reads %.100q, gk %.100q", a.where, s, a.strs[0])
		}
		return nil
	}
	pointers := make([]byte, len(a.strs)*8)
	_ = attr.Read(&pointers[0], hdf5.T_GO_STRING) // must not crash; the strings are left behind in C's memory
	return nil
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
