package hdf5io

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns looking into a file without making a model of it.

// InspectOptions say what of a file is shown.
type InspectOptions struct {
	// Path is a group, a dataset or an archive member; what is below it is shown. "" is everything. "/layers" of an archive is that of
	// the weights inside, as is "model.weights.h5:/layers".
	Path string
	// Values reads the datasets that are shown: this many numbers of each are listed, and all are summed up. 0 reads none.
	Values int
	// Untrusted keeps libhdf5 out of the process, see Options.
	Untrusted bool
}

// Inspection is what is in a file.
type Inspection struct {
	Form    string  `json:"form"` // "HDF5", "archive", "JSON"
	Bytes   int64   `json:"bytes"`
	Entries []Entry `json:"entries"` // parents first
}

// Entry is a group, a dataset or an archive member of a file.
type Entry struct {
	Path    string      `json:"path"`              // "/model_weights/dense/dense/kernel"; in an archive behind the member: "model.weights.h5:/layers"
	Kind    string      `json:"kind"`              // "group", "dataset", "member", "json"
	Type    string      `json:"type,omitempty"`    // of the elements of a dataset: "float32", "string"
	Shape   []int       `json:"shape,omitempty"`   // of a dataset; empty for a scalar
	Storage string      `json:"storage,omitempty"` // of a dataset: "contiguous", "chunked", "compact"; of a member: "stored", "deflated"
	Chunk   []int       `json:"chunk,omitempty"`   // the shape of a chunk
	Filters []string    `json:"filters,omitempty"` // of a dataset: "shuffle", "gzip 4", "fletcher32"
	Bytes   int64       `json:"bytes"`             // of a member, or of the elements of a dataset
	Stored  int64       `json:"stored"`            // how many bytes of the file they take
	CRC32   string      `json:"crc32,omitempty"`   // of a member, checked
	Attrs   []Attribute `json:"attributes,omitempty"`
	Values  *Values     `json:"values,omitempty"`
	Problem string      `json:"problem,omitempty"` // why there are no values though they were asked for
	Content any         `json:"content,omitempty"` // of JSON that Path names
}

// Attribute is an attribute of a group or dataset.
type Attribute struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape,omitempty"`
	Value any    `json:"value"` // string, []string, Number, []Number, or nil where it is none of these
}

// Values is what the elements of a dataset are.
type Values struct {
	First          []any  `json:"first"` // Number or string
	Min, Max, Mean Number `json:"-"`     // of those that are finite
	NotFinite      int    `json:"-"`     // NaN and infinities
	numeric        bool
}

// Numeric reports whether the elements are numbers, so that Min, Max and Mean mean something.
func (v *Values) Numeric() bool { return v.numeric }

// MarshalJSON leaves out minimum, maximum and mean of what are no numbers.
func (v *Values) MarshalJSON() ([]byte, error) {
	o := map[string]any{"first": v.First}
	if v.numeric {
		o["min"], o["max"], o["mean"], o["not_finite"] = v.Min, v.Max, v.Mean, v.NotFinite
	}
	return json.Marshal(o)
}

// Number is a number that is null in JSON where it is not finite.
type Number float64

// MarshalJSON writes the number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Inspect lists what is in a file of Keras. It checks the file as Load does but asks for no model. Where something is wrong with a part
// of the file there is an error and what could be listed.
func Inspect(path string, o InspectOptions) (*Inspection, error) {
	in := &inspector{loader: &loader{Result: &Result{}, path: path, o: Options{Untrusted: o.Untrusted}}, InspectOptions: o}
	err := in.inspect()
	return &in.Inspection, core.InFile(path, err)
}

type inspector struct {
	*loader
	InspectOptions
	Inspection
	problem error // the first dataset that could not be read
}

func (in *inspector) inspect() error {
	c, size, err := sniff(in.path)
	if err != nil {
		return err
	}
	in.Bytes = size
	switch c {
	case contentHDF5:
		in.Form = "HDF5"
		f, err := h5.Open(in.path, in.h5Options()...)
		if err != nil {
			return fromH5(err)
		}
		defer f.Close() // it was only read
		if err := in.tree(f.Root(), "", in.Path); err != nil {
			return err
		}
		return in.problem
	case contentZip:
		in.Form = "archive"
		if err := in.archive(); err != nil {
			return err
		}
		return in.problem
	case contentJSON, contentYAML:
		in.Form = "JSON"
		if c == contentYAML {
			in.Form = "YAML"
		}
		if p := strings.Trim(in.Path, "/"); p != "" {
			return core.Errorf(core.ErrNotFound, fmt.Sprintf("%q", in.Path), "%s has no parts to show", in.Form)
		}
		text, err := readLimited(in.path, maxConfig)
		if err != nil {
			return err
		}
		v, err := parseText(text, in.Form)
		if err != nil {
			return err
		}
		in.Entries = []Entry{{Path: "/", Kind: strings.ToLower(in.Form), Bytes: int64(len(text)), Stored: int64(len(text)), Content: v}}
		return nil
	}
	return core.Errorf(core.ErrNotModel, fmt.Sprintf("file signature (offset %d)", min(size, 7)), "neither HDF5 nor an archive nor JSON nor YAML")
}

// archive lists the members, and the tree of the weights inside.
func (in *inspector) archive() error {
	z, err := openZip(in.path)
	if err != nil {
		return err
	}
	defer z.close()
	member, inside, split := strings.Cut(in.Path, ":")
	if strings.HasPrefix(in.Path, "/") {
		member, inside, split = memberWeights, in.Path, true
	}
	if member != "" && z.files[member] == nil {
		return core.WithHint(core.Errorf(core.ErrNotFound, fmt.Sprintf("member %q", member), "is not there"),
			registry.DidYouMean(member, slices.Collect(maps.Keys(z.files))))
	}
	for _, name := range slices.Sorted(maps.Keys(z.files)) {
		if member != "" && name != member {
			continue
		}
		m := z.files[name]
		if !split {
			e := Entry{Path: name, Kind: "member", Storage: "stored", Bytes: int64(m.UncompressedSize64), Stored: int64(m.CompressedSize64),
				CRC32: fmt.Sprintf("%08x", m.CRC32)}
			if m.Method == zip.Deflate {
				e.Storage = "deflated"
			}
			if name != memberWeights { // whose checksum is compared when it is opened
				if err := checkMemberData(m); err != nil {
					in.Entries = append(in.Entries, e)
					return core.In("member "+name, core.ErrCorrupt, err)
				}
			}
			if name == member && strings.HasSuffix(name, ".json") {
				if e.Content, err = z.json(name); err != nil {
					return err
				}
			}
			in.Entries = append(in.Entries, e)
		}
		if name != memberWeights {
			if split {
				return core.Errorf(core.ErrNotFound, fmt.Sprintf("member %q", name), "has no groups to show")
			}
			continue
		}
		r, size, err := z.weights()
		if err != nil {
			return err
		}
		f, err := h5.NewReader(r, size, in.h5Options()...)
		if err != nil {
			return core.In("member "+name, core.ErrCorrupt, fromH5(err))
		}
		err = in.tree(f.Root(), name+":", inside)
		_ = f.Close() // it was only read
		if err != nil {
			return err
		}
	}
	return nil
}

// checkMemberData reads a member to its end, where its checksum is compared, and keeps nothing of it.
func checkMemberData(m *zip.File) error {
	r, err := m.Open()
	if err != nil {
		return &core.Error{Kind: core.ErrCorrupt, Err: err}
	}
	defer r.Close() // it was only read
	_, err = io.Copy(io.Discard, r)
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return core.Errorf(core.ErrChecksum, "", "its checksum is not that of the directory")
	case err != nil:
		return &core.Error{Kind: core.ErrCorrupt, Err: err}
	}
	return nil
}

// tree lists a group or dataset and what is below it.
func (in *inspector) tree(root *h5.Group, prefix, path string) error {
	add := func(m h5.Member) error {
		if m.Group != nil {
			in.Entries = append(in.Entries, Entry{Path: prefix + m.Group.Path(), Kind: "group", Attrs: attributes(m.Group.Attrs())})
		} else {
			in.dataset(m.Dataset, prefix)
		}
		return nil
	}
	g, err := root.Group(path)
	if err != nil {
		d, notDataset := root.Dataset(path)
		if notDataset != nil {
			return core.WithHint(core.In(prefix+"/"+strings.Trim(path, "/"), core.ErrNotFound, core.Errorf(core.ErrNotFound, "", "there is no such group or dataset")),
				registry.DidYouMean("/"+strings.Trim(path, "/"), paths(root)))
		}
		return add(h5.Member{Dataset: d})
	}
	if g == root { // its own path is empty
		in.Entries = append(in.Entries, Entry{Path: prefix + "/", Kind: "group", Attrs: attributes(root.Attrs())})
	} else if err := add(h5.Member{Group: g}); err != nil {
		return err
	}
	return fromH5(g.Walk(add))
}

func paths(root *h5.Group) []string {
	var list []string
	_ = root.Walk(func(m h5.Member) error { // the function never fails
		if m.Group != nil {
			list = append(list, m.Group.Path())
		} else {
			list = append(list, m.Dataset.Path())
		}
		return nil
	})
	return list
}

func (in *inspector) dataset(d *h5.Dataset, prefix string) {
	s := d.Storage()
	e := Entry{Path: prefix + d.Path(), Kind: "dataset", Type: d.Type.String(), Shape: d.Shape, Storage: s.Kind, Chunk: s.Chunk,
		Filters: s.Filters, Stored: s.Bytes, Attrs: attributes(d.Attrs())}
	if d.IsBFloat16() {
		e.Type = "bfloat16"
	}
	if !d.Null {
		e.Bytes = int64(d.Len()) * int64(d.Type.Size)
	}
	if in.Values > 0 && !d.Null {
		v, err := valuesOf(d, in.Values, e)
		if err != nil {
			e.Problem = err.Error()
			if in.problem == nil && !errors.Is(err, core.ErrTooLarge) {
				in.problem = core.In(strings.TrimSuffix("member "+strings.TrimSuffix(prefix, ":"), "member "), core.ErrCorrupt, err)
			}
		}
		e.Values = v
	}
	in.Entries = append(in.Entries, e)
}

// largeFrom is from which size on a dataset that takes next to nothing in the file is not read: it may be made to fill the memory.
const largeFrom = 16 << 20

func valuesOf(d *h5.Dataset, count int, e Entry) (*Values, error) {
	if e.Bytes > largeFrom && e.Bytes/maxRatio > e.Stored {
		return nil, core.Errorf(core.ErrTooLarge, d.Path(), "%d bytes out of %d are not read", e.Bytes, e.Stored)
	}
	if d.Type.Class == h5.ClassString {
		list, err := d.Strings()
		if err != nil {
			return nil, fromH5(err)
		}
		v := &Values{First: []any{}}
		for _, s := range list[:min(count, len(list))] {
			v.First = append(v.First, s)
		}
		return v, nil
	}
	if !d.IsNumeric() {
		return nil, nil
	}
	if d.Type.Class == h5.ClassFloat && d.Type.Size == 4 {
		return summarize(d.ReadFloat32, make([]float32, d.Len()), count)
	}
	return summarize(d.ReadFloat64, make([]float64, d.Len()), count)
}

func summarize[T float32 | float64](read func([]T) error, x []T, count int) (*Values, error) {
	if err := read(x); err != nil {
		return nil, fromH5(err)
	}
	v := &Values{numeric: true, Min: Number(math.Inf(1)), Max: Number(math.Inf(-1)), First: []any{}}
	for _, y := range x[:min(count, len(x))] {
		v.First = append(v.First, Number(y))
	}
	sum := 0.0
	for _, y := range x {
		n := Number(y)
		if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
			v.NotFinite++
			continue
		}
		v.Min, v.Max = min(v.Min, n), max(v.Max, n)
		sum += float64(n)
	}
	v.Mean = Number(sum / float64(len(x)-v.NotFinite)) // NaN where there is none
	return v, nil
}

func attributes(list []*h5.Attr) []Attribute {
	out := make([]Attribute, len(list))
	for i, a := range list {
		out[i] = Attribute{Name: a.Name, Type: a.Type.String(), Shape: a.Shape, Value: attributeValue(a)}
	}
	slices.SortFunc(out, func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func attributeValue(a *h5.Attr) any {
	if a.Null {
		return nil
	}
	if s, err := a.Str(); err == nil && len(a.Shape) == 0 {
		return s
	}
	if list, err := a.Strs(); err == nil {
		return list
	}
	n, err := a.Floats()
	if err != nil {
		return nil
	}
	if len(a.Shape) == 0 && len(n) == 1 {
		return Number(n[0])
	}
	list := make([]Number, len(n))
	for i, x := range n {
		list[i] = Number(x)
	}
	return list
}

// Config is the architecture that a file holds, as JSON, and what it was compiled with, without making a model of it: for files whose
// layers gk does not know. Either is nil where the file has none.
func Config(path string, o Options) (architecture, training any, err error) {
	l := &loader{Result: &Result{}, path: path, o: o}
	architecture, training, err = l.configs()
	return architecture, training, core.InFile(path, err)
}

func (l *loader) configs() (architecture, training any, err error) {
	c, size, err := sniff(l.path)
	if err != nil {
		return nil, nil, err
	}
	inside := func(v any) (any, any, error) {
		o, _ := v.(map[string]any)
		return v, o["compile_config"], nil
	}
	switch c {
	case contentHDF5:
		f, err := h5.Open(l.path, l.h5Options()...)
		if err != nil {
			return nil, nil, fromH5(err)
		}
		defer f.Close() // it was only read
		if s := text(f.Root(), "model_config"); s != "" {
			if architecture, err = parse([]byte(s), "model_config"); err != nil {
				return nil, nil, err
			}
		}
		if s := text(f.Root(), "training_config"); s != "" {
			training, err = parse([]byte(s), "training_config")
		}
		return architecture, training, err
	case contentZip:
		z, err := openZip(l.path)
		if err != nil {
			return nil, nil, err
		}
		defer z.close()
		if z.files[memberConfig] == nil {
			return nil, nil, core.Errorf(core.ErrNotModel, "member "+memberConfig, "is not there, so the archive is no .keras file")
		}
		v, err := z.json(memberConfig)
		if err != nil {
			return nil, nil, err
		}
		return inside(v)
	case contentJSON, contentYAML:
		text, err := readLimited(l.path, maxConfig)
		if err != nil {
			return nil, nil, err
		}
		v, err := parseText(text, "config")
		if err != nil {
			return nil, nil, err
		}
		return inside(v)
	}
	return nil, nil, core.Errorf(core.ErrNotModel, fmt.Sprintf("file signature (offset %d)", min(size, 7)), "no Keras model of any form that gk knows")
}
