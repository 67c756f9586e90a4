"""The update rules as the papers (and PyTorch's documentation) print them: out of place, one parameter at a time.

Each function takes a parameter, its gradient, a dict of its own and the options, and returns the new parameter.
"""

import numpy as np


def direction(theta, grad, *, weight_decay, maximize):
    return (-grad if maximize else grad) + weight_decay * theta


def sgd(theta, grad, memory, *, lr, momentum=0, dampening=0, nesterov=False, weight_decay=0, maximize=False):
    g = direction(theta, grad, weight_decay=weight_decay, maximize=maximize)
    if momentum:
        memory["b"] = momentum * memory["b"] + (1 - dampening) * g if memory else g
        g = g + momentum * memory["b"] if nesterov else memory["b"]
    return theta - lr * g


def adagrad(theta, grad, memory, *, lr, lr_decay=0, weight_decay=0, start=0, eps=1e-10, maximize=False):
    g = direction(theta, grad, weight_decay=weight_decay, maximize=maximize)
    t = memory["t"] = memory.get("t", 0) + 1
    memory["s"] = memory.get("s", np.full_like(theta, start)) + g**2
    return theta - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(memory["s"]) + eps)


def rmsprop(
    theta, grad, memory, *, lr, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False
):
    g = direction(theta, grad, weight_decay=weight_decay, maximize=maximize)
    zero = np.zeros_like(theta)
    memory["v"] = alpha * memory.get("v", zero) + (1 - alpha) * g**2
    memory["mean"] = alpha * memory.get("mean", zero) + (1 - alpha) * g
    v = memory["v"] - memory["mean"] ** 2 if centered else memory["v"]
    memory["b"] = momentum * memory.get("b", zero) + g / (np.sqrt(v) + eps)
    return theta - lr * memory["b"]


def adam(
    theta,
    grad,
    memory,
    *,
    lr,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    amsgrad=False,
    maximize=False,
    decoupled=False,
):
    if decoupled:
        theta, weight_decay = theta - lr * weight_decay * theta, 0
    g = direction(theta, grad, weight_decay=weight_decay, maximize=maximize)
    zero = np.zeros_like(theta)
    t = memory["t"] = memory.get("t", 0) + 1
    memory["m"] = betas[0] * memory.get("m", zero) + (1 - betas[0]) * g
    memory["v"] = betas[1] * memory.get("v", zero) + (1 - betas[1]) * g**2
    memory["top"] = np.maximum(memory.get("top", zero), memory["v"])
    m_hat = memory["m"] / (1 - betas[0] ** t)
    v_hat = (memory["top"] if amsgrad else memory["v"]) / (1 - betas[1] ** t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps)


def adamw(theta, grad, memory, *, weight_decay=1e-2, **options):
    return adam(theta, grad, memory, weight_decay=weight_decay, decoupled=True, **options)
