package hdf5io

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
	"github.com/gokeras/gk/registry"
)

// This file owns writing legacy .h5: whole models, and weights alone.

// kerasVersion is the Keras that files of gk name, but for legacy files of models that came from Keras 1 and 2. Keras 3.15 itself ignores the
// version of a legacy file, and tf.keras and Keras 2 convert weights for "1" alone, so they take it, too.
const kerasVersion = "3.15.1"

// keras2Version is the Keras that legacy files name if their model means what Keras 1 meant, in the words of Keras 2.
const keras2Version = "2.3.1"

// legacyVersion is the Keras that a legacy file names: readers look at it for what a name means and how masks go, hard_sigmoid being
// another function before Keras 3. A model that was loaded from a file of Keras 1 or 2 is written as one of Keras 2, unless it has what
// only Keras 3 has; o.KerasVersion overrides.
func legacyVersion(m *model.Model, o SaveOptions, config any) (string, error) {
	version := o.KerasVersion
	switch from := (registry.Origin{KerasVersion: m.Origin().KerasVersion}); {
	case version != "" && (registry.Origin{KerasVersion: version}).Major() != 2 && version[0] != '3':
		return "", core.Errorf(core.ErrUsage, "keras version", "got %q, want 2 or 3 with what follows, such as %q or %q", version, keras2Version, kerasVersion)
	case version != "":
	case from.Major() == 2:
		version = from.KerasVersion
	case from.Major() == 1:
		version = keras2Version
	default:
		version = kerasVersion
	}
	old, today := renamedSince2(m.Registry())
	has2, has3 := false, false
	eachString(config, func(s string) string {
		has2 = has2 || today[s] != ""
		has3 = has3 || old[s] != ""
		return s
	})
	switch {
	case o.KerasVersion != "":
		if has3 && version[0] == '2' {
			return "", core.Errorf(core.ErrUnsupported, "keras version "+version, "the model has an activation that means something else there")
		}
	case has3:
		version = kerasVersion
	case has2 && version[0] != '2':
		version = keras2Version
	}
	return version, nil
}

// renamedSince2 are the activations whose names mean another function before Keras 3: name to the old function and back.
func renamedSince2(r *registry.Registry) (old, today map[string]string) {
	old, today = map[string]string{}, map[string]string{}
	for _, n := range r.Activations.Names() {
		if e := r.Activations.Lookup(n); e.Before3 != "" {
			old[n], today[e.Before3] = e.Before3, n
		}
	}
	return old, today
}

// Beyond3 are the activations of a model that Keras 3 has no more, each with what it computes: files of Keras 3 hold them as functions of a
// user, which custom_objects has to provide.
func Beyond3(m *model.Model) map[string]string {
	config, err := m.Config(core.Keras3)
	if err != nil {
		return nil
	}
	found := map[string]string{}
	eachString(config, func(s string) string {
		if e := m.Registry().Activations.Lookup(s); e != nil && e.Module == registry.LegacyModule {
			found[s] = e.About
		}
		return s
	})
	return found
}

// eachString puts f of every string that is a value in v in its place.
func eachString(v any, f func(s string) string) any {
	switch x := v.(type) {
	case string:
		return f(x)
	case map[string]any:
		for k, item := range x {
			if k != "name" {
				x[k] = eachString(item, f)
			}
		}
	case []any:
		for i, item := range x {
			x[i] = eachString(item, f)
		}
	}
	return v
}

// kerasBackend is the backend that files of gk name: it says how convolution kernels lie, and gk's lie as TensorFlow's.
const kerasBackend = "tensorflow"

// wholeModel is the tree of a whole-model file.
func wholeModel(m *model.Model, o SaveOptions) (*h5.GroupSpec, error) {
	config, err := m.Config(core.Legacy)
	if err != nil {
		return nil, err
	}
	version, err := legacyVersion(m, o, config)
	if err != nil {
		return nil, err
	}
	if version[0] == '2' {
		_, today := renamedSince2(m.Registry())
		eachString(config, func(s string) string { return cmp.Or(today[s], s) })
	}
	text, err := core.FormatJSON(config)
	if err != nil {
		return nil, err
	}
	root := &h5.GroupSpec{}
	root.SetAttr("keras_version", version)
	root.SetAttr("backend", kerasBackend)
	root.SetAttr("model_config", h5.ASCII(text))
	training, err := trainingConfig(m, core.Legacy, o.KerasVersion)
	if err != nil {
		return nil, err
	}
	g, err := root.Group("model_weights")
	if err == nil {
		err = legacyWeights(g, m, version)
	}
	if err != nil || training == nil {
		return root, err
	}
	if c := training["optimizer_config"].(map[string]any)["config"].(core.Config); version[0] == '2' && c["initial_accumulator_value"] == 0.0 {
		delete(c, "initial_accumulator_value") // Adagrad of Keras 2 has no other value and no such key
	}
	if text, err = core.FormatJSON(training); err != nil {
		return nil, err
	}
	root.SetAttr("training_config", h5.ASCII(text))
	return root, optimizerWeights(root, m, o)
}

// optimizerWeights writes the state of the optimizer, if it has one yet.
func optimizerWeights(root *h5.GroupSpec, m *model.Model, o SaveOptions) error {
	opt := m.Optimizer()
	if !opt.Common().Built() {
		return nil
	}
	name, list := optimizerState, states(opt, true)
	switch weights := m.TrainableWeights(); {
	case standalone(o.KerasVersion):
		name, list = "optimizer_weights", standaloneStates(opt, weights)
	case o.OptimizerWeights:
		name, list = "optimizer_weights", slotBySlot(states(opt, false), weights)
	}
	g, err := root.Group(name)
	if err != nil {
		return fromH5(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.name)
		if err := g.Add(s.name, s.dataset()); err != nil {
			return fromH5(err)
		}
	}
	return setNames(g, "weight_names", names)
}

// legacyWeights writes the groups of layers into g.
func legacyWeights(g *h5.GroupSpec, m *model.Model, version string) error {
	layers := savedLayers(m)
	list := make([]string, len(layers))
	for i, l := range layers {
		list[i] = l.Common().Name
	}
	if err := setNames(g, "layer_names", list); err != nil {
		return err
	}
	g.SetAttr("backend", h5.ASCII(kerasBackend))
	g.SetAttr("keras_version", h5.ASCII(version))
	// Groups are made in the order of names, so that one which has another one's name as a folder comes after it.
	layers = slices.Clone(layers)
	slices.SortStableFunc(layers, func(a, b core.Layer) int { return strings.Compare(a.Common().Name, b.Common().Name) })
	for _, l := range layers {
		lg, err := g.Group(l.Common().Name)
		if err != nil {
			return fromH5(err)
		}
		t, f := core.Weights(l)
		if err := legacyArraysOf(lg, append(t[:len(t):len(t)], f...)); err != nil {
			return core.In(l.Common().Place(), core.ErrIO, err)
		}
	}
	// The model's own weights, apart from its layers': gk's models have none.
	top, err := g.Group("top_level_model_weights")
	if err != nil {
		return fromH5(err)
	}
	return setNames(top, "weight_names", nil)
}

func legacyArraysOf(g *h5.GroupSpec, weights []*core.Weight) error {
	taken := map[string]bool{}
	list := make([]string, len(weights))
	for i, w := range weights {
		name := w.Name
		for n := 1; taken[name]; n++ {
			name = fmt.Sprintf("%s_%d", w.Name, n)
		}
		taken[name], list[i] = true, name
		if err := g.Add(name, dataset(w)); err != nil {
			return fromH5(err)
		}
	}
	return setNames(g, "weight_names", list)
}

// savedLayers are the layers that Keras lists: all, but for the input layer of a Sequential model.
func savedLayers(m *model.Model) []core.Layer {
	layers := m.Layers()
	if m.Sequential() && len(layers) > 0 && isInput(layers[0]) {
		return layers[1:]
	}
	return layers
}

func isInput(l core.Layer) bool { return l.Common().Class() == "InputLayer" }
