package model

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns tensors that hold shapes. tf.keras has them between layers: tf.reshape(x, [tf.shape(x)[0], 4, 2]). Keras 3 knows shapes
// when it makes a model, so what is written has numbers in their place.

// isStatic reports whether the results of a call depend on shapes and constants alone.
func (n *node) isStatic() bool {
	f, ok := n.layer.(core.Function)
	if !ok {
		return false
	}
	if f.DescribesShape() {
		return true
	}
	static := true
	n.eachInput(func(t *Tensor) { static = static && t.static != nil })
	return static
}

// placeholder stands for a tensor in the graph of a call that is being described.
func (t *Tensor) placeholder(g *graph.Graph) graph.Value {
	if t.static != nil {
		return g.Table(t.static)
	}
	return g.Input("", t.shape)
}

// keepStatic notes the numbers of results that depend on shapes alone.
func (n *node) keepStatic(values []graph.Value) {
	if !n.isStatic() {
		return
	}
	for i, v := range values {
		if numbers, ok := v.Static(); ok {
			n.outputs[i].static = tensor.From(numbers, v.Shape()...)
		}
	}
}

// written is the calls of a model as Keras 3 can have them, by what they are here; those whose results only say shapes are left out.
func (m *Model) written() (map[*node]*node, error) {
	out := map[*node]*node{}
	var visit func(t *Tensor) error
	visit = func(t *Tensor) error {
		n := t.node
		if out[n] != nil {
			return nil
		}
		if f, ok := n.layer.(core.Function); ok && f.DescribesShape() {
			return core.Errorf(core.ErrUnsupported, n.layer.Common().Place(), "gives a shape to a layer or as an output, which Keras 3 cannot say")
		}
		w, err := n.withNumbers()
		if err != nil {
			return core.In(n.layer.Common().Place(), core.ErrUnsupported, err)
		}
		out[n] = w
		w.eachInput(func(t *Tensor) {
			if err == nil {
				err = visit(t)
			}
		})
		return err
	}
	for _, t := range append(m.inputs[:len(m.inputs):len(m.inputs)], m.outputs...) {
		if err := visit(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// withNumbers is the call with numbers in the place of shapes; the call itself where there are none.
func (n *node) withNumbers() (*node, error) {
	some := false
	n.eachInput(func(t *Tensor) { some = some || t.static != nil })
	if !some {
		return n, nil
	}
	w := *n
	w.args, w.kwargs, w.config = make([]any, len(n.args)), map[string]any{}, core.Config{}
	var err error
	for i, a := range n.args {
		if w.args[i], err = withNumbers(a, ""); err != nil {
			return nil, err
		}
		if list, ok := w.args[i].([]any); ok && isTensor(a) { // Keras takes no list for a tensor
			w.args[i] = core.Config{"class_name": "__numpy__", "config": core.Config{"value": list, "dtype": dtypeOf(list)}}
		}
	}
	f, isFunction := n.layer.(core.Function)
	for key, a := range n.kwargs {
		v, err := withNumbers(a, key)
		if err != nil {
			return nil, core.In(key, core.ErrUnsupported, err)
		}
		if isFunction && f.KeepsArgument(key) {
			w.config[key] = v
		} else {
			w.kwargs[key] = v
		}
	}
	return &w, nil
}

func isTensor(a any) bool { _, ok := a.(*Tensor); return ok }

// dtypeOf is int32 for whole numbers, such as sizes and places.
func dtypeOf(list []any) string {
	for _, v := range list {
		if _, ok := wholeNumber(v); !ok {
			return "float32"
		}
	}
	return "int32"
}

func withNumbers(a any, name string) (any, error) {
	switch a := a.(type) {
	case *Tensor:
		if a.static == nil {
			return a, nil
		}
		list := make([]any, a.static.Size())
		for i, v := range a.static.Float64s() {
			if list[i] = v; math.IsNaN(v) {
				if name != "newshape" {
					return nil, core.Errorf(core.ErrUnsupported, "", "depends on the size of the batch, which Keras 3 does not know when it makes the model")
				}
				list[i] = -1.0
			}
		}
		if len(a.static.Shape()) == 0 {
			return list[0], nil
		}
		return list, nil
	case []any:
		out := make([]any, len(a))
		unknown := 0
		for i, x := range a {
			var err error
			if out[i], err = withNumbers(x, name); err != nil {
				return nil, err
			}
			if out[i] == -1.0 {
				unknown++
			}
		}
		if name == "newshape" && unknown > 1 {
			return nil, core.Errorf(core.ErrUnsupported, "", "got %v, of which Keras 3 can find one size at most", out)
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(a))
		for key, x := range a {
			var err error
			if out[key], err = withNumbers(x, name); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return a, nil
}

// withoutEllipsis is the call with slices in the place of "..." in an index: Keras 3 cannot read that in a legacy file.
func (n *node) withoutEllipsis() *node {
	if len(n.args) < 2 || !isTensor(n.args[0]) {
		return n
	}
	key, ok := n.args[1].([]any)
	if !ok {
		return n
	}
	at, consumed := -1, 0
	for i, part := range key {
		o, _ := part.(map[string]any)
		switch {
		case o["class_name"] == "__ellipsis__":
			at = i
		case part != nil:
			consumed++
		}
	}
	if at < 0 {
		return n
	}
	out := append([]any{}, key[:at]...)
	for range max(0, len(n.args[0].(*Tensor).shape)-consumed) {
		out = append(out, core.Config{"class_name": "__slice__", "config": core.Config{"start": nil, "stop": nil, "step": nil}})
	}
	w := *n
	w.args = append([]any{n.args[0], append(out, key[at+1:]...)}, n.args[2:]...)
	return &w
}
