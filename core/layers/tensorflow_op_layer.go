package layers

import (
	"encoding/base64"
	"strconv"
	"strings"
	"sync"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
)

// TensorFlowOpLayer is an operation of TensorFlow between layers in files of tf.keras 2.0 to 2.3: node_def is the operation as TensorFlow's
// graphs have it, constants are those of its inputs that are no tensors of the model, by their numbers. A model that is read has operations
// of Keras 3 in its place; it is never called.
//
// Source: TensorFlowOpLayer of tensorflow/python/keras/engine/base_layer.py, TensorFlow 2.3; tensorflow/core/framework/node_def.proto.
type TensorFlowOpLayer struct {
	core.Base
	NodeDef   any            `json:"node_def"`
	Constants map[string]any `json:"constants"`
}

func init() {
	registerLegacy("TensorFlowOpLayer", func() *TensorFlowOpLayer { return &TensorFlowOpLayer{} }, nil)
}

var rawTable = sync.OnceValues(func() (map[string]*tfFunction, error) { return tfFunctions(rawRows) })

// Rewrite makes operations of the operation.
func (l *TensorFlowOpLayer) Rewrite(args []any, _ map[string]any, call func(l core.Layer, args []any, kwargs map[string]any) any) (core.Layer, []any, map[string]any, error) {
	table, err := rawTable()
	if err != nil {
		return nil, nil, nil, err
	}
	def, ok := l.NodeDef.(map[string]any)
	if text, isText := l.NodeDef.(string); isText {
		v, err := core.ParseJSON([]byte(text))
		if def, ok = v.(map[string]any); err != nil {
			ok = false
		}
	}
	op, named := def["op"].(string)
	if !ok || !named {
		return nil, nil, nil, core.Errorf(core.ErrConfigJSON, "node_def", "want an operation of TensorFlow as an object with op, input and attr")
	}
	f := table[op]
	if f == nil {
		err := core.Errorf(core.ErrUnknownLayer, "node_def", "gk does not have TensorFlow's operation %q", op)
		return nil, nil, nil, core.WithHint(err, "make the model again with a layer in its place, and provide that by a plugin")
	}
	inputs, err := l.inputs(def, args)
	if err != nil {
		return nil, nil, nil, err
	}
	attributes, _ := def["attr"].(map[string]any)
	settings := map[string]any{}
	for _, p := range f.parameters[min(len(f.parameters), len(inputs)):] {
		if v, ok := attributes[p.name].(map[string]any); ok {
			settings[p.name] = attribute(v)
		}
	}
	if len(f.parameters) > 0 && f.parameters[0].rest { // attributes come first then: the inputs are all the rest
		for key, v := range attributes {
			if a, ok := v.(map[string]any); ok {
				settings[key] = attribute(a)
			}
		}
		f = f.withSettings(settings)
		settings = nil
	}
	c, a, k, err := f.rewrite(inputs, settings, call)
	return c, a, k, core.In("operation "+op, core.ErrGraph, err)
}

// withSettings is f with the attributes of an operation for its expression to read.
func (f *tfFunction) withSettings(settings map[string]any) *tfFunction {
	g := *f
	g.prepare = func(v map[string]any) (string, error) {
		for key, x := range settings {
			v[key] = x
		}
		if f.prepare == nil {
			return "", nil
		}
		return f.prepare(v)
	}
	return &g
}

// inputs puts tensors and constants in the order of the operation's inputs.
func (l *TensorFlowOpLayer) inputs(def map[string]any, args []any) ([]any, error) {
	if len(args) == 1 {
		if list, ok := args[0].([]any); ok {
			args = list
		}
	}
	total := len(args) + len(l.Constants)
	if names, ok := def["input"].([]any); ok && len(names) != total {
		return nil, core.Errorf(core.ErrGraph, "constants", "got %d and %d tensors for %d inputs", len(l.Constants), len(args), len(names))
	}
	out := make([]any, total)
	for i := range out {
		if c, ok := l.Constants[strconv.Itoa(i)]; ok {
			out[i] = c
			continue
		}
		if len(args) == 0 {
			return nil, core.Errorf(core.ErrGraph, "constants", "no constant and no tensor is input %d", i)
		}
		out[i], args = args[0], args[1:]
	}
	return out, nil
}

// attribute is the value of an attribute: a number, a word, a type, or a list of them, as JSON has protocol buffers.
func attribute(v map[string]any) any {
	for key, x := range v {
		switch key {
		case "b", "f":
			return x
		case "i":
			return integer(x)
		case "s":
			text, _ := x.(string)
			if word, err := base64.StdEncoding.DecodeString(text); err == nil {
				return string(word)
			}
			return text
		case "type":
			name, _ := x.(string)
			return dtypeOf(name)
		case "list":
			list, _ := x.(map[string]any)
			for key, items := range list {
				out := []any{}
				values, _ := items.([]any)
				for _, item := range values {
					out = append(out, attribute(map[string]any{key: item}))
				}
				return out
			}
			return nil
		}
	}
	return nil
}

// integer is a whole number, which JSON of protocol buffers has as a string.
func integer(v any) any {
	if s, ok := v.(string); ok {
		if n, err := strconv.ParseInt(s, 10, 32); err == nil {
			return float64(n)
		}
	}
	return v
}

// dtypeOf is Keras' name of a type of TensorFlow.
func dtypeOf(name string) string {
	switch name = strings.ToLower(strings.TrimPrefix(name, "DT_")); name {
	case "float":
		return "float32"
	case "double":
		return "float64"
	case "half":
		return "float16"
	}
	return name
}

// Build refuses: outside of a functional model there is no call to rewrite.
func (l *TensorFlowOpLayer) Build(*core.Builder, []tensor.Shape) error {
	return core.Errorf(core.ErrUnknownLayer, "node_def", "an operation of TensorFlow outside of a functional model")
}

// Call is not reached, as Build fails.
func (l *TensorFlowOpLayer) Call(_ *core.Call, inputs []graph.Value) []graph.Value { return inputs }

var _ core.Rewriter = (*TensorFlowOpLayer)(nil)

// rawRows are the operations of TensorFlow's graphs: inputs in their order, then attributes.
var rawRows = []tfRow{
	{"Add AddV2(x, y)", "Add(x, y)", nil}, {"Sub(x, y)", "Subtract(x, y)", nil}, {"Mul(x, y)", "Multiply(x, y)", nil},
	{"RealDiv Div(x, y)", "TrueDivide(x, y)", nil}, {"DivNoNan(x, y)", "DivideNoNan(x, y)", nil}, {"FloorDiv(x, y)", "FloorDivide(x, y)", nil},
	{"FloorMod(x, y)", "Mod(x, y)", nil}, {"Pow(x, y)", "Power(x, y)", nil}, {"Maximum(x, y)", "Maximum(x, y)", nil},
	{"Minimum(x, y)", "Minimum(x, y)", nil}, {"SquaredDifference(x, y)", "Square(Subtract(x, y))", nil}, {"Atan2(y, x)", "Arctan2(y, x)", nil},
	{"AddN(*inputs)", "Sum(Stack(inputs), axis=0)", nil},
	{"Neg(x)", "Negative(x)", nil}, {"Abs(x)", "Absolute(x)", nil}, {"Sign(x)", "Sign(x)", nil}, {"Square(x)", "Square(x)", nil},
	{"Sqrt(x)", "Sqrt(x)", nil}, {"Rsqrt(x)", "Rsqrt(x)", nil}, {"Exp(x)", "Exp(x)", nil}, {"Expm1(x)", "Expm1(x)", nil},
	{"Log(x)", "Log(x)", nil}, {"Log1p(x)", "Log1p(x)", nil}, {"Reciprocal Inv(x)", "Reciprocal(x)", nil}, {"Floor(x)", "Floor(x)", nil},
	{"Ceil(x)", "Ceil(x)", nil}, {"Round Rint(x)", "Round(x)", nil}, {"Sin(x)", "Sin(x)", nil}, {"Cos(x)", "Cos(x)", nil}, {"Tan(x)", "Tan(x)", nil},
	{"Asin(x)", "Arcsin(x)", nil}, {"Acos(x)", "Arccos(x)", nil}, {"Atan(x)", "Arctan(x)", nil}, {"Sinh(x)", "Sinh(x)", nil},
	{"Cosh(x)", "Cosh(x)", nil}, {"Tanh(x)", "Tanh(x)", nil}, {"Erf(x)", "Erf(x)", nil}, {"Erfc(x)", "Erfc(x)", nil},
	{"Identity PreventGradient CheckNumerics(x)", "Copy(x)", nil}, {"StopGradient(x)", "StopGradient(x)", nil},
	{"Cast(x, DstT)", "Cast(x, dtype=DstT)", nil}, {"ClipByValue(x, low, high)", "Minimum(Maximum(x, low), high)", nil},
	{"Equal(x, y)", "Equal(x, y)", nil}, {"NotEqual(x, y)", "NotEqual(x, y)", nil}, {"Less(x, y)", "Less(x, y)", nil},
	{"LessEqual(x, y)", "LessEqual(x, y)", nil}, {"Greater(x, y)", "Greater(x, y)", nil}, {"GreaterEqual(x, y)", "GreaterEqual(x, y)", nil},
	{"LogicalAnd(x, y)", "LogicalAnd(x, y)", nil}, {"LogicalOr(x, y)", "LogicalOr(x, y)", nil}, {"LogicalNot(x)", "LogicalNot(x)", nil},
	{"IsNan(x)", "Isnan(x)", nil}, {"IsInf(x)", "Isinf(x)", nil}, {"IsFinite(x)", "Isfinite(x)", nil},
	{"SelectV2 Select(condition, x, y)", "Where(condition, x, y)", nil},
	{"Mean(x, axis, keep_dims=False)", "Mean(x, axis=axis, keepdims=keep_dims)", nil}, {"Sum(x, axis, keep_dims=False)", "Sum(x, axis=axis, keepdims=keep_dims)", nil},
	{"Max(x, axis, keep_dims=False)", "Max(x, axis=axis, keepdims=keep_dims)", nil}, {"Min(x, axis, keep_dims=False)", "Min(x, axis=axis, keepdims=keep_dims)", nil},
	{"Prod(x, axis, keep_dims=False)", "Prod(x, axis=axis, keepdims=keep_dims)", nil}, {"All(x, axis, keep_dims=False)", "All(x, axis=axis, keepdims=keep_dims)", nil},
	{"Any(x, axis, keep_dims=False)", "Any(x, axis=axis, keepdims=keep_dims)", nil},
	{"EuclideanNorm(x, axis, keep_dims=False)", "Sqrt(Sum(Square(x), axis=axis, keepdims=keep_dims))", nil},
	{"ArgMax(x, axis)", "Argmax(x, axis=axis)", nil}, {"ArgMin(x, axis)", "Argmin(x, axis=axis)", nil},
	{"Cumsum(x, axis, exclusive=False, reverse=False)", "Cumsum(x, axis=axis)", func(v map[string]any) (string, error) { return tfRunning(v, "Cumsum", "Subtract") }},
	{"TopKV2(x, k)", "TopK(x, k=k)", nil},
	{"Reshape(x, shape)", "Reshape(x, newshape=shape)", nil}, {"Shape(x)", "Shape(x)", nil}, {"Size(x)", "Size(x)", nil},
	{"Transpose(x, perm)", "Transpose(x, axes=perm)", nil}, {"ExpandDims(x, axis)", "ExpandDims(x, axis=axis)", nil},
	{"Squeeze(x, squeeze_dims=None)", "Squeeze(x, axis=squeeze_dims)", func(v map[string]any) (string, error) {
		if list, ok := v["squeeze_dims"].([]any); ok && len(list) == 0 {
			v["squeeze_dims"] = nil
		}
		return "", nil
	}},
	{"ConcatV2(*inputs)", "Concatenate(values, axis=axis)", func(v map[string]any) (string, error) {
		list, _ := v["inputs"].([]any)
		if len(list) < 2 {
			return "", core.Errorf(core.ErrGraph, "", "got %d inputs", len(list))
		}
		v["values"], v["axis"] = list[:len(list)-1], list[len(list)-1]
		return "", nil
	}},
	{"Pack(*inputs)", "Stack(inputs, axis=axis)", func(v map[string]any) (string, error) {
		if v["axis"] == nil {
			v["axis"] = 0.0
		}
		return "", nil
	}},
	{"Unpack(x, num=None, axis=0)", "Unstack(x, num=num, axis=axis)", nil},
	{"Split(axis, x, num_split)", "Split(x, indices_or_sections=num_split, axis=axis)", nil},
	{"SplitV(x, num_or_size_splits, axis)", "Split(x, indices_or_sections=num_or_size_splits, axis=axis)", tfSplit},
	{"Tile(x, multiples)", "Tile(x, repeats=multiples)", nil}, {"BroadcastTo(x, shape)", "BroadcastTo(x, shape=shape)", nil},
	{"ReverseV2(x, axis)", "Flip(x, axis=axis)", nil}, {"Roll(x, shift, axis)", "Roll(x, shift=shift, axis=axis)", nil},
	{"Pad(x, paddings)", "Pad(x, pad_width=paddings)", nil}, {"PadV2(x, paddings, value)", "Pad(x, pad_width=paddings, constant_values=value)", nil},
	{"MirrorPad(x, paddings, mode='REFLECT')", "Pad(x, pad_width=paddings, mode=mode)", func(v map[string]any) (string, error) {
		v["mode"] = lower(v["mode"])
		return "", nil
	}},
	{"ZerosLike(x)", "ZerosLike(x)", nil}, {"OnesLike(x)", "OnesLike(x)", nil}, {"Fill(dims, value)", "Full(value, shape=dims)", nil},
	{"Range(start, limit, delta)", "Arange(start, limit, delta)", nil},
	{"Slice(x, begin, size)", "Slice(x, begin, shape=size)", nil},
	{"StridedSlice(x, begin, end, strides, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)", "GetItem(x, key)", stridedSlice},
	{"GatherV2(x, indices, axis, batch_dims=0)", "Take(x, indices, axis=axis)", func(v map[string]any) (string, error) {
		if n, _ := core.Whole(v["batch_dims"]); n != 0 {
			return "", core.Errorf(core.ErrGraph, "batch_dims", "got %d, want 0", n)
		}
		return "", nil
	}},
	{"Gather(x, indices)", "Take(x, indices, axis=0)", nil},
	{"OneHot(x, depth, on, off, axis=-1)", "Add(Multiply(OneHot(x, num_classes=depth, axis=axis), Subtract(on, off)), off)", func(v map[string]any) (string, error) {
		if on, ok := number(v["on"]); ok {
			if off, ok := number(v["off"]); ok && on == 1 && off == 0 {
				return "OneHot(x, num_classes=depth, axis=axis)", nil
			}
		}
		return "", core.Errorf(core.ErrGraph, "", "got %v and %v, want 1 and 0", v["on"], v["off"])
	}},
	{"MatMul(a, b, transpose_a=False, transpose_b=False)", "Matmul(a, b)", func(v map[string]any) (string, error) {
		return tfProduct(v["transpose_a"] == true, v["transpose_b"] == true), nil
	}},
	{"BatchMatMul BatchMatMulV2(a, b, adj_x=False, adj_y=False)", "Matmul(a, b)", func(v map[string]any) (string, error) {
		return tfProduct(v["adj_x"] == true, v["adj_y"] == true), nil
	}},
	{"Einsum(*inputs)", "Einsum(*inputs, subscripts=equation)", nil},
	{"Relu(x)", "Relu(x)", nil}, {"Relu6(x)", "Relu6(x)", nil}, {"Elu(x)", "Elu(x)", nil}, {"Selu(x)", "Selu(x)", nil},
	{"LeakyRelu(x, alpha=0.2)", "LeakyRelu(x, negative_slope=alpha)", nil}, {"Sigmoid(x)", "Sigmoid(x)", nil}, {"Softplus(x)", "Softplus(x)", nil},
	{"Softsign(x)", "Softsign(x)", nil}, {"Softmax(x)", "Softmax(x)", nil}, {"LogSoftmax(x)", "LogSoftmax(x)", nil},
	{"BiasAdd(x, bias, data_format='NHWC')", "Add(x, bias)", func(v map[string]any) (string, error) {
		if f, _ := v["data_format"].(string); strings.HasPrefix(f, "NC") {
			return "", core.Errorf(core.ErrGraph, "data_format", "got %q, want channels last", f)
		}
		return "", nil
	}},
	{"MaxPool(input, ksize, strides, padding, data_format='NHWC')", "MaxPool(input, pool_size=ksize, strides=strides, padding=padding, data_format=data_format)", tfWindow("ksize")},
	{"AvgPool(input, ksize, strides, padding, data_format='NHWC')", "AveragePool(input, pool_size=ksize, strides=strides, padding=padding, data_format=data_format)", tfWindow("ksize")},
	{"Conv2D(input, filter, strides, padding, data_format='NHWC', dilations=1)", "Conv(input, filter, strides=strides, padding=padding, data_format=data_format, dilation_rate=dilations)", tfWindow("dilations")},
	{"DepthwiseConv2dNative(input, filter, strides, padding, data_format='NHWC', dilations=1)", "DepthwiseConv(input, filter, strides=strides, padding=padding, data_format=data_format, dilation_rate=dilations)", tfWindow("dilations")},
	{"DepthToSpace(x, block_size, data_format='NHWC')", "DepthToSpace(x, block_size=block_size, data_format=data_format)", tfFormat},
	{"SpaceToDepth(x, block_size, data_format='NHWC')", "SpaceToDepth(x, block_size=block_size, data_format=data_format)", tfFormat},
	{"ResizeBilinear(x, size, align_corners=False, half_pixel_centers=False)", "Resize(x, size=size, interpolation='bilinear', data_format='channels_last')", halfPixels},
	{"ResizeNearestNeighbor(x, size, align_corners=False, half_pixel_centers=False)", "Resize(x, size=size, interpolation='nearest', data_format='channels_last')", halfPixels},
}

// tfProduct is the product of matrices of which some are transposed.
func tfProduct(left, right bool) string {
	a, b := "a", "b"
	if left {
		a = "Swapaxes(a, axis1=-1, axis2=-2)"
	}
	if right {
		b = "Swapaxes(b, axis1=-1, axis2=-2)"
	}
	return "Matmul(" + a + ", " + b + ")"
}

// halfPixels refuses what lies elsewhere among the pixels than Keras 3 has it.
func halfPixels(v map[string]any) (string, error) {
	if v["align_corners"] == true || v["half_pixel_centers"] != true {
		return "", core.Errorf(core.ErrGraph, "half_pixel_centers", "got false, or align_corners, which Keras 3 has not")
	}
	return "", nil
}
