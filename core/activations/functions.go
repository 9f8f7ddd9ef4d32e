package activations

import (
	"strings"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// This file owns the functions without settings, one row each.

func init() {
	for _, f := range []struct {
		names string // Keras' name, then other ones
		apply func(g *graph.Graph, x graph.Value) graph.Value
	}{
		// x
		{"linear", func(_ *graph.Graph, x graph.Value) graph.Value { return x }},
		{"tanh", (*graph.Graph).Tanh},
		// 1/(1+e^-x); losses look for this operation and take its input instead.
		{"sigmoid", (*graph.Graph).Sigmoid},
		// e^x
		{"exponential", (*graph.Graph).Exp},
		// ln(1+e^x)
		{"softplus", (*graph.Graph).Softplus},
		// x/(1+|x|)
		{"softsign", func(g *graph.Graph, x graph.Value) graph.Value { return g.Div(x, g.Add(g.Const(1), g.Abs(x))) }},
		{"relu6", relu6},
		{"selu", selu},
		// x sigmoid(x); Ramachandran et al., "Searching for Activation Functions", 2017.
		{"silu swish", func(g *graph.Graph, x graph.Value) graph.Value { return g.Mul(x, g.Sigmoid(x)) }},
		// x tanh(softplus(x)); Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
		{"mish", func(g *graph.Graph, x graph.Value) graph.Value { return g.Mul(x, g.Tanh(g.Softplus(x))) }},
		// ln sigmoid(x)
		{"log_sigmoid", func(g *graph.Graph, x graph.Value) graph.Value { return g.Neg(g.Softplus(g.Neg(x))) }},
		{"hard_sigmoid", hardSigmoid},
		// clip(0.2x+0.5, 0, 1): what Keras 1 and 2 mean by hard_sigmoid. Keras 3 has no name for it.
		{"hard_sigmoid_legacy", func(g *graph.Graph, x graph.Value) graph.Value {
			return clip(g, g.Add(g.Mul(x, g.Const(0.2)), g.Const(0.5)), 0, 1)
		}},
		// x hard_sigmoid(x); Howard et al., "Searching for MobileNetV3", 2019.
		{"hard_silu hard_swish", func(g *graph.Graph, x graph.Value) graph.Value { return g.Mul(x, hardSigmoid(g, x)) }},
		// clip(x, -1, 1)
		{"hard_tanh", func(g *graph.Graph, x graph.Value) graph.Value { return clip(g, x, -1, 1) }},
		// x - tanh(x)
		{"tanh_shrink", func(g *graph.Graph, x graph.Value) graph.Value { return g.Sub(x, g.Tanh(x)) }},
		{"sparse_plus", sparsePlus},
		{"sparse_sigmoid", sparseSigmoid},
	} {
		names := strings.Fields(f.names)
		e := registry.Entry[core.Activation]{
			Name: names[0], Aliases: names[1:], New: func() core.Activation { return function{names[0], f.apply} },
		}
		switch e.Name {
		case "hard_sigmoid":
			e.Before3 = "hard_sigmoid_legacy"
		case "hard_sigmoid_legacy":
			e.Module, e.About = registry.LegacyModule, "keras.ops.clip(0.2 * x + 0.5, 0, 1)"
		}
		registry.Default.Activations.MustAdd(e)
	}
}

// relu6 is min(max(x, 0), 6). The 6 stands first so that no gradient flows at 6, as at 0.
func relu6(g *graph.Graph, x graph.Value) graph.Value { return g.Minimum(g.Const(6), g.Relu(x)) }

// hardSigmoid is relu6(x+3)/6.
func hardSigmoid(g *graph.Graph, x graph.Value) graph.Value {
	return g.Div(relu6(g, g.Add(x, g.Const(3))), g.Const(6))
}

// selu is scale x, and scale alpha (e^x - 1) where x < 0; Klambauer et al., "Self-Normalizing Neural Networks", 2017.
func selu(g *graph.Graph, x graph.Value) graph.Value {
	const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
	negative := g.Mul(g.Const(alpha), negativeExpm1(g, x))
	return g.Mul(g.Const(scale), g.Select(g.GreaterEqual(x, g.Const(0)), x, negative))
}

// negativeExpm1 is e^x - 1 for negative x, else 0: a branch that is not taken must not overflow, or its gradient is 0 times infinity.
func negativeExpm1(g *graph.Graph, x graph.Value) graph.Value {
	return g.Expm1(g.Minimum(x, g.Const(0)))
}

// sparsePlus is 0 up to -1, (x+1)^2/4 between -1 and 1, x from 1 on.
func sparsePlus(g *graph.Graph, x graph.Value) graph.Value {
	one := g.Const(1)
	middle := g.Mul(g.Const(0.25), g.Square(g.Add(x, one)))
	return g.Select(g.LessEqual(x, g.Const(-1)), g.Const(0), g.Select(g.Less(x, one), middle, x))
}

// sparseSigmoid is 0 up to -1, (x+1)/2 between -1 and 1, 1 from 1 on.
func sparseSigmoid(g *graph.Graph, x graph.Value) graph.Value {
	one := g.Const(1)
	middle := g.Mul(g.Const(0.5), g.Add(x, one))
	return g.Select(g.LessEqual(x, g.Const(-1)), g.Const(0), g.Select(g.GreaterEqual(x, one), one, middle))
}
