package plan

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns tests on random graphs, where fusion finds situations that nobody thought of.

// draw builds a random graph of everything that takes part in fusion.
func draw(t *rapid.T) *bench {
	b := newBench(rapid.Uint64().Draw(t, "seed"))
	dims := rapid.SliceOfN(rapid.IntRange(1, 5), 3, 3).Draw(t, "dims")
	if rapid.IntRange(0, 4).Draw(t, "wide") == 0 {
		dims[rapid.IntRange(0, 2).Draw(t, "axis")] = rapid.IntRange(100, 1500).Draw(t, "many")
	}
	full := tensor.Shape(dims)
	shape := func() tensor.Shape {
		s := full.Clone()
		for i := range s {
			if rapid.IntRange(0, 3).Draw(t, "one") == 0 {
				s[i] = 1
			}
		}
		return s[rapid.IntRange(0, 2).Draw(t, "rank"):]
	}
	pool := []graph.Value{b.in(full...), b.in(shape()...), b.in(shape()...), b.Const(0.5)}
	var variables []*graph.Variable
	for range rapid.IntRange(0, 2).Draw(t, "variables") {
		v := b.weight(full...)
		variables = append(variables, v)
		pool = append(pool, b.Read(v))
	}
	pick := func() graph.Value { return pool[rapid.IntRange(0, len(pool)-1).Draw(t, "value")] }
	for range rapid.IntRange(1, 25).Draw(t, "operations") {
		x, y := pick(), pick()
		var v graph.Value
		switch rapid.IntRange(0, 15).Draw(t, "op") {
		case 0:
			v = b.Add(x, y)
		case 1:
			v = b.Sub(x, y)
		case 2:
			v = b.Mul(x, y)
		case 3:
			v = b.Maximum(x, y)
		case 4:
			v = b.Relu(x)
		case 5:
			v = b.Tanh(x)
		case 6:
			if !full.Equal(x.Shape()) {
				v = b.BroadcastTo(x, full)
			} else {
				v = b.Reshape(x, x.Shape().Size())
				v = b.Reshape(b.Sigmoid(v), full...)
			}
		case 7:
			if x.Rank() == 0 {
				continue
			}
			v = b.Sum(x, []int{rapid.IntRange(0, x.Rank()-1).Draw(t, "axis")}, true)
		case 8:
			v = b.Mean(x, nil, false)
		case 9:
			v = b.Mul(x, b.GreaterEqual(b.Random(x.Shape()), b.Const(0.5)))
		case 10:
			v = b.Select(b.Greater(x, b.Const(0)), y, pick())
		case 11:
			if x.Rank() != 3 {
				continue
			}
			m := b.Flatten(x, -1)
			v = b.Reshape(b.MatMul(m, b.MatMul(m, b.Tanh(m), true, false), false, false), x.Shape()...)
		case 12:
			if x.Rank() == 0 || x.Dim(0) < 2 {
				continue
			}
			v = b.Concat(0, b.Narrow(x, 0, 1, x.Dim(0)-1), b.Narrow(x, 0, 0, 1))
		case 13:
			// One of the forms that kernels do at once.
			v = b.Add(x, b.Mul(b.Sub(b.Square(y), x), b.Const(0.25)))
		case 14:
			v = b.Sub(x, b.Div(b.Mul(y, b.Const(0.5)), b.Add(b.Sqrt(b.Abs(x)), b.Const(1))))
		default:
			v = b.Tanh(b.Sub(x, b.Max(x, nil, false)))
		}
		v = b.Mul(b.Tanh(v), b.Const(2)) // numbers stay small
		pool = append(pool, v)
	}
	for _, v := range variables {
		for _, x := range pool[4:] {
			if x.Shape().Equal(v.Shape) && rapid.Bool().Draw(t, "assign") {
				b.Assign(v, x)
			}
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "outputs") {
		b.out(pick())
	}
	b.out(pool[len(pool)-1])
	return b
}

func TestRandomGraphs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := draw(r)
		if b.Err() != nil {
			r.Fatal(b.Err())
		}
		want, news := runOnce[float64](r, b, Options[float64]{Pool: pools[1], Plain: true})
		ref := &interpreter{inputs: b.inputs, variables: b.variables, seed: 7, step: 3}
		ref.run(b.Graph)
		got, stored := runOnce[float64](r, b, Options[float64]{Pool: pools[2], Poison: true})
		single, storedSingle := runOnce[float32](r, b, Options[float32]{Pool: pools[3], Poison: true})
		for i, v := range b.outputs {
			if d := far(want[i], ref.get(v)); d > 1e-11 {
				r.Errorf("plain output %d is off by %g", i, d)
			}
			if d := far(got[i], want[i]); d > 1e-11 {
				r.Errorf("output %d is off by %g", i, d)
			}
			if d := far(single[i], want[i]); d > 2e-3 {
				r.Errorf("float32 output %d is off by %g", i, d)
			}
		}
		for v, x := range news {
			if d := far(stored[v], x); d > 1e-11 {
				r.Errorf("variable %q is off by %g", v.Name, d)
			}
			if d := far(storedSingle[v], x); d > 2e-3 {
				r.Errorf("float32 variable %q is off by %g", v.Name, d)
			}
		}
	})
}

func runOnce[T tensor.Float](r *rapid.T, b *bench, o Options[T]) ([][]T, map[*graph.Variable][]T) {
	variables := memoryOf[T](b)
	o.Variables, o.Outputs = func(v *graph.Variable) []T { return variables[v] }, b.outputs
	p, err := Compile(b.Graph, o)
	if err != nil {
		r.Fatal(err)
	}
	for name, x := range b.inputs {
		if to := p.Input(name); to != nil {
			copy(to, converted[T](x))
		}
	}
	if err := p.Run(7, 3); err != nil {
		r.Fatal(err)
	}
	var out [][]T
	for i := range b.outputs {
		out = append(out, p.Output(i))
	}
	return out, variables
}

// TestThrough checks that an access through another one finds what the two find one after the other.
func TestThrough(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dims := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 4)
		shape := tensor.Shape(dims.Draw(r, "shape"))
		strides := make([]int, len(shape))
		for i := range strides {
			strides[i] = rapid.IntRange(0, 3).Draw(r, "stride") * rapid.SampledFrom([]int{1, 5, 20}).Draw(r, "unit")
		}
		b := newAccess(rapid.IntRange(0, 3).Draw(r, "offset"), shape, strides) // of an operand, over a tensor of that shape
		n := shape.Size()
		// A reading of that tensor: its own axes, some repeated, some in part.
		var outer, steps []int
		own := n
		for _, d := range shape {
			own /= d
			if rapid.IntRange(0, 2).Draw(r, "repeat") == 0 {
				outer, steps = append(outer, 3), append(steps, 0)
			}
			outer, steps = append(outer, rapid.IntRange(1, d).Draw(r, "part")), append(steps, own)
		}
		a := newAccess(0, outer, steps)
		joined, ok := a.through(b)
		if !ok {
			return
		}
		for i := range tensor.Shape(outer).Size() {
			if got, want := joined.at(i), b.at(a.at(i)); got != want {
				r.Fatalf("place %d of %v through %v: got %d, want %d (%v)", i, a, b, got, want, joined)
			}
		}
	})
}
