"""What is known of the shapes of results while a graph is written. None stands for a shape of which nothing is known; gk, which knows all
sizes, checks everything, so that a rule here says None rather than complain."""

from __future__ import annotations

from collections.abc import Sequence

from .arrays import Shape
from .errors import PluginError


def rank(shape: Shape | None, where: str) -> int:
    if shape is None:
        raise PluginError("the number of axes is not known here", where=where, kind="ErrGraph", hint="g.reshape gives the value a shape that is")
    return len(shape)


def axis_of(axis: int, shape: Shape | None, where: str, more: int = 0) -> int:
    """An axis counted from 0; negative ones count from the end."""
    if axis >= 0 and shape is None:
        return axis
    n = rank(shape, where) + more
    if not -n <= axis < n:
        raise PluginError(f"got axis {axis}, want one of {n}", where=where, kind="ErrGraph")
    return axis % n


def broadcast(*shapes: Shape | None) -> Shape | None:
    out: list[int | None] = []
    for s in shapes:
        if s is None:
            return None
        both = max(len(out), len(s))
        a, b = [1] * (both - len(out)) + out, [1] * (both - len(s)) + list(s)
        out = [y if x == 1 else x if y == 1 or y is None else y if x is None else x for x, y in zip(a, b)]
    return tuple(out)


def matmul(a: Shape | None, b: Shape | None, trans_a: bool, trans_b: bool) -> Shape | None:
    if a is None or b is None or len(a) != len(b) or len(a) < 2:
        return None
    batch = tuple(y if x is None else x for x, y in zip(a[:-2], b[:-2]))
    return (*batch, a[-1] if trans_a else a[-2], b[-2] if trans_b else b[-1])


def size(shape: Sequence[int | None]) -> int | None:
    n = 1
    for d in shape:
        if d is None:
            return None
        n *= d
    return n


def reshape(x: Shape | None, shape: Shape) -> Shape:
    if None in shape and x is not None:
        known, free = 1, []
        for i, d in enumerate(shape):
            if d is None:
                free.append(i)
            else:
                known *= d
        n = size(x)
        if n is not None and len(free) == 1 and known > 0 and n % known == 0:
            return tuple(n // known if d is None else d for d in shape)
    return shape


def reduced(x: Shape | None, first: int, end: int) -> Shape | None:
    return None if x is None else tuple(1 if first <= i < end else d for i, d in enumerate(x))


def concat(shapes: Sequence[Shape | None], axis: int) -> Shape | None:
    if any(s is None or len(s) != len(shapes[0] or ()) for s in shapes):
        return None
    known = [s for s in shapes if s is not None]
    out = list(known[0])
    for s in known[1:]:
        for i, d in enumerate(s):
            a = out[i]
            if i == axis:
                out[i] = None if a is None or d is None else a + d
            elif a is None:
                out[i] = d
    return tuple(out)


def sliced(x: Shape | None, start: Sequence[int], count: Sequence[int], step: Sequence[int]) -> Shape | None:
    if x is None or len(x) != len(start):
        return None
    out: list[int | None] = []
    for d, first, n, s in zip(x, start, count, step):
        if n >= 0 or d is None or s == 0:
            out.append(n if n >= 0 else None)
            continue
        first += d if first < 0 else 0
        out.append(len(range(first, d, s)) if s > 0 else len(range(first, -1, s)) if 0 <= first < d else 0)
    return tuple(out)


def window(n: int | None, size: int, stride: int, dilation: int, low: int, high: int) -> int | None:
    return None if n is None else max(0, (n + low + high - dilation * (size - 1) - 1 + stride) // stride)


def windows(
    x: Shape | None, sizes: Sequence[int | None], strides: Sequence[int], dilation: Sequence[int], low: Sequence[int], high: Sequence[int], channels: int | None
) -> Shape | None:
    if x is None or len(x) != len(sizes) + 2:
        return None
    out: list[int | None] = [x[0]]
    for n, k, s, d, lo, hi in zip(x[1:-1], sizes, strides, dilation, low, high):
        out.append(None if k is None else window(n, k, s, d, lo, hi))
    return (*out, channels)
