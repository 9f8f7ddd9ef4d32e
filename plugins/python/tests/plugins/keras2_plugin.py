"""Layers written for tf_keras (Keras 2)."""

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="old")
class Block(keras.layers.Layer):
    """Sub-layers, dropout, a batch normalisation, a loss."""

    def __init__(self, width=4, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.rate = width, rate
        self.first = keras.layers.Dense(width, kernel_regularizer="l2", kernel_constraint="non_neg")
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(rate)

    def call(self, x):
        y = self.norm(self.first(x))
        self.add_loss(tf.reduce_mean(y * y))
        return self.drop(y)

    def get_config(self):
        return {**super().get_config(), "width": self.width, "rate": self.rate}


class Masked(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x, mask=None, training=None):
        if mask is not None:
            x = x * tf.cast(mask, x.dtype)[..., None]
        return -x if training else x
