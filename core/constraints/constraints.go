// Package constraints is Keras' constraints: what a weight becomes after each update. Each is a struct whose JSON-tagged fields are its
// Keras config.
//
//	layers.NewDense(10, layers.With{"kernel_constraint": &constraints.MaxNorm{MaxValue: 3, Axis: core.OneAxis(0)}})
//
// Norms are sqrt(sum(w^2)) along the given axes: 0 for the kernel (inputs, units) of a dense layer, [0, 1, 2] for the kernel (height,
// width, channels, filters) of a convolution.
//
// Source: keras/src/constraints/constraints.py.
package constraints

import (
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/registry"
)

// epsilon keeps weights that are all 0 from being divided by 0.
const epsilon = 1e-7

func init() {
	register("MaxNorm", func() core.Constraint { return &MaxNorm{MaxValue: 2, Axis: core.OneAxis(0)} }, "maxnorm")
	register("MinMaxNorm", func() core.Constraint { return &MinMaxNorm{MaxValue: 1, Rate: 1, Axis: core.OneAxis(0)} })
	register("NonNeg", func() core.Constraint { return &NonNeg{} }, "nonneg")
	register("UnitNorm", func() core.Constraint { return &UnitNorm{Axis: core.OneAxis(0)} }, "unitnorm")
}

func register(name string, newConstraint func() core.Constraint, aliases ...string) {
	registry.Default.Constraints.MustAdd(registry.Entry[core.Constraint]{
		Name: name, Aliases: append(aliases, registry.SnakeCase(name)), New: newConstraint, Upgrade: upgrade,
	})
}

// upgrade renames what Keras 1 called otherwise.
func upgrade(c core.Config, _ registry.Origin) error {
	for old, today := range map[string]string{"m": "max_value", "low": "min_value", "high": "max_value"} {
		if v, ok := c[old]; ok && c[today] == nil {
			c[today] = v
			delete(c, old)
		}
	}
	return nil
}

// norm is sqrt(sum(w^2)) along axes, which stay with size 1.
func norm(g *graph.Graph, constraint string, w graph.Value, axes core.Axes) graph.Value {
	a, err := core.Resolve(axes.List, w.Rank())
	if err != nil {
		g.Fail(core.In("constraint \""+constraint+"\"", core.ErrLayerConfig, err))
		return w
	}
	return g.Sqrt(g.Sum(g.Square(w), a, true))
}

// rescale gives w, whose norm is given, another norm.
func rescale(g *graph.Graph, w, norm, wanted graph.Value) graph.Value {
	return g.Mul(w, g.Div(wanted, g.Add(g.Const(epsilon), norm)))
}

// MaxNorm scales weights down to the norm max_value where it is larger:
//
//	w min(norm, max_value)/(norm + 1e-7)
//
// Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
type MaxNorm struct {
	MaxValue float64   `json:"max_value"`
	Axis     core.Axes `json:"axis"`
}

// Project writes what w becomes.
func (c *MaxNorm) Project(g *graph.Graph, w graph.Value) graph.Value {
	n := norm(g, "MaxNorm", w, c.Axis)
	return rescale(g, w, n, clip(g, n, 0, c.MaxValue))
}

func clip(g *graph.Graph, x graph.Value, low, high float64) graph.Value {
	return g.Minimum(g.Maximum(x, g.Const(low)), g.Const(math.Max(low, high)))
}

// MinMaxNorm moves norms towards the range from min_value to max_value, all the way with a rate of 1:
//
//	w (rate clip(norm, min_value, max_value) + (1-rate) norm)/(norm + 1e-7)
type MinMaxNorm struct {
	MinValue float64   `json:"min_value"`
	MaxValue float64   `json:"max_value"`
	Rate     float64   `json:"rate"`
	Axis     core.Axes `json:"axis"`
}

// Project writes what w becomes.
func (c *MinMaxNorm) Project(g *graph.Graph, w graph.Value) graph.Value {
	n := norm(g, "MinMaxNorm", w, c.Axis)
	wanted := g.Mul(g.Const(c.Rate), clip(g, n, c.MinValue, c.MaxValue))
	if c.Rate != 1 {
		wanted = g.Add(wanted, g.Mul(g.Const(1-c.Rate), n))
	}
	return rescale(g, w, n, wanted)
}

// NonNeg is max(w, 0).
type NonNeg struct{}

// Project writes what w becomes.
func (*NonNeg) Project(g *graph.Graph, w graph.Value) graph.Value { return g.Maximum(w, g.Const(0)) }

// UnitNorm scales weights to norm 1: w/(norm + 1e-7).
type UnitNorm struct {
	Axis core.Axes `json:"axis"`
}

// Project writes what w becomes.
func (c *UnitNorm) Project(g *graph.Graph, w graph.Value) graph.Value {
	return g.Div(w, g.Add(g.Const(epsilon), norm(g, "UnitNorm", w, c.Axis)))
}
