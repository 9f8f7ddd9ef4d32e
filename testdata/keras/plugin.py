"""A custom Keras layer in files, both ways: what Keras writes, gk loads, predicts and trains with the layer's own class as a plugin, and what gk
writes then, Keras loads.

    python testdata/keras/plugin.py --gk path/to/gk

wants the packages keras (with a backend) and gk_plugin in the Python that runs it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "..", "..", "contrib", "swiglu")
sys.path.insert(0, folder)

import keras  # noqa: E402
from swiglu import SwiGLU  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gk", required=True)
    gk = os.path.abspath(parser.parse_args().gk)
    plugin = os.path.abspath(os.path.join(folder, "swiglu.py"))
    env = {**os.environ, "GK_PYTHON": sys.executable}
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(8), SwiGLU(hidden=12), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mean_squared_error")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 6)).astype("float32")
    y = x[:, :1] * x[:, 1:2]
    with tempfile.TemporaryDirectory() as dir:
        at = lambda name: os.path.join(dir, name)  # noqa: E731

        def run(*args):
            done = subprocess.run([gk, *args], env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        np.save(at("x.npy"), x)
        np.savez(at("data.npz"), x=x, y=y)
        for name in ("m.keras", "m.h5"):  # in this order: saving an .h5 takes the optimizer out of what Keras 3 writes afterwards
            model.save(at(name))
            want = model.predict(x, verbose=0)
            run("predict", at(name), at("x.npy"), "--plugin", plugin, "--out", at("p.npy"))
            worst = abs(np.load(at("p.npy")) - want).max()
            print(f"{name}: written by Keras, predictions of gk differ by {worst:.1e}")
            assert worst < 1e-5
            again = keras.models.load_model(at(name), compile=False)  # Keras 3 cannot train on from an .h5 with an optimizer
            again.compile(optimizer=keras.optimizers.SGD(0.05), loss="mean_squared_error")
            again.fit(x, y, batch_size=64, epochs=1, shuffle=False, verbose=0)
            out = at("trained" + os.path.splitext(name)[1])
            run("train", at(name), "--data", at("data.npz"), "--plugin", plugin, "--out", out, "--batch-size", "64", "--epochs", "1", "--validation-split", "0",
                "--scale", "1")
            back = keras.models.load_model(out)
            worst = abs(back.predict(x, verbose=0) - again.predict(x, verbose=0)).max()
            print(f"{name}: a step of training in gk, loaded by Keras, differs by {worst:.1e}")
            assert worst < 1e-4
        shown = json.loads(run("plugin", "verify", plugin, "--json"))
        assert shown["failed"] == 0, shown


if __name__ == "__main__":
    main()
