#!/usr/bin/env python3
"""Computes the outputs and masks of all layer goldens again on JAX, with Keras as it is, and prints what differs from TensorFlow.

The goldens should say what Keras means, not what one of its backends happens to do. Needs jax beside requirements.txt.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import io  # noqa: E402
import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.src import tree  # noqa: E402
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask  # noqa: E402

TESTDATA = pathlib.Path(__file__).resolve().parent.parent


def members(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def check(row, golden):
    meta = json.loads(golden.pop("meta").tobytes())
    layer = keras.layers.deserialize(meta["config"])
    inputs = [golden[f"in_{i}"] for i in range(len(row["input"]))]
    states = next(((k, row[k]) for k in ("initial_state", "states") if k in row), None)

    def call(xs, **kwargs):
        kwargs |= row.get("kwargs", {})
        if "call" in row:
            return layer(**dict(zip(row["call"], xs)), **kwargs)
        if states:
            kwargs[states[0]], xs = xs[-states[1] :], xs[: -states[1]]
        return layer(xs[0] if len(xs) == 1 else xs, **kwargs)

    call([keras.KerasTensor((None, *x.shape[1:]), dtype=x.dtype.name) for x in inputs])
    weights = layer.trainable_weights + layer.non_trainable_weights
    for i, w in enumerate(weights):
        w.assign(golden[f"w_{i}"])
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    for name, training in (("out", False), ("train", True)):
        if training and not row.get("train", True):
            continue
        xs = [keras.ops.convert_to_tensor(x) for x in inputs]
        for i, x in enumerate(xs):
            if f"mask_{i}" in golden:
                set_keras_mask(x, keras.ops.convert_to_tensor(golden[f"mask_{i}"]))
        for i, y in enumerate(tree.flatten(call(xs, training=training))):
            yield f"{name}_{i}", np.asarray(y), golden[f"{name}_{i}"]
            if not training:
                mask = get_keras_mask(y)
                yield f"mask_out_{i}", *(np.asarray(m if m is not None else -1) for m in (mask, golden.get(f"mask_out_{i}")))
    if row.get("train", True):
        for i, w in enumerate(layer.non_trainable_weights):
            yield f"after_{i}", np.asarray(w.value), golden[f"after_{i}"]


def main():
    rows = failures = 0
    for file in sorted((TESTDATA / "cases").glob("layers*.jsonl")):
        kind = file.stem
        for line in file.read_text().splitlines():
            row = json.loads(line)
            rows += 1
            golden = members((TESTDATA / "golden" / kind / (row["name"] + ".npz")).read_bytes())
            try:
                for name, got, want in check(row, golden):
                    if got.shape != want.shape or not np.allclose(got.astype("float64"), want.astype("float64"), rtol=1e-4, atol=2e-5):
                        print(f"{kind}/{row['name']}: {name} differs")
                        failures += 1
            except ValueError as e:  # ConvLSTM with a mask: Keras on JAX does not broadcast it
                print(f"{kind}/{row['name']}: not on JAX: {str(e).splitlines()[0]}")
                failures += 1
    print(f"{rows} rows, {failures} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
