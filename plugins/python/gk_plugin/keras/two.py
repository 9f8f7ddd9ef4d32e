"""Layers of Keras 2 and tf_keras, on TensorFlow. Their variables are assigned in each call. Inference is compiled; training runs eagerly,
where TensorFlow's generators of random numbers can be started from gk's seed and step."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import Array, Shape, store
from ..computation import Computation, Run
from ..errors import PluginError, from_exception
from ..graph import Graph
from ..served import Class, Config, Object, Trace, Weight
from .pure import mixed
from .three import KerasClass, KerasObject, call_arguments, flat, save_groups, weight_name


def classes_of(keras: ModuleType, cls: Any, named: bool) -> list[Class]:
    """What a class is served as: layers alone."""
    if issubclass(cls, keras.layers.Layer) and (named or not issubclass(cls, keras.Model)):
        return [TwoClass(keras, "layer", cls)]
    return []


class TwoClass(KerasClass):
    """A layer class written for Keras 2."""

    def config_of(self, thing: Any) -> Config:
        config = thing.get_config()
        return {k: v for k, v in config.items() if k != "batch_input_shape"} if isinstance(config, dict) else {}

    def scope(self) -> Any:
        return self.keras.utils.custom_object_scope(self.known())

    def example(self) -> Config | None:
        for shape in ([2, 4], [2, 5, 3], [2, 8, 8, 3]):
            try:
                self.build({}, [(None, *shape[1:])], [])
            except Exception:
                continue
            return {"config": self.defaults(), "inputs": [shape]}
        return None

    def make(self, config: Config, seed: int) -> Any:
        self.keras.utils.set_random_seed(seed & 0x7FFFFFFF)
        self.keras.backend.reset_uids()
        config = {k: v for k, v in config.items() if k != "dtype"}
        try:
            with self.scope():
                return self.thing.from_config(config)
        except Exception as e:
            raise from_exception(e, "", "ErrLayerConfig") from e

    def build(self, config: Config, inputs: list[Shape], names: list[str]) -> Object:
        return TwoLayer(self, config, inputs)


class TwoLayer(KerasObject):
    def __init__(self, cls: KerasClass, config: Config, inputs: list[Shape]) -> None:
        super().__init__(cls, config, inputs)
        self.outputs = self._built(self.own, inputs)
        layer = self.own
        trained = list(layer.trainable_weights)
        self.variables = trained + list(layer.non_trainable_weights)
        self.filled: dict[int, list[Array]] = {0: [np.array(v.numpy(), np.float32) for v in self.variables]}
        groups = self._groups()
        for i, v in enumerate(self.variables):
            constraint = getattr(v, "constraint", None)
            self.weights.append(
                Weight(
                    index=i,
                    name=weight_name(v.name.split(":")[0], layer.name),
                    shape=tuple(int(d) for d in v.shape),
                    initializer={"fill": True},
                    trainable=i < len(trained),
                    constraint=None if constraint is None else self.keras.constraints.serialize(constraint),
                    group=groups.get(id(v), ""),
                    dtype="" if v.dtype.name == "float32" else v.dtype.name,
                )
            )

    def make(self, seed: int) -> Any:
        return self.cls.make({k: v for k, v in self.given.items() if k != "trainable"}, seed)

    def _groups(self) -> dict[int, str]:
        root = self.keras.__name__
        for place in (f"{root}.src.saving.saving_lib", f"{root}.saving.experimental.saving_lib", f"{root}.saving.saving_lib"):
            try:
                lib = importlib.import_module(place)
            except ImportError:
                continue
            return save_groups(lib, self.own, self.variables, self.filled[0])
        return {}

    def _built(self, layer: Any, inputs: Sequence[Shape]) -> list[Shape]:
        symbols = [self.keras.Input(batch_shape=s) for s in inputs]
        try:
            with self.cls.scope():
                return [tuple(t.shape) for t in flat(layer(*call_arguments(layer, symbols)))]
        except Exception as e:
            raise from_exception(e, "", "ErrLayerConfig") from e

    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        if not 0 <= weight < len(self.weights):
            raise PluginError(f"there is no weight {weight}", kind="ErrUsage")
        if seed not in self.filled:
            layer = self.make(seed)
            self._built(layer, self.inputs)
            self.filled = {0: self.filled[0], seed: [np.array(v.numpy(), np.float32) for v in (*layer.trainable_weights, *layer.non_trainable_weights)]}
        return self.filled[seed][weight]

    def trace_call(self, g: Graph, request: Trace) -> None:
        import tensorflow as tf

        n, training, layer = len(request.inputs), request.training, self.own
        masked = [i for i, s in enumerate(request.masks) if s is not None]
        named = dict(request.arguments)
        updated = [i for i, w in enumerate(self.weights) if not w.trainable] if training else []

        class Outer(self.keras.layers.Layer):  # type: ignore[misc, name-defined]
            """Says to layers inside of layers whether the model is being trained."""

            def __init__(self) -> None:
                super().__init__()
                self.inner = layer

            def call(self, inputs: Any, training: Any = None) -> Any:
                return self.inner(*call_arguments(self.inner, inputs), **named)

        outer = Outer()
        found: dict[str, Any] = {}

        def function(inputs: Sequence[Any], weights: Sequence[Any], masks: Sequence[Any]) -> list[Any]:
            for v, w in zip(self.variables, weights):
                v.assign(tf.cast(w, v.dtype))
            given = [tf.identity(x) for x in inputs]
            for i, mask in zip(masked, masks):
                given[i]._keras_mask = tf.cast(mask, "bool")
            y = flat(outer(given, training=training))
            losses = list(outer.losses) if training else []
            out_masks = [getattr(t, "_keras_mask", None) for t in y]
            found.update(outputs=len(y), losses=len(losses), masks=[i for i, t in enumerate(out_masks) if t is not None])
            results = y + [self.variables[i].read_value() for i in updated] + losses
            return [tf.cast(t, "float32") for t in results + [out_masks[i] for i in found["masks"]]]

        def specs(shapes: Sequence[Any]) -> list[Any]:
            return [tf.TensorSpec(s, tf.float32) for s in shapes]

        compiled = tf.function(function, autograph=False)
        shapes = [w.shape for w in self.weights]
        concrete = compiled.get_concrete_function(specs(request.inputs), specs(shapes), specs([request.masks[i] for i in masked]))
        outputs: list[Shape] = [tuple(t.shape) for t in concrete.structured_outputs]
        k, m = found["outputs"], found["losses"]
        first_loss = k + len(updated)
        differentiable = [True] * n + [w.trainable for w in self.weights] + [False] * len(masked)
        graded = [*range(k), *range(first_loss, first_loss + m)]
        c = TwoComputation(f"{self.cls.name}.call", outputs, differentiable, graded, function if training else compiled, self.variables, n, self.salt)
        inputs: list[Any] = [*(g.input(i) for i in range(n)), *self.weights, *(g.mask(i) for i in masked)]
        values = g.compute(c, inputs)
        g.set_outputs(values[:k])
        for i, v in zip(updated, values[k:first_loss]):
            g.update(self.weights[i], v)
        for v in values[first_loss : first_loss + m]:
            g.add_loss(v)
        g.drop_masks()
        for i, v in zip(found["masks"], values[first_loss + m :]):
            g.set_mask(i, v)


class TwoComputation(Computation):
    def __init__(
        self,
        name: str,
        outputs: Sequence[Shape],
        differentiable: Sequence[bool],
        graded: Sequence[int],
        function: Callable[..., Any],
        variables: Sequence[Any],
        inputs: int,
        salt: int,
    ) -> None:
        super().__init__(name, outputs, differentiable)
        self.graded, self.function, self.variables, self.n, self.salt = list(graded), function, list(variables), inputs, salt

    def bind(self, backward: bool, tensors: list[Array], results: list[Array]) -> Run:
        import tensorflow as tf

        n, m = self.n, self.n + len(self.variables)
        where = f"gradient of {self.name}" if backward else self.name
        at = len(tensors) - len(self.outputs) if backward else len(tensors)
        dys = [tensors[at + i] for i in self.graded] if backward else []

        def forward() -> list[Any]:
            given = [tf.constant(t) for t in tensors[:at]]
            values: list[Any] = self.function(given[:n], given[n:m], given[m:])
            return values

        def gradient() -> list[Any]:
            given = [tf.constant(t) for t in tensors[:at]]
            wanted = [x for x, d in zip(given[:n], self.differentiable) if d]
            wanted += [v for v, d in zip(self.variables, self.differentiable[n:]) if d]
            with tf.GradientTape() as tape:
                tape.watch(wanted)
                values = self.function(given[:n], given[n:m], given[m:])
                graded = [values[i] for i in self.graded]
            grads = tape.gradient(graded, wanted, [tf.constant(d) for d in dys], unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return [tf.convert_to_tensor(d) for d in grads]

        def run(seed: int, step: int) -> None:
            try:
                tf.random.set_seed(mixed(mixed(seed ^ self.salt) ^ step) >> 33)
                for value, out in zip(gradient() if backward else forward(), results):
                    store(np.asarray(value), out, where)
            except Exception as e:
                raise from_exception(e, where) from e

        return run
