package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// GRUConfig is the config that GRU and GRUCell share. reset_after says whether the reset gate applies to the recurrent product or
// before it; Keras 1 and 2 know only the latter by default, Keras 3 takes the former.
type GRUConfig struct {
	CellConfig
	RecurrentActivation core.Activation `json:"recurrent_activation"`
	ResetAfter          bool            `json:"reset_after"`
}

func newGRUConfig() GRUConfig {
	return GRUConfig{CellConfig: CellConfig{CellSettings: newCellSettings()}, RecurrentActivation: activation("sigmoid"), ResetAfter: true}
}

func (l *GRUConfig) newCell() *cell {
	return &cell{CellConfig: &l.CellConfig, kind: "gru", gates: l.RecurrentActivation, resetAfter: l.ResetAfter}
}

// upgradeGRU is upgradeGates for gru: files of Keras 1 and 2 without reset_after mean false.
func upgradeGRU(c core.Config, from registry.Origin) error {
	if _, ok := c["reset_after"]; !ok && (from.Major() == 1 || from.Major() == 2) {
		c["reset_after"] = false
	}
	return upgradeGates(c, from)
}

// GRU is a gated recurrent unit layer. With act the activation, rec the recurrent activation, and for each gate its part of
// x = input[t] kernel + bias[0] and of m = h[t-1] recurrent_kernel + bias[1]:
//
//	z, r = rec(x + m)   g = act(x + r m)   h[t] = z h[t-1] + (1-z) g
//
// Without reset_after there is one bias, and g = act(x + (r h[t-1]) recurrent_kernel).
//
// Input (batch, steps, channels); outputs: see Recurrent. One state, h. Weights, gates in the order z, r, g: kernel
// (channels, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units), or (3 units) without reset_after.
// Source: keras/src/layers/rnn/gru.py; Cho et al., EMNLP 2014.
type GRU struct {
	core.Base
	Recurrent
	GRUConfig

	gru *cell
}

func init() {
	registerUpgraded("GRU", func() *GRU { return &GRU{GRUConfig: newGRUConfig()} }, upgradeGRU, "GRUV1", "GRUV2")
}

// NewGRU makes a GRU layer.
func NewGRU(units int, with ...With) *GRU {
	return configure[*GRU]("GRU", With{"units": units}, with)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *GRU) Build(b *core.Builder, inputs []tensor.Shape) error {
	step, err := wantSequence(inputs, 3)
	if err != nil {
		return err
	}
	l.gru = l.newCell()
	if err := l.gru.build(b, step, "gru_cell/", "cell"); err != nil {
		return err
	}
	return l.keepStates(b, &l.Base, inputs[0], l.gru)
}

// Call runs all steps.
func (l *GRU) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.call(c, inputs, l.gru)
}
