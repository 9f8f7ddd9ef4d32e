package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what the layers whose attention has several heads share: settings, projections, masks and the attention itself.

// attentionHeads are the settings that these layers share.
type attentionHeads struct {
	Dropout           float64          `json:"dropout" want:"0..<1"`
	UseBias           bool             `json:"use_bias"`
	UseGate           bool             `json:"use_gate" keras:"3"`
	SlidingWindow     *int             `json:"sliding_window" want:">0" keras:"3"`
	KernelInitializer core.Initializer `json:"kernel_initializer"`
	BiasInitializer   core.Initializer `json:"bias_initializer"`
	KernelRegularizer core.Regularizer `json:"kernel_regularizer"`
	BiasRegularizer   core.Regularizer `json:"bias_regularizer"`
	KernelConstraint  core.Constraint  `json:"kernel_constraint"`
	BiasConstraint    core.Constraint  `json:"bias_constraint"`
	Seed              any              `json:"seed" keras:"3"`

	activity                        core.Regularizer // of each projection
	query, key, value, gate, output *EinsumDense
}

func defaultHeads() attentionHeads {
	return attentionHeads{UseBias: true, KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros")}
}

// CallArguments are those of Keras' call. The key, where it is left out, is the value.
func (h *attentionHeads) CallArguments() (names []string, inputs int) {
	return []string{"query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores", "training",
		"use_causal_mask"}, 3
}

// wantAttention checks the shapes of query, value and key, and gives all three.
func wantAttention(inputs []tensor.Shape) (query, value, key tensor.Shape, err error) {
	if len(inputs) < 2 || len(inputs) > 3 {
		return nil, nil, nil, core.Errorf(core.ErrGraph, "", "got %d inputs, want query, value and perhaps key", len(inputs))
	}
	query, value, key = inputs[0], inputs[1], inputs[len(inputs)-1]
	for i, s := range inputs {
		if len(s) < 3 || len(s) > 8 || len(s) != len(query) {
			return nil, nil, nil, core.Errorf(core.ErrShapeMismatch, []string{"query", "value", "key"}[i], "got shape %v, want (batch, steps, ..., features), as many axes as the query has", s)
		}
	}
	if between := value[1 : len(value)-1]; !between.Matches(key[1:len(key)-1]) && !key[1:len(key)-1].Matches(between) {
		return nil, nil, nil, core.Errorf(core.ErrShapeMismatch, "key", "got shape %v, want that of the value %v but for the last axis", key, value)
	}
	return query, value, key, nil
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// projection declares an EinsumDense that makes numbers of the last axes of its input: those of out. bound is how many axes these are.
func (h *attentionHeads) projection(b *core.Builder, of *core.Base, attr, name, activate string, bound int, out []int, input tensor.Shape) (*EinsumDense, error) {
	free := len(input) - bound
	kept, summed, made := letters[:free], letters[free:free+bound], letters[free+bound:free+bound+len(out)]
	l := &EinsumDense{
		Equation: kept + summed + "," + summed + made + "->" + kept + made, Activation: activation(activate),
		KernelInitializer: h.KernelInitializer, BiasInitializer: h.BiasInitializer,
		KernelRegularizer: h.KernelRegularizer, BiasRegularizer: h.BiasRegularizer,
		KernelConstraint: h.KernelConstraint, BiasConstraint: h.BiasConstraint,
	}
	for range free - 1 {
		l.OutputShape = append(l.OutputShape, tensor.Unknown)
	}
	l.OutputShape = append(l.OutputShape, out...)
	if h.UseBias {
		l.BiasAxes = &made
	}
	l.SetClass("EinsumDense")
	l.Name, l.DType, l.ActivityRegularizer = name, of.DType, h.activity
	return l, b.Child(attr, l, input)
}

// project applies a projection.
func project(c *core.Call, l *EinsumDense, x graph.Value) graph.Value {
	return c.Child(l, []graph.Value{x}, nil, nil).Values[0]
}

// attentionMask is where a query may look: all masks together, which broadcast to (batch, queries, keys); "none" where it may look
// everywhere. queryMask and valueMask may be "none", as all others.
func (h *attentionHeads) attentionMask(c *core.Call, query, value, queryMask, valueMask, keyMask graph.Value) graph.Value {
	g := c.Graph
	var mask graph.Value
	and := func(m graph.Value) {
		if mask.Valid() {
			m = g.And(mask, m)
		}
		mask = m
	}
	if queryMask.Valid() {
		and(g.ExpandDims(queryMask, -1))
	}
	for _, m := range []graph.Value{valueMask, keyMask} {
		if m.Valid() {
			and(g.ExpandDims(m, -2))
		}
	}
	t, s := query.Dim(1), value.Dim(1)
	if t >= 0 && s >= 0 { // else the shape alone is asked for
		if causal, _ := c.Setting("use_causal_mask").(bool); causal {
			and(causalMask(g, t, s))
		}
		if h.SlidingWindow != nil {
			and(places(g, t, s, func(i, j int) bool { return max(i-j, j-i) < *h.SlidingWindow }))
		}
	}
	if m := c.Arg("attention_mask"); len(m) == 1 {
		and(m[0])
	}
	return mask
}

// argument is a further argument of the call, or else what the layer knows by itself.
func argument(c *core.Call, name string, otherwise graph.Value) graph.Value {
	if m := c.Arg(name); len(m) == 1 {
		return m[0]
	}
	return otherwise
}

// causalMask (1, queries, keys) lets each step look at those up to itself.
func causalMask(g *graph.Graph, queries, keys int) graph.Value {
	return places(g, queries, keys, func(i, j int) bool { return i >= j })
}

// places is a table (1, queries, keys) of 1 where allowed says so.
func places(g *graph.Graph, queries, keys int, allowed func(i, j int) bool) graph.Value {
	table := make([]float64, queries*keys)
	for i := range queries {
		for j := range keys {
			if allowed(i, j) {
				table[i*keys+j] = 1
			}
		}
	}
	return g.Table(tensor.From(table, 1, queries, keys))
}

// attend is the attention of projected queries (batch, ..., heads, size), keys and values along some of their axes:
//
//	scores = softmax(query key / sqrt(size)), output = scores value
//
// The scores, and the mask that they have, come with axes (batch, those that no attention is paid along, heads, of the query, of the key). zero says what becomes of
// a query that may look nowhere: its scores are zeros, or else all the same.
func (h *attentionHeads) attend(c *core.Call, query, key, value, mask graph.Value, axes []int, size int, zero bool) (output, scores, scoresMask graph.Value) {
	g, rank := c.Graph, query.Rank()
	target := letters[:rank]
	source, batch, along, over := "", "", "", ""
	for i := range rank {
		letter := target[i : i+1]
		switch {
		case i == rank-1:
		case !slices.Contains(axes, i):
			batch += letter
		default:
			along += letter
			letter = letters[rank+i : rank+i+1]
			over += letter
		}
		source += letter
	}
	product := batch + along + over
	scores = einsum(g, labels{in: target, kernel: source, out: product}, g.Mul(query, g.Const(1/math.Sqrt(float64(size)))), key)
	if mask.Valid() {
		for mask.Rank() < len(product) {
			mask = g.ExpandDims(mask, -2*len(axes)-1)
		}
		// Keras has a lowest number of its own for each of the two ways; both leave nothing beside any other number.
		scores = g.Select(mask, scores, g.Const(-1e9))
	}
	last := make([]int, len(axes))
	for i := range last {
		last[i] = len(product) - len(axes) + i
	}
	rows, back := asRows(g, scores, last)
	scores = back(g.Softmax(rows))
	if mask.Valid() && zero {
		scores = g.Select(mask, scores, g.Const(0))
	}
	output = einsum(g, labels{in: product, kernel: source, out: target}, dropout(c, scores, h.Dropout, nil), value)
	return output, scores, mask
}

// operands are query, value and key of a call, and the mask that a key of its own carries.
func operands(c *core.Call, inputs []graph.Value) (query, value, key, keyMask graph.Value) {
	if len(inputs) == 3 {
		keyMask = c.Mask(2)
	}
	return inputs[0], inputs[1], inputs[len(inputs)-1], keyMask
}

// results are the results of a call: what was attended to, let through by the gate and projected, and the scores if they are asked for.
func (h *attentionHeads) results(c *core.Call, query, y, scores, scoresMask graph.Value, withScores bool) []graph.Value {
	if h.gate != nil {
		y = c.Graph.Mul(y, project(c, h.gate, query))
	}
	c.DropMasks()
	c.SetMask(0, c.Mask(0))
	out := []graph.Value{project(c, h.output, y)}
	if withScores {
		out = append(out, scores)
		c.SetMask(1, scoresMask)
	}
	return out
}
