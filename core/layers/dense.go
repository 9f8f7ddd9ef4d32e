package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Dense is a fully connected layer:
//
//	output = activation(input kernel + bias)
//
// Input (batch, ..., channels), output (batch, ..., units). Weights: kernel (channels, units), bias (units).
// Source: keras/src/layers/core/dense.py.
type Dense struct {
	core.Base
	Units             int              `json:"units" want:">0"`
	Activation        core.Activation  `json:"activation"`
	UseBias           bool             `json:"use_bias"`
	KernelInitializer core.Initializer `json:"kernel_initializer"`
	BiasInitializer   core.Initializer `json:"bias_initializer"`
	KernelRegularizer core.Regularizer `json:"kernel_regularizer"`
	BiasRegularizer   core.Regularizer `json:"bias_regularizer"`
	KernelConstraint  core.Constraint  `json:"kernel_constraint"`
	BiasConstraint    core.Constraint  `json:"bias_constraint"`

	kernel, bias *core.Weight
}

func init() {
	registerUpgraded("Dense", func() *Dense {
		return &Dense{Activation: activation("linear"), UseBias: true,
			KernelInitializer: initializer("GlorotUniform"), BiasInitializer: initializer("Zeros")}
	}, renamed(kernelNames, biasNames, inputNames, map[string]string{"output_dim": "units"}), "TimeDistributedDense")
}

// NewDense makes a Dense layer.
func NewDense(units int, with ...With) *Dense {
	return configure[*Dense]("Dense", With{"units": units}, with)
}

// Build declares kernel and bias.
func (l *Dense) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	channels, err := core.WantDim(inputs[0], -1)
	if err != nil {
		return err
	}
	l.kernel = b.Weight(core.WeightSpec{Name: "kernel", Shape: tensor.Shape{channels, l.Units},
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	if l.UseBias {
		l.bias = b.Weight(core.WeightSpec{Name: "bias", Shape: tensor.Shape{l.Units},
			Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return nil
}

// Call multiplies the rows of the input by the kernel.
func (l *Dense) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	g, x := c.Graph, inputs[0]
	y := g.MatMul(g.Flatten(x, -1), c.Read(l.kernel), false, false)
	if l.bias != nil {
		y = g.Add(y, c.Read(l.bias))
	}
	return activate(c, l.Activation, g.Reshape(y, x.Shape().With(-1, l.Units)...))
}
