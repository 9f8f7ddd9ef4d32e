"""Existing Keras classes through the process, against the same classes run by Keras here."""

from __future__ import annotations

import importlib.util
import json
import os
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.keras

keras = pytest.importorskip("keras", minversion="3.0")

from host import Failed, Host, compute  # noqa: E402

PLUGIN = os.path.join(os.path.dirname(__file__), "plugins", "keras_plugin.py")
BACKENDS = [b for b in ("jax", "tensorflow", "torch") if importlib.util.find_spec(b)]
BACKENDS = os.environ.get("GK_TEST_BACKENDS", " ".join(BACKENDS)).split()

sys.path.insert(0, os.path.dirname(PLUGIN))
import keras_plugin as theirs  # noqa: E402


@pytest.fixture(scope="module", params=BACKENDS)
def host(request):
    with Host([sys.executable, "-m", "gk_plugin", "serve", PLUGIN], env={"KERAS_BACKEND": request.param}) as h:
        h.backend = request.param
        yield h


def rng(seed=0):
    return np.random.default_rng(seed)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


def numpy(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


def weights_of(host, b):
    return [host.fill(b, i, list(w.shape.dims), seed=3) for i, w in enumerate(b.weights)]


def restored(layer, x, weights):
    """A layer with weights in the order of the plugin."""
    if not layer.built:
        layer(*[keras.KerasTensor((None, *a.shape[1:])) for a in x])
    for v, w in zip(layer.trainable_weights + layer.non_trainable_weights, weights):
        v.assign(w)
    return layer


def test_describe(host):
    by = {(c.kind, c.package, c.name): c for c in host.description.classes}
    plain = by[1, "", "Plain"]
    assert host.description.name == "keras-plugin" and host.description.about.startswith("Layers as people write them for Keras")
    assert list(plain.aliases) == ["Custom>Plain"] and plain.module == "keras_plugin"
    assert json.loads(plain.defaults) == {"units": 3, "scale": 1.5}
    assert json.loads(plain.example) == {"config": {"units": 3, "scale": 1.5}, "inputs": [[2, 4]]}
    block = by[1, "acme", "Block"]
    assert not block.aliases and block.about == "Sub-layers, dropout, a batch normalisation, a loss."
    assert json.loads(by[1, "acme", "Both"].example)["inputs"] == [[2, 4], [2, 4]]
    assert {(k, n) for k, _, n in by} >= {(2, "swishy"), (3, "Wide"), (4, "Quartic"), (5, "Unit"), (7, "Power"), (7, "far"), (8, "far"), (8, "Farthest")}
    assert host.description.threads > 0


def test_layer_of_its_own_weights(host):
    config = {"name": "plain_7", "trainable": True, "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None},
              "units": 2, "scale": 0.5}
    b = host.build("layer", "Plain", config, [(None, 4)])
    got = json.loads(b.config)
    assert got["units"] == 2 and got["scale"] == 0.5 and got["name"] == "plain_7"
    # Trained ones first, as in legacy files.
    assert [(w.name, list(w.shape.dims), w.fixed, w.group) for w in b.weights] == [("w", [4, 2], False, ""), ("b", [2], False, ""), ("count", [], True, "")]
    assert all(json.loads(w.initializer) == {"fill": True} for w in b.weights)
    assert json.loads(b.weights[0].regularizer)["class_name"] == "L2" and json.loads(b.weights[0].constraint)["class_name"] == "NonNeg"
    assert [list(s.dims) for s in b.outputs] == [[-1, 2]]

    w, bias, count = weights_of(host, b)
    limit = np.sqrt(6 / 6)
    assert 0 < abs(w).max() <= limit and count == 0 and 0 < abs(bias).max() < 0.5
    np.testing.assert_array_equal(w, host.fill(b, 0, (4, 2), seed=3))
    assert not np.array_equal(w, host.fill(b, 0, (4, 2), seed=4))

    x, dy = rng().normal(size=(5, 4)).astype("f4"), rng(1).normal(size=(5, 2)).astype("f4")
    c = compute(host.trace(b, "call", [(5, 4)]))
    assert len(c.outputs) == 1 and list(c.differentiable) == [True, True, True, False]
    y = np.maximum(x @ w + bias, 0) * 0.5
    close(host.run(c, [x, w, bias, count])[0], y)

    t = host.trace(b, "call", [(5, 4)], training=True)
    c = compute(t)
    assert [(u.weight, u.value.output) for u in t.updates] == [(2, 1)] and not t.losses, "the penalty of w is gk's business"
    y2, new = host.run(c, [x, w, bias, np.float32(7)])
    close(y2, y)
    assert new == 8
    d = dy * 0.5 * (y > 0)
    grads = host.run(c, [x, w, bias, count, dy, np.float32(0)], backward=True, shapes=[(5, 4), (4, 2), (2,)])
    for got, want in zip(grads, [d @ w.T, x.T @ d, d.sum(0)]):
        close(got, want)


def test_sub_layers_dropout_losses(host):
    b = host.build("layer", "acme>Block", {"name": "block", "width": 4, "rate": 0.25}, [(None, 6)])
    assert [(w.name, w.group, w.fixed) for w in b.weights] == [
        ("dense/kernel", "first", False), ("dense/bias", "first", False), ("batch_normalization/gamma", "norm", False),
        ("batch_normalization/beta", "norm", False), ("dense_1/kernel", "many/dense", False), ("dense_1/bias", "many/dense", False),
        ("dense_2/kernel", "many/dense_1", False), ("dense_2/bias", "many/dense_1", False),
        ("batch_normalization/moving_mean", "norm", True), ("batch_normalization/moving_variance", "norm", True),
    ]  # fmt: skip
    assert host.build("layer", "acme>Block", {"name": "block", "width": 4, "rate": 0.25}, [(None, 6)]).weights == b.weights
    w = weights_of(host, b)
    x, dy = rng().normal(size=(64, 6)).astype("f4"), rng(1).normal(size=(64, 2)).astype("f4")
    layer = restored(theirs.Block(4, 0.25), [x], w)
    c = compute(host.trace(b, "call", [x.shape]))
    close(host.run(c, [x, *w])[0], numpy(layer(x)))

    t = host.trace(b, "call", [x.shape], training=True)
    c = compute(t)
    assert [u.weight for u in t.updates] == [8, 9] and len(t.losses) == 1 and t.has_masks
    y, mean, variance, loss = host.run(c, [x, *w], seed=4, step=5)
    z = np.tanh(x @ w[0] + w[1])
    close(mean, 0.99 * w[8] + 0.01 * z.mean(0))
    close(variance, 0.99 * w[9] + 0.01 * z.var(0))
    assert np.array_equal(y, host.run(c, [x, *w], seed=4, step=5)[0])
    assert not np.array_equal(y, host.run(c, [x, *w], seed=4, step=6)[0])

    # The gradient, with the same random numbers: against differences along a direction of all weights and the input at once.
    shapes = [x.shape, *(v.shape for v in w[:8])]
    d = [dy, np.zeros(4, "f4"), np.zeros(4, "f4"), np.float32(2)]
    grads = host.run(c, [x, *w, *d], backward=True, shapes=shapes, seed=4, step=5)

    def value(h):
        at = [a + h * e for a, e in zip([x, *w[:8]], directions)]
        y, _, _, loss = host.stream(c.id, [*at, *w[8:]], seed=4, step=5)
        return float((y.astype("f8") * dy).sum() + 2 * float(loss))

    directions = [rng(i + 9).normal(size=s).astype("f4") for i, s in enumerate(shapes)]
    slope = (value(1e-2) - value(-1e-2)) / 2e-2
    assert abs(slope - sum(float((g * e).sum()) for g, e in zip(grads, directions))) < 2e-2 * max(1, abs(slope))


def test_inputs_side_by_side_and_arguments(host):
    b = host.build("layer", "acme>Both", {"name": "both"}, [(None, 3), (None, 3)])
    assert [list(s.dims) for s in b.outputs] == [[-1, 3], [-1, 3]]
    x, y = (rng(i).normal(size=(2, 3)).astype("f4") for i in (1, 2))
    c = compute(host.trace(b, "call", [(2, 3)] * 2, arguments={"flip": True}))
    for got, want in zip(host.run(c, [x, y]), [y - x, x * y]):
        close(got, want)
    dx, dy = host.run(c, [x, y, np.ones_like(x), np.ones_like(x)], backward=True, shapes=[(2, 3)] * 2)
    close(dx, y - 1)
    close(dy, x + 1)


def test_list_of_inputs(host):
    b = host.build("layer", "Custom>Joined", {"name": "j"}, [(None, 3), (None, 2)])
    x, y = np.ones((2, 3), "f4"), np.zeros((2, 2), "f4")
    close(host.run(compute(host.trace(b, "call", [(2, 3), (2, 2)])), [x, y])[0], np.concatenate([x, y], -1))


def test_integers(host):
    b = host.build("layer", "Lookup", {"name": "l"}, [(None, 4)])
    assert [list(s.dims) for s in b.outputs] == [[-1, 4, 2]]
    table, index = rng().normal(size=(5, 2)).astype("f4"), np.float32([[0, 4, 4, 1]])
    c = compute(host.trace(b, "call", [(1, 4)]))
    close(host.run(c, [index, table])[0], table[index.astype(int)])
    dy = np.ones((1, 4, 2), "f4")
    if host.backend != "jax" or list(c.differentiable) == [False, True]:
        (d,) = host.run(c, [index, table, dy], backward=True, shapes=[(5, 2)])
        close(d, [[1, 1], [1, 1], [0, 0], [0, 0], [2, 2]])


def test_masks(host):
    if host.backend == "jax" and int(keras.__version__.split(".")[1]) < 6:
        pytest.skip("this Keras cannot mask tensors of JAX")
    b = host.build("layer", "Masked", {"name": "m"}, [(None, 3, 2)])
    x, mask = rng().normal(size=(2, 3, 2)).astype("f4"), np.float32([[1, 0, 1], [0, 0, 1]])
    t = host.trace(b, "call", [x.shape], masks=[mask.shape])
    assert t.has_masks and t.masks[0].output == 1
    y, out = host.run(compute(t), [x, mask])
    close(y, x * mask[..., None])
    np.testing.assert_array_equal(out, mask)
    t = host.trace(b, "call", [x.shape])
    assert t.has_masks and t.masks[0].node == 0 and len(compute(t).outputs) == 1


def test_mistakes(host):
    with pytest.raises(Failed) as e:
        host.build("layer", "Broken", {"name": "x"}, [(None, 4)])
    assert e.value.error.kind == "ErrLayerConfig"
    if int(keras.__version__.split(".")[1]) >= 6:  # those before hide the line
        assert "keras_plugin.py:" in e.value.error.msg
    with pytest.raises(Failed, match="ErrLayerConfig"):
        host.build("layer", "Plain", {"unit": 3}, [(None, 4)])


def test_functions(host):
    x, dy = rng().normal(size=(3, 4)).astype("f4"), rng(1).normal(size=(3, 4)).astype("f4")
    s = 1 / (1 + np.exp(-x))
    c = compute(host.trace(host.build("activation", "acme>swishy"), "call", [(3, 4)]))
    close(host.run(c, [x])[0], x * s)
    close(host.run(c, [x, dy], backward=True, shapes=[(3, 4)])[0], dy * (s + x * s * (1 - s)))
    b = host.build("regularizer", "acme>Quartic", {"rate": 0.5})
    assert json.loads(b.config) == {"rate": 0.5}
    c = compute(host.trace(b, "penalty", [(3, 4)]))
    close(host.run(c, [x])[0], 0.5 * (x**4).sum())
    close(host.run(c, [x, np.float32(1)], backward=True, shapes=[(3, 4)])[0], 2 * x**3)
    close(host.run(compute(host.trace(host.build("constraint", "acme>Unit"), "project", [(3, 4)])), [x])[0], np.clip(x, 0, 1))


def test_initializer(host):
    b = host.build("initializer", "acme>Wide", {"width": 3.0})
    a = host.fill(b, 0, (200, 300), seed=1)
    assert 2.9 < abs(a).max() <= 3 and np.array_equal(a, host.fill(b, 0, (200, 300), seed=1))
    assert not np.array_equal(a, host.fill(b, 0, (200, 300), seed=2))


def test_losses_and_metrics(host):
    y, p, w = rng().normal(size=(3, 4)).astype("f4"), rng(1).normal(size=(3, 4)).astype("f4"), np.float32([1, 2, 3])
    for name, want in (("acme>Power", (abs(y - p) ** 4).mean(-1)), ("acme>far", abs(y - p).mean(-1))):
        b = host.build("loss", name, {"power": 4} if name == "acme>Power" else {})
        c = compute(host.trace(b, "call", [(3, 4)] * 2))
        close(host.run(c, [y, p])[0], want)
        assert not host.trace(b, "mask", [(3, 4), (3,)]).outputs
    (d,) = host.run(c, [y, p, w], backward=True, shapes=[(3, 4)])
    close(d, w[:, None] * np.sign(p - y) / 4)

    b = host.build("metric", "acme>Farthest", {"name": "f"}, [(None, 4)] * 2)
    assert [x.name for x in b.weights] == ["most"]
    t = host.trace(b, "update", [(3, 4)] * 2)
    assert [u.weight for u in t.updates] == [0]
    (most,) = host.run(compute(t), [y, p, np.float32(0.1)])
    close(most, abs(y - p).max())
    close(host.run(compute(host.trace(b, "result")), [most])[0], most)
    b = host.build("metric", "acme>far", {}, [(None, 4)] * 2)
    t = host.trace(b, "update", [(3, 4), (3, 4), (3,)])
    total, count = host.run(compute(t), [y, p, w, np.float32(0), np.float32(0)])
    close(total / count, (abs(y - p).mean(-1) * w).sum() / w.sum())
