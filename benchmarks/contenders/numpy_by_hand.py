"""The same networks the way the introductory books write them, in plain NumPy.

Layers with forward and backward, plain expressions with their temporaries, parameters updated array by array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workloads import Workload


class Affine:
    def __init__(self, weight: Any, bias: Any) -> None:
        self.params = {"W": weight.T.copy(), "b": bias.copy()}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.dot(x, self.params["W"]) + self.params["b"]

    def backward(self, dout: Any) -> Any:
        self.grads = {"W": np.dot(self.x.T, dout), "b": np.sum(dout, axis=0)}
        return np.dot(dout, self.params["W"].T)


class Convolution:
    """A convolution as one matrix product with the unfolded images (im2col), stride 1, no padding."""

    def __init__(self, weight: Any, bias: Any) -> None:
        self.params = {"W": weight, "b": bias}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        W, b = self.params["W"], self.params["b"]
        n, _, height, width = x.shape
        FN, C, FH, FW = W.shape
        out_h, out_w = height - FH + 1, width - FW + 1
        col = np.zeros((n, C, FH, FW, out_h, out_w), x.dtype)
        for i in range(FH):
            for j in range(FW):
                col[:, :, i, j] = x[:, :, i : i + out_h, j : j + out_w]
        self.x_shape = x.shape
        self.col = col.transpose(0, 4, 5, 1, 2, 3).reshape(n * out_h * out_w, -1)
        out = np.dot(self.col, W.reshape(FN, -1).T) + b
        return out.reshape(n, out_h, out_w, FN).transpose(0, 3, 1, 2)

    def backward(self, dout: Any) -> Any:
        W = self.params["W"]
        FN, C, FH, FW = W.shape
        n, _, out_h, out_w = dout.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.grads = {"W": np.dot(self.col.T, dout).T.reshape(W.shape), "b": np.sum(dout, axis=0)}
        dcol = np.dot(dout, W.reshape(FN, -1)).reshape(n, out_h, out_w, C, FH, FW).transpose(0, 3, 4, 5, 1, 2)
        dx = np.zeros(self.x_shape, dout.dtype)
        for i in range(FH):
            for j in range(FW):
                dx[:, :, i : i + out_h, j : j + out_w] += dcol[:, :, i, j]
        return dx


class Pooling:
    """The maximum over windows of 2 by 2."""

    def forward(self, x: Any) -> Any:
        n, C, height, width = x.shape
        out_h, out_w = height // 2, width // 2
        self.x_shape = x.shape
        windows = x[:, :, : 2 * out_h, : 2 * out_w].reshape(n, C, out_h, 2, out_w, 2)
        col = windows.transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)
        self.arg_max = np.argmax(col, axis=1)
        return np.max(col, axis=1).reshape(n, C, out_h, out_w)

    def backward(self, dout: Any) -> Any:
        n, C, out_h, out_w = dout.shape
        dcol = np.zeros((dout.size, 4), dout.dtype)
        dcol[np.arange(dout.size), self.arg_max] = dout.reshape(-1)
        dx = np.zeros(self.x_shape, dout.dtype)
        windows = dcol.reshape(n, C, out_h, out_w, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        dx[:, :, : 2 * out_h, : 2 * out_w] = windows.reshape(n, C, 2 * out_h, 2 * out_w)
        return dx


class Flatten:
    def forward(self, x: Any) -> Any:
        self.x_shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout: Any) -> Any:
        return dout.reshape(self.x_shape)


class Relu:
    def forward(self, x: Any) -> Any:
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout: Any) -> Any:
        dout[self.mask] = 0
        return dout


class Sigmoid:
    def forward(self, x: Any) -> Any:
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout: Any) -> Any:
        return dout * (1.0 - self.out) * self.out


class Tanh:
    def forward(self, x: Any) -> Any:
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout: Any) -> Any:
        return dout * (1.0 - self.out**2)


class SoftmaxWithLoss:
    def forward(self, x: Any, t: Any) -> Any:
        x = x - np.max(x, axis=1, keepdims=True)
        exps = np.exp(x)
        self.y = exps / np.sum(exps, axis=1, keepdims=True)
        self.t = t
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self) -> Any:
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class SGD:
    def __init__(self, lr: float) -> None:
        self.lr = lr

    def update(self, params: dict[Any, Any], grads: dict[Any, Any]) -> None:
        for key in params:
            params[key] -= self.lr * grads[key]


class RMSprop:
    def __init__(self, lr: float) -> None:
        self.lr = lr
        self.h: dict[Any, Any] = {}

    def update(self, params: dict[Any, Any], grads: dict[Any, Any]) -> None:
        for key in params:
            if key not in self.h:
                self.h[key] = np.zeros_like(params[key])
            self.h[key] *= 0.99
            self.h[key] += (1 - 0.99) * grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-8)


class Adam:
    def __init__(self, lr: float) -> None:
        self.lr = lr
        self.iter = 0
        self.m: dict[Any, Any] = {}
        self.v: dict[Any, Any] = {}

    def update(self, params: dict[Any, Any], grads: dict[Any, Any]) -> None:
        self.iter += 1
        correction = (1.0 - 0.999**self.iter) ** 0.5
        lr_t = self.lr / (1.0 - 0.9**self.iter)
        for key in params:
            if key not in self.m:
                self.m[key] = np.zeros_like(params[key])
                self.v[key] = np.zeros_like(params[key])
            self.m[key] = 0.9 * self.m[key] + (1 - 0.9) * grads[key]
            self.v[key] = 0.999 * self.v[key] + (1 - 0.999) * grads[key] ** 2
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) / correction + 1e-8)


LAYERS = {"relu": Relu, "sigmoid": Sigmoid, "tanh": Tanh, "pool": Pooling, "flatten": Flatten}
WEIGHTED = {"linear": Affine, "conv": Convolution}
OPTIMIZERS = {"sgd": SGD, "adam": Adam, "rmsprop": RMSprop}


def make_layers(workload: Workload) -> list[Any]:
    weights = workload.weights()
    return [WEIGHTED[kind](*next(weights)) if shape else LAYERS[kind]() for kind, shape in workload.layers]


def make_step(workload: Workload) -> Callable[[], float]:
    layers = make_layers(workload)
    last = SoftmaxWithLoss()
    weighted = [layer for layer in layers if isinstance(layer, Affine | Convolution)]
    params = {(i, name): layer.params[name] for i, layer in enumerate(weighted) for name in layer.params}
    optimizer = OPTIMIZERS[workload.optimizer](workload.learning_rate)
    inputs, targets = workload.data()

    def step() -> float:
        x = inputs
        for layer in layers:
            x = layer.forward(x)
        loss = last.forward(x, targets)
        dout = last.backward()
        for layer in reversed(layers):
            dout = layer.backward(dout)
        grads = {(i, name): layer.grads[name] for i, layer in enumerate(weighted) for name in layer.grads}
        optimizer.update(params, grads)
        return float(loss)

    return step


def make_classifier(workload: Workload) -> Callable[[], list[int]]:
    layers = make_layers(workload)
    inputs, _ = workload.data()

    def classify() -> list[int]:
        x = inputs
        for layer in layers:
            x = layer.forward(x)
        return np.argmax(x, axis=1).tolist()

    return classify
