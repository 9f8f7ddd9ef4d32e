"""What authors derive their classes from. One class has its body either traced or computed:

* traced: the method's first parameter is named ``g``. It gets a Graph and values, and returns values. gk runs the graph by itself.
* computed: the method gets numpy arrays (float32, views of memory that gk shares) and returns arrays, or writes them to ``out``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .arrays import Shape, as_shape
from .served import Config, Weight


class Base:
    """What all kinds share: the config is the arguments of the constructor."""

    kind: ClassVar[str]

    _given: Config
    _weights: list[Weight]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        self._weights = []
        self._given = {}
        if cls.__init__ is not object.__init__:
            signature = inspect.signature(cls.__init__)
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                return self  # the constructor says it better
            bound.apply_defaults()
            for i, (name, value) in enumerate(bound.arguments.items()):
                kind = signature.parameters[name].kind
                if kind is inspect.Parameter.VAR_KEYWORD:
                    self._given.update(value)
                elif i > 0 and kind is not inspect.Parameter.VAR_POSITIONAL:
                    self._given[name] = value
        return self

    def get_config(self) -> Config:
        """The arguments that make an object like this one: those of the constructor, with their defaults."""
        return dict(self._given)

    @classmethod
    def from_config(cls, config: Config) -> Base:
        """The object of a config."""
        made: Base = cls(**config)
        return made


class _WithWeights(Base):
    def weight(
        self,
        name: str,
        shape: Sequence[int | None],
        initializer: Any = "zeros",
        *,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        update: bool = False,
        group: str = "",
        dtype: str = "",
    ) -> Weight:
        """Declares a weight, in Keras' order.

        initializer is Keras' form of one (``"glorot_uniform"``, ``{"class_name": ..., "config": ...}``), an array, or a function of
        (shape, rng) with numpy. A weight with trainable=False has no gradient; with update=True the computed body gives its new value.
        """
        w = Weight(
            index=len(self._weights),
            name=name,
            shape=as_shape(shape, f"shape of {name}"),
            initializer=initializer,
            trainable=trainable and not update,
            regularizer=regularizer,
            constraint=constraint,
            group=group,
            dtype=dtype,
            update=update,
        )
        self._weights.append(w)
        return w


class Layer(_WithWeights):
    """A layer.

    Computed::

        forward(x, ..., weight, ..., *, training, mask, masks, rng, out) -> y, or (y, ..., new values of weights with update=True, losses)
        backward(dy, ..., x, ..., weight, ..., *, y, training, mask, masks, rng, out) -> (dx, ..., d of each trainable weight)

    What stands after ``*`` is passed if the function names it. rng is a numpy Generator, the same numbers in forward and backward.
    A backward that takes nothing but the dy does not read the inputs again. Without backward the layer has no gradient; None in
    place of an array stands for zeros.

    Traced::

        call(g, x, ...) -> y or (y, ...)
    """

    kind = "layer"

    #: How many scalars the computed body adds to the loss of the model in training.
    losses: int = 0

    def build(self, inputs: list[Shape]) -> None:
        """Declares the weights, by self.weight, for inputs of these shapes; None is a size that is not known yet, such as the batch."""

    def compute_output_shape(self, inputs: list[Shape]) -> Shape | list[Shape]:
        """The shape of the output, or a list of shapes of several. By default that of the first input."""
        return inputs[0]


class Activation(Base):
    """An activation. Computed: ``forward(x)`` and ``backward(dy, x)``, or ``gradient(x)``, the derivative at each place.
    Traced: ``call(g, x)``."""

    kind = "activation"


class Regularizer(Base):
    """A penalty for a weight, a scalar. Computed: ``forward(w)`` and ``gradient(w)``, or ``backward(d, w)``. Traced: ``penalty(g, w)``."""

    kind = "regularizer"


class Constraint(Base):
    """A projection that a weight undergoes after each update. Computed: ``forward(w)``. Traced: ``project(g, w)``."""

    kind = "constraint"


class Initializer(Base):
    """Gives a weight its first values: ``fill(shape, rng)``."""

    kind = "initializer"


class Loss(Base):
    """A loss: the loss of each sample, (batch, d0, ..., dN) makes (batch, d0, ..., dN-1).

    Computed: ``forward(y_true, y_pred)`` and ``gradient(y_true, y_pred)``, shaped as y_pred: how each sample's loss changes with its own
    predictions; or ``backward(d, y_true, y_pred)``. Traced: ``call(g, y_true, y_pred)``, ``mask(g, y_true, losses)`` if some losses do not
    count."""

    kind = "loss"

    def compute_output_shape(self, inputs: list[Shape]) -> Shape:
        """The shape of the losses, for y_true and y_pred of these shapes."""
        return inputs[1][:-1]


class Metric(_WithWeights):
    """A metric: a statistic over many batches. Its state is declared by self.weight.

    Computed: ``update(y_true, y_pred, sample_weight, state, ...) -> new state, ...`` (sample_weight may be None) and
    ``result(state, ...) -> number``. Traced: ``update(g, y_true, y_pred, sample_weight)``, which calls g.update, and ``result(g)``."""

    kind = "metric"

    def build(self, inputs: list[Shape]) -> None:
        """Declares the state for y_true and y_pred of these shapes."""


class Optimizer(Base):
    """An optimizer. ``slots`` says what it keeps for each weight: names, or names with initial values (a number or Keras' form of an
    initializer); it may be set by the constructor.

    Computed: ``update(w, grad, slots, lr, iteration) -> (new w, new slots)``. Traced: ``update(g, w, grad, slots, lr, iteration)``
    likewise, ``finish(g, weights, lr, iteration) -> new weights or None`` once a step after all weights."""

    kind = "optimizer"

    slots: Sequence[str] | Mapping[str, Any] = ()
