"""Prints what real Keras' callbacks decide for sequences of values: the expectations in callbacks_test.go.

Run with Keras 3.15.1: python core/callbacks/testdata/decisions.py
"""

import os
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402

C = keras.callbacks
nan = float("nan")


class Optimizer:
    learning_rate = np.float32(0.1)


class Model:
    """What callbacks see of a model: weights that hold the number of the epoch, and a list of what was saved."""

    def __init__(self):
        self.optimizer, self.weights, self.saved, self.stop_training = Optimizer(), None, [], False

    def get_weights(self):
        return self.weights

    def set_weights(self, w):
        self.weights = w

    def save(self, path, overwrite=True):
        self.saved.append(os.path.basename(path))

    def save_weights(self, path, overwrite=True):
        self.saved.append(os.path.basename(path))


def fit(callback, name, values, batches=0):
    """Epochs until the callback stops; returns the model, the epochs and the learning rate after each of them."""
    m, rates, epoch = Model(), [], 0
    callback.set_model(m)
    callback.on_train_begin()
    for epoch, v in enumerate(values):
        m.weights = epoch
        callback.on_epoch_begin(epoch)
        for b in range(batches):
            callback.on_train_batch_end(b, {"loss": v})
        callback.on_epoch_end(epoch, {name: v})
        rates.append(float(np.float32(m.optimizer.learning_rate)))
        if m.stop_training:
            break
    callback.on_train_end()
    return m, epoch + 1, rates


falling = [1.0, 0.8, 0.9, 0.7, 0.75, 0.74, 0.73, 0.6]
for name, config, values in [
    ("val_loss", dict(), falling),
    ("val_loss", dict(patience=2), falling),
    ("val_loss", dict(patience=3, restore_best_weights=True), falling),
    ("val_loss", dict(patience=2, restore_best_weights=True, min_delta=0.15), falling),
    ("val_loss", dict(patience=1, restore_best_weights=True), [1.0, 1.0, 0.5]),
    ("val_loss", dict(patience=2, baseline=0.5, restore_best_weights=True), falling),
    ("val_loss", dict(patience=1, start_from_epoch=3, restore_best_weights=True), falling),
    ("val_accuracy", dict(patience=1, mode="max", restore_best_weights=True), [0.1, 0.3, 0.2, 0.25, 0.9]),
    ("loss", dict(patience=2, restore_best_weights=True), [nan, nan, nan, nan]),
    ("loss", dict(patience=2, restore_best_weights=True), [0.5, nan, nan, 0.1]),
    ("loss", dict(patience=4, restore_best_weights=True), falling),
    ("loss", dict(patience=0), [1.0]),
    ("loss", dict(patience=1), [0.3, 0.3 - 1e-9, 0.3 - 2e-9, 0.3]),
    ("loss", dict(patience=2, mode="max", min_delta=-0.15), falling),
]:
    m, epochs, _ = fit(C.EarlyStopping(monitor=name, **config), name, values)
    print("EarlyStopping", name, config, "epochs", epochs, "weights of", m.weights)

flat = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8]
for name, config, values in [
    ("val_loss", dict(patience=2), flat),
    ("val_loss", dict(patience=2, cooldown=2, factor=0.5), flat),
    ("val_loss", dict(patience=1, factor=0.5, min_lr=0.03), flat),
    ("val_loss", dict(patience=0, factor=0.5), flat),
    ("val_loss", dict(patience=2, factor=0.5, min_delta=0.2), flat),
    ("val_loss", dict(patience=2, factor=0.5, mode="max"), flat),
    ("loss", dict(patience=1, factor=0.2), [nan, nan, 0.5, nan]),
]:
    _, _, rates = fit(C.ReduceLROnPlateau(monitor=name, **config), name, values)
    print("ReduceLROnPlateau", name, config, "rates", [f"{r:.6g}" for r in rates])

with tempfile.TemporaryDirectory() as folder:
    for path, config, name, values, batches in [
        ("m.keras", dict(), "val_loss", falling, 0),
        ("m-{epoch:02d}-{val_loss:.2f}.keras", dict(), "val_loss", falling[:3], 0),
        ("m-{epoch}.h5", dict(save_best_only=True), "val_loss", falling, 0),
        ("m-{epoch}.keras", dict(save_best_only=True, mode="max", monitor="val_accuracy"), "val_accuracy", falling[::-1], 0),
        ("m-{epoch}.keras", dict(save_best_only=True, initial_value_threshold=0.75), "val_loss", falling, 0),
        ("m-{epoch}.weights.h5", dict(save_weights_only=True), "val_loss", falling[:2], 0),
        ("m-{epoch}-{batch}-{loss:.1f}.keras", dict(save_freq=3), "val_loss", falling[:4], 4),
        ("m-{epoch}.keras", dict(save_best_only=True), "loss", falling[:2], 0),
        ("m-{epoch}.keras", dict(save_best_only=True), "val_loss", [nan, nan, 0.5, nan, 0.4], 0),
    ]:
        m, _, _ = fit(C.ModelCheckpoint(os.path.join(folder, path), **config), name, values, batches)
        print("ModelCheckpoint", path, config, m.saved)

    for append, logs in [
        (False, [{"loss": 0.5, "accuracy": 1e-05}, {"loss": 3.0, "accuracy": nan}]),
        (True, [{"val_loss": 1e17, "loss": 0.1}, {"loss": float("inf")}]),
        (False, [{"val_loss": 0.25, "loss": 123456.789}]),
    ]:
        file = os.path.join(folder, "log.csv")
        c = C.CSVLogger(file, separator=";" if not append else ",", append=append)
        c.on_train_begin()
        for epoch, l in enumerate(logs):
            c.on_epoch_end(epoch, l)
        c.on_train_end()
        print("CSVLogger", append, repr(open(file, newline="").read()))

for v, spec in [(3, "02d"), (3, ""), (3, "5"), (3, "<4d"), (3, "*^5d"), (3, ".1f"), (0.123456, ".2f"), (0.5, ""), (12.0, ".3"), (1234.0, ".3"),
                (0.00001, "g"), (1e20, ""), (0.25, "8.3f"), (0.25, "08.3f"), (-0.25, "08.3f"), (0.25, "+.1e"), (0.256, ".1%"), (nan, ".2f"),
                (float("-inf"), ".2f"), (3, "<04d"), (1234567.0, "g"), (0.5, "E"), (0.5, " .1f"), (2, "%"), (7.0, "")]:
    print("format", repr(v), repr(spec), repr(format(v, spec)))
