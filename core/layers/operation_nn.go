package layers

import (
	"math"
	"slices"

	"github.com/gokeras/gk/core"
	"github.com/gokeras/gk/core/graph"
	"github.com/gokeras/gk/core/tensor"
	"github.com/gokeras/gk/registry"
)

// This file owns the operations that layers are made of. Source: keras/src/ops/nn.py.

func init() {
	// Activations by their names in the standard set, and what their settings are called there and here.
	for signature, name := range map[string]string{
		"Relu()(x)": "relu", "Relu6()(x)": "relu6", "Sigmoid()(x)": "sigmoid", "SparseSigmoid()(x)": "sparse_sigmoid",
		"Softplus()(x)": "softplus", "Softsign()(x)": "softsign", "SoftShrink(threshold=0.5)(x)": "soft_shrink",
		"SparsePlus()(x)": "sparse_plus", "Silu()(x)": "silu", "Squareplus(b=4)(x)": "squareplus", "LogSigmoid()(x)": "log_sigmoid",
		"LeakyRelu(negative_slope=0.2)(x)": "leaky_relu", "HardSigmoid()(x)": "hard_sigmoid", "HardSilu()(x)": "hard_silu",
		"Elu(alpha=1.0)(x)": "elu", "Selu()(x)": "selu", "Gelu(approximate=True)(x)": "gelu", "Celu(alpha=1.0)(x)": "celu",
		"Glu(axis=-1)(x)": "glu", "TanhShrink()(x)": "tanh_shrink", "HardTanh()(x)": "hard_tanh",
		"HardShrink(threshold=0.5)(x)": "hard_shrink", "Threshold(threshold, default_value)(x)": "threshold", "Sparsemax(axis=-1)(x)": "sparsemax",
	} {
		operation("nn", signature, one(func(a *arguments) graph.Value { return a.activation(name, "x") }))
	}
	for signature, f := range map[string]unaryFormula{
		"Softmax(axis=-1)(x)": (*graph.Graph).Softmax, "LogSoftmax(axis=-1)(x)": (*graph.Graph).LogSoftmax,
	} {
		operation("nn", signature, one(func(a *arguments) graph.Value {
			x := a.tensor("x")
			return along(a.g, x, a.allAxes("axis", x.Rank()), f)
		}))
	}

	pool := func(op func(g *graph.Graph, x graph.Value, at graph.PoolAttr) graph.Value) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x := toLast(a.g, a.tensor("inputs"), a.format())
			rank := x.Rank() - 2
			size := a.perAxis("pool_size", rank)
			strides := size
			if a.has("strides") {
				strides = a.perAxis("strides", rank)
			}
			lo, hi := overhang(a.c, x, size, strides, core.AllAxes(rank, 1), a.oneOf("padding", "valid", "same"))
			return fromLast(a.g, op(a.g, x, graph.PoolAttr{Size: size, Strides: strides, PadLo: lo, PadHi: hi}), a.format())
		})
	}
	operation("nn", "MaxPool(pool_size, strides=None, padding='valid', data_format=None)(inputs)", pool((*graph.Graph).MaxPool))
	operation("nn", "AveragePool(pool_size, strides=None, padding='valid', data_format=None)(inputs)", pool((*graph.Graph).AvgPool))
	adaptive := func(f reduction) func(a *arguments) []graph.Value {
		return one(func(a *arguments) graph.Value {
			x := a.tensor("inputs")
			sizes := a.perAxis("output_size", x.Rank()-2)
			for i, axis := range spatialAxes(x.Rank(), a.format()) {
				n := x.Dim(axis)
				if n == tensor.Unknown {
					x = a.shaped(x.Shape().With(axis, sizes[i]))
					continue
				}
				parts := make([]graph.Value, sizes[i])
				for j := range parts { // windows that share the axis evenly, rounded outwards
					first, end := j*n/sizes[i], ((j+1)*n+sizes[i]-1)/sizes[i]
					parts[j] = f(a.g, a.g.Narrow(x, axis, first, end-first), []int{axis}, true)
				}
				x = a.g.Concat(axis, parts...)
			}
			return x
		})
	}
	operation("nn", "AdaptiveMaxPool(output_size, data_format=None)(inputs)", adaptive((*graph.Graph).Max))
	operation("nn", "AdaptiveAveragePool(output_size, data_format=None)(inputs)", adaptive((*graph.Graph).Mean))

	const convolution = "(strides=1, padding='valid', data_format=None, dilation_rate=1)"
	operation("nn", "Conv"+convolution+"(inputs, kernel)", one(func(a *arguments) graph.Value {
		return a.convolution(func(x graph.Value, strides, dilation core.PerAxis) graph.Value {
			return a.conv(x, a.tensor("kernel"), strides, dilation)
		})
	}))
	operation("nn", "DepthwiseConv"+convolution+"(inputs, kernel)", one(func(a *arguments) graph.Value {
		return a.convolution(func(x graph.Value, strides, dilation core.PerAxis) graph.Value {
			return depthwise(a.c, x, a.tensor("kernel"), strides, dilation, a.oneOf("padding", "valid", "same"))
		})
	}))
	operation("nn", "SeparableConv"+convolution+"(inputs, depthwise_kernel, pointwise_kernel)", one(func(a *arguments) graph.Value {
		return a.convolution(func(x graph.Value, strides, dilation core.PerAxis) graph.Value {
			y := depthwise(a.c, x, a.tensor("depthwise_kernel"), strides, dilation, a.oneOf("padding", "valid", "same"))
			return a.conv(y, a.tensor("pointwise_kernel"), core.AllAxes(len(strides), 1), core.AllAxes(len(strides), 1))
		})
	}))
	operation("nn", "ConvTranspose(strides=1, padding='valid', output_padding=None, data_format=None, dilation_rate=1)(inputs, kernel)", one(func(a *arguments) graph.Value {
		return a.convolution(func(x graph.Value, strides, dilation core.PerAxis) graph.Value {
			rank := len(strides)
			kernel := a.tensor("kernel")
			l := newConvTranspose(rank)
			l.KernelSize, l.Strides, l.DilationRate = core.PerAxis(kernel.Shape()[:rank].Clone()), strides, dilation
			l.Padding = a.oneOf("padding", "valid", "same")
			if a.has("output_padding") {
				l.OutputPadding = a.perAxis("output_padding", rank)
			}
			return l.spread(a.g, x, kernel)
		})
	}))

	// mean and variance are along axes, offset and scale too: y = (x - mean) / sqrt(variance + epsilon) scale + offset.
	operation("nn", "BatchNorm(axis, epsilon=0.001)(x, mean, variance, offset=None, scale=None)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("x")
		axes := a.allAxes("axis", x.Rank())
		on := func(name string) graph.Value { return a.onAxes(a.tensor(name), x, axes) }
		y := g.Mul(g.Sub(x, on("mean")), g.Rsqrt(g.Add(on("variance"), a.tensor("epsilon"))))
		if a.has("scale") {
			y = g.Mul(y, on("scale"))
		}
		if a.has("offset") {
			y = g.Add(y, on("offset"))
		}
		return y
	}))
	operation("nn", "LayerNorm(axis=-1, epsilon=None, rms_scaling=False)(x, gamma=None, beta=None)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("x")
		axes := a.allAxes("axis", x.Rank())
		y := g.Mul(x, g.Rsqrt(g.Add(variance(g, x, axes, true), a.epsilon())))
		if !a.flag("rms_scaling") {
			d := g.Sub(x, g.Mean(x, axes, true))
			y = g.Mul(d, g.Rsqrt(g.Add(variance(g, x, axes, true), a.epsilon())))
		}
		if a.has("gamma") {
			y = g.Mul(y, a.onAxes(a.tensor("gamma"), x, axes))
		}
		if a.has("beta") && !a.flag("rms_scaling") {
			y = g.Add(y, a.onAxes(a.tensor("beta"), x, axes))
		}
		return y
	}))
	operation("nn", "RMSNorm(axis=-1, epsilon=None)(x, scale=None)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("x")
		y := g.Mul(x, g.Rsqrt(g.Add(g.Mean(g.Square(x), a.allAxes("axis", x.Rank()), true), a.epsilon())))
		if a.has("scale") {
			y = g.Mul(y, a.tensor("scale"))
		}
		return y
	}))
	operation("nn", "Normalize(axis=-1, order=2, epsilon=None)(x)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("x")
		if order := a.int("order"); order != 2 {
			b := &arguments{g: g, c: a.c, values: map[string]any{"ord": float64(order), "axis": a.values["axis"], "keepdims": true}}
			return g.Div(x, g.Maximum(b.norm(x), a.epsilon()))
		}
		inverse := g.Rsqrt(g.Sum(g.Square(x), a.allAxes("axis", x.Rank()), true))
		return g.Mul(x, g.Minimum(inverse, g.Div(g.Const(1), a.epsilon())))
	}))
	operation("nn", "PSNR(max_val)(x1, x2)", one(func(a *arguments) graph.Value {
		g := a.g
		error2 := g.Mean(g.Square(g.Sub(a.tensor("x1"), a.tensor("x2"))), nil, false)
		return g.Sub(g.Const(20*math.Log10(a.float("max_val"))), scaled(g, g.Log(error2), 10/math.Ln10))
	}))
	// softmax(query keyᵀ scale + bias) value for each head; all are (batch, steps, heads, size). Heads of key and value may be shared.
	operation("nn", "DotProductAttention(is_causal=False, flash_attention=None, attn_logits_soft_cap=None)(query, key, value, bias=None, mask=None, scale=None)",
		one(func(a *arguments) graph.Value {
			g, q, k, v := a.g, a.tensor("query"), a.tensor("key"), a.tensor("value")
			if q.Rank() != 4 || k.Rank() != 4 || v.Rank() != 4 {
				a.fail("query", "got shapes %v, %v and %v, want (batch, steps, heads, size)", q.Shape(), k.Shape(), v.Shape())
				return q
			}
			if h, own := q.Dim(2), k.Dim(2); h > own && own > 1 {
				k, v = g.Repeat(k, 2, h/own), g.Repeat(v, 2, h/own)
			}
			scale := g.Const(1 / math.Sqrt(float64(max(1, k.Dim(3)))))
			if a.has("scale") {
				scale = a.tensor("scale")
			}
			scores := g.Mul(a.einsum("btnh,bsnh->bnts", []graph.Value{q, k}), scale)
			if a.has("bias") {
				scores = g.Add(scores, a.tensor("bias"))
			}
			low := g.Const(-0.7 * 3.38953e38)
			if a.has("mask") {
				scores = g.Select(a.tensor("mask"), scores, low)
			}
			if a.flag("is_causal") {
				if seen, ok := a.mask(scores, func(i, j int) bool { return j <= i }); ok {
					scores = g.Select(seen, scores, low)
				}
			}
			return a.einsum("bnts,bsnh->btnh", []graph.Value{g.Softmax(scores), v})
		}))
	operation("nn", "DepthToSpace(block_size, data_format='channels_last')(x)", one(func(a *arguments) graph.Value {
		x, b := toLast(a.g, a.tensor("x"), a.format()), a.int("block_size")
		s := x.Shape()
		if len(s) != 4 || b < 1 || s[3] < 0 || s[3]%(b*b) != 0 {
			a.fail("block_size", "got %d for shape %v", b, s)
			return x
		}
		c := s[3] / (b * b)
		x = a.g.Transpose(a.g.Reshape(x, s[0], s[1], s[2], b, b, c), 0, 1, 3, 2, 4, 5)
		return fromLast(a.g, a.g.Reshape(x, s[0], times(s[1], b), times(s[2], b), c), a.format())
	}))
	operation("nn", "SpaceToDepth(block_size, data_format='channels_last')(x)", one(func(a *arguments) graph.Value {
		x, b := toLast(a.g, a.tensor("x"), a.format()), a.int("block_size")
		s := x.Shape()
		if len(s) != 4 || b < 1 || max(s[1], 0)%b != 0 || max(s[2], 0)%b != 0 || s[3] < 0 {
			a.fail("block_size", "got %d for shape %v", b, s)
			return x
		}
		part := func(n int) int {
			if n < 0 {
				return n
			}
			return n / b
		}
		x = a.g.Transpose(a.g.Reshape(x, s[0], part(s[1]), b, part(s[2]), b, s[3]), 0, 1, 3, 2, 4, 5)
		return fromLast(a.g, a.g.Reshape(x, s[0], part(s[1]), part(s[2]), s[3]*b*b), a.format())
	}))
	// The places of each window of images (batch, channels, height, width), one under the other.
	operation("nn", "Unfold(kernel_size, dilation=1, padding=0, stride=1)(x)", one(func(a *arguments) graph.Value {
		g, x := a.g, a.tensor("x")
		size, dilation, pad, stride := a.perAxis("kernel_size", 2), a.perAxis("dilation", 2), a.perAxis("padding", 2), a.perAxis("stride", 2)
		if x.Rank() != 4 {
			a.fail("x", "got shape %v, want (batch, channels, height, width)", x.Shape())
			return x
		}
		x = g.MoveAxis(g.Pad(x, []int{0, 0, pad[0], pad[1]}, []int{0, 0, pad[0], pad[1]}), 1, -1)
		y := a.windows(x, size, stride, dilation, "valid") // (batch, rows, columns, size, size, channels)
		s := y.Shape()
		y = g.Transpose(y, 0, 5, 3, 4, 1, 2)
		return g.Reshape(y, s[0], times(s[5], size[0]*size[1]), tensor.Shape{s[1], s[2]}.Size())
	}))
	for class, f := range map[string]func(g *graph.Graph, target, output graph.Value, logits bool) graph.Value{
		"BinaryCrossentropy(from_logits=False)(target, output)": func(g *graph.Graph, t, x graph.Value, logits bool) graph.Value {
			if logits { // max(x, 0) - x t + ln(1 + e^-|x|)
				return g.Add(g.Sub(g.Maximum(x, g.Const(0)), g.Mul(x, t)), g.Softplus(g.Neg(g.Abs(x))))
			}
			x = g.Minimum(g.Maximum(x, g.Const(1e-7)), g.Const(1-1e-7))
			one := g.Const(1)
			return g.Neg(g.Add(g.Mul(t, g.Log(x)), g.Mul(g.Sub(one, t), g.Log(g.Sub(one, x)))))
		},
		"CategoricalCrossentropy(from_logits=False, axis=-1)(target, output)": func(g *graph.Graph, t, x graph.Value, logits bool) graph.Value {
			if logits {
				return g.Neg(g.Sum(g.Mul(t, g.LogSoftmax(x)), []int{-1}, false))
			}
			x = g.Div(x, g.Sum(x, []int{-1}, true))
			return g.Neg(g.Sum(g.Mul(t, g.Log(g.Minimum(g.Maximum(x, g.Const(1e-7)), g.Const(1-1e-7)))), []int{-1}, false))
		},
		"SparseCategoricalCrossentropy(from_logits=False, axis=-1)(target, output)": func(g *graph.Graph, t, x graph.Value, logits bool) graph.Value {
			if t.Rank() == x.Rank() {
				t = g.Squeeze(t, -1)
			}
			if !logits {
				x = g.Log(g.Minimum(g.Maximum(x, g.Const(1e-7)), g.Const(1-1e-7)))
			}
			return g.Neg(g.Sum(g.Mul(g.OneHot(t, max(0, x.Dim(-1))), g.LogSoftmax(x)), []int{-1}, false))
		},
	} {
		operation("nn", class, one(func(a *arguments) graph.Value {
			t, x := a.tensor("target"), a.tensor("output")
			if axis, ok := number(a.values["axis"]); ok && int(axis) != -1 && int(axis) != x.Rank()-1 {
				at := a.axis("axis", x.Rank())
				t, x = a.g.MoveAxis(t, at, -1), a.g.MoveAxis(x, at, -1)
			}
			return f(a.g, t, x, a.flag("from_logits"))
		}))
	}
}

// activation applies one of the standard set, with the settings of the call.
func (a *arguments) activation(name, x string) graph.Value {
	settings := core.Config{}
	for key, v := range a.values {
		if key != x && v != nil {
			settings[key] = v
		}
	}
	f, err := registry.Default.Decoder(registry.Origin{}).Activation(map[string]any{"class_name": name, "config": settings})
	if err != nil {
		a.g.Fail(err)
		return a.tensor(x)
	}
	return f.Apply(a.g, a.tensor(x))
}

// along applies what works along the last axis along some axes together.
func along(g *graph.Graph, x graph.Value, axes []int, f unaryFormula) graph.Value {
	if len(axes) == 1 && axes[0] == x.Rank()-1 {
		return f(g, x)
	}
	perm := slices.DeleteFunc(firstAxes(x.Rank()), func(i int) bool { return slices.Contains(axes, i) })
	first := len(perm)
	perm = append(perm, axes...)
	moved := g.Transpose(x, perm...)
	y := g.Reshape(f(g, g.Reshape(moved, append(moved.Shape()[:first].Clone(), moved.Shape()[first:].Size())...)), moved.Shape()...)
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	return g.Transpose(y, back...)
}

// perAxis is one whole number for each of rank axes; a single one stands for all.
func (a *arguments) perAxis(name string, rank int) core.PerAxis {
	list := a.ints(name)
	if len(list) == 1 && rank > 0 {
		list = slices.Repeat(list, rank)
	}
	low := 1
	if name == "padding" || name == "output_padding" {
		low = 0
	}
	if len(list) != rank || slices.ContainsFunc(list, func(n int) bool { return n < low }) {
		a.fail(name, "got %v, want a number >= %d or %d of them", shown(a.values[name]), low, rank)
		return core.AllAxes(max(0, rank), 1)
	}
	return list
}

// convolution does what convolutions have in common around one over inputs with their channels last.
func (a *arguments) convolution(f func(x graph.Value, strides, dilation core.PerAxis) graph.Value) graph.Value {
	x := a.tensor("inputs")
	if x.Rank() < 3 {
		a.fail("inputs", "got shape %v, want (batch, places..., channels)", x.Shape())
		return x
	}
	x = toLast(a.g, x, a.format())
	rank := x.Rank() - 2
	return fromLast(a.g, f(x, a.perAxis("strides", rank), a.perAxis("dilation_rate", rank)), a.format())
}

// conv convolves in as many groups as the kernel has fewer channels than x.
func (a *arguments) conv(x, kernel graph.Value, strides, dilation core.PerAxis) graph.Value {
	rank := len(strides)
	if kernel.Rank() != rank+2 || x.Dim(-1) < 0 || kernel.Dim(rank) < 1 || x.Dim(-1)%kernel.Dim(rank) != 0 {
		a.fail("kernel", "got shape %v for an input of shape %v", kernel.Shape(), x.Shape())
		return x
	}
	lo, hi := overhang(a.c, x, kernel.Shape()[:rank], strides, dilation, a.oneOf("padding", "valid", "same", "causal"))
	return a.g.Conv(x, kernel, graph.ConvAttr{Strides: strides, Dilation: dilation, PadLo: lo, PadHi: hi, Groups: x.Dim(-1) / kernel.Dim(rank)})
}

// onAxes gives v, which has the sizes of x along axes, the other axes of x.
func (a *arguments) onAxes(v, x graph.Value, axes []int) graph.Value {
	if v.Rank() == x.Rank() || v.Rank() == 0 || len(axes) == 1 && axes[0] == x.Rank()-1 {
		return v
	}
	shape := slices.Repeat([]int{1}, x.Rank())
	for _, axis := range axes {
		shape[axis] = x.Dim(axis)
	}
	return a.g.Reshape(v, shape...)
}

// epsilon is the argument of that name, Keras' epsilon for None.
func (a *arguments) epsilon() graph.Value {
	if a.has("epsilon") {
		return a.tensor("epsilon")
	}
	return a.g.Const(1e-7)
}

// times is n k, Unknown if n is.
func times(n, k int) int {
	if n < 0 {
		return n
	}
	return n * k
}

// windows is the places of each window over the spatial axes of x, channels last: (batch, windows..., places..., channels).
func (a *arguments) windows(x graph.Value, size, strides, dilation []int, padding string) graph.Value {
	g, rank := a.g, len(size)
	lo, hi := overhang(a.c, x, size, strides, dilation, padding)
	lo, hi = append(append([]int{0}, lo...), 0), append(append([]int{0}, hi...), 0)
	for i := range rank { // one axis after the other: (..., n, ...) becomes (..., windows, ..., places, channels)
		axis := i + 1
		n := x.Dim(axis)
		count := graph.WindowSize(n, size[i], strides[i], dilation[i], lo[axis], hi[axis])
		if n == tensor.Unknown {
			shape := slices.Insert(x.Shape().With(axis, count).Clone(), x.Rank()-1, size[i])
			x = a.shaped(shape)
			continue
		}
		before, after := make([]int, x.Rank()), make([]int, x.Rank())
		before[axis], after[axis] = lo[axis], hi[axis]
		x = g.Pad(x, before, after)
		parts := make([]graph.Value, size[i])
		for j := range parts {
			starts, steps, sizes := make([]int, x.Rank()), slices.Repeat([]int{1}, x.Rank()), x.Shape().Clone()
			starts[axis], steps[axis], sizes[axis] = j*dilation[i], strides[i], count
			parts[j] = g.Slice(x, starts, sizes, steps)
		}
		x = a.stack(parts, x.Rank()-1)
	}
	return x
}
