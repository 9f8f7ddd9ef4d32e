"""A plugin in numpy, through its process: every kind, over shared memory and over gRPC."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from host import Failed, Host, compute, script

PLUGIN = os.path.join(os.path.dirname(__file__), "plugins", "numpy_plugin.py")


@pytest.fixture(scope="module")
def host():
    with Host(script(PLUGIN)) as h:
        yield h


def attr(node):
    return json.loads(node.attr or b"{}")


def rng(seed=0):
    return np.random.default_rng(seed)


def test_describe(host):
    d = host.description
    assert (d.name, d.version, d.about, d.sdk, d.threads) == ("acme-test", "1.2.3", "Everything once.", "gk-python 1", 1)
    assert list(d.features) == ["stream", "shm", "fdbell"]
    by = {(c.kind, c.name): c for c in d.classes}
    linear = by[1, "Linear"]
    assert linear.package == "acme" and linear.about == "y = x w + b.\n\nMore about it."
    assert json.loads(linear.defaults) == {"units": 4, "initializer": "glorot_uniform"}
    assert json.loads(linear.example) == {"config": {"units": 3}, "inputs": [[2, 4]]}
    assert {c.kind for c in d.classes} == set(range(1, 9))


def test_layer(host):
    b = host.build("layer", "acme>Linear", {"units": 3, "name": "linear_1", "trainable": True, "dtype": "float32"}, [(None, 4)])
    assert json.loads(b.config) == {"name": "linear_1", "trainable": True, "dtype": "float32", "units": 3, "initializer": "glorot_uniform"}
    assert [(w.name, list(w.shape.dims), w.fixed) for w in b.weights] == [("kernel", [4, 3], False), ("bias", [3], False)]
    assert json.loads(b.weights[0].initializer) == "glorot_uniform"
    assert json.loads(b.weights[0].regularizer) == {"class_name": "L2", "config": {"l2": 0.01}}
    assert json.loads(b.weights[1].initializer) == {"fill": True}
    assert [list(s.dims) for s in b.outputs] == [[-1, 3]]

    described = host.trace(b, "call", [(None, 4)])
    assert list(compute(described).outputs[0].dims) == [-1, 3]
    t = host.trace(b, "call", [(2, 4)], training=True)
    c = compute(t)
    assert (list(c.differentiable), c.needs_inputs, c.needs_outputs) == ([True] * 3, True, False)
    assert host.trace(b, "call", [(2, 4)], training=True) == t, "the answer depends on nothing but the request"

    x, k, bias, dy = (rng().normal(size=s).astype("f4") for s in [(2, 4), (4, 3), (3,), (2, 3)])
    np.testing.assert_allclose(host.run(c, [x, k, bias])[0], x @ k + bias, rtol=1e-6)
    dx, dk, db = host.run(c, [x, k, bias, dy], backward=True, shapes=[(2, 4), (4, 3), (3,)])
    np.testing.assert_allclose(dx, dy @ k.T, rtol=1e-6)
    np.testing.assert_allclose(dk, x.T @ dy, rtol=1e-6)
    np.testing.assert_allclose(db, dy.sum(0), rtol=1e-6)


def test_fill(host):
    b = host.build("layer", "acme>Linear", {"units": 3}, [(None, 4)])
    a = host.fill(b, 1, (3,), seed=7)
    assert a.shape == (3,) and np.ptp(a) > 0
    np.testing.assert_array_equal(a, host.fill(b, 1, (3,), seed=7))
    assert not np.array_equal(a, host.fill(b, 1, (3,), seed=8))
    spread = host.build("initializer", "acme>Spread", {"width": 0.25})
    big = host.fill(spread, 0, (700, 800), seed=1)  # several pieces
    assert big.shape == (700, 800) and abs(big).max() <= 0.25 and abs(big).max() > 0.24
    np.testing.assert_array_equal(host.fill(host.build("initializer", "acme>ramp"), 0, (2, 3)), np.arange(6).reshape(2, 3))


def test_training_state_loss_mask_and_random_numbers(host):
    b = host.build("layer", "acme>Noise", {"rate": 0.25}, [(None, 5, 6)])
    assert [w.fixed for w in b.weights] == [True]
    t = host.trace(b, "call", [(4, 5, 6)], training=True, masks=[(4, 5)], arguments={"scale": 3.0})
    c = compute(t)
    assert [list(s.dims) for s in c.outputs] == [[4, 5, 6], [4, 5, 6], [], []]
    assert list(c.differentiable) == [True, False, False]
    assert [t.nodes[v.node - 1].op for v in getattr(t.nodes[-1], "in")] == ["Input", "Weight", "Mask"]
    assert [(u.weight, u.value.output) for u in t.updates] == [(0, 2)] and [v.output for v in t.losses] == [3] and len(t.outputs) == 2

    x, mask, mean = rng().normal(size=(4, 5, 6)).astype("f4"), (rng(1).random((4, 5)) < 0.5).astype("f4"), np.float32(2)
    y, z, new, loss = host.run(c, [x, mean, mask], seed=5, step=9)
    np.testing.assert_array_equal(z, -y)
    np.testing.assert_allclose(new, 1.8 + 0.1 * x.mean(), rtol=1e-6)
    np.testing.assert_allclose(loss, np.square(x).mean(), rtol=1e-6)
    keep = (y != 0) | (x == 0)
    assert not keep[mask == 0].any() and 0.6 < keep[mask == 1].mean() < 0.9
    again, other = (host.run(c, [x, mean, mask], seed=5, step=s)[0] for s in (9, 10))
    assert np.array_equal(y, again) and not np.array_equal(y, other)

    dy, dz = (rng(i).normal(size=x.shape).astype("f4") for i in (2, 3))
    d = [dy, dz, np.float32(0), np.float32(0.5)]
    (dx,) = host.run(c, [x, mean, mask, *d], backward=True, shapes=[x.shape], seed=5, step=9)
    np.testing.assert_allclose(dx, (dy - dz) * 3 * keep * mask[..., None] + x / x.size, rtol=1e-5)

    # Inference: no update and no loss, though the function gives them.
    c = compute(host.trace(b, "call", [(4, 5, 6)]))
    assert len(c.outputs) == 2
    np.testing.assert_array_equal(host.run(c, [x, mean])[0], x)


def test_another_config_has_other_random_numbers(host):
    x, y = np.ones((64, 8), "f4"), []
    for config in ({"rate": 0.5, "name": "a"}, {"rate": 0.5, "name": "b"}):
        b = host.build("layer", "acme>Noise", config, [(None, 8)])
        y.append(host.run(compute(host.trace(b, "call", [x.shape], training=True)), [x, np.float32(0)], seed=1, step=2)[0])
    assert not np.array_equal(*y)


def test_gradient_from_outputs(host):
    b = host.build("layer", "acme>TanhOfOutput", {}, [(None, 3)])
    c = compute(host.trace(b, "call", [(2, 3)]))
    assert (list(c.differentiable), c.needs_inputs, c.needs_outputs) == ([True], False, True)
    y, dy = np.float32([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), np.ones((2, 3), "f4")
    np.testing.assert_allclose(host.run(c, [y, dy], backward=True, shapes=[(2, 3)])[0], 1 - y * y, rtol=1e-6)


def test_no_gradient(host):
    c = compute(host.trace(host.build("layer", "acme>NoGradient", {}, [(None, 3)]), "call", [(1, 3)]))
    assert list(c.differentiable) == []
    np.testing.assert_array_equal(host.run(c, [np.float32([[3, 1, 2]])])[0], [[1, 2, 0]])
    with pytest.raises(Failed, match="has no gradient"):
        host.stream(c.id, [np.zeros((1, 3)), np.zeros((1, 3))], backward=True)


def test_traced_layer(host):
    b = host.build("layer", "acme>Rational", {"width": 2}, [(None, 3)])
    np.testing.assert_array_equal(host.fill(b, 1, (3, 2)), np.arange(6).reshape(3, 2))
    assert [list(s.dims) for s in b.outputs] == [[-1, 2]]
    t = host.trace(b, "call", [(4, 3)], training=True, masks=[(4,)])
    ops = [n.op for n in t.nodes]
    assert ops.count("Compute") == 0 and ops[0] == "Input"
    for i, n in enumerate(t.nodes):
        assert all(v.node <= i for v in getattr(n, "in")), "a node stands after those that it reads"
    assert t.nodes[t.outputs[0].node - 1].op == "MatMul" and attr(t.nodes[t.outputs[0].node - 1]) == {"trans_a": False, "trans_b": False}
    assert [u.weight for u in t.updates] == [2] and len(t.losses) == 1
    assert t.has_masks and t.nodes[t.masks[0].node - 1].op == "Mask"
    without = host.trace(b, "call", [(4, 3)])
    assert without.has_masks and without.masks[0].node == 0


def test_activations(host):
    x, dy = np.float32([[-1, 2, 3]]), np.float32([[1, 2, 3]])
    c = compute(host.trace(host.build("activation", "acme>squared"), "call", [(1, 3)]))
    np.testing.assert_array_equal(host.run(c, [x])[0], x * x)
    np.testing.assert_array_equal(host.run(c, [x, dy], backward=True, shapes=[(1, 3)])[0], 2 * x * dy)
    b = host.build("activation", "acme>Scaled", {"by": 3})
    assert json.loads(b.config) == {"by": 3}
    c = compute(host.trace(b, "call", [(1, 3)]))
    np.testing.assert_array_equal(host.run(c, [x])[0], 3 * x)
    np.testing.assert_array_equal(host.run(c, [x, dy], backward=True, shapes=[(1, 3)])[0], 3 * dy)
    t = host.trace(host.build("activation", "acme>leaky"), "call", [(1, 3)])
    assert [n.op for n in t.nodes] == ["Input", "Const", "greater", "Const", "mul", "select"]


def test_regularizers_and_constraints(host):
    w = np.float32([[-1, 2], [3, -4]])
    c = compute(host.trace(host.build("regularizer", "acme>absolute"), "penalty", [(2, 2)]))
    assert host.run(c, [w])[0] == 10
    np.testing.assert_array_equal(host.run(c, [w, np.float32(2)], backward=True, shapes=[(2, 2)])[0], 2 * np.sign(w))
    t = host.trace(host.build("regularizer", "acme>Traced"), "penalty", [(2, 2)])
    assert [n.op for n in t.nodes] == ["Input", "square", "Sum", "Reshape"] and attr(t.nodes[2]) == {"first": 0, "end": 2}
    assert attr(t.nodes[3]) == {"shape": []}
    c = compute(host.trace(host.build("constraint", "acme>positive"), "project", [(2, 2)]))
    np.testing.assert_array_equal(host.run(c, [w])[0], np.maximum(w, 0))


def test_losses(host):
    y, p = (rng(i).normal(size=(4, 3)).astype("f4") for i in (1, 2))
    b = host.build("loss", "acme>mse", {"name": "mse", "reduction": "sum"})
    assert json.loads(b.config) == {"name": "mse", "reduction": "sum"}
    c = compute(host.trace(b, "call", [(4, 3), (4, 3)]))
    assert list(c.differentiable) == [False, True]
    np.testing.assert_allclose(host.run(c, [y, p])[0], np.square(y - p).mean(-1), rtol=1e-6)
    d = np.float32([1, 2, 3, 4])
    np.testing.assert_allclose(host.run(c, [y, p, d], backward=True, shapes=[(4, 3)])[0], d[:, None] * 2 * (p - y) / 3, rtol=1e-6)
    assert not host.trace(b, "mask", [(4, 3), (4,)]).outputs
    b = host.build("loss", "acme>TracedLoss")
    assert [n.op for n in host.trace(b, "call", [(4, 3), (4, 3)]).nodes] == ["Input", "Input", "sub", "abs", "Mean", "Reshape"]
    assert len(host.trace(b, "mask", [(4, 3), (4,)]).outputs) == 1


def test_metrics(host):
    y, p, w = np.zeros((4, 2), "f4"), np.float32([[0, 0], [1, 0], [0.2, 0.1], [0, 9]]), np.float32([1, 2, 3, 4])
    b = host.build("metric", "acme>close", {}, [(None, 2), (None, 2)])
    assert [x.name for x in b.weights] == ["total", "count"]
    t = host.trace(b, "update", [(4, 2), (4, 2)])
    assert [u.weight for u in t.updates] == [0, 1] and not t.outputs
    np.testing.assert_array_equal(host.run(compute(t), [y, p, np.float32(1), np.float32(2)]), [3, 6])
    t = host.trace(b, "update", [(4, 2), (4, 2), (4,)])
    np.testing.assert_array_equal(host.run(compute(t), [y, p, w, np.float32(0), np.float32(0)]), [4, 10])
    assert host.run(compute(host.trace(b, "result")), [np.float32(4), np.float32(10)])[0] == np.float32(0.4)
    b = host.build("metric", "acme>Largest", {}, [(None, 2), (None, 2)])
    assert host.run(compute(host.trace(b, "update", [(4, 2), (4, 2)])), [y, p, np.float32(3)])[0] == 9


def test_optimizers(host):
    b = host.build("optimizer", "acme>Momentum", {"learning_rate": 0.1, "momentum": 0.5}, [(2,), (3, 2)], ["dense/bias", "dense/kernel"])
    assert [w.name for w in b.weights] == ["dense_bias_velocity", "dense_kernel_velocity"]
    assert json.loads(b.weights[0].initializer) == {"class_name": "Constant", "config": {"value": 0.01}}
    t = host.trace(b, "update", [(3, 2), (), ()], weight=1)
    assert [attr(n) for n in t.nodes if n.op == "Weight"] == [{"index": 3}, {"index": 1}]
    assert [u.weight for u in t.updates] == [1, 3]
    w, grad, v = (rng(i).normal(size=(3, 2)).astype("f4") for i in (1, 2, 3))
    new, kept = host.run(compute(t), [w, grad, np.float32(0.1), np.float32(7), v])
    np.testing.assert_allclose(kept, 0.5 * v - 0.1 * grad, rtol=1e-6)
    np.testing.assert_allclose(new, w + kept, rtol=1e-6)
    assert not host.trace(b, "finish", [(), ()]).updates
    b = host.build("optimizer", "acme>TracedSGD", {}, [(2,), (3, 2)], ["a", "b"])
    assert [u.weight for u in host.trace(b, "update", [(2,), (), ()], weight=0).updates] == [0]
    assert [u.weight for u in host.trace(b, "finish", [(), ()]).updates] == [0, 1]


def test_batches(host):
    """Several calls with one ring, the results of one being the inputs of the next."""
    square = compute(host.trace(host.build("activation", "acme>squared"), "call", [(2, 3)]))
    double = compute(host.trace(host.build("activation", "acme>Scaled"), "call", [(2, 3)]))
    host.used = 0
    (x, a), (y, b), (z, c) = host.place((2, 3), 3), host.place((2, 3)), host.place((2, 3))
    first, second = host.bind(square.id, [a], [b]), host.bind(double.id, [b], [c])
    host.ring([first, second])
    assert (z == 18).all()
    x[:] = 1
    host.ring([first, second] * 128)
    assert (z == 2).all()
    from gk_plugin._v1 import plugin_pb2 as pb

    with pytest.raises(Failed, match="there is no binding 4000") as e:
        host.ring([first, 4000, second])
    assert e.value.code == 1
    state = host.call("State", pb.StateRequest())
    assert state.bindings == 2 and state.calls >= 256 and state.memory > 1 << 20 and state.objects > 0
    host.call("Release", pb.ReleaseRequest(bindings=[first, second], computations=[square.id]))
    assert host.call("State", pb.StateRequest()).bindings == 0
    with pytest.raises(Failed, match="there is no computation"):
        host.bind(square.id, [a], [b])


def test_empty_tensors(host):
    c = compute(host.trace(host.build("activation", "acme>squared"), "call", [(0, 3)]))
    assert host.run(c, [np.zeros((0, 3), "f4")])[0].shape == (0, 3)


@pytest.mark.parametrize(
    "how, kind, text",
    [
        ("shape", "ErrShapeMismatch", "got shape (1, 3), want (2, 3)"),
        ("many", "ErrPluginContract", "got 2 results, want 1"),
        ("complex", "ErrWrongType", "got numbers of type complex"),
        ("index", "ErrPlugin", "numpy_plugin.py:"),
        ("write", "ErrPlugin", "read-only [numpy_plugin.py:"),
        ("exit", "ErrPlugin", "SystemExit"),
        ("long", "ErrPlugin", "ä"),
    ],
)
def test_faults_of_the_author(host, how, kind, text):
    c = compute(host.trace(host.build("layer", "acme>Faulty", {"how": how}, [(None, 3)]), "call", [(2, 3)]))
    x = np.zeros((2, 3), "f4")
    with pytest.raises(Failed) as streamed:
        host.stream(c.id, [x])
    with pytest.raises(Failed) as rung:
        host.used = 0
        host.ring([host.bind(c.id, [host.place((2, 3), x)[1]], [host.place((2, 3))[1]])])
    for e in (streamed.value.error, rung.value.error):
        assert e.kind == kind and text in e.msg and len(e.msg) < 600
        assert e.where == "Faulty.forward" or how == "exit"
    with pytest.raises(Failed, match="got 2 gradients, want 1"):
        host.stream(c.id, [x, x], backward=True)


def test_mistakes_in_configs(host):
    for config, where, text in [
        ({"units": -3}, "units", "got -3, want > 0"),
        ({"unit": 3}, "unit", "acme>Linear has no such setting"),
        ({"units": "x"}, "", "TypeError"),
    ]:
        with pytest.raises(Failed) as e:
            host.build("layer", "acme>Linear", config, [(None, 4)])
        assert (e.value.error.kind, e.value.error.where) == ("ErrLayerConfig", where) and text in e.value.error.msg
        assert e.value.code.name == "INVALID_ARGUMENT"
    with pytest.raises(Failed, match="did you mean units"):
        host.build("layer", "acme>Linear", {"unit": 3}, [(None, 4)])
    with pytest.raises(Failed, match="ErrUnknownLayer"):
        host.build("layer", "acme>Missing")
    with pytest.raises(Failed, match="want known sizes"):
        host.build("layer", "acme>Linear", {}, [(None, None)])


def test_contract_from_the_other_side(host):
    from gk_plugin._v1 import plugin_pb2 as pb

    host.attach()
    c = compute(host.trace(host.build("activation", "acme>squared"), "call", [(2, 3)]))
    for shape, offset in [((2, 3), 1 << 40), ((2, 3), 4096 + 4), ((1 << 40,), 4096), ((-1, 3), 4096), ((2, 3), 0)]:
        with pytest.raises(Failed):
            host.bind(c.id, [pb.Tensor(shape=pb.Shape(dims=shape), offset=offset)], [])
    for segment in [(0, 1 << 40), (5, 4096), (1 << 50, 4096), (4096, 0)]:
        with pytest.raises(Failed):
            host.call("Attach", pb.AttachRequest(bell="fdbell", segments=[pb.Segment(offset=segment[0], size=segment[1])]))
    with pytest.raises(Failed, match="got bell"):
        host.call("Attach", pb.AttachRequest(bell="futex"))
    with pytest.raises(Failed, match="there is no object"):
        host.call("Trace", pb.TraceRequest(object=99999, method="call"))
    with pytest.raises(Failed, match="not JSON"):
        host.call("Build", pb.BuildRequest(kind=2, **{"class": "acme>Scaled"}, config=b"{"))
    with pytest.raises(Failed, match="no such method"):
        host.trace(host.build("activation", "acme>squared"), "fly", [(2,)])
