"""What the service of a plugin serves: classes, the objects that gk builds of them, and what these ask of gk. The two sources of classes
are gk_plugin.classes (authors' own, with numpy or traced) and gk_plugin.keras (existing Keras classes)."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._v1 import plugin_pb2 as pb
from .arrays import Array, Shape, message_of
from .errors import PluginError
from .graph import Graph
from .operators import Operators

Config: TypeAlias = dict[str, Any]

#: Keras' tables by the names that this package uses for them.
KINDS: Mapping[str, pb.Kind] = {
    "layer": pb.KIND_LAYER,
    "activation": pb.KIND_ACTIVATION,
    "initializer": pb.KIND_INITIALIZER,
    "regularizer": pb.KIND_REGULARIZER,
    "constraint": pb.KIND_CONSTRAINT,
    "optimizer": pb.KIND_OPTIMIZER,
    "loss": pb.KIND_LOSS,
    "metric": pb.KIND_METRIC,
}


@dataclass
class About:
    """What a plugin says of itself."""

    name: str = ""
    version: str = ""
    about: str = ""
    threads: int = 0


_about = About()


def plugin(name: str = "", version: str = "", about: str = "", threads: int = 0) -> None:
    """Says what the plugin is called, [a-z0-9-] (by default as its file), its version (0.1.0), in one line what it is for, and how many
    threads a computation keeps busy (1; for Keras classes as many as there are processors)."""
    _about.name, _about.version, _about.about, _about.threads = name, version, about, threads


def about(name: str, threads: int = 1) -> About:
    """What the author said, and otherwise these."""
    return About(_about.name or name, _about.version or "0.1.0", _about.about, _about.threads or threads)


def encode_json(value: object, where: str) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as e:
        raise PluginError(f"got {value!r}, which is not JSON: {e}", where=where, kind="ErrLayerConfig") from e


def decode_json(data: bytes, where: str) -> Config:
    if not data:
        return {}
    try:
        value = json.loads(data)
    except ValueError as e:
        raise PluginError(f"not JSON: {e}", where=where, kind="ErrConfigJSON") from e
    if not isinstance(value, dict):
        raise PluginError(f"got {type(value).__name__}, want an object", where=where, kind="ErrConfigJSON")
    return value


def with_integers(config: Config, parameters: Mapping[str, inspect.Parameter]) -> Config:
    """A config in which whole numbers are ints: files do not always keep 3 and 3.0 apart, and Python's sizes must be ints. An argument that is
    a float by its default or its annotation stays one."""

    def whole(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return int(value)
        if isinstance(value, list):
            return [whole(v) for v in value]
        if isinstance(value, dict):
            return {k: whole(v) for k, v in value.items()}
        return value

    def is_float(p: inspect.Parameter | None) -> bool:
        return p is not None and (isinstance(p.default, float) or p.annotation is float or p.annotation == "float")

    return {k: float(v) if is_float(parameters.get(k)) and type(v) is int else v if is_float(parameters.get(k)) else whole(v) for k, v in config.items()}


@dataclass(eq=False)
class Weight(Operators):
    """A weight that an object wants. gk owns it: here it is a name for it, which traced methods use as a value."""

    index: int
    name: str
    shape: Shape
    initializer: Any = "zeros"
    trainable: bool = True
    regularizer: Any = None
    constraint: Any = None
    group: str = ""
    dtype: str = ""
    state: bool = False
    update: bool = False
    #: The graph that is being written.
    graph: Graph | None = None

    def message(self) -> pb.Weight:
        def optional(value: Any, what: str) -> bytes:
            return b"" if value is None else encode_json(value, f"{what} of {self.name}")

        return pb.Weight(
            name=self.name,
            shape=message_of(self.shape),
            fixed=not self.trainable,
            state=self.state,
            initializer=optional(self.initializer, "initializer"),
            regularizer=optional(self.regularizer, "regularizer"),
            constraint=optional(self.constraint, "constraint"),
            group=self.group,
            dtype=self.dtype,
        )


@dataclass
class Trace:
    """A request for the graph of a method."""

    method: str
    inputs: list[Shape]
    training: bool = False
    masks: list[Shape | None] = field(default_factory=list)
    arguments: Config = field(default_factory=dict)
    weight: int = 0


class Object(ABC):
    """An object of a class that gk has built."""

    config: Config
    weights: Sequence[Weight]
    outputs: Sequence[Shape]

    @abstractmethod
    def trace(self, request: Trace) -> Graph:
        """The graph of a method."""

    @abstractmethod
    def fill(self, weight: int, shape: tuple[int, ...], seed: int) -> Array:
        """First values."""


class Class(ABC):
    """A class that the plugin serves."""

    kind: str
    package: str
    name: str
    aliases: Sequence[str] = ()
    about: str = ""
    module: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.package}>{self.name}" if self.package else self.name

    @abstractmethod
    def defaults(self) -> Config:
        """The config of an object about which nothing is said."""

    def example(self) -> Config | None:
        """What gk's verify tries: {"config": {...}, "inputs": [[2, 5, 3]]}."""
        return None

    @abstractmethod
    def build(self, config: Config, inputs: list[Shape], names: list[str]) -> Object:
        """Makes an object."""

    def message(self) -> pb.Class:
        example = self.example()
        return pb.Class(
            kind=KINDS[self.kind],
            package=self.package,
            name=self.name,
            aliases=self.aliases,
            about=self.about,
            defaults=encode_json(self.defaults(), f"defaults of {self.full_name}"),
            example=b"" if example is None else encode_json(example, f"example of {self.full_name}"),
            module=self.module,
        )
