"""Shapes and arrays: what numpy has for the tensors of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ._v1 import plugin_pb2 as pb
from .errors import PluginError, shape_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A tensor: float32, row-major.
Array: TypeAlias = "NDArray[np.float32]"

#: The size of each axis; None is not known yet, such as the batch of a model that is being described.
Shape: TypeAlias = tuple[int | None, ...]

#: The most numbers of one tensor.
MAX_ELEMENTS = 1 << 36


def shape_of(message: pb.Shape) -> Shape:
    if any(d < -1 for d in message.dims):
        raise PluginError(f"got shape {list(message.dims)}, want sizes of -1 or more", kind="ErrShapeMismatch")
    return tuple(None if d < 0 else int(d) for d in message.dims)


def known_shape(message: pb.Shape) -> tuple[int, ...]:
    """A shape without unknown sizes, of a number of elements that memory can hold."""
    n, dims = 1, []
    for d in message.dims:
        if d < 0:
            raise PluginError(f"got shape {list(message.dims)}, want all sizes", kind="ErrShapeMismatch")
        n *= max(1, d)
        if n > MAX_ELEMENTS:
            raise PluginError(f"got shape {list(message.dims)}, want at most {MAX_ELEMENTS} numbers", kind="ErrTooLarge")
        dims.append(int(d))
    return tuple(dims)


def message_of(shape: Sequence[int | None]) -> pb.Shape:
    return pb.Shape(dims=[-1 if d is None else d for d in shape])


def as_shape(value: object, where: str) -> Shape:
    """A shape that an author wrote: ints of 0 or more, None or -1 for what is not known."""
    if not isinstance(value, (tuple, list)):
        raise PluginError(f"got {value!r}, want a shape such as (None, 3)", where=where)
    dims: list[int | None] = []
    for d in value:
        if d is None:
            dims.append(None)
        elif isinstance(d, (int, np.integer)) and not isinstance(d, bool) and d >= -1:
            dims.append(None if d == -1 else int(d))
        else:
            raise PluginError(f"got {value!r}, want sizes of 0 or more, or None", where=where)
    return tuple(dims)


def as_shapes(value: object, where: str) -> list[Shape]:
    """One shape, or a list of shapes."""
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], (tuple, list)):
        return [as_shape(v, where) for v in value]
    return [as_shape(value, where)]


def store(value: Any, out: Array, where: str) -> None:
    """Copies what an author's function gave into the place for it, unless it stands there already."""
    if value is out:
        return
    if not isinstance(value, np.ndarray):
        try:
            value = np.asarray(value)
        except Exception as e:
            raise PluginError(f"got {type(value).__name__}, want an array of shape {out.shape}", where=where) from e
    if value.shape != out.shape:
        raise shape_error(where, value.shape, out.shape)
    try:
        np.copyto(out, value, casting="same_kind")
    except TypeError as e:
        raise PluginError(f"got numbers of type {value.dtype}, want float32", where=where, kind="ErrWrongType") from e


def frozen(arrays: Iterable[Array]) -> list[Array]:
    """Views that cannot be written to: for what belongs to gk."""
    views = []
    for a in arrays:
        v = a.view()
        v.flags.writeable = False
        views.append(v)
    return views
