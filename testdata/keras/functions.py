"""Owns the goldens of everything that is one function: activations, initializers, regularizers, constraints, losses, metrics."""

import math

from common import array, gradients, keras, np, plain, tf, with_modules
from keras.src.backend.common.masking import set_keras_mask
from keras.src.initializers.random_initializers import VarianceScaling, compute_fans


def build(namespace, case):
    """The object of a row's class_name and config; Keras' own tables lack Lamb and CategoricalGeneralizedCrossEntropy."""
    name = case.row["class_name"]
    # Losses and metrics share names, so the module has to be said.
    config = {"module": namespace.__name__, "registered_name": None, "class_name": name, "config": with_modules(case.get("config", {}))}
    return namespace.deserialize(config, custom_objects={name: getattr(namespace, name)})


def activation(case):
    """Rows: name identifier (string, or {class_name, config} of a layer) [arguments] input [input_kind]. Arrays: x y dy dx."""
    identifier = case.row["identifier"]
    f = keras.activations.get(with_modules(identifier))
    x = case.data(case.row["input"][0], case.get("input_kind", "sweep"))
    t = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = f(t, **case.get("arguments", {}))
    dy = case.normal(tuple(y.shape))
    (dx,) = gradients(tape, [y], [tf.convert_to_tensor(dy)], [t])
    return {"x": x, "y": array(y), "dy": dy, "dx": dx}, {"config": plain(keras.activations.serialize(f))}


TRUNCATED = 0.87962566103423978  # standard deviation of a standard normal cut at -2 and 2


def initializer(case):
    """Rows: name class_name config shape. Arrays: value where nothing is random, else stats (mean, standard deviation, least and
    greatest of Keras' values for the shape), and theory (the same four, infinite where there is no bound)."""
    init = build(keras.initializers, case)
    shape = case.row["shape"]
    value = array(init(shape, dtype="float32"))
    c = init.get_config()
    meta = {"config": plain(keras.initializers.serialize(init)), "shape": shape}
    if len(shape) > 1:
        meta["fans"] = [int(f) for f in compute_fans(shape)]
    name = type(init).__name__
    bound = std = mean = None
    if isinstance(init, VarianceScaling):
        fan_in, fan_out = compute_fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[init.mode]
        mean, std = 0.0, math.sqrt(init.scale / n)
        bound = {"uniform": math.sqrt(3) * std, "truncated_normal": 2 * std / TRUNCATED, "untruncated_normal": math.inf}[init.distribution]
        low, high = -bound, bound
    elif name == "RandomNormal":
        mean, std, low, high = c["mean"], c["stddev"], -math.inf, math.inf
    elif name == "TruncatedNormal":
        mean, std, bound = c["mean"], c["stddev"] * TRUNCATED, 2 * c["stddev"]
        low, high = mean - bound, mean + bound
    elif name == "RandomUniform":
        low, high = c["minval"], c["maxval"]
        mean, std = (low + high) / 2, (high - low) / math.sqrt(12)
    elif name == "Orthogonal":
        flat = value.reshape(-1, shape[-1]).astype("float64")
        gram = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
        meta["orthogonal"] = {"gain": c["gain"], "error": round(float(np.abs(gram - c["gain"] ** 2 * np.eye(len(gram))).max()), 5)}
        return {"stats": stats(value)}, meta
    else:
        return {"value": value}, meta
    return {"stats": stats(value), "theory": np.array([mean, std, low, high], "float64")}, meta | {"random": True}


def stats(x):
    x = x.astype("float64")
    return np.array([x.mean(), x.std(), x.min(), x.max()], "float64")


def regularizer(case):
    """Rows: name class_name config input. Arrays: x value dx."""
    f = build(keras.regularizers, case)
    x = case.data(case.row["input"][0], case.get("input_kind", "float"))
    t = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = f(t)
    (dx,) = gradients(tape, [y], [tf.ones_like(y)], [t])
    return {"x": x, "value": array(y), "dx": dx}, {"config": plain(keras.regularizers.serialize(f))}


def constraint(case):
    """Rows: name class_name config input. Arrays: x value."""
    f = build(keras.constraints, case)
    x = case.data(case.row["input"][0], case.get("input_kind", "float"))
    return {"x": x, "value": array(f(tf.convert_to_tensor(x)))}, {"config": plain(keras.constraints.serialize(f))}


def loss(case):
    """Rows: name class_name config y_true y_pred [sample_weight] [mask]. Arrays: y_true y_pred [sample_weight] [mask] value dy
    dy_pred, the gradient of sum(dy*value) with respect to y_pred; dy is all ones for a scalar."""
    f = build(keras.losses, case)
    y_true, y_pred, weight = case.spec("y_true"), case.spec("y_pred"), case.spec("sample_weight")
    arrays = {"y_true": y_true, "y_pred": y_pred}
    t = tf.convert_to_tensor(y_pred)
    if case.get("mask"):
        arrays["mask"] = np.array(case.row["mask"], "bool")
        set_keras_mask(t, tf.convert_to_tensor(arrays["mask"]))
    if weight is not None:
        arrays["sample_weight"] = weight
    with tf.GradientTape() as tape:
        tape.watch(t)
        value = f(tf.convert_to_tensor(y_true), t, sample_weight=weight)
    dy = case.normal(tuple(value.shape)) if len(value.shape) else np.float32(1)
    (grad,) = gradients(tape, [value], [tf.convert_to_tensor(dy)], [t])
    arrays |= {"value": array(value), "dy": np.asarray(dy), "dy_pred": grad}
    return arrays, {"config": plain(keras.losses.serialize(f))}


def metric(case):
    """Rows: name class_name config y_pred [y_true] [sample_weight] [mask] [updates=3]. Arrays: y_pred_k [y_true_k] [sample_weight_k]
    [mask_k] result_k after each update, var_i the metric's variables after the last one."""
    m = build(keras.metrics, case)
    arrays = {}
    for k in range(case.get("updates", 3)):
        y_true, y_pred, weight = case.spec("y_true"), case.spec("y_pred"), case.spec("sample_weight")
        t = y_pred
        if case.get("mask"):
            arrays[f"mask_{k}"] = np.array(case.row["mask"], "bool")
            t = tf.convert_to_tensor(y_pred)
            set_keras_mask(t, tf.convert_to_tensor(arrays[f"mask_{k}"]))
        args = [t] if y_true is None else [y_true, t]
        m.update_state(*args, sample_weight=weight) if weight is not None else m.update_state(*args)
        arrays[f"y_pred_{k}"] = y_pred
        if y_true is not None:
            arrays[f"y_true_{k}"] = y_true
        if weight is not None:
            arrays[f"sample_weight_{k}"] = weight
        arrays[f"result_{k}"] = array(m.result())
    arrays |= {f"var_{i}": array(v.value) for i, v in enumerate(m.variables)}
    variables = [{"path": v.path, "shape": list(v.shape)} for v in m.variables]
    return arrays, {"config": plain(keras.metrics.serialize(m)), "variables": variables}
