// Tests of the writers, by reading back.

package h5

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// kerasTree is a file as Keras lays it out.
func kerasTree() *GroupSpec {
	root := &GroupSpec{}
	root.SetAttr("keras_version", "3.15.1")
	root.SetAttr("backend", "tensorflow")
	root.SetAttr("model_config", ASCII(`{"class_name": "Sequential"}`))
	w, _ := root.Group("model_weights")
	w.SetAttr("layer_names", []ASCII{"dense", "dropout"})
	d, _ := w.Group("dense")
	d.SetAttr("weight_names", []ASCII{"dense/kernel:0", "dense/bias:0"})
	_ = d.Add("dense/kernel:0", &DatasetSpec{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}})
	_ = d.Add("dense/bias:0", &DatasetSpec{Shape: []int{3}, Data: []float32{-1, 0, float32(math.Inf(1))}})
	e, _ := w.Group("dropout")
	e.SetAttr("weight_names", []ASCII{})
	_ = root.Add("optimizer_weights/iterations", &DatasetSpec{Data: []int64{7}})
	return root
}

// writers are the ways to write a file.
func writers(t testing.TB, tree *GroupSpec) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, b := range backends() {
		path := filepath.Join(t.TempDir(), b.String()+".h5")
		if err := Create(path, tree, WithBackend(b)); err != nil {
			t.Fatalf("%v backend: %v", b, err)
		}
		out[b.String()] = path
	}
	return out
}

func TestKerasTree(t *testing.T) {
	for name, path := range writers(t, kerasTree()) {
		for _, b := range backends() {
			t.Run(name+"-"+b.String(), func(t *testing.T) {
				f := open(t, path, b)
				a, err := f.Root().Attr("model_config")
				if err != nil {
					t.Fatal(err)
				}
				if s, err := a.Str(); err != nil || s != `{"class_name": "Sequential"}` {
					t.Errorf("model_config: %q, %v", s, err)
				}
				if !a.Type.VarLen || a.Type.UTF8 || len(a.Shape) != 0 {
					t.Errorf("model_config: %s, want a scalar variable-length ASCII string", a.describe())
				}
				g, err := f.Root().Group("model_weights/dense")
				if err != nil {
					t.Fatal(err)
				}
				names, err := g.Attr("weight_names")
				if err != nil {
					t.Fatal(err)
				}
				if s, err := names.Strs(); err != nil || !slices.Equal(s, []string{"dense/kernel:0", "dense/bias:0"}) {
					t.Errorf("weight_names: %q, %v", s, err)
				}
				k, err := g.Dataset("dense/kernel:0")
				if err != nil {
					t.Fatal(err)
				}
				v := make([]float32, k.Len())
				if err := k.ReadFloat32(v); err != nil || !slices.Equal(v, []float32{1, 2, 3, 4, 5, 6}) || !slices.Equal(k.Shape, []int{2, 3}) {
					t.Errorf("kernel: %v %v, %v", k.Shape, v, err)
				}
				if k.Layout() != "contiguous" || k.Type.String() != "float32" {
					t.Errorf("kernel: %s %s", k.Layout(), k.Type)
				}
				e, err := f.Root().Group("model_weights/dropout")
				if err != nil {
					t.Fatal(err)
				}
				none, err := e.Attr("weight_names")
				if err != nil {
					t.Fatal(err)
				}
				if s, err := none.Strs(); err != nil || len(s) != 0 || none.Type.Class != ClassFloat {
					t.Errorf("empty weight_names: %q, %v, %v", s, err, none.Type)
				}
				it, err := f.Root().Dataset("/optimizer_weights/iterations")
				if err != nil {
					t.Fatal(err)
				}
				n := make([]int64, 1)
				if err := it.ReadInt64(n); err != nil || n[0] != 7 || len(it.Shape) != 0 {
					t.Errorf("iterations: %v %v, %v", it.Shape, n, err)
				}
			})
		}
	}
}

// TestRoundTrip writes random trees with every writer and compares what every reader says with the tree.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	serial := 0
	rapid.Check(t, func(rt *rapid.T) {
		want := map[string]string{}
		tree := randomTree(rt, "/", 0, want)
		for _, w := range backends() {
			serial++
			path := filepath.Join(dir, fmt.Sprint(serial, ".h5"))
			err := Create(path, tree, WithBackend(w))
			if w == BackendGonum && errors.Is(err, ErrUnsupported) {
				continue
			}
			if err != nil {
				rt.Fatalf("%v writer: %v", w, err)
			}
			for _, b := range backends() {
				f, err := Open(path, WithBackend(b))
				if err != nil {
					rt.Fatalf("%v writer: %v", w, err)
				}
				got := map[string]string{}
				describeTree(rt, f.Root(), got)
				for k, v := range want {
					if got[k] != v {
						rt.Errorf("%v writer, %v reader: %s: got %.200s, want %.200s", w, b, k, got[k], v)
					}
				}
				if len(got) != len(want) {
					rt.Errorf("%v writer, %v reader: %d things, want %d", w, b, len(got), len(want))
				}
				if err := f.Close(); err != nil {
					rt.Error(err)
				}
			}
			if err := os.Remove(path); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// name draws a member name; short ones collide, which the tree's map takes care of.
func name(rt *rapid.T) string {
	return rapid.StringMatching(`[a-z_:.äß ]{0,6}[a-z0-9]`).Draw(rt, "name")
}

// randomTree draws a tree and notes in want what a reader should find.
func randomTree(rt *rapid.T, path string, depth int, want map[string]string) *GroupSpec {
	g := &GroupSpec{Attrs: randomAttrs(rt, path, want)}
	want[path] = "group"
	groups := 0
	if depth < 3 {
		groups = rapid.IntRange(0, 3).Draw(rt, "groups")
	}
	for range groups {
		n := name(rt)
		if g.members[n] != nil {
			continue
		}
		_ = g.put(n, randomTree(rt, join(path, n), depth+1, want))
	}
	for range rapid.SampledFrom([]int{0, 1, 3, 20}).Draw(rt, "datasets") {
		n := name(rt)
		if g.members[n] != nil {
			continue
		}
		here := join(path, n)
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(rt, "shape")
		count := 1
		for _, k := range shape {
			count *= k
		}
		seed := rand.New(rand.NewPCG(uint64(rapid.IntRange(0, 99).Draw(rt, "seed")), 1))
		ints := make([]int64, count)
		for i := range ints {
			ints[i] = int64(seed.IntN(120))
		}
		var data any
		switch rapid.SampledFrom([]string{"f4", "f4", "f8", "i1", "i8", "u2", "f2", "bf", "be"}).Draw(rt, "type") {
		case "f4":
			data = cast[float32](ints)
		case "f8":
			data = cast[float64](ints)
		case "i1":
			data = cast[int8](ints)
		case "i8":
			data = ints
		case "u2":
			data = cast[uint16](ints)
		case "f2":
			raw := make([]byte, 2*count)
			for i := range ints {
				ints[i] = 1
				raw[2*i+1] = 0x3c
			}
			data = Raw{Float16, raw}
		case "bf":
			raw := make([]byte, 2*count)
			for i := range ints {
				ints[i] = 1
				raw[2*i], raw[2*i+1] = 0x80, 0x3f
			}
			data = Raw{BFloat16, raw}
		case "be":
			raw := make([]byte, 4*count)
			for i, v := range ints {
				raw[4*i+3] = byte(v)
			}
			typ := Int32
			typ.BigEndian = true
			data = Raw{typ, raw}
		}
		ds := &DatasetSpec{Shape: shape, Data: data, Attrs: randomAttrs(rt, here, want)}
		if r, ok := data.(Raw); ok && r.Type.Class == ClassOpaque {
			ds.Attrs = slices.DeleteFunc(ds.Attrs, func(a AttrSpec) bool { return a.Name == "dtype" })
			ds.Attrs = append(ds.Attrs, AttrSpec{Name: "dtype", Value: "bfloat16"})
			want[here+"@dtype"] = `["bfloat16"]`
		}
		want[here] = fmt.Sprint(shape, ints)
		_ = g.put(n, ds)
	}
	return g
}

func cast[T int8 | uint16 | float32 | float64](v []int64) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

func randomAttrs(rt *rapid.T, path string, want map[string]string) []AttrSpec {
	var out []AttrSpec
	seen := map[string]bool{}
	for range rapid.IntRange(0, 4).Draw(rt, "attributes") {
		n := name(rt)
		if seen[n] {
			continue
		}
		seen[n] = true
		strs := rapid.SliceOfN(rapid.StringMatching(`[a-zé]{0,9}`), 0, 30).Draw(rt, "strings")
		one := strings.Repeat("xyz", rapid.SampledFrom([]int{0, 1, 50, 3000, 40000}).Draw(rt, "length"))
		var value any
		expect := fmt.Sprintf("%q", strs)
		if len(strs) == 0 {
			expect = "[]"
		}
		switch rapid.IntRange(0, 6).Draw(rt, "value") {
		case 0:
			value, expect = one, fmt.Sprintf("%q", []string{one})
		case 1:
			value, expect = ASCII(one), fmt.Sprintf("%q", []string{one})
		case 2:
			value = strs
		case 3:
			value = as[ASCII](strs)
		case 4:
			value = as[Fixed](strs)
		case 5:
			value, expect = 42, "[42]"
		case 6:
			value, expect = []float32{1, 2}, "[1 2]"
		}
		out = append(out, AttrSpec{Name: n, Value: value})
		want[path+"@"+n] = expect
	}
	return out
}

func as[S ~string](v []string) []S {
	out := make([]S, len(v))
	for i, s := range v {
		out[i] = S(s)
	}
	return out
}

// describeTree notes what a reader finds, in the form of randomTree.
func describeTree(rt *rapid.T, root *Group, got map[string]string) {
	attrs := func(path string, as []*Attr) {
		for _, a := range as {
			if a.Type.Class == ClassString {
				got[path+"@"+a.Name] = fmt.Sprintf("%q", a.strs)
				continue
			}
			v, err := a.Floats()
			if err != nil {
				rt.Error(err)
			}
			got[path+"@"+a.Name] = fmt.Sprint(v)
		}
	}
	got["/"] = "group"
	attrs("/", root.Attrs())
	err := root.Walk(func(m Member) error {
		if m.Group != nil {
			got[m.Group.Path()] = "group"
			attrs(m.Group.Path(), m.Group.Attrs())
			return nil
		}
		d := m.Dataset
		attrs(d.Path(), d.Attrs())
		v32, v64 := make([]float32, d.Len()), make([]float64, d.Len())
		if err := errors.Join(d.ReadFloat32(v32), d.ReadFloat64(v64)); err != nil {
			return err
		}
		for i := range v32 {
			if float64(v32[i]) != v64[i] {
				return fmt.Errorf("%s: %v and %v", d.Path(), v32[i], v64[i])
			}
		}
		got[d.Path()] = fmt.Sprint(d.Shape, v64)
		return nil
	})
	if err != nil {
		rt.Error(err)
	}
}

// TestManyMembers has groups around the sizes where symbol nodes and tree levels split.
func TestManyMembers(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 255, 256, 257, 2000, 8200} {
		root := &GroupSpec{}
		for i := range n {
			if err := root.Add(fmt.Sprintf("w%05d", i*7919%n), &DatasetSpec{Data: []int32{int32(i * 7919 % n)}}); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		if err := Encode(&b, root); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "many.h5")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, backend := range backends() {
			f := open(t, path, backend)
			if got := len(f.Root().Members()); got != n {
				t.Fatalf("%d members, want %d", got, n)
			}
			for i, m := range f.Root().Members() {
				v := make([]int64, 1)
				if err := m.Dataset.ReadInt64(v); err != nil || v[0] != int64(i) {
					t.Fatalf("%d members, %v backend: %s is %v, %v", n, backend, m.Name, v, err)
				}
			}
		}
	}
}

func TestDeterministic(t *testing.T) {
	var a, b bytes.Buffer
	if err := errors.Join(Encode(&a, kerasTree()), Encode(&b, kerasTree())); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two encodings of one tree differ")
	}
	path := filepath.Join(t.TempDir(), "a.h5")
	if err := Create(path, kerasTree(), WithBackend(BackendGo)); err != nil {
		t.Fatal(err)
	}
	c, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(a.Bytes(), c) {
		t.Errorf("Create and Encode differ, %v", err)
	}
}

func TestRefused(t *testing.T) {
	deep := &GroupSpec{}
	if _, err := deep.Group(strings.Repeat("g/", 70)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		tree *GroupSpec
		kind Kind
	}{
		{"wide attribute", &GroupSpec{Attrs: []AttrSpec{{Name: "a", Value: make([]float64, 8192)}}}, ErrTooLarge},
		{"NUL in a string", &GroupSpec{Attrs: []AttrSpec{{Name: "a", Value: "x\x00y"}}}, ErrWrongType},
		{"attribute twice", &GroupSpec{Attrs: []AttrSpec{{Name: "a", Value: 1}, {Name: "a", Value: 2}}}, ErrWrongType},
		{"attribute without a name", &GroupSpec{Attrs: []AttrSpec{{Value: 1}}}, ErrWrongType},
		{"unknown type", &GroupSpec{Attrs: []AttrSpec{{Name: "a", Value: struct{}{}}}}, ErrWrongType},
		{"shape", &GroupSpec{members: map[string]any{"d": &DatasetSpec{Shape: []int{2}, Data: []float32{1}}}}, ErrShapeMismatch},
		{"negative shape", &GroupSpec{members: map[string]any{"d": &DatasetSpec{Shape: []int{-1, -1}, Data: []float32{1}}}}, ErrShapeMismatch},
		{"deep", deep, ErrTooDeep},
	} {
		for _, b := range append(backends(), BackendDefault) {
			path := filepath.Join(t.TempDir(), "x.h5")
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Create(path, c.tree, WithBackend(b)); !errors.Is(err, c.kind) {
				t.Errorf("%s, %v backend: %v, want %v", c.name, b, err, c.kind)
			}
			if old, err := os.ReadFile(path); err != nil || string(old) != "old" {
				t.Errorf("%s, %v backend: the file was touched", c.name, b)
			}
		}
	}
	g := kerasTree()
	if err := g.Add("model_weights", &DatasetSpec{Data: []float32{1}}); !errors.Is(err, ErrWrongType) {
		t.Errorf("dataset over a group: %v", err)
	}
	if _, err := g.Group("optimizer_weights/iterations/x"); !errors.Is(err, ErrWrongType) {
		t.Errorf("group below a dataset: %v", err)
	}
	if err := g.Add("a/./b", &DatasetSpec{Data: []float32{1}}); !errors.Is(err, ErrWrongType) {
		t.Errorf("name .: %v", err)
	}
	for _, b := range backends() {
		if err := Create(filepath.Join(t.TempDir(), "no", "such", "folder.h5"), g, WithBackend(b)); !errors.Is(err, ErrIO) {
			t.Errorf("no folder: %v", err)
		}
	}
}

// failing fails after some bytes.
type failing int

func (f *failing) Write(b []byte) (int, error) {
	if *f -= failing(len(b)); *f < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestWriteError(t *testing.T) {
	root := kerasTree()
	if err := root.Add("large", &DatasetSpec{Shape: []int{1 << 16}, Data: make([]float32, 1<<16)}); err != nil {
		t.Fatal(err)
	}
	for n := failing(0); n < 270000; n += 90000 {
		w := n
		if err := Encode(&w, root); !errors.Is(err, ErrIO) {
			t.Errorf("writer with room for %d bytes: %v, want ErrIO", n, err)
		}
	}
}

// TestBoolAndHalf are what gonum cannot write; by default the Go writer steps in.
func TestBoolAndHalf(t *testing.T) {
	root := &GroupSpec{}
	root.SetAttr("flag", true)
	if err := errors.Join(root.Add("b", &DatasetSpec{Shape: []int{3}, Data: []bool{true, false, true}}),
		root.Add("h", &DatasetSpec{Data: Raw{Float16, []byte{0, 0x3e}}})); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.h5")
	if HaveGonum() {
		if err := Create(path, root, WithBackend(BackendGonum)); !errors.Is(err, ErrUnsupported) {
			t.Errorf("gonum: %v, want ErrUnsupported", err)
		}
	}
	if err := Create(path, root); err != nil {
		t.Fatal(err)
	}
	for _, b := range backends() {
		f := open(t, path, b)
		d, err := f.Root().Dataset("b")
		if err != nil {
			t.Fatal(err)
		}
		v := make([]int64, 3)
		if err := d.ReadInt64(v); err != nil || !slices.Equal(v, []int64{1, 0, 1}) || len(d.Type.Enum) != 2 || d.Type.Enum[1].Name != "TRUE" {
			t.Errorf("bool: %v, %v, %v", v, err, d.Type.Enum)
		}
		h, err := f.Root().Dataset("h")
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 1)
		if err := h.ReadFloat32(x); err != nil || x[0] != 1.5 {
			t.Errorf("float16: %v, %v", x, err)
		}
	}
}
