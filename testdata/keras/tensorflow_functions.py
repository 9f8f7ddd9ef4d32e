#!/usr/bin/env python3
"""Writes testdata/golden/tensorflow/NAME.npz for the rows of testdata/cases/tensorflow.jsonl: functions of TensorFlow between the inputs and
outputs of a model. Run it with a Python that has tf_keras beside requirements.txt.

Rows: name expr (Python, of the inputs x and y, and of tf, K, keras, which is tf_keras, and np) input (a list of data).
Arrays: x_i, y_k (outputs as float32). meta: config, what to_json gives.
"""

import json
import sys

import common
import numpy as np
import tensorflow as tf
import tf_keras as keras

KIND = "tensorflow"


def make(case):
    keras.backend.clear_session()
    data = [case.array(s) for s in case.row["input"]]
    sizes = {len(x) for x in data}
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype.name) if len(sizes) == 1 else keras.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in data]
    space = {"tf": tf, "K": keras.backend, "keras": keras, "np": np, **dict(zip("xyz", inputs))}
    outputs = tf.nest.flatten(eval(case.row["expr"], space))
    model = keras.Model(inputs, outputs)
    arrays = {f"x_{i}": x for i, x in enumerate(data)}
    results = tf.nest.flatten(model([tf.constant(x) for x in data]))
    arrays |= {f"y_{k}": np.asarray(y).astype("float32") for k, y in enumerate(results)}
    return arrays, {"config": json.loads(model.to_json()), "keras": "tf_keras " + keras.__version__, "kind": KIND, "name": case.name, "case_sha256": case.sha256}


def main():
    written, failures = 0, []
    for case in common.read_cases(common.CASES / f"{KIND}.jsonl"):
        path = common.GOLDEN / KIND / f"{case.name}.npz"
        if path.exists() and common.unpack(path.read_bytes())[1].get("case_sha256") == case.sha256 and "--all" not in sys.argv:
            continue
        try:
            data = common.pack(*make(case))
        except Exception as e:  # one bad row should not hide the others
            failures.append(f"{case.name}: {type(e).__name__}: {e}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written += 1
    print(*failures, f"{written} goldens written, {len(failures)} failures", sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
