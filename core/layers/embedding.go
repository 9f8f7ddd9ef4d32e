package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Embedding gives each whole number below input_dim a vector that is learned.
//
// Input (batch, ...) of numbers 0 to input_dim-1, output (batch, ..., output_dim). Weights: embeddings (input_dim, output_dim). With
// mask_zero, 0 stands for "nothing here", and the output has the mask input != 0. Another number than those fails the run. Source:
// keras/src/layers/core/embedding.py.
type Embedding struct {
	core.Base
	InputDim              int              `json:"input_dim" want:">0"`
	OutputDim             int              `json:"output_dim" want:">0"`
	EmbeddingsInitializer core.Initializer `json:"embeddings_initializer"`
	EmbeddingsRegularizer core.Regularizer `json:"embeddings_regularizer"`
	EmbeddingsConstraint  core.Constraint  `json:"embeddings_constraint"`
	MaskZero              bool             `json:"mask_zero"`

	embeddings *core.Weight
}

func init() {
	registerUpgraded("Embedding", func() *Embedding {
		return &Embedding{EmbeddingsInitializer: initializer("RandomUniform")}
	}, upgrades(renamed(map[string]string{"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
		"W_constraint": "embeddings_constraint", "dropout": "", "weights": ""}), upgradeEmbedding))
}

// upgradeEmbedding: Keras 1 and 2 had input_length, which a first layer took its input shape from, and sparse, which is about gradients.
func upgradeEmbedding(c core.Config, _ registry.Origin) error {
	if n := c["input_length"]; n != nil && c["batch_input_shape"] == nil && c["input_shape"] == nil {
		c["input_shape"] = []any{n}
	}
	delete(c, "input_length")
	delete(c, "sparse")
	return nil
}

// NewEmbedding makes an Embedding layer.
func NewEmbedding(inputDim, outputDim int, with ...With) *Embedding {
	return configure[*Embedding]("Embedding", With{"input_dim": inputDim, "output_dim": outputDim}, with)
}

// Build declares the table of vectors.
func (l *Embedding) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	l.embeddings = b.Weight(core.WeightSpec{Name: "embeddings", Shape: tensor.Shape{l.InputDim, l.OutputDim},
		Initializer: l.EmbeddingsInitializer, Regularizer: l.EmbeddingsRegularizer, Constraint: l.EmbeddingsConstraint})
	return nil
}

// Call looks vectors up.
func (l *Embedding) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	if l.MaskZero {
		c.SetMask(0, c.Graph.NotEqual(inputs[0], c.Graph.Const(0)))
	}
	return []graph.Value{c.Graph.Gather(c.Read(l.embeddings), inputs[0])}
}
