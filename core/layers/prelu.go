package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// PReLU is its input where that is positive, and alpha times the input elsewhere, with an alpha that is learned.
//
// Input and output of any shape. Weights: alpha, of the shape of a sample, with 1 along shared_axes, which count from 1. Source:
// keras/src/layers/activations/prelu.py; He et al., ICCV 2015.
type PReLU struct {
	core.Base
	AlphaInitializer core.Initializer `json:"alpha_initializer"`
	AlphaRegularizer core.Regularizer `json:"alpha_regularizer"`
	AlphaConstraint  core.Constraint  `json:"alpha_constraint"`
	SharedAxes       []int            `json:"shared_axes" want:">0"`

	alpha *core.Weight
}

func init() {
	registerUpgraded("PReLU", func() *PReLU { return &PReLU{AlphaInitializer: initializer("Zeros")} },
		upgrades(renamed(map[string]string{"init": "alpha_initializer"}), listSharedAxes))
}

// listSharedAxes makes a list of a single shared axis.
func listSharedAxes(c core.Config, _ registry.Origin) error {
	if n, ok := core.Whole(c["shared_axes"]); ok {
		c["shared_axes"] = []any{n}
	}
	if list, ok := c["shared_axes"].([]any); ok && len(list) == 1 && list[0] == nil { // Keras 1, without any
		c["shared_axes"] = nil
	}
	return nil
}

// NewPReLU makes a PReLU layer.
func NewPReLU(with ...With) *PReLU { return configure[*PReLU]("PReLU", nil, with) }

// sampleShape is the shape of one sample of the input of a layer, with 1 along the axes that share weights, which count from 1.
func sampleShape(inputs []tensor.Shape, shared []int) (tensor.Shape, error) {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return nil, err
	}
	if len(inputs[0]) == 0 {
		return nil, core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want a batch", inputs[0])
	}
	shape := inputs[0].Clone()
	for _, a := range shared {
		if a >= len(shape) {
			return nil, core.Errorf(core.ErrLayerConfig, "shared_axes", "got %d, want 1 to %d", a, len(shape)-1)
		}
		shape[a] = 1
	}
	for i := range shape[1:] {
		if _, err := core.WantDim(shape, i+1); err != nil {
			return nil, err
		}
	}
	return shape[1:], nil
}

// Build declares alpha.
func (l *PReLU) Build(b *core.Builder, inputs []tensor.Shape) error {
	shape, err := sampleShape(inputs, l.SharedAxes)
	if err != nil {
		return err
	}
	l.alpha = b.Weight(core.WeightSpec{Name: "alpha", Shape: shape,
		Initializer: l.AlphaInitializer, Regularizer: l.AlphaRegularizer, Constraint: l.AlphaConstraint})
	return nil
}

// Call applies the function.
func (l *PReLU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	return []graph.Value{g.Sub(g.Relu(x), g.Mul(c.Read(l.alpha), g.Relu(g.Neg(x))))}
}
