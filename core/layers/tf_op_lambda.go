package layers

import (
	"strings"
	"sync"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// TFOpLambda is a function of TensorFlow between layers in files of tf.keras 2.4 to 2.15: x + 1 on a symbolic tensor made one with function
// "__operators__.add". A model that is read has operations of Keras 3 in its place; it is never called. SlicingOpLambda is one whose
// arguments may be slices, as {start, stop, step}.
//
// Source: tf_keras/src/layers/core/tf_op_layer.py.
type TFOpLambda struct {
	core.Base
	Function string `json:"function"`
}

// SlicingOpLambda is TFOpLambda for x[...].
type SlicingOpLambda struct{ TFOpLambda }

func init() {
	registerLegacy("TFOpLambda", func() *TFOpLambda { return &TFOpLambda{} }, nil)
	registerLegacy("SlicingOpLambda", func() *SlicingOpLambda { return &SlicingOpLambda{} }, nil)
}

var tfTable = sync.OnceValues(func() (map[string]*tfFunction, error) { return tfFunctions(tfRows) })

// tfName is the name of a function without what tells spellings of it apart.
func tfName(name string) string {
	for _, prefix := range []string{"tf.", "compat.v1.", "compat.v2.", "keras.", "math."} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// Rewrite makes operations of the function.
func (l *TFOpLambda) Rewrite(args []any, kwargs map[string]any, call func(l core.Layer, args []any, kwargs map[string]any) any) (core.Layer, []any, map[string]any, error) {
	table, err := tfTable()
	if err != nil {
		return nil, nil, nil, err
	}
	f := table[tfName(l.Function)]
	if f == nil {
		err := core.Errorf(core.ErrUnknownLayer, "function", "gk does not have TensorFlow's function %q", l.Function)
		return nil, nil, nil, core.WithHint(err, "make the model again with a layer in its place, and provide that by a plugin")
	}
	c, a, k, err := f.rewrite(args, kwargs, call)
	return c, a, k, core.In("function "+l.Function, core.ErrGraph, err)
}

// Build refuses: a TFOpLambda outside of a functional model has no call to rewrite.
func (l *TFOpLambda) Build(*core.Builder, []tensor.Shape) error {
	return core.Errorf(core.ErrUnknownLayer, "function", "got %q outside of a functional model", l.Function)
}

// Call is not reached, as Build fails.
func (l *TFOpLambda) Call(_ *core.Call, inputs []graph.Value) []graph.Value { return inputs }

var _ core.Rewriter = (*TFOpLambda)(nil)
