package plugintest

import (
	"errors"
	"fmt"
	"math"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the comparison of gradients with differences.

// problem is a scalar that depends on inputs and weights.
type problem struct {
	inputs, weights []*tensor.Tensor
	memory          []*core.Weight // what it reads besides
	write           func(g *graph.Graph, inputs, weights []graph.Value) (graph.Value, error)
}

// step is how far a difference goes. Computations are in float32, so it cannot be small.
const step = 1.0 / 256

// run computes the scalar, with everything moved by h along a direction, and the slope along it if asked.
func (p *problem) run(h float64, slope bool) ([]float64, error) {
	g := graph.New()
	feeds := map[string]*tensor.Tensor{}
	var in, ws, wrt []graph.Value
	var directions []*tensor.Tensor
	add := func(kind string, i int, t *tensor.Tensor) graph.Value {
		d := random(uint64(100+len(directions)), t.Shape())
		directions = append(directions, d)
		moved := make([]float64, t.Size())
		x, dir := t.Float64s(), d.Float64s()
		for k := range moved {
			moved[k] = x[k] + h*dir[k]
		}
		name := fmt.Sprint(kind, i)
		feeds[name] = tensor.From(moved, t.Shape()...)
		v := g.Input(name, t.Shape())
		wrt = append(wrt, v)
		return v
	}
	for i, t := range p.inputs {
		in = append(in, add("x", i, t))
	}
	for i, t := range p.weights {
		ws = append(ws, add("w", i, t))
	}
	y, err := p.write(g, in, ws)
	if err != nil {
		return nil, err
	}
	outputs := []graph.Value{y}
	if slope {
		for i, d := range g.Gradients([]graph.Value{y}, nil, wrt) {
			if d.Valid() {
				outputs = append(outputs, g.Sum(g.Mul(d, g.Table(directions[i])), nil, false))
			}
		}
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	m := coretest.Memory[float64]{}
	for _, w := range p.memory {
		m[&w.Variable] = w.Value().Float64s()
	}
	r, err := coretest.Eval[float64](g, outputs, feeds, m, coretest.Mode{})
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(r))
	for i, t := range r {
		out[i] = t.Float64s()[0]
	}
	return out, nil
}

// compare says how far the slope is from what differences say.
func (p *problem) compare() (string, error) {
	at, err := p.run(0, true)
	if err != nil {
		var none *graph.NoGradientError
		if errors.As(err, &none) {
			return "has none: weights before it cannot be trained", errSkip
		}
		return "", err
	}
	if len(at) == 1 {
		return "nothing that it gives depends on anything that could be trained", nil
	}
	want := 0.0
	for _, v := range at[1:] {
		want += v
	}
	var sides [2]float64
	for k, h := range []float64{step, -step} {
		v, err := p.run(h, false)
		if err != nil {
			return "", err
		}
		sides[k] = v[0]
	}
	got := (sides[0] - sides[1]) / (2 * step)
	off := math.Abs(got-want) / max(1, math.Abs(want), math.Abs(at[0])/50)
	if !(off <= 0.02) {
		return "", fmt.Errorf("says a slope of %.6g, differences say %.6g", want, got)
	}
	return fmt.Sprintf("slope %.5g, by differences %.5g", want, got), nil
}
