package model

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns the Keras config of models: writing it.

// Config is the architecture as Keras has it: {class_name, config, ...}.
func (m *Model) Config(d core.Dialect) (map[string]any, error) {
	return m.registry.Encoder(d).Layer(m)
}

// JSON is the architecture as JSON, as Keras' to_json gives it.
func (m *Model) JSON() ([]byte, error) {
	c, err := m.Config(core.Keras3)
	if err != nil {
		return nil, err
	}
	return core.FormatJSON(c)
}

// EncodeConfig writes the config of a model.
func (m *Model) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c := core.Config{"name": m.Name, "trainable": m.Trainable.On()}
	if m.Built() {
		m.nameLayers()
	}
	if m.sequential {
		return c, m.encodeSequential(e, c)
	}
	return c, m.encodeFunctional(e, c)
}

func (m *Model) encodeSequential(e *registry.Encoder, c core.Config) error {
	if e.Dialect == core.Keras3 {
		c["dtype"] = m.DType.Config(e.Dialect)
	}
	layers := []any{}
	for _, l := range m.layers {
		o, err := m.encodeLayer(e, l)
		if err != nil {
			return err
		}
		layers = append(layers, o)
	}
	c["layers"] = layers
	if m.Built() {
		c["build_input_shape"] = registry.ShapeConfig(m.inputs[0].shape)
	}
	return nil
}

// encodeLayer writes a layer, with what Keras 3 needs to build it before weights are loaded.
func (m *Model) encodeLayer(e *registry.Encoder, l core.Layer) (map[string]any, error) {
	o, err := e.Layer(l)
	if err != nil {
		return nil, err
	}
	if _, function := l.(core.Function); e.Dialect == core.Keras3 && l.Common().Built() && !function {
		for _, n := range m.nodes {
			if n.layer == l && len(n.inputs) > 0 && n.known() {
				o["build_config"] = n.buildConfig()
				break
			}
		}
	}
	return o, nil
}

// buildConfig is the shapes of the inputs under the names that the layer's build has for them.
func (n *node) buildConfig() core.Config {
	names, _ := n.callArguments()
	if names == nil {
		return core.Config{"input_shape": n.shapes()}
	}
	shapes := core.Config{}
	for i, t := range n.inputs {
		shapes[names[i]+"_shape"] = registry.ShapeConfig(t.shape)
	}
	return core.Config{"shapes_dict": shapes}
}

// shapes are the shapes of the inputs as build_config has them.
func (n *node) shapes() any {
	if len(n.inputs) == 1 {
		return registry.ShapeConfig(n.inputs[0].shape)
	}
	list := make([]any, len(n.inputs))
	for i, t := range n.inputs {
		list[i] = registry.ShapeConfig(t.shape)
	}
	return list
}

func (m *Model) encodeFunctional(e *registry.Encoder, c core.Config) error {
	written, err := m.written()
	if err != nil {
		return err
	}
	calls := map[core.Layer][]*node{}
	for _, n := range m.nodes {
		if w := written[n]; w != nil {
			calls[n.layer] = append(calls[n.layer], w)
		}
	}
	layers := []any{}
	for _, l := range m.layers {
		if calls[l] == nil {
			continue
		}
		o, err := m.encodeLayer(e, l)
		if err != nil {
			return err
		}
		o["name"] = l.Common().Name
		nodes := make([]any, 0, len(calls[l]))
		slices.SortFunc(calls[l], func(a, b *node) int { return a.index - b.index })
		for _, n := range calls[l] {
			if config, ok := o["config"].(core.Config); ok {
				for key, v := range n.config {
					config[key] = encodeArg(e.Dialect, v)
				}
			}
			nodes = append(nodes, n.encode(e.Dialect))
			if n.doubled(e.Dialect) {
				nodes = append(nodes, n.encode(e.Dialect))
			}
		}
		if _, ok := l.(inputSource); ok {
			nodes = []any{}
		}
		o["inbound_nodes"] = nodes
		layers = append(layers, o)
	}
	c["layers"] = layers
	ends := func(ts []*Tensor) []any {
		list := make([]any, len(ts))
		for i, t := range ts {
			index := t.node.number(e.Dialect)
			if nested, ok := t.node.layer.(*Model); ok && !nested.sequential && e.Dialect == core.Keras3 {
				index++ // the making of the nested model counts as a call here
			}
			list[i] = []any{t.node.layer.Common().Name, index, t.index}
		}
		return list
	}
	c["input_layers"], c["output_layers"] = ends(m.inputs), ends(m.outputs)
	if m.singleInput {
		c["input_layers"] = ends(m.inputs)[0]
	}
	if m.singleOutput {
		c["output_layers"] = ends(m.outputs)[0]
	}
	return nil
}

// Kerases before 3 count the making of a nested model as its call 0, Keras 3 does not. In legacy files, which both read, each call of a
// nested model therefore stands twice: call i is 2i and 2i+1 for Keras 3, 2i+1 and 2i+2 for the others, and whatever reads its output
// names 2i+1. The copy that nothing reads is dropped when the model is loaded.
func (n *node) doubled(d core.Dialect) bool {
	_, nested := n.layer.(*Model)
	return nested && d == core.Legacy
}

// number is the index by which a file refers to a call.
func (n *node) number(d core.Dialect) int {
	if n.doubled(d) {
		return 2*n.index + 1
	}
	return n.index
}

// encode writes one call. Legacy files use the form that all Kerases read where it can say what the call is.
func (n *node) encode(d core.Dialect) any {
	_, function := n.layer.(core.Function)
	if d == core.Legacy && function {
		n = n.withoutEllipsis()
	}
	if d == core.Legacy && n.plain() && !function {
		list := make([]any, len(n.inputs))
		for i, t := range n.inputs {
			list[i] = []any{t.node.layer.Common().Name, t.node.number(d), t.index, core.Config{}}
		}
		return list
	}
	args := make([]any, len(n.args))
	for i, a := range n.args {
		args[i] = encodeArg(d, a)
	}
	kwargs := core.Config{}
	maps.Copy(kwargs, n.inert)
	for key, a := range n.kwargs {
		kwargs[key] = encodeArg(d, a)
	}
	return core.Config{"args": args, "kwargs": kwargs}
}

// plain reports whether a call is tensors alone.
func (n *node) plain() bool {
	count := 0
	for _, a := range n.args {
		switch a := a.(type) {
		case *Tensor:
			count++
		case []any:
			for _, x := range a {
				if _, ok := x.(*Tensor); ok {
					count++
				}
			}
			if len(n.args) > 1 {
				return false
			}
		}
	}
	return len(n.kwargs) == 0 && count == len(n.inputs) && len(n.args) == 1
}

func encodeArg(d core.Dialect, a any) any {
	switch a := a.(type) {
	case *Tensor:
		return core.Config{"class_name": "__keras_tensor__", "config": core.Config{
			"shape": registry.ShapeConfig(a.shape), "dtype": cmp.Or(a.dtype, "float32"),
			"keras_history": []any{a.node.layer.Common().Name, a.node.number(d), a.index},
		}}
	case []*Tensor:
		return encodeArg(d, listOf(a))
	case []any:
		out := make([]any, len(a))
		for i, x := range a {
			out[i] = encodeArg(d, x)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, x := range a {
			out[k] = encodeArg(d, x)
		}
		return out
	case float64: // JSON has one sort of numbers; an axis has to be an int
		if a == math.Trunc(a) && math.Abs(a) < 1<<53 {
			return int(a)
		}
	}
	return a
}
