"""How the process was started. The first line on stdout is the handshake and must be the only one, so stdout is taken away from everybody
else as soon as the package is imported in a process that gk started, before an import of the author's prints something."""

from __future__ import annotations

import os
import sys

COOKIE, COOKIE_VALUE = "GK_PLUGIN", "keras-in-go"

_handshake = -1


def by_gk() -> bool:
    """Whether gk started this process."""
    return _handshake >= 0


def guard_stdout() -> None:
    """If gk started the process: keeps stdout for the handshake and sends what others write there to stderr."""
    global _handshake
    if _handshake >= 0 or os.environ.get(COOKIE) != COOKIE_VALUE:
        return
    sys.stdout.flush()
    _handshake = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    del os.environ[COOKIE]  # processes that the plugin starts are no plugins


def say(line: str) -> None:
    """Writes the handshake."""
    os.write(_handshake, line.encode() + b"\n")
