package model_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/coretest"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/model"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// TestTensorFlowOpLayer reads operations of TensorFlow as tf.keras 2.0 to 2.3 wrote them; no Keras of today does. The numbers are those of the
// function of keras.ops that does the same.
func TestTensorFlowOpLayer(t *testing.T) {
	for _, c := range []struct {
		def       string // op and attr
		constants string
		inputs    int
		class     string // what it is today, called with the tensors and what is behind them
		config    core.Config
		rest      []any
	}{
		{`"op": "AddV2", "attr": {"T": {"type": "DT_FLOAT"}}`, `{}`, 2, "Add", nil, nil},
		{`"op": "Mul"`, `{"1": 0.5}`, 1, "Multiply", nil, []any{0.5}},
		{`"op": "RealDiv"`, `{"1": [1, 2, 4]}`, 1, "Divide", nil, []any{[]any{1.0, 2.0, 4.0}}},
		{`"op": "Mean", "attr": {"keep_dims": {"b": true}, "Tidx": {"type": "DT_INT32"}}`, `{"1": [1]}`, 1, "Mean", core.Config{"axis": []any{1.0}, "keepdims": true}, nil},
		{`"op": "Cast", "attr": {"SrcT": {"type": "DT_FLOAT"}, "DstT": {"type": "DT_INT32"}}`, `{}`, 1, "Cast", core.Config{"dtype": "int32"}, nil},
		{`"op": "Reshape"`, `{"1": [-1, 3, 1]}`, 1, "Reshape", core.Config{"newshape": []any{-1.0, 3.0, 1.0}}, nil},
		{`"op": "ExpandDims"`, `{"1": 1}`, 1, "ExpandDims", core.Config{"axis": 1.0}, nil},
		{`"op": "StridedSlice", "attr": {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}, "shrink_axis_mask": {"i": "2"}}`,
			`{"1": [0, 1], "2": [0, 2], "3": [1, 1]}`, 1, "GetItem", nil, []any{[]any{map[string]any{"class_name": "__slice__", "config": map[string]any{}}, 1.0}}},
		{`"op": "ConcatV2"`, `{"2": 1}`, 2, "Concatenate", core.Config{"axis": 1.0}, nil},
		{`"op": "Pack", "attr": {"axis": {"i": "1"}, "N": {"i": "2"}}`, `{}`, 2, "Stack", core.Config{"axis": 1.0}, nil},
		{`"op": "MatMul", "attr": {"transpose_a": {"b": false}}`, `{"1": [[1, 2], [3, 4], [5, 6]]}`, 1, "Matmul", nil, []any{[]any{[]any{1.0, 2.0}, []any{3.0, 4.0}, []any{5.0, 6.0}}}},
		{`"op": "Einsum", "attr": {"equation": {"s": "aWosaWotPmk="}}`, `{}`, 2, "Einsum", core.Config{"subscripts": "ij,ij->i"}, nil},
		{`"op": "LeakyRelu", "attr": {"alpha": {"f": 0.1}}`, `{}`, 1, "LeakyRelu", core.Config{"negative_slope": 0.1}, nil},
		{`"op": "Sum", "attr": {"keep_dims": {"b": false}}`, `{"1": -1}`, 1, "Sum", core.Config{"axis": -1.0}, nil},
	} {
		got := run(t, fmt.Sprintf(`{"class_name": "TensorFlowOpLayer", "name": "tf_op_layer_a/b", "config": {"name": "a/b", "trainable": true, "dtype": "float32",
			"node_def": {"name": "a/b", %s}, "constants": %s}, "inbound_nodes": [[["x", 0, 0, {}]%s]]}`, c.def, c.constants, map[int]string{2: `, ["y", 0, 0, {}]`}[c.inputs]), "tf_op_layer_a/b")
		args := []any{tensorArg("x")}
		if c.inputs == 2 {
			args = append(args, tensorArg("y"))
		}
		if c.class == "Concatenate" || c.class == "Stack" {
			args = []any{args}
		}
		config := core.Config{"name": "op"}
		for key, v := range c.config {
			config[key] = v
		}
		text, err := json.Marshal(map[string]any{"class_name": c.class, "name": "op", "module": registry.OperationModule, "config": config,
			"inbound_nodes": []any{map[string]any{"args": append(args, c.rest...), "kwargs": map[string]any{}}}})
		if err != nil {
			t.Fatal(err)
		}
		want := run(t, string(text), "op")
		if err := coretest.Near(c.def, got, want, 1e-6); err != nil {
			t.Error(err)
		}
	}
}

func tensorArg(name string) any {
	return map[string]any{"class_name": "__keras_tensor__", "config": map[string]any{"keras_history": []any{name, 0.0, 0.0}}}
}

// run computes what a layer makes of two inputs x and y of shape (2, 3).
func run(t *testing.T, layer, name string) *tensor.Tensor {
	t.Helper()
	m, err := functional(layer, name)
	if err != nil {
		t.Fatalf("%s: %v", layer, err)
	}
	g := graph.New()
	feeds, in := feed(g, []*tensor.Tensor{tensor.From([]float64{1.5, -2, 3, 0.25, 5, -6}, 2, 3), tensor.From([]float64{2, 3, -4, 5, 0.5, 7}, 2, 3)})
	r, err := core.Apply(m, g, false, core.NewShared(), in, nil, nil)
	if err != nil {
		t.Fatalf("%s: %v", layer, err)
	}
	got, err := coretest.Eval(g, r.Values, feeds, coretest.Memory[float64]{}, coretest.Mode{})
	if err != nil {
		t.Fatalf("%s: %v", layer, err)
	}
	return got[0]
}

func functional(layer, name string) (*model.Model, error) {
	return model.FromJSON(fmt.Appendf(nil, `{"class_name": "Functional", "config": {"name": "m", "layers": [
		{"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, 3]}, "inbound_nodes": []},
		{"class_name": "InputLayer", "name": "y", "config": {"name": "y", "batch_input_shape": [null, 3]}, "inbound_nodes": []}, %s],
		"input_layers": [["x", 0, 0], ["y", 0, 0]], "output_layers": [[%q, 0, 0]]}}`, layer, name), nil, registry.Origin{KerasVersion: "2.3.0"})
}

// What gk does not have is refused by its name, with what to do.
func TestUnknownFunctions(t *testing.T) {
	for _, c := range []struct{ layer, want string }{
		{`{"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "function": "signal.dct"}, "inbound_nodes": [["x", 0, 0, {"type": 2}]]}`,
			`layer "op" (TFOpLambda): inbound_nodes[0]: function: gk does not have TensorFlow's function "signal.dct" (make the model again with a layer in its place, and provide that by a plugin)`},
		{`{"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "function": "einsum"}, "inbound_nodes": [["_CONSTANT_VALUE", -1, "ab,bc->ac", {}]]}`,
			`layer "op" (TFOpLambda): inbound_nodes[0]: function einsum: tf.keras leaves the tensors of einsum out of its files (make the model again with keras.layers.EinsumDense, Dot or Keras 3)`},
		{`{"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "function": "__operators__.eq"}, "inbound_nodes": [["x", 0, 0, {}]]}`,
			`layer "op" (TFOpLambda): inbound_nodes[0]: function __operators__.eq: tf.keras leaves the tensors of == and != out of its files (make the model again with keras.layers.EinsumDense, Dot or Keras 3)`},
		{`{"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "function": "cast"}, "inbound_nodes": [["x", 0, 0, {"dtype": "int32", "to": 3}]]}`,
			`layer "op" (TFOpLambda): inbound_nodes[0]: function cast: to: got 3, which gk does not know here`},
		{`{"class_name": "TensorFlowOpLayer", "name": "op", "config": {"name": "op", "node_def": {"op": "Dct"}, "constants": {}}, "inbound_nodes": [[["x", 0, 0, {}]]]}`,
			`layer "op" (TensorFlowOpLayer): inbound_nodes[0]: node_def: gk does not have TensorFlow's operation "Dct" (make the model again with a layer in its place, and provide that by a plugin)`},
		{`{"class_name": "SVD", "module": "keras.src.ops.linalg", "registered_name": "SVD", "name": "op", "config": {"name": "op"}, "inbound_nodes": []}`,
			`layer "op" (SVD): a function of keras.ops (keras.src.ops.linalg) that gk does not have (a plugin that registers the class "SVD" can provide it)`},
		{`{"class_name": "Mean", "module": "keras.src.ops.numpy", "name": "op", "config": {"name": "op", "axes": 1}, "inbound_nodes": []}`,
			`layer "op" (Mean): axes: unknown argument of Mean(axis=None, keepdims=False)(x) (did you mean "axis"?)`},
		{`{"class_name": "Reshape", "module": "keras.src.ops.numpy", "name": "op", "config": {"name": "op"}, "inbound_nodes": []}`,
			`layer "op" (Reshape): newshape: is missing, want Reshape(newshape)(x)`},
	} {
		_, err := functional(c.layer, "op")
		if err == nil || strings.TrimPrefix(err.Error(), "model config: ") != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
