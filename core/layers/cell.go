package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the recurrent cells simple, LSTM and GRU, which the layers SimpleRNN, LSTM and GRU and the cell layers share: weights,
// one step in graph operations, and whole sequences.

// CellConfig is the config that SimpleRNN, LSTM and GRU share with their cells.
type CellConfig struct {
	Units int `json:"units" want:">0"`
	CellSettings
}

// CellSettings is the config of all recurrent cells but for their size. dropout applies to the inputs, recurrent_dropout to the states
// before they are multiplied by the recurrent kernel; both drop the same elements in all steps of a sequence, for all gates alike.
type CellSettings struct {
	Activation           core.Activation  `json:"activation"`
	UseBias              bool             `json:"use_bias"`
	KernelInitializer    core.Initializer `json:"kernel_initializer"`
	RecurrentInitializer core.Initializer `json:"recurrent_initializer"`
	BiasInitializer      core.Initializer `json:"bias_initializer"`
	KernelRegularizer    core.Regularizer `json:"kernel_regularizer"`
	RecurrentRegularizer core.Regularizer `json:"recurrent_regularizer"`
	BiasRegularizer      core.Regularizer `json:"bias_regularizer"`
	KernelConstraint     core.Constraint  `json:"kernel_constraint"`
	RecurrentConstraint  core.Constraint  `json:"recurrent_constraint"`
	BiasConstraint       core.Constraint  `json:"bias_constraint"`
	Dropout              float64          `json:"dropout" want:"0..1"`
	RecurrentDropout     float64          `json:"recurrent_dropout" want:"0..1"`
	Seed                 any              `json:"seed" keras:"3"`
}

func newCellSettings() CellSettings {
	return CellSettings{Activation: activation("tanh"), UseBias: true, KernelInitializer: initializer("GlorotUniform"),
		RecurrentInitializer: initializer("Orthogonal"), BiasInitializer: initializer("Zeros")}
}

// cell is a cell with its weights.
type cell struct {
	*CellConfig
	kind                    string          // "simple", "lstm" or "gru", as graph.RNNAttr has it
	gates                   core.Activation // that of the gates; simple has none
	resetAfter              bool            // of gru
	kernel, recurrent, bias *core.Weight
}

// build declares the weights for inputs of so many channels, with prefix before their names and in a group.
func (l *cell) build(b *core.Builder, step tensor.Shape, prefix, group string) error {
	channels, err := core.WantDim(step, -1)
	if err != nil {
		return err
	}
	wide := graph.RNNGates[l.kind] * l.Units
	l.kernel = b.Weight(core.WeightSpec{Name: prefix + "kernel", Group: group, Shape: tensor.Shape{channels, wide},
		Initializer: l.KernelInitializer, Regularizer: l.KernelRegularizer, Constraint: l.KernelConstraint})
	l.recurrent = b.Weight(core.WeightSpec{Name: prefix + "recurrent_kernel", Group: group, Shape: tensor.Shape{l.Units, wide},
		Initializer: l.RecurrentInitializer, Regularizer: l.RecurrentRegularizer, Constraint: l.RecurrentConstraint})
	if !l.UseBias {
		return nil
	}
	shape := tensor.Shape{wide}
	if l.resetAfter { // one for the inputs and one for the states
		shape = tensor.Shape{2, wide}
	}
	l.bias = b.Weight(core.WeightSpec{Name: prefix + "bias", Group: group, Shape: shape,
		Initializer: l.BiasInitializer, Regularizer: l.BiasRegularizer, Constraint: l.BiasConstraint})
	return nil
}

// states is how many states the cell has: only lstm has two.
func (l *cell) states() int {
	if l.kind == "lstm" {
		return 2
	}
	return 1
}

func (l *cell) stateShapes(input tensor.Shape) []tensor.Shape {
	return slices.Repeat([]tensor.Shape{{input[0], l.Units}}, l.states())
}

// stateMask is what states are multiplied by before the recurrent product; "none" without dropout.
func (l *cell) stateMask(c *core.Call, batch int) graph.Value {
	if !c.Training || l.RecurrentDropout == 0 {
		return graph.Value{}
	}
	return dropout(c, c.Graph.Full(1, tensor.Shape{batch, l.Units}), l.RecurrentDropout, nil)
}

// project is the part of all steps that needs no state: inputs times kernel, plus bias. x is (..., channels).
func (l *cell) project(c *core.Call, x graph.Value) graph.Value {
	g := c.Graph
	z := g.MatMul(g.Flatten(x, -1), c.Read(l.kernel), false, false)
	if l.bias != nil {
		b := c.Read(l.bias)
		if l.resetAfter {
			b = row(g, b, 0)
		}
		z = g.Add(z, b)
	}
	return g.Reshape(z, x.Shape().With(-1, l.kernel.Shape[1])...)
}

// row is one row of a matrix, as a vector.
func row(g *graph.Graph, x graph.Value, i int) graph.Value {
	return g.Squeeze(g.Narrow(x, 0, i, 1), 0)
}

// recurrentBias is what a gru with reset_after adds to the recurrent product; "none" if there is nothing to add.
func (l *cell) recurrentBias(c *core.Call) graph.Value {
	if l.bias == nil || !l.resetAfter {
		return graph.Value{}
	}
	return row(c.Graph, c.Read(l.bias), 1)
}

// sequence runs the kernel for whole sequences where it knows the activations, and else one step after the other.
func (l *cell) sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value) {
	g := c.Graph
	x = dropout(c, x, l.Dropout, tensor.Shape{tensor.Unknown, 1, tensor.Unknown})
	z := l.project(c, x)
	drop := l.stateMask(c, x.Dim(0))
	act, ok := kernelName(l.Activation)
	gates, known := kernelName(l.gates)
	if !ok || !known {
		states = zeroStates(g, states, l.stateShapes(x.Shape()))
		return unroll(g, z, states, mask, r, func(z graph.Value, states []graph.Value) (graph.Value, []graph.Value) {
			return l.step(c, z, states, drop)
		})
	}
	in := graph.RNNInputs{X: z, R: c.Read(l.recurrent), RBias: l.recurrentBias(c), H0: states[0], Mask: mask, Dropout: drop}
	if l.states() == 2 {
		in.C0 = states[1]
	}
	y, h, cell := g.RNN(graph.RNNAttr{Cell: l.kind, Activation: act, RecurrentActivation: gates, ResetAfter: l.resetAfter,
		GoBackwards: r.GoBackwards, ZeroOutputForMask: r.ZeroOutputForMask}, in)
	after = []graph.Value{h, cell}[:l.states()]
	// The output of masked steps may differ from the state: it is 0 before the first step that counts, whatever the initial state.
	if mask.Valid() && (r.ZeroOutputForMask || states[0].Valid()) {
		return y, stepAt(g, y, -1), after
	}
	return y, h, after
}

// kernelName is the name of an activation under which graph.RNN knows it.
func kernelName(a core.Activation) (string, bool) {
	if a == nil {
		return "linear", true
	}
	if named, ok := a.(interface{ RegistryName() string }); ok {
		return named.RegistryName(), slices.Contains(graph.RNNActivations(), named.RegistryName())
	}
	return "", false
}

// step is one step in graph operations: z is what project made of the input. The formulas are those of the kernel:
//
//	simple  h = act(z + m)                                             with m = (h drop) R
//	lstm    i, f, o = gates(z + m)  g = act(z + m)  c = f c + i g  h = o act(c)
//	gru     u, r = gates(z + m)  g = act(z + r m)  h = u h + (1-u) g   with reset_after; m has the recurrent bias
//	gru     u, r = gates(z + m)  g = act(z + (r h drop) R)             without
func (l *cell) step(c *core.Call, z graph.Value, states []graph.Value, drop graph.Value) (graph.Value, []graph.Value) {
	g, u := c.Graph, l.Units
	h, r := states[0], c.Read(l.recurrent)
	dropped := h
	if drop.Valid() {
		dropped = g.Mul(h, drop)
	}
	part := func(v graph.Value, gate, count int) graph.Value { return g.Narrow(v, -1, gate*u, count*u) }
	act := func(v graph.Value) graph.Value { return activate(c, l.Activation, v)[0] }
	gate := func(v graph.Value) graph.Value { return activate(c, l.gates, v)[0] }
	if l.kind == "gru" && !l.resetAfter {
		m := g.MatMul(dropped, part(r, 0, 2), false, false)
		update := gate(g.Add(part(z, 0, 1), part(m, 0, 1)))
		reset := gate(g.Add(part(z, 1, 1), part(m, 1, 1)))
		inner := g.MatMul(g.Mul(reset, dropped), part(r, 2, 1), false, false)
		h = mix(g, update, h, act(g.Add(part(z, 2, 1), inner)))
		return h, []graph.Value{h}
	}
	m := g.MatMul(dropped, r, false, false)
	switch l.kind {
	case "gru":
		if b := l.recurrentBias(c); b.Valid() {
			m = g.Add(m, b)
		}
		update := gate(g.Add(part(z, 0, 1), part(m, 0, 1)))
		reset := gate(g.Add(part(z, 1, 1), part(m, 1, 1)))
		h = mix(g, update, h, act(g.Add(part(z, 2, 1), g.Mul(reset, part(m, 2, 1)))))
	case "lstm":
		z = g.Add(z, m)
		return lstmStep(c, func(i int) graph.Value { return part(z, i, 1) }, states[1], l.Activation, l.gates)
	default:
		h = act(g.Add(z, m))
	}
	return h, []graph.Value{h}
}

// lstmStep ends a step of an LSTM: part(i) is what gate i, of i, f, g, o, is the activation of, and carry is state c. It returns the
// output and the new states.
func lstmStep(c *core.Call, part func(i int) graph.Value, carry graph.Value, act, gates core.Activation) (graph.Value, []graph.Value) {
	g := c.Graph
	gate := func(i int) graph.Value { return activate(c, gates, part(i))[0] }
	carry = g.Add(g.Mul(gate(1), carry), g.Mul(gate(0), activate(c, act, part(2))[0]))
	h := g.Mul(gate(3), activate(c, act, carry)[0])
	return h, []graph.Value{h, carry}
}

// mix is u a + (1-u) b.
func mix(g *graph.Graph, u, a, b graph.Value) graph.Value {
	return g.Add(g.Mul(u, a), g.Mul(g.Sub(g.Const(1), u), b))
}
