package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// MaxoutDense is the largest of nb_feature linear functions, for each unit:
//
//	output[b, u] = max over f of (sum over c of input[b, c] W[f, c, u]) + b[f, u]
//
// Only Keras 1 has it; its config is that of Keras 1. Input (batch, channels), output (batch, output_dim). Weights: W (nb_feature,
// channels, output_dim), b (nb_feature, output_dim). Source: MaxoutDense of keras/layers/core.py, Keras 1.2.2; Goodfellow et al., ICML
// 2013.
type MaxoutDense struct {
	core.Base
	OutputDim    int              `json:"output_dim" want:">0"`
	NbFeature    int              `json:"nb_feature" want:">0"`
	Init         core.Initializer `json:"init"`
	Bias         bool             `json:"bias"`
	WRegularizer core.Regularizer `json:"W_regularizer"`
	BRegularizer core.Regularizer `json:"b_regularizer"`
	WConstraint  core.Constraint  `json:"W_constraint"`
	BConstraint  core.Constraint  `json:"b_constraint"`

	w, b *core.Weight
}

func init() {
	registerLegacy("MaxoutDense", func() *MaxoutDense {
		return &MaxoutDense{NbFeature: 4, Init: initializer("GlorotUniform"), Bias: true}
	}, dropped("input_dim"))
}

// NewMaxoutDense makes a MaxoutDense layer.
func NewMaxoutDense(outputDim int, with ...With) *MaxoutDense {
	return configure[*MaxoutDense]("MaxoutDense", With{"output_dim": outputDim}, with)
}

// Build declares W and b.
func (l *MaxoutDense) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 2); err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], 1)
	if err != nil {
		return err
	}
	l.w = b.Weight(core.WeightSpec{Name: "W", Shape: tensor.Shape{l.NbFeature, channels, l.OutputDim}, Initializer: l.Init,
		Regularizer: l.WRegularizer, Constraint: l.WConstraint})
	if l.Bias {
		l.b = b.Weight(core.WeightSpec{Name: "b", Shape: tensor.Shape{l.NbFeature, l.OutputDim}, Initializer: initializer("Zeros"),
			Regularizer: l.BRegularizer, Constraint: l.BConstraint})
	}
	return nil
}

// Call multiplies and takes the largest.
func (l *MaxoutDense) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	w := g.Reshape(g.Transpose(c.Read(l.w), 1, 0, 2), x.Dim(1), l.NbFeature*l.OutputDim)
	y := g.Reshape(g.MatMul(x, w, false, false), x.Dim(0), l.NbFeature, l.OutputDim)
	if l.b != nil {
		y = g.Add(y, c.Read(l.b))
	}
	return []graph.Value{g.Max(y, []int{1}, false)}
}
