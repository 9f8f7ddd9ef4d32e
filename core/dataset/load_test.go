package dataset

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/tensor"
)

// file puts text into a new file and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	put(t, path, text)
	return path
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shapes describes a split in one line.
func shapes(s *Split) string {
	var b strings.Builder
	part := func(name string, d *Dataset) {
		if d == nil {
			return
		}
		fmt.Fprintf(&b, "%s:", name)
		for i, list := range [][]*tensor.Tensor{d.X, d.Y, d.W} {
			for _, t := range list {
				fmt.Fprintf(&b, " %s%s%v", "xyw"[i:i+1], t.DType(), t.Shape())
			}
		}
		b.WriteString("; ")
	}
	part("train", s.Train)
	part("test", s.Test)
	return b.String()
}

func TestNpzArrays(t *testing.T) {
	for _, c := range []struct {
		file string
		o    Options
		want string
	}{
		{"split.npz", Options{}, "train: xfloat32(5, 4) yint64(5,) wfloat64(5,); test: xfloat32(2, 4) yint64(2,); "},
		{"pair.npz", Options{}, "train: xfloat32(5, 4) yfloat32(5, 1); "},
		{"pair.npz", Options{Inputs: []string{"input_1"}, Outputs: []string{"dense"}}, "train: xfloat32(5, 4) yfloat32(5, 1); "},
		{"named.npz", Options{Inputs: []string{"right", "left"}, Outputs: []string{"total"}}, "train: xfloat32(5, 2) xfloat32(5, 4) yfloat32(5, 1); "},
		{"named.npz", Options{Inputs: []string{"left"}}, "train: xfloat32(5, 4); "},
		{"version1.npy", Options{}, "train: xfloat32(2, 3); "},
	} {
		s := load(t, sample(c.file), c.o)
		if got := shapes(s); got != c.want {
			t.Errorf("%s: got %s, want %s", c.file, got, c.want)
		}
		if s.Name != sample(c.file) || s.Origin != s.Name {
			t.Errorf("%s: named %q from %q", c.file, s.Name, s.Origin)
		}
	}
	s := load(t, sample("named.npz"), Options{Inputs: []string{"right", "left"}, Outputs: []string{"total"}})
	if got := fmt.Sprint(s.Train.XNames, s.Train.YNames); got != "[right left] [total]" {
		t.Errorf("names: got %s", got)
	}
	for _, c := range []struct {
		file  string
		o     Options
		words []string
	}{
		{"named.npz", Options{}, []string{`"extra"`, `"left"`, "x_train"}},
		{"named.npz", Options{Inputs: []string{"left", "middle"}}, []string{"left, middle"}},
		{"named.npz", Options{Inputs: []string{"left", "extra"}}, []string{`"extra"`, "got 7 samples", "want 5", `"left"`}},
		{"lengths.npz", Options{}, []string{"lengths.npz", `"y"`, "got 4 samples", "want 5", `"x"`}},
		{"split.npz", Options{MaxBytes: 100}, []string{"memory"}},
	} {
		_, err := Load(t.Context(), sample(c.file), c.o)
		wantError(t, err, c.words...)
	}
}

// archiveOf is a zip of the given members, which the zip writer does not check.
func archiveOf(t *testing.T, members map[string]string, change func(*zip.FileHeader)) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range members {
		h := &zip.FileHeader{Name: name, Method: zip.Store, CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text))}
		if change != nil {
			change(h)
		}
		w, err := z.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHostileNpz(t *testing.T) {
	array := string(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8))
	huge := string(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000,), }", 8))
	for _, c := range []struct {
		text  string
		words []string
	}{
		{archiveOf(t, map[string]string{"x.npy": array}, func(h *zip.FileHeader) { h.CRC32 = 1 }), []string{"checksum"}},
		{archiveOf(t, map[string]string{"x.npy": huge}, nil), []string{`"x"`, "1000000000", "got 8 bytes"}},
		{archiveOf(t, map[string]string{"x.npy": huge}, func(h *zip.FileHeader) {
			h.Method, h.UncompressedSize64 = zip.Deflate, 1000000000+uint64(len(huge)-8)
		}), []string{"more than deflate can shrink"}},
		{archiveOf(t, map[string]string{"x.npy": array}, func(h *zip.FileHeader) { h.CompressedSize64 = 1 << 40 }), []string{"file of"}},
		{archiveOf(t, map[string]string{"x.npy": array}, func(h *zip.FileHeader) { h.Method = 12 }), []string{"method 12"}},
		{archiveOf(t, map[string]string{"config.json": "{}", "model.weights.h5": ""}, nil), []string{"without .npy"}},
		{archiveOf(t, nil, nil), []string{"without .npy"}},
		{archiveOf(t, map[string]string{"x.npy": array}, nil)[:50], []string{"zip"}},
		{archiveOf(t, map[string]string{"x.npy": "\x80\x04pickle"}, nil), []string{`"x"`, "magic"}},
	} {
		path := file(t, "d.npz", c.text)
		_, err := Load(t.Context(), path, Options{})
		wantError(t, err, append(c.words, "d.npz")...)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for range 2 {
		if _, err := z.Create("x.npy"); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	_, err := Load(t.Context(), file(t, "d.npz", b.String()), Options{})
	wantError(t, err, `"x"`, "twice")
}

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          Options
		x          []float32
		shape      string
		y          string // dtype and labels, "" for none
		classes    []string
	}{
		{"header and class names", "a,b,kind\n1,2,cat\n3,4.5,ant\n5,6,cat\n", Options{},
			[]float32{1, 2, 3, 4.5, 5, 6}, "(3, 2)", "int32 [1 0 1]", []string{"ant", "cat"}},
		{"no header", "1,2,7\n3,4,8\n", Options{}, []float32{1, 2, 3, 4}, "(2, 2)", "int64 [7 8]", nil},
		{"class names in the first line", "1,2,cat\n3,4,dog", Options{}, []float32{1, 2, 3, 4}, "(2, 2)", "int32 [0 1]", []string{"cat", "dog"}},
		{"label by name", "label,a,b\n9,1,2\n8,3,4\n", Options{LabelColumn: "label"}, []float32{1, 2, 3, 4}, "(2, 2)", "int64 [9 8]", nil},
		{"label by number", "9,1,2\n8,3,4\n", Options{LabelColumn: "1"}, []float32{1, 2, 3, 4}, "(2, 2)", "int64 [9 8]", nil},
		{"numbers as header", "0,1,2\n1,2,3\n", Options{Header: HeaderYes}, []float32{1, 2}, "(1, 2)", "int64 [3]", nil},
		{"label named by a number", "0,1,2\n1,2,3\n", Options{Header: HeaderYes, LabelColumn: "0"}, []float32{2, 3}, "(1, 2)", "int64 [1]", nil},
		{"regression", "a,y\n1,0.5\n2,1\n", Options{}, []float32{1, 2}, "(2, 1)", "float32 [0.5 1]", nil},
		{"late fraction", "1,1\n2,-1e-1\n", Options{}, []float32{1, 2}, "(2, 1)", "float32 [1 -0.1]", nil},
		{"no labels", "a,b\n1,2\n", Options{NoLabels: true}, []float32{1, 2}, "(1, 2)", "", nil},
		{"one column", "1\n2\n", Options{NoLabels: true}, []float32{1, 2}, "(2, 1)", "", nil},
		{"mark, semicolons, spaces, CR", "\ufeffa; b ;c\r\n 1; 2 ;3\r\n", Options{}, []float32{1, 2}, "(1, 2)", "int64 [3]", nil},
		{"tabs", "1\t2\t3\n", Options{}, []float32{1, 2}, "(1, 2)", "int64 [3]", nil},
		{"quotes", "\"a,1\",\"k\"\n1,\"x, \"\"y\"\"\"\n", Options{}, []float32{1}, "(1, 1)", "int32 [0]", []string{`x, "y"`}},
		{"blank lines", "1,2\n\n3,4\n\n", Options{}, []float32{1, 3}, "(2, 1)", "int64 [2 4]", nil},
		{"fixed classes", "1,b\n2,a\n", Options{Classes: []string{"c", "b", "a"}}, []float32{1, 2}, "(2, 1)", "int32 [1 2]", []string{"c", "b", "a"}},
		{"comma given", "1|2|3\n", Options{Comma: '|'}, []float32{1, 2}, "(1, 2)", "int64 [3]", nil},
	} {
		for _, text := range []string{c.text, gzipped(t, c.text)} {
			s, err := Load(t.Context(), file(t, "data.csv", text), c.o)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			d, y := s.Train, ""
			if len(d.Y) > 0 {
				y = fmt.Sprint(d.Y[0].DType(), " ", d.Y[0].Float32s())
			}
			if !slices.Equal(d.X[0].Float32s(), c.x) || d.X[0].Shape().String() != c.shape || y != c.y || !slices.Equal(d.Classes, c.classes) {
				t.Errorf("%s: got %v %v, %s, %q", c.name, d.X[0].Float32s(), d.X[0].Shape(), y, d.Classes)
			}
		}
	}
}

func TestCSVErrors(t *testing.T) {
	for _, c := range []struct {
		text  string
		o     Options
		words []string
	}{
		{"age,kind\n" + strings.Repeat("1,a\n", 15) + "abc,a\n", Options{}, []string{`data.csv: line 17: column "age": got "abc", want a number`}},
		{"1,2\n3,4\n,6\n", Options{}, []string{`data.csv: line 3: column 1: got "", want a number`}},
		{"1,2\n3,4,5\n", Options{}, []string{"line 2: got 3 columns, want 2"}},
		{"1,2\nnan,4\n", Options{}, []string{`line 2: column 1: got "nan", want a finite number`}},
		{"1,2\n1e99,4\n", Options{}, []string{"line 2: column 1", "1e99"}},
		{"1,2\n1,x\n", Options{}, []string{`line 2: column 2: got "x", want a number like`}},
		{"1,2\n1,\n", Options{}, []string{"line 2: column 2", "a label"}},
		{"a,b\n", Options{}, []string{"no samples"}},
		{"\n\n", Options{}, []string{"no lines"}},
		{"1\n2\n", Options{}, []string{"one column"}},
		{"a,b\n1,2\n", Options{LabelColumn: "kind"}, []string{`"kind"`, `"a", "b"`}},
		{"1,2\n", Options{LabelColumn: "3"}, []string{`"3"`, "1 to 2"}},
		{"1,2\n1,\"x\n", Options{}, []string{"data.csv: line 2", `"`}},
		{"1,c\n", Options{Classes: []string{"a", "b"}}, []string{`"c"`, `"a", "b"`}},
		{"1,2,3\n", Options{MaxBytes: 8}, []string{"memory"}},
	} {
		_, err := Load(t.Context(), file(t, "data.csv", c.text), c.o)
		wantError(t, err, append(c.words, "data.csv: ")...)
	}
}

func TestUnknownFiles(t *testing.T) {
	for _, c := range []struct {
		text  string
		words []string
	}{
		{"", []string{"empty"}},
		{"\x80\x04\x95pickle", []string{"pickle"}},
		{"\x89HDF\r\n\x1a\n\x00\x00", []string{"HDF5"}},
		{"\x7fELF\x00\x01\x02", []string{"unknown format", "7f 45 4c 46"}},
		{"\x1f\x8b\x08", []string{"ends early"}},
		{gzipped(t, "PK\x03\x04"), []string{"unpack it first"}},
		{gzipped(t, string(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (10000000,), }", 8))), []string{"10000000", "at most"}},
	} {
		_, err := Load(t.Context(), file(t, "data.bin", c.text), Options{})
		wantError(t, err, append(c.words, "data.bin: ")...)
	}
	_, err := Load(t.Context(), "nowhere", Options{})
	wantError(t, err, `"nowhere"`, "digits, fashion_mnist, mnist")
	bomb := gzipped(t, "1,2\n"+strings.Repeat(" ", 1<<20))
	_, err = Load(t.Context(), file(t, "data.csv", bomb), Options{MaxBytes: 1 << 16})
	wantError(t, err, "unpacks to more")
	if _, err := os.Stat("/dev/zero"); err == nil {
		_, err = Load(t.Context(), "/dev/zero", Options{})
		wantError(t, err, "regular file")
	}
}

// idx builds a uint8 IDX file counting from 0.
func idx(shape ...int) string {
	b := []byte{0, 0, 8, byte(len(shape))}
	for _, d := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	for i := range tensor.Shape(shape).Size() {
		b = append(b, byte(i%10))
	}
	return string(b)
}

func TestIDXFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, idxFiles[0]+".gz"), gzipped(t, idx(6, 28, 28)))
	_, err := Load(t.Context(), dir, Options{})
	wantError(t, err, idxFiles[1], "missing")
	put(t, filepath.Join(dir, idxFiles[1]), idx(6))
	put(t, filepath.Join(dir, idxFiles[2]), idx(3, 28, 28))
	put(t, filepath.Join(dir, idxFiles[3]+".gz"), gzipped(t, idx(3)))
	want := "train: xuint8(6, 28, 28) yuint8(6,); test: xuint8(3, 28, 28) yuint8(3,); "
	if got := shapes(load(t, dir, Options{})); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// One file finds its labels by their name, or takes those that are given.
	one := load(t, filepath.Join(dir, idxFiles[0]+".gz"), Options{})
	if got := shapes(one); got != "train: xuint8(6, 28, 28) yuint8(6,); " {
		t.Errorf("got %s", got)
	}
	_, err = Load(t.Context(), filepath.Join(dir, idxFiles[0]+".gz"), Options{LabelFile: filepath.Join(dir, idxFiles[3]+".gz")})
	wantError(t, err, "got 3 samples", "want 6", idxFiles[3])
	_, err = Load(t.Context(), filepath.Join(dir, idxFiles[0]+".gz"), Options{LabelFile: file(t, "y.csv", "1\n2\n")})
	wantError(t, err, "y.csv", ".npy or IDX")

	root := t.TempDir()
	t.Setenv("GK_DATA", root)
	t.Setenv("KERAS_HOME", filepath.Join(root, "keras"))
	_, err = Load(t.Context(), "fashion_mnist", Options{})
	wantError(t, err, "fashion_mnist", "not on this machine", root)
	if err := os.MkdirAll(filepath.Join(root, "keras", "datasets"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, filepath.Join(root, "keras", "datasets", "fashion-mnist")); err != nil {
		t.Fatal(err)
	}
	s := load(t, "fashion_mnist", Options{})
	if got := shapes(s); got != want || s.Name != "fashion_mnist" || len(s.Test.Classes) != 10 {
		t.Errorf("got %s, named %s", got, s.Name)
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"split.npz", "refused.npz", "version1.npy", "images/cat/a.png", "images/dog/c.jpg"} {
		b, err := os.ReadFile(sample(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("a,b,kind\n1,2,cat\n3,4.5,ant\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	path := filepath.Join(f.TempDir(), "data")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Load(t.Context(), path, Options{MaxBytes: 1 << 20, Size: [2]int{4, 4}})
		if err == nil {
			err = s.Validate()
			if err != nil {
				t.Errorf("loaded, but not valid: %v", err)
			}
		}
	})
}
