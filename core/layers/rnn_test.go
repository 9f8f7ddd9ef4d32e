package layers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/layers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the tests of recurrent layers beyond their cases: what the cases cannot say, and the two ways of computing them.

// TestRNNActivations checks that layers leave to the kernel just the activations that it knows.
func TestRNNActivations(t *testing.T) {
	if got, want := graph.RNNActivations(), kernel.RNNActivations(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// unnamed hides the name of an activation, so that layers take their steps one by one.
type unnamed struct{ core.Activation }

func hidden(t *testing.T, name string) core.Activation {
	t.Helper()
	a, err := registry.Default.Activations.New(name)
	if err != nil {
		t.Fatal(err)
	}
	return unnamed{a}
}

func randomTensor(seed uint64, shape ...int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]float64, tensor.Shape(shape).Size())
	for i := range data {
		data[i] = r.NormFloat64()
	}
	return tensor.From(data, shape...)
}

// sequenceCall is one call of a recurrent layer.
type sequenceCall struct {
	x, mask  *tensor.Tensor
	states   []*tensor.Tensor
	explicit bool // the mask is an argument of the call
	training bool
}

// outputs runs a layer whose weights are random numbers that depend on their shapes and order alone.
func (c sequenceCall) outputs(l core.Layer) ([]*tensor.Tensor, error) {
	if err := core.Build(l, []tensor.Shape{c.x.Shape().With(0, tensor.Unknown)}); err != nil {
		return nil, err
	}
	g, feeds, args := graph.New(), map[string]*tensor.Tensor{"x": c.x}, map[string]any{}
	masks := []graph.Value{{}}
	if c.mask != nil {
		feeds["mask"], masks[0] = c.mask, g.Input("mask", c.mask.Shape())
		if c.explicit {
			args["mask"], masks[0] = masks[0], graph.Value{}
		}
	}
	if c.states != nil {
		var states []graph.Value
		for i, s := range c.states {
			name := fmt.Sprint("state", i)
			feeds[name] = s
			states = append(states, g.Input(name, s.Shape()))
		}
		args["initial_state"] = states
	}
	r, err := core.Apply(l, g, c.training, core.NewShared(), []graph.Value{g.Input("x", c.x.Shape())}, masks, args)
	if err != nil {
		return nil, err
	}
	m := coretest.Memory[float64]{}
	trained, fixed := core.Weights(l)
	for i, w := range append(trained, fixed...) {
		m[&w.Variable] = randomTensor(uint64(100+i), w.Shape...).Float64s()
	}
	return coretest.Eval(g, r.Values, feeds, m, coretest.Mode{})
}

// TestStepByStep checks that a recurrent layer whose activations the kernel does not know computes what the kernel does.
func TestStepByStep(t *testing.T) {
	mask := tensor.From([]float64{1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1}, 3, 4)
	for class, states := range map[string]int{"SimpleRNN": 1, "LSTM": 2, "GRU": 1} {
		for _, config := range []layers.With{
			{}, {"go_backwards": true}, {"zero_output_for_mask": true}, {"reset_after": false}, {"use_bias": false},
		} {
			if _, ok := config["reset_after"]; ok && class != "GRU" {
				continue
			}
			for _, c := range []sequenceCall{{}, {mask: mask}, {mask: mask, explicit: true, states: []*tensor.Tensor{randomTensor(1, 3, 5), randomTensor(2, 3, 5)}[:states]}} {
				c.x = randomTensor(3, 3, 4, 2)
				var got [2][]*tensor.Tensor
				for i := range got {
					with := layers.With{"units": 5, "return_sequences": true, "return_state": true, "activation": "softsign"}
					if class != "SimpleRNN" {
						with["recurrent_activation"] = "sigmoid"
					}
					for key, v := range config {
						with[key] = v
					}
					if i == 1 {
						with["activation"] = hidden(t, "softsign")
						if class != "SimpleRNN" {
							with["recurrent_activation"] = hidden(t, "sigmoid")
						}
					}
					l, err := registry.Default.Decoder(registry.Origin{}).LayerOf(registry.Object{Class: class, Config: with}, "rnn")
					if err != nil {
						t.Fatal(err)
					}
					if got[i], err = c.outputs(l); err != nil {
						t.Fatal(err)
					}
				}
				for i, want := range got[0] {
					if err := coretest.Near(fmt.Sprintf("%s %v %+v: output %d", class, config, c, i), got[1][i], want, 1e-12); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

// TestMaskBesideStates checks which Keras sees the mask of an input that comes with initial states.
func TestMaskBesideStates(t *testing.T) {
	c := sequenceCall{x: randomTensor(3, 2, 4, 2), mask: tensor.From([]float64{1, 1, 0, 0, 1, 0, 1, 0}, 2, 4), states: []*tensor.Tensor{randomTensor(1, 2, 3)}}
	last := func(version string, c sequenceCall) *tensor.Tensor {
		l, err := registry.Default.Decoder(registry.Origin{KerasVersion: version}).LayerOf(
			registry.Object{Class: "GRU", Config: core.Config{"units": 3, "reset_after": true, "recurrent_activation": "sigmoid"}}, "gru")
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.outputs(l)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	explicit, without := c, c
	explicit.explicit, without.mask = true, nil
	masked, unmasked := last("3.15.1", explicit), last("3.15.1", without)
	if coretest.Near("", masked, unmasked, 1e-3) == nil {
		t.Fatal("the mask makes no difference")
	}
	for version, want := range map[string]*tensor.Tensor{"2.15.0": masked, "1.2.2": masked, "3.15.1": unmasked, "": unmasked} {
		if err := coretest.Near("Keras "+version, last(version, c), want, 0); err != nil {
			t.Error(err)
		}
	}
}

// TestRNNDropout checks that dropout takes the same elements in all steps, and scales the others.
func TestRNNDropout(t *testing.T) {
	const batch, steps, units = 16, 3, 8
	eye := make([]float64, units*units)
	for i := range units {
		eye[i*(units+1)] = 1
	}
	build := func(with layers.With) (*graph.Graph, []graph.Value, coretest.Memory[float64]) {
		l := layers.NewSimpleRNN(units, layers.With{"activation": "linear", "return_sequences": true, "use_bias": false}, with)
		if err := core.Build(l, []tensor.Shape{{-1, steps, units}}); err != nil {
			t.Fatal(err)
		}
		g := graph.New()
		in := []graph.Value{g.Input("x", tensor.Shape{batch, steps, units}), g.Input("h", tensor.Shape{batch, units})}
		r, err := core.Apply(l, g, true, core.NewShared(), in, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := coretest.Memory[float64]{}
		for _, w := range l.Weights() {
			m[&w.Variable] = eye
			if strings.HasSuffix(w.Name, "/recurrent_kernel") && with["recurrent_dropout"] == nil {
				m[&w.Variable] = make([]float64, units*units)
			}
		}
		return g, r.Values, m
	}
	for key, x := range map[string]float64{"dropout": 1, "recurrent_dropout": 0} {
		g, outputs, m := build(layers.With{key: 0.5})
		y, err := coretest.Eval(g, outputs, map[string]*tensor.Tensor{"x": full(x, batch, steps, units), "h": full(1-x, batch, units)}, m, coretest.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		dropped := 0
		for b := range batch {
			for u := range units {
				at := func(step int) float64 { return y[0].Float64s()[(b*steps+step)*units+u] }
				if at(0) == 0 {
					dropped++
				} else if at(0) != 2 {
					t.Fatalf("%s: got %v in the first step, want 0 or 2", key, at(0))
				}
				for step := 1; step < steps; step++ {
					want := at(0)
					if key == "recurrent_dropout" {
						want = at(step-1) * at(0)
					}
					if at(step) != want {
						t.Fatalf("%s: got %v in step %d, want %v", key, at(step), step, want)
					}
				}
			}
		}
		if n := batch * units; dropped < n/4 || dropped > 3*n/4 {
			t.Errorf("%s: got %d of %d dropped, want about half", key, dropped, n)
		}
	}
}

// plainCell is a cell that somebody else wrote: h = x + 2 h.
type plainCell struct {
	core.Base
	Size int `json:"size"`
}

func (l *plainCell) StateSizes() []int                         { return []int{l.Size} }
func (l *plainCell) Build(*core.Builder, []tensor.Shape) error { return nil }
func (l *plainCell) Call(c *core.Call, in []graph.Value) []graph.Value {
	h := c.Graph.Add(in[0], c.Graph.Mul(c.Graph.Const(2), in[1]))
	return []graph.Value{h, h}
}

func TestCellOfOthers(t *testing.T) {
	l := layers.NewRNN(&plainCell{Size: 1}, layers.With{"return_sequences": true, "return_state": true})
	c := sequenceCall{x: tensor.From([]float64{1, 1, 1, 5, 1, 1}, 2, 3, 1), mask: tensor.From([]float64{1, 1, 1, 0, 1, 1}, 2, 3)}
	out, err := c.outputs(l)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{1, 3, 7, 0, 1, 3}, {7, 3}} {
		if got := out[i].Float64s(); !slices.Equal(got, want) {
			t.Errorf("output %d: got %v, want %v", i, got, want)
		}
	}
}

// TestVariableSteps checks that shapes are known as far as they can be while the number of steps is not.
func TestVariableSteps(t *testing.T) {
	for _, c := range []struct {
		layer       core.Layer
		input, want tensor.Shape
	}{
		{layers.NewTimeDistributed(layers.NewDense(4)), tensor.Shape{-1, -1, 3}, tensor.Shape{-1, -1, 4}},
		{layers.NewTimeDistributed(layers.NewConv2D(4, 3)), tensor.Shape{-1, -1, 8, 9, 3}, tensor.Shape{-1, -1, 6, 7, 4}},
		{layers.NewTimeDistributed(layers.NewLSTM(4)), tensor.Shape{-1, -1, -1, 3}, tensor.Shape{-1, -1, 4}},
		{layers.NewBidirectional(layers.NewLSTM(4, layers.With{"return_sequences": true})), tensor.Shape{-1, -1, 3}, tensor.Shape{-1, -1, 8}},
		{layers.NewGRU(4, layers.With{"return_sequences": true, "recurrent_activation": "softmax"}), tensor.Shape{-1, -1, 3}, tensor.Shape{-1, -1, 4}},
		{layers.NewConvLSTM2D(4, 3, layers.With{"return_sequences": true}), tensor.Shape{-1, -1, 8, 9, 3}, tensor.Shape{-1, -1, 6, 7, 4}},
		{layers.NewRNN(layers.NewLSTMCell(4)), tensor.Shape{-1, -1, 3}, tensor.Shape{-1, 4}},
	} {
		if err := core.Build(c.layer, []tensor.Shape{c.input}); err != nil {
			t.Error(err)
			continue
		}
		got, err := core.OutputShapes(c.layer, []tensor.Shape{c.input})
		if err != nil || !got[0].Equal(c.want) {
			t.Errorf("%s: got %v (%v), want %v", c.layer.Common().Place(), got, err, c.want)
		}
	}
}

// TestRecurrentConstructors checks that each constructor makes the layer that the config of its arguments makes.
func TestRecurrentConstructors(t *testing.T) {
	more := layers.With{"name": "x"}
	cell := func() core.Layer { return layers.NewGRUCell(2) }
	for _, c := range []struct {
		layer  core.Layer
		config core.Config
	}{
		{layers.NewSimpleRNN(4, more), core.Config{"units": 4}},
		{layers.NewLSTM(4, more), core.Config{"units": 4}},
		{layers.NewGRU(4, more), core.Config{"units": 4}},
		{layers.NewConvLSTM1D(4, 3, more), core.Config{"filters": 4, "kernel_size": 3}},
		{layers.NewConvLSTM2D(4, []int{3, 2}, more), core.Config{"filters": 4, "kernel_size": []int{3, 2}}},
		{layers.NewConvLSTM3D(4, 3, more), core.Config{"filters": 4, "kernel_size": 3}},
		{layers.NewSimpleRNNCell(4, more), core.Config{"units": 4}},
		{layers.NewLSTMCell(4, more), core.Config{"units": 4}},
		{layers.NewGRUCell(4, more), core.Config{"units": 4}},
		{layers.NewStackedRNNCells([]core.Layer{cell()}, more), core.Config{"cells": []any{cell()}}},
		{layers.NewRNN(cell(), more), core.Config{"cell": cell()}},
		{layers.NewBidirectional(layers.NewGRU(2), more), core.Config{"layer": layers.NewGRU(2)}},
		{layers.NewTimeDistributed(layers.NewDense(2), more), core.Config{"layer": layers.NewDense(2)}},
	} {
		class := c.layer.Common().Class()
		want, err := registry.Default.Decoder(registry.Origin{}).LayerOf(registry.Object{Class: class, Config: c.config}, "x")
		if err != nil {
			t.Fatal(err)
		}
		e := registry.Default.Encoder(core.Keras3)
		got, err := e.Layer(c.layer)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := e.Layer(want)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: got %v, want %v", class, got, wanted)
		}
	}
}

// TestOldRecurrentConfigs checks what configs of older Kerases become.
func TestOldRecurrentConfigs(t *testing.T) {
	for _, c := range []struct {
		version, class, config, want string // want is part of the config of today
	}{
		{"1.2.2", "LSTM", `{"output_dim": 3, "init": "glorot_uniform", "inner_init": "orthogonal", "forget_bias_init": "one", "inner_activation": "hard_sigmoid",
			"consume_less": "cpu", "dropout_W": 0.1, "dropout_U": 0.2, "W_regularizer": null, "input_dim": 4, "input_length": 5}`,
			`{"units": 3, "recurrent_activation": "hard_sigmoid_legacy", "unit_forget_bias": true, "dropout": 0.1, "recurrent_dropout": 0.2}`},
		{"2.2.4", "LSTM", `{"units": 3, "implementation": 1}`, `{"units": 3, "recurrent_activation": "hard_sigmoid_legacy"}`},
		{"2.2.4", "LSTM", `{"units": 3, "recurrent_activation": "hard_sigmoid"}`, `{"recurrent_activation": "hard_sigmoid_legacy"}`},
		{"2.15.0", "LSTM", `{"units": 3, "recurrent_activation": "sigmoid", "time_major": false}`, `{"recurrent_activation": "sigmoid"}`},
		{"3.15.1", "LSTM", `{"units": 3, "recurrent_activation": "hard_sigmoid"}`, `{"recurrent_activation": "hard_sigmoid"}`},
		{"3.15.1", "LSTM", `{"units": 3}`, `{"recurrent_activation": "sigmoid"}`},
		{"2.1.6", "GRU", `{"units": 3}`, `{"reset_after": false, "recurrent_activation": "hard_sigmoid_legacy"}`},
		{"2.4.0", "GRU", `{"units": 3, "reset_after": true}`, `{"reset_after": true}`},
		{"3.0.0", "GRU", `{"units": 3}`, `{"reset_after": true}`},
		{"2.4.0", "GRUCell", `{"units": 3}`, `{"reset_after": false}`},
		{"2.15.0", "RNN", `{"cell": {"class_name": "StackedRNNCells", "config": {"cells": [{"class_name": "GRUCell", "config": {"units": 3, "implementation": 2}}]}}, "time_major": false}`,
			`{"return_sequences": false}`},
		{"2.3.1", "SimpleRNN", `{"units": 3, "implementation": 2}`, `{"units": 3, "activation": "tanh"}`},
		{"2.15.0", "Bidirectional", `{"layer": {"class_name": "LSTM", "config": {"units": 3, "go_backwards": true}}}`, `{"merge_mode": "concat"}`},
	} {
		var config, want core.Config
		for text, v := range map[string]*core.Config{c.config: &config, c.want: &want} {
			if err := json.Unmarshal([]byte(text), v); err != nil {
				t.Fatal(err)
			}
		}
		l, err := registry.Default.Decoder(registry.Origin{KerasVersion: c.version}).LayerOf(registry.Object{Class: c.class, Config: config}, "old")
		if err != nil {
			t.Errorf("Keras %s: %v", c.version, err)
			continue
		}
		got, err := registry.Default.Encoder(core.Keras3).Config(l)
		if err != nil {
			t.Fatal(err)
		}
		for key, v := range want {
			if f, ok := got[key].(core.Config); ok && f["class_name"] == "function" { // Keras 3 has no such activation
				got[key] = f["config"]
			}
			if fmt.Sprint(got[key]) != fmt.Sprint(v) {
				t.Errorf("Keras %s: %s: %s: got %v, want %v", c.version, c.class, key, got[key], v)
			}
		}
	}
}

// TestLegacyBidirectional checks what Keras 2 could not read if it was written.
func TestLegacyBidirectional(t *testing.T) {
	lstm := func(name string, with layers.With) core.Layer {
		return layers.NewLSTM(3, layers.With{"name": name, "return_sequences": true}, with)
	}
	for _, c := range []struct {
		layer    *layers.Bidirectional
		backward bool
	}{
		{layers.NewBidirectional(lstm("a", nil)), false},
		{layers.NewBidirectional(lstm("a", nil), layers.With{"backward_layer": lstm("b", layers.With{"go_backwards": true})}), false},
		{layers.NewBidirectional(lstm("a", nil), layers.With{"backward_layer": lstm("b", layers.With{"go_backwards": true, "activation": "relu"})}), true},
	} {
		o, err := registry.Default.Encoder(core.Legacy).Layer(c.layer)
		if err != nil {
			t.Fatal(err)
		}
		config := o["config"].(core.Config)
		if _, got := config["backward_layer"]; got != c.backward {
			t.Errorf("got a backward_layer: %v, want %v", got, c.backward)
		}
		inner := config["layer"].(map[string]any)["config"].(core.Config)
		if _, there := inner["zero_output_for_mask"]; there || inner["name"] != "a" {
			t.Errorf("got inner config %v, want name a and no zero_output_for_mask", inner)
		}
	}
}

// TestRecurrentMistakes checks what is said of settings and inputs that make no sense.
func TestRecurrentMistakes(t *testing.T) {
	shape := tensor.Shape{-1, 4, 2}
	for _, c := range []struct {
		layer core.Layer
		input tensor.Shape
		want  string
	}{
		{layers.NewLSTM(0, layers.With{"name": "l"}), shape, `layer "l" (LSTM): units: got 0, want > 0`},
		{layers.NewLSTM(3, layers.With{"name": "l", "dropout": 1.5}), shape, `layer "l" (LSTM): dropout: got 1.5, want between 0 and 1`},
		{layers.NewGRU(3, layers.With{"name": "l"}), tensor.Shape{-1, 4}, `layer "l" (GRU): input: got shape (None, 4), want rank 3`},
		{layers.NewGRU(3, layers.With{"name": "l"}), tensor.Shape{-1, 4, -1}, `layer "l" (GRU): input: got shape (None, None), want a known size of axis -1`},
		{layers.NewSimpleRNN(3, layers.With{"name": "l"}), tensor.Shape{-1, 0, 2}, `layer "l" (SimpleRNN): input: got shape (None, 0, 2), want at least one step`},
		{layers.NewGRU(3, layers.With{"name": "g", "stateful": true}), shape, `layer "g" (GRU): stateful: got input shape (None, 4, 2), want a known size of the batch`},
		{layers.NewLSTM(3, layers.With{"name": "l", "time_major": true}), shape, `layer "l" (LSTM): time_major: got true, want false`},
		{layers.NewBidirectional(layers.NewDense(3), layers.With{"name": "b"}), shape, `layer "b" (Bidirectional): layer: got layer "" (Dense), want a recurrent layer`},
		{layers.NewBidirectional(nil, layers.With{"name": "b"}), shape, `layer "b" (Bidirectional): layer: got none, want a recurrent layer`},
		{layers.NewBidirectional(layers.NewLSTM(3), layers.With{"name": "b", "merge_mode": "max"}), shape,
			`layer "b" (Bidirectional): merge_mode: got "max", want one of concat, sum, mul, ave`},
		{layers.NewBidirectional(layers.NewLSTM(3), layers.With{"name": "b", "backward_layer": layers.NewLSTM(3)}), shape,
			`layer "b" (Bidirectional): backward_layer: go_backwards: got false, want true`},
		{layers.NewBidirectional(layers.NewLSTM(3), layers.With{"name": "b", "backward_layer": layers.NewLSTM(3, layers.With{"go_backwards": true, "return_state": true})}), shape,
			`layer "b" (Bidirectional): backward_layer: return_state: got true, want false as in layer`},
		{layers.NewTimeDistributed(layers.NewDense(3), layers.With{"name": "t"}), tensor.Shape{-1, 4}, `layer "t" (TimeDistributed): input: got shape (None, 4), want (batch, steps, ...)`},
		{layers.NewTimeDistributed(nil, layers.With{"name": "t"}), shape, `layer "t" (TimeDistributed): layer: got none, want a layer`},
		{layers.NewRNN(layers.NewDense(3), layers.With{"name": "r"}), shape, `layer "r" (RNN): cell: got layer "" (Dense), want a recurrent cell`},
		{layers.NewRNN(layers.NewStackedRNNCells(nil, layers.With{"name": "s"}), layers.With{"name": "r"}), shape, `layer "r" (RNN): layer "s" (StackedRNNCells): cells: got 0 cells`},
		{layers.NewConvLSTM1D(3, 2, layers.With{"name": "c"}), tensor.Shape{-1, 4, -1, 2}, `layer "c" (ConvLSTM1D): input: got shape (None, 4, None, 2), want a known size of axis 2`},
	} {
		if err := core.Build(c.layer, []tensor.Shape{c.input}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got error %v\nwant %s", err, c.want)
		}
	}
	c := sequenceCall{x: randomTensor(1, 2, 3, 2), states: []*tensor.Tensor{randomTensor(1, 2, 4)}}
	for want, l := range map[string]core.Layer{
		`layer "l" (LSTM): initial_state: got 1 states, want 2`:                    layers.NewLSTM(4, layers.With{"name": "l"}),
		`layer "g" (GRU): initial_state: got state 0 of shape (2, 4), want (2, 5)`: layers.NewGRU(5, layers.With{"name": "g"}),
	} {
		if _, err := c.outputs(l); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
