package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// UnitNormalization divides by the Euclidean length along an axis, or several, so that it becomes 1.
//
// Input and output of any shape. Source: keras/src/layers/normalization/unit_normalization.py.
type UnitNormalization struct {
	core.Base
	Axis core.Axes `json:"axis"`
}

func init() {
	register("UnitNormalization", func() *UnitNormalization { return &UnitNormalization{Axis: core.OneAxis(-1)} })
}

// NewUnitNormalization makes a UnitNormalization layer.
func NewUnitNormalization(with ...With) *UnitNormalization {
	return configure[*UnitNormalization]("UnitNormalization", nil, with)
}

// Build checks the axes.
func (l *UnitNormalization) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	_, err := core.Resolve(l.Axis.List, len(inputs[0]))
	return err
}

// Call divides.
func (l *UnitNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{unit(c.Graph, inputs[0], l.Axis.List, 1e-12)}
}

// unit divides x by its length along axes, or by epsilon if that is more.
func unit(g *graph.Graph, x graph.Value, axes []int, epsilon float64) graph.Value {
	squares := g.Sum(g.Square(x), axes, true)
	return g.Mul(x, g.Rsqrt(g.Maximum(squares, g.Const(epsilon*epsilon))))
}
