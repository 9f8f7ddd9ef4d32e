"""Write plugins for gk, Keras in Go, in Python.

    import gk_plugin

    @gk_plugin.layer(package="acme")
    class Scale(gk_plugin.Layer):
        def build(self, inputs):
            self.scale = self.weight("scale", (inputs[0][-1],), "ones")

        def forward(self, x, scale):
            return x * scale

        def backward(self, dy, x, scale):
            return dy * scale, (dy * x).sum(tuple(range(x.ndim - 1)))

    if __name__ == "__main__":
        gk_plugin.serve()
"""

from __future__ import annotations

from . import started as _started

_started.guard_stdout()

from .arrays import Array, Shape  # noqa: E402
from .authors import Activation, Constraint, Initializer, Layer, Loss, Metric, Optimizer, Regularizer  # noqa: E402
from .classes import activation, constraint, initializer, layer, loss, metric, optimizer, regularizer  # noqa: E402
from .errors import PluginError  # noqa: E402
from .graph import Graph, Value  # noqa: E402
from .served import Weight, plugin  # noqa: E402

__version__ = "1.0.0"

__all__ = [
    "Activation", "Array", "Constraint", "Graph", "Initializer", "Layer", "Loss", "Metric", "Optimizer", "PluginError", "Regularizer",
    "Shape", "Value", "Weight", "activation", "constraint", "initializer", "layer", "loss", "metric", "optimizer", "plugin", "regularizer",
    "serve",
]  # fmt: skip


def serve() -> None:
    """Serves everything that the decorators have registered. It does not return: run by gk, the process ends when gk says so; run by
    hand, it explains itself and exits with 1."""
    import os
    import sys

    from .classes import registered
    from .server import run

    run(registered(), os.path.abspath(sys.argv[0] or "plugin"))
