package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// GroupedQueryAttention is MultiHeadAttention with fewer keys and values than queries: num_query_heads/num_key_value_heads heads of the
// query share one of both.
//
// Inputs and outputs as there, with three axes. Weights: kernel and bias of query, key, (gate,) value and output, kernels (channels,
// heads, head_dim) and (heads, head_dim, channels). Source: keras/src/layers/attention/grouped_query_attention.py; Ainslie et al., EMNLP 2023.
type GroupedQueryAttention struct {
	core.Base
	HeadDim          int `json:"head_dim" want:">0"`
	NumQueryHeads    int `json:"num_query_heads" want:">0"`
	NumKeyValueHeads int `json:"num_key_value_heads" want:">0"`
	attentionHeads
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: "GroupedQueryAttention", Class: "GroupQueryAttention", Aliases: []string{"GroupQueryAttention"}, // Keras exports it under a shorter name
		New: func() core.Layer { return &GroupedQueryAttention{attentionHeads: defaultHeads()} },
	})
}

// NewGroupedQueryAttention makes a GroupedQueryAttention layer.
func NewGroupedQueryAttention(headDim, numQueryHeads, numKeyValueHeads int, with ...With) *GroupedQueryAttention {
	return configure[*GroupedQueryAttention]("GroupedQueryAttention",
		With{"head_dim": headDim, "num_query_heads": numQueryHeads, "num_key_value_heads": numKeyValueHeads}, with)
}

// Build declares the projections.
func (l *GroupedQueryAttention) Build(b *core.Builder, inputs []tensor.Shape) error {
	query, value, key, err := wantAttention(inputs)
	if err != nil {
		return err
	}
	if len(query) != 3 {
		return core.Errorf(core.ErrShapeMismatch, "query", "got shape %v, want (batch, steps, channels)", query)
	}
	if l.NumKeyValueHeads == 0 || l.NumQueryHeads%l.NumKeyValueHeads != 0 {
		return core.Errorf(core.ErrLayerConfig, "num_query_heads", "got %d, want a multiple of num_key_value_heads %d", l.NumQueryHeads, l.NumKeyValueHeads)
	}
	l.activity = l.ActivityRegularizer // of the projections, and of the layer
	if l.query, err = l.projection(b, &l.Base, "_query_dense", "query", "linear", 1, []int{l.NumQueryHeads, l.HeadDim}, query); err != nil {
		return err
	}
	if l.key, err = l.projection(b, &l.Base, "_key_dense", "key", "linear", 1, []int{l.NumKeyValueHeads, l.HeadDim}, key); err != nil {
		return err
	}
	if l.UseGate {
		if l.gate, err = l.projection(b, &l.Base, "_gate_dense", "gate", "sigmoid", 1, []int{l.NumQueryHeads, l.HeadDim}, query); err != nil {
			return err
		}
	}
	if l.value, err = l.projection(b, &l.Base, "_value_dense", "value", "linear", 1, []int{l.NumKeyValueHeads, l.HeadDim}, value); err != nil {
		return err
	}
	channels, err := core.WantDim(query, -1)
	if err != nil {
		return err
	}
	l.output, err = l.projection(b, &l.Base, "_output_dense", "attention_output", "linear", 2, []int{channels},
		tensor.Shape{query[0], query[1], l.NumQueryHeads, l.HeadDim})
	return err
}

// Call pays attention.
func (l *GroupedQueryAttention) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	query, value, key, own := operands(c, inputs)
	mask := l.attentionMask(c, query, value, argument(c, "query_mask", c.Mask(0)), argument(c, "value_mask", c.Mask(1)), argument(c, "key_mask", own))
	withScores, _ := c.Setting("return_attention_scores").(bool)
	q, k, v := project(c, l.query, query), project(c, l.key, key), project(c, l.value, value)
	if g.Err() != nil {
		return nil
	}
	share := l.NumQueryHeads / l.NumKeyValueHeads
	y, scores, scoresMask := l.attend(c, q, g.Repeat(k, 2, share), g.Repeat(v, 2, share), mask, []int{1}, l.HeadDim, l.Dropout > 0 || withScores)
	return l.results(c, query, y, scores, scoresMask, withScores)
}
