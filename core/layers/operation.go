package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns operations: functions of keras.ops that stand in a functional model by themselves. operation_*.go have their tables, a
// row a function; arguments.go is what the formulas read their arguments with.

// Operation is a function of keras.ops between layers: x * 2 + 1 on a symbolic tensor makes a Multiply and an Add. Its config is the
// arguments that Keras keeps in the object; tensors, and constants in their place, are arguments of the call. Masks end at it.
//
// Source: keras/src/ops/operation.py.
type Operation struct {
	core.Base
	function *function
	config   core.Config // as in the file, without the name
}

// function is a row of the tables.
type function struct {
	class, module string
	signature     string // Class(config)(call), as Keras has it
	formula       func(a *arguments) []graph.Value
	parse         func() ([2][]parameter, error)
}

// one is a formula with a single result.
func one(f func(a *arguments) graph.Value) func(a *arguments) []graph.Value {
	return func(a *arguments) []graph.Value { return []graph.Value{f(a)} }
}

// operation adds a row. module is that of keras.src.ops; the signature has the arguments of the object, then those of its call.
func operation(module, signature string, formula func(a *arguments) []graph.Value) {
	class, _, _ := strings.Cut(signature, "(")
	f := &function{class: class, module: module, signature: signature, formula: formula}
	f.parse = sync.OnceValues(func() (out [2][]parameter, err error) {
		config, call, ok := strings.Cut(strings.TrimPrefix(signature, class), ")(")
		if !ok {
			return out, fmt.Errorf("signature %q: want Class(config)(call)", signature)
		}
		for i, text := range []string{config[1:], strings.TrimSuffix(call, ")")} {
			if out[i], err = parameters(text); err != nil {
				return out, err
			}
		}
		return out, nil
	})
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: registry.OperationName(class), Class: class, Registered: class,
		Module: registry.OperationModule + module, New: func() core.Layer { return &Operation{function: f, config: core.Config{}} }})
}

// NewOperation makes an operation by the name of its class in keras.ops, such as "Mean", with the arguments that Keras keeps in the object.
func NewOperation(class string, with ...With) core.Layer {
	name := registry.OperationName(class)
	if registry.Default.Layers.Lookup(name) == nil {
		l := &Operation{function: &function{class: class}}
		l.Fail(registry.Default.Layers.Unknown(name))
		return l
	}
	c := With{}
	for _, w := range with {
		maps.Copy(c, w)
	}
	l := configure[*Operation](name, c, nil)
	l.SetClass(class)
	return l
}

// RegistryName is the name of the operation among the layers.
func (l *Operation) RegistryName() string { return registry.OperationName(l.function.class) }

// DescribesShape reports whether it is Shape, which files of tf.keras have.
func (l *Operation) DescribesShape() bool { return l.function.class == "Shape" }

// KeepsArgument reports whether an argument belongs to the config.
func (l *Operation) KeepsArgument(name string) bool {
	params, err := l.function.parse()
	return err == nil && slices.ContainsFunc(params[0], func(p parameter) bool { return p.name == name })
}

// DecodeConfig takes the name and the arguments of the object.
func (l *Operation) DecodeConfig(_ *registry.Decoder, c core.Config) error {
	params, err := l.function.parse()
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if key == "name" {
			l.Name, _ = c[key].(string)
			continue
		}
		if !slices.ContainsFunc(params[0], func(p parameter) bool { return p.name == key }) {
			if c[key] == nil {
				continue
			}
			var names []string
			for _, p := range params[0] {
				names = append(names, p.name)
			}
			return core.WithHint(core.Errorf(core.ErrLayerConfig, key, "unknown argument of %s", l.function.signature), registry.DidYouMean(key, names))
		}
		l.config[key] = c[key]
	}
	for _, p := range params[0] {
		if _, ok := l.config[p.name]; !ok && !p.optional {
			return core.Errorf(core.ErrLayerConfig, p.name, "is missing, want %s", l.function.signature)
		}
	}
	return nil
}

// EncodeConfig gives the name and the arguments.
func (l *Operation) EncodeConfig(*registry.Encoder) (core.Config, error) {
	c := core.Config{"name": l.Name}
	for key, v := range l.config {
		c[key] = wholeNumbers(v)
	}
	return c, nil
}

// wholeNumbers makes ints of the numbers in v that are whole: an axis has to be an int in Python.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		if n, ok := core.Whole(v); ok && v < 1<<53 && v > -1<<53 {
			return n
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = wholeNumbers(x)
		}
		return out
	}
	return v
}

// Build has nothing to declare.
func (l *Operation) Build(*core.Builder, []tensor.Shape) error { return nil }

// Call writes the formula. After a mistake values are scalars, and a formula that asks for their axes, or for axes that its arguments do not
// have, runs beyond them: that is the end of the call and not of the program.
func (l *Operation) Call(c *core.Call, inputs []graph.Value) (out []graph.Value) {
	c.DropMasks()
	defer func() {
		if recover() == nil {
			return
		}
		shapes := make([]tensor.Shape, len(inputs))
		for i, x := range inputs {
			shapes[i] = x.Shape()
		}
		c.Graph.Fail(core.Errorf(core.ErrShapeMismatch, "", "got inputs of shapes %v, which %s does not take", shapes, l.function.signature))
		out = inputs
	}()
	a, err := l.bind(c, inputs)
	if err != nil {
		c.Graph.Fail(err)
		return inputs
	}
	return l.function.formula(a)
}

// bind gives each parameter its argument.
func (l *Operation) bind(c *core.Call, inputs []graph.Value) (*arguments, error) {
	params, err := l.function.parse()
	if err != nil {
		return nil, err
	}
	a := &arguments{g: c.Graph, c: c, values: map[string]any{}}
	for _, p := range params[0] {
		a.values[p.name] = p.value
		if v, ok := l.config[p.name]; ok {
			a.values[p.name] = v
		}
		if v := c.Setting(p.name); v != nil { // one that depends on shapes, in files of tf.keras
			a.values[p.name] = v
		}
	}
	positional, ok := c.Setting(core.PositionalArguments).([]any)
	if !ok {
		for _, v := range inputs {
			positional = append(positional, v)
		}
		if len(inputs) > 1 && len(params[1]) == 1 && !params[1][0].rest {
			positional = []any{inputs}
		}
	}
	for i, p := range params[1] {
		switch v := c.Setting(p.name); {
		case p.rest:
			a.values[p.name] = positional[min(i, len(positional)):]
			return a, nil
		case i < len(positional):
			a.values[p.name] = positional[i]
		case v != nil:
			a.values[p.name] = v
		case !p.optional:
			return nil, core.Errorf(core.ErrGraph, p.name, "is missing, want %s", l.function.signature)
		default:
			a.values[p.name] = p.value
		}
	}
	if len(positional) > len(params[1]) {
		return nil, core.Errorf(core.ErrGraph, "", "got %d arguments, want %s", len(positional), l.function.signature)
	}
	return a, nil
}
