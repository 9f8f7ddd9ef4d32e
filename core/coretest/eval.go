package coretest

import (
	"fmt"
	"math"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/internal/plan"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns running small graphs and comparing tensors.

// Memory is the values of the variables of a graph.
type Memory[T tensor.Float] map[*graph.Variable][]T

// Mode is how a graph is run.
type Mode struct {
	Plain     bool // without fusion and without reuse of memory
	Reference bool // with the generic Go loops
	Threads   int  // 0: one per processor
}

// Eval runs a graph once: feeds are its inputs by name. The memory of assigned variables changes.
func Eval[T tensor.Float](g *graph.Graph, outputs []graph.Value, feeds map[string]*tensor.Tensor, m Memory[T], mode Mode) ([]*tensor.Tensor, error) {
	pool := kernel.Default()
	if mode.Threads > 0 || mode.Reference {
		pool = kernel.NewPool(mode.Threads)
		defer pool.Close()
	}
	pool.SetReference(mode.Reference)
	p, err := plan.Compile(g, plan.Options[T]{
		Outputs: outputs, Pool: pool, Plain: mode.Plain, Poison: true,
		Variables: func(v *graph.Variable) []T { return m[v] },
	})
	if err != nil {
		return nil, err
	}
	for name, t := range feeds {
		if in := p.Input(name); in != nil {
			tensor.CopyTo(in, t, 0)
		}
	}
	if err := p.Run(1, 1); err != nil {
		return nil, err
	}
	out := make([]*tensor.Tensor, len(outputs))
	for i, v := range outputs {
		out[i] = tensor.From(append([]T(nil), p.Output(i)...), v.Shape()...)
	}
	return out, nil
}

// Near reports how got differs from want: by more than tol times the larger of 1 and the largest number of want, in shape, or in where
// it is NaN. nil means it does not.
func Near(what string, got, want *tensor.Tensor, tol float64) error {
	if !got.Shape().Equal(want.Shape()) {
		return fmt.Errorf("%s: got shape %v, want %v", what, got.Shape(), want.Shape())
	}
	scale := 1.0
	w := want.Float64s()
	for _, v := range w {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			scale = max(scale, math.Abs(v))
		}
	}
	x, worst, at := got.Float64s(), 0.0, -1
	for i := range x {
		if x[i] == w[i] || math.IsNaN(x[i]) && math.IsNaN(w[i]) {
			continue
		}
		if d := math.Abs(x[i] - w[i]); !(d <= worst) {
			worst, at = d, i
		}
	}
	if at < 0 || worst <= tol*scale {
		return nil
	}
	return fmt.Errorf("%s: element %d: got %v, want %v (differs by %.3g, allowed %.3g)", what, at, x[at], w[at], worst, tol*scale)
}
