package regularizers_test

import (
	"fmt"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/regularizers"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func decode(t *testing.T, v any) core.Regularizer {
	t.Helper()
	r, err := registry.Default.Decoder(registry.Origin{}).Regularizer(v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRegularizersAgainstKeras(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range coretest.Read(t, "regularizers") {
		seen[c.Row["class_name"].(string)] = true
		t.Run(c.Name, func(t *testing.T) {
			r := decode(t, map[string]any{"class_name": c.Row["class_name"], "config": c.Row["config"]})
			got, err := registry.Default.Encoder(core.Keras3).Config(r)
			check(t, err)
			check(t, coretest.ThroughJSON(&got))
			check(t, coretest.SameConfig("config", got, c.Meta["config"].(map[string]any)["config"]))

			g := graph.New()
			in := g.Input("x", c.Golden["x"].Shape())
			y := r.Penalty(g, in)
			dx := g.Gradient(y, in)[0]
			if !dx.Valid() {
				dx = g.Zeros(in)
			}
			out, err := coretest.Eval[float64](g, []graph.Value{y, dx}, map[string]*tensor.Tensor{"x": c.Golden["x"]}, nil, coretest.Mode{})
			check(t, err)
			check(t, coretest.Near("value", out[0], c.Golden["value"], 1e-6))
			check(t, coretest.Near("dx", out[1], c.Golden["dx"], 1e-6))
		})
	}
	for _, name := range registry.Default.Regularizers.Names() {
		if !seen[name] {
			t.Errorf("regularizer %q has no case: add a row to testdata/cases/regularizers.jsonl and run testdata/keras/gen.py", name)
		}
	}
}

func TestOldForms(t *testing.T) {
	for _, c := range []struct {
		v    any
		want regularizers.L1L2
	}{
		{map[string]any{"name": "WeightRegularizer", "l1": 0.25, "l2": 0.5}, regularizers.L1L2{L1: 0.25, L2: 0.5}},
		{map[string]any{"name": "ActivityRegularizer", "l1": 0.25, "l2": 0.0}, regularizers.L1L2{L1: 0.25}},
		{map[string]any{"name": "L1L2", "l1": nil, "l2": 0.5}, regularizers.L1L2{L2: 0.5}},
		{map[string]any{"class_name": "L1L2", "config": map[string]any{"l1": 0.0, "l2": 0.5}}, regularizers.L1L2{L2: 0.5}},
		{"l1l2", regularizers.L1L2{}},
	} {
		if got, ok := decode(t, c.v).(*regularizers.L1L2); !ok || *got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.v, got, c.want)
		}
	}
	if got, ok := decode(t, "l2").(*regularizers.L2); !ok || got.L2 != 0.01 {
		t.Errorf("l2: got %+v", got)
	}
}

func TestErrors(t *testing.T) {
	for want, v := range map[string]any{
		`regularizer "L2": l2: got -1, want >= 0`: map[string]any{"class_name": "L2", "config": map[string]any{"l2": -1.0}},
		`regularizer "OrthogonalRegularizer": mode: got "row", want one of rows, columns (did you mean "rows"?)`: map[string]any{
			"class_name": "OrthogonalRegularizer", "config": map[string]any{"mode": "row"}},
		`unknown regularizer "L3" (did you mean "L1" or "L2"?)`: "L3",
	} {
		if _, err := registry.Default.Decoder(registry.Origin{}).Regularizer(v); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	g := graph.New()
	(&regularizers.OrthogonalRegularizer{Factor: 1, Mode: "rows"}).Penalty(g, g.Input("x", tensor.Shape{2, 3, 4}))
	if want := `regularizer "OrthogonalRegularizer": got shape (2, 3, 4), want a matrix`; g.Err() == nil || g.Err().Error() != want {
		t.Errorf("got error %v, want %s", g.Err(), want)
	}
}

func ExampleL2() {
	g := graph.New()
	penalty := (&regularizers.L2{L2: 0.5}).Penalty(g, g.Input("w", tensor.Shape{2}))
	out, err := coretest.Eval[float64](g, []graph.Value{penalty}, map[string]*tensor.Tensor{"w": tensor.From([]float64{3, 4}, 2)}, nil, coretest.Mode{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out[0].Float64s()[0])
	// Output: 12.5
}
