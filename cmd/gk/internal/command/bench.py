"""Trains the networks of gk bench with real Keras: a name on a line of stdin, samples a second on a line of stdout."""

import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers as L  # noqa: E402

BATCH = 128
NETWORKS = {
    "mlp": (160, (784,), lambda: [L.Dense(784, activation="relu"), L.Dense(10, activation="softmax")]),
    "cnn": (12, (28, 28, 1), lambda: [
        L.Conv2D(32, 3, activation="relu"), L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D(2), L.Dropout(0.25), L.Flatten(),
        L.Dense(128, activation="relu"), L.Dropout(0.5), L.Dense(10, activation="softmax")]),
    "lstm": (40, (28, 28), lambda: [L.LSTM(128), L.Dense(10, activation="softmax")]),
}
ready = {}


def start(name):
    batches, shape, network = NETWORKS[name]
    model = keras.Sequential([L.Input(shape), *network()])
    model.compile("adam", loss="sparse_categorical_crossentropy")
    x = np.random.rand(batches * BATCH, *shape).astype("float32")
    y = np.random.randint(0, 10, len(x))
    model.fit(x[:10 * BATCH], y[:10 * BATCH], batch_size=BATCH, verbose=0)
    return model, x, y


print(f"Keras {keras.__version__} on {keras.backend.backend()}", flush=True)
for line in sys.stdin:
    name = line.strip()
    if name not in NETWORKS:
        print("none", flush=True)
        continue
    if name not in ready:
        ready[name] = start(name)
    model, x, y = ready[name]
    began = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, verbose=0)
    print(len(x) / (time.perf_counter() - began), flush=True)
