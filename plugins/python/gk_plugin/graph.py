"""The graph that a traced method writes: operations of gk, which gk differentiates, fuses and runs by itself.

A value knows its shape as far as it is known when the graph is written (``x.shape``); gk checks all shapes when it takes the graph.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from ._v1 import plugin_pb2 as pb
from .arrays import Shape, message_of
from .errors import PluginError
from .operations import Operations
from .operators import Operators

if TYPE_CHECKING:
    from .computation import Computation
    from .served import Trace, Weight


class Value(Operators):
    """One output of an operation."""

    __slots__ = ("graph", "node", "output", "shape")

    def __init__(self, graph: Graph, node: int, output: int = 0, shape: Shape | None = None) -> None:
        self.graph, self.node, self.output, self.shape = graph, node, output, shape

    def __bool__(self) -> bool:
        raise TypeError("a value of a graph has no truth value while the graph is written: use g.select(condition, a, b)")

    def __iter__(self) -> Any:
        raise TypeError("a value of a graph cannot be iterated over: use g.slice")


#: What an operation takes: a value, a weight as self.weight gave it, a number, an array.
Operand: TypeAlias = Union[Operators, float, "np.ndarray[Any, Any]"]


class Graph(Operations):
    """Writes operations. Beside one method for each operation of gk (see Operations) it has what a call is about: training, masks,
    updates of weights, losses."""

    def __init__(self, request: Trace, weights: Sequence[Weight] = ()) -> None:
        self.request = request
        #: Whether the model is being trained.
        self.training = request.training
        #: Further arguments of a layer's call that are no tensors.
        self.arguments = request.arguments
        self.nodes: list[pb.Node] = []
        self.computations: dict[int, Computation] = {}
        self._weights = weights
        for w in weights:
            w.graph = self
        self._leaves: dict[tuple[str, int], Value] = {}
        self.outputs: list[Value] = []
        self._updates: dict[int, Value] = {}
        self._losses: list[Value] = []
        self._masks: dict[int, Value | None] = {}
        self._own_masks = self._drop_masks = False

    # What an operation is written with.

    def _operation(self, name: str, inputs: Sequence[Operand | None], shapes: Sequence[Shape | None], **attr: Any) -> tuple[Value, ...]:
        refs = [self._ref(None if x is None else self.value(x)) for x in inputs]
        while refs and refs[-1].node == 0:
            refs.pop()
        node = pb.Node(op=name, attr=json.dumps(attr).encode() if attr else b"")
        getattr(node, "in").extend(refs)
        return self._append(node, shapes)

    def _append(self, node: pb.Node, shapes: Sequence[Shape | None]) -> tuple[Value, ...]:
        self.nodes.append(node)
        return tuple(Value(self, len(self.nodes), i, s) for i, s in enumerate(shapes))

    @staticmethod
    def _ref(v: Value | None) -> pb.Value:
        return pb.Value() if v is None else pb.Value(node=v.node, output=v.output)

    def _leaf(self, op: str, index: int, shape: Shape) -> Value:
        key = (op, index)
        if key not in self._leaves:
            node = pb.Node(op=op, attr=json.dumps({"index": index}).encode())
            self._leaves[key] = self._append(node, [shape])[0]
        return self._leaves[key]

    def value(self, x: Operand) -> Value:
        """What an operand is in this graph."""
        if isinstance(x, Value):
            if x.graph is not self:
                raise PluginError("a value of another graph is used: values must not be kept from one call to the next", kind="ErrGraph")
            return x
        index = getattr(x, "index", None)
        if isinstance(index, int) and 0 <= index < len(self._weights) and self._weights[index] is x:
            return self.weight(index)
        if isinstance(x, (bool, int, float, np.integer, np.floating, np.bool_)):
            return self.const(float(x))
        if isinstance(x, np.ndarray):
            return self.table(x)
        raise PluginError(f"got {type(x).__name__}, want a value, a weight, a number or an array", kind="ErrGraph")

    # Leaves.

    def input(self, index: int) -> Value:
        """An input of the call."""
        return self._leaf("Input", index, self.request.inputs[index])

    def mask(self, index: int = 0) -> Value | None:
        """The mask of an input: (batch, steps), 0 where a step is to be skipped; None if it has none."""
        masks = self.request.masks
        shape = masks[index] if 0 <= index < len(masks) else None
        return None if shape is None else self._leaf("Mask", index, shape)

    def weight(self, index: int) -> Value:
        """A weight by its number; a weight that ``self.weight`` gave can be used as it is."""
        return self._leaf("Weight", index, self._weights[index].shape if index < len(self._weights) else ())

    def table(self, array: Any) -> Value:
        """A constant tensor."""
        a = np.ascontiguousarray(array, dtype="<f4")
        a = a.reshape(np.shape(array))
        node = pb.Node(op="Table", attr=json.dumps({"shape": list(a.shape)}).encode(), table=a.tobytes())
        return self._append(node, [a.shape])[0]

    def compute(self, computation: Computation, inputs: Sequence[Operand]) -> tuple[Value, ...]:
        """A Compute node, which runs in this process."""
        node = pb.Node(
            op="Compute",
            compute=pb.Computation(
                name=computation.name,
                outputs=[message_of(s) for s in computation.outputs],
                differentiable=computation.differentiable,
                needs_inputs=computation.needs_inputs,
                needs_outputs=computation.needs_outputs,
            ),
        )
        values = [self.value(x) for x in inputs]
        computation.inputs = [v.shape for v in values]
        getattr(node, "in").extend(self._ref(v) for v in values)
        self.computations[len(self.nodes)] = computation
        return self._append(node, computation.outputs)

    # What the graph gives.

    def update(self, weight: Weight | int, value: Operand) -> None:
        """Gives a weight its value for the next run."""
        index = weight if isinstance(weight, int) else weight.index
        self._updates[index] = self.value(value)

    def add_loss(self, value: Operand) -> None:
        """Adds a scalar to the loss of the model."""
        self._losses.append(self.value(value))

    def set_mask(self, output: int, mask: Value | None) -> None:
        """Says which mask an output has, None for none. Without a word, output i has the mask of input i."""
        self._own_masks = True
        self._masks[output] = mask

    def drop_masks(self) -> None:
        """No output has a mask, unless set_mask says so."""
        self._own_masks = self._drop_masks = True

    def set_outputs(self, values: object) -> None:
        """What the method returned: a value, several, or nothing."""
        if values is None:
            return
        several: Any = values if isinstance(values, (list, tuple)) else [values]
        self.outputs = [self.value(v) for v in several]

    def message(self) -> pb.Traced:
        masks = []
        if self._own_masks:
            masks = [self._masks.get(i, None if self._drop_masks else self.mask(i)) for i in range(len(self.outputs))]
        m = pb.Traced(nodes=self.nodes, outputs=[self._ref(v) for v in self.outputs], losses=[self._ref(v) for v in self._losses])
        for i in sorted(self._updates):
            m.updates.append(pb.Update(weight=i, value=self._ref(self._updates[i])))
        m.has_masks = self._own_masks
        m.masks.extend(self._ref(v) for v in masks)
        return m
