package layers

import (
	"fmt"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns RNN, which makes a recurrent layer of a cell, and the cells.

// Cell is a layer that computes one step of a recurrent layer: its inputs are the input of the step (batch, channels) and the states,
// its outputs the output of the step and the new states.
type Cell interface {
	core.Layer
	// StateSizes are the sizes of the states: state i is (batch, StateSizes()[i]).
	StateSizes() []int
}

// RNN runs a cell over a sequence.
//
// Input (batch, steps, channels); outputs: see Recurrent. Source: keras/src/layers/rnn/rnn.py.
type RNN struct {
	core.Base
	Recurrent
	Cell core.Layer `json:"cell"`

	run sequencer
}

// SimpleRNNCell is one step of SimpleRNN. Inputs (batch, channels) and the state (batch, units); outputs the new state, twice.
type SimpleRNNCell struct {
	core.Base
	CellConfig
	gates
}

// LSTMCell is one step of LSTM. Inputs (batch, channels) and the states h and c (batch, units); outputs h, h and c.
type LSTMCell struct {
	core.Base
	LSTMConfig
	gates
}

// GRUCell is one step of GRU. Inputs (batch, channels) and the state (batch, units); outputs the new state, twice.
type GRUCell struct {
	core.Base
	GRUConfig
	gates
}

// StackedRNNCells makes one cell of several, each of which takes the output of the one before. Its states are theirs, one after the
// other. Source: keras/src/layers/rnn/stacked_rnn_cells.py.
type StackedRNNCells struct {
	core.Base
	Cells []core.Layer `json:"cells"`

	run []sequencer
}

func init() {
	registerUpgraded("RNN", func() *RNN { return &RNN{} }, upgradeRNN)
	registerUpgraded("SimpleRNNCell", func() *SimpleRNNCell { return &SimpleRNNCell{CellConfig: CellConfig{CellSettings: newCellSettings()}} }, upgradeRNN)
	registerUpgraded("LSTMCell", func() *LSTMCell { return &LSTMCell{LSTMConfig: newLSTMConfig()} }, upgradeGates)
	registerUpgraded("GRUCell", func() *GRUCell { return &GRUCell{GRUConfig: newGRUConfig()} }, upgradeGRU)
	registerUpgraded("StackedRNNCells", func() *StackedRNNCells { return &StackedRNNCells{} }, upgradeRNN)
}

// NewRNN makes an RNN layer of a cell, which belongs to it from then on.
func NewRNN(cell core.Layer, with ...With) *RNN {
	return configure[*RNN]("RNN", With{"cell": cell}, with)
}

// NewSimpleRNNCell makes a SimpleRNNCell.
func NewSimpleRNNCell(units int, with ...With) *SimpleRNNCell {
	return configure[*SimpleRNNCell]("SimpleRNNCell", With{"units": units}, with)
}

// NewLSTMCell makes an LSTMCell.
func NewLSTMCell(units int, with ...With) *LSTMCell {
	return configure[*LSTMCell]("LSTMCell", With{"units": units}, with)
}

// NewGRUCell makes a GRUCell.
func NewGRUCell(units int, with ...With) *GRUCell {
	return configure[*GRUCell]("GRUCell", With{"units": units}, with)
}

// NewStackedRNNCells makes one cell of several.
func NewStackedRNNCells(cells []core.Layer, with ...With) *StackedRNNCells {
	return configure[*StackedRNNCells]("StackedRNNCells", With{"cells": cells}, with)
}

// Build builds the cell.
func (l *RNN) Build(b *core.Builder, inputs []tensor.Shape) error {
	step, err := wantSequence(inputs, 0)
	if err != nil {
		return err
	}
	if l.run, err = sequencerOf("cell", l.Cell); err != nil {
		return err
	}
	l.Cell.Common().Name = nameOf(l.Cell)
	if err := b.Child("cell", l.Cell, step); err != nil {
		return err
	}
	return l.keepStates(b, &l.Base, inputs[0], l.run)
}

// Call runs all steps.
func (l *RNN) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return l.call(c, inputs, l.run)
}

// sequencerOf says how the steps of a cell are run: cells of the standard set know that themselves.
func sequencerOf(key string, l core.Layer) (sequencer, error) {
	switch l := l.(type) {
	case nil:
		return nil, core.Errorf(core.ErrLayerConfig, key, "got none, want a recurrent cell")
	case sequencer:
		return l, nil
	case Cell:
		return stepwise{l}, nil
	}
	return nil, core.Errorf(core.ErrLayerConfig, key, "got %s, want a recurrent cell", l.Common().Place())
}

// stepwise runs a cell that is known by its calls alone.
type stepwise struct{ Cell }

func (s stepwise) stateShapes(input tensor.Shape) []tensor.Shape {
	var shapes []tensor.Shape
	for _, n := range s.StateSizes() {
		shapes = append(shapes, tensor.Shape{input[0], n})
	}
	return shapes
}

func (s stepwise) sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value) {
	states = zeroStates(c.Graph, states, s.stateShapes(x.Shape()))
	return unroll(c.Graph, x, states, mask, r, func(x graph.Value, states []graph.Value) (graph.Value, []graph.Value) {
		out := c.Child(s.Cell, append([]graph.Value{x}, states...), nil, nil).Values
		if c.Graph.Err() == nil && len(out) != 1+len(states) {
			c.Graph.Fail(core.Errorf(core.ErrGraph, s.Common().Place(), "got %d outputs, want the output and %d states", len(out), len(states)))
		}
		if c.Graph.Err() != nil {
			return x, states
		}
		return out[0], slices.Clone(out[1:])
	})
}

// gates is what the cell layers share: the cell, and how it is called for one step.
type gates struct{ cell *cell }

func (l *gates) build(b *core.Builder, inputs []tensor.Shape, c *cell) error {
	if len(inputs) == 0 {
		return core.Errorf(core.ErrGraph, "", "got no input, want that of a step")
	}
	if err := core.WantInputs(inputs[:1], 1, 2); err != nil {
		return err
	}
	l.cell = c
	return c.build(b, inputs[0], "", "")
}

// StateSizes are the sizes of the states.
func (l *gates) StateSizes() []int {
	if l.cell == nil {
		return nil
	}
	return slices.Repeat([]int{l.cell.Units}, l.cell.states())
}

func (l *gates) stateShapes(input tensor.Shape) []tensor.Shape { return l.cell.stateShapes(input) }

func (l *gates) sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value) {
	return l.cell.sequence(c, x, states, mask, r)
}

// Call computes one step.
func (l *gates) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return oneStep(c, inputs, l)
}

// oneStep is one step of a cell: a sequence of one.
func oneStep(c *core.Call, inputs []graph.Value, s sequencer) []graph.Value {
	c.DropMasks()
	x, r := c.Graph.ExpandDims(inputs[0], 1), &Recurrent{}
	states := c.Arg("states")
	if states == nil && len(inputs) > 1 {
		states = inputs[1:]
	}
	states = checkStates(c, states, s.stateShapes(x.Shape()))
	if c.Graph.Err() != nil {
		return nil
	}
	_, last, after := s.sequence(c, x, states, graph.Value{}, r)
	return append([]graph.Value{last}, after...)
}

// Build declares kernel, recurrent_kernel and bias.
func (l *SimpleRNNCell) Build(b *core.Builder, inputs []tensor.Shape) error {
	return l.build(b, inputs, &cell{CellConfig: &l.CellConfig, kind: "simple"})
}

// Build declares kernel, recurrent_kernel and bias.
func (l *LSTMCell) Build(b *core.Builder, inputs []tensor.Shape) error {
	return l.build(b, inputs, l.newCell())
}

// Build declares kernel, recurrent_kernel and bias.
func (l *GRUCell) Build(b *core.Builder, inputs []tensor.Shape) error {
	return l.build(b, inputs, l.newCell())
}

// Build builds the cells, each for the output of the one before.
func (l *StackedRNNCells) Build(b *core.Builder, inputs []tensor.Shape) error {
	if len(inputs) == 0 || len(l.Cells) == 0 {
		return core.Errorf(core.ErrLayerConfig, "cells", "got %d cells and %d inputs, want at least one of each", len(l.Cells), len(inputs))
	}
	shape := inputs[0]
	var names []string
	for i, inner := range l.Cells {
		key := fmt.Sprintf("cells[%d]", i)
		s, err := sequencerOf(key, inner)
		if err != nil {
			return err
		}
		l.run = append(l.run, s)
		names = append(names, newName(names, nameOf(inner)))
		inner.Common().Name = names[i]
		if err := b.Child("cells[]", inner, shape); err != nil {
			return err
		}
		out, err := core.OutputShapes(inner, []tensor.Shape{shape})
		if err != nil {
			return err
		}
		shape = out[0]
	}
	return nil
}

// newName is a name, with a number after it if names have it.
func newName(names []string, name string) string {
	all := name
	for n := 1; slices.Contains(names, all); n++ {
		all = fmt.Sprintf("%s_%d", name, n)
	}
	return all
}

// Call computes one step of all cells.
func (l *StackedRNNCells) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return oneStep(c, inputs, l)
}

// StateSizes are the sizes of the states of all cells.
func (l *StackedRNNCells) StateSizes() []int {
	var sizes []int
	for _, inner := range l.Cells {
		if c, ok := inner.(Cell); ok {
			sizes = append(sizes, c.StateSizes()...)
		}
	}
	return sizes
}

func (l *StackedRNNCells) stateShapes(input tensor.Shape) []tensor.Shape {
	var shapes []tensor.Shape
	for _, s := range l.run {
		shapes = append(shapes, s.stateShapes(input)...)
	}
	return shapes
}

// sequence runs one cell after the other over all steps, which is the same as all cells for one step after the other: a cell sees of the
// cells after it nothing, and masked steps change no state of any cell.
func (l *StackedRNNCells) sequence(c *core.Call, x graph.Value, states []graph.Value, mask graph.Value, r *Recurrent) (y, last graph.Value, after []graph.Value) {
	inner := *r
	if r.GoBackwards {
		x = c.Graph.Reverse(x, 1)
		if mask.Valid() {
			mask = c.Graph.Reverse(mask, 1)
		}
		inner.GoBackwards = false
	}
	for _, s := range l.run {
		n := len(s.stateShapes(x.Shape()))
		var next []graph.Value
		y, last, next = s.sequence(c, x, states[:n], mask, &inner)
		x, states, after = y, states[n:], append(after, next...)
	}
	return y, last, after
}
