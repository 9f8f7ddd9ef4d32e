package layers

import (
	"maps"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// MultiHeadAttention looks up values by how much their keys are like a query, several times side by side:
//
//	scores = softmax(Wq query . Wk key / sqrt(key_dim)), output = Wo concat(scores Wv value)
//
// Inputs: query (batch, queries, channels), value (batch, keys, channels) and key (batch, keys, channels), which is the value where it is
// left out. Output (batch, queries, channels of the query), or output_shape in the place of the channels. With more axes attention_axes
// says along which it is paid; null means all between batch and channels. With the argument return_attention_scores a second output
// has the scores (batch, heads, queries, keys).
//
// A query looks at what no mask forbids: the masks of query and value, those given as value_mask, key_mask and attention_mask (batch,
// queries, keys), use_causal_mask, and sliding_window, the steps to either side. use_gate multiplies what was found by
// sigmoid(Wg query). The mask of the query is that of the output.
//
// Weights: kernel and bias of query, key, (gate,) value and output, kernels (channels, heads, size) and (heads, size, channels). Source:
// keras/src/layers/attention/multi_head_attention.py; Vaswani et al., NeurIPS 2017.
type MultiHeadAttention struct {
	core.Base
	NumHeads    int          `json:"num_heads" want:">0"`
	KeyDim      int          `json:"key_dim" want:">0"`
	ValueDim    *int         `json:"value_dim" want:">0"`
	OutputShape tensor.Shape `json:"output_shape"`
	attentionHeads
	AttentionAxes []int `json:"attention_axes"`

	older bool // a query that may look nowhere looks everywhere, in tf.keras
}

func init() {
	registerUpgraded("MultiHeadAttention", func() *MultiHeadAttention {
		return &MultiHeadAttention{attentionHeads: defaultHeads()}
	}, func(c core.Config, _ registry.Origin) error {
		for _, key := range []string{"output_shape", "attention_axes"} {
			if n, ok := core.Whole(c[key]); ok {
				c[key] = []any{n}
			}
		}
		for _, key := range []string{"query_shape", "key_shape", "value_shape"} { // tf.keras tells itself what it was built for
			delete(c, key)
		}
		return nil
	})
}

// NewMultiHeadAttention makes a MultiHeadAttention layer.
func NewMultiHeadAttention(numHeads, keyDim int, with ...With) *MultiHeadAttention {
	return configure[*MultiHeadAttention]("MultiHeadAttention", With{"num_heads": numHeads, "key_dim": keyDim}, with)
}

// SetKeras tells which Keras the layer is of.
func (l *MultiHeadAttention) SetKeras(major int) { l.older = major == 2 }

type multiHeadFields MultiHeadAttention

// DecodeConfig takes the fields. The activity_regularizer is that of each projection, not of the layer.
func (l *MultiHeadAttention) DecodeConfig(d *registry.Decoder, c core.Config) error {
	if robust, ok := c["softmax_robust_masking"].(bool); ok { // of tf.keras alone
		c = maps.Clone(c)
		delete(c, "softmax_robust_masking")
		l.older = l.older && !robust
	}
	if err := d.Into((*multiHeadFields)(l), c); err != nil {
		return err
	}
	if l.ValueDim == nil {
		l.ValueDim = &l.KeyDim
	}
	if len(l.OutputShape) == 0 {
		l.OutputShape = nil
	}
	l.activity, l.ActivityRegularizer = l.ActivityRegularizer, nil
	return nil
}

// EncodeConfig gives the fields.
func (l *MultiHeadAttention) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	f := multiHeadFields(*l)
	f.ActivityRegularizer = l.activity
	return e.Config(&f)
}

// Build declares the projections.
func (l *MultiHeadAttention) Build(b *core.Builder, inputs []tensor.Shape) error {
	query, value, key, err := wantAttention(inputs)
	if err != nil {
		return err
	}
	rank := len(query)
	if l.AttentionAxes == nil {
		for axis := 1; axis < rank-1; axis++ {
			l.AttentionAxes = append(l.AttentionAxes, axis)
		}
	}
	axes := make([]int, len(l.AttentionAxes))
	for i, a := range l.AttentionAxes {
		if axes[i] = a; a < 0 {
			axes[i] += rank
		}
		if axes[i] < 1 || axes[i] > rank-2 || i > 0 && axes[i] <= axes[i-1] {
			return core.Errorf(core.ErrLayerConfig, "attention_axes", "got %v, want some of 1 to %d, each once and in order", l.AttentionAxes, rank-2)
		}
	}
	if len(axes) == 0 {
		return core.Errorf(core.ErrLayerConfig, "attention_axes", "got none, want at least one")
	}
	l.AttentionAxes = axes
	if l.query, err = l.projection(b, &l.Base, "query_dense", "query", "linear", 1, []int{l.NumHeads, l.KeyDim}, query); err != nil {
		return err
	}
	if l.key, err = l.projection(b, &l.Base, "key_dense", "key", "linear", 1, []int{l.NumHeads, l.KeyDim}, key); err != nil {
		return err
	}
	if l.UseGate {
		if l.gate, err = l.projection(b, &l.Base, "_gate_dense", "gate", "sigmoid", 1, []int{l.NumHeads, *l.ValueDim}, query); err != nil {
			return err
		}
	}
	if l.value, err = l.projection(b, &l.Base, "value_dense", "value", "linear", 1, []int{l.NumHeads, *l.ValueDim}, value); err != nil {
		return err
	}
	out := l.OutputShape
	if out == nil {
		out = query[rank-1:]
	}
	if !out.Known() {
		return core.Errorf(core.ErrLayerConfig, "output_shape", "got %v, want known sizes", out)
	}
	l.output, err = l.projection(b, &l.Base, "output_dense", "attention_output", "linear", 2, out, append(query[:rank-1].Clone(), l.NumHeads, *l.ValueDim))
	return err
}

// Call pays attention.
func (l *MultiHeadAttention) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	query, value, key, own := operands(c, inputs)
	// Keras takes the mask that the query carries, whatever the argument query_mask says.
	mask := l.attentionMask(c, query, value, c.Mask(0), argument(c, "value_mask", c.Mask(1)), argument(c, "key_mask", own))
	withScores, _ := c.Setting("return_attention_scores").(bool)
	q, k, v := project(c, l.query, query), project(c, l.key, key), project(c, l.value, value)
	if g.Err() != nil {
		return nil
	}
	zero := (l.Dropout > 0 || withScores || q.Rank() != 4) && !l.older
	y, scores, scoresMask := l.attend(c, q, k, v, mask, l.AttentionAxes, l.KeyDim, zero)
	return l.results(c, query, y, scores, scoresMask, withScores)
}
