package layers

import (
	"cmp"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Rescaling is input scale + offset, each a number or a list that broadcasts to the input.
//
// Input and output of any shape. Source: keras/src/layers/preprocessing/rescaling.py.
type Rescaling struct {
	core.Base
	Scale  any `json:"scale"`
	Offset any `json:"offset"`
}

func init() { register("Rescaling", func() *Rescaling { return &Rescaling{Scale: 1.0, Offset: 0.0} }) }

// NewRescaling makes a Rescaling layer.
func NewRescaling(scale any, with ...With) *Rescaling {
	return configure[*Rescaling]("Rescaling", With{"scale": scale}, with)
}

// Build checks scale and offset.
func (l *Rescaling) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	for key, v := range map[string]any{"scale": l.Scale, "offset": l.Offset} {
		t, err := numbers(v)
		if err != nil {
			return core.In(key, core.ErrLayerConfig, err)
		}
		if s, ok := graph.Broadcast(t.Shape(), inputs[0]); !ok || len(s) != len(inputs[0]) {
			return core.Errorf(core.ErrLayerConfig, key, "got shape %v, want one that broadcasts to %v", t.Shape(), inputs[0])
		}
	}
	return nil
}

// Call multiplies and adds.
func (l *Rescaling) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	scale, err1 := constant(c.Graph, l.Scale)
	offset, err2 := constant(c.Graph, l.Offset)
	if err := cmp.Or(err1, err2); err != nil {
		c.Graph.Fail(err)
		return inputs
	}
	return []graph.Value{c.Graph.Add(c.Graph.Mul(inputs[0], scale), offset)}
}

// constant is a number or a list of a config as a value.
func constant(g *graph.Graph, v any) (graph.Value, error) {
	t, err := numbers(v)
	if err != nil {
		return graph.Value{}, err
	}
	if t.Shape().Rank() == 0 {
		return g.Const(t.Float64s()[0]), nil
	}
	return g.Table(t), nil
}

// numbers is a number, or lists in lists of them that are all of one length, as a tensor.
func numbers(v any) (*tensor.Tensor, error) {
	wrong := core.Errorf(core.ErrLayerConfig, "", "got %v, want a number or a list of numbers", v)
	switch x := v.(type) {
	case float64:
		return tensor.From([]float64{x}, []int{}...), nil
	case int:
		return tensor.From([]float64{float64(x)}, []int{}...), nil
	case []float64:
		return tensor.From(slices.Clone(x), len(x)), nil
	case []any:
		if len(x) == 0 {
			return nil, wrong
		}
		var all []float64
		var shape tensor.Shape
		for i, item := range x {
			t, err := numbers(item)
			if err != nil || i > 0 && !t.Shape().Equal(shape) {
				return nil, wrong
			}
			shape, all = t.Shape(), append(all, t.Float64s()...)
		}
		return tensor.From(all, append([]int{len(x)}, shape...)...), nil
	}
	return nil, wrong
}
