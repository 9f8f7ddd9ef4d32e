//go:build cgo

// The gonum backend: contents read, and files written, through libhdf5. No other file of the module imports gonum.org/v1/hdf5.

package h5

// #include <stdlib.h>
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	"gonum.org/v1/hdf5"
)

const gonumBuilt = true

// pluginsOff keeps libhdf5 from loading filters out of HDF5_PLUGIN_PATH, once. Files with filters that gk does not know are refused before
// libhdf5 sees them; this is for the one that would be missed. libhdf5 reads the variable when it first lacks a filter.
var pluginsOff = sync.OnceFunc(func() {
	if _, set := os.LookupEnv("HDF5_PLUGIN_PRELOAD"); !set {
		_ = os.Setenv("HDF5_PLUGIN_PRELOAD", "::") // fails for no such name
	}
})

// libMutex serialises all calls: libhdf5 may be built without thread safety.
var libMutex sync.Mutex

// locked runs f with the library locked. libhdf5 keeps its error-printing switch per thread, so f must stay on one.
func locked(f func() error) error {
	libMutex.Lock()
	defer libMutex.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pluginsOff()
	if err := hdf5.DisplayErrors(false); err != nil {
		return err
	}
	return f()
}

// gonumFile reads contents of a file that the Go reader has accepted.
type gonumFile struct {
	name string
	lib  *hdf5.File // opened at the first read
	fail error      // why it could not be opened
	done bool
}

// openGonum prepares reading f. The name leads to the very file that was checked, even if another has taken its place since.
func openGonum(f *os.File) library {
	name := f.Name()
	if runtime.GOOS == "linux" {
		name = fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	}
	return &gonumFile{name: name}
}

// read fills dst with the elements of the dataset at path, as stored. gonum compares neither type nor length, so both are
// compared here.
func (g *gonumFile) read(path string, elemSize int, dst []byte) error {
	return locked(func() (err error) {
		if g.lib == nil && g.fail == nil {
			if g.done {
				g.fail = os.ErrClosed
			} else {
				g.lib, g.fail = hdf5.OpenFile(g.name, hdf5.F_ACC_RDONLY)
			}
		}
		if g.fail != nil {
			return fail(ErrIO, shown(path), "libhdf5 does not open the file: %w", g.fail)
		}
		ds, err := g.lib.OpenDataset(path)
		if err != nil {
			return fail(ErrIO, shown(path), "libhdf5 does not open the dataset: %w", err)
		}
		defer closing(ds, &err)
		typ, err := ds.Datatype()
		if err != nil {
			return fail(ErrIO, shown(path), "libhdf5 does not give the type: %w", err)
		}
		defer closing(typ, &err)
		space := ds.Space()
		if space == nil {
			return fail(ErrIO, shown(path), "libhdf5 does not give the shape")
		}
		defer closing(space, &err)
		if int(typ.Size()) != elemSize || space.SimpleExtentNPoints()*elemSize != len(dst) {
			return fail(ErrCorrupt, shown(path), "libhdf5 sees %d elements of %d bytes, want %d bytes in all",
				space.SimpleExtentNPoints(), typ.Size(), len(dst))
		}
		if len(dst) == 0 {
			return nil
		}
		if err := ds.Read(&dst[0]); err != nil { // a pointer to the first byte is the one form that gonum passes on as it is
			return fail(ErrIO, shown(path), "libhdf5 does not read it: %w", err)
		}
		return nil
	})
}

func (g *gonumFile) close() error {
	return locked(func() error {
		g.done = true
		if g.lib == nil {
			return nil
		}
		lib := g.lib
		g.lib = nil
		if err := lib.Close(); err != nil {
			return fail(ErrIO, "file", "libhdf5 does not close it: %w", err)
		}
		return nil
	})
}

// closing closes c and keeps the first error.
func closing(c interface{ Close() error }, err *error) {
	if cerr := c.Close(); cerr != nil && *err == nil {
		*err = fail(ErrIO, "file", "libhdf5 does not close an object: %w", cerr)
	}
}

// createGonum writes the tree through libhdf5. Variable-length strings are declared ASCII, because gonum cannot declare UTF-8;
// readers decode both the same way. Everything is checked before the file is touched.
func createGonum(path string, root *GroupSpec) error {
	if err := gonumCheck("/", root, 0); err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return &Error{Kind: ErrIO, Where: "file", Err: err}
	}
	return locked(func() (err error) {
		f, err := hdf5.CreateFile(abs, hdf5.F_ACC_TRUNC)
		if err != nil {
			return fail(ErrIO, "file", "libhdf5 does not create it: %w", err)
		}
		defer closing(f, &err)
		g, err := f.OpenGroup("/")
		if err != nil {
			return fail(ErrIO, "/", "libhdf5 does not open it: %w", err)
		}
		defer closing(g, &err)
		return gonumGroup(g, "/", root)
	})
}

// gonumCheck validates the tree and refuses types that gonum cannot make.
func gonumCheck(path string, g *GroupSpec, depth int) error {
	if depth > (Limits{}).withDefaults(0).Depth {
		return fail(ErrTooDeep, shown(path), "groups nested deeper than a reader accepts")
	}
	if err := gonumCheckAttrs(path, g.Attrs); err != nil {
		return err
	}
	for _, name := range g.names() {
		here := join(path, name)
		var err error
		switch m := g.members[name].(type) {
		case *GroupSpec:
			err = gonumCheck(here, m, depth+1)
		case *DatasetSpec:
			var v array
			if v, err = m.check(here); err == nil {
				if err = at(shown(here), gonumKnows(v.typ)); err == nil {
					err = gonumCheckAttrs(here, m.Attrs)
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func gonumCheckAttrs(path string, attrs []AttrSpec) error {
	values, err := checkAttrs(path, attrs)
	if err != nil {
		return err
	}
	for i, v := range values {
		if err := gonumKnows(v.typ); err != nil {
			return at(shown(path)+" attribute "+shown(attrs[i].Name), err)
		}
	}
	return nil
}

func gonumKnows(t Type) error {
	if t.Class == ClassString || t.Class == ClassOpaque || gonumNumber(t) != nil {
		return nil
	}
	return fail(ErrUnsupported, "", "gonum cannot write %v", t)
}

// gonumNumber finds libhdf5's own type for numbers of the format of t, or nil.
func gonumNumber(t Type) *hdf5.Datatype {
	if t.Class != ClassInt && t.Class != ClassFloat {
		return nil
	}
	type pair struct{ little, big *hdf5.Datatype }
	p := map[kind]pair{
		kindI8: {hdf5.T_STD_I8LE, hdf5.T_STD_I8BE}, kindU8: {hdf5.T_STD_U8LE, hdf5.T_STD_U8BE},
		kindI16: {hdf5.T_STD_I16LE, hdf5.T_STD_I16BE}, kindU16: {hdf5.T_STD_U16LE, hdf5.T_STD_U16BE},
		kindI32: {hdf5.T_STD_I32LE, hdf5.T_STD_I32BE}, kindU32: {hdf5.T_STD_U32LE, hdf5.T_STD_U32BE},
		kindI64: {hdf5.T_STD_I64LE, hdf5.T_STD_I64BE}, kindU64: {hdf5.T_STD_U64LE, hdf5.T_STD_U64BE},
		kindF32: {hdf5.T_IEEE_F32LE, hdf5.T_IEEE_F32BE}, kindF64: {hdf5.T_IEEE_F64LE, hdf5.T_IEEE_F64BE},
	}[formatOf(t).kind]
	if t.BigEndian {
		return p.big
	}
	return p.little
}

// gonumType makes a datatype that the caller closes. gonum cannot declare NUL padding, so a fixed string gets one byte more, for
// the NUL at its end.
func gonumType(t Type) (*hdf5.Datatype, error) {
	switch {
	case t.VarLen:
		return hdf5.T_GO_STRING.Copy()
	case t.Class == ClassString:
		return hdf5.CreateDatatype(hdf5.T_STRING, t.Size+1)
	case t.Class == ClassOpaque:
		return hdf5.CreateDatatype(hdf5.T_OPAQUE, t.Size)
	default:
		return gonumNumber(t).Copy()
	}
}

func gonumSpace(shape []int) (*hdf5.Dataspace, error) {
	if len(shape) == 0 {
		return hdf5.CreateDataspace(hdf5.S_SCALAR)
	}
	dims := make([]uint, len(shape))
	for i, n := range shape {
		dims[i] = uint(n)
	}
	return hdf5.CreateSimpleDataspace(dims, nil)
}

// gonumGroup writes attributes and members of an open group.
func gonumGroup(g *hdf5.Group, path string, spec *GroupSpec) error {
	if err := gonumAttrs(g, path, spec.Attrs); err != nil {
		return err
	}
	for _, name := range spec.names() {
		here := join(path, name)
		var err error
		switch m := spec.members[name].(type) {
		case *GroupSpec:
			err = gonumSubgroup(g, here, name, m)
		case *DatasetSpec:
			err = gonumDataset(g, here, name, m)
		}
		if err != nil {
			return at(shown(here), err)
		}
	}
	return nil
}

func gonumSubgroup(g *hdf5.Group, path, name string, spec *GroupSpec) (err error) {
	sub, err := g.CreateGroup(name)
	if err != nil {
		return err
	}
	defer closing(sub, &err)
	return gonumGroup(sub, path, spec)
}

func gonumDataset(g *hdf5.Group, path, name string, spec *DatasetSpec) (err error) {
	v, err := spec.check(path)
	if err != nil {
		return err
	}
	typ, err := gonumType(v.typ)
	if err != nil {
		return err
	}
	defer closing(typ, &err)
	space, err := gonumSpace(v.shape)
	if err != nil {
		return err
	}
	defer closing(space, &err)
	ds, err := g.CreateDataset(name, typ, space)
	if err != nil {
		return err
	}
	defer closing(ds, &err)
	if len(v.bytes) > 0 {
		if err := ds.Write(&v.bytes[0]); err != nil {
			return err
		}
	}
	return gonumAttrs(ds, path, spec.Attrs)
}

// gonumObject is a group or dataset.
type gonumObject interface {
	CreateAttribute(name string, t *hdf5.Datatype, s *hdf5.Dataspace) (*hdf5.Attribute, error)
}

func gonumAttrs(o gonumObject, path string, attrs []AttrSpec) error {
	values, err := checkAttrs(path, attrs)
	if err != nil {
		return err
	}
	for i, v := range values {
		if err := gonumAttr(o, attrs[i].Name, v); err != nil {
			return at(shown(path)+" attribute "+shown(attrs[i].Name), err)
		}
	}
	return nil
}

func gonumAttr(o gonumObject, name string, v array) (err error) {
	typ, err := gonumType(v.typ)
	if err != nil {
		return err
	}
	defer closing(typ, &err)
	space, err := gonumSpace(v.shape)
	if err != nil {
		return err
	}
	defer closing(space, &err)
	attr, err := o.CreateAttribute(name, typ, space)
	if err != nil {
		return err
	}
	defer closing(attr, &err)
	switch {
	case v.typ.VarLen:
		return writeStrings(attr, typ, v.strs)
	case len(v.bytes) == 0:
		return nil
	case v.typ.Class == ClassString:
		n := v.typ.Size
		wide := make([]byte, 0, len(v.bytes)/n*(n+1))
		for b := v.bytes; len(b) > 0; b = b[n:] {
			wide = append(append(wide, b[:n]...), 0)
		}
		return attr.Write(&wide[0], typ)
	default:
		return attr.Write(&v.bytes[0], typ)
	}
}

// writeStrings hands libhdf5 an array of C strings in C memory, the only form that its variable-length strings take.
func writeStrings(attr *hdf5.Attribute, typ *hdf5.Datatype, strs []string) error {
	table := C.malloc(C.size_t(len(strs)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	if table == nil {
		return errors.New("out of memory")
	}
	defer C.free(table)
	cstrs := unsafe.Slice((**C.char)(table), len(strs))
	for i, s := range strs {
		cstrs[i] = C.CString(s)
		defer C.free(unsafe.Pointer(cstrs[i]))
	}
	return attr.Write((*byte)(table), typ)
}
