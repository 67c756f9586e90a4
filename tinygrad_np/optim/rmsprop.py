"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.blas import axpby
from tinygrad_np.optim.elementwise import SAFE_EPS, Array, ElementwiseOptimizer
from tinygrad_np.optim.optimizer import Group, Params, check_not_negative


class RMSprop(ElementwiseOptimizer):
    r"""RMSprop: gradients are divided by a running root mean square of themselves.

    .. math::
        v_t &= \alpha v_{t-1} + (1 - \alpha) g_t^2 \\
        b_t &= \mu b_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} \\
        \theta_t &= \theta_{t-1} - \gamma b_t

    Args:
        params: parameters, named parameters or groups: see `Optimizer`.
        lr: the learning rate :math:`\gamma`.
        alpha: how much of the average of squares stays at each step.
        eps: keeps the denominator away from 0.
        weight_decay: the strength of an L2 penalty.
        momentum: :math:`\mu`.
        centered: divide by the standard deviation: subtract from :math:`v_t` the square of a running mean of gradients.
        maximize: go up instead of down.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> x = tg.tensor([2.0, -1.0], requires_grad=True)
        >>> optimizer = RMSprop([x], lr=0.05)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([ 1.5000, -0.5000], requires_grad=True)

    Source:
        T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, 2012; for ``centered``:
        A. Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013.
    """

    def __init__(
        self,
        params: Params,
        lr: float | tg.Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
        )

    def buffers(self, group: Group) -> tuple[str, ...]:
        names: tuple[str, ...] = ("step", "square_avg")
        if group["momentum"] > 0:
            names = (*names, "momentum_buffer")
        return (*names, "grad_avg") if group["centered"] else names

    def fading(self, group: Group) -> tuple[str, ...]:
        names = ("momentum_buffer", "grad_avg")
        return ("square_avg", *names) if group["eps"] >= SAFE_EPS else names

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: Group, scratch: Array) -> None:
        alpha, momentum, square_avg = group["alpha"], group["momentum"], state["square_avg"]
        axpby(1 - alpha, np.square(grad, out=scratch), alpha, square_avg, scratch)
        if group["centered"]:
            grad_avg = state["grad_avg"]
            axpby(1 - alpha, grad, alpha, grad_avg, scratch)
            variance = np.subtract(square_avg, np.square(grad_avg, out=scratch), out=scratch)
            np.maximum(variance, 0, out=variance)  # rounding can make it negative where gradients hardly vary
            denominator = np.sqrt(variance, out=scratch)
        else:
            denominator = np.sqrt(square_avg, out=scratch)
        denominator += group["eps"]
        direction = np.divide(grad, denominator, out=scratch)
        if momentum > 0:
            momentum_buffer = state["momentum_buffer"]
            axpby(1, direction, momentum, momentum_buffer, scratch)
            direction = momentum_buffer
        axpby(-float(group["lr"]), direction, 1, param, scratch)
