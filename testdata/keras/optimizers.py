"""Owns the goldens of optimizers and of learning rate schedules."""

from common import array, keras, np, plain, tf, with_modules
from functions import build

SHAPES = {"kernel": (4, 3), "bias": (3,)}


def optimizer(case):
    """Rows: name class_name config [steps=6].
    Arrays: start_i g_s_i after_s_i (step s from 0; i: 0 kernel (4,3), 1 bias (3,)), lr (before each step), var_k the optimizer's
    variables after the last step in saved order, and where use_ema is set final_i, what finalize_variable_values leaves."""
    opt = build(keras.optimizers, case)
    variables = []
    arrays = {}
    for i, (name, shape) in enumerate(SHAPES.items()):
        arrays[f"start_{i}"] = case.normal(shape)
        variables.append(keras.Variable(arrays[f"start_{i}"], name=name))
    opt.build(variables)
    rates = []
    for s in range(case.get("steps", 6)):
        rates.append(float(array(opt.learning_rate)))
        grads = [case.normal(shape) for shape in SHAPES.values()]
        opt.apply([tf.convert_to_tensor(g) for g in grads], variables)
        for i, g in enumerate(grads):
            arrays[f"g_{s}_{i}"] = g
            arrays[f"after_{s}_{i}"] = array(variables[i].value)
    arrays["lr"] = np.array(rates, "float32")
    arrays |= {f"var_{k}": array(v.value) for k, v in enumerate(opt.variables)}
    described = [{"path": v.path, "name": v.name, "shape": list(v.shape), "dtype": v.dtype} for v in opt.variables]
    if opt.use_ema:
        opt.finalize_variable_values(variables)
        arrays |= {f"final_{i}": array(v.value) for i, v in enumerate(variables)}
    return arrays, {"config": plain(keras.optimizers.serialize(opt)), "variables": described}


def schedule(case):
    """Rows: name class_name config [steps=21]. Arrays: steps (int32) values."""
    f = keras.optimizers.schedules.deserialize(with_modules({"class_name": case.row["class_name"], "config": case.row["config"]}))
    steps = np.arange(case.get("steps", 21), dtype="int32")
    values = np.array([float(array(f(s))) for s in steps], "float32")
    return {"steps": steps, "values": values}, {"config": plain(keras.optimizers.schedules.serialize(f))}
