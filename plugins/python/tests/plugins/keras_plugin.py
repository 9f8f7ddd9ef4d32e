"""Layers as people write them for Keras, and more, which the SDK serves unchanged."""

import keras
from keras import ops


class Plain(keras.layers.Layer):
    """y = relu(x w) * scale, not registered."""

    def __init__(self, units=3, scale=1.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.scale = units, scale

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w", regularizer="l2", constraint="non_neg")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", name="b")

    def call(self, x, training=False):
        if training:
            self.count.assign(self.count + 1)
        return ops.relu(ops.matmul(x, self.w) + self.b) * self.scale

    def get_config(self):
        return {**super().get_config(), "units": self.units, "scale": self.scale}


@keras.saving.register_keras_serializable(package="acme")
class Block(keras.layers.Layer):
    """Sub-layers, dropout, a batch normalisation, a loss."""

    def __init__(self, width=4, rate=0.25, **kwargs):
        super().__init__(**kwargs)
        self.width, self.rate = width, rate
        self.first = keras.layers.Dense(width, activation="tanh")
        self.norm = keras.layers.BatchNormalization()
        self.many = [keras.layers.Dense(width), keras.layers.Dense(2)]
        self.drop = keras.layers.Dropout(rate)

    def call(self, x):
        y = self.drop(self.norm(self.first(x)))
        self.add_loss(0.1 * ops.mean(ops.square(y)))
        for d in self.many:
            y = d(y)
        return y

    def get_config(self):
        return {**super().get_config(), "width": self.width, "rate": self.rate}


@keras.saving.register_keras_serializable(package="acme")
class Both(keras.layers.Layer):
    """Two inputs side by side, two outputs."""

    def call(self, a, b, flip=False):
        return (b - a, a * b) if flip else (a + b, a * b)


class Joined(keras.layers.Layer):
    """A list of inputs."""

    def call(self, inputs):
        return ops.concatenate(inputs, axis=-1)


class Lookup(keras.layers.Layer):
    """Integers only."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(5, 2), name="table")

    def call(self, index):
        return ops.take(self.table, index, axis=0)


class Masked(keras.layers.Layer):
    """Mean over the steps that count."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return x
        return x * ops.expand_dims(ops.cast(mask, x.dtype), -1)


class Broken(keras.layers.Layer):
    def call(self, x):
        return x + ops.ones((7, 7, 7))


@keras.saving.register_keras_serializable(package="acme")
def swishy(x):
    """x sigmoid(x)."""
    return x * ops.sigmoid(x)


@keras.saving.register_keras_serializable(package="acme")
def far(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@keras.saving.register_keras_serializable(package="acme")
class Wide(keras.initializers.Initializer):
    def __init__(self, width=2.0):
        self.width = width

    def __call__(self, shape, dtype=None):
        return keras.random.uniform(shape, -self.width, self.width, dtype=dtype or "float32")

    def get_config(self):
        return {"width": self.width}


@keras.saving.register_keras_serializable(package="acme")
class Quartic(keras.regularizers.Regularizer):
    def __init__(self, rate=0.01):
        self.rate = rate

    def __call__(self, w):
        return self.rate * ops.sum(ops.square(ops.square(w)))

    def get_config(self):
        return {"rate": self.rate}


@keras.saving.register_keras_serializable(package="acme")
class Unit(keras.constraints.Constraint):
    def __call__(self, w):
        return ops.clip(w, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="acme")
class Power(keras.losses.Loss):
    def __init__(self, power=4, name="power", reduction="sum_over_batch_size"):
        super().__init__(name=name, reduction=reduction)
        self.power = power

    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred) ** self.power, axis=-1)

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@keras.saving.register_keras_serializable(package="acme")
class Farthest(keras.metrics.Metric):
    def __init__(self, name="farthest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.most = self.add_variable(shape=(), initializer="zeros", name="most")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.most.assign(ops.maximum(self.most, ops.max(ops.abs(y_true - y_pred))))

    def result(self):
        return self.most * 1.0
