"""Python's operators on what a graph computes with: values and weights. + - * / // % ** @, abs and comparisons write operations; numbers and
arrays become constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import PluginError

if TYPE_CHECKING:
    from .graph import Graph, Operand, Value


class Operators:
    """What has a graph, into which its operators write."""

    __slots__ = ()
    __hash__ = object.__hash__
    __array_ufunc__ = None  # numpy leaves array + value to the value

    graph: Graph | None

    def _writes(self) -> Graph:
        if self.graph is None:
            raise PluginError("weights have values in traced methods only: computed ones get them as arguments", kind="ErrGraph")
        return self.graph

    def __add__(self, other: Operand) -> Value:
        return self._writes().add(self, other)

    def __radd__(self, other: Operand) -> Value:
        return self._writes().add(other, self)

    def __sub__(self, other: Operand) -> Value:
        return self._writes().sub(self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self._writes().sub(other, self)

    def __mul__(self, other: Operand) -> Value:
        return self._writes().mul(self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self._writes().mul(other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self._writes().div(self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self._writes().div(other, self)

    def __floordiv__(self, other: Operand) -> Value:
        return self._writes().floor_div(self, other)

    def __mod__(self, other: Operand) -> Value:
        return self._writes().mod(self, other)

    def __pow__(self, other: Operand) -> Value:
        return self._writes().pow(self, other)

    def __rpow__(self, other: Operand) -> Value:
        return self._writes().pow(other, self)

    def __matmul__(self, other: Operand) -> Value:
        return self._writes().matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Value:
        return self._writes().matmul(other, self)

    def __neg__(self) -> Value:
        return self._writes().neg(self)

    def __abs__(self) -> Value:
        return self._writes().abs(self)

    def __lt__(self, other: Any) -> Value:
        return self._writes().less(self, other)

    def __le__(self, other: Any) -> Value:
        return self._writes().less_equal(self, other)

    def __gt__(self, other: Any) -> Value:
        return self._writes().greater(self, other)

    def __ge__(self, other: Any) -> Value:
        return self._writes().greater_equal(self, other)
