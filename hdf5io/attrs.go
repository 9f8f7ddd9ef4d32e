package hdf5io

import (
	"errors"
	"fmt"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns the attributes of legacy files: lists of names, which Keras splits where they exceed what an object header holds.

// headerLimit is how many bytes of fixed-length strings Keras puts in one attribute. Source: HDF5_OBJECT_HEADER_LIMIT in
// keras/src/legacy/saving/legacy_h5_format.py.
const headerLimit = 64512

// withNUL is what certainly fits into a header, with the attribute's own description.
const withNUL = 65000

// names reads a list of names: the attribute of that name, or name0, name1, ... joined.
func names(g *h5.Group, name string) ([]string, error) {
	if g.HasAttr(name) {
		return nameList(g, name)
	}
	var all []string
	for i := 0; ; i++ {
		part := fmt.Sprint(name, i)
		if !g.HasAttr(part) {
			if i == 0 {
				return nil, core.Errorf(core.ErrCorrupt, g.Path()+" attribute "+name, "is not there")
			}
			return all, nil
		}
		list, err := nameList(g, part)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
}

func nameList(g *h5.Group, name string) ([]string, error) {
	a, err := g.Attr(name)
	if err != nil {
		return nil, fromH5(err)
	}
	if len(a.Shape) != 1 && !a.Null {
		return nil, core.Errorf(core.ErrWrongType, g.Path()+" attribute "+name, "got a single value, want a list of names")
	}
	if a.Null {
		return nil, nil
	}
	list, err := a.Strs()
	return list, fromH5(err)
}

func hasNames(g *h5.Group, name string) bool { return g.HasAttr(name) || g.HasAttr(name+"0") }

// text is a string attribute, "" if it is not there or no string: for what a file says of itself in passing.
func text(g *h5.Group, name string) string {
	a, err := g.Attr(name)
	if err != nil {
		return ""
	}
	s, err := a.Str()
	if err != nil {
		return ""
	}
	return s
}

// setNames writes a list of names, in as many attributes as Keras makes of it: the fewest nearly equal parts none of which exceeds the
// limit.
func setNames(g *h5.GroupSpec, name string, list []string) error {
	longest := 1
	for _, s := range list {
		longest = max(longest, len(s))
	}
	if longest > headerLimit {
		return core.Errorf(core.ErrTooLarge, "attribute "+name, "a name of %d bytes, want at most %d", longest, headerLimit)
	}
	// Parts are as wide as their own longest name.
	fits := func(parts int) bool {
		for i := range parts {
			width := 1
			for _, s := range part(list, i, parts) {
				width = max(width, len(s))
			}
			n := len(part(list, i, parts))
			if width*n > headerLimit || (width+1)*n > withNUL { // libhdf5 adds a NUL to each
				return false
			}
		}
		return true
	}
	parts := 1
	for !fits(parts) {
		parts++
	}
	const pointer = 16 // bytes of a variable-length string in the header
	if parts == 1 {
		if pointer*len(list) <= headerLimit {
			g.SetAttr(name, as[h5.ASCII](list))
		} else {
			g.SetAttr(name, as[h5.Fixed](list))
		}
		return nil
	}
	for i := range parts {
		g.SetAttr(fmt.Sprint(name, i), as[h5.Fixed](part(list, i, parts)))
	}
	return nil
}

// part is the i-th of n nearly equal parts, the longer ones first.
func part(list []string, i, n int) []string {
	size, more := len(list)/n, len(list)%n
	start := i*size + min(i, more)
	end := start + size
	if i < more {
		end++
	}
	return list[start:end]
}

func as[S ~string](list []string) []S {
	out := make([]S, len(list))
	for i, s := range list {
		out[i] = S(s)
	}
	return out
}

// isMissing reports whether an error of package h5 says that something is not there.
func isMissing(err error) bool { return errors.Is(err, h5.ErrNotFound) }
