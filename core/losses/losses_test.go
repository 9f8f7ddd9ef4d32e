package losses_test

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	_ "github.com/gokeras/gk/core/losses"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

var decoder = registry.Default.Decoder(registry.Origin{KerasVersion: "3.15.1"})

// decode makes a loss as from a file.
func decode(t *testing.T, class string, config any) core.Loss {
	t.Helper()
	l, err := decoder.Loss(core.Config{"class_name": class, "config": config})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// compute runs a loss on the arrays of a case: the reduced loss and its gradient with respect to y_pred.
func compute[T tensor.Float](l core.Loss, arrays map[string]*tensor.Tensor, mode coretest.Mode) (value, grad *tensor.Tensor, err error) {
	g := graph.New()
	in := func(name string) graph.Value {
		if arrays[name] == nil {
			return graph.Value{}
		}
		return g.Input(name, arrays[name].Shape())
	}
	yPred := in("y_pred")
	v := core.ComputeLoss(g, l, in("y_true"), yPred, in("sample_weight"), in("mask"))
	outputs := []graph.Value{v}
	if arrays["dy"] != nil {
		outputs = append(outputs, g.Gradients([]graph.Value{v}, []graph.Value{in("dy")}, []graph.Value{yPred})[0])
	}
	if err := g.Err(); err != nil {
		return nil, nil, err
	}
	out, err := coretest.Eval[T](g, outputs, arrays, nil, mode)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[len(out)-1], nil
}

func TestAgainstKeras(t *testing.T) {
	rows := map[string]bool{}
	for _, c := range coretest.Read(t, "losses") {
		class := c.Row["class_name"].(string)
		rows[class] = true
		t.Run(c.Name, func(t *testing.T) {
			l := decode(t, class, c.Row["config"])
			check := func(value, grad *tensor.Tensor, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				tol := c.Number("tol", 1e-5)
				if err := coretest.Near("value", value, c.Golden["value"], tol); err != nil {
					t.Error(err)
				}
				if err := coretest.Near("gradient", grad, c.Golden["dy_pred"], tol); err != nil {
					t.Error(err)
				}
			}
			check(compute[float32](l, c.Golden, coretest.Mode{}))
			check(compute[float32](l, c.Golden, coretest.Mode{Plain: true, Reference: true}))
		})
	}
	for _, name := range registry.Default.Losses.Names() {
		if !rows[name] {
			t.Errorf("loss %q has no row: add one to testdata/cases/losses.jsonl and make its golden with testdata/keras/gen.py", name)
		}
	}
}

// TestConfig decodes what Keras serialises, encodes it and compares. Keras forgets some settings when it serialises, which gk does not.
func TestConfig(t *testing.T) {
	for _, c := range coretest.Read(t, "losses") {
		want := c.Meta["config"].(map[string]any)
		maps.Copy(want["config"].(map[string]any), c.Row["config"].(map[string]any))
		l, err := decoder.Loss(want)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got, err := registry.Default.Encoder(core.Keras3).Loss(l)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if d := differ("", got, want); d != "" {
			t.Errorf("%s: %s", c.Name, d)
		}
		if _, err := registry.Default.Encoder(core.Legacy).Loss(l); err != nil {
			t.Errorf("%s: legacy: %v", c.Name, err)
		}
	}
}

// differ says where two JSON values differ; null and a missing key are the same, and so are whole numbers of any type.
func differ(at string, got, want any) string {
	g, ok := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if ok && ok2 {
		for k := range w {
			if d := differ(at+"."+k, g[k], w[k]); d != "" {
				return d
			}
		}
		for k := range g {
			if w[k] == nil && g[k] != nil {
				return fmt.Sprintf("%s.%s: got %v, want nothing", at, k, g[k])
			}
		}
		return ""
	}
	if list, ok := got.([]any); ok {
		for i, x := range list {
			if n, ok := x.(int); ok {
				list[i] = float64(n)
			}
		}
	}
	if n, ok := got.(int); ok {
		got = float64(n)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s: got %#v, want %#v", at, got, want)
	}
	return ""
}
