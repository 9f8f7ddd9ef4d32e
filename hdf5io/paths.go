package hdf5io

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns the weights layout of Keras 3, .weights.h5 and the same inside of .keras: where each weight lies.
//
//	layers/dense/vars/0, 1, ...                             the layers of a model, by class, numbered from the second of a class on
//	layers/functional/layers/dense/vars/0                   a model in a model
//	layers/bidirectional/forward_layer/cell/vars/0          layers in a layer, by the attribute that holds them
//	layers/rnn/cell/cells/lstm_cell_1/vars/0                likewise with a list of layers
//	optimizer/vars/0                                        the state of the optimizer
//
// Names of layers play no part. A layer that occurs twice is stored where a walk over the model meets it first.

// place is a group "vars" and what belongs there.
type place struct {
	path    string // "layers/dense", without "/vars"; "" for the model itself
	name    string // the attribute "name" of the group, which nothing reads
	layer   core.Layer
	weights []*core.Weight
}

// dialect is how a Keras names places.
type dialect struct {
	layers string // the attribute by which a model holds its layers
	// skips says that a layer which has been met before takes no name in a list.
	skips bool
	// twice says that layers with weights stand twice in the list of a model, so that each takes two names, of which the first counts.
	twice bool
}

// ours is the dialect of Keras 3, in which gk writes.
var ours = dialect{layers: "layers"}

// dialects are those that files are in. Source: saving_lib.py of each Keras. A walk of TF 2.12 to 2.14 meets a dict of dependencies first,
// where a layer with weights has two keys.
var dialects = []dialect{
	ours,
	{layers: "layers", skips: true}, // TF 2.15 and tf_keras
	{layers: "_layer_checkpoint_dependencies", skips: true}, // TF 2.14
	{layers: "_layer_checkpoint_dependencies", twice: true}, // TF 2.12 and 2.13
}

// walker lists the places of a model.
type walker struct {
	dialect
	places []place
	met    map[core.Layer]bool
}

func placesOf(m *model.Model, d dialect) []place {
	w := &walker{met: map[core.Layer]bool{}, dialect: d}
	w.layer(m, "")
	return w.places
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

func (w *walker) layer(l core.Layer, path string) {
	if w.met[l] {
		return
	}
	w.met[l] = true
	b := l.Common()
	own := place{path: path, name: b.Name, layer: l}
	if x, ok := l.(core.Borrower); ok {
		own.weights = x.Borrowed()
	}
	var groups []place
	for _, trained := range []bool{true, false} {
		for _, x := range b.Weights() {
			if x.Trainable != trained {
				continue
			}
			if x.Group == "" {
				own.weights = append(own.weights, x)
				continue
			}
			at := slices.IndexFunc(groups, func(p place) bool { return p.path == join(path, x.Group) })
			if at < 0 {
				at = len(groups)
				groups = append(groups, place{path: join(path, x.Group), name: b.Name + "_" + x.Group, layer: l})
			}
			groups[at].weights = append(groups[at].weights, x)
		}
	}
	w.places = append(append(w.places, own), groups...)
	children := b.Children()
	if m, ok := l.(*model.Model); ok && !b.Kept() {
		children = nil
		for _, x := range savedLayers(m) {
			children = append(children, core.Child{Attr: "layers", Layer: x})
		}
		w.list(children, join(path, w.layers), w.twice)
		return
	}
	for i, c := range children {
		attr, isList := strings.CutSuffix(c.Attr, "[]")
		switch {
		case !isList:
			w.layer(c.Layer, join(path, attr))
		case i == 0 || children[i-1].Attr != c.Attr:
			end := i
			for end < len(children) && children[end].Attr == c.Attr {
				end++
			}
			w.list(children[i:end], join(path, attr), false)
		}
	}
}

// list names layers of a list by class: dense, dense_1, ... twice is as in dialect.
func (w *walker) list(children []core.Child, path string, twice bool) {
	used := map[string]int{}
	for _, c := range children {
		if w.skips && w.met[c.Layer] {
			continue
		}
		class := registry.SnakeCase(c.Layer.Common().Class())
		name := class
		if n := used[class]; n > 0 {
			name = fmt.Sprintf("%s_%d", class, n)
		}
		used[class]++
		if t, f := core.Weights(c.Layer); twice && len(t)+len(f) > 0 {
			used[class]++
		}
		w.layer(c.Layer, join(path, name))
	}
}

// store is where a loader looks for arrays: one file, or several shards.
type store interface {
	// vars are the arrays of a place by their numbers; ok is false where the place is not there.
	vars(path string) (arrays []array, ok bool, err error)
	// all are the places that have arrays.
	all() []string
}

// single is a store of one file.
type single struct{ root *h5.Group }

func (s single) vars(path string) ([]array, bool, error) {
	g, err := s.root.Group(join(path, "vars"))
	if isMissing(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fromH5(err)
	}
	arrays, err := numbered(g)
	return arrays, true, err
}

func (s single) all() []string {
	var out []string
	for _, d := range s.root.Datasets() {
		if at := strings.LastIndex(d.Path(), "/vars/"); at >= 0 {
			if p := strings.Trim(d.Path()[:at], "/"); len(out) == 0 || out[len(out)-1] != p {
				out = append(out, p)
			}
		}
	}
	return slices.Compact(out)
}

// numbered are the datasets 0, 1, ... of a group.
func numbered(g *h5.Group) ([]array, error) {
	var arrays []array
	for i := range g.Members() {
		name := fmt.Sprint(i)
		d, err := g.Dataset(name)
		if isMissing(err) {
			return nil, core.Errorf(core.ErrMissingWeights, g.Path()+"/"+name, "is not there, and the group has %d members", len(g.Members()))
		}
		if err != nil {
			return nil, fromH5(err)
		}
		arrays = append(arrays, array{name, d})
	}
	return arrays, nil
}

// aliases are the paths under which a file may have a place.
func aliases(path string) []string {
	out := []string{path}
	// The projections of attention had no names without an underscore before Keras 3.1, nor in tf.keras.
	if at := strings.LastIndexByte(path, '/'); strings.HasSuffix(path, "_dense") && path[at+1] != '_' {
		out = append(out, path[:at+1]+"_"+path[at+1:])
	}
	return out
}

// found is a place with what a store has there.
type found struct {
	place
	arrays []array
	ok     bool
}

// find looks for the places of the model in the dialect in which the store has most of them.
func (l *loader) find(s store) ([]found, error) {
	var best []found
	most := -1
	for _, d := range dialects {
		list, score, all, err := findIn(s, placesOf(l.Model, d))
		if err != nil {
			return nil, err
		}
		if score > most {
			best, most = list, score
		}
		if all {
			break
		}
	}
	return best, nil
}

// findIn looks for places. score counts those that have the arrays which their weights want; all says that every one of them has.
func findIn(s store, places []place) (list []found, score int, all bool, err error) {
	all = true
	for _, p := range places {
		f := found{place: p}
		for _, path := range aliases(p.path) {
			arrays, ok, err := s.vars(path)
			if err != nil {
				return nil, 0, false, err
			}
			if ok && (!f.ok || len(arrays) > len(f.arrays)) {
				f.arrays, f.ok, f.path = arrays, true, path
			}
		}
		list = append(list, f)
		if len(p.weights) == 0 && len(f.arrays) == 0 {
			continue
		}
		fits := len(p.weights) == len(f.arrays)
		for i := 0; fits && i < len(p.weights); i++ {
			fits = p.weights[i].Shape.Equal(f.arrays[i].Shape)
		}
		if fits {
			score++
		} else {
			all = false
		}
	}
	return list, score, all, nil
}

// loadPaths fills the weights of the model, and of its optimizer if it is compiled.
func (l *loader) loadPaths(s store) error {
	if err := l.wantBuilt(); err != nil {
		return err
	}
	if l.o.ByName {
		return core.Errorf(core.ErrUsage, "weights", "a file in the layout of Keras 3 holds no names to go by")
	}
	a := &assignment{loader: l}
	used := map[string]bool{}
	places, err := l.find(s)
	if err != nil {
		return err
	}
	for _, p := range places {
		used[p.path] = true
		if p.layer.Common().Kept() {
			if err := a.keepPaths(s, p.layer, p.path, used); err != nil {
				return err
			}
			continue
		}
		if len(p.weights) == 0 && len(p.arrays) == 0 {
			continue
		}
		if !p.ok {
			a.count(core.ErrMissingWeights, p.layer.Common().Place(), fmt.Sprintf("%s is not in the file, want %s",
				join(p.path, "vars"), shortNames(p.weights)))
			continue
		}
		a.layer(p.layer, p.weights, p.arrays, "/"+join(p.path, "vars"))
	}
	for _, path := range s.all() {
		if !used[path] && !strings.HasPrefix(path, "optimizer") && !strings.HasPrefix(path, "metrics") && !strings.HasPrefix(path, "_") {
			l.warn("%s: the model has no place for these weights", path)
		}
	}
	if err := a.apply(); err != nil {
		return err
	}
	if l.o.NoCompile || !l.Model.Compiled() {
		return nil
	}
	arrays, ok, err := s.vars("optimizer")
	if err != nil {
		l.warn("optimizer: its state is not restored: %v", err)
		return nil
	}
	if ok {
		return l.restoreOptimizer(arrays)
	}
	return nil
}

// pathWeights is the tree of .weights.h5.
func pathWeights(m *model.Model) (*h5.GroupSpec, error) {
	root := &h5.GroupSpec{}
	for _, p := range placesOf(m, ours) {
		g, err := root.Group(join(p.path, "vars"))
		if err != nil {
			return nil, fromH5(err)
		}
		g.SetAttr("name", p.name)
		for i, w := range p.weights {
			if err := g.Add(fmt.Sprint(i), dataset(w)); err != nil {
				return nil, fromH5(err)
			}
		}
	}
	opt := m.Optimizer()
	if opt == nil || !opt.Common().Built() {
		return root, nil
	}
	list := states(opt, true)
	if err := optimizerPlaces(root, "optimizer", opt, list); err != nil {
		return nil, err
	}
	return root, nil
}

func optimizerPlaces(root *h5.GroupSpec, path string, o core.Optimizer, list []state) error {
	g, err := root.Group(join(path, "vars"))
	if err != nil {
		return fromH5(err)
	}
	g.SetAttr("name", o.Common().Name)
	for i, s := range list {
		if err := g.Add(fmt.Sprint(i), s.dataset()); err != nil {
			return fromH5(err)
		}
	}
	return nil
}
