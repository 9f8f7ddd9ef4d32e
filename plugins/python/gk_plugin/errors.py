"""Errors: what a plugin says when something goes wrong, so that it comes out of gk as gk's own errors do."""

from __future__ import annotations

import os
import re
import sysconfig
import traceback

from ._v1 import plugin_pb2 as pb

#: The most bytes that an encoded Error may have on the control page.
MAX_ENCODED = 2048

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: How much of an exception's own text is told.
_LONGEST = 400

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARIES = tuple({p + os.sep for k, p in sysconfig.get_paths().items() if k in ("stdlib", "platstdlib", "purelib", "platlib")})


class PluginError(Exception):
    """An error with a place and a hint.

    ``kind`` is one of gk's kinds of fault: ``ErrLayerConfig`` for a bad config value, ``ErrShapeMismatch``, ``ErrData``, ``ErrPlugin``, ...
    ``where`` is the place (``units``), ``msg`` what is wrong (``got -3, want > 0``), ``hint`` what helps.
    """

    def __init__(self, msg: str, *, where: str = "", kind: str = "ErrPlugin", hint: str = "") -> None:
        super().__init__(msg)
        self.msg, self.where, self.kind, self.hint = msg, where, kind, hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.msg}" if self.where else self.msg
        return f"{text} ({self.hint})" if self.hint else text

    def within(self, where: str) -> PluginError:
        """The same error with a place in front of its own."""
        inner = f"{where}: {self.where}" if self.where else where
        return PluginError(self.msg, where=inner, kind=self.kind, hint=self.hint)

    def short(self) -> PluginError:
        """The error with its text cut so that the control page, or the trailer of a gRPC call, holds it."""
        limit = MAX_ENCODED
        e = self
        while len(e.encode()) > MAX_ENCODED:
            e = PluginError(self.msg[:limit], where=self.where[: limit // 4], kind=self.kind[:64], hint=self.hint[: limit // 4])
            limit = limit * 3 // 4
        return e

    def encode(self) -> bytes:
        message = pb.Error(kind=self.kind, where=_clean(self.where), msg=_clean(self.msg), hint=_clean(self.hint))
        data: bytes = message.SerializeToString()
        return data


def shape_error(where: str, got: object, want: object) -> PluginError:
    return PluginError(f"got shape {got}, want {want}", where=where, kind="ErrShapeMismatch")


def mendable(kind: str) -> bool:
    """Whether the user can mend what an error of this kind is about: it becomes InvalidArgument, all others Internal."""
    return not kind.startswith("ErrPlugin")


def _clean(text: str) -> str:
    """Text as UTF-8 can hold it: file names may have what it cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def _place(e: BaseException) -> str:
    """file:line of the last frame in the author's own code, or of the last frame at all."""
    frames = traceback.extract_tb(e.__traceback__)
    own = [f for f in frames if not os.path.abspath(f.filename).startswith((_HERE, *_LIBRARIES)) and not f.filename.startswith("<")]
    other = [f for f in frames if not os.path.abspath(f.filename).startswith(_HERE)]
    for some in (own, other, frames):
        if some:
            return f"{os.path.basename(some[-1].filename)}:{some[-1].lineno}"
    return ""


def from_exception(e: BaseException, where: str, kind: str = "ErrPlugin") -> PluginError:
    """What to tell gk about an exception of the author's code: its text, and in which line of the author's file it came up."""
    if isinstance(e, PluginError):
        return e if e.where.startswith(where) or not where else e.within(where)
    text = _COLOURS.sub("", str(e)).partition("\n\nArguments received by")[0]  # Keras lists them all
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "..."
    if not text:
        text = type(e).__name__
    elif not isinstance(e, (ValueError, AssertionError)):
        text = f"{type(e).__name__}: {text}"
    place = _place(e)
    return PluginError(f"{text} [{place}]" if place else text, where=where, kind=kind)
