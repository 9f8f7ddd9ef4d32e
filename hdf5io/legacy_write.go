package hdf5io

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/hdf5io/internal/h5"
)

// This file owns writing legacy .h5: whole models, and weights alone.

// kerasVersion is the Keras that files of gk name. Readers look at it for the semantics of layers, and those of gk are Keras 3's: read back
// as another version, a hard_sigmoid would be another function. Keras 3.15 itself ignores the version of a legacy file, and tf.keras
// and Keras 2 convert weights for "1" alone, so they take it, too.
const kerasVersion = "3.15.1"

// kerasBackend is the backend that files of gk name: it says how convolution kernels lie, and gk's lie as TensorFlow's.
const kerasBackend = "tensorflow"

// wholeModel is the tree of a whole-model file.
func wholeModel(m *model.Model, o SaveOptions) (*h5.GroupSpec, error) {
	config, err := m.Config(core.Legacy)
	if err != nil {
		return nil, err
	}
	text, err := core.FormatJSON(config)
	if err != nil {
		return nil, err
	}
	root := &h5.GroupSpec{}
	root.SetAttr("keras_version", kerasVersion)
	root.SetAttr("backend", kerasBackend)
	root.SetAttr("model_config", h5.ASCII(text))
	training, err := trainingConfig(m, core.Legacy)
	if err != nil {
		return nil, err
	}
	g, err := root.Group("model_weights")
	if err == nil {
		err = legacyWeights(g, m)
	}
	if err != nil || training == nil {
		return root, err
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
	if o.OptimizerWeights {
		name, list = "optimizer_weights", slotBySlot(states(opt, false), m.TrainableWeights())
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
func legacyWeights(g *h5.GroupSpec, m *model.Model) error {
	layers := savedLayers(m)
	list := make([]string, len(layers))
	for i, l := range layers {
		list[i] = l.Common().Name
	}
	if err := setNames(g, "layer_names", list); err != nil {
		return err
	}
	g.SetAttr("backend", h5.ASCII(kerasBackend))
	g.SetAttr("keras_version", h5.ASCII(kerasVersion))
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
