package model

import (
	"fmt"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns calls of layers that only other Kerases have: core.Rewriter says what is called today.
//
// tf.keras writes such a call as [layer, call, output, kwargs] for one tensor, as a list of those for a list, and a constant in the place of
// the first tensor as ["_CONSTANT_VALUE", -1, value, kwargs].

const constantValue = "_CONSTANT_VALUE"

// rewrite reads call number index of a layer, n, and makes it the call that it is today; those that lead there are added.
func (f *functional) rewrite(n *node, l core.Rewriter, index int, call any) error {
	name := l.Common().Name
	args, kwargs, err := f.readRewritten(n, call)
	if err != nil {
		return err
	}
	add := func(made core.Layer, args []any, kwargs map[string]any) any {
		own := &node{layer: made, args: args, kwargs: kwargs}
		f.adopt(own, fmt.Sprintf("%s_%s", name, registry.SnakeCase(made.Common().Class())))
		return own.output(0)
	}
	if n.layer, n.args, n.kwargs, err = l.Rewrite(args, kwargs, add); err != nil {
		n.layer = l
		return err
	}
	n.index = 0
	if index == 0 {
		f.name(n, name)
		return nil
	}
	f.adopt(n, fmt.Sprintf("%s_%d", name, index))
	return nil
}

// adopt gives a call, and the layer that was made for it, a name that is free.
func (f *functional) adopt(n *node, name string) {
	free := name
	for i := 1; f.layers[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	f.layers[free] = n.layer
	f.name(n, free)
}

// name gives a call's layer a name, which must not have a slash in Keras 3, and finds the tensors among its arguments.
func (f *functional) name(n *node, name string) {
	n.layer.Common().Name = strings.ReplaceAll(name, "/", "_")
	n.inputs = nil
	for _, a := range n.args {
		eachTensor(a, func(t *Tensor) { n.inputs = append(n.inputs, t) })
	}
}

// readRewritten is the arguments of a call as its file has them.
func (f *functional) readRewritten(n *node, call any) (args []any, kwargs map[string]any, err error) {
	items, ok := call.([]any)
	if !ok { // the form of Keras 3
		err := f.read(n, call)
		return n.args, n.kwargs, err
	}
	one := false
	if len(items) > 0 {
		if _, one = items[0].(string); one {
			items = []any{items}
		}
	}
	kwargs = map[string]any{}
	list, err := f.first(items, kwargs, 0)
	if err != nil {
		return nil, nil, err
	}
	if one || len(list) == 1 { // before 2.5 a single tensor stood in a list, too
		return list, kwargs, nil
	}
	return []any{list}, kwargs, nil
}

// first reads the first argument of a call, a list, perhaps of lists; kwargs stand behind each part of it.
func (f *functional) first(items []any, kwargs map[string]any, depth int) ([]any, error) {
	if depth > 64 {
		return nil, core.Errorf(core.ErrTooDeep, "", "lists in lists, more than 64")
	}
	list := make([]any, len(items))
	for i, item := range items {
		parts, ok := item.([]any)
		name, named := "", false
		if len(parts) > 0 {
			name, named = parts[0].(string)
		}
		var err error
		switch {
		case !ok || named && len(parts) < 3:
			return nil, core.Errorf(core.ErrConfigJSON, fmt.Sprintf("[%d]", i), "got %v, want [layer, call, output]", item)
		case !named:
			list[i], err = f.first(parts, kwargs, depth+1)
		case name == constantValue:
			list[i], err = f.reviveOld(parts[2], 0)
		default:
			list[i], err = f.refer(parts, true)
		}
		if err != nil {
			return nil, err
		}
		if !named || len(parts) < 4 {
			continue
		}
		given, _ := parts[3].(map[string]any)
		for key, v := range given {
			if kwargs[key], err = f.reviveOld(v, 0); err != nil {
				return nil, core.In(key, core.ErrGraph, err)
			}
		}
	}
	return list, nil
}
