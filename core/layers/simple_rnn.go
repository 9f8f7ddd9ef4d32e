package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// SimpleRNN is a fully connected recurrent layer; from one step t to the next,
//
//	h[t] = activation(input[t] kernel + bias + h[t-1] recurrent_kernel)
//
// Input (batch, steps, channels); outputs: see Recurrent. One state, h. Weights: kernel (channels, units), recurrent_kernel
// (units, units), bias (units). Source: keras/src/layers/rnn/simple_rnn.py.
type SimpleRNN struct {
	core.Base
	Recurrent
	CellConfig

	simple *cell
}

func init() {
	registerUpgraded("SimpleRNN", func() *SimpleRNN { return &SimpleRNN{CellConfig: CellConfig{CellSettings: newCellSettings()}} }, upgradeRNN)
}

// NewSimpleRNN makes a SimpleRNN layer.
func NewSimpleRNN(units int, with ...With) *SimpleRNN {
	return configure[*SimpleRNN]("SimpleRNN", With{"units": units}, with)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *SimpleRNN) Build(b *core.Builder, inputs []tensor.Shape) error {
	step, err := wantSequence(inputs, 3)
	if err != nil {
		return err
	}
	l.simple = &cell{CellConfig: &l.CellConfig, kind: "simple"}
	if err := l.simple.build(b, step, "simple_rnn_cell/", "cell"); err != nil {
		return err
	}
	return l.keepStates(b, &l.Base, inputs[0], l.simple)
}

// Call runs all steps.
func (l *SimpleRNN) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.call(c, inputs, l.simple)
}
