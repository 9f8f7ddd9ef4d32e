"""Owns the goldens of functions of keras.ops between the inputs and outputs of a model.

    operations.py FOLDER    loads the files that $GK_FORMS=FOLDER go test ./hdf5io -run TestOperationForms writes, and compares what they predict
"""

import pathlib
import sys

import common
from common import array, gradients, keras, np, plain, tf
from keras import ops
from keras.src import tree


def make(case):
    """Rows: name expr (Python, of the inputs x, y, z, and of ops and np) input (a list of data) [grad=true]. The batch is not known
    when the model is made.
    Arrays: x_i, y_k (outputs as float32), and unless grad is false dy_k (random, for outputs that are floats) and dx_i, the gradient of
    sum(y_k dy_k) with respect to inputs that are floats."""
    data = [case.array(s) for s in case.row["input"]]
    fixed = [len(x.shape) < 2 or len({y.shape[0] for y in data}) > 1 for x in data]
    inputs = [keras.Input(batch_shape=x.shape if f else (None, *x.shape[1:]), dtype=x.dtype.name) for x, f in zip(data, fixed)]
    space = {"ops": ops, "np": np, **dict(zip("xyz", inputs))}
    try:
        outputs = eval(case.row["expr"], space)
    except (ValueError, TypeError):  # needs to know the batch
        inputs = [keras.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in data]
        outputs = eval(case.row["expr"], space | dict(zip("xyz", inputs)))
    outputs = tree.flatten(outputs)
    model = keras.Model(inputs, outputs)
    arrays = {f"x_{i}": x for i, x in enumerate(data)}
    tensors = [tf.convert_to_tensor(x) for x in data]
    floats = [t for t in tensors if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        ys = tree.flatten(model(tensors))
    arrays |= {f"y_{k}": array(y).astype("float32") for k, y in enumerate(ys)}
    if case.get("grad", True):
        real = [(k, y) for k, y in enumerate(ys) if y.dtype.is_floating]
        dys = [case.normal(y.shape) for _, y in real]
        if real and floats:
            found = iter(gradients(tape, [y for _, y in real], [tf.constant(d) for d in dys], floats))
            arrays |= {f"dy_{k}": d for (k, _), d in zip(real, dys)}
            arrays |= {f"dx_{i}": next(found) for i, t in enumerate(tensors) if t.dtype.is_floating}
    return arrays, {"config": plain(keras.saving.serialize_keras_object(model))}


def own_fails(config):
    """Whether Keras cannot make a model again of a config that it wrote itself."""
    try:
        model = keras.saving.deserialize_keras_object(config)
        model([tf.zeros([d or 2 for d in x.shape], x.dtype) for x in model.inputs])
    except Exception:
        return True
    return False


def load(folder):
    """The number of files, and what is wrong with them."""
    count, wrong = 0, []
    for path in sorted(pathlib.Path(folder).glob("*__*")):
        kind, name = path.stem.split("__")
        arrays, meta = common.unpack((common.GOLDEN / kind / f"{name}.npz").read_bytes())
        count += 1
        try:
            model = keras.models.load_model(path)
            xs = [tf.constant(arrays[f"x_{i}"]) for i in range(len(model.inputs))]
            for k, y in enumerate(tree.flatten(model(xs[0] if len(xs) == 1 else xs))):
                got, want = array(y).astype("float32"), arrays[f"y_{k}"]
                if got.shape != want.shape or not np.allclose(got, want, rtol=1e-5, atol=1e-5 * max(1, np.abs(want).max(initial=0))):
                    wrong.append(f"{path.name}: output {k} differs")
        except Exception as e:
            if kind == "operations" and own_fails(meta["config"]):
                print(f"{path.name}: not of Keras' own either")
                continue
            wrong.append(f"{path.name}: {type(e).__name__}: {str(e)[:300]}")
    return count, wrong


if __name__ == "__main__":
    files, failures = load(sys.argv[1])
    print(*failures, f"{files} files, {len(failures)} failures", sep="\n")
    sys.exit(1 if failures else 0)
