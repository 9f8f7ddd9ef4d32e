"""A plugin of every kind, in numpy and traced, for the tests."""

import numpy as np

import gk_plugin

print("an import that prints must not break the handshake")

gk_plugin.plugin(name="acme-test", version="1.2.3", about="Everything once.")


@gk_plugin.layer(package="acme", example={"config": {"units": 3}, "inputs": [[2, 4]]})
class Linear(gk_plugin.Layer):
    """y = x w + b.

    More about it.
    """

    def __init__(self, units=4, initializer="glorot_uniform"):
        if units <= 0:
            raise gk_plugin.PluginError(f"got {units}, want > 0", where="units", kind="ErrLayerConfig")
        self.units, self.initializer = units, initializer

    def build(self, inputs):
        self.weight("kernel", (inputs[0][-1], self.units), self.initializer, regularizer={"class_name": "L2", "config": {"l2": 0.01}})
        self.weight("bias", (self.units,), lambda shape, rng: rng.normal(size=shape))

    def compute_output_shape(self, inputs):
        return (*inputs[0][:-1], self.units)

    def forward(self, x, kernel, bias, out):
        np.matmul(x, kernel, out=out)
        out += bias

    def backward(self, dy, x, kernel, bias):
        return dy @ kernel.T, x.T @ dy, dy.sum(0)


@gk_plugin.layer(package="acme")
class Noise(gk_plugin.Layer):
    """Dropout with a moving mean of x and a loss, and two outputs."""

    losses = 1

    def __init__(self, rate=0.5):
        self.rate = rate

    def build(self, inputs):
        self.weight("mean", (), "zeros", update=True)

    def compute_output_shape(self, inputs):
        return [inputs[0], inputs[0]]

    def forward(self, x, mean, training, rng, mask=None, scale=1.0):
        y = x * scale
        if mask is not None:
            y = y * mask[..., None]
        if training:
            y = y * (rng.random(x.shape) >= self.rate)
        return y, -y, mean * 0.9 + 0.1 * x.mean(), np.square(x).mean()

    def backward(self, *args, training, rng, mask=None, scale=1.0):
        dy, dz, *dloss, x, mean = args
        keep = (rng.random(x.shape) >= self.rate) if training else np.ones_like(x)
        d = (dy - dz) * keep * scale
        if mask is not None:
            d = d * mask[..., None]
        return d + (dloss[0] * 2 * x / x.size if training else 0)


@gk_plugin.layer(package="acme")
class TanhOfOutput(gk_plugin.Layer):
    def forward(self, x):
        return np.tanh(x)

    def backward(self, dy, *, y):
        return dy * (1 - y * y)


@gk_plugin.layer(package="acme")
class NoGradient(gk_plugin.Layer):
    def forward(self, x):
        return np.argsort(x, axis=-1)


@gk_plugin.layer(package="acme")
class Faulty(gk_plugin.Layer):
    def __init__(self, how="shape"):
        self.how = how

    def forward(self, x):
        if self.how == "shape":
            return x[:1]
        if self.how == "many":
            return x, x
        if self.how == "complex":
            return x * 1j
        if self.how == "exit":
            raise SystemExit(3)
        if self.how == "write":
            x[0] = 1
        if self.how == "long":
            raise ValueError("ä" * 10_000)
        return np.zeros(3)[7]

    def backward(self, dy, x):
        return dy, dy


@gk_plugin.layer(package="acme")
class Rational(gk_plugin.Layer):
    """A traced layer: y = (a x + b)/(1 + |c x|), and a state."""

    def __init__(self, width=3):
        self.width = width

    def build(self, inputs):
        self.a = self.weight("a", (inputs[0][-1],), "ones")
        self.w = self.weight("w", (inputs[0][-1], self.width), np.arange(inputs[0][-1] * self.width).reshape(-1, self.width))
        self.n = self.weight("n", (), "zeros", trainable=False)

    def call(self, g, x):
        y = (self.a * x + 1) / (1 + abs(x))
        g.update(self.n, self.n + np.float32(1))
        g.add_loss(g.mean(g.square(y)))
        g.set_mask(0, g.mask())
        return g.matmul(y, self.w)


@gk_plugin.activation(package="acme", gradient=lambda x: 2 * x)
def squared(x):
    """x^2."""
    return x * x


@gk_plugin.activation(package="acme")
def leaky(g, x):
    """A traced one."""
    return g.select(x > 0, x, 0.1 * x)


@gk_plugin.activation(package="acme")
class Scaled(gk_plugin.Activation):
    def __init__(self, by=2.0):
        self.by = by

    def forward(self, x):
        return x * self.by

    def backward(self, dy, x):
        return dy * self.by


@gk_plugin.initializer(package="acme")
class Spread(gk_plugin.Initializer):
    def __init__(self, width=1.0):
        self.width = width

    def fill(self, shape, rng):
        return rng.uniform(-self.width, self.width, shape)


@gk_plugin.initializer(package="acme")
def ramp(shape, rng):
    return np.arange(np.prod(shape)).reshape(shape)


@gk_plugin.regularizer(package="acme", gradient=lambda w: np.sign(w))
def absolute(w):
    return np.abs(w).sum()


@gk_plugin.regularizer(package="acme")
class Traced(gk_plugin.Regularizer):
    def penalty(self, g, w):
        return g.sum(g.square(w))


@gk_plugin.constraint(package="acme")
def positive(w):
    return np.maximum(w, 0)


@gk_plugin.loss(package="acme", gradient=lambda t, p: 2 * (p - t) / p.shape[-1])
def mse(y_true, y_pred):
    return np.square(y_pred - y_true).mean(-1)


@gk_plugin.loss(package="acme")
class TracedLoss(gk_plugin.Loss):
    def call(self, g, y_true, y_pred):
        return g.mean(abs(y_true - y_pred), -1)

    def mask(self, g, y_true, losses):
        return g.less(losses, 10)


@gk_plugin.metric(package="acme")
def close(y_true, y_pred):
    return np.abs(y_true - y_pred).max(-1) < 0.5


@gk_plugin.metric(package="acme")
class Largest(gk_plugin.Metric):
    def build(self, inputs):
        self.weight("largest", ())

    def update(self, y_true, y_pred, sample_weight, largest):
        return max(largest, y_pred.max())

    def result(self, largest):
        return largest


@gk_plugin.optimizer(package="acme")
class Momentum(gk_plugin.Optimizer):
    slots = {"velocity": 0.01}

    def __init__(self, momentum=0.9):
        self.momentum = momentum

    def update(self, w, grad, slots, lr, iteration):
        v = self.momentum * slots[0] - lr * grad
        return w + v, [v]


@gk_plugin.optimizer(package="acme")
class TracedSGD(gk_plugin.Optimizer):
    def update(self, g, w, grad, slots, lr, iteration):
        return w - lr * grad

    def finish(self, g, weights, lr, iteration):
        return [w * 0.5 for w in weights]


if __name__ == "__main__":
    gk_plugin.serve()
