"""Parameters and gradients to train on."""

import numpy as np

import tinygrad_np as tg


def make_params(shapes, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [tg.tensor(rng.standard_normal(shape), dtype=dtype).requires_grad_() for shape in shapes]


def random_gradients(params, rng, missing=0.0):
    """Give each parameter a gradient, or none with probability ``missing``."""
    for param in params:
        param.grad = None
        if rng.random() >= missing:
            param.grad = tg.tensor(rng.standard_normal(param.shape), dtype=param.dtype)
