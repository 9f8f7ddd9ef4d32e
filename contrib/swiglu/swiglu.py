"""SwiGLU: a gated feed-forward block, written for Keras 3, which knows nothing of gk.

gk serves it as it is: gk train model.h5 --plugin swiglu.py
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="swiglu")
class SwiGLU(keras.layers.Layer):
    """y = (swish(x W) * (x V)) U, with hidden units between. Source: Shazeer, "GLU Variants Improve Transformer", 2020."""

    def __init__(self, hidden=32, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.dropout = keras.layers.Dropout(dropout)
        self.rate = dropout

    def build(self, input_shape):
        features = input_shape[-1]
        self.gate = self.add_weight(name="gate", shape=(features, self.hidden), initializer="glorot_uniform")
        self.value = self.add_weight(name="value", shape=(features, self.hidden), initializer="glorot_uniform")
        self.output_kernel = self.add_weight(name="output", shape=(self.hidden, features), initializer="glorot_uniform")
        self.built = True

    def call(self, x, training=False):
        y = ops.silu(ops.matmul(x, self.gate)) * ops.matmul(x, self.value)
        return ops.matmul(self.dropout(y, training=training), self.output_kernel)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden, "dropout": self.rate}
