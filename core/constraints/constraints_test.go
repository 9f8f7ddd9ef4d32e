package constraints_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/constraints"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func decode(t *testing.T, v any) core.Constraint {
	t.Helper()
	c, err := registry.Default.Decoder(registry.Origin{}).Constraint(v)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConstraintsAgainstKeras(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range coretest.Read(t, "constraints") {
		seen[c.Row["class_name"].(string)] = true
		t.Run(c.Name, func(t *testing.T) {
			constraint := decode(t, map[string]any{"class_name": c.Row["class_name"], "config": c.Row["config"]})
			got, err := registry.Default.Encoder(core.Keras3).Config(constraint)
			check(t, err)
			check(t, coretest.ThroughJSON(&got))
			check(t, coretest.SameConfig("config", got, c.Meta["config"].(map[string]any)["config"]))

			g := graph.New()
			y := constraint.Project(g, g.Input("x", c.Golden["x"].Shape()))
			out, err := coretest.Eval[float32](g, []graph.Value{y}, map[string]*tensor.Tensor{"x": c.Golden["x"]}, nil, coretest.Mode{})
			check(t, err)
			check(t, coretest.Near("value", out[0], c.Golden["value"], 1e-6))
		})
	}
	for _, name := range registry.Default.Constraints.Names() {
		if !seen[name] {
			t.Errorf("constraint %q has no case: add a row to testdata/cases/constraints.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

func TestOldForms(t *testing.T) {
	for _, c := range []struct {
		v    any
		want core.Constraint
	}{
		{map[string]any{"name": "MaxNorm", "m": 3.0, "axis": 1.0}, &constraints.MaxNorm{MaxValue: 3, Axis: core.OneAxis(1)}},
		{map[string]any{"name": "MinMaxNorm", "low": 0.5, "high": 2.0, "rate": 0.5, "axis": 0.0},
			&constraints.MinMaxNorm{MinValue: 0.5, MaxValue: 2, Rate: 0.5, Axis: core.OneAxis(0)}},
		{map[string]any{"name": "NonNeg"}, &constraints.NonNeg{}},
		{"maxnorm", &constraints.MaxNorm{MaxValue: 2, Axis: core.OneAxis(0)}},
		{"unit_norm", &constraints.UnitNorm{Axis: core.OneAxis(0)}},
		{"nonneg", &constraints.NonNeg{}},
	} {
		if got := decode(t, c.v); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: got %+v, want %+v", c.v, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	g := graph.New()
	(&constraints.UnitNorm{Axis: core.OneAxis(2)}).Project(g, g.Input("x", tensor.Shape{2, 3}))
	if want := `constraint "UnitNorm": axis: got 2, want one of the axes of a rank 2 input`; g.Err() == nil || g.Err().Error() != want {
		t.Errorf("got error %v, want %s", g.Err(), want)
	}
	_, err := registry.Default.Decoder(registry.Origin{}).Constraint(map[string]any{"max_value": 2.0})
	if want := "got an object without class_name, want the name of a constraint or {class_name, config}"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func ExampleMaxNorm() {
	g := graph.New()
	c := &constraints.MaxNorm{MaxValue: 1, Axis: core.OneAxis(0)}
	w := c.Project(g, g.Input("w", tensor.Shape{2}))
	out, err := coretest.Eval[float64](g, []graph.Value{w}, map[string]*tensor.Tensor{"w": tensor.From([]float64{3, 4}, 2)}, nil, coretest.Mode{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f\n", out[0].Float64s())
	// Output: [0.6000 0.8000]
}
