package layers

import (
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns what all recurrent layers share: their config, initial, last and kept states, masks, and the walk over steps for cells
// that have no kernel of their own. Source: keras/src/layers/rnn/rnn.py.

// Recurrent is the config that all recurrent layers share.
//
// The output is that of the last step, (batch, units), or with return_sequences that of every step, (batch, steps, units); with
// return_state the states after the last step are further outputs. go_backwards takes the steps from the last to the first, and gives
// outputs in that order. stateful starts each batch from the last states of the batch before, row by row, so that the size of the
// batch must be known. A masked step leaves the states as they are and repeats the output before, or with zero_output_for_mask gives 0.
// unroll says how Keras computes, not what.
//
// Initial states are the call's argument initial_state, or inputs after the first. Keras 3 does not see the mask of an input that comes
// with initial states, unless it is the call's argument mask; it only passes it on. Layers from files of Keras 1 and 2 do see it.
type Recurrent struct {
	ReturnSequences   bool `json:"return_sequences"`
	ReturnState       bool `json:"return_state"`
	GoBackwards       bool `json:"go_backwards"`
	Stateful          bool `json:"stateful"`
	Unroll            bool `json:"unroll"`
	ZeroOutputForMask bool `json:"zero_output_for_mask" keras:"3"`

	kept  []*core.Weight // the states of a stateful layer
	older bool           // from a file of Keras 1 or 2
}

// SetKeras is for the registry.
func (r *Recurrent) SetKeras(major int) { r.older = major == 1 || major == 2 }

// recurrence finds the config that recurrent layers share in any of them.
func (r *Recurrent) recurrence() *Recurrent { return r }

// sequencer runs all steps of a recurrent layer.
type sequencer interface {
	// stateShapes are the shapes of the states for an input of a shape.
	stateShapes(input tensor.Shape) []tensor.Shape
	// sequence runs the steps of x (batch, steps, ...) from the given states, zeros where one is "none". y is the output of every step
	// in the order of computation, last that of the last one; mask (batch, steps) may be "none".
	sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value)
}

// keepStates declares the states of a stateful layer.
func (r *Recurrent) keepStates(b *core.Builder, l *core.Base, input tensor.Shape, s sequencer) error {
	if !r.Stateful {
		return nil
	}
	if input[0] == tensor.Unknown && len(l.Shape) > 0 {
		input = input.With(0, l.Shape[0])
	}
	if input[0] == tensor.Unknown {
		err := core.Errorf(core.ErrShapeMismatch, "stateful", "got input shape %v, want a known size of the batch", input)
		err.Hint = "give the layer or the input of the model batch_input_shape"
		return err
	}
	r.kept = nil
	for _, shape := range s.stateShapes(input) {
		if !shape.Known() {
			return core.Errorf(core.ErrShapeMismatch, "stateful", "got a state of shape %v, want all sizes known", shape)
		}
		r.kept = append(r.kept, b.State(core.WeightSpec{Name: "rnn_state", Shape: shape}))
	}
	return nil
}

// call runs a recurrent layer, whose steps s computes.
func (r *Recurrent) call(c *core.Call, inputs []graph.Value, s sequencer) []graph.Value {
	x := inputs[0]
	states := r.initialStates(c, inputs, s.stateShapes(x.Shape()))
	if c.Graph.Err() != nil {
		return nil
	}
	mask, passed := r.masks(c, inputs)
	y, last, after := s.sequence(c, x, states, mask, r)
	for i, w := range r.kept {
		c.Update(w, after[i])
	}
	c.DropMasks()
	out := []graph.Value{last}
	if r.ReturnSequences {
		out[0] = y
		c.SetMask(0, passed)
	}
	if r.ReturnState {
		out = append(out, after...)
	}
	return out
}

// masks are the mask that a call works by, and the one that it passes on.
func (r *Recurrent) masks(c *core.Call, inputs []graph.Value) (mask, passed graph.Value) {
	if given := c.Arg("mask"); given != nil {
		return given[0], given[0]
	}
	if passed = c.Mask(0); givenStates(c, inputs) != nil && !r.older {
		return graph.Value{}, passed
	}
	return passed, passed
}

// initialStates are the states that a call begins with, one of each shape; "none" is zeros.
func (r *Recurrent) initialStates(c *core.Call, inputs []graph.Value, shapes []tensor.Shape) []graph.Value {
	states := givenStates(c, inputs)
	if states != nil || r.kept == nil {
		return checkStates(c, states, shapes)
	}
	for _, w := range r.kept {
		if batch := inputs[0].Dim(0); batch >= 0 && batch != w.Shape[0] {
			c.Graph.Fail(core.Errorf(core.ErrShapeMismatch, "stateful", "got a batch of %d, want %d, for which the states are kept", batch, w.Shape[0]))
			return nil
		}
		states = append(states, c.Read(w))
	}
	return states
}

// checkStates checks the states that a call was given, one of each shape; nil stands for zeros, "none" for each.
func checkStates(c *core.Call, states []graph.Value, shapes []tensor.Shape) []graph.Value {
	if states == nil {
		return make([]graph.Value, len(shapes))
	}
	if len(states) != len(shapes) {
		c.Graph.Fail(core.Errorf(core.ErrGraph, "initial_state", "got %d states, want %d", len(states), len(shapes)))
		return nil
	}
	for i, v := range states {
		if want := shapes[i]; !slices.EqualFunc(v.Shape(), want, func(a, b int) bool { return a == b || a < 0 || b < 0 }) {
			c.Graph.Fail(core.Errorf(core.ErrShapeMismatch, "initial_state", "got state %d of shape %v, want %v", i, v.Shape(), want))
		}
	}
	return states
}

// givenStates are the initial states that a call was given; nil if none.
func givenStates(c *core.Call, inputs []graph.Value) []graph.Value {
	if s := c.Arg("initial_state"); s != nil {
		return s
	}
	if len(inputs) > 1 {
		return inputs[1:]
	}
	return nil
}

// wantSequence checks the inputs of a recurrent layer: a sequence of the given rank, after which initial states may come. It returns
// the shape of one step.
func wantSequence(inputs []tensor.Shape, rank int) (tensor.Shape, error) {
	if len(inputs) == 0 {
		return nil, core.Errorf(core.ErrGraph, "", "got no input, want a sequence")
	}
	if err := core.WantInputs(inputs[:1], 1, rank); err != nil {
		return nil, err
	}
	if len(inputs[0]) < 3 {
		return nil, core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want (batch, steps, ...)", inputs[0])
	}
	if inputs[0][1] == 0 {
		return nil, core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want at least one step", inputs[0])
	}
	return stepShape(inputs[0]), nil
}

// stepShape is the shape of one step of a sequence.
func stepShape(sequence tensor.Shape) tensor.Shape { return slices.Delete(sequence.Clone(), 1, 2) }

// stepAt is step t of a sequence.
func stepAt(g *graph.Graph, x graph.Value, t int) graph.Value {
	return g.Reshape(g.Narrow(x, 1, t, 1), stepShape(x.Shape())...)
}

// unroll runs one step after the other: step takes the input of a step and the states, and gives the output and the new states. While
// the number of steps is not known, which is when a model is described, it runs one to find shapes.
func unroll(g *graph.Graph, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent,
	step func(x graph.Value, states []graph.Value) (graph.Value, []graph.Value)) (y, last graph.Value, after []graph.Value) {
	steps := max(x.Dim(1), 1)
	outputs := make([]graph.Value, steps)
	for i := range outputs {
		t := i
		if r.GoBackwards {
			t = steps - 1 - i
		}
		out, next := step(stepAt(g, x, t), states)
		if g.Err() != nil {
			return out, out, states
		}
		if mask.Valid() {
			on := g.Narrow(mask, 1, t, 1)
			pass := func(v, otherwise graph.Value) graph.Value {
				shape := slices.Repeat(tensor.Shape{1}, v.Rank())
				shape[0] = mask.Dim(0)
				return g.Select(g.Reshape(on, shape...), v, otherwise)
			}
			before := g.Const(0)
			if i > 0 && !r.ZeroOutputForMask {
				before = last
			}
			out = pass(out, before)
			for k := range next {
				next[k] = pass(next[k], states[k])
			}
		}
		last, states, outputs[i] = out, next, g.ExpandDims(out, 1)
	}
	y = g.Concat(1, outputs...)
	if x.Dim(1) == tensor.Unknown {
		y = g.BroadcastTo(y, y.Shape().With(1, tensor.Unknown))
	}
	return y, last, states
}

// zeroStates puts zeros where a state is "none".
func zeroStates(g *graph.Graph, states []graph.Value, shapes []tensor.Shape) []graph.Value {
	states = slices.Clone(states)
	for i, v := range states {
		if !v.Valid() {
			states[i] = g.Full(0, shapes[i])
		}
	}
	return states
}

// upgradeRNN changes the config of a recurrent layer or cell of an older Keras: keys that only said how to compute go, and what Keras 1
// named otherwise gets its name of today.
func upgradeRNN(c core.Config, from registry.Origin) error {
	if v, ok := c["time_major"].(bool); ok && v {
		return core.Errorf(core.ErrUnsupported, "time_major", "got true, want false: sequences are (batch, steps, ...)")
	}
	if n, ok := c["num_constants"].(float64); ok && n > 0 {
		return core.Errorf(core.ErrUnsupported, "num_constants", "got %v, want none: a cell takes the input and its states", n)
	}
	for _, key := range []string{"implementation", "time_major", "num_constants", "consume_less", "input_dim", "input_length", "input_dtype",
		"enable_caching_device", "return_runtime"} {
		delete(c, key)
	}
	if from.Major() != 1 {
		return nil
	}
	for old, key := range map[string]string{"output_dim": "units", "init": "kernel_initializer", "inner_init": "recurrent_initializer",
		"inner_activation": "recurrent_activation", "W_regularizer": "kernel_regularizer", "U_regularizer": "recurrent_regularizer",
		"b_regularizer": "bias_regularizer", "dropout_W": "dropout", "dropout_U": "recurrent_dropout"} {
		if v, ok := c[old]; ok {
			c[key] = v
			delete(c, old)
		}
	}
	// The bias of the forget gate began at 1 by this initializer.
	if v, ok := c["forget_bias_init"]; ok {
		delete(c, "forget_bias_init")
		c["unit_forget_bias"] = v == "one" || v == "ones"
	}
	return nil
}

// upgradeGates is upgradeRNN for layers and cells with gates, whose recurrent activation was hard_sigmoid by default in Keras 1 and 2.
func upgradeGates(c core.Config, from registry.Origin) error {
	if err := upgradeRNN(c, from); err != nil {
		return err
	}
	if _, ok := c["recurrent_activation"]; !ok && (from.Major() == 1 || from.Major() == 2) {
		c["recurrent_activation"] = "hard_sigmoid"
	}
	return nil
}
