"""Owns the goldens of whole models: predictions before and after some steps of training, and what the steps changed."""

from common import array, keras, np, plain, with_modules
from keras.src import tree
from layers import fill


def make(case):
    """Rows: name config (of the model, partial) x y (lists of data) [sample_weight] [compile {optimizer loss [loss_weights]
    [metrics] [weighted_metrics]}] [steps=3] [fit (arguments of fit)].
    Arrays: x_i y_i [sample_weight] before_k after_k (weights) pred_before_i pred_after_i, logs (step, log name), evaluation (log name),
    opt_k (the optimizer's variables after the last step). All steps are taken on the same batch; logs are per step, not running. A row
    with "fit" calls fit without shuffling instead; its logs are the history, a line per epoch."""
    model = keras.saving.deserialize_keras_object(with_modules(case.row["config"]))
    xs = [case.array(s) for s in case.row["x"]]
    ys = [case.array(s) for s in case.get("y", [])]
    one = lambda values: values[0] if len(values) == 1 else values  # noqa: E731
    if not model.built:
        model.build(xs[0].shape)

    weights = [(layer, w) for layer in model.layers for w in layer.trainable_weights + layer.non_trainable_weights]  # order of .h5
    fill(case, [w for _, w in weights])
    arrays = {f"x_{i}": x for i, x in enumerate(xs)} | {f"y_{i}": y for i, y in enumerate(ys)}
    arrays |= {f"before_{k}": array(w.value) for k, (_, w) in enumerate(weights)}
    arrays |= predictions(model, one(xs), "pred_before")
    meta = {
        "config": plain(keras.saving.serialize_keras_object(model)),
        "weights": [{"layer": n.name, "path": w.path, "shape": list(w.shape), "trainable": bool(w.trainable)} for n, w in weights],
    }
    if "compile" not in case.row:
        return arrays, meta

    settings = with_modules(case.row["compile"])
    model.compile(
        optimizer=keras.optimizers.get(settings["optimizer"]),
        loss=tree_of(keras.losses, settings["loss"]),
        loss_weights=settings.get("loss_weights"),
        metrics=tree_of(keras.metrics, settings.get("metrics")),
        weighted_metrics=tree_of(keras.metrics, settings.get("weighted_metrics")),
        jit_compile=False,
    )
    weight = case.spec("sample_weight")
    if weight is not None:
        arrays["sample_weight"] = weight
    if "fit" in case.row:
        arguments = dict(case.row["fit"])
        if "class_weight" in arguments:
            arguments["class_weight"] = {int(k): v for k, v in arguments["class_weight"].items()}
        history = model.fit(one(xs), one(ys), sample_weight=weight, shuffle=False, verbose=0, **arguments).history
        logs = [dict(zip(history, values)) for values in zip(*history.values())]
    else:
        logs = []
        for _ in range(case.get("steps", 3)):
            model.reset_metrics()
            logs.append(model.train_on_batch(one(xs), one(ys), sample_weight=weight, return_dict=True))
    arrays["logs"] = np.array([[float(v) for v in line.values()] for line in logs], "float32")
    model.reset_metrics()
    evaluation = model.test_on_batch(one(xs), one(ys), sample_weight=weight, return_dict=True)
    arrays["evaluation"] = np.array([float(v) for v in evaluation.values()], "float32")
    arrays |= {f"after_{k}": array(w.value) for k, (_, w) in enumerate(weights)}
    arrays |= predictions(model, one(xs), "pred_after")
    arrays |= {f"opt_{k}": array(v.value) for k, v in enumerate(model.optimizer.variables)}
    meta["logs"] = list(logs[0])
    meta["evaluation"] = list(evaluation)
    meta["compile_config"] = plain(model.get_compile_config())
    meta["optimizer_variables"] = [{"path": v.path, "name": v.name, "shape": list(v.shape)} for v in model.optimizer.variables]
    return arrays, meta


def predictions(model, x, name):
    return {f"{name}_{i}": array(y) for i, y in enumerate(tree.flatten(model.predict_on_batch(x)))}


def tree_of(namespace, settings):
    """Losses or metrics as compile takes them: objects become instances, strings stay."""
    if isinstance(settings, dict) and "class_name" in settings:
        return namespace.deserialize(settings)
    if isinstance(settings, dict):
        return {k: tree_of(namespace, v) for k, v in settings.items()}
    if isinstance(settings, list):
        return [tree_of(namespace, v) for v in settings]
    return settings
