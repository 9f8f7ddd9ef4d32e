package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Operation is a function of keras.ops that stands in a functional model by itself: x * 2 + 1 on a symbolic tensor makes a Multiply and
// an Add. Its call has positional arguments, of which some are constants. It has a name and no other config.
//
// Inputs broadcast as in numpy. Source: keras/src/ops/numpy.py.
type Operation struct {
	core.Base
	class string
}

var binaryOperations = map[string]func(g *graph.Graph, a, b graph.Value) graph.Value{
	"Add": (*graph.Graph).Add, "Subtract": (*graph.Graph).Sub, "Multiply": (*graph.Graph).Mul, "Divide": (*graph.Graph).Div,
	"TrueDivide": (*graph.Graph).Div, "DivideNoNan": (*graph.Graph).DivNoNaN, "Power": (*graph.Graph).Pow, "Mod": (*graph.Graph).Mod,
	"FloorDivide": (*graph.Graph).FloorDiv, "Maximum": (*graph.Graph).Maximum, "Minimum": (*graph.Graph).Minimum,
	"Equal": (*graph.Graph).Equal, "NotEqual": (*graph.Graph).NotEqual, "Less": (*graph.Graph).Less, "LessEqual": (*graph.Graph).LessEqual,
	"Greater": (*graph.Graph).Greater, "GreaterEqual": (*graph.Graph).GreaterEqual,
}

var unaryOperations = map[string]func(g *graph.Graph, x graph.Value) graph.Value{
	"Negative": (*graph.Graph).Neg, "Absolute": (*graph.Graph).Abs, "Sign": (*graph.Graph).Sign, "Exp": (*graph.Graph).Exp,
	"Expm1": (*graph.Graph).Expm1, "Log": (*graph.Graph).Log, "Log1p": (*graph.Graph).Log1p, "Sqrt": (*graph.Graph).Sqrt,
	"Square": (*graph.Graph).Square, "Reciprocal": (*graph.Graph).Reciprocal, "Sin": (*graph.Graph).Sin, "Cos": (*graph.Graph).Cos,
	"Tanh": (*graph.Graph).Tanh, "Floor": (*graph.Graph).Floor, "Ceil": (*graph.Graph).Ceil, "Round": (*graph.Graph).Round,
}

func init() {
	add := func(class string) {
		registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: registry.OperationName(class), Class: class, Registered: class,
			Module: registry.OperationModule, New: func() core.Layer { return &Operation{class: class} }})
	}
	for class := range binaryOperations {
		add(class)
	}
	for class := range unaryOperations {
		add(class)
	}
}

// RegistryName is the name of the operation among the layers.
func (l *Operation) RegistryName() string { return registry.OperationName(l.class) }

// DecodeConfig takes the name, which is all there is.
func (l *Operation) DecodeConfig(_ *registry.Decoder, c core.Config) error {
	for key, v := range c {
		if key == "name" {
			l.Name, _ = v.(string)
		} else if v != nil {
			return core.Errorf(core.ErrLayerConfig, key, "unknown key, an operation has a name alone")
		}
	}
	return nil
}

// EncodeConfig gives the name.
func (l *Operation) EncodeConfig(*registry.Encoder) (core.Config, error) {
	return core.Config{"name": l.Name}, nil
}

// Build has nothing to declare.
func (l *Operation) Build(*core.Builder, []tensor.Shape) error { return nil }

// Call applies the function to the positional arguments.
func (l *Operation) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	args := inputs
	if positional, ok := c.Setting(core.PositionalArguments).([]any); ok {
		args = nil
		for i, a := range positional {
			switch a := a.(type) {
			case graph.Value:
				args = append(args, a)
			case float64:
				args = append(args, c.Graph.Const(a))
			default:
				c.Graph.Fail(core.Errorf(core.ErrLayerConfig, "", "argument %d: got %v, want a tensor or a number", i, a))
				return inputs
			}
		}
	}
	if f := binaryOperations[l.class]; f != nil && len(args) == 2 {
		return []graph.Value{f(c.Graph, args[0], args[1])}
	}
	if f := unaryOperations[l.class]; f != nil && len(args) == 1 {
		return []graph.Value{f(c.Graph, args[0])}
	}
	c.Graph.Fail(core.Errorf(core.ErrGraph, "", "got %d arguments", len(args)))
	return inputs
}
