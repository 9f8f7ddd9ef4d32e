package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/internal/kernel"
	"github.com/gokeras/gk/core/tensor"
)

// This file owns tests of operations that come from a stranger: whatever Graph.Append accepts must compile and run, forward and backward,
// by every kernel, within its memory. Operations are drawn so that most are right, then spoiled.

// dice are where random choices come from: a generator, or the bytes of a fuzzer, after which all choices are the first.
type dice struct {
	rng  *rand.Rand
	data []byte
}

// n is a number below n.
func (d *dice) n(n int) int {
	if d.rng != nil {
		return d.rng.IntN(n)
	}
	x := 0
	for k := n; k > 1 && len(d.data) > 0; k >>= 8 {
		x, d.data = x<<8|int(d.data[0]), d.data[1:]
	}
	return x % n
}

func (d *dice) in(lo, hi int) int { return lo + d.n(hi-lo+1) }

// one reports true once in n times.
func (d *dice) one(n int) bool { return d.n(n) == n-1 }

func pick[T any](d *dice, of ...T) T { return of[d.n(len(of))] }

// shape is a small shape of so many axes.
func (d *dice) shape(rank int) tensor.Shape {
	s := make(tensor.Shape, rank)
	for i := range s {
		s[i] = pick(d, 3, 1, 2, 4, 5, 3, 2, 7, 0)
	}
	if rank > 0 && d.one(6) {
		s[d.n(rank)] = pick(d, 9, 16, 17, 33, 70)
	}
	return s
}

// list is so many numbers.
func (d *dice) list(n, lo, hi int) []int {
	l := make([]int, n)
	for i := range l {
		l[i] = d.in(lo, hi)
	}
	return l
}

// stranger draws operations for a graph.
type stranger struct {
	*dice
	*bench
	values []graph.Value // of operations before
}

// data is an operand of a shape: an input, or what an operation gave.
func (s *stranger) operand(shape tensor.Shape) graph.Value {
	for _, v := range s.values {
		if v.Shape().Equal(shape) && s.one(2) {
			return v
		}
	}
	return s.bench.in(shape...)
}

type settings map[string]any

// rank draws how many axes most operands have.
func (s *stranger) rank() int { return pick(s.dice, 2, 1, 3, 0, 4, 5) }

// draw makes an operation that is right in most cases.
func (s *stranger) draw(op graph.Operation) (settings, []graph.Value) {
	d := s.dice
	shape := d.shape(s.rank())
	some := func(rank int) graph.Value { return s.operand(d.shape(rank)) }
	switch op.Name {
	case "Const":
		return settings{"value": pick[any](d, 0.5, 0, -1, "Infinity", "NaN", 1e300)}, nil
	case "Random":
		return settings{"shape": shape}, nil
	case "Reshape":
		to := slices.Clone(shape)
		if len(to) > 1 && d.one(2) {
			to = append(tensor.Shape{to[0] * to[1]}, to[2:]...)
		}
		if len(to) > 0 && d.one(3) {
			to[d.n(len(to))] = -1
		}
		return settings{"shape": to}, []graph.Value{s.operand(shape)}
	case "BroadcastTo":
		from := slices.Clone(shape)
		for i := range from {
			if d.one(2) {
				from[i] = 1
			}
		}
		return settings{"shape": shape}, []graph.Value{s.operand(from[d.n(len(from)+1):])}
	case "Transpose":
		perm := make([]int, len(shape))
		for i := range perm {
			perm[i] = i
		}
		for i := range perm {
			k := d.n(i + 1)
			perm[i], perm[k] = perm[k], perm[i]
		}
		return settings{"perm": perm}, []graph.Value{s.operand(shape)}
	case "Concat":
		shape = append(shape, 2)
		axis := d.n(len(shape))
		var in []graph.Value
		for range d.in(1, 4) {
			in = append(in, s.operand(shape.With(axis, d.n(4))))
		}
		return settings{"axis": axis - len(shape)*d.n(2)}, in
	case "Slice", "Place":
		start, size, step := make([]int, len(shape)), make([]int, len(shape)), make([]int, len(shape))
		for i, n := range shape {
			step[i] = pick(d, 1, 2, -1, -2, 3)
			size[i] = d.n(max(n, 1)/max(step[i], -step[i]) + 1)
			if start[i] = d.n(2); step[i] < 0 {
				start[i] = max(0, n-1-start[i])
			}
			if size[i] > 0 && (start[i]+(size[i]-1)*step[i] < 0 || start[i]+(size[i]-1)*step[i] >= n) {
				size[i]--
			}
		}
		if op.Name == "Place" {
			return settings{"start": start, "step": step, "shape": shape}, []graph.Value{s.operand(size)}
		}
		return settings{"start": start, "size": size, "step": step}, []graph.Value{s.operand(shape)}
	case "MatMul":
		ta, tb := d.one(2), d.one(2)
		lead, m, k, n := d.shape(d.n(3)), d.n(20), d.n(20), d.n(20)
		a, b := append(slices.Clone(lead), m, k), append(slices.Clone(lead), k, n)
		r := len(lead)
		if ta {
			a[r], a[r+1] = a[r+1], a[r]
		}
		if tb {
			b[r], b[r+1] = b[r+1], b[r]
		}
		return settings{"trans_a": ta, "trans_b": tb}, []graph.Value{s.operand(a), s.operand(b)}
	case "Conv", "ConvGradInput", "ConvGradKernel":
		return s.drawConv(op.Name)
	case "MaxPool", "AvgPool":
		n := pick(d, 1, 2, 3, 2, 1, 3, 2, 4)
		return settings{"size": d.list(n, 1, 3), "strides": d.list(n, 1, 3), "pad_lo": d.list(n, 0, 2), "pad_hi": d.list(n, 0, 2)},
			[]graph.Value{some(n + 2)}
	case "Sum", "Mean", "Max", "Min", "Prod", "ArgMax", "ArgMin":
		first := d.n(max(1, len(shape)))
		return settings{"first": first, "end": d.in(first+1, max(first+1, len(shape)))}, []graph.Value{s.operand(shape)}
	case "Gather":
		table := append(tensor.Shape{d.in(1, 9)}, d.shape(d.n(3))...)
		return nil, []graph.Value{s.operand(table), s.index(table[0], d.shape(d.n(3))...)}
	case "ScatterAdd":
		rows, index := d.in(1, 9), d.shape(d.n(3))
		return settings{"rows": rows}, []graph.Value{s.operand(append(index.Clone(), d.shape(d.n(3))...)), s.index(rows, index...)}
	case "BatchNorm", "LayerNorm":
		x := d.shape(2)
		if op.Name == "BatchNorm" {
			x = d.shape(d.in(2, 4))
		}
		in := []graph.Value{s.operand(x), {}, {}}
		for i := range in[1:] {
			if d.one(2) {
				in[i+1] = s.operand(x[len(x)-1:])
			}
		}
		return settings{"epsilon": pick(d, 1e-3, 0, 1e-7)}, in
	case "SoftmaxCrossEntropy":
		shape = append(shape, 3)
		return nil, []graph.Value{s.operand(shape), s.operand(shape)}
	case "SparseSoftmaxCrossEntropy":
		classes := d.in(1, 5)
		return nil, []graph.Value{s.operand(append(shape.Clone(), classes)), s.index(classes, shape...)}
	case "RNN":
		return s.drawRNN()
	}
	in := make([]graph.Value, len(op.Inputs))
	for i := range in {
		own := slices.Clone(shape)
		for k := range own {
			if len(in) > 1 && d.one(4) {
				own[k] = 1
			}
		}
		if len(in) > 1 {
			own = own[d.n(len(own)+1):]
		}
		in[i] = s.operand(own)
	}
	return nil, in
}

func (s *stranger) drawConv(name string) (settings, []graph.Value) {
	d := s.dice
	n := pick(d, 1, 2, 3, 2, 1, 3, 2, 4)
	groups, channels, filters := pick(d, 1, 1, 2, 3), d.in(1, 3), d.in(1, 3)
	switch d.n(6) {
	case 4:
		channels, filters = 1, 1 // depthwise
	case 5:
		channels, filters = d.in(0, 20), d.in(0, 20)
	}
	out := groups * filters
	if d.one(12) {
		out++
	}
	x, k, y := d.shape(n), d.list(n, 1, 4), make(tensor.Shape, n)
	strides, dilation, lo, hi := d.list(n, 1, 3), d.list(n, 1, 3), d.list(n, 0, 3), d.list(n, 0, 3)
	if d.one(5) {
		dilation[d.n(n)], lo[0] = pick(d, 6, 20, 300), pick(d, 10, 300)
	}
	for i := range n {
		y[i] = graph.WindowSize(x[i], k[i], strides[i], dilation[i], lo[i], hi[i])
	}
	batch := d.n(4)
	image := func(spatial []int, c int) graph.Value {
		return s.operand(slices.Concat(tensor.Shape{batch}, spatial, tensor.Shape{c}))
	}
	kernels := func() graph.Value {
		return s.operand(slices.Concat(tensor.Shape(k), tensor.Shape{channels, out}))
	}
	set := settings{"strides": strides, "dilation": dilation, "pad_lo": lo, "pad_hi": hi, "groups": groups}
	switch name {
	case "Conv":
		return set, []graph.Value{image(x, groups*channels), kernels()}
	case "ConvGradInput":
		set["spatial"] = x
		return set, []graph.Value{image(y, out), kernels()}
	}
	set["spatial"] = k
	return set, []graph.Value{image(y, out), image(x, groups*channels)}
}

func (s *stranger) drawRNN() (settings, []graph.Value) {
	d := s.dice
	cell := pick(d, "lstm", "gru", "simple")
	gates, batch, steps, units := graph.RNNGates[cell], d.n(7), d.n(5), d.in(1, 9)
	after := d.one(2)
	state := tensor.Shape{batch, units}
	in := []graph.Value{s.operand(tensor.Shape{batch, steps, gates * units}), s.operand(tensor.Shape{units, gates * units}), {}, {}, {}, {}, {}}
	for i, shape := range []tensor.Shape{{gates * units}, state, state, {batch, steps}, state} {
		if d.one(2) && (i != 0 || cell == "gru" && after) && (i != 2 || cell == "lstm") {
			in[i+2] = s.operand(shape)
		}
	}
	act := func() string { return pick(d, graph.RNNActivations()...) }
	return settings{"cell": cell, "activation": act(), "recurrent_activation": act(), "reset_after": after, "go_backwards": d.one(2),
		"zero_output_for_mask": d.one(2)}, in
}

// odd are numbers that break things.
var odd = []int{0, -1, 1, 2, -2, 3, 5, 9, -9, 17, 100, 4096, 65536, 1 << 20, 1 << 31, -1 << 31, 1 << 32, 1 << 40, -1 << 40, 1<<40 + 1, math.MaxInt64, math.MinInt64}

// spoil changes settings or operands.
func (s *stranger) spoil(set settings, in []graph.Value) []graph.Value {
	d := s.dice
	number := func(old int) int {
		switch d.n(4) {
		case 0:
			return old + d.in(-2, 2)
		case 3:
			return 1
		case 1:
			return pick(d, odd...)
		}
		return old * d.in(-1, 3)
	}
	keys := []string{}
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	switch what := d.n(12); {
	case len(keys) > 0 && what < 7:
		k := pick(d, keys...)
		switch v := set[k].(type) {
		case int:
			set[k] = number(v)
		case float64:
			set[k] = pick[any](d, -1.0, 1e30, "NaN", "Infinity", 0.0)
		case bool:
			set[k] = !v
		case string:
			set[k] = pick(d, "", "tanh", "gru", "lstm", "simple", "none")
		case []int, tensor.Shape:
			var l []int
			if shape, ok := v.(tensor.Shape); ok {
				l = slices.Clone(shape)
			} else {
				l = slices.Clone(v.([]int))
			}
			switch {
			case len(l) > 0 && d.one(8):
				l = l[1:]
			case d.one(8):
				l = append(l, d.n(3))
			case len(l) > 0:
				i := d.n(len(l))
				l[i] = number(l[i])
			}
			set[k] = l
		}
	case what < 9 && len(in) > 0:
		i := d.n(len(in))
		if !in[i].Valid() || d.one(4) {
			in[i] = s.operand(d.shape(s.rank()))
			break
		}
		// Nearly the right shape.
		shape := in[i].Shape().Clone()
		switch {
		case len(shape) == 0 || d.one(5):
			shape = append(shape, 1)
		case d.one(5):
			shape = shape[1:]
		default:
			k := d.n(len(shape))
			shape[k] = pick(d, 1, shape[k]+1, max(0, shape[k]-1), 2*shape[k], 0)
		}
		in[i] = s.operand(shape)
	case what == 9 && len(in) > 0:
		in[d.n(len(in))] = graph.Value{}
	case what == 10:
		in = append(in, s.operand(d.shape(s.rank())))
	case len(in) > 0:
		in = in[:len(in)-1]
	}
	return in
}

const (
	wireElements = 1 << 13 // of what is run
	wireMemory   = 1 << 28 // bytes that a case may take
)

// cheap reports whether an accepted operation is small enough to be run here.
func cheap(n *graph.Node) bool {
	for _, s := range n.Out {
		size := 1
		for _, d := range s {
			if size *= max(1, d); size > wireElements {
				return false // sums over an axis of size 0 are larger than what they sum
			}
		}
	}
	switch a := n.Attr.(type) {
	case graph.ConvAttr:
		room, image := 1, n.In[0].Shape()
		switch n.Op.Name {
		case "ConvGradInput":
			image = n.Out[0]
		case "ConvGradKernel":
			image = n.In[1].Shape()
		}
		for i := range a.Strides {
			room *= max(1, min(image[i+1]+a.PadLo[i]+max(0, a.PadHi[i]), 1<<20))
		}
		return room*max(1, image[len(image)-1]) <= 1<<18
	}
	return true
}

// TestStranger draws operations and graphs by a fixed seed.
func TestStranger(t *testing.T) {
	cases := 4000
	if testing.Short() {
		cases = 1000
	}
	seen := map[string]int{}
	for i := range cases {
		rng := rand.New(rand.NewPCG(uint64(i), 5))
		strangerCase(t, &dice{rng: rng}, seen)
		if t.Failed() {
			t.Fatalf("case %d", i)
		}
	}
	for _, op := range graph.Operations() {
		if op.Name != "Table" && seen[op.Name] < cases/1000 {
			t.Errorf("%s was run %d times, want %d", op.Name, seen[op.Name], cases/1000)
		}
	}
}

func FuzzStranger(f *testing.F) {
	for i := range 64 {
		rng, data := rand.New(rand.NewPCG(uint64(i), 6)), make([]byte, 200)
		for k := range data {
			data[k] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { strangerCase(t, &dice{data: data}, map[string]int{}) })
}

// strangerCase draws a graph of some operations, most of them one, runs it in all ways, and then with its gradients.
func strangerCase(t *testing.T, d *dice, seen map[string]int) {
	t.Helper()
	var story []string
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v\n%q\n%s", r, story, debug.Stack())
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	s := &stranger{dice: d, bench: newBench(uint64(d.n(1 << 16)))}
	operations := graph.Operations()
	count := pick(d, 1, 1, 2, 6)
	for range count {
		op := operations[d.n(len(operations))]
		set, in := s.draw(op)
		for range pick(d, 0, 0, 1, 1, 2) {
			in = s.spoil(set, in)
		}
		var attr []byte
		if len(set) > 0 {
			attr, _ = json.Marshal(set)
		}
		story = append(story, tell(op.Name, attr, in))
		nodes := len(s.Nodes())
		out, err := s.Append(op.Name, attr, in...)
		if s.Err() != nil {
			t.Fatalf("%q: the graph failed: %v", story, s.Err())
		}
		if err != nil {
			if out != nil || len(s.Nodes()) != nodes {
				t.Fatalf("%q: a refused operation left something", story)
			}
			continue
		}
		n := out[0].Node()
		again(t, n)
		if cheap(n) {
			s.values = append(s.values, out...)
			seen[op.Name]++
		}
	}
	if len(s.values) == 0 {
		return
	}
	s.out(s.values...)
	before := allocated()
	exact := s.runAll(t, story)
	if exact && count == 1 {
		s.compareWithInterpreter(t, story)
	}
	// The gradients of all that was made with respect to all that was fed.
	var inputs []graph.Value
	for _, n := range s.Nodes() {
		if n.Op.Name == "Input" {
			inputs = append(inputs, n.Value(0))
		}
	}
	for i, v := range s.Gradients(s.values, nil, inputs) {
		if !v.Valid() {
			continue
		}
		if !v.Shape().Equal(inputs[i].Shape()) {
			t.Fatalf("%q: a gradient has shape %v, want %v", story, v.Shape(), inputs[i].Shape())
		}
		s.out(v)
	}
	if s.Err() != nil {
		t.Fatalf("%q: gradients: %v", story, s.Err())
	}
	s.runAll(t, story)
	if got := allocated() - before; got > wireMemory {
		t.Errorf("%q: took %d MB", story, got>>20)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func tell(op string, attr []byte, in []graph.Value) string {
	text := op + " " + string(attr)
	for _, v := range in {
		if v.Valid() {
			text += " " + v.Shape().String()
		} else {
			text += " none"
		}
	}
	return text
}

// again checks that a node is the same after it was written down and read.
func again(t *testing.T, n *graph.Node) {
	t.Helper()
	g := graph.New()
	in := make([]graph.Value, len(n.In))
	for i, v := range n.In {
		if v.Valid() {
			in[i] = g.Input(fmt.Sprint(i), v.Shape())
		}
	}
	out, err := g.Append(n.Op.Name, n.AttrJSON(), in...)
	if err != nil {
		t.Errorf("%s %s once more: %v", n.Op.Name, n.AttrJSON(), err)
		return
	}
	m := out[0].Node()
	if got, want := fmt.Sprintf("%#v %v", m.Attr, m.Out), fmt.Sprintf("%#v %v", n.Attr, n.Out); got != want && n.Op.Name != "Random" {
		t.Errorf("%s: got %s, want %s", n.Op.Name, got, want)
	}
}

var reference = func() *kernel.Pool {
	p := kernel.NewPool(1)
	p.SetReference(true)
	return p
}()

// runAll compiles and runs the graph in all ways; false if an index was out of range.
func (s *stranger) runAll(t *testing.T, story []string) bool {
	t.Helper()
	ok := true
	for _, o := range []Options[float32]{{Pool: pools[2], Poison: true}, {Pool: pools[1], Plain: true}, {Pool: reference, Poison: true}, {Pool: reference, Plain: true}} {
		p, _ := compiled(t, s.bench, o)
		if err := p.Run(7, 3); err != nil {
			var outside *RangeError
			if !errors.As(err, &outside) {
				t.Fatalf("%q: %v", story, err)
			}
			ok = false
		}
	}
	return ok
}

// compareWithInterpreter checks the numbers of a single operation.
func (s *stranger) compareWithInterpreter(t *testing.T, story []string) {
	t.Helper()
	for _, n := range s.Nodes() {
		if a, ok := n.Attr.(graph.PoolAttr); ok && tensor.Shape(a.Size).Size() > 1<<12 {
			return // it looks at every place of a window
		}
	}
	ref := &interpreter{t: t, inputs: s.inputs, variables: s.variables, seed: 7, step: 3}
	ref.run(s.Graph)
	check := func(name string, got func(i int) float64, tolerance float64) {
		for i, v := range s.outputs {
			if d := got(i); d > tolerance {
				t.Errorf("%q: %s: result %d of %s is off by %g", story, name, i, v.Node().Op.Name, d)
			}
		}
	}
	for _, o := range []Options[float64]{{Pool: pools[2], Poison: true}, {Pool: pools[1], Plain: true}} {
		p, _ := compiled(t, s.bench, o)
		if err := p.Run(7, 3); err != nil {
			t.Fatal(story, err)
		}
		check("float64", func(i int) float64 { return far(p.Output(i), ref.get(s.outputs[i])) }, 1e-9)
	}
	for _, n := range s.Nodes() {
		switch n.Op.Name {
		case "mod", "floor_div", "BatchNorm", "LayerNorm", "Const", "RNN": // a jump, a variance of nearly 0, or numbers that float32 does not have
			return
		}
	}
	for _, o := range []Options[float32]{{Pool: pools[3], Poison: true}, {Pool: pools[2], Plain: true}, {Pool: reference, Plain: true}} {
		p, _ := compiled(t, s.bench, o)
		if err := p.Run(7, 3); err != nil {
			t.Fatal(story, err)
		}
		check("float32", func(i int) float64 { return far(p.Output(i), ref.get(s.outputs[i])) }, 1e-3)
	}
}

// TestWrittenDown builds every operation by its method, writes the graph down, reads it again, and wants the same bits from both.
func TestWrittenDown(t *testing.T) {
	b := newBench(11)
	for _, op := range kernel.UnaryNames() {
		lo, hi := safe(op)
		b.out(apply(b, op, b.data(b.between(lo, hi), 3, 40)))
	}
	for _, op := range kernel.BinaryNames() {
		if _, ok := description(op); ok {
			lo, hi := safe(op)
			b.out(apply(b, op, b.data(b.between(lo, hi), 3, 4), b.data(b.between(lo, hi), 4)))
		}
	}
	for _, c := range opCases {
		b.out(c.make(b)...)
	}
	x := b.in(3, 4, 5)
	b.out(b.ArgMax(x, 1), b.ArgMin(x, -1), b.Select(x, b.Neg(x), b.Const(math.Inf(-1))), b.Read(b.weight(2, 3)), b.Table(tensor.From([]float32{1, 2.5})),
		b.StopGradient(x), b.Random(tensor.Shape{5, 300}), b.Mul(b.Random(tensor.Shape{2}), b.Const(math.Copysign(0, -1))), b.Concat(0, x, x))
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	copied := &bench{Graph: graph.New(), inputs: b.inputs, variables: b.variables}
	to := make([][]graph.Value, len(b.Nodes()))
	seen := map[string]bool{}
	for i, n := range b.Nodes() {
		in := make([]graph.Value, len(n.In))
		for k, v := range n.In {
			if v.Valid() {
				in[k] = to[v.Node().ID][v.Index()]
			}
		}
		seen[n.Op.Name] = true
		switch a := n.Attr.(type) {
		case graph.InputAttr:
			to[i] = []graph.Value{copied.Input(a.Name, n.Out[0])}
		case graph.VariableAttr:
			to[i] = []graph.Value{copied.Read(a.Var)}
		case graph.TableAttr:
			to[i] = []graph.Value{copied.Table(a.Values)}
		default:
			var err error
			if to[i], err = copied.Append(n.Op.Name, n.AttrJSON(), in...); err != nil {
				t.Fatalf("%s: %v", tell(n.Op.Name, n.AttrJSON(), n.In), err)
			}
			m := to[i][0].Node()
			if got, want := fmt.Sprintf("%#v %v", m.Attr, m.Out), fmt.Sprintf("%#v %v", n.Attr, n.Out); got != want {
				t.Errorf("%s: got %s, want %s", n.Op.Name, got, want)
			}
		}
	}
	for _, op := range graph.Operations() {
		if !seen[op.Name] {
			t.Errorf("%s: no method of this test wrote one", op.Name)
		}
	}
	for _, v := range b.outputs {
		copied.out(to[v.Node().ID][v.Index()])
	}
	first, _ := compiled(t, b, Options[float32]{Pool: pools[2]})
	second, _ := compiled(t, copied, Options[float32]{Pool: pools[2]})
	if err := errors.Join(first.Run(7, 3), second.Run(7, 3)); err != nil {
		t.Fatal(err)
	}
	for i := range b.outputs {
		x, y := first.Output(i), second.Output(i)
		for k := range x {
			if math.Float32bits(x[k]) != math.Float32bits(y[k]) {
				t.Errorf("%s: number %d: got %v, want %v", b.outputs[i].Node().Op.Name, k, y[k], x[k])
				break
			}
		}
	}
}

func description(name string) (graph.Operation, bool) {
	all := graph.Operations()
	i := slices.IndexFunc(all, func(o graph.Operation) bool { return o.Name == name })
	if i < 0 {
		return graph.Operation{}, false
	}
	return all[i], true
}
