"""gk's side of the protocol, small: it starts a plugin as plugins/proto/README.md says and calls it."""

from __future__ import annotations

import base64
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import numpy as np

from gk_plugin import arena as layout
from gk_plugin.arrays import message_of
from gk_plugin.certificate import certificate
from gk_plugin._v1 import plugin_pb2 as pb

SEGMENT = 1 << 25
UNARY = {"Describe": pb.Description, "Build": pb.Built, "Trace": pb.Traced, "Attach": pb.Attached, "Bind": pb.Bound, "Release": pb.Released,
         "State": pb.PluginState}


class Failed(Exception):
    """A call failed; it has the Error of the plugin."""

    def __init__(self, error: pb.Error, code: Any = None) -> None:
        super().__init__(f"{error.kind}: {error.where}: {error.msg} ({error.hint})")
        self.error, self.code = error, code


def error_of(e: grpc.RpcError) -> Failed:
    """The Error among the details of a gRPC status."""
    for key, value in e.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            mark = b"type.googleapis.com/gk.plugin.v1.Error"
            at = value.index(mark) + len(mark) + 1
            n = shift = 0
            while True:
                b = value[at]
                n |= (b & 127) << shift
                at, shift = at + 1, shift + 7
                if b < 128:
                    break
            return Failed(pb.Error.FromString(value[at : at + n]), e.code())
    raise e


class Host:
    """A running plugin, seen from gk."""

    def __init__(self, command: Sequence[str], tls: bool = True, env: dict[str, str] | None = None, features: Sequence[str] = ("stream", "shm", "fdbell"),
                 nonblocking: bool = False) -> None:
        self.folder = tempfile.mkdtemp(prefix="gkp")
        self.memory = os.memfd_create("arena")
        os.ftruncate(self.memory, layout.PAGE + SEGMENT)
        self.request, self.reply = os.eventfd(0, os.EFD_NONBLOCK if nonblocking else 0), os.eventfd(0)
        self.leash, self.hold = os.pipe()
        fds = {"leash": self.leash, "arena": self.memory, "request": self.request, "reply": self.reply}
        self.environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "PYTHONPATH", "KERAS_BACKEND", "LANG")}
        self.environment |= {"GK_PLUGIN": "keras-in-go", "PLUGIN_PROTOCOL_VERSIONS": "1", "PLUGIN_UNIX_SOCKET_DIR": self.folder,
                             "GK_PLUGIN_FDS": ",".join(f"{k}:{v}" for k, v in fds.items())}
        key, pem, _ = certificate()
        if tls:
            self.environment["PLUGIN_CLIENT_CERT"] = pem.decode()
        self.environment |= env or {}
        begun = time.perf_counter()
        self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        pass_fds=tuple(fds.values()), start_new_session=True)
        os.close(self.leash)
        self.stderr = b""
        self.drain = threading.Thread(target=self._drain, daemon=True)
        self.drain.start()
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().decode()
        parts = self.line.strip().split("|")
        if len(parts) != 6:
            raise AssertionError(f"got {self.line!r}; stderr: {self.end()}")
        core, version, network, address, kind, cert = parts
        assert (core, version, network, kind) == ("1", "1", "unix", "grpc"), self.line
        self.address = address
        options = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
                   ("grpc.ssl_target_name_override", "localhost"), ("grpc.default_authority", "localhost")]
        if tls:
            import ssl
            theirs = ssl.DER_cert_to_PEM_cert(base64.b64decode(cert + "=" * (-len(cert) % 4))).encode()
            self.channel = grpc.secure_channel(f"unix:{address}", grpc.ssl_channel_credentials(theirs, key, pem), options)
        else:
            self.channel = grpc.insecure_channel(f"unix:{address}", options)
        self.description = self.call("Describe", pb.DescribeRequest(gk_version="1", features=features))
        self.ready = time.perf_counter() - begun
        import mmap
        self.page = mmap.mmap(self.memory, layout.PAGE)
        self.words, self.longs = memoryview(self.page).cast("I"), memoryview(self.page).cast("Q")
        self.words[0] = layout.MAGIC
        self.segment = mmap.mmap(self.memory, SEGMENT, offset=layout.PAGE)
        self.used = 0
        self.attached = False

    # Calls.

    def call(self, method: str, message: Any, timeout: float = 60) -> Any:
        f = self.channel.unary_unary(f"/gk.plugin.v1.Plugin/{method}", lambda m: m.SerializeToString(), UNARY[method].FromString)
        try:
            return f(message, timeout=timeout, wait_for_ready=True)
        except grpc.RpcError as e:
            raise error_of(e) from None

    def _drain(self) -> None:
        assert self.process.stderr is not None
        while data := os.read(self.process.stderr.fileno(), 65536):
            self.stderr += data

    def raw(self, path: str, message: bytes = b"") -> bytes:
        return self.channel.unary_unary(path)(message, timeout=10)  # type: ignore[no-any-return]

    def build(self, kind: str, name: str, config: dict[str, Any] | None = None, inputs: Sequence[Sequence[int | None]] = (), names: Sequence[str] = ()) -> Any:
        q = pb.BuildRequest(kind=pb.Kind.Value(f"KIND_{kind.upper()}"), config=json.dumps(config or {}).encode(), inputs=[message_of(s) for s in inputs], names=names)
        setattr(q, "class", name)
        return self.call("Build", q)

    def trace(self, built: Any, method: str, inputs: Sequence[Sequence[int | None]] = (), training: bool = False, masks: Sequence[Sequence[int] | None] = (),
              arguments: dict[str, Any] | None = None, weight: int = 0) -> Any:
        q = pb.TraceRequest(object=built.object, method=method, inputs=[message_of(s) for s in inputs], training=training,
                            masks=[message_of(m or ()) for m in masks], present=[m is not None for m in masks], weight=weight)
        if arguments:
            q.arguments = json.dumps(arguments).encode()
        return self.call("Trace", q)

    def fill(self, built: Any, weight: int = 0, shape: Sequence[int] = (), seed: int = 1) -> np.ndarray:
        f = self.channel.unary_stream("/gk.plugin.v1.Plugin/Fill", lambda m: m.SerializeToString(), pb.Piece.FromString)
        try:
            return self._tensors(f(pb.FillRequest(object=built.object, weight=weight, shape=message_of(shape), seed=seed), timeout=60))[0]
        except grpc.RpcError as e:
            raise error_of(e) from None

    def _tensors(self, pieces: Iterator[Any]) -> list[np.ndarray]:
        first = next(pieces)
        shapes = [tuple(s.dims) for s in first.tensors]
        data = b"".join(p.data for p in pieces)
        out, at = [], 0
        for s in shapes:
            n = 4 * int(np.prod(s, dtype=int))
            out.append(np.frombuffer(data[at : at + n], "<f4").reshape(s))
            at += n
        assert at == len(data)
        return out

    def stream(self, computation: int, tensors: Sequence[np.ndarray], backward: bool = False, seed: int = 0, step: int = 0) -> list[np.ndarray]:
        """A call with tensors that travel."""
        def pieces() -> Iterator[Any]:
            yield pb.Piece(computation=computation, seed=seed, step=step, tensors=[message_of(t.shape) for t in tensors])
            for t in tensors:
                b = np.ascontiguousarray(t, "<f4").tobytes()
                for i in range(0, len(b), 1 << 20):
                    yield pb.Piece(data=b[i : i + (1 << 20)])
        f = self.channel.stream_stream(f"/gk.plugin.v1.Plugin/{'Backward' if backward else 'Forward'}", lambda m: m.SerializeToString(), pb.Piece.FromString)
        try:
            return self._tensors(f(pieces(), timeout=60))
        except grpc.RpcError as e:
            raise error_of(e) from None

    # Shared memory.

    def place(self, shape: Sequence[int], value: Any = None) -> tuple[np.ndarray, Any]:
        """A tensor in shared memory, and its message."""
        n = 4 * int(np.prod(shape, dtype=int))
        a = np.frombuffer(self.segment, np.float32, n // 4, self.used).reshape(shape)
        a[...] = np.nan if value is None else value
        t = pb.Tensor(shape=message_of(shape), offset=layout.PAGE + self.used)
        self.used += (n + 63) // 64 * 64
        return a, t

    def attach(self) -> None:
        if not self.attached:
            self.call("Attach", pb.AttachRequest(bell="fdbell", segments=[pb.Segment(offset=layout.PAGE, size=SEGMENT)]))
            self.attached = True

    def bind(self, computation: int, tensors: Sequence[Any], results: Sequence[Any], backward: bool = False) -> int:
        self.attach()
        return self.call("Bind", pb.BindRequest(computation=computation, backward=backward, tensors=tensors, results=results)).binding  # type: ignore[no-any-return]

    def ring(self, bindings: Sequence[int], seed: int = 0, step: int = 0, timeout: float = 60) -> None:
        """Runs a batch and waits for it."""
        w = self.words
        w[64] = len(bindings)
        for i, b in enumerate(bindings):
            w[72 + i] = b
        self.longs[33], self.longs[34] = seed, step
        number = w[16] + 1
        w[16] = number
        os.write(self.request, struct.pack("=Q", 1))
        self.wait_reply(timeout)
        assert w[32] == number
        if w[48]:
            raise Failed(pb.Error.FromString(bytes(self.page[2048 : 2048 + w[50]])), w[49])

    def wait_reply(self, timeout: float) -> None:
        import select
        ready, _, _ = select.select([self.reply], [], [], timeout)
        assert ready, f"no answer; stderr: {self.stderr.decode(errors='replace')}"
        os.read(self.reply, 8)

    def run(self, computation: Any, tensors: Sequence[np.ndarray], backward: bool = False, shapes: Sequence[Sequence[int]] = (), seed: int = 0, step: int = 0) -> list[np.ndarray]:
        """One call through shared memory, and the same one through gRPC: both must agree."""
        if not backward:
            shapes = [tuple(s.dims) for s in computation.outputs]
        self.used = 0
        ins = [self.place(t.shape, t) for t in tensors]
        outs = [self.place(s) for s in shapes]
        b = self.bind(computation.id, [m for _, m in ins], [m for _, m in outs], backward)
        self.ring([b], seed, step)
        got = [a.copy() for a, _ in outs]
        self.call("Release", pb.ReleaseRequest(bindings=[b]))
        streamed = self.stream(computation.id, tensors, backward, seed, step)
        assert len(got) == len(streamed)
        for x, y in zip(got, streamed):
            np.testing.assert_array_equal(x, y)
        return got

    # The end.

    def shutdown(self) -> None:
        self.raw("/plugin.GRPCController/Shutdown")

    def end(self) -> str:
        """Ends the process and gives its stderr."""
        if self.process.poll() is None:
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.drain.join(2)
        return self.stderr.decode(errors="replace")

    def close(self) -> str:
        self.channel.close()
        try:
            os.close(self.hold)
        except OSError:
            pass
        text = self.end()
        for fd in (self.memory, self.request, self.reply):
            try:
                os.close(fd)
            except OSError:
                pass
        return text

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def compute(traced: Any) -> Any:
    """The only Compute node of a graph."""
    found = [n.compute for n in traced.nodes if n.op == "Compute"]
    assert len(found) == 1, [n.op for n in traced.nodes]
    return found[0]


def script(path: str) -> list[str]:
    return [sys.executable, path]
