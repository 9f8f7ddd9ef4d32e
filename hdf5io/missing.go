package hdf5io

import (
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns layers that nothing provides, see registry.Missing, and those that cannot be built because of them: they take the arrays
// that the file has for them, whatever these are.

// allow is told of every layer that nothing provides.
func (l *loader) allow(m *registry.Missing) {
	if slices.ContainsFunc(l.Missing, func(x *registry.Missing) bool { return x.Name == m.Name }) {
		return
	}
	l.Missing = append(l.Missing, m)
	l.warn("%v", m.Reason)
}

// keepLegacy gives the layers of a legacy file to those that keep what there is, and leaves the others.
func (a *assignment) keepLegacy(m *model.Model, there []fileLayer) ([]fileLayer, error) {
	if len(a.Missing) == 0 {
		return there, nil
	}
	for _, x := range m.Layers() {
		at := slices.IndexFunc(there, func(t fileLayer) bool { return t.name == x.Common().Name })
		if at < 0 {
			continue
		}
		inner, nested := x.(*model.Model)
		rest := there[at]
		var err error
		switch {
		case x.Common().Kept():
			err = a.keep(x, rest.arrays, nil, nil)
			rest.arrays = nil
		case nested:
			rest.arrays, err = a.keepInside(inner, rest.arrays, notTrained(inner, rest.arrays))
		}
		if err != nil {
			return nil, err
		}
		there = slices.Clone(there)
		if there[at] = rest; len(rest.arrays) == 0 {
			there = slices.Delete(there, at, at+1)
		}
	}
	return there, nil
}

// keepInside finds the arrays of layers in a nested model, whose group has those of all of them, by their names, and gives the others.
func (a *assignment) keepInside(m *model.Model, arrays []array, fixed map[string]bool) ([]array, error) {
	for _, x := range m.Layers() {
		if inner, ok := x.(*model.Model); ok && !x.Common().Kept() {
			var err error
			if arrays, err = a.keepInside(inner, arrays, fixed); err != nil {
				return nil, err
			}
			continue
		}
		if !x.Common().Kept() {
			continue
		}
		var own, others []array
		for _, from := range arrays {
			if isOf(from, x) {
				own = append(own, from)
			} else {
				others = append(others, from)
			}
		}
		if err := a.keep(x, own, nil, fixed); err != nil {
			return nil, err
		}
		arrays = others
	}
	return arrays, nil
}

// isOf reports whether an array of a nested model has the name of a layer in its own.
func isOf(from array, x core.Layer) bool {
	return slices.Contains(strings.Split(from.name, "/"), x.Common().Name)
}

// notTrained are the names of the arrays of a nested model that are not trained: all that are trained come first, layer by layer, then
// the others, layer by layer again.
func notTrained(m *model.Model, arrays []array) map[string]bool {
	layers := leaves(m)
	fixed := map[string]bool{}
	last, again := 0, false
	for _, from := range arrays {
		at := slices.IndexFunc(layers, func(x core.Layer) bool { return isOf(from, x) })
		again = again || at >= 0 && at < last
		last = max(last, at)
		fixed[from.name] = again
	}
	return fixed
}

// leaves are the layers of a model, those of models inside of it in their place.
func leaves(m *model.Model) []core.Layer {
	var list []core.Layer
	for _, x := range m.Layers() {
		if inner, ok := x.(*model.Model); ok {
			list = append(list, leaves(inner)...)
		} else {
			list = append(list, x)
		}
	}
	return list
}

// keepPaths gives a layer everything that a store has at its place and below.
func (a *assignment) keepPaths(s store, x core.Layer, path string, used map[string]bool) error {
	var arrays []array
	var groups []string
	for _, p := range s.all() {
		if p != path && !strings.HasPrefix(p, path+"/") {
			continue
		}
		used[p] = true
		list, _, err := s.vars(p)
		if err != nil {
			a.warn("%s: %v", x.Common().Place(), err) // a layer may save under other names than numbers
			continue
		}
		for _, from := range list {
			arrays, groups = append(arrays, from), append(groups, strings.TrimPrefix(strings.TrimPrefix(p, path), "/"))
		}
	}
	return a.keep(x, arrays, groups, nil)
}

// keep makes weights of arrays. groups, if not nil, are the places below that of the layer; fixed says which arrays are not trained, as
// far as that is known.
func (a *assignment) keep(x core.Layer, arrays []array, groups []string, fixed map[string]bool) error {
	weights := make([]*core.Weight, len(arrays))
	for i, from := range arrays {
		place := x.Common().Place() + ": " + from.name
		if from.Null || !from.IsNumeric() {
			return core.Errorf(core.ErrWrongType, place, "got %s in %s, want numbers", from.Type, from.Path())
		}
		size := int64(from.Len()) * int64(from.Type.Size)
		if stored := from.Storage().Bytes; size > largeFrom && size/maxRatio > stored {
			return core.Errorf(core.ErrTooLarge, place, "%d bytes out of %d in %s", size, stored, from.Path())
		}
		name, group := strings.TrimSuffix(from.name, ":0"), ""
		if groups != nil {
			group = groups[i]
			name = join(x.Common().Name, join(group, from.name))
		}
		w := core.NewWeight(core.WeightSpec{Name: name, Shape: from.Shape, Group: group, DType: storedType(from.Dataset), State: fixed[from.name]})
		if err := from.ReadFloat32(w.Data()); err != nil {
			return core.In(place, core.ErrCorrupt, fromH5(err))
		}
		if w.DType == "float64" || w.DType == "int64" || w.DType == "int32" {
			a.warn("%s: is kept in float32, from %s", place, w.DType)
		}
		w.SetReady()
		weights[i] = w
	}
	x.Common().Keep(weights...)
	return nil
}

// storedType is the type of a dataset as weights name it.
func storedType(d *h5.Dataset) string {
	if d.IsBFloat16() {
		return "bfloat16"
	}
	switch name, _, _ := strings.Cut(strings.TrimPrefix(d.Type.String(), "enum of "), " "); name {
	case "float16", "float64", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8":
		return name
	}
	return "float32"
}
