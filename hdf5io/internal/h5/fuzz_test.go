// Fuzzing of the structures that hold text from strangers: attributes and the heaps behind them.

package h5

import (
	"bytes"
	"errors"
	"testing"
)

// attributeLoader reads structures of b as if they were parts of a sound file.
func attributeLoader(b []byte) *loader {
	src := &source{r: bytes.NewReader(b), size: uint64(len(b)), end: uint64(len(b)), o: 8, l: 8,
		lim: Limits{AttributeBytes: 1 << 20}.withDefaults(uint64(len(b))), pages: map[uint64][]byte{}}
	return &loader{source: src, headers: map[uint64][]message{}, committed: map[uint64][]byte{}, globals: map[uint64]collection{},
		groups: map[uint64]bool{}, datasets: map[uint64]*Dataset{}}
}

// FuzzAttribute decodes an attribute message, with the bytes of a file behind it, and asks for its value in every way.
func FuzzAttribute(f *testing.F) {
	for _, tree := range []*GroupSpec{kerasTree(), attributeTree()} {
		b := encoded(f, tree)
		l := attributeLoader(b)
		l.file = &File{src: l.source}
		if err := l.walk(); err != nil {
			f.Fatal(err)
		}
		for _, msgs := range l.headers {
			for _, m := range msgs {
				if m.kind == msgAttribute {
					f.Add(m.body, b)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, body, file []byte) {
		l := attributeLoader(file)
		a, err := l.attribute("/x", body)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) || e.Kind == "" || len(err.Error()) > 500 {
				t.Errorf("error %q", err)
			}
			return
		}
		if n := a.Len(); n < 0 || a.Type.Class == ClassString && len(a.strs) != n || a.Type.Class != ClassString && len(a.raw) != n*a.Type.Size {
			t.Fatalf("%s has %d strings and %d bytes", a.describe(), len(a.strs), len(a.raw))
		}
		_, errOne := a.Str()
		_, errList := a.Strs()
		_, errInts := a.Ints()
		_, errFloats := a.Floats()
		for _, err := range []error{errOne, errList, errInts, errFloats} {
			if err != nil && !errors.As(err, &e) {
				t.Errorf("error %q", err)
			}
		}
	})
}

// attributeTree has an attribute of every kind that the writer makes.
func attributeTree() *GroupSpec {
	root := &GroupSpec{}
	root.SetAttr("utf8", []string{"a", "ü", ""})
	root.SetAttr("fixed", []Fixed{"a", "bcd"})
	root.SetAttr("empty", []string{})
	root.SetAttr("flag", true)
	root.SetAttr("ints", []int64{1, -2})
	root.SetAttr("floats", []float32{1, 2})
	return root
}
