package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// CategoryEncoding makes whole numbers below num_tokens into vectors: "one_hot" has a vector for each number, "multi_hot" one for a sample
// with 1 for each number in it, "count" one with how often it is there, or with the sum of the argument count_weights.
//
// Input (batch, numbers), output (batch, num_tokens), or (batch, numbers, num_tokens) for more than one number with "one_hot". Source:
// keras/src/layers/preprocessing/category_encoding.py.
type CategoryEncoding struct {
	core.Base
	NumTokens  int    `json:"num_tokens" want:">0"`
	OutputMode string `json:"output_mode" want:"one_hot|multi_hot|count"`
	Sparse     bool   `json:"sparse" keras:"omitnull"` // not in configs of Keras 3
}

func init() {
	registerUpgraded("CategoryEncoding", func() *CategoryEncoding { return &CategoryEncoding{OutputMode: "multi_hot"} },
		func(c core.Config, _ registry.Origin) error {
			oldModes(c)
			renameOld(c, "max_tokens", "num_tokens") // TensorFlow 2.3 to 2.5
			return nil
		})
}

// NewCategoryEncoding makes a CategoryEncoding layer.
func NewCategoryEncoding(numTokens int, with ...With) *CategoryEncoding {
	return configure[*CategoryEncoding]("CategoryEncoding", With{"num_tokens": numTokens}, with)
}

// Build checks the input.
func (l *CategoryEncoding) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if l.NumTokens < 1 || l.NumTokens > maxCategories {
		return core.Errorf(core.ErrLayerConfig, "num_tokens", "got %d, want 1 to %d", l.NumTokens, maxCategories)
	}
	return wantCategories(inputs, l.OutputMode, l.Sparse)
}

// Call encodes. It drops masks.
func (l *CategoryEncoding) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	weights := argument(c, "count_weights", graph.Value{})
	if weights.Valid() && l.OutputMode != "count" {
		c.Graph.Fail(core.Errorf(core.ErrLayerConfig, "count_weights", "are for output_mode count, got %q", l.OutputMode))
		return inputs
	}
	return []graph.Value{categories(c.Graph, inputs[0], l.OutputMode, l.NumTokens, weights)}
}
