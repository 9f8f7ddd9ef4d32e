package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// Pipeline is layers one after the other, each with the mask of what it is given.
//
// Input and output are those of the first and of the last layer. Source: keras/src/layers/preprocessing/pipeline.py.
type Pipeline struct {
	core.Base
	Layers []core.Layer `json:"layers"`
}

func init() { register("Pipeline", func() *Pipeline { return &Pipeline{} }) }

// NewPipeline makes a Pipeline of layers, which belong to it from then on.
func NewPipeline(layers []core.Layer, with ...With) *Pipeline {
	return configure[*Pipeline]("Pipeline", With{"layers": layers}, with)
}

type pipelineFields Pipeline

// DecodeConfig takes the fields.
func (l *Pipeline) DecodeConfig(d *registry.Decoder, c core.Config) error {
	return d.Into((*pipelineFields)(l), c)
}

// EncodeConfig gives what Keras' class takes: no more than layers and name.
func (l *Pipeline) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c, err := e.Config((*pipelineFields)(l))
	return core.Config{"layers": c["layers"], "name": l.Name}, err
}

// Build builds the layers.
func (l *Pipeline) Build(b *core.Builder, inputs []tensor.Shape) error {
	if len(l.Layers) == 0 {
		return core.Errorf(core.ErrLayerConfig, "layers", "got none, want at least one")
	}
	var names []string
	for _, inner := range l.Layers {
		names = append(names, newName(names, inner.Common().Name))
		inner.Common().Name = names[len(names)-1]
		if err := b.Child("layers[]", inner, inputs...); err != nil {
			return err
		}
		var err error
		if inputs, err = core.OutputShapes(inner, inputs); err != nil {
			return err
		}
	}
	return nil
}

// Call calls the layers.
func (l *Pipeline) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	masks := make([]graph.Value, len(inputs))
	for i := range masks {
		masks[i] = c.Mask(i)
	}
	c.DropMasks()
	for _, inner := range l.Layers {
		r := c.Child(inner, inputs, masks, nil)
		inputs, masks = r.Values, r.Masks
	}
	for i, m := range masks {
		c.SetMask(i, m)
	}
	return inputs
}
