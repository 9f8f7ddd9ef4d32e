"""The command gk-plugin.

gk-plugin serve TARGET...              serves, when gk starts it; TARGET is module, module:Class, path/to/file.py or path/to/file.py:Class
gk-plugin serve --describe TARGET...   prints what it would serve
gk-plugin script OUT TARGET...         writes a program that serves, for gk ... --plugin OUT
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from . import started
from .served import Class, about
from .server import default_name, leave, plugin_name, run, table
from .service import report


class Target:
    """A module, or a class in it."""

    def __init__(self, text: str) -> None:
        place, colon, name = text.rpartition(":")
        if not colon or os.sep in name or (os.altsep and os.altsep in name):
            place, name = text, ""
        self.place, self.name = place, name
        self.is_file = place.endswith(".py") or os.path.isfile(place) or (os.sep in place)

    @property
    def stem(self) -> str:
        """The name of the module."""
        return os.path.splitext(os.path.basename(self.place))[0] if self.is_file else self.place

    @property
    def source(self) -> str:
        """The text of the module, as far as it is found without running it."""
        path: str | None = self.place
        if not self.is_file:
            try:
                spec = importlib.util.find_spec(self.place)
            except (ImportError, ValueError):
                spec = None
            path = spec.origin if spec else None
        try:
            with open(path or "", encoding="utf-8") as f:
                return f.read()
        except (OSError, UnicodeError):
            return ""

    def load(self) -> ModuleType:
        if not self.is_file:
            return importlib.import_module(self.place)
        path = os.path.abspath(self.place)
        loaded = sys.modules.get(self.stem)
        if loaded is not None and os.path.abspath(getattr(loaded, "__file__", None) or "") == path:
            return loaded
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{self.place}: there is no such file")
        folder = os.path.dirname(path)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location(self.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.place}: is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.stem] = module
        spec.loader.exec_module(module)
        return module


def classes_of(targets: Sequence[Target], backend: str = "") -> list[Class]:
    """What modules provide: what their decorators have registered, and Keras classes."""
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    from .classes import registered

    if any("keras" in t.source for t in targets):
        from .keras import choose_backend

        choose_backend("\n".join(t.source for t in targets), backend)
    found: list[Class] = []
    for t in targets:
        module = t.load()
        own = [c for c in registered() if c.cls.__module__ == module.__name__ and (not t.name or c.name == t.name)]
        added: list[Class] = [c for c in own if c not in found]
        if not own or not t.name:
            from .keras import keras_classes

            added += [c for c in keras_classes(module, t.name) if (c.kind, c.full_name) not in {(f.kind, f.full_name) for f in found}]
        if t.name and not added:
            if not hasattr(module, t.name):
                raise LookupError(f"{t.place}: there is no {t.name} in it")
            raise LookupError(f"{t.place}: {t.name} is nothing that can be served")
        found += added
    return found


def _describe(classes: Sequence[Class], name: str, version: str) -> None:
    print(f"{name} {version}\n{table(classes)}")
    for c in classes:
        print(f"\n{c.kind} {c.full_name}")
        for label, value in (
            ("aliases", ", ".join(c.aliases)),
            ("module", c.module),
            ("about", c.about.strip().split("\n")[0]),
            ("config", json.dumps(c.defaults())),
            ("example", json.dumps(c.example()) if c.example() else ""),
        ):
            if value:
                print(f"  {label:8} {value}")


def _script(out: str, targets: Sequence[Target], arguments: Sequence[str]) -> None:
    fixed = [f"{os.path.abspath(t.place)}{':' + t.name if t.name else ''}" if t.is_file else f"{t.place}{':' + t.name if t.name else ''}" for t in targets]
    text = f"""#!{sys.executable}
# A plugin for gk, written by gk-plugin script.
import sys

sys.path.insert(0, {os.getcwd()!r})
from gk_plugin.cli import main

main({["serve", *arguments, *fixed]!r})
"""
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(out, 0o755)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    p = argparse.ArgumentParser(prog="gk-plugin", description="Serves Python classes to gk, Keras in Go.")
    commands = p.add_subparsers(dest="command", required=True)
    for command, help_text in (("serve", "serve classes to gk, which starts this command"), ("script", "write a program that serves, for gk ... --plugin OUT")):
        c = commands.add_parser(command, help=help_text)
        if command == "script":
            c.add_argument("out", help="the program to write")
        else:
            c.add_argument("--describe", action="store_true", help="print what would be served")
        c.add_argument("targets", nargs="+", metavar="TARGET", help="module, module:Class, path/to/file.py or path/to/file.py:Class")
        c.add_argument("--name", default="", help="the name of the plugin")
        c.add_argument("--version", default="", help="its version")
        c.add_argument("--backend", default="", help="the backend for Keras 3: jax, tensorflow or torch")
    a = p.parse_args(arguments)
    targets = [Target(t) for t in a.targets]
    if a.command == "script":
        more = [f"--{k}={v}" for k, v in (("name", a.name), ("version", a.version), ("backend", a.backend)) if v]
        _script(a.out, targets, more)
        sys.exit(0)
    try:
        classes = classes_of(targets, a.backend)
    except Exception as e:
        if started.by_gk():
            report(e)
            print(f"gk-plugin: {e}", file=sys.stderr)
            leave(1)
        if not isinstance(e, (LookupError, FileNotFoundError, ImportError)):
            report(e)
        print(f"gk-plugin: {e}", file=sys.stderr)
        sys.exit(1)
    path = targets[0].place if len(targets) == 1 and targets[0].is_file and not targets[0].name else "OUT"
    if a.describe:
        said = about(a.name or default_name(targets[0].place))
        _describe(classes, plugin_name(a.name or said.name), a.version or said.version)
        sys.exit(0)
    if not started.by_gk() and path == "OUT":
        print(f"gk takes a file: gk-plugin script OUT {shlex.join(a.targets)}\n", file=sys.stderr)
    doc = (sys.modules[targets[0].stem].__doc__ or "").strip().split("\n")[0]
    run(classes, path, a.name or plugin_name(about(default_name(targets[0].place)).name), a.version, _threads(classes), doc)


def _threads(classes: Sequence[Class]) -> int:
    from .classes import AuthorClass

    return 1 if all(isinstance(c, AuthorClass) for c in classes) else os.cpu_count() or 1
