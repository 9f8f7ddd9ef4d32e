"""The memory that gk and the plugin share, and the bells with which each wakes the other. plugins/proto/README.md has the layout."""

from __future__ import annotations

import mmap
import os
import select
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from .arrays import Array
from .errors import PluginError

PAGE = 4096
MAGIC = 0x31414B47  # "GKA1"
MAX_CALLS = 256
MAX_ERROR = 2048
ALIGN = 64

# Places on the control page, counted in 32-bit words (the 64-bit ones in those).
_REQUEST, _REPLY, _STATUS, _FAILED, _LENGTH, _COUNT, _CALLS = 16, 32, 48, 49, 50, 64, 72
_SEED, _STEP = 33, 34
_ERROR = 2048

_ONE = struct.pack("=Q", 1)

#: Runs bindings in their order with a seed and a step; gives the index of the one that failed with an encoded error, or None.
Batch: TypeAlias = Callable[[Sequence[int], int, int], "tuple[int, bytes] | None"]


def wait_readable(fd: int) -> bytes:
    """Reads from a descriptor that may be one that does not block."""
    while True:
        try:
            return os.read(fd, 8)
        except BlockingIOError:
            select.select([fd], [], [])
        except InterruptedError:
            pass


class Arena:
    """The shared file as the plugin sees it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        try:
            self.page = mmap.mmap(fd, PAGE)
        except (OSError, ValueError) as e:
            raise PluginError(f"cannot be mapped: {e}", where="arena", kind="ErrPluginContract") from e
        self.words = memoryview(self.page).cast("I")
        self.longs = memoryview(self.page).cast("Q")
        if self.words[0] != MAGIC:
            raise PluginError(f"got {self.words[0]:#x} at its start, want {MAGIC:#x}", where="arena", kind="ErrPluginContract")
        self.segments: dict[tuple[int, int], mmap.mmap] = {}

    def attach(self, segments: Sequence[tuple[int, int]]) -> None:
        """Maps segments that are not mapped yet."""
        for offset, size in segments:
            if (offset, size) in self.segments:
                continue
            if offset % mmap.ALLOCATIONGRANULARITY or size <= 0:
                raise PluginError(f"got {size} bytes at {offset}, want whole pages", where="segment", kind="ErrPluginContract")
            try:
                self.segments[offset, size] = mmap.mmap(self.fd, size, offset=offset)
            except (OSError, ValueError, OverflowError) as e:
                raise PluginError(f"{size} bytes at {offset} cannot be mapped: {e}", where="segment", kind="ErrPluginContract") from e

    def tensor(self, shape: tuple[int, ...], offset: int) -> Array:
        """The tensor at a place, not a copy."""
        n = 4
        for d in shape:
            n *= d
        if n == 0:
            return np.empty(shape, np.float32)
        if offset % ALIGN == 0:
            for (start, size), m in self.segments.items():
                if start <= offset and offset + n <= start + size:
                    return np.frombuffer(m, np.float32, n // 4, offset - start).reshape(shape)
        raise PluginError(f"{n} bytes at {offset} lie in no segment", where="tensor", kind="ErrPluginContract")

    def listen(self, request: int, reply: int, run: Batch) -> None:
        """Runs batches for as long as the bell rings."""
        words, longs = self.words, self.longs
        last = words[_REPLY]
        while True:
            if not wait_readable(request):
                return
            number = words[_REQUEST]
            if number == last:
                continue
            count = words[_COUNT]
            if count > MAX_CALLS:
                error = PluginError(f"got {count} calls, want at most {MAX_CALLS}", where="batch", kind="ErrPluginContract")
                failed: tuple[int, bytes] | None = (0, error.short().encode())
            else:
                failed = run(words[_CALLS : _CALLS + count].tolist(), longs[_SEED], longs[_STEP])
            if failed is None:
                words[_STATUS] = 0
            else:
                index, text = failed
                self.page[_ERROR : _ERROR + len(text)] = text
                words[_FAILED], words[_LENGTH], words[_STATUS] = index, len(text), 1
            words[_REPLY] = last = number
            try:
                os.write(reply, _ONE)
            except OSError:
                return
