package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns what tests build graphs and run programs with.

// bench builds a graph with its data.
type bench struct {
	*graph.Graph
	rng       *rand.Rand
	inputs    map[string][]float64
	variables map[*graph.Variable][]float64
	outputs   []graph.Value
}

func newBench(seed uint64) *bench {
	return &bench{Graph: graph.New(), rng: rand.New(rand.NewPCG(seed, 1)), inputs: map[string][]float64{}, variables: map[*graph.Variable][]float64{}}
}

// numbers are n numbers that float32 holds exactly.
func (b *bench) numbers(n int, f func() float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(f()))
	}
	return x
}

func (b *bench) between(lo, hi float64) func() float64 {
	return func() float64 { return lo + (hi-lo)*b.rng.Float64() }
}

// in is an input of numbers between -1 and 1.
func (b *bench) in(shape ...int) graph.Value { return b.data(b.between(-1, 1), shape...) }

// data is an input of numbers that f makes.
func (b *bench) data(f func() float64, shape ...int) graph.Value {
	name := fmt.Sprint("x", len(b.inputs))
	b.inputs[name] = b.numbers(tensor.Shape(shape).Size(), f)
	return b.Input(name, shape)
}

// index is an input of whole numbers below n.
func (b *bench) index(n int, shape ...int) graph.Value {
	return b.data(func() float64 { return float64(b.rng.IntN(n)) }, shape...)
}

// weight is a variable.
func (b *bench) weight(shape ...int) *graph.Variable {
	v := &graph.Variable{Name: fmt.Sprint("w", len(b.variables)), Shape: shape}
	b.variables[v] = b.numbers(v.Shape.Size(), b.between(-1, 1))
	return v
}

func (b *bench) out(v ...graph.Value) { b.outputs = append(b.outputs, v...) }

// memoryOf makes memory for the variables.
func memoryOf[T tensor.Float](b *bench) map[*graph.Variable][]T {
	m := map[*graph.Variable][]T{}
	for v, x := range b.variables {
		m[v] = converted[T](x)
	}
	return m
}

func converted[T tensor.Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// compiled makes a program and fills its inputs.
func compiled[T tensor.Float](t testing.TB, b *bench, o Options[T]) (*Program[T], map[*graph.Variable][]T) {
	t.Helper()
	variables := memoryOf[T](b)
	o.Variables = func(v *graph.Variable) []T { return variables[v] }
	o.Outputs = b.outputs
	p, err := Compile(b.Graph, o)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range b.inputs {
		if to := p.Input(name); to != nil {
			copy(to, converted[T](x))
		}
	}
	return p, variables
}

// far reports the largest difference of two results, relative to the numbers where they are larger than 1.
func far[T tensor.Float](got []T, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i, w := range want {
		g := float64(got[i])
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		d := math.Abs(g-w) / max(1, math.Abs(w))
		if !(d <= worst) {
			worst = d
		}
		if math.IsNaN(d) {
			return math.Inf(1)
		}
	}
	return worst
}

var pools = map[int]*kernel.Pool{1: kernel.NewPool(1), 2: kernel.NewPool(2), 3: kernel.NewPool(3), 5: kernel.NewPool(5)}

// check compares the planned and the plain program with the interpreter.
func (b *bench) check(t *testing.T) {
	t.Helper()
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	ref := &interpreter{t: t, inputs: b.inputs, variables: b.variables, seed: 7, step: 3}
	next := ref.run(b.Graph)
	against(t, b, ref, next, Options[float64]{Plain: true}, 1e-12)
	against(t, b, ref, next, Options[float64]{Poison: true}, 1e-12)
	against(t, b, ref, next, Options[float64]{Poison: true, Constant: true}, 1e-12)
	against(t, b, ref, next, Options[float32]{Plain: true}, 2e-4)
	against(t, b, ref, next, Options[float32]{Poison: true}, 2e-4)
	against(t, b, ref, next, Options[float32]{Poison: true, Constant: true}, 2e-4)
}

func against[T tensor.Float](t *testing.T, b *bench, ref *interpreter, next map[*graph.Variable][]float64, o Options[T], tolerance float64) {
	t.Helper()
	o.Pool = pools[2]
	p, variables := compiled(t, b, o)
	name := fmt.Sprintf("%T plain=%v constant=%v", *new(T), o.Plain, o.Constant)
	compare := func(run int) {
		t.Helper()
		for i, v := range b.outputs {
			if d := far(p.Output(i), ref.get(v)); d > tolerance {
				t.Errorf("%s: run %d: output %d (%s): off by %g\n%v\n%v", name, run, i, v.Node().Op.Name, d, head(p.Output(i)), head(ref.get(v)))
			}
		}
	}
	if err := p.Run(7, 3); err != nil {
		t.Fatal(name, err)
	}
	compare(1)
	for v, want := range next {
		if d := far(variables[v], want); d > tolerance {
			t.Errorf("%s: variable %q: off by %g\n%v\n%v", name, v.Name, d, head(variables[v]), head(want))
		}
	}
	for v, x := range b.variables {
		if next[v] == nil && far(variables[v], x) > 0 {
			t.Errorf("%s: variable %q changed", name, v.Name)
		}
		copy(variables[v], converted[T](x))
	}
	if err := p.Run(7, 3); err != nil {
		t.Fatal(name, err)
	}
	compare(2)
	if t.Failed() {
		for _, s := range p.Steps() {
			t.Log(s.Name)
		}
	}
}

func head[T any](x []T) []T { return x[:min(len(x), 12)] }
