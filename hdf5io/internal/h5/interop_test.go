// Tests that others read what either writer writes: h5dump of HDF5 itself here, h5py through testdata/h5/read.py.

package h5

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// othersTree has everything that both writers can write; more is what only the Go writer can.
func othersTree(t testing.TB, more bool) *GroupSpec {
	root := kerasTree()
	root.SetAttr("long", strings.Repeat("0123456789", 7000)) // in a heap, whatever its length
	root.SetAttr("utf8", "grüße")
	root.SetAttr("names", []ASCII{"a", "", "dense_1"})
	root.SetAttr("fixed", []Fixed{"ab", "cdef"})
	root.SetAttr("ints", []int64{1, -2, 3})
	root.SetAttr("floats", []float32{1.5, -2})
	err := errors.Join(
		root.Add("types/f8", &DatasetSpec{Shape: []int{2, 2}, Data: []float64{0.1, -0.2, 1e300, 0}}),
		root.Add("types/i1", &DatasetSpec{Shape: []int{3}, Data: []int8{-128, 0, 127}}),
		root.Add("types/i2", &DatasetSpec{Shape: []int{2}, Data: []int16{-300, 300}}),
		root.Add("types/i4", &DatasetSpec{Shape: []int{2}, Data: []int32{-70000, 70000}}),
		root.Add("types/i8", &DatasetSpec{Shape: []int{2}, Data: []int64{-1 << 40, 1 << 40}}),
		root.Add("types/u1", &DatasetSpec{Shape: []int{2}, Data: []uint8{0, 255}}),
		root.Add("types/u8", &DatasetSpec{Shape: []int{1}, Data: []uint64{1<<64 - 1}}),
		root.Add("types/be", &DatasetSpec{Shape: []int{2}, Data: Raw{bigEndian(Float32), []byte{0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0}}}),
		root.Add("types/bf16", &DatasetSpec{Shape: []int{2}, Data: Raw{BFloat16, []byte{0xc0, 0x3f, 0, 0xc0}},
			Attrs: []AttrSpec{{Name: "dtype", Value: "bfloat16"}}}),
		root.Add("types/empty", &DatasetSpec{Shape: []int{0, 3}, Data: []float32{}}),
	)
	for i := range 300 { // more than one node of names
		err = errors.Join(err, root.Add(fmt.Sprintf("many/layer_%03d/kernel", i), &DatasetSpec{Shape: []int{1}, Data: []float32{float32(i)}}))
	}
	if more {
		err = errors.Join(err, root.Add("types/bool", &DatasetSpec{Shape: []int{3}, Data: []bool{true, false, true}}),
			root.Add("types/f2", &DatasetSpec{Shape: []int{2}, Data: Raw{Float16, []byte{0, 0x3e, 0, 0xc0}}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func bigEndian(t Type) Type {
	t.BigEndian = true
	return t
}

// forOthers writes the tree with every writer into a folder.
func forOthers(t testing.TB, dir string) map[string]*GroupSpec {
	out := map[string]*GroupSpec{}
	for _, b := range backends() {
		tree := othersTree(t, b == BackendGo)
		path := filepath.Join(dir, b.String()+".h5")
		if err := Create(path, tree, WithBackend(b)); err != nil {
			t.Fatalf("%v writer: %v", b, err)
		}
		out[path] = tree
	}
	return out
}

// TestH5dump lets h5dump of the HDF Group read what both writers write: all of it without complaint, and the bytes of each data set.
func TestH5dump(t *testing.T) {
	h5dump, err := exec.LookPath("h5dump")
	if err != nil {
		t.Skip("h5dump is not installed (Debian: hdf5-tools)")
	}
	for path := range forOthers(t, t.TempDir()) {
		out, err := exec.Command(h5dump, "-A", path).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte("error")) {
			t.Fatalf("%s: %v\n%.1000s", filepath.Base(path), err, out)
		}
		for _, want := range []string{`"3.15.1"`, `7777703`, `"dense_1"`, "0123456789012345678901234567890123456789", `"cdef`, "1, -2, 3", "1.5, -2"} {
			if !bytes.Contains(out, []byte(want)) { // it shows the ü of a UTF-8 string as numbers, one of them 37777777703
				t.Errorf("%s: h5dump shows no %.60s", filepath.Base(path), want)
			}
		}
		f := open(t, path, BackendGo)
		for i, d := range f.Root().Datasets() {
			if d.Len() == 0 || strings.HasPrefix(d.Path(), "/many/") && i%50 != 0 {
				continue
			}
			bin := filepath.Join(t.TempDir(), "bytes")
			if out, err := exec.Command(h5dump, "-b", "FILE", "-o", bin, "-d", d.Path(), path).CombinedOutput(); err != nil {
				t.Errorf("%s %s: %v\n%.500s", filepath.Base(path), d.Path(), err, out)
				continue
			}
			got, err := os.ReadFile(bin)
			want := make([]byte, d.Len()*d.Type.Size)
			if err := errors.Join(err, d.ReadRaw(want)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s %s: h5dump reads % x, want % x, %v", filepath.Base(path), d.Path(), got, want, err)
			}
		}
	}
}

// TestWriteForPython writes files and what is in them into the folder that GK_H5_FOR_PYTHON names, for testdata/h5/read.py to read.
func TestWriteForPython(t *testing.T) {
	dir := os.Getenv("GK_H5_FOR_PYTHON")
	if dir == "" {
		t.Skip("GK_H5_FOR_PYTHON names no folder")
	}
	type entry struct {
		Shape  []int
		Values []float64
	}
	want := map[string]any{}
	for path := range forOthers(t, dir) {
		f := open(t, path, BackendGo)
		datasets, attrs := map[string]entry{}, map[string]any{}
		for _, a := range f.Root().Attrs() {
			if a.Type.Class == ClassString {
				attrs[a.Name] = a.strs
				continue
			}
			v, err := a.Floats()
			if err != nil {
				t.Fatal(err)
			}
			attrs[a.Name] = v
		}
		for _, d := range f.Root().Datasets() {
			v := make([]float64, d.Len())
			if err := d.ReadFloat64(v); err != nil {
				t.Fatal(err)
			}
			for i := range v {
				if v[i] > 1e301 { // JSON has no infinity
					v[i] = 1e301
				}
			}
			datasets[d.Path()] = entry{d.Shape, v}
		}
		want[filepath.Base(path)] = map[string]any{"datasets": datasets, "attrs": attrs}
	}
	text, err := json.Marshal(want)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "want.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
