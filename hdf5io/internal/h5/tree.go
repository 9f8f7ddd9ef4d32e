// The tree that a caller sees: groups, datasets and their lookup.

package h5

import (
	"sort"
	"strings"
)

// object is what groups and datasets have in common.
type object struct {
	path  string
	attrs []*Attr
}

// Path is the full path of the object: "/model_weights/dense".
func (o *object) Path() string { return o.path }

// Attrs lists the attributes, in file order. The caller must not change the slice.
func (o *object) Attrs() []*Attr { return o.attrs }

// HasAttr reports whether there is an attribute of that name.
func (o *object) HasAttr(name string) bool {
	_, err := o.Attr(name)
	return err == nil
}

// Attr finds an attribute; the error is ErrNotFound.
func (o *object) Attr(name string) (*Attr, error) {
	for _, a := range o.attrs {
		if a.Name == name {
			return a, nil
		}
	}
	return nil, fail(ErrNotFound, shown(o.path)+" attribute "+shown(name), "there is no such attribute")
}

// Group is a group: named members and attributes.
type Group struct {
	object
	members []Member
	byName  map[string]int
}

// Member is a named member of a group: a group, a dataset, or neither (a committed datatype).
type Member struct {
	Name    string
	Group   *Group
	Dataset *Dataset
}

// Members lists the members, in order of creation where the file keeps it, else by name. The caller must not change the slice.
func (g *Group) Members() []Member { return g.members }

// Has reports whether path leads to a member. Names are plain: "." and ".." have no meaning.
func (g *Group) Has(path string) bool {
	_, err := g.find(path)
	return err == nil
}

// Group finds a group by its path from g; slashes around the path are ignored and the empty path is g itself.
func (g *Group) Group(path string) (*Group, error) {
	m, err := g.find(path)
	if err != nil {
		return nil, err
	}
	if m.Group == nil {
		return nil, fail(ErrWrongType, shown(join(g.path, path)), "got %s, want a group", m.sort())
	}
	return m.Group, nil
}

// Dataset finds a dataset by its path from g.
func (g *Group) Dataset(path string) (*Dataset, error) {
	m, err := g.find(path)
	if err != nil {
		return nil, err
	}
	if m.Dataset == nil {
		return nil, fail(ErrWrongType, shown(join(g.path, path)), "got %s, want a dataset", m.sort())
	}
	return m.Dataset, nil
}

// find walks path from g.
func (g *Group) find(path string) (Member, error) {
	m := Member{Group: g}
	here := g.path
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		if m.Group == nil {
			return m, fail(ErrWrongType, shown(here), "got %s, want a group", m.sort())
		}
		here = join(here, name)
		i, ok := m.Group.byName[name]
		if !ok {
			return m, fail(ErrNotFound, shown(here), "there is no such object")
		}
		m = m.Group.members[i]
	}
	return m, nil
}

// sort names the sort of object, for messages.
func (m Member) sort() string {
	switch {
	case m.Group != nil:
		return "a group"
	case m.Dataset != nil:
		return "a dataset"
	default:
		return "a named datatype"
	}
}

// Walk calls f with every group and dataset below g, parents first, until f returns an error. Exactly one of Group and Dataset
// is set.
func (g *Group) Walk(f func(m Member) error) error {
	for _, m := range g.members {
		if m.Group == nil && m.Dataset == nil {
			continue
		}
		if err := f(m); err != nil {
			return err
		}
		if m.Group != nil {
			if err := m.Group.Walk(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Datasets lists all datasets below g by path, sorted.
func (g *Group) Datasets() []*Dataset {
	var out []*Dataset
	_ = g.Walk(func(m Member) error { // the function never fails
		if m.Dataset != nil {
			out = append(out, m.Dataset)
		}
		return nil
	})
	sort.Slice(out, func(i, j int) bool { return out[i].path < out[j].path })
	return out
}

// join appends a name to a path.
func join(path, name string) string {
	return strings.TrimRight(path, "/") + "/" + strings.TrimLeft(name, "/")
}
