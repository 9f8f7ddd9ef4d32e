package model

import (
	"fmt"
	"maps"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns what Keras 1 and 0 have and no Keras has any more: Sequential models that begin with a Merge of branches, each of which is a
// model with inputs of its own, and layers as {name: class, custom_name: name, ...}.
//
// A model with branches becomes a functional one. Branches that are Sequential are taken apart, as the files of such models list the
// layers of each branch, too. Masks end at a Merge of Sequential models, as they do in Keras 1. Source: Sequential.from_config and flattened_layers of keras/models.py, Keras 1.2.2.

// branches is such a model while it is read.
type branches struct {
	*Model
	d     *registry.Decoder
	calls map[core.Layer]int
	depth int
}

// branchesOf are the models that a Merge in front has; ok is false if a Sequential model does not begin so.
func branchesOf(list []any) (o registry.Object, models []any, ok bool) {
	if len(list) == 0 {
		return o, nil, false
	}
	o, ok = registry.ObjectOf(modern(list[0]))
	if !ok || o.Class != "Merge" {
		return o, nil, false
	}
	models, ok = o.Config["layers"].([]any)
	return o, models, ok
}

// decodeBranches reads a Sequential model that begins with a Merge of branches.
func (m *Model) decodeBranches(d *registry.Decoder, list []any) error {
	m.sequential = false
	m.SetClass(m.RegistryName())
	b := &branches{m, d, map[core.Layer]int{}, 0}
	out, err := b.row(list)
	if err != nil {
		return err
	}
	m.outputs = []*Tensor{out}
	return m.connect()
}

// row reads the layers of a Sequential model and applies them one after the other.
func (b *branches) row(list []any) (*Tensor, error) {
	if b.depth++; b.depth > maxBranching {
		return nil, core.Errorf(core.ErrTooDeep, "layers", "more than %d branches in branches", maxBranching)
	}
	defer func() { b.depth-- }()
	var x *Tensor
	known := map[string]core.Layer{}
	if o, models, ok := branchesOf(list); ok {
		ends, unmasked := make([]*Tensor, len(models)), make([]bool, len(models))
		for i, model := range models {
			branch, _ := registry.ObjectOf(modern(model))
			unmasked[i] = branch.Class == "Sequential"
			var err error
			if ends[i], err = b.branch(model); err != nil {
				return nil, core.In(fmt.Sprintf("branch %d", i), core.ErrConfigJSON, err)
			}
		}
		raw, config := maps.Clone(o.Raw), maps.Clone(o.Config)
		delete(config, "layers")
		raw["config"] = config
		merge, err := b.d.Layer(raw)
		if err != nil {
			return nil, err
		}
		x = b.apply(merge, ends...)
		x.node.unmasked = unmasked
		list = list[1:]
	}
	for i, item := range list {
		o, ok := registry.ObjectOf(modern(item))
		if !ok {
			return nil, core.Errorf(core.ErrConfigJSON, fmt.Sprintf("layers[%d]", i), "got %s, want a layer as {class_name, config}", kindOf(item))
		}
		name, _ := o.Config["name"].(string)
		l := known[name] // Keras 1 knows a layer that comes twice by its name
		if l == nil || name == "" {
			var err error
			if l, err = b.d.Layer(o.Raw); err != nil {
				return nil, err
			}
			if name == "" && o.Config != nil {
				l.Common().Name = "" // given by the model
			}
			known[name] = l
		}
		if x == nil {
			var err error
			if x, err = b.begin(l); err != nil {
				return nil, err
			}
			if x.node.layer == l {
				continue
			}
		}
		x = b.apply(l, x)
	}
	if x == nil {
		return nil, core.Errorf(core.ErrGraph, "layers", "got none")
	}
	return x, nil
}

// maxBranching bounds branches in branches.
const maxBranching = 32

// branch reads one of the models that are merged.
func (b *branches) branch(v any) (*Tensor, error) {
	o, ok := registry.ObjectOf(modern(v))
	if !ok {
		return nil, core.Errorf(core.ErrConfigJSON, "", "got %s, want a model as {class_name, config}", kindOf(v))
	}
	if o.Class == "Sequential" {
		list, ok := o.Config["layers"].([]any)
		if !ok {
			return nil, core.Errorf(core.ErrConfigJSON, "config.layers", "got %s, want a list of layers", kindOf(o.Raw["config"]))
		}
		return b.row(list)
	}
	l, err := b.d.Layer(o.Raw)
	if err != nil {
		return nil, err
	}
	model, ok := l.(*Model)
	if !ok {
		x, err := b.begin(l)
		if err != nil || x.node.layer == l {
			return x, err
		}
		return b.apply(l, x), nil
	}
	var inputs []*Tensor
	for _, t := range model.inputs {
		in, err := inputLayer(b.registry, t.node.layer.Common().Name, t.shape)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, b.input(in))
	}
	out := b.apply(model, inputs...)
	b.inFiles = append(b.inFiles[:len(b.inFiles)-1], model.Layers()...)
	return out, nil
}

// begin makes the input that the first layer of a branch says it has.
func (b *branches) begin(l core.Layer) (*Tensor, error) {
	if _, ok := l.(inputSource); ok {
		return b.input(l), nil
	}
	shape := l.Common().Shape
	if inner, ok := l.(*Model); ok && shape == nil && inner.Built() && len(inner.inputs) == 1 {
		shape = inner.inputs[0].shape
	}
	if shape == nil {
		return nil, core.Errorf(core.ErrGraph, l.Common().Place(), "begins a branch and does not say what its input is")
	}
	in, err := inputLayer(b.registry, l.Common().Name+"_input", shape)
	if err != nil {
		return nil, err
	}
	return b.input(in), nil
}

func (b *branches) input(l core.Layer) *Tensor {
	x := (&node{layer: l}).output(0)
	b.inputs = append(b.inputs, x)
	return x
}

// apply calls a layer, and puts it where files have it.
func (b *branches) apply(l core.Layer, inputs ...*Tensor) *Tensor {
	out := ApplyWith(l, nil, inputs...)
	out.node.index = b.calls[l]
	if b.calls[l]++; b.calls[l] == 1 {
		b.inFiles = append(b.inFiles, l)
	}
	return out
}

// LayersInFiles are the layers in the order in which legacy files of this model's origin list them, which for models that Keras 1 built
// of branches is another one than that of Layers.
func (m *Model) LayersInFiles() []core.Layer {
	if m.inFiles != nil {
		return m.inFiles
	}
	return m.layers
}

// modern gives an object of Keras 0, {name: class, custom_name: name, ...}, the form of today. Everything else comes back as it is.
func modern(v any) any {
	old, ok := v.(map[string]any)
	class, named := old["name"].(string)
	if !ok || !named || old["class_name"] != nil || old["config"] != nil {
		return v
	}
	config := maps.Clone(old)
	for _, key := range []string{"name", "custom_name", "cache_enabled"} {
		delete(config, key)
	}
	if name, ok := old["custom_name"].(string); ok {
		config["name"] = name
	}
	return map[string]any{"class_name": class, "config": config}
}
