package hdf5io

import (
	"fmt"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns reading HDF5 files: telling whole models, legacy weights and the weights of Keras 3 apart, and reading the first two.
//
// A whole model has its architecture as JSON in the attribute model_config and its weights in the group model_weights; legacy weights
// alone are what is in that group, at the root. There the attribute layer_names lists the layers in the order of the model, and each
// layer's group has its arrays in the order of the attribute weight_names. Keras 0.x has nb_layers and groups layer_0, layer_1, ...
// instead, each with nb_params and param_0, param_1, ...

func (l *loader) loadH5() error {
	f, err := h5.Open(l.path, l.h5Options()...)
	if err != nil {
		return fromH5(err)
	}
	defer f.Close() // it was only read
	root := f.Root()
	l.says(text(root, "keras_version"), text(root, "backend"))
	switch {
	case root.HasAttr("model_config"):
		l.Format = "legacy .h5"
		return l.loadWhole(root)
	case root.Has("model_weights") && !root.Has("layers"):
		l.Format = "legacy .h5"
		g, err := root.Group("model_weights")
		if err != nil {
			return fromH5(err)
		}
		return l.loadWeights(g)
	case hasNames(root, "layer_names"), root.HasAttr("nb_layers"):
		l.Format = "legacy weights .h5"
		return l.loadWeights(root)
	case root.Has("layers"), root.Has("_layer_checkpoint_dependencies"):
		l.Format = ".weights.h5"
		if err := l.givenConfig(); err != nil {
			return err
		}
		return l.loadPaths(single{root})
	}
	return core.Errorf(core.ErrNotModel, "/", "an HDF5 file with neither a model nor weights of Keras")
}

// loadWhole reads a whole model.
func (l *loader) loadWhole(root *h5.Group) error {
	a, err := root.Attr("model_config")
	if err != nil {
		return fromH5(err)
	}
	s, err := a.Str()
	if err != nil {
		return fromH5(err)
	}
	if strings.ContainsRune(s, 0) {
		return core.Errorf(core.ErrWrongType, "attribute model_config", "got binary data, want text")
	}
	config, err := parse([]byte(s), "model_config")
	if err != nil {
		return err
	}
	weights, err := root.Group("model_weights")
	if err != nil && !isMissing(err) {
		return fromH5(err)
	}
	if weights != nil {
		l.says(text(weights, "keras_version"), text(weights, "backend"))
	}
	if err := l.architecture(config, "model_config"); err != nil {
		return err
	}
	if weights == nil {
		return core.Errorf(core.ErrMissingWeights, "/model_weights", "is not there")
	}
	if err := l.assignLegacy(weights); err != nil {
		return err
	}
	if l.o.NoCompile {
		return nil
	}
	return l.loadTraining(root)
}

// loadTraining compiles the model as the file says and restores the optimizer.
func (l *loader) loadTraining(root *h5.Group) error {
	a, err := root.Attr("training_config")
	if err != nil {
		return nil // not compiled
	}
	s, err := a.Str()
	if err != nil {
		return fromH5(err)
	}
	v, err := parse([]byte(s), "training_config")
	if err != nil {
		return err
	}
	if !l.compile(v) {
		return nil
	}
	// gk keeps the state where Keras 3 does not see it, see training.go.
	for _, name := range []string{optimizerState, "optimizer_weights"} {
		g, err := root.Group(name)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return fromH5(err)
		}
		list, err := names(g, "weight_names")
		if err != nil {
			l.warn("optimizer: its state could not be restored: %v", err)
			return nil
		}
		var arrays []array
		for _, n := range list {
			d, err := g.Dataset(n)
			if err != nil {
				l.warn("optimizer: its state could not be restored: %v", err)
				return nil
			}
			arrays = append(arrays, array{n, d})
		}
		return l.restoreOptimizer(arrays)
	}
	return nil
}

// loadWeights reads legacy weights into the architecture that the options give.
func (l *loader) loadWeights(g *h5.Group) error {
	l.says(text(g, "keras_version"), text(g, "backend"))
	l.oldest = true
	if err := l.givenConfig(); err != nil {
		return err
	}
	return l.assignLegacy(g)
}

// fileLayer is a layer of a legacy file.
type fileLayer struct {
	name   string
	path   string
	arrays []array
}

// legacyLayers reads the layers of a file that have weights; what is wrong with them goes to d.
func legacyLayers(g *h5.Group, d *Disagreements) ([]fileLayer, error) {
	if g.HasAttr("nb_layers") {
		return oldestLayers(g)
	}
	list, err := names(g, "layer_names")
	if err != nil {
		return nil, err
	}
	var layers []fileLayer
	for _, name := range list {
		path := strings.TrimSuffix(g.Path(), "/") + "/" + name
		lg, err := g.Group(name)
		if isMissing(err) {
			d.add(core.ErrMissingWeights, path, "is in layer_names and is not there")
			continue
		}
		if err != nil {
			return nil, fromH5(err)
		}
		arrays, err := legacyArrays(lg)
		if err != nil {
			return nil, err
		}
		if len(arrays) > 0 {
			layers = append(layers, fileLayer{name, path, arrays})
		}
	}
	return layers, nil
}

func legacyArrays(g *h5.Group) ([]array, error) {
	list, err := names(g, "weight_names")
	if err != nil {
		return nil, err
	}
	arrays := make([]array, len(list))
	for i, n := range list {
		d, err := g.Dataset(n)
		if isMissing(err) {
			return nil, core.Errorf(core.ErrMissingWeights, g.Path()+"/"+n, "is in weight_names and is not there")
		}
		if err != nil {
			return nil, fromH5(err)
		}
		arrays[i] = array{n, d}
	}
	return arrays, nil
}

// oldestLayers reads the layout of Keras 0.x.
func oldestLayers(g *h5.Group) ([]fileLayer, error) {
	count, err := countAttr(g, "nb_layers")
	if err != nil {
		return nil, err
	}
	var layers []fileLayer
	for k := range count {
		name := fmt.Sprint("layer_", k)
		lg, err := g.Group(name)
		if err != nil {
			return nil, fromH5(err)
		}
		params, err := countAttr(lg, "nb_params")
		if err != nil {
			return nil, err
		}
		fl := fileLayer{name: name, path: lg.Path()}
		for p := range params {
			n := fmt.Sprint("param_", p)
			d, err := lg.Dataset(n)
			if err != nil {
				return nil, fromH5(err)
			}
			fl.arrays = append(fl.arrays, array{n, d})
		}
		if params > 0 {
			layers = append(layers, fl)
		}
	}
	return layers, nil
}

func countAttr(g *h5.Group, name string) (int, error) {
	a, err := g.Attr(name)
	if err != nil {
		return 0, fromH5(err)
	}
	n, err := a.Ints()
	if err != nil {
		return 0, fromH5(err)
	}
	// A count beyond the members cannot be true.
	if len(n) != 1 || n[0] < 0 || n[0] > int64(len(g.Members())) {
		return 0, core.Errorf(core.ErrCorrupt, g.Path()+" attribute "+name, "got %v, want a count of the members", n)
	}
	return int(n[0]), nil
}

// modelLayer is a layer of the model that has weights.
type modelLayer struct {
	core.Layer
	weights []*core.Weight
}

func (l *loader) layersWithWeights() []modelLayer {
	var out []modelLayer
	for _, x := range l.Model.LayersInFiles() {
		t, f := core.Weights(x)
		if ws := append(t[:len(t):len(t)], f...); len(ws) > 0 {
			out = append(out, modelLayer{x, ws})
		}
	}
	return out
}

// assignLegacy fills the model's weights from the group that has layer_names.
func (l *loader) assignLegacy(g *h5.Group) error {
	a := &assignment{loader: l}
	there, err := legacyLayers(g, &a.wrong)
	if err != nil {
		return err
	}
	l.guessInput(there)
	if err := l.wantBuilt(); err != nil {
		return err
	}
	want := l.layersWithWeights()
	if there, err = a.keepLegacy(l.Model, there); err != nil {
		return err
	}
	switch {
	case l.o.ByName:
		a.byName(want, there)
	case len(want) == len(there):
		for i, m := range want {
			a.layer(m.Layer, m.weights, there[i].arrays, there[i].path)
		}
	case l.o.SkipMismatch:
		a.byName(want, there)
	default:
		a.unmatched(want, there)
	}
	return a.apply()
}

// guessInput builds a Sequential model that does not say what its input is for the input that the first array of its first layer tells,
// apart from those that just hand it on. If that does not fit, the model stays as it is.
func (l *loader) guessInput(there []fileLayer) {
	if l.Model.Built() || len(there) == 0 {
		return
	}
	layers := l.Model.Layers()
	for len(layers) > 0 {
		if _, ok := layers[0].(registry.ShapeKeeper); !ok {
			break
		}
		layers = layers[1:]
	}
	if len(layers) == 0 {
		return
	}
	first, ok := layers[0].(registry.InputGuesser)
	if !ok {
		return
	}
	if s := first.InputOf(there[0].arrays[0].Shape); s != nil && l.Model.BuildFor(s) == nil {
		l.warn("nothing says what the input of the model is; %v fits the weights of its first layer", s)
	}
}

// byName fills layers from those of the same name.
func (a *assignment) byName(want []modelLayer, there []fileLayer) {
	byName := map[string]fileLayer{}
	for _, t := range there {
		byName[t.name] = t
	}
	for _, m := range want {
		name := m.Common().Name
		t, ok := byName[name]
		if !ok {
			a.skip("%s: not in the file", m.Common().Place())
			continue
		}
		delete(byName, name)
		a.layer(m.Layer, m.weights, t.arrays, t.path)
	}
	for _, t := range there {
		if _, left := byName[t.name]; left {
			a.skip("%s: no layer of this name", t.path)
		}
	}
}

// unmatched reports the layers that are only in the model or only in the file, by name as far as the names agree.
func (a *assignment) unmatched(want []modelLayer, there []fileLayer) {
	inFile, inModel := map[string]bool{}, map[string]bool{}
	for _, t := range there {
		inFile[t.name] = true
	}
	for _, m := range want {
		inModel[m.Common().Name] = true
	}
	before := len(a.wrong)
	for _, m := range want {
		if !inFile[m.Common().Name] {
			a.wrong.add(core.ErrMissingWeights, m.Common().Place(), "no weights in the file, want %s", shortNames(m.weights))
		}
	}
	for _, t := range there {
		if !inModel[t.name] {
			a.wrong.add(core.ErrExtraWeights, t.path, "weights in the file without a layer in the model")
		}
	}
	kind := core.ErrMissingWeights
	if len(there) > len(want) {
		kind = core.ErrExtraWeights
	}
	if len(a.wrong) == before {
		a.wrong.add(kind, "layers", "got %d with weights in the file, want %d", len(there), len(want))
		return
	}
	// What there is too much or too little of comes first: the other names are probably mere differences of names.
	if a.wrong[0].Kind != kind {
		for i, e := range a.wrong {
			if e.Kind == kind {
				a.wrong[0], a.wrong[i] = e, a.wrong[0]
				break
			}
		}
	}
}
