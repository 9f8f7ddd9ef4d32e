package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/registry"
)

// This file owns how functions of TensorFlow between layers become operations of Keras 3: a signature, and an expression of operations
// over its parameters. tf_functions.go has the table.

// tfFunction is a row: what TensorFlow's function is in operations.
type tfFunction struct {
	parameters []parameter
	expression term
	prepare    func(v map[string]any) (expression string, err error) // changes arguments; "" keeps the expression
}

// tfRow is a row as the tables have it.
type tfRow struct {
	signature  string // name(parameters), of names with the same parameters all, apart by spaces
	expression string
	prepare    func(v map[string]any) (expression string, err error)
}

// tfFunctions reads a table.
func tfFunctions(rows []tfRow) (map[string]*tfFunction, error) {
	table := map[string]*tfFunction{}
	for _, r := range rows {
		names, text, _ := strings.Cut(r.signature, "(")
		params, err := parameters(strings.TrimSuffix(text, ")"))
		if err != nil {
			return nil, err
		}
		f := &tfFunction{parameters: params, prepare: r.prepare}
		if f.expression, err = parseTerm(r.expression); err != nil {
			return nil, err
		}
		for _, name := range strings.Fields(names) {
			if table[name] != nil {
				return nil, fmt.Errorf("function %q has two rows", name)
			}
			table[name] = f
		}
	}
	return table, nil
}

// rewriting is one call that is being rewritten.
type rewriting struct {
	values map[string]any
	call   func(l core.Layer, args []any, kwargs map[string]any) any
}

// rewrite makes operations of a call of f.
func (f *tfFunction) rewrite(args []any, kwargs map[string]any, call func(l core.Layer, args []any, kwargs map[string]any) any) (core.Layer, []any, map[string]any, error) {
	r := &rewriting{values: map[string]any{}, call: call}
	for i, p := range f.parameters {
		v, named := kwargs[p.name]
		switch {
		case p.rest:
			r.values[p.name] = args[min(i, len(args)):]
		case i < len(args):
			r.values[p.name] = args[i]
		case named && v != nil:
			r.values[p.name] = v
		case p.optional:
			r.values[p.name] = p.value
		default:
			return nil, nil, nil, core.Errorf(core.ErrGraph, p.name, "is missing in the file")
		}
	}
	for key, v := range kwargs {
		known := slices.ContainsFunc(f.parameters, func(p parameter) bool { return p.name == key })
		if !known && v != nil && v != false && !slices.Contains(inertArguments, key) {
			return nil, nil, nil, core.Errorf(core.ErrGraph, key, "got %v, which gk does not know here", v)
		}
	}
	expression := f.expression
	if f.prepare != nil {
		text, err := f.prepare(r.values)
		if err != nil {
			return nil, nil, nil, err
		}
		if text != "" {
			if expression, err = parseTerm(text); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	if expression.kind != callTerm {
		return nil, nil, nil, fmt.Errorf("%q is no call", expression.name)
	}
	return r.operation(expression)
}

// inertArguments do not matter for what a function computes.
var inertArguments = []string{"name", "out_type", "output_type", "dtype", "use_cudnn_on_gpu", "validate_indices", "parallel_iterations", "sorted",
	"dtype_policy", "batch_size", "synchronized"}

// operation is the layer and the arguments of a call in an expression; the calls in it are made.
func (r *rewriting) operation(t term) (core.Layer, []any, map[string]any, error) {
	name := registry.OperationName(t.name)
	e := registry.Default.Layers.Lookup(name)
	if e == nil {
		return nil, nil, nil, registry.Default.Layers.Unknown(name)
	}
	l, ok := e.New().(*Operation)
	if !ok {
		return nil, nil, nil, registry.Default.Layers.Unknown(name)
	}
	l.SetClass(e.Class)
	params, err := l.function.parse()
	if err != nil {
		return nil, nil, nil, err
	}
	var args []any
	kwargs := map[string]any{}
	for i, item := range t.items {
		if name, all := strings.CutPrefix(item.name, "*"); all { // each for itself
			list, _ := r.values[name].([]any)
			args = append(args, list...)
			continue
		}
		v, err := r.evaluate(item)
		if err != nil {
			return nil, nil, nil, err
		}
		key := t.keys[i]
		switch {
		case key == "":
			args = append(args, asArray(v, e.Class, params[1], len(args)))
		case isPlain(v) && slices.ContainsFunc(params[0], func(p parameter) bool { return p.name == key }):
			l.config[key] = v
		case v != nil:
			kwargs[key] = v
		}
	}
	// What has no value here has Keras' default, as Keras writes it.
	for _, p := range params[0] {
		if _, ok := l.config[p.name]; !ok && p.optional && kwargs[p.name] == nil {
			l.config[p.name] = p.value
		}
	}
	return l, args, kwargs, nil
}

func (r *rewriting) evaluate(t term) (any, error) {
	switch t.kind {
	case nameTerm:
		v, ok := r.values[t.name]
		if !ok {
			return nil, fmt.Errorf("%q is no parameter", t.name)
		}
		return v, nil
	case listTerm:
		list := make([]any, len(t.items))
		for i, item := range t.items {
			var err error
			if list[i], err = r.evaluate(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case callTerm:
		l, args, kwargs, err := r.operation(t)
		if err != nil {
			return nil, err
		}
		return r.call(l, args, kwargs), nil
	}
	return t.value, nil
}

// asArray makes a numpy array, as Keras 3 writes it, of a list of numbers in the place of a tensor. Places are whole numbers.
func asArray(v any, class string, params []parameter, i int) any {
	list, ok := v.([]any)
	if !ok || class == "GetItem" || class == "Slice" || len(list) == 0 {
		return v
	}
	if _, _, ok := array(list); !ok {
		return v
	}
	dtype := "float32"
	if i < len(params) && (params[i].name == "indices" || params[i].name == "segment_ids") {
		dtype = "int32"
	}
	return map[string]any{"class_name": "__numpy__", "config": map[string]any{"value": list, "dtype": dtype}}
}

// isPlain reports whether there is no tensor in v.
func isPlain(v any) bool {
	switch v := v.(type) {
	case nil, bool, string, float64, int:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !isPlain(x) })
	case map[string]any:
		for _, x := range v {
			if !isPlain(x) {
				return false
			}
		}
		return true
	}
	return false
}
