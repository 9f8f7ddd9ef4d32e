"""The process: start, end, and what happens when somebody runs it by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from host import Failed, Host, compute, script

HERE = os.path.dirname(__file__)
PLUGIN = os.path.join(HERE, "plugins", "numpy_plugin.py")


def write(tmp_path, text, name="one.py"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


SMALL = """
import gk_plugin
{extra}
@gk_plugin.activation(package="t")
def act(x):
    {body}
    return x
if __name__ == "__main__":
    gk_plugin.serve()
"""


def gone(h, seconds=2.0):
    """Waits for the end; nothing may be left in the folder of the socket."""
    status = h.process.wait(seconds)
    assert os.listdir(h.folder) == []
    return status


def test_shutdown():
    with Host(script(PLUGIN)) as h:
        assert h.raw("/grpc.health.v1.Health/Check", b"\n\x06plugin") == b"\x08\x01"
        h.shutdown()
        assert gone(h) == 0


def test_leash():
    with Host(script(PLUGIN)) as h:
        os.close(h.hold)
        assert gone(h) == 0
        h.hold = os.open(os.devnull, os.O_RDONLY)


def test_leash_in_the_middle_of_a_call(tmp_path):
    with Host(script(write(tmp_path, SMALL.format(extra="", body="while True: pass")))) as h:
        c = compute(h.trace(h.build("activation", "t>act"), "call", [(2,)]))
        b = h.bind(c.id, [h.place((2,))[1]], [h.place((2,))[1]])
        with pytest.raises(AssertionError):
            h.ring([b], timeout=0)
    assert h.process.returncode == 0


def test_signals():
    with Host(script(PLUGIN)) as h:
        os.kill(h.process.pid, signal.SIGINT)
        time.sleep(0.1)
        assert h.build("activation", "acme>squared").object > 0
        os.kill(h.process.pid, signal.SIGTERM)
        assert gone(h) == 0


def test_stdout_belongs_to_the_handshake(tmp_path):
    text = SMALL.format(extra="import os, subprocess; print('early'); os.system('echo child')", body="print('late'); os.write(1, b'raw')")
    with Host(script(write(tmp_path, text))) as h:
        c = compute(h.trace(h.build("activation", "t>act"), "call", [(2,)]))
        np.testing.assert_array_equal(h.run(c, [np.float32([1, 2])])[0], [1, 2])
        h.shutdown()
        gone(h)
        assert h.process.stdout.read() == b""
    err = h.stderr.decode()
    for word in ("early", "child", "late", "raw"):
        assert word in err


def test_without_tls():
    with Host(script(PLUGIN), tls=False) as h:
        assert h.line.endswith("|grpc|\n") and h.description.name == "acme-test"


def test_strangers_are_not_let_in():
    import grpc

    from gk_plugin.certificate import certificate

    with Host(script(PLUGIN)) as h:
        key, pem, _ = certificate()
        for credentials in (grpc.ssl_channel_credentials(pem, key, pem), grpc.ssl_channel_credentials(pem)):
            with grpc.secure_channel(f"unix:{h.address}", credentials, [("grpc.ssl_target_name_override", "localhost")]) as channel:
                with pytest.raises(grpc.RpcError):
                    channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=2)


def test_without_shared_memory():
    with Host(script(PLUGIN), features=["stream", "shm", "futex"]) as h:
        assert list(h.description.features) == ["stream", "shm"]
        c = compute(h.trace(h.build("activation", "acme>squared"), "call", [(700, 800)]))
        x = np.arange(560_000, dtype="f4").reshape(700, 800)
        np.testing.assert_array_equal(h.stream(c.id, [x])[0], x * x)


def test_a_bell_that_does_not_block():
    with Host(script(PLUGIN), nonblocking=True) as h:
        c = compute(h.trace(h.build("activation", "acme>squared"), "call", [(2,)]))
        for i in range(3):
            np.testing.assert_array_equal(h.run(c, [np.float32([i, 2])])[0], [i * i, 4])


def test_calls_of_one_stream():
    """Several calls may share a stream."""
    from gk_plugin._v1 import plugin_pb2 as pb

    with Host(script(PLUGIN)) as h:
        c = compute(h.trace(h.build("activation", "acme>squared"), "call", [(2,)]))
        f = h.channel.stream_stream("/gk.plugin.v1.Plugin/Forward", lambda m: m.SerializeToString(), pb.Piece.FromString)
        sent = []
        for i in range(3):
            sent += [pb.Piece(computation=c.id, tensors=[pb.Shape(dims=[2])]), pb.Piece(data=np.float32([i, 3]).tobytes())]
        got = [p.data for p in f(iter(sent), timeout=10) if p.data]
        assert got == [np.float32([i * i, 9]).tobytes() for i in range(3)]
        with pytest.raises(Exception, match="end too early"):
            list(f(iter(sent[:-1]), timeout=10))


@pytest.mark.parametrize("command", [[PLUGIN], ["-m", "gk_plugin", "serve", PLUGIN]])
def test_by_hand(command):
    r = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=30)
    assert r.returncode == 1
    assert "acme-test 1.2.3 is a plugin for gk" in r.stderr and "layer        acme>Linear  y = x w + b." in r.stderr
    assert f"gk plugin verify {PLUGIN}" in r.stderr


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "gk_plugin", *arguments], capture_output=True, text=True, timeout=60)


def test_describe_and_targets(tmp_path):
    r = command("serve", "--describe", PLUGIN)
    assert r.returncode == 0 and "acme-test 1.2.3" in r.stdout and "layer acme>Noise\n" in r.stdout and '"rate": 0.5' in r.stdout
    r = command("serve", "--describe", f"{PLUGIN}:squared", "--name", "other")
    assert "other 1.2.3\n  activation   acme>squared  x^2.\n" in r.stdout and "Linear" not in r.stdout
    r = command("serve", f"{PLUGIN}:Missing")
    assert r.returncode == 1 and "there is no Missing in it" in r.stderr
    r = command("serve", str(tmp_path / "missing.py"))
    assert r.returncode == 1 and "there is no such file" in r.stderr


def test_script(tmp_path):
    """gk-plugin script writes a program that gk can start."""
    out = str(tmp_path / "my-plugin")
    assert command("script", out, f"{PLUGIN}:squared", "--name", "mine").returncode == 0
    with Host([out]) as h:
        assert h.description.name == "mine" and [c.name for c in h.description.classes] == ["squared"]


def test_as_gk_starts_it():
    with Host([sys.executable, "-m", "gk_plugin", "serve", PLUGIN]) as h:
        assert h.description.name == "acme-test" and len(h.description.classes) == 20


def test_a_plugin_that_cannot_be_imported(tmp_path):
    path = write(tmp_path, "import gk_plugin\nraise RuntimeError('broken on import')\n")
    r = subprocess.run([sys.executable, "-m", "gk_plugin", "serve", path], capture_output=True, text=True, timeout=30, env=os.environ | {"GK_PLUGIN": "keras-in-go"})
    assert r.returncode == 1 and r.stdout == "" and "broken on import" in r.stderr


def test_errors_reach_stderr(tmp_path):
    with Host(script(write(tmp_path, SMALL.format(extra="", body="raise ValueError('no good')")))) as h:
        c = compute(h.trace(h.build("activation", "t>act"), "call", [(2,)]))
        with pytest.raises(Failed, match=r"act.act: no good \[one.py:\d+\]"):
            h.stream(c.id, [np.zeros(2)])
        h.shutdown()
    assert "ValueError: no good" in h.stderr.decode()


def test_many_calls_leak_nothing():
    with Host(script(PLUGIN)) as h:
        c = compute(h.trace(h.build("activation", "acme>squared"), "call", [(32, 8)]))
        b = h.bind(c.id, [h.place((32, 8), 1)[1]], [h.place((32, 8))[1]])
        from gk_plugin._v1 import plugin_pb2 as pb

        def memory():
            return h.call("State", pb.StateRequest()).memory

        h.ring([b] * 256)
        before, fds = memory(), len(os.listdir(f"/proc/{h.process.pid}/fd"))
        for i in range(40):
            h.ring([b] * 256, step=i)
            o = h.build("activation", "acme>squared")
            t = compute(h.trace(o, "call", [(32, 8)]))
            h.call("Release", pb.ReleaseRequest(objects=[o.object], computations=[t.id]))
        assert memory() - before < 4 << 20
        assert len(os.listdir(f"/proc/{h.process.pid}/fd")) == fds
        state = h.call("State", pb.StateRequest())
        assert (state.objects, state.computations, state.bindings) == (1, 1, 1)


def test_certificate():
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from gk_plugin.certificate import certificate

    key, pem, der = certificate()
    c = x509.load_der_x509_certificate(der)
    assert c == x509.load_pem_x509_certificate(pem)
    c.verify_directly_issued_by(c)
    names = c.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    usage = c.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.key_cert_sign and not usage.key_agreement
    assert c.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    loaded = serialization.load_pem_private_key(key, None)
    assert loaded.public_key() == c.public_key()
