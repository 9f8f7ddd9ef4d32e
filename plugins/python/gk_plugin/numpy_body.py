"""Bodies in numpy: how an author's functions are called on the tensors of gk."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import Array, Shape, frozen, store
from .computation import Computation, Run
from .errors import PluginError, from_exception

_MASK64 = (1 << 64) - 1


def generator(seed: int, step: int, salt: int) -> np.random.Generator:
    """Random numbers that depend on the seed, the step and who asks (salt), and on nothing else."""
    return np.random.Generator(np.random.Philox(key=np.array([(seed + salt) & _MASK64, step & _MASK64], dtype=np.uint64)))


class Signature:
    """What parameters a function has."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.positional: list[str] = []
        self.names: set[str] = set()
        self.any_positional = self.any_keyword = False
        for p in inspect.signature(function).parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                self.any_positional = True
            elif p.kind is p.VAR_KEYWORD:
                self.any_keyword = True
            else:
                self.names.add(p.name)
                if p.kind is not p.KEYWORD_ONLY and p.default is p.empty:
                    self.positional.append(p.name)


#: Parameters that an author's function gets by name if it has them.
BY_NAME = frozenset({"training", "mask", "masks", "rng", "out", "y", "outputs"})


@dataclass
class Body:
    """An author's function for the forward pass, one for the gradient, and what they are called with."""

    name: str
    forward: Callable[..., Any]
    outputs: Sequence[Shape]
    #: How many results the function may give: beside the outputs new values of weights and losses, which an inference has no use for.
    most: int
    #: The outputs whose gradients the function for the gradient gets.
    graded: Sequence[int]
    #: Which positional arguments get a gradient.
    differentiable: Sequence[bool]
    backward: Callable[..., Any] | None = None
    #: What is passed by name, if the function wants it.
    settings: dict[str, Any] = field(default_factory=dict)
    #: For each input whether it has a mask; masks stand after the positional arguments.
    masks: Sequence[bool] = ()
    salt: int = 0


class NumpyComputation(Computation):
    """A Compute node whose body is a function of arrays."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.forward_signature = Signature(body.forward)
        grads = list(body.differentiable) if body.backward is not None else []
        reads_inputs, reads_outputs = True, False
        if body.backward is not None:
            s = Signature(body.backward)
            positional = [n for n in s.positional if n not in BY_NAME and n not in body.settings]
            reads_inputs = s.any_positional or len(positional) > len(body.graded) or bool(s.names & {"mask", "masks"})
            reads_outputs = bool(s.names & {"y", "outputs"})
            self.backward_signature = s
            self.backward_takes_inputs = s.any_positional or len(positional) > len(body.graded)
        grads += [False] * sum(body.masks) if grads else []
        super().__init__(body.name, body.outputs, grads, reads_inputs, reads_outputs)

    def bind(self, backward: bool, tensors: list[Array], results: list[Array]) -> Run:
        return self._bind_backward(tensors, results) if backward else self._bind_forward(tensors, results)

    def _named(self, s: Signature, masks: Sequence[Array], out: object) -> dict[str, Any]:
        named = {k: v for k, v in self.body.settings.items() if k in s.names or (s.any_keyword and k != "training")}
        if s.names & {"mask", "masks"}:
            left = list(masks)
            every = [left.pop(0) if present else None for present in self.body.masks]
            if "masks" in s.names:
                named["masks"] = every
            if "mask" in s.names:
                named["mask"] = every[0] if every else None
        if "out" in s.names:
            named["out"] = out
        return named

    def _bind_forward(self, tensors: list[Array], results: list[Array]) -> Run:
        body, s = self.body, self.forward_signature
        n = len(body.differentiable)
        views = frozen(tensors)
        args = views[:n]
        single = results[0] if len(results) == 1 else None
        named = self._named(s, views[n:], single if single is not None else tuple(results))
        function, where, most, salt = body.forward, body.name, max(body.most, len(body.outputs)), body.salt
        wants_rng, has_out = "rng" in s.names, "out" in s.names

        def run(seed: int, step: int) -> None:
            if wants_rng:
                named["rng"] = generator(seed, step, salt)
            try:
                value = function(*args, **named)
            except Exception as e:
                raise from_exception(e, where) from e
            if value is None and has_out:
                return
            if single is not None and not isinstance(value, tuple):
                store(value, single, where)
                return
            given = value if isinstance(value, (tuple, list)) else (value,)
            if not len(results) <= len(given) <= most:
                raise PluginError(f"got {len(given)} results, want {len(results)}", where=where, kind="ErrPluginContract")
            for i, out in enumerate(results):
                store(given[i], out, where if len(results) == 1 else f"{where}: result {i}")

        return run

    def _bind_backward(self, tensors: list[Array], results: list[Array]) -> Run:
        body, s = self.body, self.backward_signature
        assert body.backward is not None
        views = frozen(tensors)
        args: list[Array] = []
        masks: list[Array] = []
        if self.needs_inputs:
            n = len(body.differentiable)
            args, masks, views = views[:n], views[n : n + sum(body.masks)], views[n + sum(body.masks) :]
        outputs: list[Array] = []
        if self.needs_outputs:
            outputs, views = views[: len(self.outputs)], views[len(self.outputs) :]
        gradients = [views[i] for i in body.graded]
        passed = gradients + (args if self.backward_takes_inputs else [])
        single = results[0] if len(results) == 1 else None
        named = self._named(s, masks, single if single is not None else tuple(results))
        if "y" in s.names:
            named["y"] = outputs[0]
        if "outputs" in s.names:
            named["outputs"] = outputs
        function, where, salt = body.backward, f"gradient of {body.name}", body.salt
        wants_rng, has_out = "rng" in s.names, "out" in s.names

        def run(seed: int, step: int) -> None:
            if wants_rng:
                named["rng"] = generator(seed, step, salt)
            try:
                value = function(*passed, **named)
            except Exception as e:
                raise from_exception(e, where) from e
            if value is None and has_out:
                return
            given = value if isinstance(value, (tuple, list)) else (value,)
            if len(given) != len(results):
                raise PluginError(f"got {len(given)} gradients, want {len(results)}", where=where, kind="ErrPluginContract")
            for i, out in enumerate(results):
                if given[i] is None:
                    out.fill(0)
                else:
                    store(given[i], out, where if len(results) == 1 else f"{where}: gradient {i}")

        return run
