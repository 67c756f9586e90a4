"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.blas import axpby
from tinygrad_np.low_rank import LowRank
from tinygrad_np.optim.elementwise import Array, ElementwiseOptimizer
from tinygrad_np.optim.optimizer import Group, Params, check_not_negative


class SGD(ElementwiseOptimizer):
    r"""Stochastic gradient descent, with momentum if wanted.

    With the gradient :math:`g_t` (which includes ``weight_decay`` times the parameter), momentum :math:`\mu` and
    dampening :math:`\tau`:

    .. math::
        b_1 &= g_1, \quad b_t = \mu b_{t-1} + (1 - \tau) g_t \\
        \theta_t &= \theta_{t-1} - \gamma b_t
        \quad\text{or, with Nesterov's momentum,}\quad \theta_{t-1} - \gamma (g_t + \mu b_t)

    Args:
        params: parameters, named parameters or groups: see `Optimizer`.
        lr: the learning rate :math:`\gamma`.
        momentum: the momentum :math:`\mu`; at 0 the update is :math:`\theta - \gamma g` and nothing is remembered.
        dampening: of the momentum, :math:`\tau`.
        weight_decay: the strength of an L2 penalty.
        nesterov: use Nesterov's momentum.
        maximize: go up instead of down.

    Raises:
        ValueError: an option is out of its range, or ``nesterov`` without momentum or with dampening.

    Example:
        >>> x = tg.tensor([2.0, -1.0], requires_grad=True)
        >>> optimizer = SGD([x], lr=0.25)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([ 1.0000, -0.5000], requires_grad=True)

    Source:
        I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in deep
        learning", ICML 2013. As in PyTorch, the learning rate multiplies the velocity instead of being part of it.
    """

    def __init__(
        self,
        params: Params,
        lr: float | tg.Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def buffers(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def fading(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",)

    def first_options(self, group: Group) -> Group:
        return {**group, "dampening": 0}

    def rate(self, group: Group) -> float | None:
        if group["momentum"] or group["weight_decay"]:
            return None
        return float(group["lr"]) if group["maximize"] else -float(group["lr"])

    def takes_low_rank(self, group: Group) -> bool:
        return not (group["maximize"] or group["weight_decay"] or group["nesterov"])

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: Group, scratch: Array) -> None:
        momentum, dampening = group["momentum"], group["dampening"]
        direction = grad
        if momentum:
            direction = state["momentum_buffer"]
            _add(1 - dampening, grad, momentum, direction, scratch)
            if group["nesterov"]:
                direction = np.add(grad, np.multiply(direction, momentum, out=scratch), out=scratch)
        _add(-float(group["lr"]), direction, 1, param, scratch)


def _add(alpha: float, x: Array | LowRank, beta: float, y: Array, scratch: Array) -> None:
    """``y = alpha * x + beta * y``, in place."""
    if isinstance(x, LowRank):
        x.add_to(y, alpha, beta)
    else:
        axpby(alpha, x, beta, y, scratch)
