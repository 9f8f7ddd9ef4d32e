package layers

import (
	"slices"
	"strings"

	"github.com/gokeras/gk/core"
)

// This file owns the functions of TensorFlow in operations of Keras 3, a row each. Names are without tf., compat.v1., keras. and math. in
// front. Where a name of version 1 has other parameters than that of version 2, the row has those of both.

var tfRows = []tfRow{
	// Arithmetic.
	{"add __operators__.add(x, y)", "Add(x, y)", nil},
	{"__operators__.radd(y, x)", "Add(x, y)", nil},
	{"subtract __operators__.sub(x, y)", "Subtract(x, y)", nil},
	{"multiply __operators__.mul scalar_mul(x, y)", "Multiply(x, y)", nil},
	{"divide truediv __operators__.truediv div realdiv(x, y)", "TrueDivide(x, y)", nil},
	{"divide_no_nan(x, y)", "DivideNoNan(x, y)", nil},
	{"multiply_no_nan(x, y)", "Where(Equal(y, 0), 0, Multiply(x, y))", nil},
	{"floordiv floor_div __operators__.floordiv(x, y)", "FloorDivide(x, y)", nil},
	{"floormod mod __operators__.mod(x, y)", "Mod(x, y)", nil},
	{"pow __operators__.pow(x, y)", "Power(x, y)", nil},
	{"maximum(x, y)", "Maximum(x, y)", nil},
	{"minimum(x, y)", "Minimum(x, y)", nil},
	{"squared_difference(x, y)", "Square(Subtract(x, y))", nil},
	{"atan2(y, x)", "Arctan2(y, x)", nil},
	{"xlogy(x, y)", "Where(Equal(x, 0), 0, Multiply(x, Log(y)))", nil},
	{"xdivy(x, y)", "Where(Equal(x, 0), 0, Divide(x, y))", nil},
	{"add_n accumulate_n(inputs)", "Sum(Stack(inputs), axis=0)", nil},
	{"negative __operators__.neg(x)", "Negative(x)", nil},
	{"abs __operators__.abs(x)", "Absolute(x)", nil},
	{"sign(x)", "Sign(x)", nil},
	{"square(x)", "Square(x)", nil},
	{"sqrt(x)", "Sqrt(x)", nil},
	{"rsqrt(x)", "Rsqrt(x)", nil},
	{"exp(x)", "Exp(x)", nil},
	{"expm1(x)", "Expm1(x)", nil},
	{"log(x)", "Log(x)", nil},
	{"log1p(x)", "Log1p(x)", nil},
	{"log_sigmoid(x)", "LogSigmoid(x)", nil},
	{"reciprocal(x)", "Reciprocal(x)", nil},
	{"reciprocal_no_nan(x)", "DivideNoNan(1, x)", nil},
	{"floor(x)", "Floor(x)", nil},
	{"ceil(x)", "Ceil(x)", nil},
	{"round(x)", "Round(x)", nil},
	{"rint(x)", "Round(x)", nil},
	{"sin(x)", "Sin(x)", nil}, {"cos(x)", "Cos(x)", nil}, {"tan(x)", "Tan(x)", nil},
	{"asin(x)", "Arcsin(x)", nil}, {"acos(x)", "Arccos(x)", nil}, {"atan(x)", "Arctan(x)", nil},
	{"sinh(x)", "Sinh(x)", nil}, {"cosh(x)", "Cosh(x)", nil}, {"tanh nn.tanh(x)", "Tanh(x)", nil},
	{"asinh(x)", "Arcsinh(x)", nil}, {"acosh(x)", "Arccosh(x)", nil}, {"atanh(x)", "Arctanh(x)", nil},
	{"erf(x)", "Erf(x)", nil}, {"erfc(x)", "Erfc(x)", nil}, {"erfinv(x)", "Erfinv(x)", nil},
	{"identity(input)", "Copy(input)", nil},
	{"stop_gradient(input)", "StopGradient(input)", nil},
	{"cast(x, dtype)", "Cast(x, dtype=dtype)", nil},
	{"saturate_cast(value, dtype)", "SaturateCast(value, dtype=dtype)", nil},
	{"convert_to_tensor(value)", "Copy(value)", nil},
	{"to_float(x)", "Cast(x, dtype='float32')", nil},
	{"to_int32(x)", "Cast(x, dtype='int32')", nil},
	{"clip_by_value(t, clip_value_min, clip_value_max)", "Minimum(Maximum(t, clip_value_min), clip_value_max)", func(v map[string]any) (string, error) {
		if isPlain(v["clip_value_min"]) && isPlain(v["clip_value_max"]) {
			return "Clip(t, x_min=clip_value_min, x_max=clip_value_max)", nil
		}
		return "", nil
	}},
	{"clip_by_norm(t, clip_norm, axes=None)", "Divide(Multiply(t, clip_norm), Maximum(Sqrt(Sum(Square(t), axis=axes, keepdims=True)), clip_norm))", nil},

	// Truth.
	{"equal(x, y)", "Equal(x, y)", nil},
	{"not_equal(x, y)", "NotEqual(x, y)", nil},
	{"__operators__.eq __operators__.ne(self, other=None)", "Equal(self, other)", func(map[string]any) (string, error) { return "", lost("== and !=") }},
	{"less __operators__.lt(x, y)", "Less(x, y)", nil},
	{"less_equal __operators__.le(x, y)", "LessEqual(x, y)", nil},
	{"greater __operators__.gt(x, y)", "Greater(x, y)", nil},
	{"greater_equal __operators__.ge(x, y)", "GreaterEqual(x, y)", nil},
	{"logical_and __operators__.logical_and(x, y)", "LogicalAnd(x, y)", nil},
	{"logical_or __operators__.logical_or(x, y)", "LogicalOr(x, y)", nil},
	{"logical_xor __operators__.logical_xor(x, y)", "LogicalXor(x, y)", nil},
	{"logical_not __operators__.logical_not(x)", "LogicalNot(x)", nil},
	{"is_nan debugging.is_nan(x)", "Isnan(x)", nil}, {"is_inf(x)", "Isinf(x)", nil}, {"is_finite(x)", "Isfinite(x)", nil},
	{"where where_v2(condition, x, y)", "Where(condition, x, y)", nil},

	// Along axes. Version 1 has names of its own for the same arguments.
	{"reduce_mean(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Mean(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_sum(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Sum(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_max(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Max(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_min(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Min(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_prod(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Prod(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_any(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Any(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_all(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "All(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_logsumexp(input_tensor, axis=None, keepdims=False, reduction_indices=None, keep_dims=None)", "Logsumexp(input_tensor, axis=axis, keepdims=keepdims)", tfAxes},
	{"reduce_std(input_tensor, axis=None, keepdims=False)", "Std(input_tensor, axis=axis, keepdims=keepdims)", nil},
	{"reduce_variance(input_tensor, axis=None, keepdims=False)", "Var(input_tensor, axis=axis, keepdims=keepdims)", nil},
	{"reduce_euclidean_norm(input_tensor, axis=None, keepdims=False)", "Sqrt(Sum(Square(input_tensor), axis=axis, keepdims=keepdims))", nil},
	{"count_nonzero(input, axis=None)", "CountNonzero(input, axis=axis)", nil},
	{"argmax(input, axis=0, dimension=None)", "Argmax(input, axis=axis)", func(v map[string]any) (string, error) { return moved(v, "dimension", "axis") }},
	{"argmin(input, axis=0, dimension=None)", "Argmin(input, axis=axis)", func(v map[string]any) (string, error) { return moved(v, "dimension", "axis") }},
	{"cumsum(x, axis=0, exclusive=False, reverse=False)", "Cumsum(x, axis=axis)", func(v map[string]any) (string, error) { return tfRunning(v, "Cumsum", "Subtract") }},
	{"cumprod(x, axis=0, exclusive=False, reverse=False)", "Cumprod(x, axis=axis)", func(v map[string]any) (string, error) { return tfRunning(v, "Cumprod", "Divide") }},
	{"nn.moments(x, axes, shift=None, keepdims=False, keep_dims=None)", "Moments(x, axes=axes, keepdims=keepdims)", func(v map[string]any) (string, error) { return moved(v, "keep_dims", "keepdims") }},
	{"top_k nn.top_k(input, k=1)", "TopK(input, k=k)", nil},
	{"sort(values, axis=-1, direction='ASCENDING')", "Sort(values, axis=axis)", func(v map[string]any) (string, error) {
		if v["direction"] == "DESCENDING" {
			return "Flip(Sort(values, axis=axis), axis=axis)", nil
		}
		return "", nil
	}},
	{"argsort(values, axis=-1, direction='ASCENDING', stable=False)", "Argsort(values, axis=axis)", func(v map[string]any) (string, error) {
		if v["direction"] == "DESCENDING" {
			return "Argsort(Negative(values), axis=axis)", nil
		}
		return "", nil
	}},
	{"norm linalg.norm(tensor, ord='euclidean', axis=None, keepdims=False, keep_dims=None)", "Norm(tensor, ord=ord, axis=axis, keepdims=keepdims)", func(v map[string]any) (string, error) {
		if v["ord"] == "euclidean" {
			return "Sqrt(Sum(Square(tensor), axis=axis, keepdims=keepdims))", nil
		}
		return moved(v, "keep_dims", "keepdims")
	}},
	{"l2_normalize nn.l2_normalize linalg.l2_normalize(x, axis=None, epsilon=1e-12, dim=None)", "Multiply(x, Rsqrt(Maximum(Sum(Square(x), axis=axis, keepdims=True), epsilon)))",
		func(v map[string]any) (string, error) { return moved(v, "dim", "axis") }},
	{"segment_sum unsorted_segment_sum(data, segment_ids, num_segments=None)", "SegmentSum(data, segment_ids, num_segments=num_segments)", nil},

	// Shapes.
	{"reshape(tensor, shape)", "Reshape(tensor, newshape=shape)", nil},
	{"shape shape_v2(input)", "Shape(input)", nil},
	{"size(input)", "Size(input)", nil},
	{"rank(input)", "Ndim(input)", nil},
	{"transpose(a, perm=None, conjugate=False)", "Transpose(a, axes=perm)", nil},
	{"linalg.matrix_transpose matrix_transpose(a)", "Swapaxes(a, axis1=-1, axis2=-2)", nil},
	{"expand_dims(input, axis=None, dim=None)", "ExpandDims(input, axis=axis)", func(v map[string]any) (string, error) { return moved(v, "dim", "axis") }},
	{"squeeze(input, axis=None, squeeze_dims=None)", "Squeeze(input, axis=axis)", func(v map[string]any) (string, error) {
		if list, ok := v["axis"].([]any); ok && len(list) == 0 {
			v["axis"] = nil
		}
		return moved(v, "squeeze_dims", "axis")
	}},
	{"concat(values, axis)", "Concatenate(values, axis=axis)", nil},
	{"stack(values, axis=0)", "Stack(values, axis=axis)", nil},
	{"unstack(value, num=None, axis=0)", "Unstack(value, num=num, axis=axis)", nil},
	{"split(value, num_or_size_splits, axis=0, num=None)", "Split(value, indices_or_sections=num_or_size_splits, axis=axis)", tfSplit},
	{"tile(input, multiples)", "Tile(input, repeats=multiples)", nil},
	{"repeat(input, repeats, axis=None)", "Repeat(input, repeats=repeats, axis=axis)", nil},
	{"broadcast_to(input, shape)", "BroadcastTo(input, shape=shape)", nil},
	{"reverse reverse_v2(tensor, axis)", "Flip(tensor, axis=axis)", nil},
	{"roll(input, shift, axis)", "Roll(input, shift=shift, axis=axis)", nil},
	{"pad(tensor, paddings, mode='CONSTANT', constant_values=0)", "Pad(tensor, pad_width=paddings, mode=mode, constant_values=constant_values)", func(v map[string]any) (string, error) {
		mode, _ := v["mode"].(string)
		v["mode"] = strings.ToLower(mode)
		if n, ok := number(v["constant_values"]); ok && n == 0 {
			v["constant_values"] = nil
		}
		return "", nil
	}},
	{"zeros_like(input, tensor=None, optimize=True)", "ZerosLike(input)", nil},
	{"ones_like(input, tensor=None, optimize=True)", "OnesLike(input)", nil},
	{"fill(dims, value)", "Full(value, shape=dims)", nil},
	{"zeros(shape)", "Full(0, shape=shape)", nil},
	{"ones(shape)", "Full(1, shape=shape)", nil},
	{"range(start, limit=None, delta=1)", "Arange(start, stop=limit, step=delta)", nil},
	{"meshgrid(*args)", "Meshgrid(*args)", func(map[string]any) (string, error) { return "", lost("meshgrid") }},

	// Places.
	{"__operators__.getitem(tensor, slice_spec, var=None)", "GetItem(tensor, slice_spec)", func(v map[string]any) (string, error) {
		if _, list := v["slice_spec"].([]any); !list { // Keras 3 takes no slice by itself
			v["slice_spec"] = []any{v["slice_spec"]}
		}
		v["slice_spec"] = slicesOf(v["slice_spec"])
		return "", nil
	}},
	{"slice(input_, begin, size)", "Slice(input_, begin, shape=size)", nil},
	{"strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0, var=None)", "GetItem(input_, key)", stridedSlice},
	{"gather gather_v2(params, indices, validate_indices=None, axis=None, batch_dims=0)", "Take(params, indices, axis=axis)", func(v map[string]any) (string, error) {
		batch, _ := core.Whole(v["batch_dims"])
		axis, ok := core.Whole(v["axis"])
		if !ok {
			axis = batch
			v["axis"] = float64(batch)
		}
		if batch != 0 && axis == batch { // a place for each vector
			return "", core.Errorf(core.ErrGraph, "batch_dims", "got %d, want 0", batch)
		}
		return "", nil
	}},
	{"nn.embedding_lookup(params, ids, partition_strategy=None, max_norm=None)", "Take(params, ids, axis=0)", nil},
	{"one_hot(indices, depth, on_value=None, off_value=None, axis=None)", "OneHot(indices, num_classes=depth, axis=axis)", func(v map[string]any) (string, error) {
		if v["axis"] == nil {
			v["axis"] = -1.0
		}
		on, hasOn := number(v["on_value"])
		off, hasOff := number(v["off_value"])
		if !hasOn && !hasOff || on == 1 && off == 0 {
			return "", nil
		}
		if !hasOn {
			on = 1
		}
		v["off_value"], v["span"] = off, on-off
		return "Add(Multiply(OneHot(indices, num_classes=depth, axis=axis), span), off_value)", nil
	}},

	// Linear algebra.
	{"matmul linalg.matmul __operators__.matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False, b_is_sparse=False)", "Matmul(a, b)", func(v map[string]any) (string, error) {
		return tfProduct(v["transpose_a"] == true || v["adjoint_a"] == true, v["transpose_b"] == true || v["adjoint_b"] == true), nil
	}},
	{"linalg.matvec(a, b)", "Squeeze(Matmul(a, ExpandDims(b, axis=-1)), axis=-1)", nil},
	{"tensordot(a, b, axes)", "Tensordot(a, b, axes=axes)", nil},
	{"einsum linalg.einsum(equation, *inputs)", "Einsum(*inputs, subscripts=equation)", func(map[string]any) (string, error) { return "", lost("einsum") }},
	{"linalg.diag_part(input, k=0)", "Diagonal(input, offset=k, axis1=-2, axis2=-1)", nil},
	{"linalg.trace trace(x)", "Trace(x, axis1=-2, axis2=-1)", nil},
	{"linalg.cross(a, b)", "Cross(a, b)", nil},
	{"linalg.det(input)", "Det(input)", nil},
	{"linalg.inv(input, adjoint=False)", "Inv(input)", nil},
	{"linalg.solve(matrix, rhs, adjoint=False)", "Solve(matrix, rhs)", nil},
	{"linalg.band_part(input, num_lower, num_upper)", "Tril(input)", func(v map[string]any) (string, error) {
		lower, _ := core.Whole(v["num_lower"])
		upper, _ := core.Whole(v["num_upper"])
		v["low"], v["high"] = float64(-lower), float64(upper)
		switch {
		case lower < 0 && upper < 0:
			return "Copy(input)", nil
		case lower < 0:
			return "Tril(input, k=high)", nil
		case upper < 0:
			return "Triu(input, k=low)", nil
		}
		return "Triu(Tril(input, k=high), k=low)", nil
	}},

	// nn.
	{"nn.relu(features)", "Relu(features)", nil},
	{"nn.relu6(features)", "Relu6(features)", nil},
	{"nn.leaky_relu(features, alpha=0.2)", "LeakyRelu(features, negative_slope=alpha)", nil},
	{"nn.elu(features)", "Elu(features)", nil},
	{"nn.selu(features)", "Selu(features)", nil},
	{"nn.gelu(features, approximate=False)", "Gelu(features, approximate=approximate)", nil},
	{"nn.silu nn.swish(features, beta=1.0)", "Silu(features)", func(v map[string]any) (string, error) {
		if n, ok := number(v["beta"]); ok && n == 1 {
			return "", nil
		}
		return "Multiply(features, Sigmoid(Multiply(features, beta)))", nil
	}},
	{"sigmoid nn.sigmoid(x)", "Sigmoid(x)", nil},
	{"softplus nn.softplus(features)", "Softplus(features)", nil},
	{"nn.softsign(features)", "Softsign(features)", nil},
	{"nn.softmax softmax(logits, axis=-1, dim=None)", "Softmax(logits, axis=axis)", func(v map[string]any) (string, error) { return moved(v, "dim", "axis") }},
	{"nn.log_softmax log_softmax(logits, axis=-1, dim=None)", "LogSoftmax(logits, axis=axis)", func(v map[string]any) (string, error) { return moved(v, "dim", "axis") }},
	{"nn.crelu(features, axis=-1)", "Concatenate([Relu(features), Relu(Negative(features))], axis=axis)", nil},
	{"nn.bias_add(value, bias, data_format=None)", "Add(value, bias)", func(v map[string]any) (string, error) {
		if f, _ := v["data_format"].(string); strings.HasPrefix(f, "NC") {
			return "", core.Errorf(core.ErrGraph, "data_format", "got %q, want channels last", f)
		}
		return "", nil
	}},
	{"nn.batch_normalization(x, mean, variance, offset=None, scale=None, variance_epsilon=0.001)", "Multiply(Subtract(x, mean), Rsqrt(Add(variance, variance_epsilon)))", func(v map[string]any) (string, error) {
		text := "Multiply(Subtract(x, mean), Rsqrt(Add(variance, variance_epsilon)))"
		if v["scale"] != nil {
			text = "Multiply(" + text + ", scale)"
		}
		if v["offset"] != nil {
			text = "Add(" + text + ", offset)"
		}
		return text, nil
	}},
	{"nn.max_pool nn.max_pool1d nn.max_pool2d nn.max_pool3d(input, ksize, strides, padding, data_format=None, value=None)", "MaxPool(input, pool_size=ksize, strides=strides, padding=padding, data_format=data_format)", tfWindow("ksize")},
	{"nn.avg_pool nn.avg_pool1d nn.avg_pool2d nn.avg_pool3d(input, ksize, strides, padding, data_format=None, value=None)", "AveragePool(input, pool_size=ksize, strides=strides, padding=padding, data_format=data_format)", tfWindow("ksize")},
	{"nn.conv1d nn.conv2d nn.conv3d nn.convolution(input, filter=None, filters=None, strides=1, padding='VALID', data_format=None, dilations=1, stride=None)",
		"Conv(input, filter, strides=strides, padding=padding, data_format=data_format, dilation_rate=dilations)", tfWindow("dilations")},
	{"nn.depthwise_conv2d(input, filter, strides, padding, data_format=None, dilations=1, rate=None)", "DepthwiseConv(input, filter, strides=strides, padding=padding, data_format=data_format, dilation_rate=dilations)", tfWindow("dilations")},
	{"nn.separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=1, rate=None)",
		"SeparableConv(input, depthwise_filter, pointwise_filter, strides=strides, padding=padding, data_format=data_format, dilation_rate=dilations)", tfWindow("dilations")},
	{"nn.depth_to_space depth_to_space(input, block_size, data_format='NHWC')", "DepthToSpace(input, block_size=block_size, data_format=data_format)", tfFormat},
	{"nn.space_to_depth space_to_depth(input, block_size, data_format='NHWC')", "SpaceToDepth(input, block_size=block_size, data_format=data_format)", tfFormat},
	{"nn.l2_loss(t)", "Divide(Sum(Square(t)), 2)", nil},

	// Images.
	{"image.resize image.resize_v2(images, size, method='bilinear', preserve_aspect_ratio=False, antialias=False)", "Resize(images, size=size, interpolation=method, antialias=antialias, data_format='channels_last')", nil},
	{"image.rgb_to_grayscale(images)", "RGBToGrayscale(images, data_format='channels_last')", nil},
	{"image.grayscale_to_rgb(images)", "Repeat(images, repeats=3, axis=-1)", nil},
	{"image.rgb_to_hsv(images)", "RGBToHSV(images, data_format='channels_last')", nil},
	{"image.hsv_to_rgb(images)", "HSVToRGB(images, data_format='channels_last')", nil},
	{"image.flip_left_right(image)", "Flip(image, axis=-2)", nil},
	{"image.flip_up_down(image)", "Flip(image, axis=-3)", nil},
	{"image.adjust_brightness(image, delta)", "Add(image, delta)", nil},
	{"image.convert_image_dtype(image, dtype, saturate=False)", "Copy(image)", nil},
	{"image.crop_to_bounding_box(image, offset_height, offset_width, target_height, target_width)",
		"CropImages(image, top_cropping=offset_height, left_cropping=offset_width, target_height=target_height, target_width=target_width, data_format='channels_last')", nil},
	{"image.pad_to_bounding_box(image, offset_height, offset_width, target_height, target_width)",
		"PadImages(image, top_padding=offset_height, left_padding=offset_width, target_height=target_height, target_width=target_width, data_format='channels_last')", nil},
	{"image.extract_patches(images, sizes, strides, rates, padding)", "ExtractPatches(images, size=sizes, strides=strides, dilation_rate=rates, padding=padding, data_format='channels_last')", func(v map[string]any) (string, error) {
		for _, name := range []string{"sizes", "strides", "rates"} {
			if list, ok := v[name].([]any); ok && len(list) == 4 {
				v[name] = list[1:3]
			}
		}
		v["padding"] = lower(v["padding"])
		return "", nil
	}},
	{"image.per_image_standardization(image)",
		"Divide(Subtract(image, Mean(image, axis=[-3, -2, -1], keepdims=True)), Maximum(Std(image, axis=[-3, -2, -1], keepdims=True), Rsqrt(Sum(OnesLike(image), axis=[-3, -2, -1], keepdims=True))))", nil},

	// keras.backend, where its functions do not become those above.
	{"backend.hard_sigmoid(x)", "Clip(Add(Multiply(x, 0.2), 0.5), x_min=0, x_max=1)", nil},
	{"backend.relu(x, alpha=0.0, max_value=None, threshold=0.0)", "Relu(x)", func(v map[string]any) (string, error) {
		switch n, _ := number(v["threshold"]); {
		case n != 0:
			return "", core.Errorf(core.ErrGraph, "threshold", "got %v, want 0", n)
		case v["max_value"] != nil:
			return "Clip(x, x_min=0, x_max=max_value)", nil
		}
		return "LeakyRelu(x, negative_slope=alpha)", nil
	}},
	{"backend.batch_flatten(x)", "Reshape(x, newshape=[-1, Prod(GetItem(Shape(x), tail))])", func(v map[string]any) (string, error) {
		v["tail"] = []any{sliceObject(1.0, nil, nil)}
		return "", nil
	}},
	{"backend.sum(x, axis=None, keepdims=False)", "Sum(x, axis=axis, keepdims=keepdims)", nil},
	{"backend.mean(x, axis=None, keepdims=False)", "Mean(x, axis=axis, keepdims=keepdims)", nil},
	{"backend.concatenate(tensors, axis=-1)", "Concatenate(tensors, axis=axis)", nil},
	{"backend.reshape(x, shape)", "Reshape(x, newshape=shape)", nil},
	{"backend.dot(x, y)", "Dot(x, y)", nil},
	{"backend.cast(x, dtype)", "Cast(x, dtype=dtype)", nil},
	{"backend.expand_dims(x, axis=-1)", "ExpandDims(x, axis=axis)", nil},
}

// lost is for functions whose tensors tf.keras leaves out of its files.
func lost(name string) error {
	return core.WithHint(core.Errorf(core.ErrGraph, "", "tf.keras leaves the tensors of %s out of its files", name), "make the model again with keras.layers.EinsumDense, Dot or Keras 3")
}

// moved gives an argument that an older version calls by another name its name of today.
func moved(v map[string]any, from, to string) (string, error) {
	if v[from] != nil {
		v[to] = v[from]
	}
	return "", nil
}

func tfAxes(v map[string]any) (string, error) {
	if _, err := moved(v, "reduction_indices", "axis"); err != nil {
		return "", err
	}
	return moved(v, "keep_dims", "keepdims")
}

// tfRunning is a running sum or product: reverse starts at the end, exclusive leaves a number itself out.
func tfRunning(v map[string]any, class, without string) (string, error) {
	text := "x"
	if v["reverse"] == true {
		text = "Flip(x, axis=axis)"
	}
	text = class + "(" + text + ", axis=axis)"
	if v["reverse"] == true {
		text = "Flip(" + text + ", axis=axis)"
	}
	if v["exclusive"] == true {
		text = without + "(" + text + ", x)"
	}
	return text, nil
}

// tfSplit makes places to cut at of sizes; the last may be -1, what is left.
func tfSplit(v map[string]any) (string, error) {
	list, ok := v["num_or_size_splits"].([]any)
	if !ok {
		return "", nil
	}
	at, places := 0, []any{}
	for i, x := range list {
		n, ok := core.Whole(x)
		if !ok || n < 0 && i < len(list)-1 {
			return "", core.Errorf(core.ErrGraph, "num_or_size_splits", "got %v, want sizes, of which the last may be -1", list)
		}
		if at += n; i < len(list)-1 {
			places = append(places, float64(at))
		}
	}
	v["num_or_size_splits"] = places
	return "", nil
}

func lower(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// tfFormat makes Keras' data_format of TensorFlow's.
func tfFormat(v map[string]any) (string, error) {
	switch f, _ := v["data_format"].(string); {
	case strings.HasPrefix(f, "NC") && f != "NC":
		v["data_format"] = channelsFirst
	default:
		v["data_format"] = "channels_last"
	}
	return "", nil
}

// tfWindow makes arguments of Keras of those of a convolution or pooling: numbers for the spatial axes alone.
func tfWindow(names ...string) func(v map[string]any) (string, error) {
	return func(v map[string]any) (string, error) {
		if v["filters"] != nil { // version 2 calls it so
			v["filter"] = v["filters"]
		}
		for from, to := range map[string]string{"rate": "dilations", "stride": "strides", "value": "input"} {
			if _, err := moved(v, from, to); err != nil {
				return "", err
			}
		}
		if _, err := tfFormat(v); err != nil {
			return "", err
		}
		for _, name := range append([]string{"strides"}, names...) {
			if v[name] == nil {
				v[name] = 1.0
			}
			if list, ok := v[name].([]any); ok && len(list) >= 3 { // (batch, height, width, channels)
				spatial := list[1 : len(list)-1]
				if v["data_format"] == channelsFirst {
					spatial = list[2:]
				}
				v[name] = spatial
				if !slices.ContainsFunc(spatial, func(x any) bool { return x != spatial[0] }) { // Keras mixes up lists and tuples
					v[name] = spatial[0]
				}
			}
		}
		v["padding"] = lower(v["padding"])
		return "", nil
	}
}

// slicesOf makes __slice__ objects of {start, stop, step}.
func slicesOf(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = slicesOf(x)
		}
		return out
	case map[string]any:
		if _, ok := v["class_name"]; ok {
			return map[string]any{"class_name": v["class_name"], "config": map[string]any{}}
		}
		return sliceObject(v["start"], v["stop"], v["step"])
	}
	return v
}

// sliceObject is a slice as Keras 3 writes it.
func sliceObject(start, stop, step any) map[string]any {
	return map[string]any{"class_name": "__slice__", "config": map[string]any{"start": start, "stop": stop, "step": step}}
}

// stridedSlice makes an index of begin, end, strides and the masks that say which of them count, bit i for part i.
func stridedSlice(v map[string]any) (string, error) {
	begin, ok1 := v["begin"].([]any)
	end, ok2 := v["end"].([]any)
	strides, ok3 := v["strides"].([]any)
	if v["strides"] == nil {
		strides, ok3 = make([]any, len(begin)), true
	}
	if !ok1 || !ok2 || !ok3 || len(begin) != len(end) || len(begin) != len(strides) {
		return "", core.Errorf(core.ErrGraph, "begin", "got %v to %v by %v, want lists of one length", v["begin"], v["end"], v["strides"])
	}
	bit := func(name string, i int) bool { mask, _ := core.Whole(v[name]); return i < 32 && mask>>i&1 == 1 }
	key := make([]any, len(begin))
	for i := range begin {
		start, stop := begin[i], end[i]
		switch {
		case bit("ellipsis_mask", i):
			key[i] = map[string]any{"class_name": "__ellipsis__", "config": map[string]any{}}
		case bit("new_axis_mask", i):
			key[i] = nil
		case bit("shrink_axis_mask", i):
			key[i] = start
		default:
			if bit("begin_mask", i) {
				start = nil
			}
			if bit("end_mask", i) {
				stop = nil
			}
			key[i] = sliceObject(start, stop, strides[i])
		}
	}
	v["key"] = key
	return "", nil
}
