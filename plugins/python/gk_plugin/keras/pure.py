"""Functions of tensors on a Keras backend, and their gradients: compiled for shapes on JAX and TensorFlow, eager on PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Array, Shape, store
from ..computation import Computation, Run
from ..errors import from_exception

#: A function of tensors and of the states of generators of random numbers. It gives tensors of any type, which become float32.
Pure: TypeAlias = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]

_MASK64 = (1 << 64) - 1


def mixed(x: int) -> int:
    """A 64-bit number that looks random and depends on x alone (splitmix64)."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & _MASK64
    return x ^ x >> 31


def seed_states(seed: int, step: int, salt: int, count: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The states of so many generators in one step: (count, 2) numbers of 30 bits, which every backend's type holds."""
    key = mixed(mixed(seed ^ salt) ^ step)
    states = np.empty((count, 2), np.uint32)
    for i in range(count):
        n = mixed(key + i)
        states[i, 0], states[i, 1] = n & 0x3FFFFFFF, n >> 34
    return states


class PureComputation(Computation):
    """A Compute node whose body is a function on a Keras backend."""

    def __init__(
        self,
        name: str,
        backend: str,
        function: Pure,
        outputs: Sequence[Shape],
        types: Sequence[str],
        differentiable: Sequence[bool],
        graded: Sequence[int],
        generators: int = 0,
        salt: int = 0,
    ) -> None:
        """types are those that the function wants of its inputs; graded are the outputs through which gradients flow."""
        super().__init__(name, outputs, [d and t == "float32" for d, t in zip(differentiable, types)] if graded else [])
        self.function, self.types, self.graded = function, list(types), list(graded)
        self.generators, self.salt = generators, salt
        self.wanted = [i for i, d in enumerate(self.differentiable) if d]
        self._engine = _ENGINES[backend](self)

    def states(self, seed: int, step: int) -> Any:
        return seed_states(seed, step, self.salt, self.generators)

    def bind(self, backward: bool, tensors: list[Array], results: list[Array]) -> Run:
        where = f"gradient of {self.name}" if backward else self.name
        n = len(tensors)
        if backward:
            n -= len(self.outputs)
            tensors = tensors[:n] + [tensors[n + i] for i in self.graded]
        call = self._engine.bind(backward, tensors, results, n, where)

        def run(seed: int, step: int) -> None:
            try:
                call(seed, step)
            except Exception as e:
                raise from_exception(e, where) from e

        return run


class _Compiled:
    """JAX and TensorFlow: one compiled function for the forward pass, one for the gradient."""

    c: PureComputation

    def cast(self, x: Any, dtype: str) -> Any:
        raise NotImplementedError

    def gradient(self, function: Callable[[Sequence[Any]], Sequence[Any]], at: Sequence[Any], dys: Sequence[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def _outputs(self, inputs: Sequence[Any], states: Any) -> list[Any]:
        c = self.c
        typed = [x if t == "float32" else self.cast(x, t) for x, t in zip(inputs, c.types)]
        return [self.cast(y, "float32") for y in c.function(typed, [states[i] for i in range(c.generators)])]

    def _forward(self, inputs: Sequence[Any], states: Any) -> list[Any]:
        return self._outputs(inputs, states)

    def _backward(self, inputs: Sequence[Any], states: Any, dys: Sequence[Any]) -> Sequence[Any]:
        c = self.c

        def function(some: Sequence[Any]) -> list[Any]:
            every = list(inputs)
            for i, x in zip(c.wanted, some):
                every[i] = x
            outputs = self._outputs(every, states)
            return [outputs[i] for i in c.graded]

        return self.gradient(function, [inputs[i] for i in c.wanted], dys)


class _Jax(_Compiled):
    def __init__(self, c: PureComputation) -> None:
        import jax

        self.c = c
        self.forward, self.backward = jax.jit(self._forward), jax.jit(self._backward)

    def bind(self, backward: bool, tensors: list[Array], results: list[Array], n: int, where: str) -> Run:
        c = self.c

        def run(seed: int, step: int) -> None:
            states = c.states(seed, step)
            values = self.backward(tensors[:n], states, tensors[n:]) if backward else self.forward(tensors, states)
            for value, out in zip(values, results):
                store(np.asarray(value), out, where)

        return run

    def cast(self, x: Any, dtype: str) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(x, dtype)

    def gradient(self, function: Callable[[Sequence[Any]], Sequence[Any]], at: Sequence[Any], dys: Sequence[Any]) -> Sequence[Any]:
        import jax

        _, pull = jax.vjp(function, list(at))
        (grads,) = pull(list(dys))
        return list(grads)


class _TensorFlow(_Compiled):
    def __init__(self, c: PureComputation) -> None:
        self.c = c
        self.concrete: dict[bool, Any] = {}

    def bind(self, backward: bool, tensors: list[Array], results: list[Array], n: int, where: str) -> Run:
        import tensorflow as tf

        c = self.c
        if backward not in self.concrete:
            # A function traced for these shapes once is called in half the time that tf.function takes to find it.
            specs = [tf.TensorSpec(t.shape, tf.float32) for t in tensors]

            def flat(states: Any, *given: Any) -> Any:
                return self._backward(given[:n], states, given[n:]) if backward else self._forward(given, states)

            function = tf.function(flat, autograph=False)
            self.concrete[backward] = function.get_concrete_function(tf.TensorSpec((c.generators, 2), tf.uint32), *specs)
        call = self.concrete[backward]
        constant, none = tf.constant, tf.zeros((0, 2), tf.uint32)

        def run(seed: int, step: int) -> None:
            states = constant(c.states(seed, step)) if c.generators else none
            for value, out in zip(call(states, *map(constant, tensors)), results):
                store(np.asarray(value), out, where)

        return run

    def cast(self, x: Any, dtype: str) -> Any:
        import tensorflow as tf

        return tf.cast(x, dtype)

    def gradient(self, function: Callable[[Sequence[Any]], Sequence[Any]], at: Sequence[Any], dys: Sequence[Any]) -> Sequence[Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(at)
            outputs = function(at)
        grads: Sequence[Any] = tape.gradient(outputs, at, dys, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(g) for g in grads]


class _Torch:
    """PyTorch, eager: tensors are views of the shared memory."""

    def __init__(self, c: PureComputation) -> None:
        self.c = c

    def bind(self, backward: bool, tensors: list[Array], results: list[Array], n: int, where: str) -> Run:
        import torch

        c = self.c
        inputs = [torch.from_numpy(a) for a in tensors]
        types = {"float32": torch.float32, "bool": torch.bool, "int32": torch.int32}

        def outputs(given: Sequence[Any], states: Any) -> list[Any]:
            typed = [x if t == "float32" else x.to(types[t]) for x, t in zip(given, c.types)]
            return list(c.function(typed, states))

        def run(seed: int, step: int) -> None:
            numbers = c.states(seed, step)
            # Functions of PyTorch itself draw from its own generator.
            torch.manual_seed(mixed(mixed(seed ^ c.salt) ^ step) >> 1)
            states = [torch.tensor([int(s) for s in pair], dtype=torch.int64) for pair in numbers]
            if not backward:
                with torch.no_grad():
                    for value, out in zip(outputs(inputs, states), results):
                        store(value.detach().cpu().float().numpy(), out, where)
                return
            given = list(inputs[:n])
            leaves = []
            for i in c.wanted:
                given[i] = given[i].detach().requires_grad_(True)
                leaves.append(given[i])
            values = outputs(given, states)
            pairs = [(values[i], dy) for i, dy in zip(c.graded, inputs[n:]) if values[i].requires_grad]
            grads: Sequence[Any] = [None] * len(leaves)
            if pairs:
                grads = torch.autograd.grad([v.float() for v, _ in pairs], leaves, [dy for _, dy in pairs], allow_unused=True)
            for grad, out in zip(grads, results):
                if grad is None:
                    out.fill(0)
                else:
                    store(grad.detach().cpu().numpy(), out, where)

        return run


_ENGINES: dict[str, Any] = {"jax": _Jax, "tensorflow": _TensorFlow, "torch": _Torch}
