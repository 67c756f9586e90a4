"""Derivatives of functions of one tensor, for comparison with numbers."""

import tinygrad_np as tg


def gradient(function, value):
    """The gradient of the sum of ``function``'s result, as a list."""
    x = tg.tensor(value, dtype=tg.float64, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()
