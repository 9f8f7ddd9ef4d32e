// Package activations is Keras' activation functions. Those without settings are rows of one table; one with settings is a struct whose
// JSON-tagged fields are the arguments of Keras' function. Each is the formula in graph operations, and its gradient is that of the
// formula, so kinks are written so that it is TensorFlow's there, too.
//
// In Go code an activation is named, or is a struct where it needs settings:
//
//	layers.NewDense(10, layers.With{"activation": "softmax"})
//	layers.NewDense(10, layers.With{"activation": &activations.LeakyReLU{NegativeSlope: 0.1}})
//
// Sources: keras/src/activations/activations.py, keras/src/backend/tensorflow/nn.py.
package activations

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// function is an activation without settings.
type function struct {
	name  string
	apply func(g *graph.Graph, x graph.Value) graph.Value
}

// Apply writes the function of x.
func (f function) Apply(g *graph.Graph, x graph.Value) graph.Value { return f.apply(g, x) }

// RegistryName is the name of the function.
func (f function) RegistryName() string { return f.name }

// nameIf is what RegistryName of a function with settings returns: its name where they are Keras' defaults, since the name says all
// then, else "".
func nameIf(defaults bool, name string) string {
	if defaults {
		return name
	}
	return ""
}

// register adds a function with settings to the standard set.
func register(name string, newFunction func() core.Activation) {
	registry.Default.Activations.MustAdd(registry.Entry[core.Activation]{Name: name, New: newFunction})
}

// alongLast applies f, which works along the last axis of a tensor, along another axis.
func alongLast(g *graph.Graph, name string, x graph.Value, axis int, f func(x graph.Value) graph.Value) graph.Value {
	a, ok := resolve(g, name, x, axis)
	switch {
	case !ok:
		return x
	case a == x.Rank()-1:
		return f(x)
	}
	return g.MoveAxis(f(g.MoveAxis(x, a, -1)), -1, a)
}

// resolve counts a negative axis from the end. An axis that x does not have is reported to the graph.
func resolve(g *graph.Graph, name string, x graph.Value, axis int) (int, bool) {
	a := axis
	if a < 0 {
		a += x.Rank()
	}
	if a < 0 || a >= x.Rank() {
		g.Fail(core.Errorf(core.ErrShapeMismatch, "activation \""+name+"\": axis", "got %d, want one of shape %v", axis, x.Shape()))
		return 0, false
	}
	return a, true
}

// clip is x, or the bound that it is beyond; the gradient passes at the bounds themselves.
func clip(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	return g.Minimum(g.Maximum(x, g.Const(low)), g.Const(high))
}

// unknown reports whether the size of an axis is not known yet, so that only the shape of the result matters.
func unknown(x graph.Value, axis int) bool { return x.Dim(axis) == tensor.Unknown }
