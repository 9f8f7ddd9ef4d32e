package graph_test

import (
	"fmt"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// The values of operations and gradients are checked where they are computed, in core/internal/plan; here are shapes and structure.

const none = tensor.Unknown

func Example() {
	g := graph.New()
	x := g.Input("x", tensor.Shape{none, 784})
	kernel := g.Read(&graph.Variable{Name: "kernel", Shape: tensor.Shape{784, 10}})
	y := g.Softmax(g.MatMul(x, kernel, false, false))
	fmt.Println(y.Shape(), g.Err())

	// The first mistake is kept, what follows is harmless.
	z := g.Relu(g.MatMul(y, kernel, false, false))
	fmt.Println(z.Valid(), g.Err())
	// Output:
	// (None, 10) <nil>
	// true MatMul (None, 10), (784, 10): inner sizes 10 and 784 differ
}

func TestShapes(t *testing.T) {
	in := func(g *graph.Graph, shape ...int) graph.Value { return g.Input("x", shape) }
	conv := graph.ConvAttr{Strides: []int{2}, Dilation: []int{1}, PadLo: []int{1}, PadHi: []int{1}, Groups: 1}
	for _, c := range []struct {
		name  string
		build func(g *graph.Graph) graph.Value
		want  tensor.Shape // nil: a mistake
	}{
		{"add broadcasts", func(g *graph.Graph) graph.Value { return g.Add(in(g, none, 1, 3), in(g, 4, 1)) }, tensor.Shape{none, 4, 3}},
		{"add of shapes that differ", func(g *graph.Graph) graph.Value { return g.Add(in(g, 2, 3), in(g, 2)) }, nil},
		{"reshape infers", func(g *graph.Graph) graph.Value { return g.Reshape(in(g, 4, 6), 3, none) }, tensor.Shape{3, 8}},
		{"reshape of another size", func(g *graph.Graph) graph.Value { return g.Reshape(in(g, 4, 6), 5, none) }, nil},
		{"reshape of an unknown size", func(g *graph.Graph) graph.Value { return g.Reshape(in(g, none, 6), none, 2, 3) }, tensor.Shape{none, 2, 3}},
		{"transpose", func(g *graph.Graph) graph.Value { return g.Transpose(in(g, none, 2, 3), 0, 2, 1) }, tensor.Shape{none, 3, 2}},
		{"transpose by no permutation", func(g *graph.Graph) graph.Value { return g.Transpose(in(g, 2, 3), 1, 1) }, nil},
		{"concat", func(g *graph.Graph) graph.Value { return g.Concat(-1, in(g, none, 2), in(g, 5, 3)) }, tensor.Shape{5, 5}},
		{"concat of ranks that differ", func(g *graph.Graph) graph.Value { return g.Concat(0, in(g, 2), in(g, 2, 2)) }, nil},
		{"slice to the end", func(g *graph.Graph) graph.Value { return g.Slice(in(g, 7), []int{1}, []int{-1}, []int{2}) }, tensor.Shape{3}},
		{"slice backwards", func(g *graph.Graph) graph.Value { return g.Slice(in(g, 7), []int{-1}, []int{-1}, []int{-3}) }, tensor.Shape{3}},
		{"slice of what is not there", func(g *graph.Graph) graph.Value { return g.Slice(in(g, 7), []int{5}, []int{3}, []int{1}) }, nil},
		{"pad", func(g *graph.Graph) graph.Value { return g.Pad(in(g, none, 3), []int{0, 1}, []int{0, 2}) }, tensor.Shape{none, 6}},
		{"repeat", func(g *graph.Graph) graph.Value { return g.Repeat(in(g, none, 3), 1, 2) }, tensor.Shape{none, 6}},
		{"sum of axes apart", func(g *graph.Graph) graph.Value { return g.Sum(in(g, 2, 3, 4), []int{0, -1}, false) }, tensor.Shape{3}},
		{"mean of all", func(g *graph.Graph) graph.Value { return g.Mean(in(g, 2, 3), nil, true) }, tensor.Shape{1, 1}},
		{"sum of no such axis", func(g *graph.Graph) graph.Value { return g.Sum(in(g, 2, 3), []int{2}, false) }, nil},
		{"matmul of transposed operands", func(g *graph.Graph) graph.Value { return g.MatMul(in(g, 8, 3, 2), in(g, 8, 5, 3), true, true) }, tensor.Shape{8, 2, 5}},
		{"conv", func(g *graph.Graph) graph.Value { return g.Conv(in(g, none, 9, 3), in(g, 3, 3, 4), conv) }, tensor.Shape{none, 5, 4}},
		{"conv of other channels", func(g *graph.Graph) graph.Value { return g.Conv(in(g, none, 9, 2), in(g, 3, 3, 4), conv) }, nil},
		{"gather", func(g *graph.Graph) graph.Value { return g.Gather(in(g, 10, 4), in(g, none, 7)) }, tensor.Shape{none, 7, 4}},
		{"crossentropy", func(g *graph.Graph) graph.Value {
			return g.SparseSoftmaxCrossEntropy(in(g, none, 7, 4), in(g, none, 7))
		}, tensor.Shape{none, 7}},
		{"crossentropy of other targets", func(g *graph.Graph) graph.Value { return g.SoftmaxCrossEntropy(in(g, 3, 4), in(g, 3, 5)) }, nil},
		{"one hot", func(g *graph.Graph) graph.Value { return g.OneHot(in(g, none), 3) }, tensor.Shape{none, 3}},
	} {
		g := graph.New()
		v := c.build(g)
		switch {
		case c.want == nil && g.Err() == nil:
			t.Errorf("%s: got %v, want a mistake", c.name, v.Shape())
		case c.want != nil && g.Err() != nil:
			t.Errorf("%s: %v", c.name, g.Err())
		case c.want != nil && !v.Shape().Equal(c.want):
			t.Errorf("%s: got %v, want %v", c.name, v.Shape(), c.want)
		}
	}
}

func TestGradients(t *testing.T) {
	g := graph.New()
	x, y, apart := g.Input("x", tensor.Shape{2, 3}), g.Input("y", tensor.Shape{3}), g.Input("apart", tensor.Shape{3})
	z := g.Mul(g.Add(x, y), g.StopGradient(apart))
	d := g.Gradient(g.Sum(z, nil, false), x, y, apart)
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []tensor.Shape{{2, 3}, {3}} {
		if !d[i].Valid() || !d[i].Shape().Equal(want) {
			t.Errorf("gradient %d: got %v, want shape %v", i, d[i], want)
		}
	}
	if d[2].Valid() {
		t.Error("a gradient went through StopGradient")
	}
}

func TestVariables(t *testing.T) {
	g := graph.New()
	v := &graph.Variable{Name: "v", Shape: tensor.Shape{2}}
	if first := g.Read(v); g.Read(v) != first {
		t.Error("two reads of a variable are two values, want one")
	}
	g.Assign(v, g.Input("x", tensor.Shape{2}))
	if n := len(g.Assigns()); n != 1 {
		t.Errorf("got %d assigns, want 1", n)
	}
	g.Assign(v, g.Input("y", tensor.Shape{3}))
	if g.Err() == nil {
		t.Error("a tensor of another shape was assigned, want a mistake")
	}
}
