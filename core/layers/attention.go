package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Attention looks up values by how much their keys are like a query (Luong):
//
//	scores = softmax(scale query . key), output = scores value
//
// With score_mode "concat" the softmax is over concat_score_weight sum(tanh(scale (query + key))). scale is 1 without use_scale.
//
// Inputs: a list of query (batch, queries, channels), value (batch, keys, channels) and, where it is not the value, key (batch, keys,
// channels). Output (batch, queries, channels of the value), and with the argument return_attention_scores the scores (batch, queries, keys).
// What the mask of the value skips is not looked at; where that of the query skips, the output is 0. With use_causal_mask no step looks
// at later ones.
//
// Weights: scale (), concat_score_weight (). Source: keras/src/layers/attention/attention.py.
type Attention struct {
	attention
	ScoreMode string `json:"score_mode" want:"dot|concat" keras:"3"` // Keras 3 takes "dot" in old files for a function

	concat *core.Weight
}

// attention is what Attention and AdditiveAttention share.
type attention struct {
	core.Base
	UseScale bool    `json:"use_scale"`
	Dropout  float64 `json:"dropout" want:"0..<1"`
	Seed     any     `json:"seed" keras:"3"`
	Causal   bool    `json:"causal" keras:"omitnull"` // in files before TensorFlow 2.11: what use_causal_mask is today

	scale *core.Weight
}

func init() { register("Attention", func() *Attention { return &Attention{ScoreMode: "dot"} }) }

// NewAttention makes an Attention layer.
func NewAttention(with ...With) *Attention { return configure[*Attention]("Attention", nil, with) }

// wantList checks query, value and key in a list.
func wantList(inputs []tensor.Shape) error {
	query, _, key, err := wantAttention(inputs)
	if err != nil {
		return err
	}
	if q, k := query.Dim(-1), key.Dim(-1); q >= 0 && k >= 0 && q != k {
		return core.Errorf(core.ErrShapeMismatch, "key", "got shape %v, want %d channels as the query %v", key, q, query)
	}
	return nil
}

// Build declares the weights.
func (l *Attention) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := wantList(inputs); err != nil {
		return err
	}
	if l.UseScale {
		l.scale = b.Weight(core.WeightSpec{Name: "scale", Shape: tensor.Shape{}, Initializer: initializer("Ones")})
	}
	if l.ScoreMode == "concat" {
		l.concat = b.Weight(core.WeightSpec{Name: "concat_score_weight", Shape: tensor.Shape{}, Initializer: initializer("Ones")})
	}
	return nil
}

// Call pays attention.
func (l *Attention) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, query, key := c.Graph, inputs[0], inputs[len(inputs)-1]
	scaled := func(x graph.Value) graph.Value {
		if l.scale == nil {
			return x
		}
		return g.Mul(x, c.Read(l.scale))
	}
	if l.ScoreMode == "concat" {
		return l.look(c, inputs, g.Mul(c.Read(l.concat), g.Sum(g.Tanh(scaled(pairs(g, query, key))), []int{-1}, false)))
	}
	return l.look(c, inputs, scaled(g.MatMul(query, key, false, true)))
}

// pairs is the sum of each query and each key: (batch, queries, keys, channels).
func pairs(g *graph.Graph, query, key graph.Value) graph.Value {
	return g.Add(g.ExpandDims(query, -2), g.ExpandDims(key, -3))
}

// look weighs values by scores (batch, queries, keys).
func (l *attention) look(c *core.Call, inputs []graph.Value, scores graph.Value) []graph.Value {
	g := c.Graph
	if g.Err() != nil {
		return nil
	}
	mask := graph.Value{}
	if m := c.Mask(1); m.Valid() {
		mask = g.ExpandDims(m, -2)
	}
	causal, _ := c.Setting("use_causal_mask").(bool)
	if t, s := scores.Dim(-2), scores.Dim(-1); (causal || l.Causal) && t >= 0 && s >= 0 {
		m := causalMask(g, t, s)
		if mask.Valid() {
			m = g.And(mask, m)
		}
		mask = m
	}
	if mask.Valid() {
		scores = g.Select(mask, scores, g.Sub(scores, g.Const(1e9)))
	}
	weights := dropout(c, g.Softmax(scores), l.Dropout, nil)
	y := g.MatMul(weights, inputs[1], false, false)
	if m := c.Mask(0); m.Valid() {
		y = g.Select(g.ExpandDims(m, -1), y, g.Const(0))
	}
	c.DropMasks()
	c.SetMask(0, c.Mask(0))
	if withScores, _ := c.Setting("return_attention_scores").(bool); withScores {
		return []graph.Value{y, weights}
	}
	return []graph.Value{y}
}
