"""Owns the goldens of layers: outputs, masks, weights and gradients of one layer.

Rows:    name class_name config input [input_kind] [mask] [initial_state] [states] [seed=1] [train=true] [tol=1e-5]
         [call]: names of the arguments that take the inputs, where they are not a list; [kwargs]: further arguments
         [finite_differences=true], for the readers of goldens: whether gradients are those of the numbers
         [gradients=true]: false leaves out those of inputs, where TensorFlow has none and other backends do
Arrays:  in_i mask_i w_i out_i mask_out_i, and where train is true train_i dy_i dx_i dw_i after_i losses
"""

from common import array, gradients, keras, np, plain, tf, with_modules
from keras.src import backend, tree
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask


def make(case):
    shapes = case.row["input"]
    kinds = case.get("input_kind", "float")
    if isinstance(kinds, str):
        kinds = [kinds] * len(shapes)
    inputs = [case.data(s, k) for s, k in zip(shapes, kinds)]
    masks = [None if m is None else np.array(m, "bool") for m in case.get("mask", [])] or [None] * len(inputs)
    # That many of the last inputs are the initial state of a recurrent layer, or the states of a cell.
    states = next(((k, case.row[k]) for k in ("initial_state", "states") if k in case.row), None)
    how = states, case.get("call"), case.get("kwargs", {})

    layer = keras.layers.deserialize(with_modules({"class_name": case.row["class_name"], "config": case.get("config", {})}))
    symbolic = [keras.KerasTensor((None, *x.shape[1:]), dtype=x.dtype.name) for x in inputs]
    specs = tree.flatten(call(layer, symbolic, how))
    weights = layer.trainable_weights + layer.non_trainable_weights  # the order of .h5 files
    fill(case, weights)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()

    arrays = {f"in_{i}": x for i, x in enumerate(inputs)}
    arrays |= {f"mask_{i}": m for i, m in enumerate(masks) if m is not None}
    arrays |= {f"w_{i}": array(w.value) for i, w in enumerate(weights)}

    outputs = tree.flatten(call(layer, tensors(inputs, masks), how, training=False))
    arrays |= {f"out_{i}": array(y) for i, y in enumerate(outputs)}
    arrays |= {f"mask_out_{i}": array(get_keras_mask(y)) for i, y in enumerate(outputs) if get_keras_mask(y) is not None}
    if case.get("train", True):
        arrays |= train(case, layer, tensors(inputs, masks), how)

    meta = {
        "config": plain(keras.layers.serialize(layer)),
        "weights": [{"path": w.path, "shape": list(w.shape), "trainable": bool(w.trainable)} for w in weights],
        "output_shapes": [list(s.shape) for s in specs],
        "output_dtypes": [s.dtype for s in specs],
    }
    return arrays, meta


def call(layer, xs, how, **kwargs):
    states, names, more = how
    kwargs |= more
    if names:
        return layer(**dict(zip(names, xs)), **kwargs)
    if states:
        name, count = states
        kwargs[name], xs = xs[-count:], xs[:-count]
    return layer(xs[0] if len(xs) == 1 else xs, **kwargs)


def tensors(inputs, masks):
    """Fresh tensors that carry their masks, as a layer further up would have left them."""
    result = []
    for x, m in zip(inputs, masks):
        t = tf.convert_to_tensor(x)
        if m is not None:
            set_keras_mask(t, tf.convert_to_tensor(m))
        result.append(t)
    return result


def fill(case, weights):
    """Random values everywhere: zeros and ones of initializers would leave gradients that say little."""
    for w in weights:
        if not backend.is_float_dtype(w.dtype):
            continue
        shape = tuple(w.shape)
        if "variance" in w.name:
            w.assign(case.uniform(shape, 0.5, 1.5))
        elif w.name in ("gamma", "scale"):
            w.assign(1 + case.normal(shape, 0.3))
        else:
            w.assign(case.normal(shape, 0.5))


def train(case, layer, xs, how):
    floats = [i for i, x in enumerate(xs) if x.dtype.is_floating and case.get("gradients", True)]
    variables = [w.value for w in layer.trainable_weights]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([xs[i] for i in floats] + variables)
        outputs = tree.flatten(call(layer, xs, how, training=True))
    dys = [case.normal(tuple(y.shape)) for y in outputs]
    grads = gradients(tape, outputs, [tf.convert_to_tensor(dy) for dy in dys], [xs[i] for i in floats] + variables)
    arrays = {f"train_{i}": array(y) for i, y in enumerate(outputs)}
    arrays |= {f"dy_{i}": dy for i, dy in enumerate(dys)}
    arrays |= {f"dx_{i}": g for i, g in zip(floats, grads)}
    arrays |= {f"dw_{i}": g for i, g in enumerate(grads[len(floats):])}
    arrays |= {f"after_{i}": array(w.value) for i, w in enumerate(layer.non_trainable_weights)}
    if layer.losses:
        arrays["losses"] = np.array([array(v) for v in layer.losses], "float32")
    return arrays
