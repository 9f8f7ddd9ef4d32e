package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/activations"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// LeakyReLU is its input where that is positive, and the negative slope times the input elsewhere.
//
// Input and output of any shape. It also serves as an activation of another layer. Source: keras/src/layers/activations/leaky_relu.py.
type LeakyReLU struct {
	core.Base
	NegativeSlope float64 `json:"negative_slope" keras:"legacy=alpha" want:">=0"`
}

func init() {
	registerUpgraded("LeakyReLU", func() *LeakyReLU { return &LeakyReLU{NegativeSlope: 0.3} }, upgradeLeakyReLU)
}

// upgradeLeakyReLU: before Keras 3 the slope was called alpha.
func upgradeLeakyReLU(c core.Config, _ registry.Origin) error {
	if v, ok := c["alpha"]; ok {
		c["negative_slope"] = v
		delete(c, "alpha")
	}
	return nil
}

// NewLeakyReLU makes a LeakyReLU layer.
func NewLeakyReLU(with ...With) *LeakyReLU { return configure[*LeakyReLU]("LeakyReLU", nil, with) }

// Build checks that there is one input.
func (l *LeakyReLU) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Apply is the function as an activation.
func (l *LeakyReLU) Apply(g *graph.Graph, x graph.Value) graph.Value {
	return (&activations.LeakyReLU{NegativeSlope: l.NegativeSlope}).Apply(g, x)
}

// Call applies the function.
func (l *LeakyReLU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{l.Apply(c.Graph, inputs[0])}
}
