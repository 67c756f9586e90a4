"""Leaves of graphs, from their elements."""

import tinygrad_np as tg


def leaf(*values):
    """A tensor that asks for its gradient."""
    return tg.tensor(values, requires_grad=True)


def precise_leaf(*values):
    """The same in double precision."""
    return tg.tensor(values, dtype=tg.float64, requires_grad=True)
