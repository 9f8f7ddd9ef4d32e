"""Layers of tf_keras through the process."""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.keras

pytest.importorskip("tf_keras")

from host import Host, compute  # noqa: E402

PLUGIN = os.path.join(os.path.dirname(__file__), "plugins", "keras2_plugin.py")


@pytest.fixture(scope="module")
def host():
    with Host([sys.executable, "-m", "gk_plugin", "serve", PLUGIN]) as h:
        yield h


def test_block(host):
    assert [(c.package, c.name, list(c.aliases)) for c in host.description.classes] == [("old", "Block", []), ("", "Masked", ["Custom>Masked"])]
    assert json.loads(host.description.classes[0].defaults) == {"width": 4, "rate": 0.5}
    b = host.build("layer", "old>Block", {"name": "block", "trainable": True, "dtype": "float32", "width": 3, "rate": 0.5}, [(None, 5)])
    assert [(w.name, w.group, w.fixed) for w in b.weights] == [
        ("dense/kernel", "first", False), ("dense/bias", "first", False), ("batch_normalization/gamma", "norm", False),
        ("batch_normalization/beta", "norm", False), ("batch_normalization/moving_mean", "norm", True),
        ("batch_normalization/moving_variance", "norm", True),
    ]  # fmt: skip
    assert json.loads(b.weights[0].constraint)["class_name"] == "NonNeg"
    w = [host.fill(b, i, list(x.shape.dims), seed=3) for i, x in enumerate(b.weights)]
    np.testing.assert_array_equal(w[0], host.fill(b, 0, (5, 3), seed=3))
    assert not np.array_equal(w[0], host.fill(b, 0, (5, 3), seed=4))
    x = np.random.default_rng(0).normal(size=(32, 5)).astype("f4")
    z = x @ w[0] + w[1]
    c = compute(host.trace(b, "call", [x.shape]))
    np.testing.assert_allclose(host.run(c, [x, *w])[0], z / np.sqrt(1 + 1e-3), rtol=1e-5, atol=1e-6)

    t = host.trace(b, "call", [x.shape], training=True)
    c = compute(t)
    assert [u.weight for u in t.updates] == [4, 5] and len(t.losses) == 2  # that of the layer, and the penalty of the kernel
    y, mean, variance, *losses = host.run(c, [x, *w], seed=1, step=2)
    normal = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-3)
    kept = y != 0
    np.testing.assert_allclose(y, 2 * normal * kept, rtol=1e-3, atol=1e-4)
    assert 0.3 < kept.mean() < 0.7
    np.testing.assert_allclose(mean, 0.01 * z.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sorted(losses), sorted([(normal**2).mean(), 0.01 * (w[0] ** 2).sum()]), rtol=1e-3)
    again, other = (host.run(c, [x, *w], seed=1, step=s)[0] for s in (2, 3))
    assert np.array_equal(y, again) and not np.array_equal(y, other)

    dy = np.ones_like(y)
    d = [dy, np.zeros(3, "f4"), np.zeros(3, "f4"), np.float32(0), np.float32(0)]
    grads = host.run(c, [x, *w, *d], backward=True, shapes=[x.shape, (5, 3), (3,), (3,), (3,)], seed=1, step=2)
    np.testing.assert_allclose(grads[3], (2 * normal * kept).sum(0), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(grads[4], (2 * kept).sum(0), rtol=1e-5)


def test_masks_and_training(host):
    b = host.build("layer", "Masked", {"name": "m"}, [(None, 3, 2)])
    x, mask = np.ones((2, 3, 2), "f4"), np.float32([[1, 0, 1], [0, 0, 1]])
    t = host.trace(b, "call", [x.shape], masks=[mask.shape])
    y, out = host.run(compute(t), [x, mask])
    np.testing.assert_array_equal(y, x * mask[..., None])
    np.testing.assert_array_equal(out, mask)
    t = host.trace(b, "call", [(None, 3, 2)], training=True)
    assert [list(s.dims) for s in compute(t).outputs] == [[-1, 3, 2]]
    np.testing.assert_array_equal(host.run(compute(host.trace(b, "call", [x.shape], training=True)), [x])[0], -x)
