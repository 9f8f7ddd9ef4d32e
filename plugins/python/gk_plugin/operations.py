"""The operations of gk as methods: one for each row of the table in plugins/proto/README.md, whose formulas stand here too.

Operands are values, weights, numbers and arrays, and broadcast as in numpy. Truth values are 1 and 0. Axes may count from the end where
the number of axes is known. Images are channels last: (batch, spatial..., channels), kernels (spatial..., channels / groups, filters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import shape_rules as rules
from .arrays import Shape, as_shape
from .errors import PluginError

if TYPE_CHECKING:
    from .graph import Operand, Value


class Operations:
    """What a traced method computes with. Graph is what writes the operations down."""

    def _operation(self, name: str, inputs: Sequence[Operand | None], shapes: Sequence[Shape | None], **attr: Any) -> tuple[Value, ...]:
        raise NotImplementedError

    def value(self, x: Operand) -> Value:
        raise NotImplementedError

    def _elementwise(self, name: str, *operands: Operand) -> Value:
        values = [self.value(x) for x in operands]
        return self._operation(name, values, [rules.broadcast(*(v.shape for v in values))])[0]

    def _same(self, name: str, x: Operand) -> Value:
        v = self.value(x)
        return self._operation(name, [v], [v.shape])[0]

    # Constants and random numbers.

    def const(self, value: float) -> Value:
        """A scalar."""
        text = "NaN" if math.isnan(value) else value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
        return self._operation("Const", [], [()], value=text)[0]

    def random(self, shape: Sequence[int | None]) -> Value:
        """Uniform numbers in [0, 1), other ones in every run. All sizes must be known when the model runs."""
        s = as_shape(shape, "random")
        return self._operation("Random", [], [s], shape=_sizes(s))[0]

    def stop_gradient(self, x: Operand) -> Value:
        """y = x; no gradient flows through it."""
        return self._same("StopGradient", x)

    # Elementwise.

    def neg(self, x: Operand) -> Value:
        """y = -x"""
        return self._elementwise("neg", x)

    def abs(self, x: Operand) -> Value:
        """y = |x|"""
        return self._elementwise("abs", x)

    def sign(self, x: Operand) -> Value:
        """y = -1, 0 or 1 as x is below, at or above 0"""
        return self._elementwise("sign", x)

    def exp(self, x: Operand) -> Value:
        """y = e^x"""
        return self._elementwise("exp", x)

    def expm1(self, x: Operand) -> Value:
        """y = e^x - 1, exact near 0"""
        return self._elementwise("expm1", x)

    def log(self, x: Operand) -> Value:
        """y = ln x"""
        return self._elementwise("log", x)

    def log1p(self, x: Operand) -> Value:
        """y = ln(1 + x), exact near 0"""
        return self._elementwise("log1p", x)

    def sqrt(self, x: Operand) -> Value:
        """y = sqrt(x)"""
        return self._elementwise("sqrt", x)

    def rsqrt(self, x: Operand) -> Value:
        """y = 1/sqrt(x)"""
        return self._elementwise("rsqrt", x)

    def square(self, x: Operand) -> Value:
        """y = x^2"""
        return self._elementwise("square", x)

    def reciprocal(self, x: Operand) -> Value:
        """y = 1/x"""
        return self._elementwise("reciprocal", x)

    def tanh(self, x: Operand) -> Value:
        """y = tanh x"""
        return self._elementwise("tanh", x)

    def sigmoid(self, x: Operand) -> Value:
        """y = 1/(1 + e^-x)"""
        return self._elementwise("sigmoid", x)

    def relu(self, x: Operand) -> Value:
        """y = max(x, 0)"""
        return self._elementwise("relu", x)

    def erf(self, x: Operand) -> Value:
        """y = erf x"""
        return self._elementwise("erf", x)

    def softplus(self, x: Operand) -> Value:
        """y = ln(1 + e^x)"""
        return self._elementwise("softplus", x)

    def sin(self, x: Operand) -> Value:
        """y = sin x"""
        return self._elementwise("sin", x)

    def cos(self, x: Operand) -> Value:
        """y = cos x"""
        return self._elementwise("cos", x)

    def tan(self, x: Operand) -> Value:
        """y = tan x"""
        return self._elementwise("tan", x)

    def atan(self, x: Operand) -> Value:
        """y = arctan x"""
        return self._elementwise("atan", x)

    def asin(self, x: Operand) -> Value:
        """y = arcsin x"""
        return self._elementwise("asin", x)

    def acos(self, x: Operand) -> Value:
        """y = arccos x"""
        return self._elementwise("acos", x)

    def sinh(self, x: Operand) -> Value:
        """y = sinh x"""
        return self._elementwise("sinh", x)

    def cosh(self, x: Operand) -> Value:
        """y = cosh x"""
        return self._elementwise("cosh", x)

    def asinh(self, x: Operand) -> Value:
        """y = arsinh x"""
        return self._elementwise("asinh", x)

    def acosh(self, x: Operand) -> Value:
        """y = arcosh x"""
        return self._elementwise("acosh", x)

    def atanh(self, x: Operand) -> Value:
        """y = artanh x"""
        return self._elementwise("atanh", x)

    def floor(self, x: Operand) -> Value:
        """y = x rounded down; no gradient"""
        return self._elementwise("floor", x)

    def ceil(self, x: Operand) -> Value:
        """y = x rounded up; no gradient"""
        return self._elementwise("ceil", x)

    def round(self, x: Operand) -> Value:
        """y = x rounded to the nearest integer, halves to even; no gradient"""
        return self._elementwise("round", x)

    def not_(self, x: Operand) -> Value:
        """y = 1 where x is 0, else 0"""
        return self._elementwise("not", x)

    def is_nan(self, x: Operand) -> Value:
        """y = 1 where x is not a number, else 0"""
        return self._elementwise("is_nan", x)

    def is_finite(self, x: Operand) -> Value:
        """y = 1 where x is neither infinite nor NaN, else 0"""
        return self._elementwise("is_finite", x)

    def add(self, a: Operand, b: Operand) -> Value:
        """y = a + b"""
        return self._elementwise("add", a, b)

    def sub(self, a: Operand, b: Operand) -> Value:
        """y = a - b"""
        return self._elementwise("sub", a, b)

    def mul(self, a: Operand, b: Operand) -> Value:
        """y = a b"""
        return self._elementwise("mul", a, b)

    def div(self, a: Operand, b: Operand) -> Value:
        """y = a/b"""
        return self._elementwise("div", a, b)

    def pow(self, a: Operand, b: Operand) -> Value:
        """y = a^b"""
        return self._elementwise("pow", a, b)

    def maximum(self, a: Operand, b: Operand) -> Value:
        """y = the larger of a and b; NaN if one is"""
        return self._elementwise("maximum", a, b)

    def minimum(self, a: Operand, b: Operand) -> Value:
        """y = the smaller of a and b; NaN if one is"""
        return self._elementwise("minimum", a, b)

    def mod(self, a: Operand, b: Operand) -> Value:
        """y = a - b floor(a/b)"""
        return self._elementwise("mod", a, b)

    def floor_div(self, a: Operand, b: Operand) -> Value:
        """y = floor(a/b); no gradient"""
        return self._elementwise("floor_div", a, b)

    def atan2(self, a: Operand, b: Operand) -> Value:
        """y = the angle of the point (b, a), in radians"""
        return self._elementwise("atan2", a, b)

    def equal(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a = b, else 0"""
        return self._elementwise("equal", a, b)

    def not_equal(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a differs from b, else 0"""
        return self._elementwise("not_equal", a, b)

    def less(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a < b, else 0"""
        return self._elementwise("less", a, b)

    def less_equal(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a <= b, else 0"""
        return self._elementwise("less_equal", a, b)

    def greater(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a > b, else 0"""
        return self._elementwise("greater", a, b)

    def greater_equal(self, a: Operand, b: Operand) -> Value:
        """y = 1 where a >= b, else 0"""
        return self._elementwise("greater_equal", a, b)

    def and_(self, a: Operand, b: Operand) -> Value:
        """y = 1 where neither is 0, else 0"""
        return self._elementwise("and", a, b)

    def or_(self, a: Operand, b: Operand) -> Value:
        """y = 1 where one is not 0, else 0"""
        return self._elementwise("or", a, b)

    def select(self, cond: Operand, a: Operand, b: Operand) -> Value:
        """y = a where cond is not 0, else b"""
        return self._elementwise("select", cond, a, b)

    # Products.

    def matmul(self, a: Operand, b: Operand, trans_a: bool = False, trans_b: bool = False) -> Value:
        """y = a b over the last two axes, each operand stored transposed or not. Both have as many axes, at least 2."""
        x, y = self.value(a), self.value(b)
        shape = rules.matmul(x.shape, y.shape, trans_a, trans_b)
        return self._operation("MatMul", [x, y], [shape], trans_a=trans_a, trans_b=trans_b)[0]

    def conv(
        self,
        x: Operand,
        kernel: Operand,
        strides: Sequence[int],
        dilation: Sequence[int] | None = None,
        pad_lo: Sequence[int] | None = None,
        pad_hi: Sequence[int] | None = None,
        groups: int = 1,
    ) -> Value:
        """Convolution: y[o,f] = sum of x[o strides + t dilation - pad_lo, c] kernel[t,c,f] over t, c."""
        a, k = self.value(x), self.value(kernel)
        s, d, lo, hi = _moves(strides, dilation, pad_lo, pad_hi)
        shape = None if k.shape is None or len(k.shape) < 2 else rules.windows(a.shape, k.shape[:-2], s, d, lo, hi, k.shape[-1])
        return self._operation("Conv", [a, k], [shape], strides=s, dilation=d, pad_lo=lo, pad_hi=hi, groups=groups)[0]

    def conv_grad_input(
        self,
        dy: Operand,
        kernel: Operand,
        spatial: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int] | None = None,
        pad_lo: Sequence[int] | None = None,
        pad_hi: Sequence[int] | None = None,
        groups: int = 1,
    ) -> Value:
        """Transposed convolution, to an image of these spatial sizes: x[i,c] = sum of dy[o,f] kernel[t,c,f] over all
        o strides + t dilation - pad_lo = i."""
        v, k = self.value(dy), self.value(kernel)
        s, d, lo, hi = _moves(strides, dilation, pad_lo, pad_hi)
        shape: Shape | None = None
        if v.shape is not None and k.shape is not None and len(k.shape) >= 2:
            c = k.shape[-2]
            shape = (v.shape[0], *spatial, None if c is None else c * groups)
        attr = {"strides": s, "dilation": d, "pad_lo": lo, "pad_hi": hi, "groups": groups, "spatial": list(spatial)}
        return self._operation("ConvGradInput", [v, k], [shape], **attr)[0]

    def conv_grad_kernel(
        self,
        dy: Operand,
        x: Operand,
        spatial: Sequence[int],
        strides: Sequence[int],
        dilation: Sequence[int] | None = None,
        pad_lo: Sequence[int] | None = None,
        pad_hi: Sequence[int] | None = None,
        groups: int = 1,
    ) -> Value:
        """Correlation, to a kernel of these spatial sizes: kernel[t,c,f] = sum of x[o strides + t dilation - pad_lo, c] dy[o,f] over o."""
        v, a = self.value(dy), self.value(x)
        s, d, lo, hi = _moves(strides, dilation, pad_lo, pad_hi)
        shape: Shape | None = None
        if v.shape and a.shape:
            c = a.shape[-1]
            shape = (*spatial, None if c is None else c // groups, v.shape[-1])
        attr = {"strides": s, "dilation": d, "pad_lo": lo, "pad_hi": hi, "groups": groups, "spatial": list(spatial)}
        return self._operation("ConvGradKernel", [v, a], [shape], **attr)[0]

    def max_pool(
        self, x: Operand, size: Sequence[int], strides: Sequence[int] | None = None, pad_lo: Sequence[int] | None = None, pad_hi: Sequence[int] | None = None
    ) -> Value:
        """y = the largest element of each window of x"""
        return self._pool("MaxPool", x, size, strides, pad_lo, pad_hi)

    def avg_pool(
        self, x: Operand, size: Sequence[int], strides: Sequence[int] | None = None, pad_lo: Sequence[int] | None = None, pad_hi: Sequence[int] | None = None
    ) -> Value:
        """y = the mean of the elements of each window that lie in x"""
        return self._pool("AvgPool", x, size, strides, pad_lo, pad_hi)

    def _pool(
        self, name: str, x: Operand, size: Sequence[int], strides: Sequence[int] | None, pad_lo: Sequence[int] | None, pad_hi: Sequence[int] | None
    ) -> Value:
        v = self.value(x)
        s, one, lo, hi = _moves(size if strides is None else strides, None, pad_lo, pad_hi)
        shape = rules.windows(v.shape, list(size), s, one, lo, hi, v.shape[-1] if v.shape else None)
        return self._operation(name, [v], [shape], size=list(size), strides=s, pad_lo=lo, pad_hi=hi)[0]

    # Reductions. axis is one axis, several, or None for all; without keepdims the axes are dropped.

    def sum(self, x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """The sum along axes."""
        return self._reduce("Sum", x, axis, keepdims)

    def mean(self, x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """The arithmetic mean along axes."""
        return self._reduce("Mean", x, axis, keepdims)

    def max(self, x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """The largest element, NaN if one is, along axes."""
        return self._reduce("Max", x, axis, keepdims)

    def min(self, x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """The smallest element, NaN if one is, along axes."""
        return self._reduce("Min", x, axis, keepdims)

    def prod(self, x: Operand, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Value:
        """The product along axes."""
        return self._reduce("Prod", x, axis, keepdims)

    def argmax(self, x: Operand, axis: int = -1, keepdims: bool = False) -> Value:
        """The index of the first largest element along an axis; no gradient."""
        return self._reduce("ArgMax", x, axis, keepdims)

    def argmin(self, x: Operand, axis: int = -1, keepdims: bool = False) -> Value:
        """The index of the first smallest element along an axis; no gradient."""
        return self._reduce("ArgMin", x, axis, keepdims)

    def _reduce(self, name: str, x: Operand, axis: int | Sequence[int] | None, keepdims: bool) -> Value:
        v = self.value(x)
        if axis is None:
            axes = list(range(rules.rank(v.shape, name)))
        else:
            axes = sorted({rules.axis_of(a, v.shape, name) for a in ([axis] if isinstance(axis, int) else axis)})
        y, left = v, list(axes)
        while left:  # one operation takes axes that follow each other
            end = left.pop() + 1
            first = end - 1
            while left and left[-1] == first - 1:
                first = left.pop()
            y = self._operation(name, [y], [rules.reduced(y.shape, first, end)], first=first, end=end)[0]
        return y if keepdims or not axes else self.squeeze(y, axes)

    # Softmax and what contains it, along the last axis.

    def softmax(self, x: Operand) -> Value:
        """y = e^x/sum(e^x) along the last axis"""
        return self._same("Softmax", x)

    def log_softmax(self, x: Operand) -> Value:
        """y = x - ln(sum(e^x)) along the last axis"""
        return self._same("LogSoftmax", x)

    def softmax_cross_entropy(self, logits: Operand, target: Operand) -> Value:
        """y = -sum(target ln softmax(logits)) along the last axis, which it drops; no gradient for target."""
        v = self.value(logits)
        return self._operation("SoftmaxCrossEntropy", [v, target], [v.shape[:-1] if v.shape else None])[0]

    def sparse_softmax_cross_entropy(self, logits: Operand, label: Operand) -> Value:
        """y = -ln softmax(logits)[label] along the last axis, which it drops; a label that is no class fails the run."""
        v = self.value(logits)
        return self._operation("SparseSoftmaxCrossEntropy", [v, label], [v.shape[:-1] if v.shape else None])[0]

    # Normalisations.

    def batch_norm(self, x: Operand, gamma: Operand | None, beta: Operand | None, epsilon: float) -> tuple[Value, Value, Value]:
        """(y, mean, variance) with y = (x - mean)/sqrt(variance + epsilon) gamma + beta, over all axes but the last."""
        v = self.value(x)
        stats = v.shape[-1:] if v.shape else None
        y, mean, variance = self._operation("BatchNorm", [v, gamma, beta], [v.shape, stats, stats], epsilon=epsilon)
        return y, mean, variance

    def layer_norm(self, x: Operand, gamma: Operand | None, beta: Operand | None, epsilon: float) -> Value:
        """y = (x - mean)/sqrt(variance + epsilon) gamma + beta, over each row of a matrix."""
        v = self.value(x)
        return self._operation("LayerNorm", [v, gamma, beta], [v.shape], epsilon=epsilon)[0]

    # Rows by index.

    def gather(self, table: Operand, index: Operand) -> Value:
        """y[i] = table[index[i]]; an index that is no row fails the run."""
        t, i = self.value(table), self.value(index)
        shape = None if t.shape is None or i.shape is None else (*i.shape, *t.shape[1:])
        return self._operation("Gather", [t, i], [shape])[0]

    def scatter_add(self, d: Operand, index: Operand, rows: int) -> Value:
        """y = 0, then y[index[i]] += d[i] for all i."""
        v, i = self.value(d), self.value(index)
        shape = None if v.shape is None or i.shape is None else (rows, *v.shape[len(i.shape) :])
        return self._operation("ScatterAdd", [v, i], [shape], rows=rows)[0]

    # Shapes.

    def reshape(self, x: Operand, shape: Sequence[int | None]) -> Value:
        """x with another shape, of which one size may be -1: what is left. While a model is being described others may be None too."""
        v, s = self.value(x), as_shape(shape, "reshape")
        return self._operation("Reshape", [v], [rules.reshape(v.shape, s)], shape=_sizes(s))[0]

    def expand_dims(self, x: Operand, axis: int) -> Value:
        """x with an axis of size 1 more."""
        v = self.value(x)
        rules.rank(v.shape, "expand_dims")
        s = list(v.shape or ())
        s.insert(rules.axis_of(axis, v.shape, "expand_dims", 1), 1)
        return self.reshape(v, s)

    def squeeze(self, x: Operand, axis: int | Sequence[int]) -> Value:
        """x without axes of size 1."""
        v = self.value(x)
        rules.rank(v.shape, "squeeze")
        drop = {rules.axis_of(a, v.shape, "squeeze") for a in ([axis] if isinstance(axis, int) else axis)}
        return self.reshape(v, [d for i, d in enumerate(v.shape or ()) if i not in drop])

    def broadcast_to(self, x: Operand, shape: Sequence[int | None]) -> Value:
        """x repeated along axes that it lacks or in which it has size 1."""
        s = as_shape(shape, "broadcast_to")
        return self._operation("BroadcastTo", [x], [s], shape=_sizes(s))[0]

    def transpose(self, x: Operand, perm: Sequence[int]) -> Value:
        """Axis i of y is axis perm[i] of x."""
        v = self.value(x)
        p = [rules.axis_of(a, v.shape, "transpose") for a in perm]
        shape = tuple(v.shape[a] for a in p) if v.shape is not None else None
        return self._operation("Transpose", [v], [shape], perm=p)[0]

    def concat(self, xs: Sequence[Operand], axis: int) -> Value:
        """The xs one after the other along an axis."""
        values = [self.value(x) for x in xs]
        if not values:
            raise PluginError("nothing to concatenate", where="concat", kind="ErrGraph")
        a = rules.axis_of(axis, values[0].shape, "concat")
        return self._operation("Concat", values, [rules.concat([v.shape for v in values], a)], axis=a)[0]

    def slice(self, x: Operand, start: Sequence[int], size: Sequence[int], step: Sequence[int] | None = None) -> Value:
        """y[i] = x[start + i step] for i < size along each axis; start < 0 counts from the end, size -1 is as many as there are."""
        v = self.value(x)
        steps = [1] * len(start) if step is None else list(step)
        shape = rules.sliced(v.shape, start, size, steps)
        return self._operation("Slice", [v], [shape], start=list(start), size=list(size), step=steps)[0]

    def narrow(self, x: Operand, axis: int, start: int, size: int = -1) -> Value:
        """size elements from start on along one axis, and all along the others."""
        v = self.value(x)
        n, a = rules.rank(v.shape, "narrow"), rules.axis_of(axis, v.shape, "narrow")
        starts, sizes = [0] * n, [-1] * n
        starts[a], sizes[a] = start, size
        return self.slice(v, starts, sizes)

    def place(self, x: Operand, start: Sequence[int], step: Sequence[int], shape: Sequence[int | None]) -> Value:
        """y = 0, then y[start + i step] = x[i] along each axis."""
        s = as_shape(shape, "place")
        return self._operation("Place", [x], [s], start=list(start), step=list(step), shape=_sizes(s))[0]

    # Recurrence.

    def rnn(
        self,
        x: Operand,
        r: Operand,
        r_bias: Operand | None = None,
        h0: Operand | None = None,
        c0: Operand | None = None,
        mask: Operand | None = None,
        dropout: Operand | None = None,
        *,
        cell: str,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> tuple[Value, ...]:
        """A recurrent layer over all steps, x (batch, steps, gates units) being the inputs times the kernel plus the bias, r (units, gates
        units) the recurrent kernel. Gives y (batch, steps, units), h and, for "lstm", c (batch, units). cell is "simple", "lstm" or "gru"."""
        v, k = self.value(x), self.value(r)
        units = k.shape[0] if k.shape else None
        state = (v.shape[0], units) if v.shape else None
        shapes: list[Shape | None] = [(*v.shape[:-1], units) if v.shape else None, state]
        if cell == "lstm":
            shapes.append(state)
        return self._operation(
            "RNN",
            [v, k, r_bias, h0, c0, mask, dropout],
            shapes,
            cell=cell,
            activation=activation,
            recurrent_activation=recurrent_activation,
            reset_after=reset_after,
            go_backwards=go_backwards,
            zero_output_for_mask=zero_output_for_mask,
        )


def _sizes(shape: Shape) -> list[int]:
    return [-1 if d is None else d for d in shape]


def _moves(
    strides: Sequence[int], dilation: Sequence[int] | None, pad_lo: Sequence[int] | None, pad_hi: Sequence[int] | None
) -> tuple[list[int], list[int], list[int], list[int]]:
    n = len(strides)
    return list(strides), list(dilation or [1] * n), list(pad_lo or [0] * n), list(pad_hi or [0] * n)
