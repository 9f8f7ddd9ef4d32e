"""Trains the six experiments of testdata/experiments with gk and with real Keras, from the same files, for several seeds, and prints a
table of both.

    GK_DATA=folder-of-mnist.npz python testdata/keras/experiments.py --gk ./gk [--only 1,5] [--seeds 5] [--results results.json]

The results of runs are kept in the file that --results names, from which a broken off run goes on. The exit code is 1 where the mean
test errors differ by more than the spread of Keras' own seeds, or by 0.2 % where that is less.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

from common import TESTDATA, keras, np, with_modules

# Per experiment: what the reference talk published, test error in percent and training loss per epoch.
PUBLISHED = {
    1: (2.93, [0.2744, 0.1078]),
    2: (2.80, [0.2184, 0.0755]),
    3: (2.62, [0.1999, 0.0751]),
    4: (2.60, [0.2014, 0.0771]),
    5: (9.49, [1.0352, 0.4422]),
    6: (4.17, [0.1324]),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gk", required=True, help="the gk binary")
    parser.add_argument("--only", default="1,2,3,4,5,6")
    parser.add_argument("--seeds", type=int, default=5, help="3 at most for experiment 6")
    parser.add_argument("--results", type=pathlib.Path)
    args = parser.parse_args()

    results = {}
    if args.results and args.results.exists():
        results = json.loads(args.results.read_text())
    apart = False
    print("| N | parameters | published error; loss | gk error: mean (range) | Keras error: mean (range) | gk loss by epoch | Keras loss by epoch |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for n in map(int, args.only.split(",")):
        seeds = range(1, 1 + min(args.seeds, 3 if n == 6 else args.seeds))
        runs = {}
        for side, train in ("gk", train_gk), ("keras", train_keras):
            runs[side] = []
            for seed in seeds:
                key = f"{side} {n} {seed}"
                if key not in results:
                    results[key] = train(args, n, seed)
                    if args.results:
                        args.results.write_text(json.dumps(results, indent=1))
                runs[side].append(results[key])
        apart |= row(n, runs["gk"], runs["keras"])
    sys.exit(1 if apart else 0)


def row(n, gk, keras_runs):
    """Prints a line of the table; reports whether the two sides are further apart than chance explains."""
    error, losses = PUBLISHED[n]
    print(
        f"| {n} | {gk[0]['parameters']:,} | {error:.2f} %; {' '.join(f'{x:.4f}' for x in losses)} | {spread(gk)} | {spread(keras_runs)} "
        f"| {loss(gk)} | {loss(keras_runs)} |",
        flush=True,
    )
    errors = [r["error"] for r in keras_runs]
    assert gk[0]["parameters"] == keras_runs[0]["parameters"]
    return abs(statistics.mean(r["error"] for r in gk) - statistics.mean(errors)) > max(max(errors) - min(errors), 0.2)


def spread(runs):
    errors = [r["error"] for r in runs]
    return f"{statistics.mean(errors):.2f} % ({min(errors):.2f} to {max(errors):.2f})"


def loss(runs):
    epochs = list(zip(*(r["loss"] for r in runs)))
    return " ".join(f"{statistics.mean(e):.4f}" for e in (epochs if len(epochs) <= 3 else epochs[-1:]))


def train_gk(args, n, seed):
    command = [args.gk, "train", str(TESTDATA / "experiments" / f"{n}.json"), "--seed", str(seed), "--json", "--out", ""]
    run = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {"error": 100 * run["test"]["error"], "loss": run["history"]["loss"], "parameters": run["parameters"], "seconds": run["seconds"]}


def mnist():
    folder = os.environ.get("GK_DATA")
    if folder and (pathlib.Path(folder) / "mnist.npz").exists():
        with np.load(pathlib.Path(folder) / "mnist.npz") as f:
            return (f["x_train"], f["y_train"]), (f["x_test"], f["y_test"])
    return keras.datasets.mnist.load_data()


def train_keras(_, n, seed):
    experiment = json.loads((TESTDATA / "experiments" / f"{n}.json").read_text())
    keras.utils.set_random_seed(seed)
    model = keras.saving.deserialize_keras_object(with_modules(experiment["model"]))
    compile_, fit = experiment["compile"], experiment["fit"]
    model.compile(optimizer=keras.optimizers.get(with_modules(compile_["optimizer"])), loss=compile_["loss"], metrics=compile_["metrics"])
    (x, y), (x_test, y_test) = mnist()
    flat = lambda a: a.reshape(-1, 784).astype("float32") / 255  # noqa: E731
    hot = keras.utils.to_categorical
    h = model.fit(flat(x), hot(y, 10), batch_size=fit["batch_size"], epochs=fit["epochs"], verbose=0)
    _, accuracy = model.evaluate(flat(x_test), hot(y_test, 10), batch_size=1000, verbose=0)
    return {"error": 100 * (1 - accuracy), "loss": h.history["loss"], "parameters": model.count_params()}


if __name__ == "__main__":
    main()
