package model

import (
	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns models of which some layers are missing, see registry.Missing: they are built as far as shapes are known.
//
// What a missing layer gives, only the file can say: Keras 3 writes the shapes of all tensors of a graph, and in a row of layers what each
// was built for. Where it does not say, the layers behind are not built either and keep the weights that the file has for them.

// hint takes what a serialised layer says of its input.
func (m *Model) hint(l core.Layer, o registry.Object) {
	build, _ := o.Raw["build_config"].(map[string]any)
	if s, ok := shapeOf(build["input_shape"]); ok {
		if m.hints == nil {
			m.hints = map[core.Layer]tensor.Shape{}
		}
		m.hints[l] = s
	}
}

// known reports whether the shapes of all tensors that a call is given are known.
func (n *node) known() bool {
	known := true
	n.eachInput(func(t *Tensor) {
		if t.shape == nil {
			known = false
		}
	})
	return known
}

// buildOrKeep builds a layer as buildNode does, if it is there and its input is known.
func (m *Model) buildOrKeep(b *core.Builder, n *node) error {
	ran := false
	if n.known() {
		err := m.buildNode(b, n)
		if !registry.NoFormula(err) {
			return err
		}
		ran = true
	}
	inner, nested := n.layer.(*Model)
	switch base := n.layer.Common(); {
	case nested && inner.Built() && !base.Kept():
		for i, t := range inner.outputs {
			n.output(i).shape = t.shape
		}
	case ran || !base.Built(): // what was declared of a layer around the missing one is only a part
		base.Keep()
	}
	for _, t := range n.outputs {
		if t.shape == nil {
			t.shape = t.hint
		}
	}
	return nil
}
