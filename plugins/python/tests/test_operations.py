"""The operations of a graph against the table of the protocol: one method each, with these settings; and what shapes they give."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest

from gk_plugin.errors import PluginError
from gk_plugin.graph import Graph
from gk_plugin.served import Trace, Weight

README = os.path.join(os.path.dirname(__file__), "..", "..", "proto", "README.md")

#: An example of each operation that is not elementwise, as a function of the graph and inputs (2, 3), (3, 4), (2, 8, 6, 4), (3, 3, 4, 5).
EXAMPLES = {
    "ArgMax": (lambda g, x, y, i, k: g.argmax(x), (2,)),
    "ArgMin": (lambda g, x, y, i, k: g.argmin(x, 0, keepdims=True), (1, 3)),
    "AvgPool": (lambda g, x, y, i, k: g.avg_pool(i, [2, 2]), (2, 4, 3, 4)),
    "BatchNorm": (lambda g, x, y, i, k: g.batch_norm(i, None, np.zeros(4), 1e-3)[0], (2, 8, 6, 4)),
    "BroadcastTo": (lambda g, x, y, i, k: g.broadcast_to(x, (5, 2, 3)), (5, 2, 3)),
    "Concat": (lambda g, x, y, i, k: g.concat([x, x, x], -1), (2, 9)),
    "Const": (lambda g, x, y, i, k: g.const(float("inf")), ()),
    "Conv": (lambda g, x, y, i, k: g.conv(i, k, [2, 1], pad_lo=[1, 1], pad_hi=[1, 1]), (2, 4, 6, 5)),
    "ConvGradInput": (lambda g, x, y, i, k: g.conv_grad_input(g.conv(i, k, [1, 1]), k, [8, 6], [1, 1]), (2, 8, 6, 4)),
    "ConvGradKernel": (lambda g, x, y, i, k: g.conv_grad_kernel(g.conv(i, k, [1, 1]), i, [3, 3], [1, 1]), (3, 3, 4, 5)),
    "Gather": (lambda g, x, y, i, k: g.gather(y, x), (2, 3, 4)),
    "LayerNorm": (lambda g, x, y, i, k: g.layer_norm(x, np.ones(3), None, 1e-3), (2, 3)),
    "LogSoftmax": (lambda g, x, y, i, k: g.log_softmax(x), (2, 3)),
    "MatMul": (lambda g, x, y, i, k: g.matmul(y, x, trans_a=True, trans_b=True), (4, 2)),
    "Max": (lambda g, x, y, i, k: g.max(i, (1, 2)), (2, 4)),
    "MaxPool": (lambda g, x, y, i, k: g.max_pool(i, [3, 3], [1, 1], pad_lo=[1, 1], pad_hi=[1, 1]), (2, 8, 6, 4)),
    "Mean": (lambda g, x, y, i, k: g.mean(i, (0, 2, 3), keepdims=True), (1, 8, 1, 1)),
    "Min": (lambda g, x, y, i, k: g.min(x), ()),
    "Place": (lambda g, x, y, i, k: g.place(x, [1, 0], [2, 1], (5, 3)), (5, 3)),
    "Prod": (lambda g, x, y, i, k: g.prod(x, 1), (2,)),
    "RNN": (lambda g, x, y, i, k: g.rnn(np.zeros((2, 5, 12)), np.zeros((3, 12)), mask=np.ones((2, 5)), cell="lstm")[2], (2, 3)),
    "Random": (lambda g, x, y, i, k: g.random((2, 3)), (2, 3)),
    "Reshape": (lambda g, x, y, i, k: g.reshape(i, (2, -1)), (2, 192)),
    "ScatterAdd": (lambda g, x, y, i, k: g.scatter_add(np.zeros((2, 7)), np.zeros(2), 9), (9, 7)),
    "Slice": (lambda g, x, y, i, k: g.slice(i, [0, -1, 1, 0], [2, -1, -1, 1], [1, -1, 2, 1]), (2, 8, 3, 1)),
    "Softmax": (lambda g, x, y, i, k: g.softmax(x), (2, 3)),
    "SoftmaxCrossEntropy": (lambda g, x, y, i, k: g.softmax_cross_entropy(x, x), (2,)),
    "SparseSoftmaxCrossEntropy": (lambda g, x, y, i, k: g.sparse_softmax_cross_entropy(x, np.zeros(2)), (2,)),
    "StopGradient": (lambda g, x, y, i, k: g.stop_gradient(x), (2, 3)),
    "Sum": (lambda g, x, y, i, k: g.sum(x, [0]), (3,)),
    "Table": (lambda g, x, y, i, k: g.table([[1, 2]]), (1, 2)),
    "Transpose": (lambda g, x, y, i, k: g.transpose(i, [0, -1, 1, 2]), (2, 4, 8, 6)),
}

INPUTS = [(2, 3), (3, 4), (2, 8, 6, 4), (3, 3, 4, 5)]


def table():
    with open(README, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|", line)
            if m:
                name, inputs, settings, outputs = (s.strip() for s in m.groups())
                if inputs or settings:
                    keys = [s.split(":")[0].strip() for s in settings.split(";") if s.strip()]
                    yield name, [i.strip() for i in inputs.split(",") if i.strip()], keys, [o.strip() for o in outputs.split(",")]


OPERATIONS = list(table())


def graph(inputs=INPUTS, weights=()):
    g = Graph(Trace("call", list(inputs)), weights)
    return g, [g.input(i) for i in range(len(inputs))]


def test_the_table_is_there():
    assert len(OPERATIONS) > 80 and {n for n, *_ in OPERATIONS} > set(EXAMPLES)


@pytest.mark.parametrize("name, inputs, keys, outputs", OPERATIONS, ids=[o[0] for o in OPERATIONS])
def test_operation(name, inputs, keys, outputs):
    g, values = graph()
    if name in EXAMPLES:
        make, shape = EXAMPLES[name]
        v = make(g, *values)
    else:
        method = getattr(g, name + "_" if name in ("and", "or", "not") else name)
        v, shape = method(*[values[0], 2.0, np.ones((5, 1, 1))][: len(inputs)]), [(2, 3), (2, 3), (5, 2, 3)][len(inputs) - 1]
    assert v.shape == shape
    nodes = [n for n in g.nodes if n.op == name]
    assert nodes, f"no {name} among {[n.op for n in g.nodes]}"
    n = nodes[-1]
    assert sorted(json.loads(n.attr or b"{}")) == sorted(keys)
    required = [i for i in inputs if not i.endswith("?")]
    read = getattr(n, "in")
    if not any(i.endswith("...") for i in inputs):
        assert len(required) <= len(read) <= len(inputs)
    for i, ref in zip(inputs, read):
        assert ref.node > 0 or i.endswith("?")
    for k, node in enumerate(g.nodes):
        assert all(r.node <= k for r in getattr(node, "in"))


def test_numbers_that_json_does_not_have():
    g, _ = graph()
    for x, text in [(float("nan"), '"NaN"'), (float("inf"), '"Infinity"'), (-float("inf"), '"-Infinity"'), (0.5, "0.5")]:
        g.const(x)
        assert g.nodes[-1].attr.decode() == f'{{"value": {text}}}'


def test_operators():
    g, (x, *_) = graph()
    y = 2 - x / 3 + x**2 - (-x) * np.ones(3, "f4") % 2 // 1
    z = 1 / (x @ np.ones((3, 3))) + 2**x
    assert y.shape == (2, 3) and z.shape == (2, 3)
    for v, op in [(x < 1, "less"), (x <= 1, "less_equal"), (x > 1, "greater"), (x >= 1, "greater_equal"), (abs(x), "abs"), (np.ones(3) + x, "add"), (np.float32(2) * x, "mul")]:
        assert g.nodes[v.node - 1].op == op
    for bad in (lambda: bool(x), lambda: list(x)):
        with pytest.raises(TypeError):
            bad()


def test_shapes_that_are_not_known():
    g, (x, y) = graph([(None, 3), (None, 3)])
    assert (x + y).shape == (None, 3) and (x * np.ones((4, 3))).shape == (4, 3)
    assert g.matmul(x, np.ones((3, 2))).shape == (None, 2)
    assert g.sum(x, -1).shape == (None,) and g.concat([x, y], 0).shape == (None, 3)
    assert g.reshape(x, (-1, 3, 1)).shape == (None, 3, 1) and g.expand_dims(x, -1).shape == (None, 3, 1)
    assert json.loads(g.nodes[-1].attr) == {"shape": [-1, 3, 1]}
    assert g.narrow(x, 1, 1).shape == (None, 2) and g.squeeze(g.expand_dims(x, 0), 0).shape == (None, 3)


def test_mistakes():
    g, (x, *_) = graph()
    other, _ = graph()
    with pytest.raises(PluginError, match="another graph"):
        other.add(x, 1)
    with pytest.raises(PluginError, match="want a value"):
        g.add(x, "a")
    with pytest.raises(PluginError, match="got axis 2"):
        g.sum(x, 2)


def test_weights_are_values():
    w = Weight(0, "w", (3,))
    g, (x, *_) = graph(weights=[w])
    assert (w * x).shape == (x * w).shape == (2, 3) and (2 * w + w).shape == abs(w).shape == (3,)
    assert (np.ones((3, 3)) - w).shape == (3, 3)
    assert [n.op for n in g.nodes].count("Weight") == 1
    with pytest.raises(PluginError, match="in traced methods only"):
        Weight(0, "w", (3,)) + 1
