package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// AdditiveAttention looks up values by how much their keys are like a query (Bahdanau):
//
//	scores = softmax(sum(scale tanh(query + key))), output = scores value
//
// the sum over channels; scale is 1 without use_scale. Inputs, outputs, masks and arguments are those of Attention. Weights: scale
// (channels). Source: keras/src/layers/attention/additive_attention.py.
type AdditiveAttention struct{ attention }

func init() {
	register("AdditiveAttention", func() *AdditiveAttention { return &AdditiveAttention{attention{UseScale: true}} })
}

// NewAdditiveAttention makes an AdditiveAttention layer.
func NewAdditiveAttention(with ...With) *AdditiveAttention {
	return configure[*AdditiveAttention]("AdditiveAttention", nil, with)
}

// Build declares the scale.
func (l *AdditiveAttention) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := wantList(inputs); err != nil {
		return err
	}
	if !l.UseScale {
		return nil
	}
	channels, err := core.WantDim(inputs[0], -1)
	if err != nil {
		return err
	}
	l.scale = b.Weight(core.WeightSpec{Name: "scale", Shape: tensor.Shape{channels}, Initializer: initializer("GlorotUniform")})
	return nil
}

// Call pays attention.
func (l *AdditiveAttention) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	x := g.Tanh(pairs(g, inputs[0], inputs[len(inputs)-1]))
	if l.scale != nil {
		x = g.Mul(x, c.Read(l.scale))
	}
	return l.look(c, inputs, g.Sum(x, []int{-1}, false))
}
