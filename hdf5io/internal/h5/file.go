// File: opening, options, the walk that loads and checks the tree.

package h5

import (
	"errors"
	"io"
	"os"
	"strings"
)

// Backend is what moves dataset contents between file and memory.
type Backend int

// The backends.
const (
	BackendDefault Backend = iota // gonum where the build has it and the file is in the format that Keras writes, else Go
	BackendGo                     // Go alone
	BackendGonum                  // libhdf5 through gonum.org/v1/hdf5; an error where that is not possible
)

// String names the backend.
func (b Backend) String() string {
	return [...]string{"default", "go", "gonum"}[b]
}

// HaveGonum reports whether this build has the gonum backend.
func HaveGonum() bool { return gonumBuilt }

// Option changes how a file is opened or created.
type Option func(*options)

type options struct {
	backend Backend
	limits  Limits
}

// WithBackend selects the backend. For files that nobody vouches for, BackendGo keeps libhdf5 out of the process.
func WithBackend(b Backend) Option { return func(o *options) { o.backend = b } }

// WithLimits replaces the limits; fields left 0 keep their defaults.
func WithLimits(l Limits) Option { return func(o *options) { o.limits = l } }

func collect(opts []Option) options {
	var o options
	for _, f := range opts {
		f(&o)
	}
	return o
}

// File is an open, fully checked HDF5 file. Its methods and those of its objects may be called concurrently, except Close.
type File struct {
	src    *source
	root   *Group
	closer io.Closer
	lib    library // nil: Go alone
	force  bool    // BackendGonum was asked for: no falling back
	modern bool    // has structures of HDF5 1.8 or later
}

// library is the part of a backend that reads contents: the elements of the contiguous dataset at path, as stored, into dst.
type library interface {
	read(path string, elemSize int, dst []byte) error
	close() error
}

// Open opens and checks the file at path. Errors are of type [*Error].
func Open(path string, opts ...Option) (*File, error) {
	o := collect(opts)
	if o.backend == BackendGonum && !gonumBuilt {
		return nil, fail(ErrUnsupported, "backend gonum", "this build has no cgo")
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notRegular(info) // before opening, which may wait for ever on a pipe
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Kind: ErrIO, Where: "file", Err: err}
	}
	file, err := openOS(f, o)
	if err != nil {
		_ = f.Close() // it was only read; the first error is the one that counts
		return nil, err
	}
	return file, nil
}

func notRegular(info os.FileInfo) error {
	return fail(ErrNotModel, "file", "%s is not a regular file", shown(info.Name()))
}

func openOS(f *os.File, o options) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{Kind: ErrIO, Where: "file", Err: err}
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(info)
	}
	file, err := load(f, uint64(info.Size()), o)
	if err != nil {
		return nil, err
	}
	file.closer = f
	// Keras writes the old format. Nothing else goes to libhdf5 unasked: the structures of the new one are many and its checks of
	// them few.
	if o.backend == BackendGonum || o.backend == BackendDefault && !file.modern {
		file.lib, file.force = openGonum(f), o.backend == BackendGonum
	}
	return file, nil
}

// NewReader checks the HDF5 file that is the first size bytes of r, for example a member of an archive, and reads it with the
// Go backend. Closing the file does not close r.
func NewReader(r io.ReaderAt, size int64, opts ...Option) (*File, error) {
	o := collect(opts)
	if o.backend == BackendGonum {
		return nil, fail(ErrUnsupported, "backend gonum", "it reads named files only")
	}
	if size < 0 {
		return nil, fail(ErrNotModel, "file", "size %d", size)
	}
	return load(r, uint64(size), o)
}

// Root is the root group.
func (f *File) Root() *Group { return f.root }

// Close releases the file. Attributes and shapes stay readable, contents do not.
func (f *File) Close() error {
	var first error
	if f.lib != nil {
		first = f.lib.close()
		f.lib = nil
	}
	if f.closer != nil {
		if err := f.closer.Close(); err != nil && first == nil {
			first = &Error{Kind: ErrIO, Where: "file", Err: err}
		}
	}
	return first
}

// loader walks a file once.
type loader struct {
	*source
	sb          *superblock
	file        *File
	headers     map[uint64][]message
	committed   map[uint64][]byte // bodies of committed datatypes
	globals     map[uint64]collection
	groups      map[uint64]bool
	datasets    map[uint64]*Dataset
	objects     int
	declared    uint64 // bytes of all datasets
	stringBytes uint64
	here        string // path of the group whose links are being listed
	refused     int    // links that are not hard links
	refusedAt   string
	refusedWhy  string
}

func load(r io.ReaderAt, size uint64, o options) (*File, error) {
	lim := o.limits.withDefaults(size)
	if size > lim.FileBytes {
		return nil, fail(ErrTooLarge, "file", "%d bytes, want at most %d", size, lim.FileBytes)
	}
	src := &source{r: r, size: size, lim: lim, pages: map[uint64][]byte{}}
	file := &File{src: src}
	l := &loader{source: src, file: file, headers: map[uint64][]message{}, committed: map[uint64][]byte{},
		globals: map[uint64]collection{}, groups: map[uint64]bool{}, datasets: map[uint64]*Dataset{}}
	err := l.walk()
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Where == "" {
			e.Where = "file"
		}
		return nil, err
	}
	src.pages, src.extents = nil, nil
	return file, nil
}

func (l *loader) walk() (err error) {
	if l.sb, err = l.readSuperblock(); err != nil {
		return err
	}
	l.file.modern = l.sb.modern
	if err = l.extend(); err != nil {
		return err
	}
	m, err := l.object("/", link{addr: l.sb.root, stab: l.sb.rootStab}, 0)
	if err != nil {
		return err
	}
	if m.Group == nil {
		return fail(ErrCorrupt, "/", "the root is not a group")
	}
	if l.refused > 0 {
		return fail(ErrLink, shown(l.refusedAt), "%s (%d such links in the file)", l.refusedWhy, l.refused)
	}
	l.file.root = m.Group
	return l.noOverlap()
}

// countObject keeps the number of groups, datasets and attributes within the limit.
func (l *loader) countObject() error {
	if l.objects++; l.objects > l.lim.Objects {
		return fail(ErrTooLarge, "", "more than %d objects in the file", l.lim.Objects)
	}
	return nil
}

// object loads the object that k leads to.
func (l *loader) object(path string, k link, depth int) (Member, error) {
	m := Member{Name: k.name}
	if d, ok := l.datasets[k.addr]; ok {
		m.Dataset = d // a second hard link to the same data
		return m, nil
	}
	place := shown(path)
	if l.groups[k.addr] {
		return m, fail(ErrLink, place, "group linked twice; groups must form a tree")
	}
	if err := l.countObject(); err != nil {
		return m, at(place, err)
	}
	if depth > l.lim.Depth {
		return m, fail(ErrTooDeep, place, "groups nested deeper than %d", l.lim.Depth)
	}
	msgs, err := l.header(k.addr)
	if err != nil {
		return m, at(place, err)
	}
	attrs, err := l.attributes(place, msgs)
	if err != nil {
		return m, at(place, err)
	}
	obj := object{path: path, attrs: attrs}
	has := map[int]bool{}
	for _, msg := range msgs {
		switch msg.kind {
		case msgSymbolTable, msgDataspace, msgDatatype, msgLayout:
			if has[msg.kind] {
				return m, fail(ErrCorrupt, place, "message %d twice", msg.kind)
			}
		}
		has[msg.kind] = true
	}
	isGroup := has[msgSymbolTable] || has[msgLinkInfo] || has[msgLink] || has[msgGroupInfo]
	isData := has[msgLayout] || has[msgExternal] || has[msgDataspace]
	switch {
	case isGroup && isData:
		return m, fail(ErrCorrupt, place, "both a group and a dataset")
	case isGroup:
		l.groups[k.addr] = true
		m.Group, err = l.group(obj, k.stab, msgs, depth)
	case isData && has[msgLayout] && has[msgDataspace] && has[msgDatatype]:
		m.Dataset, err = l.dataset(obj, msgs)
		l.datasets[k.addr] = m.Dataset
	case isData:
		err = fail(ErrCorrupt, "", "dataset without type, shape or layout")
	case has[msgDatatype]:
	default:
		err = fail(ErrCorrupt, "", "neither group nor dataset")
	}
	return m, at(place, err)
}

// group loads the members of a group.
func (l *loader) group(obj object, cached *stab, msgs []message, depth int) (*Group, error) {
	g := &Group{object: obj, byName: map[string]int{}}
	var links []link
	var err error
	l.here = obj.path
	old := false
	for _, m := range msgs {
		if m.kind != msgSymbolTable {
			continue
		}
		old = true
		d := l.dec(m.body)
		s := stab{d.offset(), d.offset()}
		if d.bad {
			return nil, fail(ErrCorrupt, "symbol table", "message of %d bytes", len(m.body))
		}
		// libhdf5 may use the copy beside the link instead of this message.
		if cached != nil && *cached != s {
			return nil, fail(ErrCorrupt, "symbol table", "differs from the copy beside its link")
		}
		links, err = l.symbols(s)
	}
	if !old {
		links, err = l.links(msgs)
	}
	if err != nil {
		return nil, err
	}
	for _, k := range links {
		if k.name == "" || k.name == "." || strings.ContainsAny(k.name, "/\x00") {
			return nil, fail(ErrCorrupt, "link "+shown(k.name), "impossible name")
		}
		if _, twice := g.byName[k.name]; twice {
			return nil, fail(ErrCorrupt, "link "+shown(k.name), "occurs twice")
		}
		m, err := l.object(join(obj.path, k.name), k, depth+1)
		if err != nil {
			return nil, err
		}
		g.byName[k.name] = len(g.members)
		g.members = append(g.members, m)
	}
	return g, nil
}

// dataset loads shape, type and layout.
func (l *loader) dataset(obj object, msgs []message) (*Dataset, error) {
	d := &Dataset{object: obj, file: l.file}
	var s space
	var err error
	for _, m := range msgs {
		switch m.kind {
		case msgDataspace:
			if s, err = dataspace(l.dec(m.body)); err != nil {
				return nil, err
			}
		case msgDatatype:
			if d.Type, err = datatype(l.dec(m.body), 0); err != nil {
				return nil, err
			}
		}
	}
	d.Null = s.null
	if d.lay, err = l.layoutOf(msgs, d.Type, s); err != nil {
		return nil, err
	}
	if d.Shape, err = intShape(s.dims); err != nil {
		return nil, err
	}
	d.format = formatOf(d.Type)
	if a, err := d.Attr("dtype"); err == nil && d.Type.Class == ClassOpaque && d.Type.Size == 2 {
		if s, err := a.Str(); err == nil && s == "bfloat16" {
			d.format = format{kind: kindBF16}
		}
	}
	return d, nil
}
