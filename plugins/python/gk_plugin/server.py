"""The process of a plugin: the handshake with gk, TLS, the gRPC server, and the end."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from . import started
from ._v1 import plugin_pb2 as pb
from .arena import wait_readable
from .certificate import certificate
from .errors import PluginError, from_exception, mendable
from .served import About, Class, about
from .service import Service, report

PROTOCOL = 1
MAX_MESSAGE = 64 << 20


def run(classes: Sequence[Class], path: str, name: str = "", version: str = "", threads: int = 1, summary: str = "") -> NoReturn:
    """Serves classes to gk and ends the process. path is where the plugin is, for people."""
    said = about("", threads)
    said.name = plugin_name(name or said.name or default_name(path))
    said.version = version or said.version
    said.about = said.about or summary or _about_of_main() or f"Classes of {os.path.basename(path)}."
    if not started.by_gk():
        explain(classes, said, path)
        sys.exit(1)
    try:
        Process(Service(classes, said, descriptors(os.environ.pop("GK_PLUGIN_FDS", "")))).serve()
    except BaseException as e:
        report(e)
        leave(1)
    leave(0)


def _about_of_main() -> str:
    """The first line of the documentation of the author's program."""
    doc = getattr(sys.modules.get("__main__"), "__doc__", None)
    return doc.strip().split("\n")[0] if doc and getattr(sys.modules["__main__"], "__package__", None) != "gk_plugin" else ""


def default_name(path: str) -> str:
    """What a plugin is called that says nothing: as its file, or as its folder if that is plugin.py."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if stem == "plugin" else stem


def plugin_name(name: str) -> str:
    """A name as the protocol has it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or "plugin"


def descriptors(text: str) -> dict[str, int]:
    """What was passed to this process: arena:3,request:4,reply:5,leash:6."""
    found = {}
    for part in text.split(","):
        name, _, number = part.partition(":")
        if number.isdigit() and int(number) > 2:
            found[name] = int(number)
            try:
                os.set_inheritable(int(number), False)
            except OSError:
                del found[name]
    return found


def table(classes: Sequence[Class]) -> str:
    """What a plugin provides, for people."""
    lines = []
    for c in classes:
        summary = c.about.strip().split("\n")[0] if c.about else ""
        lines.append(f"  {c.kind:12} {c.full_name}  {summary}".rstrip())
    return "\n".join(lines) or "  nothing"


def explain(classes: Sequence[Class], said: About, path: str) -> None:
    """Says what the program is and how it is used, to whoever ran it by hand."""
    lines = [f"{said.name} {said.version} is a plugin for gk, Keras in Go: gk starts it by itself.", said.about, ""]
    lines += ["It provides", table(classes), "", f"Try it out:      gk plugin verify {path}"]
    lines += [f"For one command: gk train model.json --plugin {path}", f"For good:        gk plugin install {path}"]
    print("\n".join(line for i, line in enumerate(lines) if line or i != 1), file=sys.stderr)


_socket = ""


def leave(status: int) -> NoReturn:
    """Ends the process at once, whatever its threads do."""
    if _socket:
        try:
            os.unlink(_socket)
        except OSError:
            pass
    try:
        sys.stderr.flush()
    finally:
        os._exit(status)


def _details(e: PluginError, code: int) -> bytes:
    """A google.rpc.Status with the error among its details, as gRPC carries it."""

    def field(number: int, data: bytes) -> bytes:
        n, length = len(data), b""
        while n > 127:
            length += bytes([n & 127 | 128])
            n >>= 7
        return bytes([number << 3 | 2]) + length + bytes([n]) + data

    any_ = field(1, b"type.googleapis.com/gk.plugin.v1.Error") + field(2, e.encode())
    return bytes([1 << 3, code]) + field(2, e.msg.encode("utf-8", "replace")) + field(3, any_)


class Process:
    """A plugin at work."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.over = threading.Event()

    def serve(self) -> None:
        """Serves until gk says that it is enough."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: leave(0))
        if "leash" in self.service.fds:
            threading.Thread(target=self._hold, args=(self.service.fds["leash"],), name="gk-leash", daemon=True).start()
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
        import grpc

        self.grpc = grpc
        server = grpc.server(
            ThreadPoolExecutor(max_workers=8, thread_name_prefix="gk-rpc"),
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                ("grpc.max_send_message_length", MAX_MESSAGE),
                ("grpc.so_reuseport", 0),
            ],
        )
        server.add_generic_rpc_handlers(self._handlers())
        network, address, der = self._listen(server)
        server.start()
        # Of the versions that gk speaks ours is the highest common one, or there is none, which gk then says.
        started.say(f"1|{PROTOCOL}|{network}|{address}|grpc|{base64.b64encode(der).decode().rstrip('=')}")
        self.over.wait()
        server.stop(0.2).wait(1)

    def _listen(self, server: Any) -> tuple[str, str, bytes]:
        global _socket
        credentials, der = None, b""
        client = os.environ.pop("PLUGIN_CLIENT_CERT", "")
        if client:
            key, pem, der = certificate()
            credentials = self.grpc.ssl_server_credentials([(key, pem)], client.encode(), require_client_auth=True)
        if sys.platform == "win32":
            if credentials is None:
                raise PluginError("got no certificate of gk's, want one where others can connect")
            port = server.add_secure_port("127.0.0.1:0", credentials)
            return "tcp", f"127.0.0.1:{port}", der
        folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or os.environ.get("TMPDIR") or "/tmp"
        path = os.path.join(folder, f"plugin-{os.getpid()}-{os.urandom(4).hex()}")
        if credentials is None:
            server.add_insecure_port(f"unix:{path}")
        else:
            server.add_secure_port(f"unix:{path}", credentials)
        _socket = path
        return "unix", path, der

    def _hold(self, leash: int) -> None:
        """gk holds the other end of the leash."""
        try:
            while wait_readable(leash):
                pass
        except OSError:
            pass
        leave(0)

    # How calls travel.

    def _fails(self, context: Any, e: BaseException) -> NoReturn:
        report(e)
        error = from_exception(e, "").short()
        code = self.grpc.StatusCode.INVALID_ARGUMENT if mendable(error.kind) else self.grpc.StatusCode.INTERNAL
        context.set_trailing_metadata((("grpc-status-details-bin", _details(error, code.value[0])),))
        context.abort(code, error.msg)
        raise AssertionError("abort returns")

    def _unary(self, call: Callable[[Any], Any], request: Any) -> Any:
        def handler(message: Any, context: Any) -> Any:
            try:
                return call(message)
            except BaseException as e:
                self._fails(context, e)

        return self.grpc.unary_unary_rpc_method_handler(handler, request.FromString, lambda m: m.SerializeToString())

    def _fill(self, message: pb.FillRequest, context: Any) -> Iterator[pb.Piece]:
        try:
            yield from self.service.fill(message)
        except GeneratorExit:
            raise
        except BaseException as e:
            self._fails(context, e)

    def _travel(self, backward: bool) -> Callable[[Iterable[pb.Piece], Any], Iterator[pb.Piece]]:
        def handler(pieces: Iterable[pb.Piece], context: Any) -> Iterator[pb.Piece]:
            try:
                yield from self.service.travel(pieces, backward)
            except GeneratorExit:
                raise
            except BaseException as e:
                if context.is_active():
                    self._fails(context, e)

        return handler

    def _bell(self) -> None:
        service = self.service
        assert service.arena is not None
        args = (service.fds["request"], service.fds["reply"], service.run_batch)
        threading.Thread(target=service.arena.listen, args=args, name="gk-bell", daemon=True).start()

    def _handlers(self) -> tuple[Any, ...]:
        grpc, s = self.grpc, self.service

        def encode(m: Any) -> Any:
            return m.SerializeToString()

        plugin = {
            "Describe": self._unary(s.describe, pb.DescribeRequest),
            "Build": self._unary(s.build, pb.BuildRequest),
            "Trace": self._unary(s.trace, pb.TraceRequest),
            "Fill": grpc.unary_stream_rpc_method_handler(self._fill, pb.FillRequest.FromString, encode),
            "Attach": self._unary(lambda m: s.attach(m, self._bell), pb.AttachRequest),
            "Bind": self._unary(s.bind, pb.BindRequest),
            "Forward": grpc.stream_stream_rpc_method_handler(self._travel(False), pb.Piece.FromString, encode),
            "Backward": grpc.stream_stream_rpc_method_handler(self._travel(True), pb.Piece.FromString, encode),
            "Release": self._unary(s.release, pb.ReleaseRequest),
            "State": self._unary(s.state, pb.StateRequest),
        }
        return (
            grpc.method_handlers_generic_handler("gk.plugin.v1.Plugin", plugin),
            *self._go_plugin(),
        )

    def _go_plugin(self) -> tuple[Any, ...]:
        """The services of go-plugin around ours. Their messages are so small that their bytes stand here."""
        grpc = self.grpc

        def check(request: bytes, context: Any) -> bytes:
            if request not in (b"", b"\n\x00", b"\n\x06plugin"):
                context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
            return b"\x08\x01"  # SERVING

        def watch(request: bytes, context: Any) -> Iterator[bytes]:
            yield check(request, context)
            self.over.wait()

        def shutdown(request: bytes, context: Any) -> bytes:
            # Should the answer or an open call hang, the process ends all the same.
            timer = threading.Timer(1.5, leave, (0,))
            timer.daemon = True
            timer.start()
            self.over.set()
            return b""

        def nothing(request: Any, context: Any) -> Iterator[bytes]:
            return iter(())

        return (
            grpc.method_handlers_generic_handler(
                "grpc.health.v1.Health",
                {"Check": grpc.unary_unary_rpc_method_handler(check), "Watch": grpc.unary_stream_rpc_method_handler(watch)},
            ),
            grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)}),
            grpc.method_handlers_generic_handler("plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(nothing)}),
            grpc.method_handlers_generic_handler("plugin.GRPCBroker", {"StartStream": grpc.stream_stream_rpc_method_handler(nothing)}),
        )
