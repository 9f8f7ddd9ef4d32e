package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// RMSNormalization divides each sample by its root mean square along one axis or several:
//
//	output = input/sqrt(mean(input^2) + epsilon) scale
//
// Input and output of any shape. Weights: scale, of the sizes of the axes. Source: keras/src/layers/normalization/rms_normalization.py;
// Zhang and Sennrich, NeurIPS 2019.
type RMSNormalization struct {
	core.Base
	Axis    []int   `json:"axis"`
	Epsilon float64 `json:"epsilon" want:">=0"`

	scale *core.Weight
}

func init() {
	registerUpgraded("RMSNormalization", func() *RMSNormalization {
		return &RMSNormalization{Axis: []int{-1}, Epsilon: 1e-6}
	}, listAxis)
}

// NewRMSNormalization makes an RMSNormalization layer.
func NewRMSNormalization(with ...With) *RMSNormalization {
	return configure[*RMSNormalization]("RMSNormalization", nil, with)
}

// Build declares the scale.
func (l *RMSNormalization) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	axes, err := core.Resolve(l.Axis, len(inputs[0]))
	if err != nil {
		return err
	}
	shape, err := sizesOf(inputs[0], axes)
	if err != nil {
		return err
	}
	l.scale = b.Weight(core.WeightSpec{Name: "scale", Shape: shape, Initializer: initializer("Ones")})
	return nil
}

// Call divides. It drops masks.
func (l *RMSNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g := c.Graph
	axes, err := core.Resolve(l.Axis, inputs[0].Rank())
	if err != nil {
		g.Fail(err)
		return inputs
	}
	rows, back := asRows(g, inputs[0], axes)
	mean := g.Mean(g.Square(rows), []int{1}, true)
	y := g.Mul(rows, g.Rsqrt(g.Add(mean, g.Const(l.Epsilon))))
	return []graph.Value{back(g.Mul(y, g.Reshape(c.Read(l.scale), l.scale.Shape.Size())))}
}
