"""Existing Keras classes as plugins: layers, and registered activations, initializers, losses, metrics, regularizers and constraints, on
Keras 3 with JAX, TensorFlow or PyTorch, and on tf_keras and Keras 2.

Nothing here imports Keras unless the author's module has.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..served import Class

BACKENDS = ("jax", "tensorflow", "torch")


def choose_backend(source: str, wanted: str = "") -> None:
    """Sets KERAS_BACKEND for a module that has not been imported yet: what is wanted, what the user or Keras' own configuration says, what
    the source imports by itself, or the first that is installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if wanted:
        os.environ["KERAS_BACKEND"] = wanted
        return
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    if os.environ.get("KERAS_BACKEND") or os.path.exists(os.path.join(home, "keras.json")):
        return
    imported = [b for b in BACKENDS if re.search(rf"^\s*(import|from)\s+{b}\b", source, re.MULTILINE)]
    for b in imported or BACKENDS:
        if importlib.util.find_spec(b) is not None:
            os.environ["KERAS_BACKEND"] = b
            return


def _keras_of(thing: Any) -> ModuleType | None:
    """The Keras that a class is derived from: the module keras or tf_keras."""
    for base in getattr(thing, "__mro__", ())[1:]:
        root: str = base.__module__.split(".")[0]
        if root in ("keras", "tf_keras"):
            return sys.modules.get(root)
    return None


def _registries() -> list[dict[str, Any]]:
    """What register_keras_serializable has registered, in every Keras that is loaded."""
    found = []
    for name in ("keras", "tf_keras"):
        module = sys.modules.get(name)
        for where in (getattr(module, "saving", None), getattr(module, "utils", None)):
            get = getattr(where, "get_custom_objects", None)
            if get is not None:
                found.append(get())
                break
    return found


def registered_as(thing: Any) -> str:
    """The name package>name under which a class or function is registered; "" if it is not."""
    for registry in _registries():
        for name, registered in registry.items():
            if registered is thing and ">" in name:
                return name
    return ""


def keras_classes(module: ModuleType, name: str = "") -> list[Class]:
    """The Keras classes that a module defines, or the one that is named."""
    if "keras" not in sys.modules and "tf_keras" not in sys.modules:
        return []
    found: list[Class] = []
    for n, thing in list(vars(module).items()):
        if name and n != name:
            continue
        if not name and (n.startswith("_") or getattr(thing, "__module__", None) != module.__name__ or getattr(thing, "__name__", n) != n):
            continue
        if inspect.isclass(thing):
            found += _of_class(thing, bool(name))
        elif inspect.isfunction(thing) and (name or registered_as(thing)):
            found += _of_function(thing)
    return found


def _of_class(cls: Any, named: bool) -> list[Class]:
    keras = _keras_of(cls)
    if keras is None:
        return []
    if _generation(keras) == 2:
        from . import two

        return two.classes_of(keras, cls, named)
    from . import three

    return three.classes_of(keras, cls, named)


def _of_function(function: Callable[..., Any]) -> list[Class]:
    keras = sys.modules.get("keras")
    if keras is None or _generation(keras) == 2:
        return []
    from . import three

    return three.classes_of_function(keras, function)


def _generation(keras: ModuleType) -> int:
    return int(str(getattr(keras, "__version__", "3")).split(".")[0])
