package hdf5io

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns looking into a file without making a model of it.

// Entry is a group, a dataset or an archive member of a file.
type Entry struct {
	Path   string      `json:"path"`             // "/model_weights/dense/dense/kernel"; in an archive behind the member: "model.weights.h5:/layers"
	Kind   string      `json:"kind"`             // "group", "dataset", "member", "json"
	Type   string      `json:"type,omitempty"`   // of the elements of a dataset: "float32", "string"
	Shape  []int       `json:"shape,omitempty"`  // of a dataset; empty for a scalar
	Layout string      `json:"layout,omitempty"` // how a dataset is stored: "contiguous", "chunked gzip"
	Bytes  int64       `json:"bytes,omitempty"`  // of a member, or of the elements of a dataset
	Attrs  []Attribute `json:"attributes,omitempty"`
}

// Attribute is an attribute of a group or dataset.
type Attribute struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape,omitempty"`
	Value any    `json:"value"` // string, []string, []float64, or nil where it is none of these
}

// Inspect lists what is in a file of Keras, parents first. It checks the file as Load does but asks for no model.
func Inspect(path string, o Options) ([]Entry, error) {
	l := &loader{Result: &Result{}, path: path, o: o}
	entries, err := l.inspect()
	return entries, core.InFile(path, err)
}

func (l *loader) inspect() ([]Entry, error) {
	c, size, err := sniff(l.path)
	if err != nil {
		return nil, err
	}
	switch c {
	case contentHDF5:
		f, err := h5.Open(l.path, l.h5Options()...)
		if err != nil {
			return nil, fromH5(err)
		}
		defer f.Close() // it was only read
		return inspectGroup(f.Root(), "")
	case contentZip:
		return l.inspectArchive()
	case contentJSON:
		text, err := readLimited(l.path, maxConfig)
		if err != nil {
			return nil, err
		}
		if _, err := parse(text, "JSON"); err != nil {
			return nil, err
		}
		return []Entry{{Path: "/", Kind: "json", Bytes: int64(len(text))}}, nil
	}
	return nil, core.Errorf(core.ErrNotModel, fmt.Sprintf("file signature (offset %d)", min(size, 7)), "neither HDF5 nor an archive nor JSON")
}

func (l *loader) inspectArchive() ([]Entry, error) {
	z, err := openZip(l.path)
	if err != nil {
		return nil, err
	}
	defer z.close()
	var entries []Entry
	for _, name := range slices.Sorted(maps.Keys(z.files)) {
		entries = append(entries, Entry{Path: name, Kind: "member", Bytes: int64(z.files[name].UncompressedSize64)})
		if name != memberWeights {
			continue
		}
		r, size, err := z.weights()
		if err != nil {
			return nil, err
		}
		f, err := h5.NewReader(r, size)
		if err != nil {
			return nil, core.In("member "+name, core.ErrCorrupt, fromH5(err))
		}
		inside, err := inspectGroup(f.Root(), name+":")
		_ = f.Close() // it was only read
		if err != nil {
			return nil, err
		}
		entries = append(entries, inside...)
	}
	return entries, nil
}

func inspectGroup(root *h5.Group, prefix string) ([]Entry, error) {
	entries := []Entry{{Path: prefix + "/", Kind: "group", Attrs: attributes(root.Attrs())}}
	err := root.Walk(func(m h5.Member) error {
		switch {
		case m.Group != nil:
			entries = append(entries, Entry{Path: prefix + m.Group.Path(), Kind: "group", Attrs: attributes(m.Group.Attrs())})
		case m.Dataset != nil:
			d := m.Dataset
			e := Entry{Path: prefix + d.Path(), Kind: "dataset", Type: d.Type.String(), Shape: d.Shape, Layout: d.Layout(), Attrs: attributes(d.Attrs())}
			if d.IsBFloat16() {
				e.Type = "bfloat16"
			}
			if !d.Null {
				e.Bytes = int64(d.Len()) * int64(d.Type.Size)
			}
			entries = append(entries, e)
		}
		return nil
	})
	return entries, fromH5(err)
}

func attributes(list []*h5.Attr) []Attribute {
	out := make([]Attribute, len(list))
	for i, a := range list {
		out[i] = Attribute{Name: a.Name, Type: a.Type.String(), Shape: a.Shape, Value: attributeValue(a)}
	}
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
	if n, err := a.Floats(); err == nil {
		return n
	}
	return nil
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
	case contentJSON:
		text, err := readLimited(l.path, maxConfig)
		if err != nil {
			return nil, nil, err
		}
		v, err := parse(text, "JSON")
		if err != nil {
			return nil, nil, err
		}
		return inside(v)
	}
	return nil, nil, core.Errorf(core.ErrNotModel, fmt.Sprintf("file signature (offset %d)", min(size, 7)), "no Keras model of any form that gk knows")
}
