// Helpers of the tests, and tests over files from elsewhere: h5py's, real models, hostile ones.

package h5

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// above finds a path in a folder above the working directory, or skips the test.
func above(t testing.TB, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		p := filepath.Join(dir, filepath.FromSlash(path))
		if _, err := os.Stat(p); err == nil {
			return p
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skipf("%s is not here", path)
		}
		dir = up
	}
}

func backends() []Backend {
	if HaveGonum() {
		return []Backend{BackendGo, BackendGonum}
	}
	return []Backend{BackendGo}
}

func open(t testing.TB, path string, b Backend) *File {
	t.Helper()
	f, err := Open(path, WithBackend(b))
	if err != nil {
		t.Fatalf("%v backend: %v", b, err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// contents reads a dataset in every way that its type allows and returns one fingerprint of all of it.
func contents(d *Dataset) (string, error) {
	h := sha256.New()
	fmt.Fprint(h, d.Shape, d.Type, d.Null, d.IsBFloat16())
	if d.Len() > 64<<20 {
		return "", fail(ErrTooLarge, d.Path(), "for a test")
	}
	if d.Type.Class == ClassString {
		s, err := d.Strings()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q", s)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	raw := make([]byte, d.Len()*d.Type.Size)
	if err := d.ReadRaw(raw); err != nil {
		return "", err
	}
	h.Write(raw)
	if d.IsNumeric() {
		f32, f64 := make([]float32, d.Len()), make([]float64, d.Len())
		if err := d.ReadFloat32(f32); err != nil {
			return "", err
		}
		if err := d.ReadFloat64(f64); err != nil {
			return "", err
		}
		for i := range f32 {
			if f32[i] != float32(f64[i]) && !(f32[i] != f32[i] && f64[i] != f64[i]) && d.Type.Class == ClassFloat {
				return "", fmt.Errorf("%s[%d]: float32 %v, float64 %v", d.Path(), i, f32[i], f64[i])
			}
		}
		h.Write(memory(f32))
		h.Write(memory(f64))
	}
	if d.format.readableAs(kindI64) {
		i64 := make([]int64, d.Len())
		if err := d.ReadInt64(i64); err != nil {
			return "", err
		}
		h.Write(memory(i64))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// everything reads all of a file: a line for each attribute and dataset.
func everything(f *File) ([]string, error) {
	var out []string
	attrs := func(path string, as []*Attr) {
		for _, a := range as {
			out = append(out, fmt.Sprintf("%s@%s %v %v %q %x", path, a.Name, a.Shape, a.Type, a.strs, a.raw))
		}
	}
	attrs("/", f.Root().Attrs())
	err := f.Root().Walk(func(m Member) error {
		if m.Group != nil {
			out = append(out, m.Group.Path())
			attrs(m.Group.Path(), m.Group.Attrs())
			return nil
		}
		sum, err := contents(m.Dataset)
		out = append(out, m.Dataset.Path()+" "+sum)
		attrs(m.Dataset.Path(), m.Dataset.Attrs())
		return err
	})
	return out, err
}

// TestGood reads files that h5py wrote, which between them use every feature, and compares all values with what h5py says.
func TestGood(t *testing.T) {
	dir := above(t, "testdata/h5/good")
	raw, err := os.ReadFile(filepath.Join(dir, "want.json"))
	if err != nil {
		t.Fatal(err)
	}
	var wants map[string]struct {
		Datasets map[string]struct {
			Shape   []int
			SHA256  string
			Strings []string
		}
		Attrs  map[string]any
		Groups map[string]any
	}
	if err := json.Unmarshal(raw, &wants); err != nil {
		t.Fatal(err)
	}
	if len(wants) < 8 {
		t.Fatalf("%d files, want at least 8", len(wants))
	}
	for name, want := range wants {
		for _, b := range append(backends(), BackendDefault) {
			t.Run(name+"/"+b.String(), func(t *testing.T) {
				f := open(t, filepath.Join(dir, name), b)
				for path, w := range want.Datasets {
					d, err := f.Root().Dataset(path)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(d.Shape, w.Shape) {
						t.Errorf("%s: shape %v, want %v", path, d.Shape, w.Shape)
					}
					if w.Strings != nil {
						got, err := d.Strings()
						if err != nil || !slices.Equal(got, w.Strings) {
							t.Errorf("%s: %q, %v; want %q", path, got, err, w.Strings)
						}
					}
					if w.SHA256 == "" {
						continue
					}
					v := make([]float64, d.Len())
					if err := d.ReadFloat64(v); err != nil {
						t.Errorf("%s: %v", path, err)
						continue
					}
					for i := range v {
						if v[i] != v[i] {
							v[i] = 12345
						}
					}
					if sum := sha256.Sum256(memory(v)); hex.EncodeToString(sum[:]) != w.SHA256 {
						t.Errorf("%s (%v, %s): wrong values: %v", path, d.Type, d.Layout(), v[:min(len(v), 30)])
					}
					if _, err := contents(d); err != nil {
						t.Error(err)
					}
				}
				for key, w := range want.Attrs {
					path, name, _ := strings.Cut(key, "@")
					checkAttr(t, f, path, name, w)
				}
				for path, w := range want.Groups {
					g, err := f.Root().Group(path)
					if err != nil {
						t.Fatal(err)
					}
					var names []any
					for _, m := range g.Members() {
						names = append(names, m.Name)
					}
					if n, ok := w.(float64); ok && len(names) != int(n) || !ok && fmt.Sprint(names) != fmt.Sprint(w) {
						t.Errorf("%s: members %v, want %v", path, names, w)
					}
				}
			})
		}
	}
}

func checkAttr(t *testing.T, f *File, path, name string, want any) {
	t.Helper()
	var attrs interface{ Attr(string) (*Attr, error) }
	attrs, err := f.Root().Group(path)
	if err != nil {
		if attrs, err = f.Root().Dataset(path); err != nil {
			t.Fatal(err)
		}
	}
	a, err := attrs.Attr(name)
	if err != nil {
		t.Error(err)
		return
	}
	var got any
	switch w := want.(type) {
	case nil:
		if !a.Null {
			t.Errorf("%s@%s: %s, want nothing", path, name, a.describe())
		}
		return
	case string:
		got, err = a.Str()
	case []any:
		if a.Type.Class == ClassString || len(w) == 0 {
			got, err = a.Strs()
		} else {
			got, err = a.Floats()
		}
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s@%s: %v, %v; want %v", path, name, got, err, want)
	}
}

// TestBackendsAgree reads all of h5py's files with each backend and compares every byte and every attribute.
func TestBackendsAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(above(t, "testdata/h5/good"), "*.h5"))
	if err != nil || len(files) < 11 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	superblocks := map[byte]bool{}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		superblocks[raw[bytes.Index(raw, []byte(magic))+len(magic)]] = true
		want, err := everything(open(t, path, BackendGo))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := everything(open(t, path, BackendDefault)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: the backends differ, %v", filepath.Base(path), err)
		}
		if !HaveGonum() {
			continue
		}
		f, g := open(t, path, BackendGo), open(t, path, BackendGonum)
		for i, d := range f.Root().Datasets() {
			want, err := contents(d)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := contents(g.Root().Datasets()[i]); err != nil || got != want {
				t.Errorf("%s %s: gonum reads something else, %v", filepath.Base(path), d.Path(), err)
			}
		}
	}
	for v := range byte(4) {
		if !superblocks[v] {
			t.Errorf("no file has superblock %d", v)
		}
	}
}

// TestRealModels opens published Keras models and reads every dataset with both backends.
func TestRealModels(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(above(t, "shared/keras-files/models"), "*.h5"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files, %v", err)
	}
	datasets := 0
	for _, path := range files {
		var first []string
		for i, b := range backends() {
			f := open(t, path, b)
			got, err := everything(f)
			if err != nil {
				t.Errorf("%s, %v backend: %v", filepath.Base(path), b, err)
				continue
			}
			datasets += len(f.Root().Datasets())
			if i > 0 && !slices.Equal(got, first) {
				t.Errorf("%s: the backends differ", filepath.Base(path))
			}
			first = got
		}
	}
	t.Logf("%d files, %d datasets read", len(files), datasets)
}

// TestMalformed opens hostile files. Those whose fault lies above HDF5 must open and read, or fail in a way that fits the
// fault; the others must give the kind and the place that their manifest wants.
func TestMalformed(t *testing.T) {
	dir := above(t, "shared/malformed")
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct{ File, Expect, Kind, Where, Group string }
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{}
	for _, k := range []Kind{ErrNotModel, ErrTruncated, ErrCorrupt, ErrChecksum, ErrUnsupported, ErrLink, ErrExternalStorage} {
		ours[string(k)] = true
	}
	// Kinds that HDF5 shares with the levels above: these files are the ones decided here.
	alsoOurs := map[string]bool{"bomb_shape_chunked.h5": true, "bomb_contiguous_late.h5": true}
	checked := 0
	for _, w := range manifest.Files {
		name := filepath.Base(w.File)
		if !strings.HasSuffix(name, ".h5") {
			continue
		}
		for _, b := range append(backends(), BackendDefault) {
			t.Run(name+"/"+b.String(), func(t *testing.T) {
				err := readAll(filepath.Join(dir, w.File), b)
				var e *Error
				if err != nil && !errors.As(err, &e) {
					t.Fatalf("error of another type: %v", err)
				}
				if err != nil {
					if s := err.Error(); len(s) > 500 || strings.ContainsAny(s, "\n\r\x1b\x00") || e.Where == "" {
						t.Errorf("message %q", s)
					}
				}
				switch {
				case w.Expect == "ok_or_error":
				case w.Expect == "error" && (ours[w.Kind] || alsoOurs[name]):
					checked++
					if e == nil || string(e.Kind) != w.Kind {
						t.Fatalf("%v; want %s at %s", err, w.Kind, w.Where)
					}
					if place, _, _ := strings.Cut(w.Where, "("); !strings.Contains(e.Where+" "+e.Err.Error(), strings.TrimSpace(place)) {
						t.Errorf("%v; want it at %s", err, w.Where)
					}
				default:
					if err != nil {
						t.Errorf("%v; the fault (%s) lies above HDF5", err, w.Kind)
					}
				}
			})
		}
	}
	if checked < 30 {
		t.Errorf("only %d files decided here", checked)
	}
	crashers, err := filepath.Glob(filepath.Join(dir, "files", "libhdf5_*"))
	if err != nil || len(crashers) == 0 {
		t.Fatalf("no files that crash libhdf5, %v", err)
	}
	for _, path := range crashers {
		if err := readAll(path, BackendDefault); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", filepath.Base(path), err)
		}
	}
}

// readAll opens a file and reads all of it except datasets that no test could want.
func readAll(path string, b Backend) error {
	f, err := Open(path, WithBackend(b))
	if err != nil {
		return err
	}
	defer f.Close()
	_ = f.Root().Walk(func(m Member) error {
		if err == nil && m.Dataset != nil && m.Dataset.Len() < 1<<20 {
			_, err = contents(m.Dataset)
		}
		return nil
	})
	return err
}

// FuzzOpen looks for inputs that make the reader fail other than by an *Error.
func FuzzOpen(f *testing.F) {
	for _, tree := range []*GroupSpec{{}, kerasTree()} {
		var b bytes.Buffer
		if err := Encode(&b, tree); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	if files, _ := filepath.Glob("../../../testdata/h5/good/*.h5"); len(files) > 0 {
		for _, path := range files {
			if b, err := os.ReadFile(path); err == nil && len(b) < 40<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = openBytes(t, b)
		b = slices.Clone(b)
		fixSums(b) // else nothing behind a checksum would ever be reached
		_ = openBytes(t, b)
	})
}

// openBytes opens and reads b, and checks what must hold for any input.
func openBytes(t testing.TB, b []byte) error {
	t.Helper()
	lim := Limits{DataBytes: 8 << 20, ChunkBytes: 1 << 20, Objects: 10000}
	f, err := NewReader(bytes.NewReader(b), int64(len(b)), WithLimits(lim))
	if err == nil {
		_, err = everything(f)
	}
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Where == "" || e.Kind == "" || len(err.Error()) > 500) {
		t.Errorf("error %q", err)
	}
	return err
}

func bits32(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = math.Float32bits(x)
	}
	return out
}
