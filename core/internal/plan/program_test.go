package plan

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns the tests of whole programs: the same bits for any number of threads, assembly against the Go loops, failing runs,
// several programs over one set of variables, and what must have been fused.

// trained runs three steps and returns all variables and outputs.
func trained[T tensor.Float](t *testing.T, b *bench, o Options[T]) [][]T {
	t.Helper()
	p, variables := compiled(t, b, o)
	for step := range uint64(3) {
		if err := p.Run(5, step); err != nil {
			t.Fatal(err)
		}
	}
	var all [][]T
	for _, n := range b.Nodes() {
		if n.Op.Name == "Variable" {
			all = append(all, variables[n.Attr.(graph.VariableAttr).Var])
		}
	}
	for i := range b.outputs {
		all = append(all, slices.Clone(p.Output(i)))
	}
	return all
}

func TestThreads(t *testing.T) {
	for _, m := range []func() *trainer{func() *trainer { return mlp(40, 150, 130) }, func() *trainer { return cnn(5, 14, 8) }, func() *trainer { return lstm(30, 6, 40) }} {
		var want [][]float32
		for _, workers := range []int{1, 2, 3, 5} {
			got := trained(t, m().bench, Options[float32]{Pool: pools[workers]})
			if want == nil {
				want = got
			}
			for i := range got {
				for k := range got[i] {
					if math.Float32bits(got[i][k]) != math.Float32bits(want[i][k]) {
						t.Fatalf("%d workers: result %d: element %d is %v, with one worker %v", workers, i, k, got[i][k], want[i][k])
					}
				}
			}
		}
	}
}

func TestAssemblyAgainstReference(t *testing.T) {
	for _, m := range models {
		pools[3].SetReference(true)
		want := trained(t, m.small().bench, Options[float32]{Pool: pools[3]})
		pools[3].SetReference(false)
		got := trained(t, m.small().bench, Options[float32]{Pool: pools[3]})
		for i := range got {
			if d := far(got[i], (&tensorOf{want[i]}).float64s()); d > 1e-4 {
				t.Errorf("%s: result %d: off by %g", m.name, i, d)
			}
		}
	}
}

type tensorOf struct{ x []float32 }

func (t *tensorOf) float64s() []float64 { return tensor.From(t.x).Float64s() }

// TestPlannedTraining compares several steps, with the random numbers of each, with those of a plain program in both types.
func TestPlannedTraining(t *testing.T) {
	for _, m := range models {
		want := trained(t, m.small().bench, Options[float64]{Pool: pools[1], Plain: true})
		got := trained(t, m.small().bench, Options[float64]{Pool: pools[2], Poison: true})
		single := trained(t, m.small().bench, Options[float32]{Pool: pools[2], Poison: true})
		for i := range want {
			if d := far(got[i], want[i]); d > 1e-12 {
				t.Errorf("%s: float64 result %d: off by %g", m.name, i, d)
			}
			if d := far(single[i], want[i]); d > 1e-4 {
				t.Errorf("%s: float32 result %d: off by %g", m.name, i, d)
			}
		}
	}
}

func TestFailingRunChangesNoVariable(t *testing.T) {
	b := mlp(6, 9, 7)
	table := b.weight(5, 9)
	b.Scope("embedding_1")
	index := b.index(5, 6)
	row := b.Gather(b.Read(table), index)
	b.Assign(table, b.Add(b.Read(table), b.Sum(row, nil, false)))
	b.Scope("counter")
	count := b.weight()
	b.Assign(count, b.Add(b.Read(count), b.Const(1))) // depends on nothing that may fail
	p, variables := compiled(t, b.bench, Options[float32]{Pool: pools[2]})
	var inputs []string
	for _, n := range b.Nodes() {
		if n.Op.Name == "Input" {
			inputs = append(inputs, n.Attr.(graph.InputAttr).Name)
		}
	}
	labels, rows := p.Input(inputs[1]), p.Input(index.Node().Attr.(graph.InputAttr).Name)
	for _, c := range []struct {
		at   []float32
		bad  float32
		want RangeError
	}{
		{rows, 5, RangeError{Op: "Gather", Scope: "embedding_1", What: "index", Got: 5, Limit: 5}},
		{rows, -1, RangeError{Op: "Gather", Scope: "embedding_1", What: "index", Got: -1, Limit: 5}},
		{labels, 10, RangeError{Op: "SparseSoftmaxCrossEntropy", What: "label", Got: 10, Limit: 10}},
		{labels, float32(math.NaN()), RangeError{Op: "SparseSoftmaxCrossEntropy", What: "label", Got: math.MinInt, Limit: 10}},
	} {
		good := c.at[2]
		c.at[2] = c.bad
		err := p.Run(1, 1)
		c.at[2] = good
		var got *RangeError
		if !errors.As(err, &got) || *got != c.want {
			t.Errorf("got %v, want %v", err, &c.want)
		}
		for v, want := range b.variables {
			if far(variables[v], want) != 0 {
				t.Fatalf("variable %q changed in a run that failed with %v", v.Name, err)
			}
		}
	}
	if err := p.Run(1, 1); err != nil {
		t.Fatal(err)
	}
	if variables[count][0] != float32(b.variables[count][0])+1 {
		t.Error("a run after a failed one did not count")
	}
}

// TestSharedVariables trains with one program and predicts with another that keeps what depends on variables.
func TestSharedVariables(t *testing.T) {
	b := newBench(3)
	w, bias := b.weight(50, 40), b.weight(50)
	x := b.in(30, 40)
	y := b.Relu(b.Add(b.MatMul(x, b.Read(w), false, true), b.Tanh(b.Read(bias))))
	b.out(y)
	variables := memoryOf[float32](b)
	memory := func(v *graph.Variable) []float32 { return variables[v] }
	predict, err := Compile(b.Graph, Options[float32]{Outputs: b.outputs, Variables: memory, Constant: true, Pool: pools[2]})
	if err != nil {
		t.Fatal(err)
	}
	train := graph.New()
	train.Assign(w, train.Mul(train.Read(w), train.Const(-0.5)))
	train.Assign(bias, train.Sum(train.Read(w), []int{1}, false))
	update, err := Compile(train, Options[float32]{Variables: memory, Pool: pools[2]})
	if err != nil {
		t.Fatal(err)
	}
	name := x.Node().Attr.(graph.InputAttr).Name
	copy(predict.Input(name), converted[float32](b.inputs[name]))
	for range 3 {
		ref := &interpreter{t: t, inputs: b.inputs, variables: map[*graph.Variable][]float64{
			w: tensor.From(variables[w]).Float64s(), bias: tensor.From(variables[bias]).Float64s()}}
		ref.run(b.Graph)
		predict.Invalidate()
		for range 2 {
			if err := predict.Run(0, 0); err != nil {
				t.Fatal(err)
			}
			if d := far(predict.Output(0), ref.get(y)); d > 1e-4 {
				t.Fatalf("prediction off by %g", d)
			}
		}
		if err := update.Run(0, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConstantWithState keeps what depends on weights, not what depends on a state that runs change.
func TestConstantWithState(t *testing.T) {
	b := newBench(3)
	w, state := b.weight(5, 5), b.weight(3, 5)
	next := b.Tanh(b.Add(b.MatMul(b.Read(state), b.Sin(b.Read(w)), false, true), b.in(3, 5)))
	b.Assign(state, next)
	b.out(b.Cos(b.Read(state)))
	p, variables := compiled(t, b, Options[float64]{Pool: pools[2], Constant: true})
	for range 4 {
		ref := &interpreter{t: t, inputs: b.inputs, variables: map[*graph.Variable][]float64{w: b.variables[w], state: slices.Clone(variables[state])}}
		want := ref.run(b.Graph)[state]
		if err := p.Run(0, 0); err != nil {
			t.Fatal(err)
		}
		if d := far(variables[state], want); d > 1e-12 {
			t.Fatalf("state off by %g", d)
		}
		if d := far(p.Output(0), ref.get(b.outputs[0])); d > 1e-12 {
			t.Fatalf("output off by %g", d)
		}
	}
}

// TestAssigns checks that all reads see the values from before the run.
func TestAssigns(t *testing.T) {
	b := newBench(4)
	v, w, u, last, kept := b.weight(700, 3), b.weight(700, 3), b.weight(3), b.weight(3), b.weight(2, 2)
	x := b.in(700, 3)
	b.Assign(v, b.Read(w)) // a swap
	b.Assign(w, b.Read(v))
	b.Assign(u, b.Sum(b.Mul(b.Read(v), x), []int{0}, false))
	b.Assign(last, b.Add(b.Read(last), b.Const(1)))
	b.Assign(last, b.Mul(b.Read(last), b.Read(u)))
	b.Assign(kept, b.Transpose(b.Read(kept), 1, 0))
	b.out(b.Read(v), b.Read(u), b.Add(b.Read(last), b.Const(1)), x, b.Read(kept), b.Add(b.Read(w), b.Read(u)))
	b.check(t)

	b = newBench(4)
	v, w = b.weight(40, 40), b.weight(40, 40)
	p := b.MatMul(b.Read(v), b.Read(w), false, false)
	b.Assign(v, b.Add(b.Read(v), p))                              // read by the product itself
	b.Assign(w, b.Add(b.Read(w), b.Transpose(b.Read(w), 1, 0)))   // read in another order
	b.out(b.Max(b.Sub(b.Read(v), b.Read(w)), []int{0}, false), p) // read by others
	b.check(t)
}

func TestFusion(t *testing.T) {
	names := func(b *trainer) (all []string) {
		p, _ := compiled(t, b.bench, Options[float32]{Pool: pools[2]})
		for _, s := range p.Steps() {
			all = append(all, s.Name)
		}
		return all
	}
	const adam = "+sub+mul+add+square+sub+mul+add+mul+sqrt+add+div+sub"
	for _, c := range []struct {
		name  string
		b     *trainer
		steps int
		want  []string
	}{
		{"MLP", mlp(6, 9, 7), 15, []string{"MatMul+add+relu", "MatMul+add", "MatMul+relu_grad", "MatMul" + adam}},
		{"CNN", cnn(3, 8, 4), 27, []string{"MaxPool+mul", "Conv+add+relu", "MatMul+add+relu+mul", "ConvGradInput+relu_grad", "ConvGradKernel" + adam, "MatMul" + adam, "MatMul+mul+relu_grad"}},
		{"LSTM", lstm(3, 5, 6), 18, []string{"RNN", "RNNGrad", "MatMul+add", "MatMul" + adam}},
	} {
		got := names(c.b)
		if len(got) > c.steps {
			t.Errorf("%s: %d steps, want at most %d: %s", c.name, len(got), c.steps, strings.Join(got, ", "))
		}
		for _, w := range c.want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no step %q among %s", c.name, w, strings.Join(got, ", "))
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{tensor.Unknown, 2})
	if _, err := Compile(g, Options[float32]{Outputs: []graph.Value{g.Relu(x)}}); err == nil || !strings.Contains(err.Error(), "(None, 2)") {
		t.Errorf("unknown size: got %v", err)
	}
	g = graph.New()
	v := &graph.Variable{Name: "kernel", Shape: tensor.Shape{3, 2}}
	y := g.Relu(g.Read(v))
	short := func(*graph.Variable) []float32 { return make([]float32, 5) }
	if _, err := Compile(g, Options[float32]{Outputs: []graph.Value{y}, Variables: short}); err == nil || !strings.Contains(err.Error(), `"kernel"`) {
		t.Errorf("short variable: got %v", err)
	}
	if _, err := Compile(g, Options[float32]{Outputs: []graph.Value{y}}); err == nil {
		t.Error("no memory for variables went through")
	}
	if _, err := Compile(g, Options[float32]{Outputs: []graph.Value{{}}, Variables: short}); err == nil {
		t.Error("an output that is no value went through")
	}
	g.MatMul(y, y, false, false)
	if _, err := Compile(g, Options[float32]{}); err == nil {
		t.Error("a graph with a mistake went through")
	}
	g = graph.New()
	r, _, _ := g.RNN(graph.RNNAttr{Cell: "lstm", Activation: "nonsense", RecurrentActivation: "tanh"},
		graph.RNNInputs{X: g.Input("x", tensor.Shape{1, 2, 8}), R: g.Input("r", tensor.Shape{2, 8})})
	if _, err := Compile(g, Options[float32]{Outputs: []graph.Value{r}}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("unknown activation: got %v", err)
	}
}

// TestSumOfPoolGradient checks the sum of a bias' gradient behind a pooling.
func TestSumOfPoolGradient(t *testing.T) {
	for _, pad := range []int{0, 1, 2} {
		b := newBench(6)
		x := b.Add(b.in(2, 7, 7, 3), b.Read(b.weight(3)))
		a := graph.PoolAttr{Size: []int{2, 2}, Strides: []int{2, 2}, PadLo: []int{pad, pad}, PadHi: []int{pad, pad}}
		y := b.Add(b.AvgPool(b.Relu(x), a), b.MaxPool(b.Relu(x), graph.PoolAttr{Size: []int{2, 2}, Strides: []int{2, 2}, PadLo: []int{pad, 0}, PadHi: []int{pad, 2 * pad}}))
		if pad == 2 {
			y = b.AvgPool(x, a) // the maximum of an empty window is infinite
		}
		loss := b.Sum(b.Mul(y, b.in(y.Shape()...)), nil, false)
		d := b.Gradient(loss, x)
		b.out(b.Sum(d[0], []int{0, 1, 2}, false), d[0])
		b.check(t)
	}
}

// TestOnlyTheShapeIsRead has a recurrent layer of whose output only the last state counts, before and behind a pooling whose gradient
// takes the shape of its input alone.
func TestOnlyTheShapeIsRead(t *testing.T) {
	b := newBench(5)
	a := graph.RNNAttr{Cell: "gru", Activation: "tanh", RecurrentActivation: "sigmoid", ResetAfter: true}
	x, h0 := b.in(3, 4, 12), b.in(3, 4)
	y, h, _ := b.RNN(a, graph.RNNInputs{X: b.Mul(x, b.Const(0.5)), R: b.in(4, 12), RBias: b.Tanh(b.in(12)), H0: h0})
	pooled := b.AvgPool(b.Tanh(y), graph.PoolAttr{Size: []int{2}, Strides: []int{2}, PadLo: []int{0}, PadHi: []int{0}})
	loss := b.Add(b.Sum(h, nil, false), b.Sum(b.Mul(pooled, b.in(3, 2, 4)), nil, false))
	b.out(b.Gradient(loss, x, h0)...)
	d := b.Gradient(b.Sum(b.AvgPool(y, graph.PoolAttr{Size: []int{2}, Strides: []int{1}, PadLo: []int{0}, PadHi: []int{0}}), nil, false), y)
	b.out(d[0])
	b.check(t)
}
