package layers_test

import (
	"math"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Operations of keras.ops have no layer cases, as they are no layers to Keras; the model case "operations" has some in a whole model.
func TestOperations(t *testing.T) {
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	mod := func(a, b float64) float64 { return a - b*math.Floor(a/b) }
	want := map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b }, "Subtract": func(a, b float64) float64 { return a - b },
		"Multiply": func(a, b float64) float64 { return a * b }, "Divide": func(a, b float64) float64 { return a / b },
		"TrueDivide": func(a, b float64) float64 { return a / b }, "DivideNoNan": func(a, b float64) float64 { return a / b },
		"Power": math.Pow, "Mod": mod, "FloorDivide": func(a, b float64) float64 { return math.Floor(a / b) },
		"Maximum": math.Max, "Minimum": math.Min,
		"Equal": func(a, b float64) float64 { return truth(a == b) }, "NotEqual": func(a, b float64) float64 { return truth(a != b) },
		"Less": func(a, b float64) float64 { return truth(a < b) }, "LessEqual": func(a, b float64) float64 { return truth(a <= b) },
		"Greater": func(a, b float64) float64 { return truth(a > b) }, "GreaterEqual": func(a, b float64) float64 { return truth(a >= b) },
	}
	arity := map[string]int{}
	for name := range want {
		arity[name] = 2
	}
	for name, f := range map[string]func(float64) float64{
		"Negative": func(x float64) float64 { return -x }, "Absolute": math.Abs, "Exp": math.Exp, "Expm1": math.Expm1, "Log": math.Log,
		"Log1p": math.Log1p, "Sqrt": math.Sqrt, "Square": func(x float64) float64 { return x * x },
		"Reciprocal": func(x float64) float64 { return 1 / x }, "Sin": math.Sin, "Cos": math.Cos, "Tanh": math.Tanh,
		"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven,
		"Sign": func(x float64) float64 { return truth(x > 0) - truth(x < 0) },
	} {
		want[name], arity[name] = func(a, _ float64) float64 { return f(a) }, 1
	}
	a := tensor.From([]float64{0.5, 1.5, 2, 3.25}, 2, 2)
	for _, name := range registry.Default.Layers.Names() {
		e := registry.Default.Layers.Lookup(name)
		if e.Module != registry.OperationModule {
			continue
		}
		f := want[e.Class]
		if f == nil {
			t.Errorf("operation %q is not tested: add a row to TestOperations", e.Class)
			continue
		}
		l := e.New()
		g := graph.New()
		x := g.Input("x", a.Shape())
		args := []any{x, 2.0}[:arity[e.Class]]
		r, err := core.Apply(l, g, false, core.NewShared(), []graph.Value{x}, nil, map[string]any{core.PositionalArguments: args})
		if err != nil {
			t.Errorf("%s: %v", e.Class, err)
			continue
		}
		got, err := coretest.Eval(g, r.Values, map[string]*tensor.Tensor{"x": a}, coretest.Memory[float64]{}, coretest.Mode{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range a.Float64s() {
			if w := f(v, 2); math.Abs(got[0].Float64s()[i]-w) > 1e-12 {
				t.Errorf("%s(%v, 2): got %v, want %v", e.Class, v, got[0].Float64s()[i], w)
			}
		}
	}
}
