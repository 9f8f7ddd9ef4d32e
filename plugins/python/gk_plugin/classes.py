"""Authors' classes as the service sees them: the decorators that register them, and the graphs of their methods."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from . import authors
from .arrays import Array, Shape, as_shapes, store
from .errors import PluginError, from_exception
from .graph import Graph, Value
from .numpy_body import Body, NumpyComputation, generator
from .served import Class, Config, Object, Trace, Weight, encode_json, with_integers

T = TypeVar("T")

#: Keys of a config that gk sees to by itself: they reach a class only if its constructor names them.
HOST_KEYS = {
    "layer": {"name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_shape", "activity_regularizer"},
    "loss": {"name", "reduction", "dtype"},
    "metric": {"name", "dtype"},
    "optimizer": {
        "name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
        "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "decay", "jit_compile", "is_legacy_optimizer",
    },
}  # fmt: skip


def is_traced(function: object) -> bool:
    """Whether a method writes a graph: its first parameter is named g."""
    if not callable(function):
        return False
    names = list(inspect.signature(function).parameters)
    return bool(names) and names[0] == "g"


class AuthorClass(Class):
    """A class that an author registered."""

    def __init__(self, cls: type[authors.Base], package: str, name: str, aliases: Sequence[str], example: Config | None, module: str) -> None:
        self.cls, self.kind, self.package, self.name = cls, cls.kind, package, name
        self.aliases = aliases
        self.about = inspect.cleandoc(cls.__doc__) if cls.__doc__ else ""
        self.module = module
        self._example = example

    def example(self) -> Config | None:
        return self._example

    def _parameters(self) -> dict[str, inspect.Parameter]:
        if self.cls.__init__ is object.__init__:
            return {}
        return dict(list(inspect.signature(self.cls.__init__).parameters.items())[1:])

    def defaults(self) -> Config:
        found = {}
        for name, p in self._parameters().items():
            if p.default is not p.empty:
                try:
                    json.dumps(p.default, allow_nan=False)
                except (TypeError, ValueError):
                    continue
                found[name] = p.default
        return found

    def make(self, config: Config) -> authors.Base:
        """An object of a config."""
        parameters = self._parameters()
        own = config = with_integers(config, parameters)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            host = HOST_KEYS.get(self.kind, set())
            own = {k: v for k, v in config.items() if k in parameters or k not in host}
            for k in own:
                if k not in parameters:
                    near = difflib.get_close_matches(k, list(parameters), 1)
                    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(parameters) or 'no settings'}"
                    raise PluginError(f"{self.full_name} has no such setting", where=k, kind="ErrLayerConfig", hint=hint)
        for k, p in parameters.items():
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and k not in own:
                raise PluginError(f"is missing, {self.full_name} needs it", where=k, kind="ErrLayerConfig")
        try:
            return self.cls.from_config(own)
        except Exception as e:
            raise from_exception(e, "", "ErrLayerConfig") from e

    def build(self, config: Config, inputs: list[Shape], names: list[str]) -> Object:
        return OBJECTS[self.kind](self, self.make(config), config, inputs, names)


class AuthorObject(Object):
    """An object of an author's class."""

    methods: dict[str, str] = {}

    def __init__(self, cls: AuthorClass, own: Any, config: Config, inputs: list[Shape], names: list[str]) -> None:
        self.cls, self.own, self.names = cls, own, names
        self.inputs = inputs
        self.weights: list[Weight] = []
        self.outputs: list[Shape] = []
        try:
            given = own.get_config()
        except Exception as e:
            raise from_exception(e, "get_config", "ErrLayerConfig") from e
        self.config = {**{k: v for k, v in config.items() if k in HOST_KEYS.get(cls.kind, set())}, **given}
        text = encode_json(self.config, "config")
        self.salt = int.from_bytes(hashlib.blake2b(cls.full_name.encode() + b"\0" + text, digest_size=8).digest(), "little")
        try:
            self.declare(inputs)
        except Exception as e:
            raise from_exception(e, "", "ErrLayerConfig") from e
        self.fills: dict[int, Any] = {}
        for w in self.weights:
            if callable(w.initializer) or isinstance(w.initializer, np.ndarray):
                self.fills[w.index], w.initializer = w.initializer, {"fill": True}

    def declare(self, inputs: list[Shape]) -> None:
        """Sets weights and outputs."""

    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        if weight not in self.fills:
            raise PluginError(f"weight {weight} has no function that fills it", kind="ErrUsage")
        source = self.fills[weight]
        where = f"initializer of {self.weights[weight].name}"
        return self._filled(source, shape, seed, where)

    def _filled(self, source: Any, shape: tuple[int, ...], seed: int, where: str) -> Array:
        try:
            value = source(shape, generator(seed, 0, 0)) if callable(source) else source
        except Exception as e:
            raise from_exception(e, where) from e
        out = np.empty(shape, np.float32)
        store(value, out, where)
        return out

    def trace(self, request: Trace) -> Graph:
        method = getattr(self, f"trace_{request.method}", None)
        if method is None:
            raise PluginError(f"a {self.cls.kind} has no such method", where=request.method, kind="ErrUsage")
        g = Graph(request, self.weights_of(request))
        method(g, request)
        return g

    def weights_of(self, request: Trace) -> Sequence[Weight]:
        return self.weights

    def call(self, name: str, *args: Any, **named: Any) -> Any:
        """Calls a method of the author's that writes a graph."""
        try:
            return getattr(self.own, name)(*args, **named)
        except Exception as e:
            raise from_exception(e, name, "ErrGraph" if isinstance(e, (TypeError, ValueError)) else "ErrPlugin") from e

    def arrays(self, g: Graph, inputs: Sequence[Any], outputs: Sequence[Shape], **settings: Any) -> tuple[Value, ...]:
        """A Compute node of the author's functions."""
        forward = settings.pop("forward", None) or self.own.forward
        backward = settings.pop("backward", None)
        body = Body(
            name=f"{self.cls.name}.{getattr(forward, '__name__', 'forward')}",
            forward=forward,
            backward=backward,
            outputs=outputs,
            most=settings.pop("most", len(outputs)),
            graded=settings.pop("graded", range(len(outputs))),
            differentiable=settings.pop("differentiable", [True] * len(inputs)),
            masks=settings.pop("masks", ()),
            settings=settings,
            salt=self.salt,
        )
        masks = [g.mask(i) for i, present in enumerate(body.masks) if present]
        return g.compute(NumpyComputation(body), [*inputs, *(m for m in masks if m is not None)])


class LayerObject(AuthorObject):
    def declare(self, inputs: list[Shape]) -> None:
        self.own._weights.clear()
        self.own.build(list(inputs))
        self.weights = list(self.own._weights)
        for w in self.weights:
            if any(d is None for d in w.shape):
                raise PluginError(f"got {w.shape}, want known sizes", where=f"shape of {w.name}", kind="ErrShapeMismatch")
        self.traced = hasattr(self.own, "call")
        if self.traced and type(self.own).compute_output_shape is authors.Layer.compute_output_shape:
            self.outputs = self._traced_shapes(inputs)
        else:
            self.outputs = self._shapes(inputs)

    def _traced_shapes(self, inputs: list[Shape]) -> list[Shape]:
        """The shapes of the outputs, as the graph has them."""
        g = Graph(Trace("call", inputs), self.weights)
        g.set_outputs(self.call("call", g, *(g.input(i) for i in range(len(inputs)))))
        shapes = []
        for v in g.outputs:
            if v.shape is None:
                raise PluginError("the shape of the output is not known", where="call", hint="define compute_output_shape(self, inputs)")
            shapes.append(v.shape)
        return shapes

    def _shapes(self, inputs: list[Shape]) -> list[Shape]:
        return as_shapes(self.own.compute_output_shape(list(inputs)), "compute_output_shape")

    def trace_call(self, g: Graph, request: Trace) -> None:
        inputs = [g.input(i) for i in range(len(request.inputs))]
        if self.traced:
            g.set_outputs(self.call("call", g, *inputs, **self._arguments(self.own.call, request)))
            return
        shapes = self._shapes(request.inputs)
        updated = [w for w in self.weights if w.update] if request.training else []
        losses = self.own.losses if request.training else 0
        n = len(shapes)
        extra = [w.shape for w in updated] + [()] * losses
        updates = sum(w.update for w in self.weights)
        values = self.arrays(
            g,
            [*inputs, *self.weights],
            [*shapes, *extra],
            backward=getattr(self.own, "backward", None),
            differentiable=[True] * len(inputs) + [w.trainable for w in self.weights],
            most=n + updates + self.own.losses,
            graded=[*range(n), *range(n + len(updated), n + len(extra))],
            masks=[m is not None for m in request.masks],
            training=request.training,
            **self._arguments(self.own.forward, request),
        )
        g.set_outputs(values[:n])
        for w, v in zip(updated, values[n:]):
            g.update(w, v)
        for v in values[n + len(updated) :]:
            g.add_loss(v)

    def _arguments(self, function: Callable[..., Any], request: Trace) -> Config:
        parameters = inspect.signature(function).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return request.arguments
        for k in request.arguments:
            if k not in parameters:
                raise PluginError(f"{self.cls.full_name} takes no such argument", where=k, kind="ErrUsage")
        return request.arguments


def _scaled(gradient: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient function of a derivative at each place."""

    def backward(d: Array, x: Array) -> Any:
        return d * gradient(x)

    return backward


class ActivationObject(AuthorObject):
    method, shape_of = "call", staticmethod(lambda shape: shape)

    def _one(self, g: Graph, request: Trace) -> None:
        x = g.input(0)
        traced = getattr(self.own, self.method, None)
        if traced is not None:
            g.set_outputs(self.call(self.method, g, x))
            return
        backward = getattr(self.own, "backward", None)
        if backward is None and getattr(self.own, "gradient", None) is not None:
            backward = _scaled(self.own.gradient)
        g.set_outputs(self.arrays(g, [x], [self.shape_of(request.inputs[0])], backward=backward))

    def trace_call(self, g: Graph, request: Trace) -> None:
        self._one(g, request)


class RegularizerObject(ActivationObject):
    method, shape_of = "penalty", staticmethod(lambda shape: ())

    def trace_penalty(self, g: Graph, request: Trace) -> None:
        self._one(g, request)


class ConstraintObject(ActivationObject):
    method = "project"

    def trace_project(self, g: Graph, request: Trace) -> None:
        self._one(g, request)


class InitializerObject(AuthorObject):
    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        return self._filled(self.own.fill, shape, seed, f"{self.cls.name}.fill")


class LossObject(AuthorObject):
    def trace_call(self, g: Graph, request: Trace) -> None:
        y_true, y_pred = g.input(0), g.input(1)
        if hasattr(self.own, "call"):
            g.set_outputs(self.call("call", g, y_true, y_pred))
            return
        shape = as_shapes(self.own.compute_output_shape(list(request.inputs)), "compute_output_shape")
        backward = getattr(self.own, "backward", None)
        gradient = getattr(self.own, "gradient", None)
        if backward is None and gradient is not None:

            def backward(d: Array, y_true: Array, y_pred: Array) -> Any:
                return d.reshape(d.shape + (1,) * (y_pred.ndim - d.ndim)) * gradient(y_true, y_pred)

        g.set_outputs(self.arrays(g, [y_true, y_pred], shape, backward=backward, differentiable=[False, True]))

    def trace_mask(self, g: Graph, request: Trace) -> None:
        if hasattr(self.own, "mask"):
            g.set_outputs(self.call("mask", g, g.input(0), g.input(1)))


class MetricObject(AuthorObject):
    def declare(self, inputs: list[Shape]) -> None:
        self.own._weights.clear()
        self.own.build(list(inputs))
        self.weights = list(self.own._weights)
        for w in self.weights:
            w.trainable = False

    def trace_update(self, g: Graph, request: Trace) -> None:
        inputs: list[Any] = [g.input(i) for i in range(len(request.inputs))]
        if is_traced(self.own.update):
            self.call("update", g, *inputs, *[None] * (3 - len(inputs)))
            return
        weighted = len(inputs) > 2
        update = self.own.update

        def forward(*args: Array) -> Any:
            return update(*args) if weighted else update(*args[:2], None, *args[2:])

        values = self.arrays(g, [*inputs, *self.weights], [w.shape for w in self.weights], forward=forward)
        for w, v in zip(self.weights, values):
            g.update(w, v)

    def trace_result(self, g: Graph, request: Trace) -> None:
        if is_traced(self.own.result):
            g.set_outputs(self.call("result", g))
        else:
            g.set_outputs(self.arrays(g, self.weights, [()], forward=self.own.result))


class OptimizerObject(AuthorObject):
    def declare(self, inputs: list[Shape]) -> None:
        slots = self.own.slots
        start = dict(slots) if isinstance(slots, dict) else {name: "zeros" for name in slots}
        self.slots = len(start)
        for i, shape in enumerate(inputs):
            of = self.names[i].replace("/", "_") if i < len(self.names) else str(i)
            for name, initial in start.items():
                if isinstance(initial, (int, float)):
                    initial = {"class_name": "Constant", "config": {"value": float(initial)}}
                self.weights.append(Weight(len(self.weights), f"{of}_{name}", shape, initial, trainable=False))

    def weights_of(self, request: Trace) -> Sequence[Weight]:
        """An optimizer's weights are counted after its slots."""
        n = len(self.weights)
        return [*self.weights, *(Weight(n + i, name="", shape=s) for i, s in enumerate(self.inputs))]

    def trace_update(self, g: Graph, request: Trace) -> None:
        i, k = request.weight, self.slots
        if not 0 <= i < len(self.inputs):
            raise PluginError(f"there is no weight {i}", kind="ErrUsage")
        w, own = g.weight(len(self.weights) + i), self.weights[i * k : i * k + k]
        grad, lr, iteration = g.input(0), g.input(1), g.input(2)
        if is_traced(self.own.update):
            slots = [g.value(s) for s in own]
            given = self._two(self.call("update", g, w, grad, slots, lr, iteration), k)
        else:
            update = self.own.update
            two = self._two

            def forward(w: Array, grad: Array, lr: Array, iteration: Array, *slots: Array) -> Any:
                new, kept = two(update(w, grad, list(slots), float(lr), int(iteration)), k)
                return (new, *kept)

            values = self.arrays(g, [w, grad, lr, iteration, *own], [self.inputs[i]] * (k + 1), forward=forward)
            given = (values[0], values[1:])
        g.update(len(self.weights) + i, given[0])
        for s, v in zip(own, given[1]):
            g.update(s, v)

    def _two(self, given: Any, k: int) -> tuple[Any, Sequence[Any]]:
        where = f"{self.cls.name}.update"
        if k == 0 and not isinstance(given, tuple):
            return given, ()
        if not isinstance(given, tuple) or len(given) != 2:
            raise PluginError("want the new weight and the list of its new slots", where=where, kind="ErrPluginContract")
        slots = given[1] if isinstance(given[1], (list, tuple)) else [given[1]]
        if len(slots) != k:
            raise PluginError(f"got {len(slots)} slots, want {k}", where=where, kind="ErrPluginContract")
        return given[0], slots

    def trace_finish(self, g: Graph, request: Trace) -> None:
        if not hasattr(self.own, "finish"):
            return
        n = len(self.weights)
        given = self.call("finish", g, [g.weight(n + i) for i in range(len(self.inputs))], g.input(0), g.input(1))
        for i, v in enumerate(given or []):
            g.update(n + i, v)


OBJECTS: dict[str, type[AuthorObject]] = {
    "layer": LayerObject,
    "activation": ActivationObject,
    "initializer": InitializerObject,
    "regularizer": RegularizerObject,
    "constraint": ConstraintObject,
    "optimizer": OptimizerObject,
    "loss": LossObject,
    "metric": MetricObject,
}

_BASES: dict[str, type[authors.Base]] = {
    "layer": authors.Layer,
    "activation": authors.Activation,
    "initializer": authors.Initializer,
    "regularizer": authors.Regularizer,
    "constraint": authors.Constraint,
    "optimizer": authors.Optimizer,
    "loss": authors.Loss,
    "metric": authors.Metric,
}

#: For each kind: the traced method, the computed one; one of them is what a class must have.
_WANTS = {
    "layer": ("call", "forward"),
    "activation": ("call", "forward"),
    "regularizer": ("penalty", "forward"),
    "constraint": ("project", "forward"),
    "loss": ("call", "forward"),
    "metric": ("", "update"),
    "optimizer": ("", "update"),
    "initializer": ("", "fill"),
}

_registered: list[AuthorClass] = []


def registered() -> list[AuthorClass]:
    """What the decorators have registered so far."""
    return list(_registered)


class _MeanOfFunction(authors.Metric):
    """The mean of what a function gives for each sample."""

    function: Callable[..., Any]

    def build(self, inputs: list[Shape]) -> None:
        self.weight("total", ())
        self.weight("count", ())

    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None, total: Array, count: Array) -> tuple[Any, Any]:
        values = np.asarray(type(self).function(y_true, y_pred), np.float32)
        if sample_weight is None:
            return total + values.sum(), count + values.size
        weight = sample_weight.reshape(sample_weight.shape + (1,) * (values.ndim - sample_weight.ndim))
        weight = np.broadcast_to(weight, values.shape)
        return total + (values * weight).sum(), count + weight.sum()

    def result(self, total: Array, count: Array) -> Any:
        return total / count if count != 0 else np.float32(0)


def _class_of_function(kind: str, function: Callable[..., Any], gradient: Callable[..., Any] | None) -> type[authors.Base]:
    """The class that a function stands for."""
    traced, computed = _WANTS[kind]
    members: dict[str, Any] = {"__doc__": function.__doc__, "__module__": function.__module__}
    if kind == "metric":
        members["function"] = staticmethod(function)
        return type(function.__name__, (_MeanOfFunction,), members)
    members[traced if traced and is_traced(function) else computed] = staticmethod(function)
    if gradient is not None:
        members["gradient"] = staticmethod(gradient)
    return type(function.__name__, (_BASES[kind],), members)


def _check(cls: type[authors.Base]) -> None:
    traced, computed = _WANTS[cls.kind]
    has_traced, has_computed = traced and hasattr(cls, traced), hasattr(cls, computed)
    if not has_traced and not has_computed:
        raise TypeError(f"{cls.__name__}: a {cls.kind} wants a method {computed}" + (f", or {traced}(self, g, ...)" if traced else ""))
    if has_traced:
        names = [n for n in inspect.signature(getattr(cls, traced)).parameters if n != "self"]
        if not names or names[0] != "g":
            raise TypeError(f"{cls.__name__}.{traced}: wants the graph g as its first parameter; a body in numpy is named {computed}")
    if cls.kind == "metric" and not hasattr(cls, "result"):
        raise TypeError(f"{cls.__name__}: a metric wants a method result")


def register(
    kind: str,
    thing: Any,
    package: str,
    name: str | None = None,
    aliases: Sequence[str] = (),
    example: Config | None = None,
    module: str = "",
    gradient: Callable[..., Any] | None = None,
) -> AuthorClass:
    """Registers a class or a function."""
    if ">" in package:
        raise TypeError(f"package {package!r}: there is no > in a package")
    if inspect.isclass(thing):
        if not issubclass(thing, _BASES[kind]):
            raise TypeError(f"{thing.__name__}: want a subclass of gk_plugin.{_BASES[kind].__name__}")
        cls = thing
    elif callable(thing):
        if kind in ("layer", "optimizer"):
            raise TypeError(f"{getattr(thing, '__name__', thing)}: want a class, a {kind} is no function")
        cls = _class_of_function(kind, thing, gradient)
    else:
        raise TypeError(f"got {thing!r}, want a class or a function")
    _check(cls)
    c = AuthorClass(cls, package, name or cls.__name__, tuple(aliases), example, module)
    if any(o.kind == kind and o.full_name == c.full_name for o in _registered):
        raise TypeError(f"{c.full_name}: there is a {kind} of that name already")
    _registered.append(c)
    return c


def _decorator(kind: str) -> Callable[..., Callable[[T], T]]:
    def decorator(
        package: str = "Custom",
        *,
        name: str | None = None,
        aliases: Sequence[str] = (),
        example: Config | None = None,
        module: str = "",
        gradient: Callable[..., Any] | None = None,
    ) -> Callable[[T], T]:
        def registers(thing: T) -> T:
            register(kind, thing, package, name, aliases, example, module, gradient)
            return thing

        return registers

    decorator.__name__ = kind
    decorator.__doc__ = (
        f"Registers a {kind} as ``package>name``; the name is that of the class or function. aliases are further full names that model\n"
        'files have for it, example is what gk\'s verify tries ({"config": {...}, "inputs": [[2, 5, 3]]}), module is where real Keras\n'
        "finds the class, gradient is the derivative of a function."
    )
    return decorator


layer = _decorator("layer")
activation = _decorator("activation")
initializer = _decorator("initializer")
regularizer = _decorator("regularizer")
constraint = _decorator("constraint")
optimizer = _decorator("optimizer")
loss = _decorator("loss")
metric = _decorator("metric")
