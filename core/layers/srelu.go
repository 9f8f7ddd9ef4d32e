package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// SReLU is the identity between two thresholds, and a line of another slope on either side of them, all of which are learned. With
// r = t_left + |t_right|:
//
//	input <= t_left          t_left + a_left (input - t_left)
//	t_left < input < r       input
//	input >= r               r + a_right (input - r)
//
// With Theano, t_left + a_left (input - t_left) is r at most.
//
// Only Keras 1 and keras-contrib have it. Input and output of any shape. Weights, of the shape of a sample with 1 along shared_axes,
// which count from 1: t_left, a_left, t_right, a_right. Source: SReLU of keras/layers/advanced_activations.py, Keras 1.2.2; Jin et al.,
// arXiv:1512.07030.
type SReLU struct {
	core.Base
	TLeft      core.Initializer `json:"t_left_initializer"`
	ALeft      core.Initializer `json:"a_left_initializer"`
	TRight     core.Initializer `json:"t_right_initializer"`
	ARight     core.Initializer `json:"a_right_initializer"`
	SharedAxes []int            `json:"shared_axes" want:">0"`

	theano                       bool
	tLeft, aLeft, tRight, aRight *core.Weight
}

func init() {
	registerLegacy("SReLU", func() *SReLU {
		return &SReLU{TLeft: initializer("Zeros"), ALeft: initializer("GlorotUniform"), TRight: initializer("GlorotUniform"), ARight: initializer("Ones")}
	}, upgrades(renamed(map[string]string{"t_left_init": "t_left_initializer", "a_left_init": "a_left_initializer",
		"t_right_init": "t_right_initializer", "a_right_init": "a_right_initializer"}), listSharedAxes))
}

// NewSReLU makes an SReLU layer.
func NewSReLU(with ...With) *SReLU { return configure[*SReLU]("SReLU", nil, with) }

// SetOrigin is for the registry.
func (l *SReLU) SetOrigin(from registry.Origin) { l.theano = from.Backend == "theano" }

// Build declares the weights.
func (l *SReLU) Build(b *core.Builder, inputs []tensor.Shape) error {
	shape, err := sampleShape(inputs, l.SharedAxes)
	if err != nil {
		return err
	}
	weight := func(name string, i core.Initializer) *core.Weight {
		return b.Weight(core.WeightSpec{Name: name, Shape: shape, Initializer: i})
	}
	l.tLeft, l.aLeft = weight("t_left", l.TLeft), weight("a_left", l.ALeft)
	l.tRight, l.aRight = weight("t_right", l.TRight), weight("a_right", l.ARight)
	return nil
}

// Call applies the function.
func (l *SReLU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	left, width := c.Read(l.tLeft), g.Abs(c.Read(l.tRight))
	over := g.Sub(x, left)
	y, low := g.Minimum(g.Relu(over), width), g.Mul(c.Read(l.aLeft), g.Neg(g.Relu(g.Neg(over))))
	if l.theano {
		low = g.Minimum(low, width)
	}
	y = g.Add(left, g.Add(y, low))
	return []graph.Value{g.Add(y, g.Mul(g.Relu(g.Sub(x, g.Add(left, width))), c.Read(l.aRight)))}
}
