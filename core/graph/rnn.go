package graph

import (
	"slices"

	"github.com/gokeras/gk/core/tensor"
)

// This file owns the recurrent sequence: all steps of a recurrent layer as one operation, after the product of inputs and kernel.

// RNNAttr says what a recurrent layer computes; the kernel package has the formulas.
type RNNAttr struct {
	Cell                            string // "simple", "lstm" or "gru"
	Activation, RecurrentActivation string
	ResetAfter                      bool
	GoBackwards                     bool
	ZeroOutputForMask               bool
}

// RNNGates is the number of gates of each cell.
var RNNGates = map[string]int{"simple": 1, "lstm": 4, "gru": 3}

// RNNInputs are the operands of RNN; all but X and R may be "none".
type RNNInputs struct {
	X       Value // (batch, steps, gates*units): inputs times kernel, plus bias
	R       Value // (units, gates*units): the recurrent kernel
	RBias   Value // (gates*units): the recurrent bias of a GRU with ResetAfter
	H0, C0  Value // (batch, units): the initial states; zeros if "none"
	Mask    Value // (batch, steps): 0 where a step is skipped
	Dropout Value // (batch, units): what states are multiplied by before the recurrent product
}

func init() {
	define(&Op{Name: "RNN", Doc: "a recurrent layer over all steps, x being the inputs times the kernel plus the bias", Settings: RNNAttr{},
		Inputs:  []string{"x", "r", "r_bias?", "h0?", "c0?", "mask?", "dropout?"},
		Outputs: []string{"y", "h", "c"}, infer: func(n *Node) error {
			a, x, r := n.Attr.(RNNAttr), n.In[0].Shape(), n.In[1].Shape()
			gates := RNNGates[a.Cell]
			if len(x) != 3 || len(r) != 2 || r[1] != gates*r[0] || x[2] >= 0 && x[2] != r[1] {
				return n.bad("want (batch, steps, %d*units) and (units, %d*units)", gates, gates)
			}
			if err := n.checkRNN(a, x, r); err != nil {
				return err
			}
			units := r[0]
			state := tensor.Shape{x[0], units}
			n.Out = []tensor.Shape{{x[0], x[1], units}, state, state, {tensor.Unknown}}
			return nil
		}, grad: func(g *Graph, n *Node, dy []Value) []Value {
			in := append([]Value{dy[0], dy[1], dy[2], n.Value(3)}, n.In...)
			d := g.add("RNNGrad", n.Attr, in...)
			out := []Value{d.Value(0), d.Value(1), d.Value(2), d.Value(3), d.Value(4), {}, {}}
			for i, v := range n.In {
				if !v.Valid() {
					out[i] = Value{}
				}
			}
			return out
		}})
	// Its inputs are the gradients of Y, H and C, what the forward pass saved, and the operands of the forward pass.
	define(&Op{Name: "RNNGrad", infer: func(n *Node) error {
		x, r := n.In[4].Shape(), n.In[5].Shape()
		state := tensor.Shape{x[0], r[0]}
		n.Out = []tensor.Shape{x, r, {r[1]}, state, state}
		return nil
	}})
}

// checkRNN checks what a recurrent layer has besides x (batch, steps, gates*units) and r (units, gates*units).
func (n *Node) checkRNN(a RNNAttr, x, r tensor.Shape) error {
	if !slices.Contains(rnnActivations, a.Activation) {
		return n.bad("activation: got %q, want one of %v", a.Activation, rnnActivations)
	}
	if a.Cell != "simple" && !slices.Contains(rnnActivations, a.RecurrentActivation) {
		return n.bad("recurrent_activation: got %q, want one of %v", a.RecurrentActivation, rnnActivations)
	}
	if r[0] < 1 {
		return n.bad("units: got %d, want > 0", r[0])
	}
	if priceOf(tensor.Shape{x[0], x[1], 8, r[0]}) > maxSize {
		return n.bad("too large")
	}
	state := tensor.Shape{x[0], r[0]}
	for i, want := range []tensor.Shape{{r[1]}, state, state, x[:2], state} {
		name := n.Op.Inputs[i+2]
		if v := n.In[i+2]; v.Valid() && !agreeAll(v.Shape(), want) {
			return n.bad("%s: got shape %v, want %v", name[:len(name)-1], v.Shape(), want)
		}
	}
	if n.In[2].Valid() && !(a.Cell == "gru" && a.ResetAfter) {
		return n.bad("r_bias: only a gru with reset_after has one")
	}
	if n.In[4].Valid() && a.Cell != "lstm" {
		return n.bad("c0: only an lstm has one")
	}
	return nil
}

// RNN runs a recurrent layer over all steps. y is the output of every step (batch, steps, units), h and c are the states after the
// last one (batch, units); only lstm has a c.
func (g *Graph) RNN(a RNNAttr, in RNNInputs) (y, h, c Value) {
	n := g.add("RNN", a, in.X, in.R, in.RBias, in.H0, in.C0, in.Mask, in.Dropout)
	return n.Value(0), n.Value(1), n.Value(2)
}

// rnnActivations are those that RNN computes, by Keras' names.
var rnnActivations = []string{"elu", "exponential", "hard_sigmoid", "hard_sigmoid_legacy", "linear", "relu", "relu6", "selu", "sigmoid",
	"softplus", "softsign", "tanh"}

// RNNActivations are the activations that RNN computes, by Keras' names, sorted.
func RNNActivations() []string { return slices.Clone(rnnActivations) }
