package layers

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// InputLayer stands for an input of a model: it names the input and says what shape it has, null where the size varies. It computes
// nothing. Source: keras/src/layers/core/input_layer.py.
type InputLayer struct{ inputLayer }

// inputLayer is the fields of InputLayer. Keras' class takes fewer keys than other layers, so InputLayer writes its config itself.
type inputLayer struct {
	core.Base
	BatchShape tensor.Shape `json:"batch_shape"`
	Sparse     bool         `json:"sparse"`
	Ragged     bool         `json:"ragged"`
	Optional   bool         `json:"optional"`
}

func init() {
	registerUpgraded("InputLayer", func() *InputLayer { return &InputLayer{} }, upgradeInput)
}

// upgradeInput: files before Keras 3 say batch_input_shape, Go code shape, without the batch.
func upgradeInput(c core.Config, _ registry.Origin) error {
	if v, ok := c["batch_input_shape"]; ok {
		c["batch_shape"] = v
		delete(c, "batch_input_shape")
	}
	for _, key := range []string{"shape", "input_shape"} {
		v, ok := c[key]
		if !ok {
			continue
		}
		delete(c, key)
		if shape, ok := v.([]int); ok {
			c["batch_shape"] = append([]int{tensor.Unknown}, shape...)
		} else if list, ok := v.([]any); ok {
			c["batch_shape"] = append([]any{c["batch_size"]}, list...)
			delete(c, "batch_size")
		} else if v != nil {
			return core.Errorf(core.ErrLayerConfig, key, "got %v, want a list", v)
		}
	}
	return nil
}

// NewInputLayer makes an InputLayer for samples of a shape, tensor.Unknown where a size varies.
func NewInputLayer(shape []int, with ...With) *InputLayer {
	return configure[*InputLayer]("InputLayer", With{"shape": shape}, with)
}

// DecodeConfig takes the keys of Keras 3 and those that all layers have.
func (l *InputLayer) DecodeConfig(d *registry.Decoder, c core.Config) error {
	if err := d.Into(&l.inputLayer, c); err != nil {
		return err
	}
	if len(l.BatchShape) == 0 {
		return core.Errorf(core.ErrLayerConfig, "batch_shape", "got %v, want a shape with a batch", l.BatchShape)
	}
	return nil
}

// EncodeConfig gives Keras 3 its keys, and older Kerases theirs.
func (l *InputLayer) EncodeConfig(e *registry.Encoder) (core.Config, error) {
	c := core.Config{"name": l.Name, "dtype": l.DType.Name(), "sparse": l.Sparse}
	if e.Dialect == core.Legacy {
		c["batch_input_shape"] = registry.ShapeConfig(l.BatchShape)
		if l.Ragged {
			c["ragged"] = true
		}
		return c, nil
	}
	c["batch_shape"], c["ragged"], c["optional"] = registry.ShapeConfig(l.BatchShape), l.Ragged, l.Optional
	return c, nil
}

// InputShape is the shape of the input with its batch.
func (l *InputLayer) InputShape() tensor.Shape { return l.BatchShape }

// Build checks the shape of what comes in.
func (l *InputLayer) Build(_ *core.Builder, inputs []tensor.Shape) error {
	if err := core.WantInputs(inputs, 1, 0); err != nil {
		return err
	}
	if !l.BatchShape.Matches(inputs[0]) && !inputs[0].Matches(l.BatchShape) {
		return core.Errorf(core.ErrShapeMismatch, "input", "got shape %v, want %v", inputs[0], l.BatchShape)
	}
	return nil
}

// Call is its input.
func (l *InputLayer) Call(_ *core.Call, inputs []graph.Value) []graph.Value { return inputs }
