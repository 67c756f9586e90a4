"""Adagrad."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.blas import axpby
from tinygrad_np.optim.elementwise import Array, ElementwiseOptimizer
from tinygrad_np.optim.optimizer import Group, Params, check_not_negative


class Adagrad(ElementwiseOptimizer):
    r"""Adagrad: gradients are divided by the root of the sum of all their squares so far.

    .. math::
        s_t &= s_{t-1} + g_t^2 \\
        \theta_t &= \theta_{t-1} - \frac{\gamma}{1 + (t - 1) \eta} \frac{g_t}{\sqrt{s_t} + \epsilon}

    Args:
        params: parameters, named parameters or groups: see `Optimizer`.
        lr: the learning rate :math:`\gamma`.
        lr_decay: how fast the learning rate falls, :math:`\eta`.
        weight_decay: the strength of an L2 penalty.
        initial_accumulator_value: what the sums begin with.
        eps: keeps the denominator away from 0.
        maximize: go up instead of down.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> x = tg.tensor([2.0, -1.0], requires_grad=True)
        >>> optimizer = Adagrad([x], lr=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([ 1.5000, -0.5000], requires_grad=True)

    Source:
        J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
        optimization", Journal of Machine Learning Research 12, 2011.
    """

    def __init__(
        self,
        params: Params,
        lr: float | tg.Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "maximize": maximize,
            },
        )

    def add_param_group(self, param_group: Group) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for param in group["params"]:
            self._state[param]["step"] = tg.tensor(0.0, dtype=tg.float32)
            self._state[param]["sum"] = tg.full_like(param, group["initial_accumulator_value"])

    def buffers(self, group: Group) -> tuple[str, ...]:
        return ("step", "sum")

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: Group, scratch: Array) -> None:
        total = state["sum"]
        total += np.square(grad, out=scratch)
        denominator = np.sqrt(total, out=scratch)
        denominator += group["eps"]
        change = np.divide(grad, denominator, out=scratch)
        axpby(-float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"]), change, 1, param, scratch)
