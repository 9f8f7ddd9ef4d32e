"""Classes of Keras 3. An object runs under StatelessScope: gk's numbers stand in for its variables, new values of variables, losses and
masks are results like the outputs, and generators of random numbers start each step from gk's seed and step."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from . import registered_as
from .pure import PureComputation
from ..arrays import Array, Shape
from ..errors import PluginError, from_exception
from ..graph import Graph, Value
from ..served import Class, Config, Object, Trace, Weight, encode_json, with_integers

#: Keys of a layer's config that gk reads itself.
_LAYER_KEYS = ("name", "trainable", "dtype")


def classes_of(keras: ModuleType, cls: Any, named: bool) -> list[Class]:
    """What a class is served as."""
    if issubclass(cls, keras.Model) and not named:
        return []
    for kind, base in _bases(keras).items():
        if issubclass(cls, base):
            return [KerasClass(keras, kind, cls)]
    return []


def classes_of_function(keras: ModuleType, function: Callable[..., Any]) -> list[Class]:
    """What a registered function can be, by its parameters: of one tensor a regularizer if it gives a scalar, else an activation, of y_true
    and y_pred a loss and a metric, of a shape an initializer."""
    parameters = list(inspect.signature(function).parameters.values())
    required = [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    kinds = []
    if required == ["shape"]:
        kinds = ["initializer"]
    elif len(required) == 1:
        try:
            y = _spec(keras, lambda tensors: [function(tensors[0])], [(2, 3)], ["float32"])
            kinds = ["activation" if y[0] else "regularizer"]
        except Exception:
            kinds = ["activation"]
    elif len(required) == 2:
        kinds = ["loss", "metric"]
    return [KerasClass(keras, kind, function) for kind in kinds]


def _bases(keras: ModuleType) -> dict[str, type]:
    return {
        "layer": keras.layers.Layer,
        "initializer": keras.initializers.Initializer,
        "regularizer": keras.regularizers.Regularizer,
        "constraint": keras.constraints.Constraint,
        "loss": keras.losses.Loss,
        "metric": keras.metrics.Metric,
    }


def _start_anew(keras: ModuleType, seed: int) -> None:
    """What an object draws at random while it is made depends on the seed alone, and names that Keras makes by counting (dense_1) start
    anew: an object is the same whatever was made before. (keras.utils.set_random_seed would import TensorFlow on every backend.)"""
    random.seed(seed)
    np.random.seed(seed)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        sys.modules["tensorflow"].random.set_seed(seed)
    elif backend == "torch":
        sys.modules["torch"].manual_seed(seed)
    try:
        from keras.src.backend.common import global_state
        from keras.src.utils import naming

        global_state.set_global_attribute("global_seed_generator", None)
        naming.reset_uids()
    except (ImportError, AttributeError):
        pass


@contextmanager
def _without_values(keras: ModuleType) -> Iterator[None]:
    """Where layers are built without values for their variables, which takes no time."""
    try:
        scope = keras.StatelessScope(initialize_variables=False)
    except TypeError:  # Keras before 3.4
        yield
        return
    with scope:
        yield
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("uninitialized_variables", [])


def _is_plain(value: Any) -> bool:
    """Whether a config is JSON as it is."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_is_plain(v) for v in value)
    return value is None or type(value) in (str, bool, int, float)


class KerasClass(Class):
    """A class, or a function, written for Keras 3."""

    def __init__(self, keras: ModuleType, kind: str, thing: Any) -> None:
        self.keras, self.kind, self.thing = keras, kind, thing
        unfiltered = getattr(getattr(keras, "config", None), "disable_traceback_filtering", None)
        if unfiltered is not None:  # errors are to name a line of the author's
            unfiltered()
        self.is_function = not inspect.isclass(thing)
        registered = registered_as(thing)
        self.package, _, self.name = registered.rpartition(">") if registered else ("", "", thing.__name__)
        self.aliases = () if registered else (f"Custom>{self.name}",)
        self.about = inspect.cleandoc(thing.__doc__) if thing.__doc__ and thing.__doc__ != getattr(thing.__base__ if not self.is_function else None, "__doc__", None) else ""
        self.module = thing.__module__

    def defaults(self) -> Config:
        if self.is_function:
            return {}
        try:
            config = self.config_of(self.thing())
        except Exception:
            return {}  # it cannot be made without arguments
        return {k: v for k, v in config.items() if k not in _LAYER_KEYS} if self.kind == "layer" else config

    def example(self) -> Config | None:
        if self.kind != "layer":
            return None
        for count in (1, 2):
            for shape in ([2, 4], [2, 5, 3], [2, 8, 8, 3]):
                try:
                    with _without_values(self.keras):
                        build_layer(self, lambda: self.make({}, 0), [(None, *shape[1:])] * count)
                except Exception:
                    continue
                return {"config": self.defaults(), "inputs": [shape] * count}
        return None

    def known(self) -> dict[str, Any]:
        """The classes and functions of the author's module, by name."""
        module = sys.modules.get(self.module)
        return {n: c for n, c in vars(module).items() if inspect.isclass(c) or inspect.isfunction(c)} if module else {}

    def scope(self) -> Any:
        """Where the names of the author's module are known."""
        return self.keras.saving.custom_object_scope(self.known())

    def config_of(self, thing: Any) -> Config:
        """The config of an object as a file has it."""
        config = thing.get_config()
        if not _is_plain(config):  # Keras' own way, which imports TensorFlow where there is one
            config = self.keras.saving.serialize_keras_object(thing)["config"]
        return config if isinstance(config, dict) else {}

    def make(self, config: Config, seed: int) -> Any:
        """An object of a config. What it draws at random depends on the seed."""
        _start_anew(self.keras, seed & 0x7FFFFFFF)
        if self.is_function:
            if self.kind == "metric":
                return self.keras.metrics.MeanMetricWrapper(self.thing, name=self.name)
            return self.thing
        try:
            with self.scope():
                return self.thing.from_config(dict(config))
        except Exception as e:
            raise from_exception(e, "", "ErrLayerConfig") from e

    def build(self, config: Config, inputs: list[Shape], names: list[str]) -> Object:
        objects = {"layer": KerasLayer, "initializer": KerasInitializer, "loss": KerasLoss, "metric": KerasMetric}
        return objects.get(self.kind, KerasFunction)(self, config, inputs)


def _spec(keras: ModuleType, function: Callable[[Sequence[Any]], Sequence[Any]], shapes: Sequence[Shape], types: Sequence[str]) -> list[Shape]:
    """The shapes of what a function of tensors gives, without running it."""
    from keras.src import backend

    symbols = [keras.KerasTensor(s, dtype=t) for s, t in zip(shapes, types)]

    def listed(*tensors: Any) -> list[Any]:
        return [keras.ops.cast(y, "float32") for y in function(tensors)]

    return [tuple(s.shape) for s in backend.compute_output_spec(listed, *symbols)]


class KerasObject(Object):
    """What all kinds share."""

    def __init__(self, cls: KerasClass, config: Config, inputs: list[Shape]) -> None:
        self.cls, self.keras, self.inputs = cls, cls.keras, inputs
        self.given = config if cls.is_function else with_integers(config, inspect.signature(cls.thing.__init__).parameters)
        self.backend: str = cls.keras.backend.backend()
        self.weights: list[Weight] = []
        self.outputs: list[Shape] = []
        self.own = self.make(0)
        self.config = {} if cls.is_function else {**self.given, **cls.config_of(self.own)}
        text = encode_json(self.config, "config")
        self.salt = int.from_bytes(hashlib.blake2b(cls.full_name.encode() + b"\0" + text, digest_size=8).digest(), "little")

    def make(self, seed: int) -> Any:
        return self.cls.make(self.given, seed)

    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        raise PluginError("has nothing to fill", kind="ErrUsage")

    def trace(self, request: Trace) -> Graph:
        method = getattr(self, f"trace_{request.method}", None)
        if method is None:
            raise PluginError(f"a {self.cls.kind} has no such method", where=request.method, kind="ErrUsage")
        g = Graph(request, self.weights)
        try:
            method(g, request)
        except Exception as e:
            raise from_exception(e, f"{self.cls.name}.{request.method}", "ErrGraph" if isinstance(e, (ValueError, TypeError)) else "ErrPlugin") from e
        return g

    def spec(self, function: Callable[[Sequence[Any]], Sequence[Any]], shapes: Sequence[Shape], types: Sequence[str]) -> list[Shape]:
        return _spec(self.keras, function, shapes, types)

    def node(
        self,
        g: Graph,
        name: str,
        function: Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]],
        inputs: Sequence[Any],
        outputs: Sequence[Shape],
        types: Sequence[str],
        differentiable: Sequence[bool],
        graded: Sequence[int],
        generators: int = 0,
    ) -> tuple[Value, ...]:
        c = PureComputation(f"{self.cls.name}.{name}", self.backend, function, outputs, types, differentiable, graded, generators, self.salt)
        return g.compute(c, inputs)


class KerasFunction(KerasObject):
    """An activation, a regularizer or a constraint: a function of one tensor."""

    def _one(self, g: Graph, request: Trace, differentiable: bool = True) -> None:
        own = self.own

        def function(tensors: Sequence[Any], states: Sequence[Any] = ()) -> list[Any]:
            return [own(tensors[0])]

        outputs = self.spec(function, request.inputs, ["float32"])
        g.set_outputs(self.node(g, request.method, function, [g.input(0)], outputs, ["float32"], [differentiable], [0] if differentiable else []))

    def trace_call(self, g: Graph, request: Trace) -> None:
        self._one(g, request)

    def trace_penalty(self, g: Graph, request: Trace) -> None:
        self._one(g, request)

    def trace_project(self, g: Graph, request: Trace) -> None:
        self._one(g, request, False)


class KerasInitializer(KerasObject):
    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        try:
            value = self.make(seed)(shape)
        except Exception as e:
            raise from_exception(e, self.cls.name) from e
        return np.array(self.keras.ops.convert_to_numpy(value), np.float32)


class KerasLoss(KerasObject):
    def trace_call(self, g: Graph, request: Trace) -> None:
        call = self.own if self.cls.is_function else self.own.call

        def function(tensors: Sequence[Any], states: Sequence[Any] = ()) -> list[Any]:
            return [call(tensors[0], tensors[1])]

        types = ["float32", "float32"]
        outputs = self.spec(function, request.inputs, types)
        g.set_outputs(self.node(g, "call", function, [g.input(0), g.input(1)], outputs, types, [False, True], [0]))

    def trace_mask(self, g: Graph, request: Trace) -> None:
        """All losses count."""


class KerasMetric(KerasObject):
    def __init__(self, cls: KerasClass, config: Config, inputs: list[Shape]) -> None:
        super().__init__(cls, config, inputs)
        if not self.own.variables and len(inputs) == 2:
            self._state_by_use(inputs)
        for i, v in enumerate(self.own.variables):
            value = np.asarray(self.keras.ops.convert_to_numpy(v))
            same = value.size == 0 or (value == value.flat[0]).all()
            initial: Any = {"fill": True}
            if same:
                initial = {"class_name": "Constant", "config": {"value": float(value.flat[0]) if value.size else 0.0}}
            self.weights.append(Weight(i, weight_name(str(getattr(v, "path", None) or v.name), self.own.name), tuple(value.shape), initial, trainable=False))

    def _state_by_use(self, inputs: list[Shape]) -> None:
        """A metric that makes its state in its first update."""
        zeros = [self.keras.ops.zeros([1 if d is None else d for d in s]) for s in inputs]
        self.own.update_state(*zeros)
        self.own.reset_state()

    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        return np.array(self.keras.ops.convert_to_numpy(self.own.variables[weight]), np.float32)

    def trace_update(self, g: Graph, request: Trace) -> None:
        n, variables = len(request.inputs), list(self.own.variables)

        def function(tensors: Sequence[Any], states: Sequence[Any] = ()) -> list[Any]:
            y_true, y_pred, *weight = tensors[:n]
            with self.keras.StatelessScope(_mapping(self.keras, variables, tensors[n:])) as scope:
                self.own.update_state(y_true, y_pred, **({"sample_weight": weight[0]} if weight else {}))
                return [scope.get_current_value(v) for v in variables]

        inputs = [*(g.input(i) for i in range(n)), *self.weights]
        outputs = [w.shape for w in self.weights]
        values = self.node(g, "update_state", function, inputs, outputs, ["float32"] * len(inputs), [False] * len(inputs), [])
        for w, v in zip(self.weights, values):
            g.update(w, v)

    def trace_result(self, g: Graph, request: Trace) -> None:
        variables = list(self.own.variables)

        def function(tensors: Sequence[Any], states: Sequence[Any] = ()) -> list[Any]:
            with self.keras.StatelessScope(_mapping(self.keras, variables, tensors)):
                return [self.own.result()]

        n = len(variables)
        g.set_outputs(self.node(g, "result", function, self.weights, [()], ["float32"] * n, [False] * n, []))


def _mapping(keras: ModuleType, variables: Sequence[Any], tensors: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [(v, keras.ops.cast(t, v.dtype)) for v, t in zip(variables, tensors)]


def weight_name(path: str, owner: str) -> str:
    """The name of a weight below its owner: dense/kernel of my_layer/dense/kernel."""
    parts = path.split("/")
    path = "/".join(parts[parts.index(owner) + 1 :]) if owner in parts[:-1] else parts[-1]
    return re.sub(r"[^A-Za-z0-9_.\-/ :]", "_", path)[:256] or "weight"


def build_layer(cls: KerasClass, make: Callable[[], Any], inputs: Sequence[Shape], layer: Any = None) -> tuple[Any, str, list[Shape]]:
    """Builds a layer by a call with symbols. One that does not take float32 may take integers: its type of input and the shapes of its
    outputs come with it."""
    failure: Exception | None = None
    for dtype in ("float32", "int32"):
        if layer is None:
            layer = make()
        symbols = [cls.keras.KerasTensor(s, dtype=dtype) for s in inputs]
        try:
            with cls.scope():
                y = layer(*call_arguments(layer, symbols))
            return layer, dtype, [tuple(t.shape) for t in flat(y)]
        except Exception as e:
            failure, layer = failure or e, None
    assert failure is not None
    raise from_exception(failure, "", "ErrLayerConfig") from failure


def call_arguments(layer: Any, tensors: Sequence[Any]) -> list[Any]:
    """How inputs are passed: each as an argument of its own if call has so many for tensors, else as a list."""
    if len(tensors) == 1:
        return list(tensors)
    positional = [
        p
        for p in inspect.signature(layer.call).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in ("training", "mask") and not p.name.endswith("_mask")
    ]
    return list(tensors) if len(positional) >= len(tensors) else [list(tensors)]


class KerasLayer(KerasObject):
    """A layer."""

    def __init__(self, cls: KerasClass, config: Config, inputs: list[Shape]) -> None:
        super().__init__(cls, config, inputs)
        layer, self.type, self.outputs = build_layer(cls, lambda: self.make(0), inputs, self.own)
        self.own = layer
        self.trained = list(layer.trainable_weights)
        self.variables = self.trained + list(layer.non_trainable_weights)
        known = {id(v) for v in self.variables}
        self.generators = [v for v in layer.variables if id(v) not in known and str(getattr(v, "name", "")) == "seed_generator_state"]
        self.first = self._values()
        self.filled: dict[int, list[Array]] = {0: self.first}
        groups = save_groups(importlib.import_module("keras.src.saving.saving_lib"), layer, self.variables, self.first)
        for i, v in enumerate(self.variables):
            dtype = str(v.dtype)
            w = Weight(
                index=i,
                name=weight_name(str(getattr(v, "path", None) or v.name), layer.name),
                shape=tuple(int(d) for d in v.shape),
                initializer={"fill": True},
                trainable=i < len(self.trained),
                group=groups.get(id(v), ""),
                dtype="" if dtype == "float32" else dtype,
            )
            w.regularizer = self._serialized(v, "regularizer")
            w.constraint = self._serialized(v, "constraint")
            self.weights.append(w)
        # gk adds the penalties of weights: they must not be among the losses of the layer as well.
        self.penalized = [v for v, w in zip(self.variables, self.weights) if getattr(v, "regularizer", None) is not None and w.regularizer is None]
        for v in self.variables:
            if v not in self.penalized and getattr(v, "regularizer", None) is not None:
                v.regularizer = None

    def make(self, seed: int) -> Any:
        config = {k: v for k, v in self.given.items() if k != "trainable"}
        if "dtype" in config:
            config["dtype"] = "float32"
        return self.cls.make(config, seed)

    def _serialized(self, v: Any, what: str) -> Any:
        thing = getattr(v, what, None)
        if thing is None:
            return None
        try:
            config = self.keras.saving.serialize_keras_object(thing)
        except Exception:
            return None
        return config if isinstance(config, dict) else None

    def _values(self) -> list[Array]:
        return [np.array(self.keras.ops.convert_to_numpy(v), np.float32) for v in self.variables]

    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        if not 0 <= weight < len(self.weights):
            raise PluginError(f"there is no weight {weight}", kind="ErrUsage")
        if seed not in self.filled:
            layer, _, _ = build_layer(self.cls, lambda: self.make(seed), self.inputs)
            values = [np.array(self.keras.ops.convert_to_numpy(v), np.float32) for v in (*layer.trainable_weights, *layer.non_trainable_weights)]
            if len(self.filled) > 1:
                del self.filled[max(self.filled)]
            self.filled[seed] = values
        return self.filled[seed][weight]

    def trace_call(self, g: Graph, request: Trace) -> None:
        n, m = len(request.inputs), len(self.variables)
        masked = [i for i, s in enumerate(request.masks) if s is not None]
        training = request.training
        named = request.arguments
        layer, keras = self.own, self.keras
        found: dict[str, Any] = {}

        def function(tensors: Sequence[Any], states: Sequence[Any]) -> list[Any]:
            inputs, weights, masks = tensors[:n], tensors[n : n + m], tensors[n + m :]
            mapping = _mapping(keras, self.variables, weights) + _mapping(keras, self.generators, states)
            for i, mask in zip(masked, masks):
                set_mask(inputs[i], mask)
            with keras.StatelessScope(mapping, collect_losses=True) as scope:
                before = [scope.get_current_value(v) for v in self.variables]
                with _training(training):
                    y = flat(layer(*call_arguments(layer, inputs), **named))
                after = [scope.get_current_value(v) for v in self.variables]
                losses = list(scope.losses)
                losses += [v.regularizer(v) for v in self.penalized]
            out_masks = [get_mask(t) for t in y]
            if "outputs" not in found or found.get("open"):
                changed = [i for i, (a, b) in enumerate(zip(before, after)) if a is not b]
                found.update(outputs=len(y), changed=changed if training else [], losses=len(losses) if training else 0)
                found["masks"] = [i for i, t in enumerate(out_masks) if t is not None]
            results = y + [after[i] for i in found["changed"]] + losses[: found["losses"]]
            return results + [out_masks[i] for i in found["masks"]]

        types = [self.type] * n + ["float32"] * m + ["bool"] * len(masked)
        shapes = [*request.inputs, *(w.shape for w in self.weights), *(request.masks[i] or () for i in masked)]
        found["open"] = True
        states = [(2,)] * len(self.generators)
        outputs = self.spec(lambda t: function(t[: len(t) - len(states)], t[len(t) - len(states) :]), [*shapes, *states], [*types, *(["uint32"] * len(states))])
        found["open"] = False
        k, changed = found["outputs"], found["changed"]
        inputs: list[Any] = [*(g.input(i) for i in range(n)), *self.weights, *(g.mask(i) for i in masked)]
        differentiable = [True] * n + [w.trainable for w in self.weights] + [False] * len(masked)
        first_loss = k + len(changed)
        graded = [*range(k), *range(first_loss, first_loss + found["losses"])]
        values = self.node(g, "call", function, inputs, outputs, types, differentiable, graded, len(self.generators))
        g.set_outputs(values[:k])
        for i, v in zip(changed, values[k:first_loss]):
            g.update(self.weights[i], v)
        for v in values[first_loss : first_loss + found["losses"]]:
            g.add_loss(v)
        g.drop_masks()
        for i, v in zip(found["masks"], values[first_loss + found["losses"] :]):
            g.set_mask(i, v)


@contextmanager
def _training(on: bool) -> Iterator[None]:
    """What a model says to its layers and to those inside of them, whether or not their calls ask for it."""
    from keras.src.backend.common import global_state
    from keras.src.layers.layer import CallContext

    context = CallContext(entry_layer=None)
    context.training = on
    before = global_state.get_global_attribute("current_call_ctx")
    global_state.set_global_attribute("current_call_ctx", context)
    try:
        yield
    finally:
        global_state.set_global_attribute("current_call_ctx", before)


def flat(y: Any) -> list[Any]:
    """The tensors of a result: one, or a list or dict of them."""
    if isinstance(y, dict):
        return [t for k in sorted(y) for t in flat(y[k])]
    if isinstance(y, (list, tuple)):
        return [t for x in y for t in flat(x)]
    return [y]


def set_mask(x: Any, mask: Any) -> None:
    """Attaches a mask to a tensor as Keras does."""
    try:
        from keras.src.backend import set_keras_mask
    except ImportError:  # before 3.7 or so
        try:
            x._keras_mask = mask
        except AttributeError as e:
            raise PluginError("this Keras cannot mask tensors of its backend", kind="ErrUnsupported", hint="a newer Keras can") from e
        return
    set_keras_mask(x, mask)


def get_mask(x: Any) -> Any:
    """The mask of a tensor, or None."""
    try:
        from keras.src.backend import get_keras_mask
    except ImportError:
        return getattr(x, "_keras_mask", None)
    return get_keras_mask(x)


def save_groups(saving_lib: Any, layer: Any, variables: Sequence[Any], values: Sequence[Array]) -> dict[int, str]:
    """Where .weights.h5 keeps each variable below the layer, by id: Keras saves the layer into a store that only looks on. Variables that
    are saved as arrays are known by numbers that they get for that time; values are what they have before and after."""
    saved: list[tuple[str, Any]] = []

    class Entry(dict[str, Any]):
        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

        def __setitem__(self, key: str, value: Any) -> None:
            saved.append((self.path, value))
            super().__setitem__(key, value)

    class Store(saving_lib.H5IOStore):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def __bool__(self) -> bool:
            return True

        def make(self, path: str, metadata: Any = None) -> Any:
            return Entry(path.strip("/"))

        def __del__(self) -> None:
            pass

    def save() -> None:
        saved.clear()
        saving_lib._save_state(layer, Store(), None, "", set())

    try:
        save()
        ids = {id(v) for v in variables}
        if all(id(v) in ids for _, v in saved):
            return {id(v): path for path, v in reversed(saved)}
        try:
            for i, v in enumerate(variables):
                v.assign(np.full(tuple(v.shape), i + 1))
            save()
            by_number = {int(np.asarray(a).flat[0]): path for path, a in reversed(saved) if np.asarray(a).size}
        finally:
            for v, value in zip(variables, values):
                v.assign(value)
        return {id(v): by_number.get(i + 1, "") for i, v in enumerate(variables)}
    except Exception:
        return {}
