package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the arguments of operations: tensors, constants in their place, axes, shapes, slices. Mistakes go to the graph.

// arguments are those of one call by Keras' names: graph.Value, []graph.Value, or what JSON holds.
type arguments struct {
	g      *graph.Graph
	c      *core.Call
	values map[string]any
}

// fail reports a mistake in an argument.
func (a *arguments) fail(name, format string, args ...any) {
	a.g.Fail(core.Errorf(core.ErrLayerConfig, name, format, args...))
}

// has reports whether an argument is not None.
func (a *arguments) has(name string) bool { return a.values[name] != nil }

// tensor is an argument as a tensor; numbers and lists of numbers are constants.
func (a *arguments) tensor(name string) graph.Value { return a.toTensor(name, a.values[name]) }

func (a *arguments) toTensor(name string, v any) graph.Value {
	switch v := v.(type) {
	case graph.Value:
		return v
	case []graph.Value:
		return a.stack(v, 0)
	case bool:
		if v {
			return a.g.Const(1)
		}
		return a.g.Const(0)
	case map[string]any:
		c, _ := v["config"].(map[string]any)
		switch v["class_name"] {
		case "__numpy__", "__tensor__":
			return a.toTensor(name, c["value"])
		}
	case []any:
		if data, shape, ok := array(v); ok {
			return a.g.Table(tensor.From(data, shape...))
		}
		items := make([]graph.Value, len(v))
		for i, x := range v {
			items[i] = a.toTensor(name, x)
		}
		if len(items) > 0 {
			return a.stack(items, 0)
		}
	default:
		if n, ok := number(v); ok {
			return a.g.Const(n)
		}
	}
	a.fail(name, "got %v, want a tensor or a number", v)
	return a.g.Const(0)
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case bool:
		if n {
			return 1, true
		}
		return 0, true
	case map[string]any:
		if c, ok := n["config"].(map[string]any); ok && (n["class_name"] == "__tensor__" || n["class_name"] == "__numpy__") {
			return number(c["value"])
		}
	}
	return 0, false
}

// array is the numbers in a list of lists that is an array.
func array(list []any) (data []float64, shape []int, ok bool) {
	shape = []int{len(list)}
	for i, v := range list {
		inner, isList := v.([]any)
		if !isList {
			n, ok := number(v)
			if !ok || len(shape) > 1 {
				return nil, nil, false
			}
			data = append(data, n)
			continue
		}
		d, s, ok := array(inner)
		if !ok || i > 0 && !slices.Equal(s, shape[1:]) {
			return nil, nil, false
		}
		if i == 0 {
			shape = append(shape, s...)
		}
		data = append(data, d...)
	}
	if data == nil {
		data = []float64{}
	}
	return data, shape, true
}

// list is an argument as its items: of a list, or along the first axis of a constant.
func (a *arguments) list(name string) []any {
	switch v := a.values[name].(type) {
	case []any:
		return v
	case []graph.Value:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = x
		}
		return out
	case []int:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = x
		}
		return out
	case map[string]any:
		if c, ok := v["config"].(map[string]any); ok {
			if list, ok := c["value"].([]any); ok {
				return list
			}
		}
		if list, ok := v["items"].([]any); ok {
			return list
		}
	}
	return []any{a.values[name]}
}

// tensors is a list of tensors.
func (a *arguments) tensors(name string) []graph.Value {
	items := a.list(name)
	out := make([]graph.Value, len(items))
	for i, v := range items {
		out[i] = a.toTensor(name, v)
	}
	if len(out) == 0 {
		a.fail(name, "got an empty list, want tensors")
		out = []graph.Value{a.g.Const(0)}
	}
	return out
}

// int is a whole number.
func (a *arguments) int(name string) int { return a.toInt(name, a.values[name]) }

func (a *arguments) toInt(name string, v any) int {
	if t, ok := v.(graph.Value); ok { // the size of an axis, say
		if n, ok := t.Static(); ok && len(n) == 1 {
			v = n[0]
			if math.IsNaN(n[0]) {
				return tensor.Unknown
			}
		}
	}
	f, ok := number(v)
	n, whole := core.Whole(f)
	if !ok || !whole || n > math.MaxInt32 || n < math.MinInt32 {
		a.fail(name, "got %v, want a whole number", shown(v))
		return 1
	}
	return n
}

// shown is a value for an error.
func shown(v any) any {
	switch v := v.(type) {
	case nil:
		return "None"
	case graph.Value:
		return "a tensor that depends on data"
	default:
		return v
	}
}

// ints is a list of whole numbers; a single one is a list of one. None is nil.
func (a *arguments) ints(name string) []int {
	if !a.has(name) {
		return nil
	}
	if t, ok := a.values[name].(graph.Value); ok {
		n, ok := t.Static()
		if !ok {
			a.fail(name, "got a tensor that depends on data, want numbers")
			return nil
		}
		out := make([]int, len(n))
		for i, x := range n {
			out[i] = int(x)
			if math.IsNaN(x) {
				out[i] = tensor.Unknown
			}
		}
		return out
	}
	items := a.list(name)
	out := make([]int, len(items))
	for i, v := range items {
		if v == nil {
			out[i] = tensor.Unknown
		} else {
			out[i] = a.toInt(name, v)
		}
	}
	return out
}

// shape is a list of sizes; None and -1 are Unknown.
func (a *arguments) shape(name string) tensor.Shape {
	s := tensor.Shape(a.ints(name))
	size := 1
	for _, d := range s {
		if d < tensor.Unknown || d > 0 && size > math.MaxInt32/d {
			a.fail(name, "got %v, want sizes", []int(s))
			return nil
		}
		size *= max(1, d)
	}
	return s
}

// float is a number.
func (a *arguments) float(name string) float64 {
	n, ok := number(a.values[name])
	if !ok {
		a.fail(name, "got %v, want a number", shown(a.values[name]))
	}
	return n
}

// flag is true or false.
func (a *arguments) flag(name string) bool {
	n, ok := number(a.values[name])
	return ok && n != 0
}

// word is a string; "" for None.
func (a *arguments) word(name string) string {
	s, ok := a.values[name].(string)
	if !ok && a.has(name) {
		a.fail(name, "got %v, want a string", shown(a.values[name]))
	}
	return s
}

// oneOf is a word among some.
func (a *arguments) oneOf(name string, words ...string) string {
	s := a.word(name)
	if !slices.Contains(words, s) {
		a.fail(name, "got %q, want one of %v", s, words)
		return words[0]
	}
	return s
}

// channelsFirst reports whether data_format says so.
func (a *arguments) format() string {
	if a.word("data_format") == channelsFirst {
		return channelsFirst
	}
	return "channels_last"
}

// axis is an axis of a tensor of a rank, counted from 0.
func (a *arguments) axis(name string, rank int) int { return a.toAxis(name, a.int(name), rank) }

func (a *arguments) toAxis(name string, axis, rank int) int {
	if axis < -rank || axis >= rank {
		a.fail(name, "got %d, want one of the axes of a tensor of rank %d", axis, rank)
		return 0
	}
	return (axis + rank) % rank
}

// axes are axes of a tensor of a rank, counted from 0; nil for None, which stands for all of them.
func (a *arguments) axes(name string, rank int) []int {
	list := a.ints(name)
	for i, axis := range list {
		list[i] = a.toAxis(name, axis, rank)
	}
	return list
}

// allAxes is axes with None spelled out.
func (a *arguments) allAxes(name string, rank int) []int {
	if axes := a.axes(name, rank); axes != nil {
		return axes
	}
	return firstAxes(rank)
}

// flat is x and an axis of it, or a vector of all its elements where the axis is None.
func (a *arguments) flat(name string, x graph.Value) (graph.Value, int) {
	if !a.has(name) {
		return a.g.Reshape(x, x.Shape().Size()), 0
	}
	return x, a.axis(name, x.Rank())
}

// stack puts tensors of one shape side by side along a new axis.
func (a *arguments) stack(xs []graph.Value, axis int) graph.Value {
	shape := xs[0].Shape()
	for _, x := range xs[1:] {
		if bigger, ok := graph.Broadcast(shape, x.Shape()); ok {
			shape = bigger
		}
	}
	rank := len(shape) + 1
	axis = a.toAxis("axis", axis, rank)
	out := make([]graph.Value, len(xs))
	for i, x := range xs {
		if x.Rank() == 0 { // constants among tensors
			x = a.g.BroadcastTo(x, shape)
		}
		out[i] = a.g.ExpandDims(x, axis)
	}
	return a.g.Concat(axis, out...)
}

// known reports whether all sizes of the tensors are known. While a model is described they may not be; then only the shape of a result
// matters, and shaped stands for it.
func known(xs ...graph.Value) bool {
	return !slices.ContainsFunc(xs, func(x graph.Value) bool { return !x.Shape().Known() })
}

// shaped is a tensor of a shape whose numbers do not matter.
func (a *arguments) shaped(shape tensor.Shape) graph.Value { return a.g.Full(0, shape) }
