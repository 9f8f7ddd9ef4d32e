package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns ConvLSTM1D, ConvLSTM2D and ConvLSTM3D: an LSTM whose products are convolutions. All inputs are convolved at once; the
// states are, one step after the other.

// convLSTM is a ConvLSTM over spatial axes, as many as kernel_size has numbers.
type convLSTM struct {
	core.Base
	Recurrent
	Filters      int          `json:"filters" want:">0"`
	KernelSize   core.PerAxis `json:"kernel_size" want:">0"`
	Strides      core.PerAxis `json:"strides" want:">0"`
	Padding      string       `json:"padding" want:"valid|same"`
	DataFormat   string       `json:"data_format" want:"channels_last|channels_first"`
	DilationRate core.PerAxis `json:"dilation_rate" want:">0"`
	CellSettings
	RecurrentActivation core.Activation `json:"recurrent_activation"`
	UnitForgetBias      bool            `json:"unit_forget_bias"`

	theano                  bool
	kernel, recurrent, bias *core.Weight
}

// SetOrigin is for the registry.
func (l *convLSTM) SetOrigin(from registry.Origin) { l.theano = from.Backend == "theano" }

// ConvLSTM1D is a long short-term memory layer over sequences of rows: input (batch, steps, rows, channels), the state of a step
// (batch, rows, filters). The formulas are those of LSTM with convolutions in place of products: that of the input moves as strides,
// padding and dilation_rate say, that of the state by 1, padded to keep its size.
//
// Weights, gates in the order i, f, g, o: kernel (size, channels, 4 filters), recurrent_kernel (size, filters, 4 filters),
// bias (4 filters). Outputs: see Recurrent; two states.
// Source: keras/src/layers/rnn/conv_lstm.py; Shi et al., NeurIPS 2015.
type ConvLSTM1D struct{ convLSTM }

// ConvLSTM2D is ConvLSTM1D over sequences of images: input (batch, steps, rows, columns, channels).
type ConvLSTM2D struct{ convLSTM }

// ConvLSTM3D is ConvLSTM1D over sequences of volumes: input (batch, steps, three axes, channels).
type ConvLSTM3D struct{ convLSTM }

func newConvLSTM(rank int) convLSTM {
	return convLSTM{KernelSize: core.AllAxes(rank, 1), Strides: core.AllAxes(rank, 1), DilationRate: core.AllAxes(rank, 1), Padding: "valid",
		DataFormat: "channels_last", CellSettings: newCellSettings(), RecurrentActivation: activation("sigmoid"), UnitForgetBias: true}
}

func init() {
	registerUpgraded("ConvLSTM1D", func() *ConvLSTM1D { return &ConvLSTM1D{newConvLSTM(1)} }, upgradeGates)
	registerUpgraded("ConvLSTM2D", func() *ConvLSTM2D { return &ConvLSTM2D{newConvLSTM(2)} }, upgrades(upgradeConv, upgradeGates))
	registerUpgraded("ConvLSTM3D", func() *ConvLSTM3D { return &ConvLSTM3D{newConvLSTM(3)} }, upgradeGates)
}

// NewConvLSTM1D makes a ConvLSTM1D layer; kernelSize is a number or a list of one.
func NewConvLSTM1D(filters int, kernelSize any, with ...With) *ConvLSTM1D {
	return configure[*ConvLSTM1D]("ConvLSTM1D", With{"filters": filters, "kernel_size": kernelSize}, with)
}

// NewConvLSTM2D makes a ConvLSTM2D layer; kernelSize is a number or one per axis.
func NewConvLSTM2D(filters int, kernelSize any, with ...With) *ConvLSTM2D {
	return configure[*ConvLSTM2D]("ConvLSTM2D", With{"filters": filters, "kernel_size": kernelSize}, with)
}

// NewConvLSTM3D makes a ConvLSTM3D layer; kernelSize is a number or one per axis.
func NewConvLSTM3D(filters int, kernelSize any, with ...With) *ConvLSTM3D {
	return configure[*ConvLSTM3D]("ConvLSTM3D", With{"filters": filters, "kernel_size": kernelSize}, with)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *convLSTM) Build(b *core.Builder, inputs []tensor.Shape) error {
	step, err := wantSequence(inputs, len(l.KernelSize)+3)
	if err != nil {
		return err
	}
	if err := strideOrDilation(l.Strides, l.DilationRate); err != nil {
		return err
	}
	for axis := range step[1:] { // the size of a state cannot vary
		if _, err := core.WantDim(inputs[0], axis+2); err != nil {
			return err
		}
	}
	channels := step.Dim(channelAxis(l.DataFormat))
	size := tensor.Shape(l.KernelSize)
	l.kernel = b.Weight(core.WeightSpec{Name: "conv_lstm_cell/kernel", Group: "cell", Shape: slices.Concat(size, tensor.Shape{channels, 4 * l.Filters}),
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	l.recurrent = b.Weight(core.WeightSpec{Name: "conv_lstm_cell/recurrent_kernel", Group: "cell", Shape: slices.Concat(size, tensor.Shape{l.Filters, 4 * l.Filters}),
		Initializer: l.RecurrentInitializer, Regularizer: l.RecurrentRegularizer, Constraint: l.RecurrentConstraint})
	if l.UseBias {
		fill := l.BiasInitializer
		if l.UnitForgetBias {
			fill = unitForgetBias{fill, l.Filters}
		}
		l.bias = b.Weight(core.WeightSpec{Name: "conv_lstm_cell/bias", Group: "cell", Shape: tensor.Shape{4 * l.Filters},
			Initializer: fill, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	}
	return l.keepStates(b, &l.Base, inputs[0], l)
}

// Call runs all steps.
func (l *convLSTM) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.call(c, inputs, l)
}

// stateShapes are twice the shape of a convolved step.
func (l *convLSTM) stateShapes(input tensor.Shape) []tensor.Shape {
	shape := stepShape(input)
	for i, axis := range spatialAxes(len(shape), l.DataFormat) {
		if l.Padding == "same" {
			shape[axis] = graph.WindowSize(shape[axis], 1, l.Strides[i], 1, 0, 0)
		} else {
			shape[axis] = graph.WindowSize(shape[axis], l.KernelSize[i], l.Strides[i], l.DilationRate[i], 0, 0)
		}
	}
	axis := channelAxis(l.DataFormat)
	return slices.Repeat([]tensor.Shape{shape.With(axis, l.Filters)}, 2)
}

func (l *convLSTM) sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value) {
	g := c.Graph
	shapes := l.stateShapes(x.Shape())
	states = zeroStates(g, states, shapes)
	x = dropout(c, x, l.Dropout, slices.Repeat(tensor.Shape{tensor.Unknown}, x.Rank()).With(1, 1))
	var drop graph.Value
	if c.Training && l.RecurrentDropout > 0 {
		drop = dropout(c, g.Full(1, shapes[0]), l.RecurrentDropout, nil)
	}
	// The steps are further rows of the batch of one convolution.
	batch := x.Shape()[:2]
	rows := toLast(g, g.Reshape(x, append(tensor.Shape{batch.Size()}, x.Shape()[2:]...)...), l.DataFormat)
	z := l.convolve(c, rows, l.kernel, l.Strides, l.DilationRate, l.Padding)
	if l.bias != nil {
		z = g.Add(z, c.Read(l.bias))
	}
	z = fromLast(g, z, l.DataFormat)
	z = g.Reshape(z, append(batch.Clone(), z.Shape()[1:]...)...)
	ones := core.AllAxes(len(l.KernelSize), 1)
	axis := channelAxis(l.DataFormat)
	return unroll(g, z, states, mask, r, func(z graph.Value, states []graph.Value) (graph.Value, []graph.Value) {
		h := states[0]
		if drop.Valid() {
			h = g.Mul(h, drop)
		}
		m := l.convolve(c, toLast(g, h, l.DataFormat), l.recurrent, ones, ones, "same")
		z = g.Add(z, fromLast(g, m, l.DataFormat))
		part := func(i int) graph.Value { return g.Narrow(z, axis, i*l.Filters, l.Filters) }
		return lstmStep(c, part, states[1], l.Activation, l.RecurrentActivation)
	})
}

func (l *convLSTM) convolve(c *core.Call, x graph.Value, kernel *core.Weight, strides, dilation core.PerAxis, padding string) graph.Value {
	if l.theano && padding == "same" {
		padding = sameOfTheano
	}
	lo, hi := overhang(c, x, l.KernelSize, strides, dilation, padding)
	return c.Graph.Conv(x, c.Read(kernel), graph.ConvAttr{Strides: strides, Dilation: dilation, PadLo: lo, PadHi: hi, Groups: 1})
}
