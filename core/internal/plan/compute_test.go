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

// This file owns the tests of computations outside of the graph.

// square is y = x*x, z = sum of x, with a gradient.
func square() *graph.Func {
	return &graph.Func{Label: "square", Gradients: []bool{true}, ReadsInputs: true, Forward: func(c *graph.FuncCall) error {
		sum := float32(0)
		for i, v := range c.In[0].Data {
			c.Out[0].Data[i] = v * v
			sum += v
		}
		c.Out[1].Data[0] = sum
		return nil
	}, Backward: func(c *graph.FuncCall) error {
		x, dy, dz := c.In[0].Data, c.In[1].Data, c.In[2].Data
		for i, v := range x {
			c.Out[0].Data[i] = 2*v*dy[i] + dz[0]
		}
		return nil
	}}
}

func squareOf(g *graph.Graph, x graph.Value) (y, z graph.Value) {
	out := g.Compute(square(), []tensor.Shape{x.Shape(), {}}, x)
	return out[0], out[1]
}

func TestComputeAgainstOperations(t *testing.T) {
	for _, plain := range []bool{false, true} {
		computeAgainstOperations[float32](t, plain)
		computeAgainstOperations[float64](t, plain)
	}
}

func computeAgainstOperations[T tensor.Float](t *testing.T, plain bool) {
	var got [2][][]T
	for k := range got {
		g := graph.New()
		x := g.Input("x", tensor.Shape{5, 7})
		h := g.Tanh(x)
		var y, z graph.Value
		if k == 0 {
			y, z = squareOf(g, h)
		} else {
			y, z = g.Mul(h, h), g.Sum(h, nil, false)
		}
		loss := g.Mul(g.Sum(g.Sin(y), nil, false), z)
		d := g.Gradient(loss, x)
		p, err := Compile(g, Options[T]{Outputs: []graph.Value{loss, y, d[0]}, Plain: plain, Poison: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Input("x") {
			p.Input("x")[i] = T(math.Sin(float64(i)))
		}
		if err := p.Run(1, 2); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			got[k] = append(got[k], slices.Clone(p.Output(i)))
		}
	}
	for i := range got[0] {
		if d := tensor.MaxAbsDiff(tensor.From(got[0][i]), tensor.From(got[1][i])); !(d <= 2e-5) {
			t.Errorf("plain %v: output %d differs by %g", plain, i, d)
		}
	}
}

// fakeDevice counts messages and memory.
type fakeDevice struct {
	messages []int
	live     int
	mine     map[*float32]bool
	fail     int // the call to fail, -1 for none
}

func (d *fakeDevice) Alloc(n int) []float32 {
	data := make([]float32, n)
	d.mine[&data[0]] = true
	d.live++
	return data
}
func (d *fakeDevice) Free([]float32) { d.live-- }
func (d *fakeDevice) Run(calls []graph.Bound, seed, step uint64) (int, error) {
	d.messages = append(d.messages, len(calls))
	for i, c := range calls {
		if i == d.fail {
			return i, errors.New("broken")
		}
		if err := c.Run(seed, step); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// remote is a Func on a device.
type remote struct {
	*graph.Func
	d *fakeDevice
}

func (r remote) Device() graph.Device { return r.d }
func (r remote) Bind(b graph.Binding) (graph.Bound, error) {
	for _, a := range slices.Concat(b.In, b.Out) {
		if !r.d.mine[&a.Data[0]] {
			return nil, errors.New("not in the memory of the device")
		}
	}
	return r.Func.Bind(b)
}

func TestNeighboursOnADeviceShareAMessage(t *testing.T) {
	d := &fakeDevice{mine: map[*float32]bool{}, fail: -1}
	g := graph.New()
	x := g.Input("x", tensor.Shape{3, 4})
	y := x
	for range 3 {
		y = g.Compute(remote{square(), d}, []tensor.Shape{x.Shape(), {}}, y)[0]
	}
	w := &graph.Variable{Name: "w", Shape: tensor.Shape{3, 4}}
	loss := g.Sum(g.Mul(g.Square(y), g.Read(w)), nil, false)
	g.Assign(w, g.Add(g.Read(w), g.Gradient(loss, x)[0]))
	data := make([]float32, 12)
	p, err := Compile(g, Options[float32]{Outputs: []graph.Value{loss}, Variables: func(*graph.Variable) []float32 { return data }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Input("x") {
		p.Input("x")[i] = 0.5
	}
	for i := range data {
		data[i] = 1
	}
	if err := p.Run(1, 1); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.messages, []int{3, 3}) {
		t.Errorf("messages: got %v, want three calls in each of two", d.messages)
	}
	if want := float32(12 * math.Pow(0.5, 16)); math.Abs(float64(p.Output(0)[0]-want)) > 1e-6 {
		t.Errorf("got %v, want %v", p.Output(0)[0], want)
	}
	if want := float32(1 + 16*math.Pow(0.5, 15)); math.Abs(float64(data[3]-want)) > 1e-6 {
		t.Errorf("gradient: got %v, want %v", data[3]-1, want-1)
	}
	if n := testing.AllocsPerRun(10, func() {
		d.messages = d.messages[:0]
		_ = p.Run(1, 1)
	}); n != 0 {
		t.Errorf("a run allocates %v times", n)
	}
	before := slices.Clone(data)
	d.fail = 1
	err = p.Run(1, 1)
	var c *ComputeError
	if !errors.As(err, &c) || c.Backward || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got error %v, want one of the forward phase", err)
	}
	if !slices.Equal(before, data) {
		t.Error("a failing run changed a variable")
	}
}

func TestGuard(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{2})
	nan := &graph.Func{Label: "log", Forward: func(c *graph.FuncCall) error {
		for i, v := range c.In[0].Data {
			c.Out[0].Data[i] = float32(math.Log(float64(v)))
		}
		return nil
	}}
	loss := g.Guard(g.Sum(g.Compute(nan, []tensor.Shape{{2}}, x)[0], nil, false))
	w := &graph.Variable{Name: "w", Shape: tensor.Shape{}}
	g.Assign(w, g.Add(g.Read(w), g.Const(1)))
	data := []float32{0}
	p, err := Compile(g, Options[float32]{Outputs: []graph.Value{loss}, Variables: func(*graph.Variable) []float32 { return data }})
	if err != nil {
		t.Fatal(err)
	}
	copy(p.Input("x"), []float32{1, -1})
	if err := p.Run(0, 0); err != nil || data[0] != 1 {
		t.Errorf("without guards: got error %v and %v, want none and 1", err, data[0])
	}
	p.Guards(true)
	err = p.Run(0, 0)
	var e *GuardError
	if !errors.As(err, &e) || len(e.Sources) != 1 || !strings.Contains(e.Sources[0], "log") || data[0] != 1 {
		t.Errorf("with guards: got error %v and %v, want a GuardError that names the computation, and 1", err, data[0])
	}
	copy(p.Input("x"), []float32{1, 2})
	if err := p.Run(0, 0); err != nil || data[0] != 2 {
		t.Errorf("got error %v and %v, want none and 2", err, data[0])
	}
}

func TestNoGradient(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{2})
	f := square()
	f.Backward = nil
	y := g.Compute(f, []tensor.Shape{{2}, {}}, x)[0]
	g.Gradient(g.Sum(y, nil, false), x)
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "square has no gradient") {
		t.Errorf("got %v, want an error that says that there is no gradient", err)
	}
}
