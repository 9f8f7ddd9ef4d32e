package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Merge is what Keras 1, and Keras 2 for a while, had for all layers that merge their inputs. Its modes sum, mul, ave, max, concat and dot
// become Add, Multiply, Average, Maximum, Concatenate and Dot when a file is read; the mode that no layer of today has stays:
//
//	cos   dot(first, second)/max(sqrt(dot(first, first) dot(second, second)), 1e-7)
//
// where dot is that of Dot with dot_axes. Inputs (batch, ...), output (batch, 1, what is left of the first, what is left of the second),
// (batch, 1, 1) if nothing is. Source: Merge of keras/engine/topology.py, Keras 1.2.2.
type Merge struct {
	core.Base
	Mode    string    `json:"mode" want:"cos"`
	DotAxes core.Axes `json:"dot_axes"`
}

func init() {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: "Merge", Module: registry.LegacyModule, Becomes: becomesOfMerge,
		New: func() core.Layer { return &Merge{Mode: "cos", DotAxes: core.OneAxis(-1)} },
	})
}

// RegistryName is the name among the layers.
func (l *Merge) RegistryName() string { return "Merge" }

var mergeModes = map[string]string{"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot", "cos": "Merge"}

// becomesOfMerge says which layer a Merge is, by its mode.
func becomesOfMerge(c core.Config, _ registry.Origin) (string, error) {
	if kind, _ := c["mode_type"].(string); kind == "lambda" || kind == "function" {
		return "", core.WithHint(core.Errorf(core.ErrUnsafeObject, "mode", "holds Python code, which gk never runs"),
			`write the layer as a plugin that registers the class "Merge"`)
	}
	mode := "sum"
	if v, ok := c["mode"]; ok {
		if mode, ok = v.(string); !ok {
			return "", core.Errorf(core.ErrLayerConfig, "mode", "got %T, want a name", v)
		}
	}
	name, ok := mergeModes[mode]
	if !ok {
		err := core.Errorf(core.ErrLayerConfig, "mode", "got %q, want sum, mul, concat, ave, cos, dot or max", mode)
		return "", err
	}
	if c["layers"] != nil {
		return "", core.Errorf(core.ErrUnsupported, "layers", "got branches, want them where a Sequential model begins")
	}
	axes, axis := c["dot_axes"], c["concat_axis"]
	for _, key := range []string{"mode", "mode_type", "concat_axis", "dot_axes", "output_shape", "output_shape_type", "output_mask", "output_mask_type",
		"arguments", "layers", "node_indices", "tensor_indices"} {
		delete(c, key)
	}
	switch mode {
	case "concat":
		if axis != nil {
			c["axis"] = axis
		}
	case "dot", "cos":
		key := "axes"
		if mode == "cos" {
			key, c["mode"] = "dot_axes", mode
		}
		if axes != nil {
			c[key] = flatAxes(axes)
		}
	}
	return name, nil
}

// flatAxes takes the list out of each item of a list: Keras 0 gave the axes of each input as one.
func flatAxes(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, x := range list {
		if one, ok := x.([]any); ok && len(one) == 1 {
			x = one[0]
		}
		out[i] = x
	}
	return out
}

// Build checks the inputs.
func (l *Merge) Build(b *core.Builder, inputs []tensor.Shape) error {
	return (&Dot{Axes: l.DotAxes}).Build(b, inputs)
}

// Call is the cosine. It drops masks.
func (l *Merge) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	g, x, y := c.Graph, inputs[0], inputs[1]
	a, b, err := (&Dot{Axes: l.DotAxes}).axesOf([]tensor.Shape{x.Shape(), y.Shape()})
	if err != nil {
		g.Fail(err)
		return inputs[:1]
	}
	length := g.Sqrt(g.Mul(dotted(g, x, x, a, b), dotted(g, y, y, a, b)))
	return []graph.Value{g.ExpandDims(g.Div(dotted(g, x, y, a, b), g.Maximum(length, g.Const(1e-7))), 1)}
}
