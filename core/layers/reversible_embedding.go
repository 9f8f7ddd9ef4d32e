package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ReversibleEmbedding is an Embedding that also goes the other way, as the last layer of a language model. With the argument reverse:
//
//	output = input embeddings^T, and cap tanh(output/cap) with logit_soft_cap
//
// Input (batch, ..., output_dim), output (batch, ..., input_dim). Without it, see Embedding. Weights: embeddings (input_dim, output_dim), and
// without tie_weights reverse_embeddings (output_dim, input_dim), which serve the way back. gk computes in float32 whatever reverse_dtype
// says. Source: keras/src/layers/core/reversible_embedding.py; Press and Wolf, EACL 2017.
type ReversibleEmbedding struct {
	Embedding
	TieWeights   bool     `json:"tie_weights"`
	ReverseDType any      `json:"reverse_dtype"`
	LogitSoftCap *float64 `json:"logit_soft_cap" want:">0"`

	reverse *core.Weight
}

func init() {
	register("ReversibleEmbedding", func() *ReversibleEmbedding {
		return &ReversibleEmbedding{Embedding: Embedding{EmbeddingsInitializer: initializer("RandomUniform")}, TieWeights: true}
	})
}

// NewReversibleEmbedding makes a ReversibleEmbedding layer.
func NewReversibleEmbedding(inputDim, outputDim int, with ...With) *ReversibleEmbedding {
	return configure[*ReversibleEmbedding]("ReversibleEmbedding", With{"input_dim": inputDim, "output_dim": outputDim}, with)
}

// Build declares the tables.
func (l *ReversibleEmbedding) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := l.Embedding.Build(b, inputs); err != nil {
		return err
	}
	if !l.TieWeights {
		l.reverse = b.Weight(core.WeightSpec{Name: "reverse_embeddings", Shape: tensor.Shape{l.OutputDim, l.InputDim}, Initializer: l.EmbeddingsInitializer})
	}
	return nil
}

// Call looks vectors up, or multiplies by all of them.
func (l *ReversibleEmbedding) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	if reverse, _ := c.Setting("reverse").(bool); !reverse {
		return l.Embedding.Call(c, inputs)
	}
	c.DropMasks()
	g, x := c.Graph, inputs[0]
	table, turned := c.Read(l.embeddings), true
	if l.reverse != nil {
		table, turned = c.Read(l.reverse), false
	}
	y := g.MatMul(g.Flatten(x, -1), table, false, turned)
	if l.LogitSoftCap != nil {
		y = g.Mul(g.Tanh(g.Mul(y, g.Const(1 / *l.LogitSoftCap))), g.Const(*l.LogitSoftCap))
	}
	return []graph.Value{g.Reshape(y, x.Shape().With(-1, l.InputDim)...)}
}
