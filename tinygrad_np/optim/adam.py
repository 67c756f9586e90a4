"""Adam and its variant with decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.blas import axpby
from tinygrad_np.optim.elementwise import SAFE_EPS, Array, ElementwiseOptimizer
from tinygrad_np.optim.optimizer import Group, Params, check_not_negative


class Adam(ElementwiseOptimizer):
    r"""Adam: each element has a step of its own, from running averages of its gradient and of the gradient's square.

    .. math::
        m_t &= \beta_1 m_{t-1} + (1 - \beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: parameters, named parameters or groups: see `Optimizer`.
        lr: the learning rate :math:`\gamma`.
        betas: how much of the two averages stays at each step.
        eps: keeps the denominator away from 0.
        weight_decay: the strength of an L2 penalty.
        amsgrad: divide by the largest :math:`v` so far instead of the present one.
        maximize: go up instead of down.
        decoupled_weight_decay: shrink the parameter by ``lr * weight_decay`` instead of penalizing it: `AdamW`.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> x = tg.tensor([2.0, -1.0], requires_grad=True)
        >>> optimizer = Adam([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([ 1.9000, -0.9000], requires_grad=True)

    Source:
        D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015; for ``amsgrad``: S. J. Reddi,
        S. Kale and S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.
    """

    def __init__(
        self,
        params: Params,
        lr: float | tg.Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_not_negative("learning rate", lr)
        check_not_negative("epsilon value", eps)
        for i in (0, 1):
            if not 0 <= betas[i] < 1:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        check_not_negative("weight_decay value", weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def buffers(self, group: Group) -> tuple[str, ...]:
        names = ("step", "exp_avg", "exp_avg_sq")
        return (*names, "max_exp_avg_sq") if group["amsgrad"] else names

    def fading(self, group: Group) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq") if group["eps"] >= SAFE_EPS else ("exp_avg",)

    def update(self, param: Array, grad: Array, state: dict[str, Any], group: Group, scratch: Array) -> None:
        lr, (beta1, beta2), step = float(group["lr"]), group["betas"], state["step"]
        exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
        if group["decoupled_weight_decay"] and group["weight_decay"]:
            param *= 1 - lr * group["weight_decay"]

        axpby(1 - beta1, grad, beta1, exp_avg, scratch)
        axpby(1 - beta2, np.square(grad, out=scratch), beta2, exp_avg_sq, scratch)
        if group["amsgrad"]:
            exp_avg_sq = np.maximum(state["max_exp_avg_sq"], exp_avg_sq, out=state["max_exp_avg_sq"])

        # Both bias corrections in scalars, which saves two passes: the paper's remark at the end of its section 2.
        correction = math.sqrt(1 - beta2**step)
        denominator = np.sqrt(exp_avg_sq, out=scratch)
        denominator += np.array(group["eps"] * correction, param.dtype)  # as an array: 0.994 of a small step
        change = np.divide(exp_avg, denominator, out=scratch)
        axpby(-lr * correction / (1 - beta1**step), change, 1, param, scratch)


class AdamW(Adam):
    r"""Adam with decoupled weight decay: the parameter shrinks by :math:`\gamma \lambda`, whatever its gradients were.

    An L2 penalty would be part of the gradient, and so of its averages, which makes it weak where gradients are large.

    Args:
        params: parameters, named parameters or groups: see `Optimizer`.
        lr: the learning rate :math:`\gamma`.
        betas: how much of the two averages stays at each step.
        eps: keeps the denominator away from 0.
        weight_decay: :math:`\lambda`: before each update, parameters are multiplied by :math:`1 - \gamma \lambda`.
        amsgrad: divide by the largest average of squares so far instead of the present one.
        maximize: go up instead of down.

    Raises:
        ValueError: an option is out of its range.

    Example:
        >>> x = tg.tensor([2.0, -1.0], requires_grad=True)
        >>> optimizer = AdamW([x], lr=0.1, weight_decay=0.5)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> x
        tensor([ 1.8000, -0.8500], requires_grad=True)

    Source:
        I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(
        self,
        params: Params,
        lr: float | tg.Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:  # what an `Adam` saved does not make this one
            group["decoupled_weight_decay"] = True
