"""The answers to gk's calls, without a word about how they travel."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ._v1 import plugin_pb2 as pb
from .arena import Arena
from .arrays import MAX_ELEMENTS, Array, known_shape, message_of, shape_of
from .computation import Computation, Run
from .errors import PluginError, from_exception
from .served import KINDS, About, Class, Object, Trace, decode_json, encode_json

#: How many bytes of a tensor travel in one message.
PIECE = 1 << 20


def report(e: BaseException) -> None:
    """Shows an exception on stderr, whose last lines gk keeps for its errors."""
    if not isinstance(e, PluginError) or e.__cause__ is not None:
        text = "".join(traceback.format_exception(type(e), e, e.__traceback__))
        print(text[-8000:], end="", file=sys.stderr, flush=True)


class Service:
    """What gk calls. Author's code runs one piece at a time, under one lock."""

    def __init__(self, classes: Sequence[Class], about: About, fds: dict[str, int] | None = None) -> None:
        self.about = about
        self.classes = list(classes)
        self.fds = fds or {}
        self.lock = threading.RLock()
        self.arena: Arena | None = None
        self.objects: dict[int, Object] = {}
        self.computations: dict[int, Computation] = {}
        self.traces: dict[tuple[int, bytes], pb.Traced] = {}
        self.bindings: dict[int, Run] = {}
        self._free: list[int] = []
        self._numbers = 0
        self.calls = 0
        self._by_name: dict[tuple[int, str], Class] = {}
        for c in self.classes:
            for n in (c.full_name, *c.aliases):
                self._by_name.setdefault((KINDS[c.kind], n), c)

    # What there is.

    def describe(self, request: pb.DescribeRequest) -> pb.Description:
        mine = ["stream"]
        if "arena" in self.fds and {"request", "reply"} <= self.fds.keys():
            mine += ["shm", "fdbell"]
        with self.lock:
            return pb.Description(
                name=self.about.name,
                version=self.about.version,
                about=self.about.about,
                sdk="gk-python 1",
                features=[f for f in mine if f in request.features],
                classes=[c.message() for c in self.classes],
                threads=self.about.threads,
            )

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def build(self, request: pb.BuildRequest) -> pb.Built:
        c = self._by_name.get((request.kind, getattr(request, "class")))
        if c is None:
            raise PluginError(f"the plugin has no class {getattr(request, 'class')!r} of that kind", kind="ErrUnknownLayer")
        config = decode_json(request.config, "config")
        inputs = [shape_of(s) for s in request.inputs]
        with self.lock:
            o = c.build(config, inputs, list(request.names))
            number = self._number()
            self.objects[number] = o
            return pb.Built(
                object=number,
                config=encode_json(o.config, "config"),
                weights=[w.message() for w in o.weights],
                outputs=[message_of(s) for s in o.outputs],
            )

    def _object(self, number: int) -> Object:
        o = self.objects.get(number)
        if o is None:
            raise PluginError(f"there is no object {number}", kind="ErrPluginContract")
        return o

    def trace(self, request: pb.TraceRequest) -> pb.Traced:
        with self.lock:
            o = self._object(request.object)
            key = (request.object, request.SerializeToString(deterministic=True))
            if key in self.traces:
                return self.traces[key]
            present = list(request.present)
            masks = [shape_of(m) if i < len(present) and present[i] else None for i, m in enumerate(request.masks)]
            g = o.trace(
                Trace(
                    method=request.method,
                    inputs=[shape_of(s) for s in request.inputs],
                    training=request.training,
                    masks=masks,
                    arguments=decode_json(request.arguments, "arguments"),
                    weight=request.weight,
                )
            )
            m = g.message()
            for i, c in g.computations.items():
                number = self._number()
                self.computations[number] = c
                m.nodes[i].compute.id = number
            self.traces[key] = m
            return m

    def fill(self, request: pb.FillRequest) -> Iterator[pb.Piece]:
        with self.lock:
            o = self._object(request.object)
            shape = known_shape(request.shape)
            if not shape and request.weight < len(o.weights):
                shape = tuple(d or 0 for d in o.weights[request.weight].shape)
            value = o.fill(request.weight, shape, request.seed)
        return _pieces([value])

    # Calls with shared memory.

    def attach(self, request: pb.AttachRequest, listen: Callable[[], None]) -> pb.Attached:
        with self.lock:
            if request.bell not in ("fdbell", ""):
                raise PluginError(f"got bell {request.bell!r}, want fdbell", kind="ErrPluginContract")
            first = self.arena is None
            if self.arena is None:
                if "arena" not in self.fds:
                    raise PluginError("no shared memory was passed", where="arena", kind="ErrPluginContract")
                self.arena = Arena(self.fds["arena"])
            self.arena.attach([(s.offset, s.size) for s in request.segments])
        if first and request.bell:
            listen()
        return pb.Attached()

    def bind(self, request: pb.BindRequest) -> pb.Bound:
        with self.lock:
            c = self._computation(request.computation, request.backward)
            if self.arena is None:
                raise PluginError("there is no shared memory", kind="ErrPluginContract")
            arena = self.arena
            tensors = [arena.tensor(known_shape(t.shape), t.offset) for t in request.tensors]
            results = [arena.tensor(known_shape(t.shape), t.offset) for t in request.results]
            call = c.bind(request.backward, tensors, results)
            number = self._free.pop() if self._free else len(self.bindings)
            self.bindings[number] = call
            return pb.Bound(binding=number)

    def _computation(self, number: int, backward: bool) -> Computation:
        c = self.computations.get(number)
        if c is None:
            raise PluginError(f"there is no computation {number}", kind="ErrPluginContract")
        if backward and not c.differentiable:
            raise PluginError("has no gradient", where=c.name, kind="ErrPluginContract")
        return c

    def run_batch(self, calls: Sequence[int], seed: int, step: int) -> tuple[int, bytes] | None:
        """Runs bindings; what goes wrong is the answer."""
        i = 0
        try:
            with self.lock:
                bindings = self.bindings
                for i, b in enumerate(calls):
                    self.calls += 1
                    bindings[b](seed, step)
            return None
        except BaseException as e:
            if isinstance(e, KeyError) and calls[i] not in self.bindings:
                e = PluginError(f"there is no binding {calls[i]}", kind="ErrPluginContract")
            report(e)
            return i, from_exception(e, "").short().encode()

    # Calls with tensors that travel.

    def travel(self, pieces: Iterable[pb.Piece], backward: bool) -> Iterator[pb.Piece]:
        it = iter(pieces)
        for first in it:
            c = self._computation(first.computation, backward)
            tensors = _received(first, it)
            shapes = c.outputs
            if backward:
                shapes = []
                for known, wanted in zip(c.inputs, c.differentiable):
                    if wanted and known is None:
                        raise PluginError("was traced without shapes and cannot run", where=c.name, kind="ErrPluginContract")
                    if wanted and known is not None:
                        shapes.append(known)
            results = []
            for s in shapes:
                if any(d is None for d in s):
                    raise PluginError(f"was traced for shape {s} and cannot run", where=c.name, kind="ErrPluginContract")
                results.append(np.empty(tuple(d or 0 for d in s), np.float32))
            with self.lock:
                self.calls += 1
                c.bind(backward, tensors, results)(first.seed, first.step)
            yield from _pieces(results)

    # The end.

    def release(self, request: pb.ReleaseRequest) -> pb.Released:
        with self.lock:
            gone = set(request.computations)
            for n in request.objects:
                self.objects.pop(n, None)
            forgotten = set(request.objects)
            for n in request.computations:
                self.computations.pop(n, None)
            for key in list(self.traces):
                numbers = {node.compute.id for node in self.traces[key].nodes if node.op == "Compute"}
                if key[0] in forgotten or numbers & gone:
                    del self.traces[key]
            for b in request.bindings:
                if self.bindings.pop(b, None) is not None:
                    self._free.append(b)
        return pb.Released()

    def state(self, request: pb.StateRequest) -> pb.PluginState:
        return pb.PluginState(
            objects=len(self.objects), computations=len(self.computations), bindings=len(self.bindings), calls=self.calls, memory=_memory()
        )


def _memory() -> int:
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return 0


def _pieces(arrays: Sequence[Array]) -> Iterator[pb.Piece]:
    yield pb.Piece(tensors=[message_of(a.shape) for a in arrays])
    for a in arrays:
        data = np.ascontiguousarray(a, "<f4").reshape(-1).data.cast("B") if a.size else memoryview(b"")
        for start in range(0, len(data), PIECE):
            yield pb.Piece(data=bytes(data[start : start + PIECE]))


def _received(first: pb.Piece, rest: Iterator[pb.Piece]) -> list[Array]:
    """The tensors that first announces."""
    shapes = [known_shape(s) for s in first.tensors]
    sizes = [4 * int(np.prod(s, dtype=np.int64)) for s in shapes]
    total = sum(sizes)
    if total > 4 * MAX_ELEMENTS:
        raise PluginError(f"got {total} bytes", kind="ErrPluginTooLarge")
    arrays = [np.empty(s, "<f4") for s in shapes]
    data = first.data
    for a, size in zip(arrays, sizes):
        view = a.reshape(-1).data.cast("B") if size else memoryview(bytearray())
        at = 0
        while at < size:
            if not data:
                piece = next(rest, None)
                if piece is None:
                    raise PluginError("the tensors end too early", kind="ErrPluginContract")
                data = piece.data
                continue
            n = min(len(data), size - at)
            view[at : at + n] = data[:n]
            data = data[n:]
            at += n
    if data:
        raise PluginError("there are more bytes than tensors", kind="ErrPluginContract")
    return arrays
