package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// LSTMConfig is the config that LSTM and LSTMCell share. unit_forget_bias adds 1 to the initial bias of the forget gate.
type LSTMConfig struct {
	CellConfig
	RecurrentActivation core.Activation `json:"recurrent_activation"`
	UnitForgetBias      bool            `json:"unit_forget_bias"`
}

func newLSTMConfig() LSTMConfig {
	return LSTMConfig{CellConfig: CellConfig{CellSettings: newCellSettings()}, RecurrentActivation: activation("sigmoid"), UnitForgetBias: true}
}

func (l *LSTMConfig) newCell() *cell {
	if l.UnitForgetBias {
		config := l.CellConfig
		config.BiasInitializer = unitForgetBias{config.BiasInitializer, l.Units}
		return &cell{CellConfig: &config, kind: "lstm", gates: l.RecurrentActivation}
	}
	return &cell{CellConfig: &l.CellConfig, kind: "lstm", gates: l.RecurrentActivation}
}

// unitForgetBias is an initializer of an LSTM's bias, with ones for the forget gate, the second of four.
type unitForgetBias struct {
	others core.Initializer
	units  int
}

// Fill sets the gates one after the other.
func (i unitForgetBias) Fill(dst []float32, _ tensor.Shape, r core.Rand) {
	u := i.units
	clear(dst)
	if i.others != nil {
		i.others.Fill(dst[:u], tensor.Shape{u}, r)
		i.others.Fill(dst[2*u:], tensor.Shape{2 * u}, r)
	}
	for k := range dst[u : 2*u] {
		dst[u+k] = 1
	}
}

// LSTM is a long short-term memory layer. With act the activation, rec the recurrent activation, and for each gate its part of
// z = input[t] kernel + bias + h[t-1] recurrent_kernel:
//
//	i, f, o = rec(z)   g = act(z)   c[t] = f c[t-1] + i g   h[t] = o act(c[t])
//
// Input (batch, steps, channels); outputs: see Recurrent. Two states, h and c. Weights, gates in the order i, f, g, o: kernel
// (channels, 4 units), recurrent_kernel (units, 4 units), bias (4 units).
// Source: keras/src/layers/rnn/lstm.py; Hochreiter and Schmidhuber, Neural Computation 9, 1997.
type LSTM struct {
	core.Base
	Recurrent
	LSTMConfig

	lstm *cell
}

func init() {
	registerUpgraded("LSTM", func() *LSTM { return &LSTM{LSTMConfig: newLSTMConfig()} }, upgradeGates, "LSTMV1", "LSTMV2")
}

// NewLSTM makes an LSTM layer.
func NewLSTM(units int, with ...With) *LSTM {
	return configure[*LSTM]("LSTM", With{"units": units}, with)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *LSTM) Build(b *core.Builder, inputs []tensor.Shape) error {
	step, err := wantSequence(inputs, 3)
	if err != nil {
		return err
	}
	l.lstm = l.newCell()
	if err := l.lstm.build(b, step, "lstm_cell/", "cell"); err != nil {
		return err
	}
	return l.keepStates(b, &l.Base, inputs[0], l.lstm)
}

// Call runs all steps.
func (l *LSTM) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.call(c, inputs, l.lstm)
}
