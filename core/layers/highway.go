package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Highway is a densely connected layer with a gate that lets the input through where it is closed:
//
//	t = sigmoid(input W_carry + b_carry)   output = t activation(input W + b) + (1-t) input
//
// Only Keras 1 has it; its config is that of Keras 1. Input and output (batch, channels). Weights: W and W_carry (channels, channels), b
// and b_carry (channels). Source: Highway of keras/layers/core.py, Keras 1.2.2; Srivastava, Greff and Schmidhuber, arXiv:1505.00387.
type Highway struct {
	core.Base
	Init         core.Initializer `json:"init"`
	Activation   core.Activation  `json:"activation"`
	Bias         bool             `json:"bias"`
	WRegularizer core.Regularizer `json:"W_regularizer"`
	BRegularizer core.Regularizer `json:"b_regularizer"`
	WConstraint  core.Constraint  `json:"W_constraint"`
	BConstraint  core.Constraint  `json:"b_constraint"`

	w, wCarry, b, bCarry *core.Weight
}

func init() {
	registerLegacy("Highway", func() *Highway {
		return &Highway{Init: initializer("GlorotUniform"), Activation: activation("linear"), Bias: true}
	}, dropped("input_dim", "transform_bias"))
}

// NewHighway makes a Highway layer.
func NewHighway(with ...With) *Highway { return configure[*Highway]("Highway", nil, with) }

// Build declares the weights.
func (l *Highway) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 2); err != nil {
		return err
	}
	n, err := core.WantDim(inputs[0], 1)
	if err != nil {
		return err
	}
	l.w = b.Weight(core.WeightSpec{Name: "W", Shape: tensor.Shape{n, n}, Initializer: l.Init, Regularizer: l.WRegularizer, Constraint: l.WConstraint})
	l.wCarry = b.Weight(core.WeightSpec{Name: "W_carry", Shape: tensor.Shape{n, n}, Initializer: l.Init})
	if l.Bias {
		l.b = b.Weight(core.WeightSpec{Name: "b", Shape: tensor.Shape{n}, Initializer: initializer("Zeros"), Regularizer: l.BRegularizer, Constraint: l.BConstraint})
		l.bCarry = b.Weight(core.WeightSpec{Name: "b_carry", Shape: tensor.Shape{n}, Initializer: initializer("Ones")})
	}
	return nil
}

// Call is the layer.
func (l *Highway) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	product := func(w, b *core.Weight) graph.Value {
		y := g.MatMul(x, c.Read(w), false, false)
		if b != nil {
			y = g.Add(y, c.Read(b))
		}
		return y
	}
	t, y := g.Sigmoid(product(l.wCarry, l.bCarry)), product(l.w, l.b)
	if l.Activation != nil {
		y = l.Activation.Apply(g, y)
	}
	return []graph.Value{g.Add(g.Mul(y, t), g.Mul(g.Sub(g.Const(1), t), x))}
}
