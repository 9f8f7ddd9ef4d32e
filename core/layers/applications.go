package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the layers that networks of keras.applications bring along: files of ConvNeXt and InceptionResNetV2 hold them, though
// Keras exports none of them. A plugin's class of the same name takes the place of one, as such names are anybody's.

func registerApplication[L core.Layer](name, module string, newLayer func() L) {
	registry.Default.Layers.MustAdd(registry.Entry[core.Layer]{
		Name: name, Aliases: []string{"Custom>" + name}, Module: "keras.src.applications." + module, Registered: name, Yields: true,
		New: func() core.Layer { return newLayer() },
	})
}

func init() {
	registerApplication("LayerScale", "convnext", func() *LayerScale { return &LayerScale{} })
	registerApplication("StochasticDepth", "convnext", func() *StochasticDepth { return &StochasticDepth{} })
	registerApplication("CustomScaleLayer", "inception_resnet_v2", func() *CustomScaleLayer { return &CustomScaleLayer{} })
}

// LayerScale is y = x gamma, with a gamma for each of the last axis' projection_dim channels, which begins at init_values.
//
// Input and output (batch, ..., channels). Weights gamma (channels), which Keras 3 calls "variable". Source: keras/src/applications/convnext.py; Touvron et al.,
// arXiv:2103.17239.
type LayerScale struct {
	core.Base
	InitValues    float64 `json:"init_values"`
	ProjectionDim int     `json:"projection_dim" want:">0"`

	gamma *core.Weight
}

// Build declares gamma.
func (l *LayerScale) Build(b *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if got := inputs[0].Dim(-1); got != tensor.Unknown && got != l.ProjectionDim {
		return core.Errorf(core.ErrShapeMismatch, "projection_dim", "got %d for an input of shape %v", l.ProjectionDim, inputs[0])
	}
	l.gamma = b.Weight(core.WeightSpec{Name: "variable", Shape: tensor.Shape{l.ProjectionDim}, Initializer: filled(l.InitValues)})
	return nil
}

// Call scales.
func (l *LayerScale) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{c.Graph.Mul(inputs[0], c.Read(l.gamma))}
}

// StochasticDepth drops whole samples in training, with probability drop_path_rate, and divides the others by 1 - drop_path_rate.
//
// Input and output (batch, ...). Source: keras/src/applications/convnext.py; Huang et al., arXiv:1603.09382.
type StochasticDepth struct {
	core.Base
	DropPathRate float64 `json:"drop_path_rate" want:"0..1"`
}

// Build takes one input.
func (l *StochasticDepth) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 1, 0)
}

// Call drops samples in training.
func (l *StochasticDepth) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	noise := make(tensor.Shape, len(inputs[0].Shape()))
	for i := range noise {
		noise[i] = 1
	}
	noise[0] = tensor.Unknown
	return []graph.Value{dropout(c, inputs[0], l.DropPathRate, noise)}
}

// CustomScaleLayer is y = first + scale second: the residual connection of InceptionResNetV2.
//
// Two inputs and output (batch, ...). Source: keras/src/applications/inception_resnet_v2.py.
type CustomScaleLayer struct {
	core.Base
	Scale float64 `json:"scale"`
}

// Build takes two inputs.
func (l *CustomScaleLayer) Build(_ *core.Builder, inputs []tensor.Shape) error {
	return core.WantInputs(inputs, 2, 0)
}

// Call adds.
func (l *CustomScaleLayer) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	return []graph.Value{c.Graph.Add(inputs[0], c.Graph.Mul(inputs[1], c.Graph.Const(l.Scale)))}
}
