"""Owns the proof that gk and real Keras read each other's files and train on from them.

Run it with a Python that has tf_keras, Keras 3 alone, or Keras 2.3.1: it trains ten models for some steps, saves them in every
form that this Keras has, lets gk predict from each file, take the next step, and save it again in every form; then it loads what gk
wrote, compiled as the file says, predicts, and takes the same step.

    python testdata/keras/interchange.py [--gk PATH] [--only NAME ...] [--layers] [--keep FOLDER]

Predictions must agree within 1e-5 of the largest one, those after the step within 1e-4. gk's side is the test TestInterchange of package
hdf5io; with --gk, the command `gk predict` has to agree as well.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
TF_KERAS = importlib.util.find_spec("tf_keras") is not None
KERAS2 = not TF_KERAS and sys.version_info < (3, 8)  # TensorFlow 1.15 is not to be had for later Pythons, nor Keras 3 for that one
KERAS3 = not TF_KERAS and not KERAS2
ALIVE = []
if KERAS2:
    import keras
    import numpy as np
    import tensorflow as tf
elif KERAS3:
    from common import keras, np, setup
    from keras.src.saving import serialization_lib

    setup()

    # While it loads a model, Keras 3.15.1 takes two objects for one where they have the same id(). Bidirectional drops the layer that it is
    # given, whose id may then be that of the next one's: in some runs two of them shared their forward layer. So nothing that it records goes.
    record = serialization_lib.record_object_after_serialization

    def record_and_keep(obj, config):
        ALIVE.append(obj)
        record(obj, config)

    serialization_lib.record_object_after_serialization = record_and_keep
else:
    import numpy as np
    import tensorflow as tf
    import tf_keras as keras

    def channels_last(op):
        """TensorFlow has no NCHW convolution on CPUs: transposes around those with channels last."""

        def call(input, *args, data_format=None, **kwargs):
            if data_format is None or not data_format.startswith("NC"):
                return op(input, *args, data_format=data_format, **kwargs)
            rank = len(input.shape)
            y = op(tf.transpose(input, [0, *range(2, rank), 1]), *args, data_format="N" + data_format[2:] + "C", **kwargs)
            return tf.transpose(y, [0, rank - 1, *range(1, rank - 1)])

        return call

    tf.compat.v2.nn.convolution = channels_last(tf.nn.convolution)

layers = keras.layers


def Input(shape, **kw):  # noqa: N802
    return layers.Input(shape=shape, **kw)


def sequential(shape, first, *rest, **kw):
    if KERAS2:  # it saves no InputLayer of a Sequential model: the shape is the first layer's
        first.batch_input_shape = (None, *shape)
        return keras.Sequential([first, *rest], **kw)
    return keras.Sequential([Input(shape), first, *rest], **kw)


# What this Keras saves, and which of the forms that gk writes are its own: "h5" is as gk does by itself, "tf.h5" with optimizer_weights.
FORMS = ("h5", "weights") if KERAS2 else ("keras", "h5", "weights")
ENDINGS = ("2.3.1.h5", "legacy.h5") if KERAS2 else ("h5", "keras", "weights.h5", "tf.h5") if KERAS3 else ("h5", "tf.h5", "legacy.h5")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = 8


def mlp():
    return sequential((6,), layers.Dense(7, activation="relu"), layers.Dense(3, activation="softmax")), [(6,)], "class:3"


def cnn():
    return sequential(
        (8, 8, 2), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(3, 2, padding="same"),
        layers.Flatten(), layers.Dense(3),
    ), [(8, 8, 2)], "logits:3"


def lstm():
    return sequential((5, 3), layers.LSTM(4, return_sequences=True), layers.LSTM(3), layers.Dense(2)), [(5, 3)], "number:2"


def gru():
    return sequential((5, 3), layers.Bidirectional(layers.GRU(4)), layers.Dense(2)), [(5, 3)], "number:2"


def two_inputs():
    a, b = Input((4,), name="left"), Input((3,), name="right")
    x = layers.Concatenate()([layers.Dense(3, activation="tanh")(a), b])
    return keras.models.Model([a, b], layers.Dense(2, name="score")(x)), [(4,), (3,)], "number:2"


def shared():
    a, b = Input((4,)), Input((4,))
    tower = layers.Dense(3, activation="relu", name="tower")
    x = layers.Subtract()([tower(a), tower(b)])
    return keras.models.Model([a, b], layers.Dense(1, activation="sigmoid")(x)), [(4,), (4,)], "binary:1"


def nested():
    inside = Input((4,))
    inner = keras.models.Model(inside, layers.Dense(3)(layers.Dense(5, activation="relu")(inside)), name="inner")
    row = sequential((3,), layers.Dense(3, activation="tanh"), name="row")
    a, b = Input((4,)), Input((4,))
    x = layers.Add()([row(inner(a)), inner(b)])
    return keras.models.Model([a, b], layers.Dense(2)(x)), [(4,), (4,)], "number:2"


def batch_normalization():
    return sequential(
        (6,), layers.Dense(5), layers.BatchNormalization(), layers.Activation("relu"), layers.Dense(3, activation="softmax"),
    ), [(6,)], "class:3"


def embedding():
    return sequential(
        (5,), layers.Embedding(9, 4), layers.GlobalAveragePooling1D(), layers.Dense(3, activation="softmax"),
    ), ["index:9:5"], "class:3"


def channels_first():
    return sequential(
        (2, 7, 7), layers.Conv2D(4, 3, data_format="channels_first", activation="relu"),
        layers.Conv2D(3, 3, strides=2, data_format="channels_first"), layers.Flatten(data_format="channels_first"), layers.Dense(3),
    ), [(2, 7, 7)], "logits:3"


MODELS = [mlp, cnn, lstm, gru, two_inputs, shared, nested, batch_normalization, embedding, channels_first]


def data(rng, inputs, target):
    xs = []
    for shape in inputs:
        if isinstance(shape, str):
            _, size, steps = shape.split(":")
            xs.append(rng.integers(0, int(size), (SAMPLES, int(steps))).astype("float32"))
        else:
            xs.append(rng.standard_normal((SAMPLES, *shape)).astype("float32"))
    kind, size = target.split(":")
    if kind in ("class", "logits"):
        return xs, rng.integers(0, int(size), (SAMPLES, 1)).astype("float32")
    if kind == "binary":
        return xs, rng.integers(0, 2, (SAMPLES, int(size))).astype("float32")
    return xs, rng.standard_normal((SAMPLES, int(size))).astype("float32")


def compile_model(model, target, optimizer):
    kind = target.split(":")[0]
    loss, metrics = {
        "class": ("sparse_categorical_crossentropy", ["accuracy"]),
        "logits": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), [keras.metrics.SparseCategoricalAccuracy(name="right")]),
        "binary": (keras.losses.BinaryCrossentropy(label_smoothing=0.1), ["accuracy", keras.metrics.Precision()]),
        "number": ("mse", ["mae"]),  # short names: Keras 3 cannot load its own .h5 with these
    }[kind]
    model.compile(optimizer, loss, metrics=metrics)


def one(xs):
    return xs[0] if len(xs) == 1 else xs


def predict(model, xs):
    return np.asarray(model.predict_on_batch(one(xs)))


def step(model, xs, y):
    model.train_on_batch(one(xs), y)


def fresh():
    """Begins anew where all models are in one graph, which costs more with each of them."""
    if KERAS2:
        keras.backend.clear_session()


def slots(model):
    """All that the optimizer of Keras 2.3.1 keeps."""
    return np.concatenate([np.ravel(w) for w in model.optimizer.get_weights()]) if KERAS2 else None


def state_forms(optimizer):
    """The forms that carry on exactly, and those that start the optimizer afresh, which is the same for plain SGD only."""
    if KERAS2:
        return ["2.3.1.h5"]
    if KERAS3:
        return ["h5", "keras"] if optimizer == "sgd" else ["keras"]
    return ["h5", "keras"] if optimizer == "sgd" else ["tf.h5"]


# Layer cases that real Keras cannot carry from file to file, by words of their names, and why.
KERAS_WITHOUT_H5 = dict.fromkeys(
    ("random_zoom", "random_translation", "random_contrast", "random_brightness", "random_grayscale", "random_invert", "random_posterization",
     "random_saturation", "random_hue", "random_sharpness", "random_color", "random_shear", "random_perspective", "random_erasing",
     "random_gaussian_blur", "random_elastic_transform", "solarization", "auto_contrast", "equalization", "mix_up", "cut_mix", "rand_augment",
     "aug_mix", "clahe"),
    "model.save of an .h5 by Keras 3.15.1 ends in a TypeError, cannot pickle 'module' object, whoever made the model",
)
KERAS_RELOADS_NOT = {
    "random_shear": "its own config, [-x_factor, x_factor], is out of the range that it takes",
    "equalization": "Functional finds a cycle: where nothing says otherwise the layer gives the very tensor that it got",
}
BEYOND_TF_KERAS = {
    "initial_state": "initial states in a graph: no form of call that Keras 3 and tf_keras both read",
    "zero_padding1d_channels_first": "no data_format",
}
GROUP = 40  # layer cases in one model: reading and writing a file costs Keras more than a layer does


def seed(number):
    if KERAS2:
        np.random.seed(number)
        tf.compat.v1.set_random_seed(number)
    else:
        keras.utils.set_random_seed(number)


def clear(model):
    for w in model.weights:
        w.assign(np.zeros(w.shape, "float32"))


class Run:
    def __init__(self, folder):
        self.folder = folder
        self.jobs, self.checks, self.failures, self.count = [], [], [], 0

    def near(self, what, got, want, tol):
        self.count += 1
        got, want = np.asarray(got), np.asarray(want)
        if got.shape != want.shape:
            self.failures.append(f"{what}: got shape {got.shape}, want {want.shape}")
            return
        worst = float(np.max(np.abs(got - want))) / max(1.0, float(np.max(np.abs(want))))
        if not worst <= tol:
            self.failures.append(f"{what}: differs by {worst:.2g}, allowed {tol:.0e}")

    def write(self, make, optimizer):
        """Trains a model, saves it in every form, and asks for gk's part."""
        fresh()
        name = f"{make.__name__}_{optimizer}"
        seed(len(self.jobs) + 1)
        rng = np.random.default_rng(len(self.jobs))
        model, inputs, target = make()
        xs, y = data(rng, inputs, target)
        compile_model(model, target, keras.optimizers.Adam(0.01) if optimizer == "adam" else keras.optimizers.SGD(0.1))
        for _ in range(3):
            step(model, xs, y)
        np.savez(self.folder / f"{name}.npz", **{f"x_{i}": x for i, x in enumerate(xs)}, y_0=y)
        (self.folder / f"{name}.json").write_text(model.to_json())
        files = {form: f"{name}.{form}" for form in FORMS}
        files["weights"] = f"{name}_w.weights.h5" if KERAS3 else f"{name}_w.h5"
        for form, file in files.items():  # .keras first: saving as .h5 makes Keras 3 forget the optimizer in its compile config
            (model.save_weights if form == "weights" else model.save)(str(self.folder / file))
        before = predict(model, xs)
        step(model, xs, y)
        after, state = predict(model, xs), slots(model)
        for form, file in files.items():
            job = {"name": f"{name}_{form}", "model": file, "data": f"{name}.npz", "save": []}
            if form == "weights":
                job["config"] = f"{name}.json"
            else:
                job["save"] = [f"{name}_{form}_gk.{e}" for e in ENDINGS]
            self.jobs.append(job)
            self.checks.append((make, optimizer, form, job, xs, y, before, after, state))

    def gk(self):
        """Lets gk do its part of all jobs at once."""
        (self.folder / "jobs.json").write_text(json.dumps(self.jobs))
        self.go("TestInterchange", "GK_INTERCHANGE")

    def read(self, make, optimizer, form, job, xs, y, before, after, state):
        """Checks gk's answers, and loads what gk has written."""
        name = job["name"]
        try:
            got = np.load(self.folder / f"{name}.out.npz")
        except FileNotFoundError:
            self.failures.append(f"{name}: no answer from gk")
            return
        self.near(f"{name}: gk predicts", got["before"], before, 1e-5)
        if form == "weights":
            return
        # Keras 3 on TensorFlow squares the gradient of every occurrence of an index by itself; gk and tf_keras add them up first.
        # Keras 2.3.1 on TensorFlow 1.15 reads Adam's step before or after it has been counted on, as threads have it, and takes unbiased
        # variances for the moving ones.
        quirk = KERAS3 and make is embedding and optimizer == "adam" or KERAS2 and (optimizer == "adam" or make is batch_normalization)
        if "after" not in got:
            self.failures.append(f"{name}: gk has not trained")
        elif not quirk:
            self.near(f"{name}: gk predicts after a step", got["after"], after, 1e-4)
        for file in job["save"]:
            ending = file.split("_gk.")[1]
            fresh()
            try:
                if ending == "weights.h5" or ending == "legacy.h5":
                    model = make()[0]
                    model.load_weights(str(self.folder / file))
                    self.near(f"{file}: Keras predicts", predict(model, xs), before, 1e-5)
                    continue
                model = keras.models.load_model(str(self.folder / file))
                self.near(f"{file}: Keras predicts", predict(model, xs), before, 1e-5)
                if model.optimizer is None:
                    self.failures.append(f"{file}: is not compiled")
                    continue
                if ending == "tf.h5" and KERAS3:
                    continue  # Keras 3.15 cannot train on with Keras 2's optimizer state in the file
                step(model, xs, y)
                if ending in state_forms(optimizer):
                    if KERAS2:
                        self.near(f"{file}: Keras' optimizer after a step", slots(model), state, 1e-4)
                    if not (KERAS2 and quirk):
                        self.near(f"{file}: Keras predicts after a step", predict(model, xs), after, 1e-4)
                    if ending != "h5":
                        self.near(f"{file}: steps taken", keras.backend.get_value(model.optimizer.iterations) if KERAS2 else np.asarray(model.optimizer.iterations), 4, 0)
            except Exception as e:  # noqa: BLE001: whatever Keras raises is the result
                self.failures.append(f"{file}: {type(e).__name__}: {str(e)[:600]}")

    def command(self, gk):
        """Lets the command predict from the files of this Keras."""
        for _, _, form, job, xs, _, before, _, _ in self.checks:
            if form == "weights":
                continue
            np.savez(self.folder / "in.npz", **{f"x_{i}": x for i, x in enumerate(xs)})
            out = self.folder / "out.npz"
            done = subprocess.run([gk, "predict", str(self.folder / job["model"]), str(self.folder / "in.npz"), "--out", str(out)],
                                  capture_output=True, text=True)
            if done.returncode:
                self.failures.append(f"gk predict {job['model']}: {done.stderr.strip()}")
                continue
            with np.load(out) as z:
                self.near(f"gk predict {job['model']}", z["out_0"], before, 1e-5)


    def layers(self):
        """Sends the layer of every case through Keras: gk writes models of many, Keras loads and saves them, gk compares."""
        rows, without_h5 = [], []
        for path in sorted((ROOT / "testdata" / "cases").glob("layers*.jsonl")):
            for line in filter(None, path.read_text().splitlines()):
                row = json.loads(line)
                if row["name"].startswith(tuple(KERAS_RELOADS_NOT)) or "states" in row or not hasattr(layers, row["class_name"]) or not KERAS3 and any(word in row["name"] for word in BEYOND_TF_KERAS):
                    continue  # a cell, or what this Keras does not have
                only_keras = KERAS3 and any(word in row["name"] for word in KERAS_WITHOUT_H5)
                (without_h5 if only_keras else rows).append(row["name"])
        groups = {f"group_{i // GROUP}": rows[i : i + GROUP] for i in range(0, len(rows), GROUP)}
        if without_h5:
            groups["without_h5"] = without_h5
        self.groups(groups)
        print(f"{len(rows) + len(without_h5)} layer cases")

    def groups(self, groups):
        (self.folder / "groups.json").write_text(json.dumps(groups))
        if not self.go("TestLayerGroups", "GK_FORMS"):
            return
        apart = []
        for name, rows in groups.items():
            try:
                self.through(name)
                self.count += len(rows)
            except Exception as e:  # noqa: BLE001
                if len(rows) > 1:
                    apart += rows
                else:
                    self.failures.append(f"{rows[0]}: {type(e).__name__}: {str(e)[-400:]}")
            keras.backend.clear_session()
            ALIVE.clear()
        self.go("TestLayerGroups", "GK_FORMS")
        if apart:  # to see which of them it is
            self.groups({row.replace("/", "_"): [row] for row in apart})

    def through(self, name):
        """Loads what gk wrote of a model in every form, and saves it again."""
        def path(ending):
            return self.folder / f"{name}{ending}"

        if name != "without_h5":
            model = keras.models.load_model(path(".h5"))
            model.save(path(".back.h5"))
            clear(model)
            model.load_weights(path(".legacy.h5"))
            if not KERAS3:
                model.save_weights(path(".back.legacy.h5"))
                return
            model.save(path(".back.legacy.h5"))
        model = keras.models.load_model(path(".keras"))
        model.save(path(".back.keras"))
        clear(model)
        model.load_weights(path(".weights.h5"))
        model.save_weights(path(".back.weights.h5"))
        path(".back.json").write_text(keras.models.model_from_json(path(".json").read_text()).to_json())

    def go(self, test, variable):
        done = subprocess.run(
            ["go", "test", "./hdf5io", "-count=1", "-run", test], cwd=ROOT,
            env={**os.environ, variable: str(self.folder)}, capture_output=True, text=True,
        )
        if done.returncode:
            print(done.stdout[-20000:], done.stderr[-2000:])
            self.failures.append(f"gk failed: {test}")
        return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gk", help="the gk command")
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--layers", action="store_true", help="send every layer case through Keras as well")
    parser.add_argument("--keep", help="a folder for the files")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(args.keep or folder).resolve()
        folder.mkdir(exist_ok=True, parents=True)
        run = Run(folder)
        for make in MODELS:
            if args.only is not None and make.__name__ not in args.only:
                continue
            for optimizer in ("adam", "sgd"):
                run.write(make, optimizer)
        run.gk()
        for check in run.checks:
            run.read(*check)
        if args.gk:
            run.command(args.gk)
        if args.layers:
            (folder / "layers").mkdir(exist_ok=True)
            run.folder = folder / "layers"
            run.layers()
    version = getattr(keras, "__version__", "?")
    for f in run.failures:
        print("FAIL", f)
    print(f"{'tf_keras' if TF_KERAS else 'Keras'} {version}: {len(run.jobs)} files read, {run.count} comparisons, {len(run.failures)} failures")
    sys.exit(1 if run.failures else 0)


if __name__ == "__main__":
    main()
