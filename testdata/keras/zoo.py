"""Owns files of other Kerases than today's: some fifty small models, after a step of training, in every form that the Keras of this Python has.

    python testdata/keras/zoo.py FOLDER [NAME ...]

writes FOLDER/NAME.keras, .h5, .weights.h5, .json (the architecture) and .npz: inputs x_0, ... and the outputs y_0, ... that this Keras
computes. It runs with tf.keras of TensorFlow 2.12 to 2.15, tf_keras, and Keras 3.0 to 3.15 on JAX. The test TestKerases of package hdf5io reads
the result: with GK_ZOO=FOLDER/.. all of it, else the few files of testdata/zoo.
"""

import importlib.util
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np

FORMS = ("keras", "h5", "weights.h5")
KERAS3 = False
if importlib.util.find_spec("tf_keras"):
    import tf_keras as keras
elif importlib.util.find_spec("tensorflow") and not importlib.util.find_spec("jax"):
    import tensorflow as tf

    keras = tf.keras
    if tf.__version__ < "2.13":
        FORMS = FORMS[1:]  # it writes .keras as HDF5
else:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    KERAS3 = True

L = keras.layers
MODELS = {}


def model(f):
    MODELS[f.__name__] = f
    return f


def I(*shape, **kw):  # noqa: E743
    return keras.Input(shape=shape, **kw)


def seq(*layers):
    return keras.Sequential(list(layers))


def optional(name, *args, **kw):
    """A layer that not every Keras has, in a list."""
    return [getattr(L, name)(*args, **kw)] if hasattr(L, name) else []


@model
def mlp():
    return seq(I(6), L.Dense(7, activation="relu"), L.Dropout(0.2), L.Dense(5, activation="gelu"), L.Dense(3, activation="softmax"))


@model
def mlp_noinput():
    m = seq(L.Dense(4, activation="swish", input_shape=(5,)) if not KERAS3 else L.Dense(4, activation="swish"), L.Dense(2, activation="hard_sigmoid"))
    m.build((None, 5))
    return m


@model
def cnn():
    return seq(
        I(8, 8, 2),
        L.Conv2D(4, 3, activation="relu"),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Conv2D(3, 2, padding="same", dilation_rate=2),
        L.Flatten(),
        L.Dense(3),
    )


@model
def conv1d():
    return seq(
        I(9, 3), L.Conv1D(4, 3, padding="causal"), L.Conv1D(4, 2, groups=2), L.BatchNormalization(), L.AveragePooling1D(2), L.GlobalMaxPooling1D()
    )


@model
def conv3d():
    return seq(I(4, 4, 4, 2), L.Conv3D(3, 2), L.MaxPooling3D(2), L.GlobalAveragePooling3D(), L.Dense(2))


@model
def conv_transpose():
    return seq(I(4, 4, 2), L.Conv2DTranspose(3, 3, strides=2, padding="same"), L.Conv2DTranspose(2, 2), L.LeakyReLU())


@model
def conv1d_transpose():
    return seq(I(5, 2), L.Conv1DTranspose(3, 3, strides=2), L.PReLU(shared_axes=[1]))


@model
def conv3d_transpose():
    return seq(I(3, 3, 3, 2), L.Conv3DTranspose(2, 2))


@model
def depthwise():
    return seq(
        I(6, 6, 2),
        L.DepthwiseConv2D(3, depth_multiplier=2),
        L.SeparableConv2D(3, 2),
        L.ReLU(max_value=6.0, negative_slope=0.1),
        L.GlobalAveragePooling2D(),
    )


@model
def separable1d():
    return seq(I(8, 3), L.SeparableConv1D(4, 3), *optional("DepthwiseConv1D", 2), L.ELU(), L.GlobalAveragePooling1D(keepdims=True))


@model
def lstm():
    return seq(I(5, 3), L.LSTM(4, return_sequences=True), L.LSTM(3, recurrent_activation="hard_sigmoid", unit_forget_bias=False), L.Dense(2))


@model
def gru():
    return seq(I(5, 3), L.GRU(4, return_sequences=True), L.GRU(3, reset_after=False), L.Dense(2))


@model
def simple_rnn():
    return seq(I(5, 3), L.SimpleRNN(4, return_sequences=True, go_backwards=True), L.SimpleRNN(2))


@model
def bidirectional():
    return seq(I(5, 3), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(3), merge_mode="sum"), L.Dense(2))


@model
def bidirectional_two():
    return seq(
        I(5, 3),
        L.Bidirectional(L.LSTM(4, return_sequences=True), backward_layer=L.GRU(4, return_sequences=True, go_backwards=True), merge_mode="ave"),
        L.Bidirectional(L.SimpleRNN(3)),
    )


@model
def bidirectional_functional():
    x = I(5, 3)
    y = L.Bidirectional(L.LSTM(4, return_sequences=True), name="a")(x)
    z = L.Bidirectional(L.LSTM(2))(y)
    return keras.Model(x, L.Dense(2)(z))


@model
def rnn_stack():
    return seq(I(5, 3), L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True), L.RNN(L.LSTMCell(3)))


@model
def rnn_stack_bidirectional():
    return seq(I(5, 3), L.Bidirectional(L.RNN([L.LSTMCell(4), L.LSTMCell(3)])), L.Dense(2))


@model
def rnn_state():
    x = I(5, 3)
    e = L.LSTM(4, return_state=True)
    o, h, c = e(x)
    x2 = I(6, 3)
    y = L.LSTM(4, return_sequences=True)(x2, initial_state=[h, c])
    return keras.Model([x, x2], [L.Dense(2)(y), o])


@model
def time_distributed():
    return seq(I(4, 6, 6, 2), L.TimeDistributed(L.Conv2D(3, 3)), L.TimeDistributed(L.Flatten()), L.TimeDistributed(L.Dense(3)), L.LSTM(2))


@model
def time_distributed_nested():
    inner = seq(I(3), L.Dense(4), L.BatchNormalization(), L.Dense(2))
    return seq(I(5, 3), L.TimeDistributed(inner), L.GRU(3))


@model
def convlstm():
    return seq(I(4, 5, 5, 2), L.ConvLSTM2D(3, 2, return_sequences=True), L.ConvLSTM2D(2, 2))


@model
def convlstm1d():
    return seq(I(4, 5, 2), L.ConvLSTM1D(3, 2, return_sequences=True), L.BatchNormalization())


@model
def convlstm_bidirectional():
    return seq(I(4, 5, 5, 2), L.Bidirectional(L.ConvLSTM2D(3, 2)))


@model
def embedding():
    return seq(I(6), L.Embedding(9, 4, mask_zero=True), L.LSTM(4, return_sequences=True), L.Bidirectional(L.GRU(2)), L.Dense(3))


@model
def masking():
    return seq(I(6, 3), L.Masking(0.0), L.GRU(4), L.Dense(3, use_bias=False))


@model
def shared():
    a, b = I(4), I(4)
    t = L.Dense(3, activation="tanh")
    return keras.Model([a, b], L.Dense(1)(L.Subtract()([t(a), t(b)])))


@model
def shared_conv():
    a = I(8, 8, 2)
    c = L.Conv2D(2, 3, padding="same")
    bn = L.BatchNormalization()
    x = c(a)
    y = bn(c(x))
    z = bn(c(y))
    return keras.Model(a, [y, L.Dense(2)(z)])


@model
def nested():
    i = I(4)
    inner = keras.Model(i, L.BatchNormalization()(L.Dense(3)(L.Dense(5, activation="relu")(i))), name="inner")
    row = seq(I(3), L.Dense(3, activation="tanh"), L.BatchNormalization())
    a, b = I(4), I(4)
    return keras.Model([a, b], L.Dense(2)(L.Add()([row(inner(a)), inner(b)])))


@model
def nested_deep():
    a = seq(I(4), L.Dense(4), L.Dense(3))
    b = seq(I(4), a, L.BatchNormalization())
    i = I(4)
    c = keras.Model(i, [b(i), L.Dense(3)(i)])
    x = I(4)
    u, v = c(x)
    return keras.Model(x, L.Concatenate()([L.Dense(2)(u), v]))


@model
def nested_frozen():
    base = seq(I(6, 6, 1), L.Conv2D(2, 3), L.BatchNormalization(), L.Conv2D(2, 2))
    base.trainable = False
    base.layers[-1].trainable = False
    return seq(I(6, 6, 1), base, L.GlobalAveragePooling2D(), L.Dense(2))


@model
def nested_shared_twice():
    t = seq(I(4), L.Dense(3))
    i = I(4)
    j = I(4)
    k = I(4)
    m1 = keras.Model(k, L.Dense(2)(t(k)))
    return keras.Model([i, j], L.Concatenate()([m1(i), t(j), L.Dense(2)(t(i))]))


@model
def merges():
    a, b = I(4), I(4)
    ls = [L.Add(), L.Multiply(), L.Average(), L.Maximum(), L.Minimum(), L.Subtract(), L.Dot(1, normalize=True)]
    return keras.Model([a, b], L.Concatenate()([l([a, b]) for l in ls]))


@model
def norms():
    return seq(
        I(5, 4),
        L.LayerNormalization(),
        L.LayerNormalization(axis=[1, 2]),
        L.BatchNormalization(axis=1, scale=False),
        L.UnitNormalization(),
        *optional("GroupNormalization", 2),
    )


@model
def shapes():
    return seq(
        I(6),
        L.RepeatVector(4),
        L.Permute((2, 1)),
        L.Reshape((4, 6)),
        L.ZeroPadding1D(1),
        L.Cropping1D((1, 0)),
        L.UpSampling1D(2),
        L.Flatten(),
        L.Dense(2),
    )


@model
def shapes2():
    return seq(
        I(4, 4, 2),
        L.ZeroPadding2D(((1, 0), (2, 1))),
        L.UpSampling2D((2, 1), interpolation="bilinear"),
        L.Cropping2D(1),
        L.AveragePooling2D(2, 1, "same"),
        L.GlobalMaxPooling2D(),
    )


@model
def shapes3():
    return seq(I(3, 3, 3, 2), L.ZeroPadding3D(1), L.UpSampling3D(2), L.Cropping3D(1), L.AveragePooling3D(2), L.GlobalMaxPooling3D(keepdims=True))


@model
def noise():
    return seq(
        I(5, 4),
        L.GaussianNoise(0.1),
        L.GaussianDropout(0.2),
        L.AlphaDropout(0.1),
        L.SpatialDropout1D(0.1),
        L.ActivityRegularization(0.1),
        L.Activation("selu"),
        L.Softmax(axis=1),
    )


@model
def activations():
    return seq(
        I(5),
        *[L.Dense(5, activation=a) for a in ("elu", "exponential", "softplus", "softsign", "tanh", "sigmoid", "selu", "linear")],
        L.ELU(0.5),
        L.LeakyReLU(),
        L.PReLU(),
        L.ReLU(threshold=0.1),
    )


@model
def regularized():
    return seq(
        I(5),
        L.Dense(
            4,
            kernel_regularizer=keras.regularizers.L1L2(0.1, 0.2),
            bias_regularizer="l2",
            activity_regularizer=keras.regularizers.L2(0.1),
            kernel_constraint="max_norm",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
        ),
        L.Dense(2, kernel_initializer="he_normal", bias_constraint=keras.constraints.NonNeg()),
    )


@model
def preprocessing():
    n = L.Normalization()
    n.adapt(np.arange(40, dtype="float32").reshape(10, 4) ** 1.2)
    return seq(I(4), n, L.Rescaling(0.5, offset=1.0), L.Dense(2))


@model
def einsum():
    return seq(
        I(5, 4), L.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d"), L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3))
    )


@model
def channels_first_bn():
    return seq(I(3, 4), L.Permute((2, 1)), L.BatchNormalization(axis=2), L.Dense(2), *optional("Identity"))


@model
def local():
    return seq(I(6, 2), L.LocallyConnected1D(3, 2), L.ThresholdedReLU(0.2), L.Dense(1))


@model
def local2():
    return seq(I(5, 5, 2), L.LocallyConnected2D(3, 2), L.GlobalAveragePooling2D())


@model
def dict_io():
    a = I(4, name="left")
    b = I(3, name="right")
    x = L.Concatenate()([a, b])
    return keras.Model({"left": a, "right": b}, {"out": L.Dense(2)(x), "aux": L.Dense(1)(x)})


@model
def operators():
    a = I(4)
    x = L.Dense(4)(a)
    y = x * 2.0 + a
    z = y - 1.0
    w = 1.0 / (z * z + 1.0)
    return keras.Model(a, L.Dense(2)(w))


@model
def mixed():
    return seq(I(5), L.Dense(4, dtype="mixed_float16", activation="relu"), L.Dense(3, dtype="float32"))


@model
def float64():
    return seq(I(5, dtype="float64"), L.Dense(4, dtype="float64", activation="relu"), L.Dense(3, dtype="float64"))


@model
def subnamed():
    return seq(I(5), L.Dense(4, name="first"), L.Dense(4, name="a_b"), L.Dense(4), L.Dense(4, name="dense_1"), L.Activation("relu", name="first_1"))


def run(m, feed):
    y = m(feed, training=False)
    if isinstance(y, dict):
        return {k: np.asarray(v) for k, v in y.items()}
    return [np.asarray(v) for v in y] if isinstance(y, (list, tuple)) else np.asarray(y)


def flat(outs):
    if isinstance(outs, dict):
        return [outs[k] for k in sorted(outs)]
    return outs if isinstance(outs, list) else [outs]


def randomize(m, rng, keep):
    """Gives every weight a value that no initializer gives, so that none can be missed."""
    for w in m.weights:
        name = getattr(w, "path", w.name)
        if "int" in str(w.dtype) or "seed" in name or keep and "kernel" not in name:
            continue
        v = rng.normal(size=tuple(w.shape)).astype("float32") * 0.4
        w.assign(np.abs(v) + 0.5 if "variance" in name or "gamma" in name else v)


def save(name, f, out):
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(5)
    m = f()
    randomize(m, rng, name == "preprocessing")
    xs = []
    for t in m.inputs if isinstance(m.inputs, (list, tuple)) else m.inputs.values():
        shape = [3, *(int(d) for d in tuple(t.shape)[1:])]
        x = rng.integers(0, 9, shape).astype("float32") if name == "embedding" else rng.normal(size=shape).astype("float32")
        if name == "masking":
            x[:, 3:] = 0
        xs.append(x)
    feed = xs[0] if len(xs) == 1 else xs
    if name == "dict_io":
        feed = {"left": xs[0], "right": xs[1]}
    want = run(m, feed)
    loss = {k: "mse" for k in want} if isinstance(want, dict) else ["mse"] * len(want) if isinstance(want, list) else "mse"
    m.compile(("adam", "sgd", "rmsprop")[len(name) % 3], loss, run_eagerly=True)
    if m.trainable_weights:
        m.train_on_batch(feed, want)
    outs = flat(run(m, feed))
    np.savez(out / f"{name}.npz", **{f"x_{i}": x for i, x in enumerate(xs)}, **{f"y_{i}": np.asarray(y, "float32") for i, y in enumerate(outs)})
    (out / f"{name}.json").write_text(m.to_json())
    for form in FORMS:
        path = out / f"{name}.{form}"
        path.unlink(missing_ok=True)
        try:
            m.save_weights(path) if form == "weights.h5" else m.save(path)
        except Exception as e:  # noqa: BLE001: Keras 3.0 to 3.6 cannot save all of their models as .h5
            print(name, form, type(e).__name__, str(e)[:200])
            path.unlink(missing_ok=True)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(exist_ok=True, parents=True)
    for name, f in MODELS.items():
        if KERAS3 and name.startswith("local"):  # Keras 3 has no LocallyConnected
            continue
        if not sys.argv[2:] or name in sys.argv[2:]:
            try:
                save(name, f, out)
            except Exception as e:  # noqa: BLE001: what one Keras or another cannot make or run
                print(name, type(e).__name__, str(e)[:200])


if __name__ == "__main__":
    main()
