// Rotary is a plugin for gk: self-attention with rotary position embeddings.
package main

import (
	"math"

	"github.com/gokeras/gk/core"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/initializers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/plugins"
	"github.com/gokeras/gk/registry"
)

// Attention is multi-head self-attention in which queries and keys are turned by an angle that grows with their position, so that their
// products depend on distances alone:
//
//	q, k, v = x Wq, x Wk, x Wv                 x (batch, steps, features), W (features, heads*head_dim)
//	q'[t], k'[t] = q, k turned in the planes (i, i + head_dim/2) by t base^(-2i/head_dim)
//	y = softmax(q' k'^T / sqrt(head_dim)) v Wo  y (batch, steps, features), Wo (heads*head_dim, features)
//
// Steps that the mask of the input hides are not attended to; nor, if Causal, are later ones. Source: Su et al., "RoFormer", 2021.
type Attention struct {
	core.Base
	NumHeads int     `json:"num_heads" want:">0"`
	HeadDim  int     `json:"head_dim" want:">0"` // even
	Causal   bool    `json:"causal"`
	RopeBase float64 `json:"rope_base" want:">0"`

	query, key, value, output *core.Weight
}

// Build declares the four kernels.
func (l *Attention) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 3); err != nil {
		return err
	}
	features, err := core.WantDim(inputs[0], -1)
	if err != nil {
		return err
	}
	if l.HeadDim%2 != 0 {
		return core.Errorf(core.ErrLayerConfig, "head_dim", "got %d, want an even number", l.HeadDim)
	}
	inner := l.NumHeads * l.HeadDim
	kernel := func(name string, in, out int) *core.Weight {
		return b.Weight(core.WeightSpec{Name: name, Shape: tensor.Shape{in, out}, Initializer: &initializers.GlorotUniform{}})
	}
	l.query, l.key, l.value = kernel("query_kernel", features, inner), kernel("key_kernel", features, inner), kernel("value_kernel", features, inner)
	l.output = kernel("output_kernel", inner, features)
	return nil
}

// Call writes the formula.
func (l *Attention) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	batch, steps := x.Dim(0), x.Dim(1)
	if steps == tensor.Unknown || batch == tensor.Unknown {
		return []graph.Value{x} // while the model is described, the shape is all that matters
	}
	rows := g.Reshape(x, batch*steps, x.Dim(2))
	heads := func(w *core.Weight) graph.Value { // (batch, heads, steps, head_dim)
		y := g.MatMul(rows, c.Read(w), false, false)
		return g.Transpose(g.Reshape(y, batch, steps, l.NumHeads, l.HeadDim), 0, 2, 1, 3)
	}
	q, k, v := l.turn(g, heads(l.query)), l.turn(g, heads(l.key)), heads(l.value)
	scores := g.Mul(g.MatMul(q, k, false, true), g.Const(1/math.Sqrt(float64(l.HeadDim))))
	if l.Causal {
		scores = g.Add(scores, g.Table(later(steps)))
	}
	if m := c.Mask(0); m.Valid() {
		hidden := g.Mul(g.Sub(g.Const(1), g.Reshape(m, batch, 1, 1, steps)), g.Const(never))
		scores = g.Add(scores, hidden)
	}
	y := g.MatMul(g.Softmax(scores), v, false, false)
	y = g.Reshape(g.Transpose(y, 0, 2, 1, 3), batch*steps, l.NumHeads*l.HeadDim)
	return []graph.Value{g.Reshape(g.MatMul(y, c.Read(l.output), false, false), x.Shape()...)}
}

// never is so low a score that its softmax is 0.
const never = -1e9

// later is 0 on and below the diagonal, and never above.
func later(steps int) *tensor.Tensor {
	v := make([]float32, steps*steps)
	for i := range steps {
		for j := i + 1; j < steps; j++ {
			v[i*steps+j] = never
		}
	}
	return tensor.From(v, steps, steps)
}

// turn rotates the halves of each head against each other, by an angle for each step and place: (..., steps, head_dim).
func (l *Attention) turn(g *graph.Graph, x graph.Value) graph.Value {
	steps, half := x.Dim(2), l.HeadDim/2
	cos, sin := make([]float32, steps*half), make([]float32, steps*half)
	for t := range steps {
		for i := range half {
			s, c := math.Sincos(float64(t) * math.Pow(l.RopeBase, -2*float64(i)/float64(l.HeadDim)))
			sin[t*half+i], cos[t*half+i] = float32(s), float32(c)
		}
	}
	c, s := g.Table(tensor.From(cos, steps, half)), g.Table(tensor.From(sin, steps, half))
	a, b := g.Narrow(x, 3, 0, half), g.Narrow(x, 3, half, half)
	return g.Concat(3, g.Sub(g.Mul(a, c), g.Mul(b, s)), g.Add(g.Mul(b, c), g.Mul(a, s)))
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{Name: "RotaryAttention", Package: "rotary",
		About: "Self-attention with rotary position embeddings.",
		New:   func() core.Layer { return &Attention{NumHeads: 1, HeadDim: 32, RopeBase: 10000} }})
}

var config = plugins.Config{Name: "rotary", Version: "1.0.0", About: "Self-attention with rotary position embeddings (RoFormer, 2021).",
	Examples: []plugins.Example{{Class: "rotary>RotaryAttention", Config: core.Config{"num_heads": 2, "head_dim": 4, "causal": true}, Inputs: [][]int{{2, 5, 6}}}}}

func main() { plugins.Serve(config) }
