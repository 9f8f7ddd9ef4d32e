package activations_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/activations"
	_ "github.com/gokeras/gk/core/builtin"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// decode makes the activation of a row: arguments of a Keras function are settings here.
func decode(t *testing.T, row map[string]any) core.Activation {
	t.Helper()
	id := row["identifier"]
	if args, ok := row["arguments"].(map[string]any); ok {
		id = map[string]any{"class_name": id, "config": args}
	}
	a, err := registry.Default.Decoder(registry.Origin{}).Activation(id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestActivationsAgainstKeras(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range coretest.Read(t, "activations") {
		if name, ok := c.Row["identifier"].(string); ok {
			seen[registry.Default.Activations.Lookup(name).Name] = true
		}
		t.Run(c.Name, func(t *testing.T) {
			a := decode(t, c.Row)
			x, dy := c.Golden["x"], c.Golden["dy"]
			g := graph.New()
			in, seed := g.Input("x", x.Shape()), g.Input("dy", dy.Shape())
			y := a.Apply(g, in)
			dx := g.Gradients([]graph.Value{y}, []graph.Value{seed}, []graph.Value{in})[0]
			feeds := map[string]*tensor.Tensor{"x": x, "dy": dy}
			got, err := coretest.Eval[float64](g, []graph.Value{y, dx}, feeds, nil, coretest.Mode{})
			check(t, err)
			check(t, coretest.Near("y", got[0], c.Golden["y"], 2e-6))
			check(t, coretest.Near("dx", got[1], c.Golden["dx"], 2e-6))
			got, err = coretest.Eval[float32](g, []graph.Value{y, dx}, feeds, nil, coretest.Mode{})
			check(t, err)
			check(t, coretest.Near("y in float32", got[0], c.Golden["y"], 2e-6))
			check(t, coretest.Near("dx in float32", got[1], c.Golden["dx"], 2e-6))
		})
	}
	seen["hard_sigmoid_legacy"] = true // not in Keras 3: TestHardSigmoidByVersion
	for _, name := range registry.Default.Activations.Names() {
		if !seen[name] {
			t.Errorf("activation %q has no case: add a row to testdata/cases/activations.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

func TestConfigs(t *testing.T) {
	d, e := registry.Default.Decoder(registry.Origin{}), registry.Default.Encoder(core.Keras3)
	for _, c := range coretest.Read(t, "activations") {
		a := decode(t, c.Row)
		got, err := e.Activation(a)
		check(t, err)
		check(t, coretest.ThroughJSON(&got))
		if c.Row["arguments"] == nil { // what Keras writes
			check(t, coretest.SameConfig(c.Name, got, c.Meta["config"]))
		}
		again, err := d.Activation(got)
		check(t, err)
		second, err := e.Activation(again)
		check(t, err)
		check(t, coretest.ThroughJSON(&second))
		check(t, coretest.SameConfig(c.Name+" again", second, got))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// run applies an activation to numbers.
func run(t *testing.T, a core.Activation, x ...float64) []float64 {
	t.Helper()
	g := graph.New()
	y := a.Apply(g, g.Input("x", tensor.Shape{len(x)}))
	got, err := coretest.Eval[float64](g, []graph.Value{y}, map[string]*tensor.Tensor{"x": tensor.From(x, len(x))}, nil, coretest.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Float64s()
}

func TestHardSigmoidByVersion(t *testing.T) {
	x := []float64{-3, -2.6, -2.5, -1, 0, 0.3, 2.5, 2.6, 4}
	// tf_keras 2.21 and Keras 3.15: activations.hard_sigmoid of these numbers.
	legacy := []float64{0, 0, 0, 0.3, 0.5, 0.56, 1, 1, 1}
	today := []float64{0, 0.0666666701, 0.0833333358, 0.3333333433, 0.5, 0.5500000119, 0.9166666865, 0.9333333373, 1}
	for version, want := range map[string][]float64{"1.2.2": legacy, "2.3.1": legacy, "2.15.0-tf": legacy, "3.15.1": today, "": today} {
		a, err := registry.Default.Decoder(registry.Origin{KerasVersion: version}).Activation("hard_sigmoid")
		check(t, err)
		got := run(t, a, x...)
		for i := range x {
			if math.Abs(got[i]-want[i]) > 1e-7 {
				t.Errorf("Keras %q: hard_sigmoid(%v): got %v, want %v", version, x[i], got[i], want[i])
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a    core.Activation
		want string
	}{
		{nil, "linear"}, {&activations.ReLU{}, "relu"}, {&activations.ReLU{NegativeSlope: 0.1}, ""}, {&activations.Softmax{Axis: -1}, "softmax"},
		{&activations.Softmax{Axis: 1}, ""}, {&activations.GELU{Approximate: true}, ""},
	} {
		if got := core.ActivationName(c.a); got != c.want {
			t.Errorf("%#v: got name %q, want %q", c.a, got, c.want)
		}
	}
	for _, name := range registry.Default.Activations.Names() {
		a, err := registry.Default.Activations.New(name)
		check(t, err)
		if got := core.ActivationName(a); got != name {
			t.Errorf("new %q: got name %q", name, got)
		}
	}
}

// Losses and models look for these.
func TestOperations(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.Shape{2, 3})
	for name, op := range map[string]string{"softmax": "Softmax", "sigmoid": "sigmoid", "relu": "relu", "log_softmax": "LogSoftmax"} {
		a, err := registry.Default.Activations.New(name)
		check(t, err)
		if n := a.Apply(g, x).Node(); n.Op.Name != op || n.In[0] != x {
			t.Errorf("%s: got operation %q, want %q of the input", name, n.Op.Name, op)
		}
	}
	a, err := registry.Default.Activations.New("linear")
	check(t, err)
	if a.Apply(g, x) != x {
		t.Error("linear: got another value than the input")
	}
}

// Where a function has a kink or a branch of its formula overflows, the gradient is that of TensorFlow 2.21, which printed these.
func TestGradientsAtKinks(t *testing.T) {
	for _, c := range []struct {
		name    string
		x, want []float64
	}{
		{"relu", []float64{0}, []float64{0}},
		{"relu6", []float64{0, 6}, []float64{0, 0}},
		{"hard_tanh", []float64{-1, 1}, []float64{1, 1}},
		{"hard_sigmoid", []float64{-3, 3}, []float64{0, 0}},
		{"leaky_relu", []float64{0}, []float64{0.2}},
		{"elu", []float64{0, 800}, []float64{1, 1}},
		{"selu", []float64{0, 800}, []float64{1.05070102, 1.05070102}},
		{"celu", []float64{800}, []float64{1}},
		{"soft_shrink", []float64{-0.5, 0.5}, []float64{0, 0}},
		{"hard_shrink", []float64{-0.5, 0.5}, []float64{0, 0}},
		{"sparse_plus", []float64{-1, 1}, []float64{0, 1}},
		{"sparse_sigmoid", []float64{-1, 1}, []float64{0, 0}},
	} {
		a, err := registry.Default.Activations.New(c.name)
		check(t, err)
		g := graph.New()
		in := g.Input("x", tensor.Shape{len(c.x)})
		dx := g.Gradients([]graph.Value{a.Apply(g, in)}, nil, []graph.Value{in})
		got, err := coretest.Eval[float64](g, dx, map[string]*tensor.Tensor{"x": tensor.From(c.x, len(c.x))}, nil, coretest.Mode{})
		check(t, err)
		check(t, coretest.Near(c.name, got[0], tensor.From(c.want, len(c.x)), 1e-7))
	}
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		a     core.Activation
		shape tensor.Shape
		want  string
	}{
		"softmax axis":   {&activations.Softmax{Axis: 2}, tensor.Shape{2, 3}, `activation "softmax": axis: got 2, want one of shape (2, 3)`},
		"sparsemax axis": {&activations.Sparsemax{Axis: -3}, tensor.Shape{2, 3}, `activation "sparsemax": axis: got -3, want one of shape (2, 3)`},
		"glu axis":       {&activations.GLU{Axis: 5}, tensor.Shape{2, 4}, `activation "glu": axis: got 5, want one of shape (2, 4)`},
		"glu size":       {&activations.GLU{Axis: -1}, tensor.Shape{2, 3}, `activation "glu": got size 3 along axis -1, want an even one`},
	} {
		g := graph.New()
		c.a.Apply(g, g.Input("x", c.shape))
		if err := g.Err(); err == nil || err.Error() != c.want {
			t.Errorf("%s: got error %v, want %s", name, err, c.want)
		}
	}
}

func TestUnknownShapes(t *testing.T) {
	x := tensor.Shape{tensor.Unknown, tensor.Unknown, 4}
	for _, name := range registry.Default.Activations.Names() {
		a, err := registry.Default.Activations.New(name)
		check(t, err)
		g := graph.New()
		y := a.Apply(g, g.Input("x", x))
		want := x
		if name == "glu" {
			want = x.With(-1, 2)
		}
		if g.Err() != nil || !y.Shape().Equal(want) {
			t.Errorf("%s: got shape %v, error %v; want shape %v", name, y.Shape(), g.Err(), want)
		}
	}
}

func ExampleLeakyReLU() {
	a, err := registry.Default.Decoder(registry.Origin{}).Activation(&activations.LeakyReLU{NegativeSlope: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	g := graph.New()
	y := a.Apply(g, g.Input("x", tensor.Shape{2}))
	got, err := coretest.Eval[float64](g, []graph.Value{y}, map[string]*tensor.Tensor{"x": tensor.From([]float64{-5, 5}, 2)}, nil, coretest.Mode{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got[0].Float64s())
	// Output: [-0.5 5]
}

// TestCode holds that an activation whose config is code is refused by what it is, in both forms that Keras 3 writes.
func TestCode(t *testing.T) {
	for _, v := range []any{
		map[string]any{"value": []any{"4wEAAAA=", nil, nil}},
		map[string]any{"module": "builtins", "class_name": "__lambda__", "config": map[string]any{"value": []any{"4wEAAAA=", nil, nil}}},
	} {
		_, err := registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"}).Activation(v)
		var e *core.Error
		if !errors.As(err, &e) || e.Kind != core.ErrUnsafeObject || e.Hint == "" {
			t.Errorf("%v: got %v", v, err)
		}
	}
}

// TestNotOfKeras3 holds that what Keras 3 has no more is written as a function of the user's, and comes back.
func TestNotOfKeras3(t *testing.T) {
	a, err := registry.Default.Decoder(registry.Origin{KerasVersion: "2.2.4"}).Activation("hard_sigmoid")
	if err != nil {
		t.Fatal(err)
	}
	written, err := registry.Default.Encoder(core.Keras3).Activation(a)
	if f, ok := written.(core.Config); err != nil || !ok || f["class_name"] != "function" || f["config"] != "hard_sigmoid_legacy" {
		t.Fatalf("got %v, %v", written, err)
	}
	back, err := registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"}).Activation(written)
	if err != nil || core.ActivationName(back) != "hard_sigmoid_legacy" {
		t.Errorf("got %v, %v", back, err)
	}
	if legacy, err := registry.Default.Encoder(core.Legacy).Activation(a); err != nil || legacy != "hard_sigmoid_legacy" {
		t.Errorf("got %v, %v", legacy, err) // the writer of .h5 calls it hard_sigmoid, and the file one of Keras 2
	}
}
