package graph_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Here is what Append refuses, and how settings are read. That what it accepts can be run, and that it writes what methods write, is tested
// where operations run, in core/internal/plan.

func ExampleGraph_Append() {
	g := graph.New()
	x := g.Input("x", tensor.Shape{none, 28, 28, 1})
	y, err := g.Append("MaxPool", []byte(`{"size": [2, 2], "strides": [2, 2], "pad_lo": [0, 0], "pad_hi": [0, 0]}`), x)
	fmt.Println(y[0].Shape(), err)
	_, err = g.Append("MaxPool", []byte(`{"size": [2, 2], "strides": [2, 0], "pad_lo": [0, 0], "pad_hi": [0, 0]}`), x)
	fmt.Println(err)
	fmt.Println(string(y[0].Node().AttrJSON()), g.Err())
	// Output:
	// (None, 14, 14, 1) <nil>
	// MaxPool (None, 28, 28, 1): strides: got 0, want 1 to 2147483648
	// {"size":[2,2],"strides":[2,2],"pad_lo":[0,0],"pad_hi":[0,0]} <nil>
}

func TestAppendRefuses(t *testing.T) {
	shapes := func(all ...tensor.Shape) []tensor.Shape { return all }
	pool := `{"size": [2], "strides": %s, "pad_lo": %s, "pad_hi": [0]}`
	conv := `{"strides": %s, "dilation": %s, "pad_lo": %s, "pad_hi": %s, "groups": %s}`
	image := shapes(tensor.Shape{2, 9, 4}, tensor.Shape{3, 4, 6})
	rnn := `{"cell": %q, "activation": %q, "recurrent_activation": %q, "reset_after": %t, "go_backwards": false, "zero_output_for_mask": false}`
	noShape := tensor.Shape(nil) // an operand that is none
	for _, c := range []struct {
		op, attr string
		in       []tensor.Shape
		want     string // in the error
	}{
		// Names and operands.
		{"", "", nil, "no such operation"},
		{"Input", `{"name": "x"}`, nil, "no such operation"},
		{"Variable", `{}`, nil, "no such operation"},
		{"Assign", `{}`, shapes(tensor.Shape{2}), "no such operation"},
		{"Compute", ``, shapes(tensor.Shape{2}), "no such operation"},
		{"Guard", ``, shapes(tensor.Shape{}), "no such operation"},
		{"relu_grad", ``, shapes(tensor.Shape{2}, tensor.Shape{2}), "no such operation"},
		{"MaxPoolGrad", ``, shapes(tensor.Shape{2, 2, 2}), "no such operation"},
		{"Table", `{"shape": [2]}`, nil, "not among its settings"},
		{"\x00\n", ``, nil, `"\x00\n": there is no such operation`},
		{strings.Repeat("add", 1000), ``, nil, "..."},
		{"neg", ``, nil, "x: is missing"},
		{"neg", ``, shapes(tensor.Shape{2}, tensor.Shape{2}), "got 2 operands, want at most 1"},
		{"add", ``, shapes(tensor.Shape{2}), "b: is missing"},
		{"add", ``, shapes(noShape, tensor.Shape{2}), "a: is missing"},
		{"Const", `{"value": 1}`, shapes(tensor.Shape{2}), "operands"},
		{"Concat", `{"axis": 0}`, nil, "xs: is missing"},
		{"Concat", `{"axis": 0}`, shapes(tensor.Shape{2}, noShape), "xs: is missing"},
		// Settings as text.
		{"neg", `{"axis": 0}`, shapes(tensor.Shape{2}), `there is no "axis"`},
		{"Concat", ``, shapes(tensor.Shape{2}), "axis: is missing"},
		{"Concat", `[]`, shapes(tensor.Shape{2}), "want one JSON object"},
		{"Concat", `{"axis": 0`, shapes(tensor.Shape{2}), "want one JSON object"},
		{"Concat", `{"axis": 0} {}`, shapes(tensor.Shape{2}), "want one JSON object"},
		{"Concat", `{"axis": 0, "axis": 0}`, shapes(tensor.Shape{2}), "stands twice"},
		{"Concat", `{"axis": 0, "Axis": 0}`, shapes(tensor.Shape{2}), `there is no "Axis"`},
		{"Concat", `{"Axis": 0}`, shapes(tensor.Shape{2}), "axis: is missing"},
		{"Concat", `{"axis": null}`, shapes(tensor.Shape{2}), "axis: got null"},
		{"Concat", `{"axis": 0.0}`, shapes(tensor.Shape{2}), "axis: got 0.0"},
		{"Concat", `{"axis": "0"}`, shapes(tensor.Shape{2}), `axis: got "0"`},
		{"Concat", `{"axis": 1e300}`, shapes(tensor.Shape{2}), "axis: got 1e300"},
		{"Concat", `{"axis": 99999999999999999999}`, shapes(tensor.Shape{2}), "axis: got 99999999999999999999"},
		{"Concat", `{"axis": 1099511627777}`, shapes(tensor.Shape{2}), "axis: got 1099511627777"},
		{"Concat", `{"axis": [0]}`, shapes(tensor.Shape{2}), "axis: got [0]"},
		{"Transpose", `{"perm": 0}`, shapes(tensor.Shape{2}), "perm: got 0"},
		{"Transpose", `{"perm": [0.5]}`, shapes(tensor.Shape{2}), "perm: number 0: got 0.5"},
		{"Transpose", `{"perm": [` + strings.Repeat("0,", 100) + `0]}`, shapes(tensor.Shape{2}), "perm: got 101 numbers"},
		{"Transpose", `{"perm": ` + strings.Repeat("[", 20000), shapes(tensor.Shape{2}), "want one JSON object"},
		{"Const", `{"value": "1"}`, nil, `value: got "1"`},
		{"Const", `{"value": 1e999}`, nil, "value: got 1e999"},
		{"Const", `{"value": NaN}`, nil, "want one JSON object"},
		{"Const", `{"value": 1` + strings.Repeat(" ", 1<<20) + `}`, nil, "bytes"},
		{"MatMul", `{"trans_a": 0, "trans_b": false}`, shapes(tensor.Shape{2, 2}, tensor.Shape{2, 2}), "trans_a: got 0"},
		{"Slice", `{"start": [0], "size": [1], "step": [1], "shape": [2]}`, shapes(tensor.Shape{2}), `there is no "shape"`},
		{"Place", `{"start": [0], "size": [1], "step": [1], "shape": [2]}`, shapes(tensor.Shape{1}), `there is no "size"`},
		{"Random", `{"stream": 1, "shape": [2]}`, nil, `there is no "stream"`},
		// Shapes.
		{"add", ``, shapes(tensor.Shape{2}, tensor.Shape{3}), "do not broadcast"},
		{"Reshape", `{"shape": [-1, -1]}`, shapes(tensor.Shape{4}), "cannot become"},
		{"Reshape", `{"shape": [-2, 2]}`, shapes(tensor.Shape{4}), "size of -2"},
		{"Reshape", `{"shape": [0, -1]}`, shapes(tensor.Shape{0}), "cannot become"},
		{"Reshape", `{"shape": [1048576, 1048576, 1048576, 1048576, 16]}`, shapes(tensor.Shape{0}), "more than"},
		{"BroadcastTo", `{"shape": [1]}`, shapes(tensor.Shape{5}), "does not broadcast"},
		{"BroadcastTo", `{"shape": [2]}`, shapes(tensor.Shape{3, 2}), "does not broadcast"},
		{"BroadcastTo", `{"shape": [-1, 5]}`, shapes(tensor.Shape{5}), "unknown size"},
		{"BroadcastTo", `{"shape": [-7, 5]}`, shapes(tensor.Shape{5}), "size of -7"},
		{"BroadcastTo", `{"shape": [1048576, 1048576]}`, shapes(tensor.Shape{}), "more than"},
		{"BroadcastTo", `{"shape": [` + strings.Repeat("1,", 64) + `1]}`, shapes(tensor.Shape{}), "at most 64"},
		{"Random", `{"shape": [-1]}`, nil, "unknown size"},
		{"Random", `{"shape": [4294967297]}`, nil, "more than"},
		{"Transpose", `{"perm": [5, 0]}`, shapes(tensor.Shape{2, 3}), "no permutation"},
		{"Transpose", `{"perm": [0, -1]}`, shapes(tensor.Shape{2, 3}), "no permutation"},
		{"Transpose", `{"perm": [16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1,0]}`, shapes(slices.Repeat(tensor.Shape{2}, 17)), "at most 16"},
		{"Concat", `{"axis": 1}`, shapes(tensor.Shape{2}), "axis: got 1"},
		{"Concat", `{"axis": -2}`, shapes(tensor.Shape{2}), "axis: got -2"},
		{"Concat", `{"axis": 0}`, shapes(tensor.Shape{}), "axis: got 0"},
		{"Concat", `{"axis": 0}`, shapes(tensor.Shape{2, 2}, tensor.Shape{2, 3}), "differ"},
		{"Slice", `{"start": [0], "size": [1], "step": [0]}`, shapes(tensor.Shape{2}), "step is 0"},
		{"Slice", `{"start": [0], "size": [3], "step": [1]}`, shapes(tensor.Shape{2}), "not all among 2"},
		{"Slice", `{"start": [1], "size": [2], "step": [-2]}`, shapes(tensor.Shape{2}), "not all among 2"},
		{"Slice", `{"start": [-3], "size": [1], "step": [1]}`, shapes(tensor.Shape{2}), "not all among 2"},
		{"Slice", `{"start": [0], "size": [-2], "step": [1]}`, shapes(tensor.Shape{2}), "size of -2"},
		{"Slice", `{"start": [0], "size": [2], "step": [1099511627776]}`, shapes(tensor.Shape{2}), "not all among 2"},
		{"Slice", `{"start": [0], "size": [1099511627776], "step": [1099511627776]}`, shapes(tensor.Shape{2}), "not all among 2"},
		{"Slice", `{"start": [], "size": [1], "step": [1]}`, shapes(tensor.Shape{2}), "ranges"},
		{"Place", `{"start": [2], "step": [1], "shape": [3]}`, shapes(tensor.Shape{2}), "not all among 3"},
		{"Place", `{"start": [0], "step": [0], "shape": [3]}`, shapes(tensor.Shape{2}), "step is 0"},
		{"Place", `{"start": [0], "step": [1], "shape": [-1]}`, shapes(tensor.Shape{2}), "unknown size"},
		{"Place", `{"start": [], "step": [], "shape": [3]}`, shapes(tensor.Shape{2}), "cannot be placed"},
		// Products, windows.
		{"MatMul", `{"trans_a": false, "trans_b": false}`, shapes(tensor.Shape{2}, tensor.Shape{2}), "rank"},
		{"MatMul", `{"trans_a": true, "trans_b": false}`, shapes(tensor.Shape{2, 3}, tensor.Shape{3, 2}), "inner sizes"},
		{"MaxPool", fmt.Sprintf(pool, "[0]", "[0]"), shapes(tensor.Shape{2, 4, 3}), "strides: got 0"},
		{"MaxPool", fmt.Sprintf(pool, "[1, 1]", "[0]"), shapes(tensor.Shape{2, 4, 3}), "strides: got 2 numbers"},
		{"MaxPool", fmt.Sprintf(pool, "[1]", "[-1]"), shapes(tensor.Shape{2, 4, 3}), "pad_lo: got -1"},
		{"MaxPool", fmt.Sprintf(pool, "[1]", "[0]"), shapes(tensor.Shape{4, 3}), "rank 3"},
		{"AvgPool", `{"size": [], "strides": [], "pad_lo": [], "pad_hi": []}`, shapes(tensor.Shape{4, 3}), "1 to 3"},
		{"AvgPool", `{"size": [1,1,1,1], "strides": [1,1,1,1], "pad_lo": [0,0,0,0], "pad_hi": [0,0,0,0]}`, shapes(tensor.Shape{2, 1, 1, 1, 1, 3}), "1 to 3"},
		{"AvgPool", `{"size": [2147483648, 2147483648], "strides": [1, 1], "pad_lo": [0, 0], "pad_hi": [0, 0]}`, shapes(tensor.Shape{2, 4, 4, 3}), "window"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "0"), image, "groups"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "2"), image, "groups"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "2"), shapes(tensor.Shape{2, 9, 4}, tensor.Shape{3, 2, 5}), "groups"},
		{"Conv", fmt.Sprintf(conv, "[-1]", "[1]", "[0]", "[0]", "1"), image, "strides: got -1"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[0]", "[0]", "[0]", "1"), image, "dilation: got 0"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[-1]", "[0]", "1"), image, "pad_lo: got -1"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1, 1]", "[0]", "[0]", "1"), image, "dilation: got 2 numbers"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[2147483648]", "[0]", "1"), image, "padding"},
		{"Conv", fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1"), shapes(tensor.Shape{2, 9, 4}, tensor.Shape{0, 4, 6}), "kernel of size 0"},
		{"Conv", fmt.Sprintf(conv, "[1,1]", "[1,1]", "[0,0]", "[0,0]", "1"), image, "rank"},
		{"Conv", fmt.Sprintf(conv, "[300,300]", "[1,1]", "[0,0]", "[0,0]", "1"), shapes(tensor.Shape{1, 999, 999, 1}, tensor.Shape{2, 2, 1, 1}), "strides"},
		{"ConvGradInput", `{"spatial": [8], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1")[1:], shapes(tensor.Shape{2, 7, 6}, tensor.Shape{3, 4, 6}), "got 7 places"},
		{"ConvGradInput", `{"spatial": [9], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "2147483648")[1:], shapes(tensor.Shape{2, 7, 6}, tensor.Shape{3, 4, 6}), "groups"},
		{"ConvGradInput", `{"spatial": [9], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1")[1:], shapes(tensor.Shape{2, 7, 5}, tensor.Shape{3, 4, 6}), "does not belong"},
		{"ConvGradInput", `{"spatial": [-1], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1")[1:], shapes(tensor.Shape{2, 7, 6}, tensor.Shape{3, 4, 6}), "unknown size"},
		{"ConvGradKernel", `{"spatial": [3], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "0")[1:], shapes(tensor.Shape{2, 7, 6}, tensor.Shape{2, 9, 4}), "groups"},
		{"ConvGradKernel", `{"spatial": [3], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1")[1:], shapes(tensor.Shape{3, 7, 6}, tensor.Shape{2, 9, 4}), "does not belong"},
		{"ConvGradKernel", `{"spatial": [-3], ` + fmt.Sprintf(conv, "[1]", "[1]", "[0]", "[0]", "1")[1:], shapes(tensor.Shape{2, 7, 6}, tensor.Shape{2, 9, 4}), "size of -3"},
		// The rest.
		{"Sum", `{"first": 0, "end": 3}`, shapes(tensor.Shape{2, 2}), "no axes"},
		{"Sum", `{"first": 1, "end": 1}`, shapes(tensor.Shape{2, 2}), "no axes"},
		{"Sum", `{"first": -1, "end": 1}`, shapes(tensor.Shape{2, 2}), "no axes"},
		{"Gather", ``, shapes(tensor.Shape{}, tensor.Shape{2}), "table"},
		{"ScatterAdd", `{"rows": 3}`, shapes(tensor.Shape{4, 2}, tensor.Shape{5}), "row for each index"},
		{"ScatterAdd", `{"rows": -1}`, shapes(tensor.Shape{4, 2}, tensor.Shape{4}), "unknown size"},
		{"ScatterAdd", `{"rows": -9}`, shapes(tensor.Shape{4, 2}, tensor.Shape{4}), "rows: got -9"},
		{"Softmax", ``, shapes(tensor.Shape{}), "axis"},
		{"SoftmaxCrossEntropy", ``, shapes(tensor.Shape{2, 3}, tensor.Shape{3, 2}), "targets"},
		{"SparseSoftmaxCrossEntropy", ``, shapes(tensor.Shape{2, 3}, tensor.Shape{3}), "targets"},
		{"BatchNorm", `{"epsilon": -1}`, shapes(tensor.Shape{2, 3}), "epsilon"},
		{"BatchNorm", `{"epsilon": "NaN"}`, shapes(tensor.Shape{2, 3}), "epsilon"},
		{"BatchNorm", `{"epsilon": 0.1}`, shapes(tensor.Shape{2, 3}, tensor.Shape{2}), "parameters"},
		{"LayerNorm", `{"epsilon": 0.1}`, shapes(tensor.Shape{2, 3, 4}), "matrix"},
		{"RNN", fmt.Sprintf(rnn, "peephole", "tanh", "sigmoid", false), shapes(tensor.Shape{2, 3, 4}, tensor.Shape{4, 4}), "want (batch"},
		{"RNN", fmt.Sprintf(rnn, "simple", "gelu", "", false), shapes(tensor.Shape{2, 3, 4}, tensor.Shape{4, 4}), `activation: got "gelu"`},
		{"RNN", fmt.Sprintf(rnn, "lstm", "tanh", "", false), shapes(tensor.Shape{2, 3, 16}, tensor.Shape{4, 16}), `recurrent_activation: got ""`},
		{"RNN", fmt.Sprintf(rnn, "lstm", "tanh", "tanh", false), shapes(tensor.Shape{2, 3, 0}, tensor.Shape{0, 0}), "units: got 0"},
		{"RNN", fmt.Sprintf(rnn, "lstm", "tanh", "tanh", false), shapes(tensor.Shape{2, 3, 16}, tensor.Shape{4, 16}, tensor.Shape{16}), "r_bias"},
		{"RNN", fmt.Sprintf(rnn, "gru", "tanh", "tanh", true), shapes(tensor.Shape{2, 3, 12}, tensor.Shape{4, 12}, noShape, noShape, tensor.Shape{2, 4}), "c0"},
		{"RNN", fmt.Sprintf(rnn, "gru", "tanh", "tanh", true), shapes(tensor.Shape{2, 3, 12}, tensor.Shape{4, 12}, noShape, tensor.Shape{3, 4}), "h0: got shape (3, 4)"},
		{"RNN", fmt.Sprintf(rnn, "gru", "tanh", "tanh", true), shapes(tensor.Shape{2, 3, 12}, tensor.Shape{4, 12}, noShape, noShape, noShape, tensor.Shape{3, 2}), "mask: got"},
	} {
		g := graph.New()
		in := make([]graph.Value, len(c.in))
		for i, s := range c.in {
			if s != nil {
				in[i] = g.Input(fmt.Sprint(i), s)
			}
		}
		before := len(g.Nodes())
		out, err := g.Append(c.op, []byte(c.attr), in...)
		if err == nil {
			t.Errorf("%s %.200s %v: got %v, want an error with %q", c.op, c.attr, c.in, out[0].Shape(), c.want)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.200s %v: got %q, want %q in it", c.op, c.attr, c.in, err, c.want)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", c.op[:min(20, len(c.op))], len(err.Error()))
		}
		if out != nil || g.Err() != nil || len(g.Nodes()) != before {
			t.Errorf("%s %.200s %v: the graph was changed", c.op, c.attr, c.in)
		}
	}
}

func TestAppendValues(t *testing.T) {
	g, other := graph.New(), graph.New()
	x := g.Input("x", tensor.Shape{2, 3, 16})
	r := g.Input("r", tensor.Shape{4, 16})
	attr := `{"cell": "lstm", "activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": false, "go_backwards": false, "zero_output_for_mask": false}`
	out, err := g.Append("RNN", []byte(attr), x, r)
	if err != nil || len(out) != 3 {
		t.Fatalf("lstm: got %d results and %v, want y, h and c", len(out), err)
	}
	for name, v := range map[string]graph.Value{
		"what an RNN saves for its gradient": out[0].Node().Value(3),
		"a result that is not there":         out[0].Node().Value(4),
		"a result before the first":          out[0].Node().Value(-1),
		"a value of another graph":           other.Input("x", tensor.Shape{2}),
	} {
		if _, err := g.Append("neg", nil, v); err == nil {
			t.Errorf("%s was read, want an error", name)
		}
	}
	s := g.Input("s", tensor.Shape{2, 3, 4})
	k := g.Input("k", tensor.Shape{4, 4})
	simple, err := g.Append("RNN", []byte(strings.Replace(attr, "lstm", "simple", 1)), s, k)
	if err != nil || len(simple) != 2 {
		t.Fatalf("simple: got %d results and %v, want y and h", len(simple), err)
	}
	if _, err := g.Append("neg", nil, simple[0].Node().Value(2)); err == nil {
		t.Error("the c of a simple cell was read, want an error")
	}
	norm, err := g.Append("BatchNorm", []byte(`{"epsilon": 1e-3}`), s)
	if err != nil || len(norm) != 3 {
		t.Fatalf("BatchNorm: got %d results and %v, want y, mean and variance", len(norm), err)
	}
	if n := len(norm[0].Node().In); n != 3 {
		t.Errorf("BatchNorm: got %d operands, want gamma and beta as none", n)
	}

	// Random streams count as those of Random do.
	first, _ := g.Append("Random", []byte(`{"shape": [2]}`))
	if second := g.Random(tensor.Shape{2}); first[0].Node().Attr == nil || fmt.Sprint(first[0].Node().Attr) == fmt.Sprint(second.Node().Attr) {
		t.Error("two random tensors are one")
	}

	// Numbers that JSON does not have.
	for _, want := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0.1, 5e-324, math.MaxFloat64} {
		c, err := g.Append("Const", g.Const(want).Node().AttrJSON())
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := c[0].IsConst(); math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("got %v, want %v", got, want)
		}
	}

	// Unknown sizes stay where the inputs have some.
	g.Input("open", tensor.Shape{none, 2})
	if v, err := g.Append("BroadcastTo", []byte(`{"shape": [-1, 5]}`), g.Const(1)); err != nil || !v[0].Shape().Equal(tensor.Shape{none, 5}) {
		t.Errorf("an unknown batch: got %v", err)
	}

	// After a mistake of a method, it is that mistake.
	g.Fail(errors.New("a mistake"))
	if _, err := g.Append("neg", nil, x); err == nil || err.Error() != "a mistake" {
		t.Errorf("after a mistake: got %v", err)
	}
}

// TestOperations checks descriptions, and that no operation was left without by oversight.
func TestOperations(t *testing.T) {
	all := graph.Operations()
	if !slices.IsSortedFunc(all, func(a, b graph.Operation) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	for _, op := range all {
		if op.Doc == "" || strings.ContainsAny(op.Doc, "\n|") || strings.HasSuffix(op.Doc, ".") || len(op.Outputs) == 0 {
			t.Errorf("%s: no good description: %+v", op.Name, op)
		}
		if len(op.Inputs) == 0 && !slices.Contains([]string{"Const", "Random", "Table"}, op.Name) {
			t.Errorf("%s: no inputs", op.Name)
		}
		for i, in := range op.Inputs {
			if in.Name == "" || strings.ContainsAny(in.Name, "?.") || in.Many && i != len(op.Inputs)-1 {
				t.Errorf("%s: operand %+v", op.Name, in)
			}
		}
	}
	own := []string{"Assign", "Compute", "ComputeGrad", "Guard", "Input", "Variable"}
	for _, name := range graph.Undocumented() {
		if !slices.Contains(own, name) && !strings.HasSuffix(name, "Grad") && !strings.HasSuffix(name, "_grad") {
			t.Errorf("%s is not described: it cannot come from outside", name)
		}
	}
}

// FuzzAppend feeds names and settings as text, and operands of many shapes.
func FuzzAppend(f *testing.F) {
	for _, op := range graph.Operations() {
		attr := "{"
		for i, s := range op.Settings {
			value := map[string]string{"integer": "1", "number": "0.5", "boolean": "true", "string": `"tanh"`, "list of integers": "[1, 2]"}[s.Type]
			if i > 0 {
				attr += ","
			}
			attr += fmt.Sprintf("%q: %s", s.Name, value)
		}
		f.Add(op.Name, attr+"}", []byte{2, 3, 4, 1, 2, 4, 4, 3, 2, 2, 2})
	}
	f.Fuzz(func(t *testing.T, op, attr string, dims []byte) {
		g := graph.New()
		var in []graph.Value
		for len(dims) > 0 && len(in) < 8 {
			rank := min(int(dims[0]%6), len(dims)-1)
			shape := make(tensor.Shape, rank)
			for i := range shape {
				if shape[i] = int(dims[i+1] % 9); shape[i] == 8 {
					shape[i] = none
				}
			}
			in = append(in, g.Input(fmt.Sprint(len(in)), shape))
			if dims = dims[rank+1:]; rank == 5 {
				in[len(in)-1] = graph.Value{}
			}
		}
		out, err := g.Append(op, []byte(attr), in...)
		if g.Err() != nil {
			t.Fatal("the graph failed:", g.Err())
		}
		if err != nil {
			return
		}
		n := out[0].Node()
		for _, s := range n.Out {
			for _, d := range s {
				if d < none {
					t.Fatalf("%s %s: shape %v", op, attr, []int(s))
				}
			}
		}
		more, err := g.Append(op, n.AttrJSON(), n.In...)
		if err != nil {
			t.Fatalf("%s %s: again: %v", op, n.AttrJSON(), err)
		}
		if got, want := string(more[0].Node().AttrJSON()), string(n.AttrJSON()); got != want {
			t.Fatalf("%s: %s, then %s", op, want, got)
		}
		g.Gradients(out, nil, in)
	})
}

// TestStaticShares finds numbers of a graph in which every value is read twice: 2^60 ways lead to the first.
func TestStaticShares(t *testing.T) {
	g := graph.New()
	v := g.Const(1)
	for range 60 {
		v = g.Add(v, v)
	}
	if x, ok := v.Static(); !ok || len(x) != 1 || x[0] != 1<<60 {
		t.Errorf("got %v, want 2^60", x)
	}
	wide := g.Full(1, tensor.Shape{1 << 12})
	for range 20 {
		wide = g.Concat(0, wide, wide)
	}
	if x, ok := g.Sum(wide, nil, false).Static(); ok {
		t.Errorf("got %v of 2^32 numbers, want none", x)
	}
}
