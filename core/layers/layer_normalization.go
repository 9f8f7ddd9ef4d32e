package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// LayerNormalization normalises each sample along one axis or several:
//
//	output = (input - mean)/sqrt(variance + epsilon) gamma + beta
//
// with the mean and the (biased) variance along these axes. With rms_scaling, output = input/sqrt(variance + epsilon) gamma.
//
// Input and output of any shape. Weights, of the sizes of the axes: gamma with scale or rms_scaling, beta with center and without
// rms_scaling. Source: keras/src/layers/normalization/layer_normalization.py; Ba, Kiros and Hinton, 2016.
type LayerNormalization struct {
	core.Base
	Axis             []int            `json:"axis"`
	Epsilon          float64          `json:"epsilon" want:">=0"`
	Center           bool             `json:"center"`
	Scale            bool             `json:"scale"`
	RMSScaling       bool             `json:"rms_scaling" keras:"3"`
	BetaInitializer  core.Initializer `json:"beta_initializer"`
	GammaInitializer core.Initializer `json:"gamma_initializer"`
	BetaRegularizer  core.Regularizer `json:"beta_regularizer"`
	GammaRegularizer core.Regularizer `json:"gamma_regularizer"`
	BetaConstraint   core.Constraint  `json:"beta_constraint"`
	GammaConstraint  core.Constraint  `json:"gamma_constraint"`

	gamma, beta *core.Weight
}

func init() {
	registerUpgraded("LayerNormalization", func() *LayerNormalization {
		return &LayerNormalization{Axis: []int{-1}, Epsilon: 1e-3, Center: true, Scale: true,
			BetaInitializer: initializer("Zeros"), GammaInitializer: initializer("Ones")}
	}, listAxis)
}

// listAxis makes a list of a single axis, as Keras' layers do when they are built.
func listAxis(c core.Config, _ registry.Origin) error {
	if n, ok := core.Whole(c["axis"]); ok {
		c["axis"] = []any{n}
	}
	return nil
}

// NewLayerNormalization makes a LayerNormalization layer.
func NewLayerNormalization(with ...With) *LayerNormalization {
	return configure[*LayerNormalization]("LayerNormalization", nil, with)
}

// sizesOf are the sizes of some axes of an input, which must be known.
func sizesOf(input tensor.Shape, axes []int) (tensor.Shape, error) {
	out := make(tensor.Shape, len(axes))
	for i, a := range axes {
		var err error
		if out[i], err = core.WantDim(input, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Build declares gamma and beta.
func (l *LayerNormalization) Build(b *core.Builder, inputs []tensor.Shape) error {
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
	if l.Scale || l.RMSScaling {
		l.gamma = b.Weight(core.WeightSpec{Name: "gamma", Shape: shape,
			Initializer: l.GammaInitializer, Regularizer: l.GammaRegularizer, Constraint: l.GammaConstraint})
	}
	if l.Center && !l.RMSScaling {
		l.beta = b.Weight(core.WeightSpec{Name: "beta", Shape: shape,
			Initializer: l.BetaInitializer, Regularizer: l.BetaRegularizer, Constraint: l.BetaConstraint})
	}
	return nil
}

// Call normalises.
func (l *LayerNormalization) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g := c.Graph
	axes, err := core.Resolve(l.Axis, inputs[0].Rank())
	if err != nil {
		g.Fail(err)
		return inputs
	}
	rows, back := asRows(g, inputs[0], axes)
	var gamma, beta graph.Value
	if l.gamma != nil {
		gamma = g.Reshape(c.Read(l.gamma), l.gamma.Shape.Size())
	}
	if l.beta != nil {
		beta = g.Reshape(c.Read(l.beta), l.beta.Shape.Size())
	}
	if !l.RMSScaling {
		return []graph.Value{back(g.LayerNorm(rows, gamma, beta, l.Epsilon))}
	}
	variance := g.Mean(g.Square(g.Sub(rows, g.Mean(rows, []int{1}, true))), []int{1}, true)
	return []graph.Value{back(g.Mul(g.Mul(rows, g.Rsqrt(g.Add(variance, g.Const(l.Epsilon)))), gamma))}
}

// asRows makes a matrix of x in which each row is x along some axes, in ascending order; back undoes it.
func asRows(g *graph.Graph, x graph.Value, axes []int) (rows graph.Value, back func(graph.Value) graph.Value) {
	perm, at := make([]int, 0, x.Rank()), 0
	for i := range x.Rank() {
		if at < len(axes) && axes[at] == i {
			at++
		} else {
			perm = append(perm, i)
		}
	}
	perm = append(perm, axes...)
	undo := make([]int, len(perm))
	for i, p := range perm {
		undo[p] = i
	}
	moved := g.Transpose(x, perm...)
	return g.Flatten(moved, x.Rank()-len(axes)), func(y graph.Value) graph.Value {
		return g.Transpose(g.Reshape(y, moved.Shape()...), undo...)
	}
}
