package hdf5io

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns putting arrays of a file into weights of a model: checks first, all of them, then data straight into place.

// array is an array of a file.
type array struct {
	name string // as the file calls it
	*h5.Dataset
}

// assignment is what goes where.
type assignment struct {
	*loader
	wrong Disagreements
	moves []move
}

type move struct {
	w     *core.Weight
	from  array
	value *tensor.Tensor // converted already; else nil
	place string
}

// short is the name of a weight inside of its layer.
func short(w *core.Weight) string { return w.Name[strings.LastIndexByte(w.Name, '/')+1:] }

func shortNames(ws []*core.Weight) string {
	names := make([]string, len(ws))
	for i, w := range ws {
		names[i] = short(w)
	}
	return strings.Join(names, ", ")
}

func arrayNames(as []array) string {
	names := make([]string, len(as))
	for i, a := range as {
		names[i] = fmt.Sprintf("%q", a.name)
	}
	return strings.Join(names, ", ")
}

// layer plans the weights of a layer, in the order of the file. where is the place in the file.
func (a *assignment) layer(l core.Layer, weights []*core.Weight, arrays []array, where string) {
	place := l.Common().Place()
	if holdsModel(l) {
		arrays = sorted(l, weights, arrays)
	}
	if a.upgrades(l) {
		values, err := a.upgrade(l, weights, arrays)
		if err != nil {
			a.wrong.addError(place, err)
			return
		}
		if values != nil {
			for i, w := range weights {
				if !w.Shape.Equal(values[i].Shape()) {
					a.mismatch(place, w, fmt.Sprintf("got shape %v, want %v", values[i].Shape(), w.Shape))
					continue
				}
				a.moves = append(a.moves, move{w: w, value: values[i], place: place})
			}
			return
		}
	}
	switch {
	case len(arrays) < len(weights):
		kind := core.ErrMissingWeights
		a.count(kind, place, fmt.Sprintf("got %d arrays in %s, want %d: %s", len(arrays), where, len(weights), shortNames(weights)))
		return
	case len(arrays) > len(weights):
		a.count(core.ErrExtraWeights, place, fmt.Sprintf("got %d arrays in %s, want %d: no place for %s",
			len(arrays), where, len(weights), arrayNames(arrays[len(weights):])))
		return
	}
	for i, w := range weights {
		a.weight(place, w, arrays[i])
	}
}

// holdsModel reports whether a layer is a model, or is around one.
func holdsModel(l core.Layer) bool {
	if _, ok := l.(*model.Model); ok {
		return true
	}
	return slices.ContainsFunc(l.Common().Children(), func(c core.Child) bool { return holdsModel(c.Layer) })
}

// sorted puts the arrays of a nested model in the order of its weights, by the names of layers and weights. Files have first what was
// trained and then the rest, and before Keras 3 the architecture does not say of a nested model whether it was. Arrays whose names do not
// all say which weight they are come back as they are.
func sorted(l core.Layer, weights []*core.Weight, arrays []array) []array {
	if len(arrays) != len(weights) {
		return arrays
	}
	byName := map[string]array{}
	for _, a := range arrays {
		parts := strings.Split(strings.TrimSuffix(a.name, ":0"), "/")
		if len(parts) < 2 {
			return arrays
		}
		byName[strings.Join(parts[len(parts)-2:], "/")] = a
	}
	if len(byName) != len(arrays) {
		return arrays
	}
	of := map[*core.Weight]core.Layer{}
	owners(l, of)
	out := make([]array, len(weights))
	for i, w := range weights {
		name := of[w].Common().Name + "/" + short(w)
		a, ok := byName[name]
		if !ok {
			return arrays
		}
		delete(byName, name)
		out[i] = a
	}
	return out
}

func (a *assignment) count(kind core.Kind, place, msg string) {
	if a.o.SkipMismatch {
		a.skip("%s: %s", place, msg)
		return
	}
	a.wrong.add(kind, place, "%s", msg)
}

func (a *assignment) mismatch(place string, w *core.Weight, msg string) {
	if a.o.SkipMismatch {
		a.skip("%s: %s: %s", place, short(w), msg)
		return
	}
	a.wrong.add(core.ErrShapeMismatch, place+": "+short(w), "%s", msg)
}

// weight plans one weight.
func (a *assignment) weight(place string, w *core.Weight, from array) {
	switch {
	case !from.IsNumeric() && !from.Null:
		a.wrong.add(core.ErrWrongType, place+": "+short(w), "got %s in %s, want numbers", from.Type, from.Path())
	case from.Null || !w.Shape.Equal(from.Shape):
		got := fmt.Sprint("shape ", tensor.Shape(from.Shape))
		if from.Null {
			got = "no elements"
		}
		a.mismatch(place, w, fmt.Sprintf("got %s in %s, want %v", got, from.Path(), w.Shape))
	default:
		a.moves = append(a.moves, move{w: w, from: from, place: place})
	}
}

// apply reads everything, if nothing is wrong: two weights at a time, so that one comes from the file while the other is made and looked at.
func (a *assignment) apply() error {
	if err := a.wrong.err(); err != nil {
		return err
	}
	last := map[*core.Weight]int{} // a weight that layers share stands in the file for each of them
	for i, m := range a.moves {
		last[m.w] = i
	}
	errs, strange := make([]error, len(a.moves)), make([]bool, len(a.moves))
	var failed atomic.Bool
	var two errgroup.Group
	two.SetLimit(2)
	for i, m := range a.moves {
		if failed.Load() {
			break
		}
		if last[m.w] != i {
			continue
		}
		two.Go(func() error {
			if errs[i] = m.apply(); errs[i] != nil {
				failed.Store(true)
				return nil
			}
			strange[i] = !finite(m.w.Data())
			return nil
		})
	}
	_ = two.Wait() // errs has them in the order of the weights
	for i, m := range a.moves {
		if errs[i] != nil {
			return errs[i]
		}
		if strange[i] {
			a.warn("%s: %s: has numbers that are not finite", m.place, short(m.w))
		}
	}
	a.Model.WeightsChanged()
	return nil
}

func (m *move) apply() error {
	if m.value != nil {
		return core.In(m.place, core.ErrShapeMismatch, m.w.Set(m.value))
	}
	if err := m.from.ReadFloat32(m.w.Data()); err != nil {
		return core.In(m.place+": "+short(m.w), core.ErrCorrupt, fromH5(err))
	}
	m.w.SetReady()
	return nil
}

// finite looks for NaN and infinities: x*0 is 0 for everything else. Four sums, as additions wait for each other.
func finite(x []float32) bool {
	var a, b, c, d float32
	for len(x) >= 4 {
		a += x[0] * 0
		b += x[1] * 0
		c += x[2] * 0
		d += x[3] * 0
		x = x[4:]
	}
	for _, v := range x {
		a += v * 0
	}
	s := float64(a + b + c + d)
	return !math.IsNaN(s)
}

// upgrades reports whether a layer, or one inside of it, may have other arrays in this file than weights.
func (a *assignment) upgrades(l core.Layer) bool {
	if a.origin.Major() >= 3 && a.origin.Backend != "theano" {
		return false
	}
	if _, ok := l.(registry.WeightUpgrader); ok {
		return true
	}
	for _, c := range l.Common().Children() {
		if a.upgrades(c.Layer) {
			return true
		}
	}
	return false
}

// owners says which layer has each weight as its own.
func owners(l core.Layer, of map[*core.Weight]core.Layer) {
	for _, w := range l.Common().Weights() {
		of[w] = l
	}
	for _, c := range l.Common().Children() {
		owners(c.Layer, of)
	}
}

// upgrade converts the arrays of a layer and of the layers inside of it. No values and no error mean that the arrays are not those of an
// older Keras either, and the usual checks say what is wrong.
func (a *assignment) upgrade(l core.Layer, weights []*core.Weight, arrays []array) ([]*tensor.Tensor, error) {
	of := map[*core.Weight]core.Layer{}
	owners(l, of)
	// The file has the arrays in the order of the weights, layer by layer; a layer with trained and other weights comes twice.
	type run struct {
		layer core.Layer
		count int
	}
	var runs []run
	total, old := 0, 0
	for _, w := range weights {
		total++
		if n := len(runs); n > 0 && runs[n-1].layer == of[w] {
			runs[n-1].count++
			continue
		}
		runs = append(runs, run{of[w], 1})
	}
	oldCounts := make([]int, len(runs))
	for i, r := range runs {
		oldCounts[i] = r.count
		if u, ok := r.layer.(registry.WeightUpgrader); ok {
			if n := u.OldWeightCount(a.origin); n > 0 {
				oldCounts[i] = n
			}
		}
		old += oldCounts[i]
	}
	switch len(arrays) {
	case total:
	case old:
		for i := range runs {
			runs[i].count = oldCounts[i]
		}
	default:
		return nil, nil
	}
	// What is read is bounded by what the layers want: no old form is more than twice as large.
	wanted := 0
	for _, w := range weights {
		wanted += w.Shape.Size()
	}
	given := map[core.Layer][]*tensor.Tensor{}
	var order []core.Layer
	next := 0
	for _, r := range runs {
		for range r.count {
			from := arrays[next]
			next++
			if from.Null || !from.IsNumeric() {
				return nil, nil
			}
			if wanted -= from.Len(); wanted < -8*totalSize(weights) {
				return nil, nil
			}
			t := tensor.New(tensor.Float32, from.Shape...)
			if err := from.ReadFloat32(tensor.Data[float32](t)); err != nil {
				return nil, fromH5(err)
			}
			if given[r.layer] == nil {
				order = append(order, r.layer)
			}
			given[r.layer] = append(given[r.layer], t)
		}
	}
	values := map[*core.Weight]*tensor.Tensor{}
	for _, leaf := range order {
		var own []*core.Weight
		for _, trained := range []bool{true, false} {
			for _, w := range leaf.Common().Weights() {
				if w.Trainable == trained {
					own = append(own, w)
				}
			}
		}
		got := given[leaf]
		if u, ok := leaf.(registry.WeightUpgrader); ok {
			converted, what, err := u.UpgradeWeights(got, a.origin)
			if err != nil {
				return nil, core.In(leaf.Common().Place(), core.ErrCorrupt, err)
			}
			if what != "" {
				a.Conversions = append(a.Conversions, leaf.Common().Place()+": "+what)
			}
			got = converted
		}
		if len(got) != len(own) {
			return nil, nil
		}
		for i, w := range own {
			values[w] = got[i]
		}
	}
	out := make([]*tensor.Tensor, len(weights))
	for i, w := range weights {
		if out[i] = values[w]; out[i] == nil {
			return nil, errors.New("a weight without an array") // cannot be: every weight has an owner
		}
	}
	return out, nil
}

func totalSize(weights []*core.Weight) int {
	n := 64
	for _, w := range weights {
		n += w.Shape.Size()
	}
	return n
}
