package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// Reshape gives each sample another shape, target_shape, in which one size may be -1: what is left.
//
// Input (batch, ...), output (batch, target_shape...). Source: keras/src/layers/reshaping/reshape.py.
type Reshape struct {
	core.Base
	TargetShape []int `json:"target_shape" want:">=-1"`
}

func init() { register("Reshape", func() *Reshape { return &Reshape{} }) }

// NewReshape makes a Reshape layer.
func NewReshape(targetShape []int, with ...With) *Reshape {
	return configure[*Reshape]("Reshape", With{"target_shape": targetShape}, with)
}

// Build checks that the sizes agree.
func (l *Reshape) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if len(inputs[0]) == 0 {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want a batch", inputs[0])
	}
	_, err := l.target(inputs[0][1:])
	return err
}

// target is target_shape without -1, as far as the shape of a sample is known.
func (l *Reshape) target(sample tensor.Shape) (tensor.Shape, error) {
	free, known := -1, 1
	for i, d := range l.TargetShape {
		if d >= 0 {
			known *= d
			continue
		}
		if free >= 0 {
			return nil, core.Errorf(core.ErrLayerConfig, "target_shape", "got %v, want at most one -1", l.TargetShape)
		}
		free = i
	}
	size, out := sample.Size(), tensor.Shape(l.TargetShape).Clone()
	switch {
	case size < 0:
	case free < 0 && known != size, free >= 0 && (known == 0 || size%known != 0):
		return nil, core.Errorf(core.ErrLayerConfig, "target_shape", "got %v for samples of shape %v, want one of %d numbers", l.TargetShape, sample, size)
	case free >= 0:
		out[free] = size / known
	}
	return out, nil
}

// Call reshapes. It drops masks.
func (l *Reshape) Call(c *core.Call, inputs []graph.Value) []graph.Value {
	c.DropMasks()
	x := inputs[0].Shape()
	target, err := l.target(x[1:])
	if err != nil {
		c.Graph.Fail(err)
		return inputs
	}
	return []graph.Value{c.Graph.Reshape(inputs[0], append(tensor.Shape{x[0]}, target...)...)}
}
