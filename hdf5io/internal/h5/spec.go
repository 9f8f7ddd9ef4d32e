// The tree that a caller builds in order to write a file, and its checking.

package h5

import (
	"slices"
	"strings"
)

// GroupSpec is a group to be written. The zero value is an empty group.
type GroupSpec struct {
	Attrs   []AttrSpec
	members map[string]any // *GroupSpec or *DatasetSpec
}

// DatasetSpec is a dataset to be written, in one stretch and unfiltered.
type DatasetSpec struct {
	Shape []int // empty for a scalar
	// Data holds the elements, row-major: a slice of float32, float64, bool, or any sized integer type, or [Raw] for other formats.
	// It is written from where it lies and must not change until the file is written.
	Data  any
	Attrs []AttrSpec
}

// Raw is contents in the bytes of the file: Float16, BFloat16, big-endian types.
type Raw struct {
	Type  Type
	Bytes []byte
}

// AttrSpec is an attribute to be written. Value is one of:
//
//	string, []string    variable-length UTF-8, as h5py writes str
//	ASCII, []ASCII      variable-length ASCII, as h5py writes bytes; Keras' layer_names, weight_names, model_config
//	Fixed, []Fixed      fixed-length, as wide as the longest, filled with NULs, as h5py writes numpy bytes
//	int, bool, float32, float64, any sized integer, and slices of these
//	Raw with Shape      anything else
//
// An empty list of strings is written as h5py writes an empty list: a float64 array of shape (0,). The value takes at most 64
// KB in the object's header; a variable-length string takes 16 bytes there, whatever its length.
type AttrSpec struct {
	Name  string
	Value any
	Shape []int // of a slice that is not one-dimensional; else nil
}

// ASCII is a string that is stored as variable-length ASCII.
type ASCII string

// Fixed is a string that is stored with a fixed length.
type Fixed string

// Group returns the group at path below g, making what is missing on the way; the empty path is g. It fails where a dataset is
// in the way.
func (g *GroupSpec) Group(path string) (*GroupSpec, error) {
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		switch m := g.members[name].(type) {
		case *GroupSpec:
			g = m
		case nil:
			sub := &GroupSpec{}
			if err := g.put(name, sub); err != nil {
				return nil, err
			}
			g = sub
		default:
			return nil, fail(ErrWrongType, "/"+shown(path), "%q is a dataset, want a group", name)
		}
	}
	return g, nil
}

// Add puts a dataset at path below g, making the groups on the way. The name must be free.
func (g *GroupSpec) Add(path string, d *DatasetSpec) error {
	path = strings.Trim(path, "/")
	i := strings.LastIndexByte(path, '/')
	if i >= 0 {
		var err error
		if g, err = g.Group(path[:i]); err != nil {
			return err
		}
	}
	if g.members[path[i+1:]] != nil {
		return fail(ErrWrongType, "/"+shown(path), "the name is taken")
	}
	return g.put(path[i+1:], d)
}

// SetAttr adds an attribute, in place of one with the same name.
func (g *GroupSpec) SetAttr(name string, value any) {
	for i := range g.Attrs {
		if g.Attrs[i].Name == name {
			g.Attrs[i] = AttrSpec{Name: name, Value: value}
			return
		}
	}
	g.Attrs = append(g.Attrs, AttrSpec{Name: name, Value: value})
}

func (g *GroupSpec) put(name string, m any) error {
	if name == "" || name == "." || strings.IndexByte(name, 0) >= 0 {
		return fail(ErrWrongType, "name "+shown(name), "not usable in HDF5")
	}
	if g.members == nil {
		g.members = map[string]any{}
	}
	g.members[name] = m
	return nil
}

// names lists the members in the order of the file, which is that of bytes.
func (g *GroupSpec) names() []string {
	names := make([]string, 0, len(g.members))
	for name := range g.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// array is a checked value: numbers as little-endian bytes (or as Raw says), or variable-length strings.
type array struct {
	typ   Type
	shape []int
	bytes []byte
	strs  []string
}

// maxAttr is the room for an attribute in an object header.
const maxAttr = 65528

// check validates an attribute and prepares its value.
func (a AttrSpec) check(path string) (array, error) {
	place := shown(path) + " attribute " + shown(a.Name)
	if a.Name == "" || strings.IndexByte(a.Name, 0) >= 0 {
		return array{}, fail(ErrWrongType, place, "name not usable in HDF5")
	}
	v, err := attrValueOf(a.Value)
	if err != nil {
		return v, at(place, err)
	}
	if a.Shape != nil {
		v.shape = a.Shape
	}
	for _, s := range v.strs {
		if strings.IndexByte(s, 0) >= 0 {
			return v, fail(ErrWrongType, place, "string with a NUL inside, which HDF5 would cut")
		}
	}
	if err := v.checkSize(); err != nil {
		return v, at(place, err)
	}
	if n := messageSize(a.Name, v); n > maxAttr {
		return v, fail(ErrTooLarge, place, "takes %d bytes, want at most %d; split it", n, maxAttr)
	}
	return v, nil
}

// checkAttrs validates the attributes of one object and prepares their values.
func checkAttrs(path string, attrs []AttrSpec) ([]array, error) {
	values := make([]array, len(attrs))
	names := make(map[string]bool, len(attrs))
	for i, a := range attrs {
		var err error
		if values[i], err = a.check(path); err != nil {
			return nil, err
		}
		if names[a.Name] {
			return nil, fail(ErrWrongType, shown(path)+" attribute "+shown(a.Name), "given twice")
		}
		names[a.Name] = true
	}
	return values, nil
}

// check validates a dataset and prepares its contents.
func (d *DatasetSpec) check(path string) (array, error) {
	v, err := numbersOf(d.Data)
	if err == nil {
		v.shape = d.Shape
		err = v.checkSize()
	}
	return v, at(shown(path), err)
}

// checkSize compares shape and contents.
func (v array) checkSize() error {
	if len(v.shape) > maxRank {
		return fail(ErrTooLarge, "", "rank %d, want at most %d", len(v.shape), maxRank)
	}
	dims := make([]uint64, len(v.shape))
	for i, n := range v.shape {
		if n < 0 {
			return fail(ErrShapeMismatch, "", "shape %s", shapeString(v.shape))
		}
		dims[i] = uint64(n)
	}
	want, ok := product(dims, 1)
	got := uint64(len(v.strs))
	if !v.typ.VarLen {
		if v.typ.Size <= 0 {
			return fail(ErrWrongType, "", "type of %d bytes", v.typ.Size)
		}
		if got = uint64(len(v.bytes) / v.typ.Size); len(v.bytes)%v.typ.Size != 0 {
			ok = false
		}
	}
	if !ok || got != want {
		return fail(ErrShapeMismatch, "", "%d elements for shape %s", got, shapeString(v.shape))
	}
	return nil
}

// attrValueOf prepares the value of an attribute.
func attrValueOf(value any) (array, error) {
	list := func(strs []string, utf8 bool, shape []int) (array, error) {
		if len(strs) == 0 {
			return array{typ: Float64, shape: []int{0}}, nil
		}
		return array{typ: Type{Class: ClassString, Size: 16, VarLen: true, UTF8: utf8}, shape: shape, strs: strs}, nil
	}
	switch v := value.(type) {
	case string:
		return list([]string{v}, true, nil)
	case ASCII:
		return list([]string{string(v)}, false, nil)
	case []string:
		return list(v, true, []int{len(v)})
	case []ASCII:
		return list(plain(v), false, []int{len(v)})
	case Fixed:
		a := fixedArray([]string{string(v)})
		a.shape = nil
		return a, nil
	case []Fixed:
		if len(v) == 0 {
			return list(nil, false, nil)
		}
		return fixedArray(plain(v)), nil
	case Raw:
		return numbersOf(v)
	}
	return numbersOf(value)
}

func plain[S ~string](v []S) []string {
	out := make([]string, len(v))
	for i, s := range v {
		out[i] = string(s)
	}
	return out
}

// fixedArray lays strings out at the width of the longest.
func fixedArray(strs []string) array {
	width := 1
	for _, s := range strs {
		width = max(width, len(s))
	}
	b := make([]byte, width*len(strs))
	for i, s := range strs {
		copy(b[i*width:], s)
	}
	return array{typ: Type{Class: ClassString, Size: width, Pad: PadNull}, shape: []int{len(strs)}, bytes: b}
}

// numbersOf prepares a number, which is a scalar, or a slice of numbers, one-dimensional until told otherwise.
func numbersOf(value any) (array, error) {
	switch v := value.(type) {
	case Raw:
		if v.Type.Size > 0 {
			return array{typ: v.Type, shape: []int{len(v.Bytes) / v.Type.Size}, bytes: v.Bytes}, nil
		}
	case []float32:
		return slice(Float32, v), nil
	case []float64:
		return slice(Float64, v), nil
	case []int8:
		return slice(Int8, v), nil
	case []int16:
		return slice(Int16, v), nil
	case []int32:
		return slice(Int32, v), nil
	case []int64:
		return slice(Int64, v), nil
	case []uint8:
		return slice(Uint8, v), nil
	case []uint16:
		return slice(Uint16, v), nil
	case []uint32:
		return slice(Uint32, v), nil
	case []uint64:
		return slice(Uint64, v), nil
	case []bool:
		return slice(Bool, v), nil
	case []int:
		wide := make([]int64, len(v))
		for i, n := range v {
			wide[i] = int64(n)
		}
		return slice(Int64, wide), nil
	case int:
		return scalar(Int64, int64(v)), nil
	case float32:
		return scalar(Float32, v), nil
	case float64:
		return scalar(Float64, v), nil
	case bool:
		return scalar(Bool, v), nil
	case int8:
		return scalar(Int8, v), nil
	case int16:
		return scalar(Int16, v), nil
	case int32:
		return scalar(Int32, v), nil
	case int64:
		return scalar(Int64, v), nil
	case uint8:
		return scalar(Uint8, v), nil
	case uint16:
		return scalar(Uint16, v), nil
	case uint32:
		return scalar(Uint32, v), nil
	case uint64:
		return scalar(Uint64, v), nil
	}
	return array{}, fail(ErrWrongType, "", "values of Go type %T cannot be written", value)
}

func slice[T any](t Type, v []T) array {
	b := memory(v)
	if hostBigEndian {
		b = slices.Clone(b)
		swapBytes(b, t.Size)
	}
	return array{typ: t, shape: []int{len(v)}, bytes: b}
}

func scalar[T any](t Type, v T) array {
	a := slice(t, []T{v})
	a.shape = nil
	return a
}
