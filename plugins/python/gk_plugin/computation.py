"""Computations: the bodies of Compute nodes, which run in this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .arrays import Array, Shape

#: A call with fixed tensors: it gets the seed and the step.
Run: TypeAlias = Callable[[int, int], None]


class Computation(ABC):
    """What a Compute node does. All numbers are float32."""

    def __init__(
        self,
        name: str,
        outputs: Sequence[Shape],
        differentiable: Sequence[bool] = (),
        needs_inputs: bool = True,
        needs_outputs: bool = False,
    ) -> None:
        #: The shapes of the inputs: set by the graph that the computation stands in.
        self.inputs: list[Shape | None] = []
        self.name = name
        self.outputs = list(outputs)
        self.differentiable = list(differentiable) if any(differentiable) else []
        self.needs_inputs = needs_inputs
        self.needs_outputs = needs_outputs

    @abstractmethod
    def bind(self, backward: bool, tensors: list[Array], results: list[Array]) -> Run:
        """Prepares a call. Forward: tensors are the inputs, results the outputs. Backward: tensors are the inputs and the outputs, as far as
        the gradient needs them, and the gradients of the outputs; results are the gradients of the differentiable inputs."""
