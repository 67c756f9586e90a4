"""JAX, with ``jax.jit`` of the whole step: forward, backward and the update of the parameters, which are donated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.workloads import Workload

Params = Any
OPTIMIZER_STATES = {"sgd": 0, "rmsprop": 1, "adam": 2}


def max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


LAYERS = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "pool": max_pool,
    "flatten": lambda x: x.reshape(len(x), -1),
}


def predict(workload: Workload, params: Params, x: Any) -> Any:
    pairs = iter(params)
    for kind, _ in workload.layers:
        if kind == "linear":
            weight, bias = next(pairs)
            x = x @ weight.T + bias
        elif kind == "conv":
            weight, bias = next(pairs)
            x = lax.conv(x, weight, (1, 1), "VALID") + bias[:, None, None]
        else:
            x = LAYERS[kind](x)
    return x


def cross_entropy(logits: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()


def update(workload: Workload, t: Any, param: Any, grad: Any, *state: Any) -> tuple[Any, ...]:
    """A parameter and its optimizer's state after step t."""
    lr = workload.learning_rate
    if workload.optimizer == "sgd":
        return (param - lr * grad,)
    if workload.optimizer == "rmsprop":
        (v,) = state
        v = 0.99 * v + 0.01 * grad**2
        return param - lr * grad / (jnp.sqrt(v) + 1e-8), v
    m, v = state
    m = 0.9 * m + 0.1 * grad
    v = 0.999 * v + 0.001 * grad**2
    return param - lr * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def make_step(workload: Workload) -> Callable[[], float]:
    params = [tuple(map(jnp.asarray, pair)) for pair in workload.weights()]
    states = [jax.tree.map(jnp.zeros_like, params) for _ in range(OPTIMIZER_STATES[workload.optimizer])]
    inputs, labels = map(jnp.asarray, workload.data())
    t = jnp.zeros(())

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def train(params: Params, states: list[Params], t: Any, inputs: Any, labels: Any) -> tuple[Any, ...]:
        loss, grads = jax.value_and_grad(lambda p: cross_entropy(predict(workload, p, inputs), labels))(params)
        t = t + 1
        new = jax.tree.map(partial(update, workload, t), params, grads, *states)
        params, *states = jax.tree.transpose(
            jax.tree.structure(params), jax.tree.structure((0,) * (1 + len(states))), new
        )
        return loss, params, states, t

    def step() -> float:
        nonlocal params, states, t
        loss, params, states, t = jax.block_until_ready(train(params, states, t, inputs, labels))
        return float(loss)

    return step


def make_classifier(workload: Workload) -> Callable[[], list[int]]:
    params = [tuple(map(jnp.asarray, pair)) for pair in workload.weights()]
    inputs = jnp.asarray(workload.data()[0])
    classes = jax.jit(lambda params, inputs: predict(workload, params, inputs).argmax(1))
    return lambda: classes(params, inputs).tolist()
