"""What a call costs from the other side of the border, and how long a plugin takes to start. Not a test: python tests/bench.py [--keras]."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
os.environ["PYTHONPATH"] = os.path.dirname(HERE)

import numpy as np  # noqa: E402

from host import Host, compute  # noqa: E402

PLUGIN = """
import numpy as np
import gk_plugin

@gk_plugin.layer(package="bench")
class Copy(gk_plugin.Layer):
    def forward(self, x, out):
        np.copyto(out, x)
    def backward(self, dy, out):
        np.copyto(out, dy)

@gk_plugin.layer(package="bench")
class Returned(gk_plugin.Layer):
    def forward(self, x):
        return x + 1
    def backward(self, dy):
        return dy

gk_plugin.serve()
"""

KERAS = """
import keras

class Copy(keras.layers.Layer):
    def call(self, x):
        return x + 1
"""

SHAPES = [(1, 784), (32, 784), (128, 784), (784, 784)]


def microseconds(f, seconds=0.5):
    """Median and 99th percentile of a call."""
    for _ in range(20):
        f()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        t = time.perf_counter()
        f()
        times.append(1e6 * (time.perf_counter() - t))
    times.sort()
    return statistics.median(times), times[int(0.99 * len(times))]


def calls(h, names):
    for name in names:
        b = h.build("layer", name, {"name": "x"}, [(None, 784)])
        for shape in SHAPES:
            c = compute(h.trace(b, "call", [shape]))
            for backward in (False, True):
                h.used = 0
                x = np.ones(shape, "f4")
                tensors = [h.place(shape, x)[1]] * ((1 + c.needs_inputs) if backward else 1)
                n = h.bind(c.id, tensors, [h.place(shape)[1]], backward)
                median, p99 = microseconds(lambda: h.ring([n]))
                ten, _ = microseconds(lambda: h.ring([n] * 10))
                what = "backward" if backward else "forward"
                print(f"{name:16} {what:8} {shape[0]:4}x{shape[1]:<5} {median:7.1f} us (p99 {p99:7.1f}), in a batch of ten {ten / 10:7.1f} us each")
            x = np.ones(shape, "f4")
            median, p99 = microseconds(lambda: h.stream(c.id, [x]))
            print(f"{name:16} gRPC     {shape[0]:4}x{shape[1]:<5} {median:7.1f} us (p99 {p99:7.1f})")


def main():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "bench_plugin.py")
    with open(path, "w") as f:
        f.write(PLUGIN)
    starts = []
    for _ in range(7):
        with Host([sys.executable, path]) as h:
            starts.append(1000 * h.ready)
    print(f"start to ready: {statistics.median(starts):.0f} ms (least {min(starts):.0f}), numpy included")
    with Host([sys.executable, path]) as h:
        calls(h, ["bench>Copy", "bench>Returned"])
    if "--keras" in sys.argv:
        path = os.path.join(folder, "bench_keras.py")
        with open(path, "w") as f:
            f.write(KERAS)
        with Host([sys.executable, "-m", "gk_plugin", "serve", path]) as h:
            print(f"start to ready with Keras: {1000 * h.ready:.0f} ms")
            calls(h, ["Copy"])


if __name__ == "__main__":
    main()
