package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// ActivityRegularization is its input and adds (l1 sum(|input|) + l2 sum(input^2))/batch to the loss.
//
// Input and output of any shape. Source: keras/src/layers/regularization/activity_regularization.py.
type ActivityRegularization struct {
	core.Base
	L1 float64 `json:"l1" want:">=0"`
	L2 float64 `json:"l2" want:">=0"`
}

func init() {
	register("ActivityRegularization", func() *ActivityRegularization { return &ActivityRegularization{} })
}

// NewActivityRegularization makes an ActivityRegularization layer.
func NewActivityRegularization(with ...With) *ActivityRegularization {
	return configure[*ActivityRegularization]("ActivityRegularization", nil, with)
}

// Build checks that there is one input.
func (l *ActivityRegularization) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Call adds to the loss.
func (l *ActivityRegularization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	penalty := g.Mul(g.Sum(g.Abs(x), nil, false), g.Const(l.L1))
	c.AddActivityLoss(g.Add(penalty, g.Mul(g.Sum(g.Square(x), nil, false), g.Const(l.L2))), x)
	return inputs
}
