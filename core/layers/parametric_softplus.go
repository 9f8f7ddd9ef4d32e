package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ParametricSoftplus is a softplus whose height and slope are learned:
//
//	output = alphas log(1 + e^(betas input))
//
// alpha_init and beta_init are the numbers that all of them begin with. Only Keras 1 has it. Input and output of any shape. Weights, of the
// shape of a sample with 1 along shared_axes, which count from 1: alphas, betas. Source: ParametricSoftplus of
// keras/layers/advanced_activations.py, Keras 1.2.2.
type ParametricSoftplus struct {
	core.Base
	AlphaInit  float64 `json:"alpha_init"`
	BetaInit   float64 `json:"beta_init"`
	SharedAxes []int   `json:"shared_axes" want:">0"`

	alphas, betas *core.Weight
}

func init() {
	registerLegacy("ParametricSoftplus", func() *ParametricSoftplus { return &ParametricSoftplus{AlphaInit: 0.2, BetaInit: 5} }, listSharedAxes)
}

// NewParametricSoftplus makes a ParametricSoftplus layer.
func NewParametricSoftplus(with ...With) *ParametricSoftplus {
	return configure[*ParametricSoftplus]("ParametricSoftplus", nil, with)
}

// filled is an initializer that gives one number.
type filled float32

// Fill fills dst.
func (f filled) Fill(dst []float32, _ tensor.Shape, _ core.Rand) {
	for i := range dst {
		dst[i] = float32(f)
	}
}

// Build declares alphas and betas.
func (l *ParametricSoftplus) Build(b *core.Builder, inputs []tensor.Shape) error {
	shape, err := sampleShape(inputs, l.SharedAxes)
	if err != nil {
		return err
	}
	l.alphas = b.Weight(core.WeightSpec{Name: "alphas", Shape: shape, Initializer: filled(l.AlphaInit)})
	l.betas = b.Weight(core.WeightSpec{Name: "betas", Shape: shape, Initializer: filled(l.BetaInit)})
	return nil
}

// Call applies the function.
func (l *ParametricSoftplus) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	return []graph.Value{g.Mul(g.Softplus(g.Mul(c.Read(l.betas), inputs[0])), c.Read(l.alphas))}
}
