package model

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns functional graphs: which calls lie between inputs and outputs, in which order Keras counts their layers, and how a
// graph of calls becomes a graph of operations.

// connect finds the calls between inputs and outputs and the order of layers, as Keras does: layers by the longest way to an output,
// then in the order in which a search from the outputs meets them. Files hold weights in that order.
// Source: keras/src/ops/function.py, map_graph.
func (m *Model) connect() error {
	s := search{model: m, met: map[core.Layer]int{}, done: map[*node]bool{}, open: map[*node]bool{}}
	for _, t := range m.outputs {
		if err := s.visit(t); err != nil {
			return err
		}
	}
	layerDepth := map[core.Layer]int{}
	for _, n := range slices.Backward(s.order) {
		n.depth = max(n.depth, layerDepth[n.layer])
		layerDepth[n.layer] = n.depth
		n.eachInput(func(t *Tensor) { t.node.depth = max(t.node.depth, n.depth+1) })
	}
	for _, t := range m.inputs {
		if !s.done[t.node] { // leads nowhere
			s.done[t.node], s.met[t.node.layer] = true, -1
			s.order = append(s.order, t.node)
			layerDepth[t.node.layer] = 0
		}
	}
	m.nodes = s.order
	slices.SortStableFunc(m.nodes, func(a, b *node) int { return b.depth - a.depth })
	m.layers = nil
	calls := map[core.Layer]int{}
	for _, n := range m.nodes {
		if calls[n.layer] == 0 {
			m.layers = append(m.layers, n.layer)
		}
		calls[n.layer]++
	}
	slices.SortStableFunc(m.layers, func(a, b core.Layer) int {
		if d := layerDepth[b] - layerDepth[a]; d != 0 {
			return d
		}
		return s.met[a] - s.met[b]
	})
	m.numberCalls()
	names := map[string]core.Layer{}
	for _, l := range m.layers {
		name := l.Common().Name
		if other := names[name]; name != "" && other != nil && other != l {
			return core.Errorf(core.ErrGraph, "", "two layers are named %q", name)
		}
		names[name] = l
	}
	shapes := make([]tensor.Shape, len(m.inputs))
	for i, t := range m.inputs {
		in, ok := t.node.layer.(inputSource)
		if !ok {
			return core.Errorf(core.ErrGraph, t.node.layer.Common().Place(), "stands as an input of the model and is no input layer")
		}
		shapes[i] = in.InputShape()
	}
	return core.Build(m, shapes)
}

// numberCalls counts the calls of each layer in the order in which they were made, which computation keeps.
func (m *Model) numberCalls() {
	calls := map[core.Layer][]*node{}
	for _, n := range m.nodes {
		calls[n.layer] = append(calls[n.layer], n)
	}
	for _, c := range calls {
		slices.SortStableFunc(c, func(a, b *node) int { return a.index - b.index })
		for i, n := range c {
			n.index = i
		}
	}
}

// search is a depth-first search from outputs to inputs.
type search struct {
	model *Model
	met   map[core.Layer]int
	done  map[*node]bool
	open  map[*node]bool
	path  []*node // the open ones, outputs first
	order []*node // each after those that it reads
}

func (s *search) visit(t *Tensor) error {
	n := t.node
	if s.done[n] {
		return nil
	}
	if n.err != nil {
		return n.err
	}
	place := n.layer.Common().Place()
	if s.open[n] {
		return core.Errorf(core.ErrGraph, place, "reads its own output%s", s.wayBack(n))
	}
	if _, ok := s.met[n.layer]; !ok {
		s.met[n.layer] = len(s.met)
	}
	if len(s.open) > maxDepth {
		return core.Errorf(core.ErrTooDeep, place, "more than %d layers in a row", maxDepth)
	}
	s.open[n] = true
	s.path = append(s.path, n)
	if !n.reads() && !slices.ContainsFunc(s.model.inputs, func(t *Tensor) bool { return t.node == n }) {
		return core.Errorf(core.ErrGraph, place, "an input that is not among the inputs of the model leads to an output")
	}
	var err error
	n.eachInput(func(t *Tensor) {
		if err == nil {
			err = s.visit(t)
		}
	})
	if err != nil {
		return err
	}
	delete(s.open, n)
	s.path = s.path[:len(s.path)-1]
	s.done[n] = true
	s.order = append(s.order, n)
	return nil
}

// wayBack names a layer through which a call reads its own output, for errors.
func (s *search) wayBack(n *node) string {
	last := s.path[len(s.path)-1]
	if last == n {
		return ""
	}
	return fmt.Sprintf(" through %s", last.layer.Common().Place())
}

// reads reports whether a tensor is among the arguments of a call.
func (n *node) reads() bool {
	some := false
	n.eachInput(func(*Tensor) { some = true })
	return some
}

// maxDepth bounds how many layers may follow each other: the search is recursive.
const maxDepth = 100_000

// values are the tensors of one graph of operations.
type values struct {
	g     *graph.Graph
	of    map[*Tensor]graph.Value
	masks map[*Tensor]graph.Value
}

// call writes one call of a layer.
func (v *values) call(n *node, c *core.Call) (core.Result, error) {
	in, masks := make([]graph.Value, len(n.inputs)), make([]graph.Value, len(n.inputs))
	for i, t := range n.inputs {
		if in[i] = v.of[t]; i >= len(n.unmasked) || !n.unmasked[i] {
			masks[i] = v.masks[t]
		}
	}
	var args map[string]any
	names, inputs := n.callArguments()
	for name, a := range n.kwargs {
		if slices.Contains(names[:inputs], name) {
			continue
		}
		if name == "training" {
			if on, ok := a.(bool); ok {
				c = c.WithTraining(c.Training && on) // in files of tf.keras, which keeps what a call says
			}
			continue
		}
		if args == nil {
			args = map[string]any{}
		}
		args[name] = v.resolve(a)
	}
	for i := inputs; i < min(len(n.args), len(names)); i++ {
		if args == nil {
			args = map[string]any{}
		}
		args[names[i]] = v.resolve(n.args[i])
	}
	if names == nil && !n.simple() {
		if args == nil {
			args = map[string]any{}
		}
		list := make([]any, len(n.args))
		for i, a := range n.args {
			list[i] = v.resolve(a)
		}
		args[core.PositionalArguments] = list
	}
	return c.Do(n.layer, in, masks, args)
}

// callArguments are the names of the arguments of the call, and how many of them are inputs, where the layer takes them side by side.
func (n *node) callArguments() (names []string, inputs int) {
	if l, ok := n.layer.(core.SideBySide); ok {
		return l.CallArguments()
	}
	return nil, 0
}

// simple reports whether the positional arguments are one tensor, or one list of tensors.
func (n *node) simple() bool {
	if len(n.args) != 1 {
		return false
	}
	list, ok := n.args[0].([]any)
	if !ok {
		list = n.args
	}
	return !slices.ContainsFunc(list, func(a any) bool { _, ok := a.(*Tensor); return !ok })
}

// resolve puts values in the place of tensors.
func (v *values) resolve(a any) any {
	switch a := a.(type) {
	case *Tensor:
		return v.of[a]
	case []*Tensor:
		out := make([]graph.Value, len(a))
		for i, t := range a {
			out[i] = v.of[t]
		}
		return out
	case []any:
		out := make([]any, len(a))
		var tensors []graph.Value
		for i, x := range a {
			out[i] = v.resolve(x)
			if t, ok := out[i].(graph.Value); ok {
				tensors = append(tensors, t)
			}
		}
		if len(tensors) == len(a) && len(a) > 0 {
			return tensors
		}
		return out
	case map[string]any: // a slice between tensors
		out := make(map[string]any, len(a))
		for key, x := range a {
			out[key] = v.resolve(x)
		}
		return out
	}
	return a
}

// Call runs the layers one after the other.
func (m *Model) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	v := &values{g: c.Graph, of: map[*Tensor]graph.Value{}, masks: map[*Tensor]graph.Value{}}
	for i, t := range m.inputs {
		v.of[t], v.masks[t] = inputs[i], c.Mask(i)
	}
	for _, n := range m.nodes {
		if _, ok := v.of[n.outputs[0]]; ok && !n.reads() {
			continue
		}
		r, err := v.call(n, c)
		if err != nil {
			c.Graph.Fail(err)
			return make([]graph.Value, len(m.outputs))
		}
		for i, t := range n.outputs {
			v.of[t], v.masks[t] = r.Values[i], r.Masks[i]
		}
	}
	out := make([]graph.Value, len(m.outputs))
	for i, t := range m.outputs {
		out[i] = v.of[t]
		c.SetMask(i, v.masks[t])
	}
	return out
}
