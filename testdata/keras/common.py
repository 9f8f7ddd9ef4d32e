"""Owns what all kinds of goldens share: rows, seeded numbers, golden files, and Keras set up so that it repeats itself bit for bit.

Import this module before keras: it sets the environment that Keras and TensorFlow read once.
"""

import hashlib
import importlib
import inspect
import io
import json
import os
import pathlib
import zipfile
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # oneDNN sums in an order that depends on the processor

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras.src.backend.tensorflow import nn as tf_nn  # noqa: E402

KERAS = "3.15.1"
TESTDATA = pathlib.Path(__file__).resolve().parent.parent
CASES = TESTDATA / "cases"
GOLDEN = TESTDATA / "golden"


def setup():
    """Makes runs repeatable, and convolutions with channels first possible on a CPU."""
    if keras.__version__ != KERAS:
        raise SystemExit(f"goldens come from Keras {KERAS}; got Keras {keras.__version__}; see requirements.txt")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.config.set_floatx("float32")  # whatever the user's keras.json says
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    for name in ("conv", "conv_transpose"):
        setattr(tf_nn, name, _through_channels_last(getattr(tf_nn, name)))


def _through_channels_last(op):
    """TensorFlow has no NCHW convolution on CPUs. Keras transposes around its pooling and depthwise operations for that reason;
    this does the same for the two that Keras leaves alone. Nor has it dilated transposed convolutions there, but XLA has."""
    signature = inspect.signature(op)

    def call(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        if "transpose" in op.__name__ and np.max(bound.arguments.get("dilation_rate", 1)) > 1:
            return tf.function(op, jit_compile=True)(*args, **kwargs)
        if bound.arguments.get("data_format") != "channels_first":
            return op(*args, **kwargs)
        x = bound.arguments["inputs"]
        rank = len(x.shape)
        bound.arguments["inputs"] = tf.transpose(x, [0, *range(2, rank), 1])
        bound.arguments["data_format"] = "channels_last"
        return tf.transpose(op(*bound.args, **bound.kwargs), [0, rank - 1, *range(1, rank - 1)])

    return call


class Case:
    """One row of testdata/cases/KIND.jsonl."""

    def __init__(self, kind, line):
        self.kind, self.row = kind, json.loads(line)
        self.name = self.row["name"]
        self.sha256 = hashlib.sha256(line.encode()).hexdigest()
        self.rng = np.random.default_rng([self.row.get("seed", 1), zlib.crc32(f"{kind}/{self.name}".encode())])

    def get(self, key, default=None):
        return self.row.get(key, default)

    def normal(self, shape, scale=1.0):
        return (self.rng.standard_normal(shape) * scale).astype("float32")

    def uniform(self, shape, low, high):
        return self.rng.uniform(low, high, shape).astype("float32")

    def data(self, shape, kind="float"):
        """Numbers of one kind, float32 but for int:

        float            standard normal
        uniform:LOW:HIGH
        int:N            int32, 0 to N-1
        steps:V          standard normal, but about a third of the vectors along the last axis are V throughout
        sweep            from -10 to 10, at least 0.001 away from all multiples of a half
        sweep0           the same with one zero
        binary, sign     zeros and ones; minus ones and ones
        bool             truth values
        onehot, prob     along the last axis: one 1; positive numbers that add up to 1
        """
        kind, *args = kind.split(":")
        if kind == "float":
            return self.normal(shape)
        if kind == "uniform":
            return self.uniform(shape, float(args[0]), float(args[1]))
        if kind == "int":
            return self.rng.integers(0, int(args[0]), shape).astype("int32")
        if kind == "steps":
            x = self.normal(shape)
            x[self.rng.random(shape[:-1]) < 0.35] = float(args[0])
            return x
        if kind in ("sweep", "sweep0"):
            x = np.linspace(-10, 10, int(np.prod(shape))) + self.rng.uniform(-0.2, 0.2, int(np.prod(shape)))
            x = np.where(np.abs(x * 2 - np.round(x * 2)) < 0.004, x + 0.01, x)
            if kind == "sweep0":
                x[x.size // 2] = 0
            return self.rng.permutation(x).reshape(shape).astype("float32")
        if kind == "binary":
            return self.rng.integers(0, 2, shape).astype("float32")
        if kind == "bool":
            return self.rng.integers(0, 2, shape).astype("bool")
        if kind == "sign":
            return (self.rng.integers(0, 2, shape) * 2 - 1).astype("float32")
        if kind == "onehot":
            return np.eye(shape[-1], dtype="float32")[self.rng.integers(0, shape[-1], shape[:-1])]
        if kind == "prob":
            x = self.rng.uniform(0.05, 1.0, shape)
            return (x / x.sum(-1, keepdims=True)).astype("float32")
        raise ValueError(f"{self.kind}/{self.name}: unknown kind of data {kind!r}")


    def spec(self, key):
        """The array that {"shape", "kind"} or {"values"[, "dtype"]} in the row describes; None where the row has no such key."""
        spec = self.row.get(key)
        if spec is None:
            return None
        return self.array(spec)

    def array(self, spec):
        if "values" in spec:
            return np.array(spec["values"], spec.get("dtype", "float32"))
        return self.data(spec["shape"], spec.get("kind", "float"))


def read_cases(path):
    """The rows of one file, in order; a name may occur once."""
    cases = [Case(path.stem, line) for line in path.read_text().splitlines() if line.strip()]
    names = [c.name for c in cases]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SystemExit(f"{path}: these names occur twice: {sorted(twice)}")
    return cases


def pack(arrays, meta):
    """The bytes of a golden: a deflated .npz whose member "meta" holds JSON; the same content always gives the same bytes."""
    text = json.dumps(meta, separators=(",", ":"))
    members = {"meta": np.frombuffer(text.encode(), "uint8"), **arrays}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, array in members.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, np.array(array, order="C", copy=True), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(name + ".npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            z.writestr(info, body.getvalue())
    return out.getvalue()


def unpack(data):
    """The arrays and the meta of a golden."""
    with np.load(io.BytesIO(data), allow_pickle=False) as z:
        arrays = {k: z[k] for k in z.files}
    return arrays, json.loads(arrays.pop("meta").tobytes())


def array(x):
    """A numpy array of a tensor, dense where TensorFlow gives the slices of a gather's gradient."""
    if isinstance(x, tf.IndexedSlices):
        x = tf.convert_to_tensor(x)
    return np.asarray(keras.ops.convert_to_numpy(x))


def gradients(tape, outputs, cotangents, sources):
    """Gradients of sum(cotangent*output) with respect to sources; zeros where nothing depends on a source."""
    found = tape.gradient(outputs, sources, output_gradients=cotangents, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [array(g) for g in found]


def with_modules(config):
    """Rows write nested objects as {class_name, config}; Keras wants to know the module, too."""
    if isinstance(config, list):
        return [with_modules(c) for c in config]
    if not isinstance(config, dict):
        return config
    config = {k: with_modules(v) for k, v in config.items()}
    if {"class_name", "config"} <= set(config) and "module" not in config and not config["class_name"].startswith("__"):
        if config["class_name"] == "Functional":  # the one class that saved models hold and Keras does not export
            return {"module": "keras.src.models.functional", "registered_name": "Functional", **config}
        for module in ("models", "layers", "initializers", "regularizers", "constraints", "optimizers.schedules", "optimizers", "losses", "metrics"):
            space = keras
            for part in module.split("."):
                space = getattr(space, part)
            if hasattr(space, config["class_name"]):
                return {"module": f"keras.{module}", "registered_name": None, **config}
        for module in ("convnext", "inception_resnet_v2"):  # Keras exports none of their layers
            if hasattr(importlib.import_module(f"keras.src.applications.{module}"), config["class_name"]):
                return {"module": f"keras.src.applications.{module}", "registered_name": config["class_name"], **config}
        raise ValueError(f"Keras has no class {config['class_name']!r}")
    return config


def plain(x):
    """Keras configs as JSON: tuples become lists, numpy numbers become numbers."""
    return json.loads(json.dumps(x, default=lambda o: o.item() if isinstance(o, np.generic) else list(o)))
