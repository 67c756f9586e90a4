"""Schedules of the learning rate. Each reads and writes ``lr`` in the groups of its optimizer, at each of its steps.

Call ``scheduler.step()`` after ``optimizer.step()``, once per epoch (`OneCycleLR`: once per batch). All but `LambdaLR`,
`OneCycleLR` and `ReduceLROnPlateau` derive the next rate from the present one, so several can drive one optimizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Literal, NamedTuple

import tinygrad_np as tg
from tinygrad_np.optim.optimizer import Group, Optimizer


class LRScheduler:
    """The base of all schedules: a subclass defines `get_lr`.

    Args:
        optimizer: whose learning rates to set.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Attributes:
        base_lrs: the learning rate of each group that the schedule began with.
        last_epoch: the number of steps taken.

    Raises:
        TypeError: ``optimizer`` is none.
        KeyError: ``last_epoch`` says to continue, but no schedule has left its ``"initial_lr"`` in the groups.

    Example:
        >>> class Halving(LRScheduler):
        ...     def get_lr(self):
        ...         return [base / 2**self.last_epoch for base in self.base_lrs]
        >>> scheduler = Halving(tg.optim.SGD([tg.zeros(1)], lr=0.5))
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    base_lrs: list[float]
    last_epoch: int
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with last_epoch "
                    ">= 0: load the optimizer's state_dict first"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._is_starting = True
        self.step()
        self._is_starting = False

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer

    def get_lr(self) -> list[float]:
        """The learning rate of each group at step `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr")

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group that the last step set."""
        return self._last_lr

    def step(self) -> None:
        """Go one step further, and set the learning rates."""
        self.last_epoch += 1
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            _set_lr(group, lr)
        self._last_lr = self._present_lrs()

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned. The optimizer's learning rates are not touched: load its state too."""
        self.__dict__.update(state_dict)

    def _present_lrs(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled_lrs(self, factor: float) -> list[float]:
        return [lr * factor for lr in self._present_lrs()]


class LambdaLR(LRScheduler):
    r"""The initial learning rate times a function of the step: :math:`\gamma_t = \gamma_0 f(t)`.

    Args:
        optimizer: whose learning rates to set.
        lr_lambda: the function, or a list of one per group.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Raises:
        ValueError: the list is not as long as there are groups.

    Example:
        >>> optimizer = tg.optim.SGD([tg.zeros(1)], lr=0.5)
        >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> scheduler.step()
        >>> optimizer.param_groups[0]["lr"]
        0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas = _per_group("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of the functions only the attributes, of those that are objects."""
        attributes = [None if isinstance(f, FunctionType) else dict(vars(f)) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": attributes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})
        for f, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if attributes is not None:
                vars(f).update(attributes)


class ExponentialLR(LRScheduler):
    r"""The learning rate times ``gamma`` at each step: :math:`\gamma_t = \gamma_{t-1} g`.

    Args:
        optimizer: whose learning rates to set.
        gamma: the factor.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Example:
        >>> optimizer = tg.optim.SGD([tg.zeros(1)], lr=1.0)
        >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._scaled_lrs(1 if self._is_starting else self.gamma)


class StepLR(LRScheduler):
    """The learning rate times ``gamma`` once in ``step_size`` steps.

    Args:
        optimizer: whose learning rates to set.
        step_size: how many steps the rate stays.
        gamma: the factor.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Example:
        >>> scheduler = StepLR(tg.optim.SGD([tg.zeros(1)], lr=1.0), step_size=2, gamma=0.5)
        >>> for epoch in range(4):
        ...     print(scheduler.get_last_lr())
        ...     scheduler.step()
        [1.0]
        [1.0]
        [0.5]
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        is_due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled_lrs(self.gamma if is_due else 1)


class CosineAnnealingLR(LRScheduler):
    r"""From the initial learning rate down to ``eta_min`` in ``T_max`` steps, along half a cosine, and up again.

    .. math::
        \gamma_t = \gamma_{min} + \frac12 (\gamma_0 - \gamma_{min}) (1 + \cos(\pi t / T_{max}))

    Args:
        optimizer: whose learning rates to set.
        T_max: how many steps the way down takes.
        eta_min: the lowest learning rate.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Example:
        >>> scheduler = CosineAnnealingLR(tg.optim.SGD([tg.zeros(1)], lr=1.0), T_max=2)
        >>> for epoch in range(3):
        ...     print(f"{scheduler.get_last_lr()[0]:.2f}")
        ...     scheduler.step()
        1.00
        0.50
        0.00

    Source:
        I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR 2017; without the
        restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_starting:
            return self._present_lrs()
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:
            # At the bottom the present rate says nothing about how high the way up leads.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            lrs = zip(self._present_lrs(), self.base_lrs, strict=True)
            return [lr + (base - self.eta_min) * rise for lr, base in lrs]
        factor = self._height(self.last_epoch) / self._height(self.last_epoch - 1)
        return [self.eta_min + (lr - self.eta_min) * factor for lr in self._present_lrs()]

    def _height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)


class _Phase(NamedTuple):
    """A phase of a cycle: its last step, and the group options between which the rate and the momentum go."""

    last: float
    lr: tuple[str, str]
    momentum: tuple[str, str]


class OneCycleLR(LRScheduler):
    r"""One cycle over the whole training: up from ``max_lr / div_factor`` to ``max_lr``, then far down.

    A step is a batch. Momentum (or Adam's first beta) goes the other way: down while the learning rate goes up.

    Args:
        optimizer: whose learning rates and momenta to set.
        max_lr: the top of the cycle, or a list of one per group.
        total_steps: how many steps the cycle has; by default ``epochs * steps_per_epoch``.
        epochs: how many epochs are trained.
        steps_per_epoch: how many steps an epoch has.
        pct_start: the fraction of the steps that go up.
        anneal_strategy: along half a cosine (``"cos"``) or a straight line (``"linear"``).
        cycle_momentum: set the momentum too.
        base_momentum: the lowest momentum, or a list of one per group.
        max_momentum: the highest momentum, or a list of one per group.
        div_factor: how much below ``max_lr`` the cycle begins.
        final_div_factor: how much below its beginning the cycle ends.
        three_phase: come down to the beginning in as many steps as it went up, then to the end in a third phase.
        last_epoch: how many steps an earlier schedule took that is to be continued; -1 begins anew.

    Raises:
        ValueError: an argument is out of its range, a list is not as long as there are groups, the optimizer has no
            momentum to cycle; or, from `step`, all steps have been taken.

    Example:
        >>> scheduler = OneCycleLR(tg.optim.SGD([tg.zeros(1)], momentum=0.9), 1.0, total_steps=5, pct_start=0.4)
        >>> for batch in range(4):
        ...     print(f"{scheduler.get_last_lr()[0]:.5f}")
        ...     scheduler.step()
        0.04000
        1.00000
        0.75000
        0.25000

    Source:
        L. N. Smith and N. Topin, "Super-convergence: Very fast training of neural networks using large learning
        rates", arXiv:1708.07120, 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self._phases = self._make_phases(pct_start, three_phase)

        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, _per_group("max_lr", max_lr, optimizer), strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if cycle_momentum:
            if not any(option in optimizer.defaults for option in ("momentum", "betas")):
                raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
            if last_epoch == -1:
                lows = _per_group("base_momentum", base_momentum, optimizer)
                highs = _per_group("max_momentum", max_momentum, optimizer)
                for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                    group["base_momentum"], group["max_momentum"] = low, high
        super().__init__(optimizer, last_epoch)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._phases = [_Phase(*phase) for phase in self._phases]  # from a file they come as plain tuples

    def _make_phases(self, pct_start: float, three_phase: bool) -> list[_Phase]:
        up = pct_start * self.total_steps - 1
        end = self.total_steps - 1
        going_up = _Phase(up, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        if not three_phase:
            return [going_up, _Phase(end, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
        return [
            going_up,
            _Phase(2 * up, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
            _Phase(end, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
        ]

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}"
            )
        return [self._progress(group, momentum=False) for group in self.optimizer.param_groups]

    def step(self) -> None:
        super().step()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                momentum = self._progress(group, momentum=True)
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _progress(self, group: Group, momentum: bool) -> float:
        """The learning rate or the momentum at step `last_epoch`."""
        first = 0.0
        for phase in self._phases:  # the last one goes on for the step after the last batch
            if self.last_epoch <= phase.last or phase is self._phases[-1]:
                break
            first = phase.last
        fraction = (self.last_epoch - first) / (phase.last - first) if phase.last > first else 1.0
        start, end = phase.momentum if momentum else phase.lr
        return self._anneal(group[start], group[end], fraction)

    def _anneal(self, start: float, end: float, fraction: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * fraction
        return end + (start - end) / 2 * (1 + math.cos(math.pi * fraction))


class ReduceLROnPlateau(LRScheduler):
    """The learning rate times ``factor`` whenever a metric has not improved for a while.

    Args:
        optimizer: whose learning rates to set.
        mode: whether the metric improves by going down (``"min"``) or up (``"max"``).
        factor: below 1.
        patience: how many steps without improvement are let pass; the next one reduces the rate.
        threshold: how large an improvement must be to count.
        threshold_mode: ``"rel"`` if ``threshold`` is a fraction of the best value so far, ``"abs"`` if it is a number.
        cooldown: how many steps after a reduction are not counted.
        min_lr: the lowest learning rate, or a list of one per group.
        eps: reductions that are not larger are left out.

    Raises:
        ValueError: ``factor`` is not below 1, a mode is unknown, or a list is not as long as there are groups.

    Example:
        >>> scheduler = ReduceLROnPlateau(tg.optim.SGD([tg.zeros(1)], lr=1.0), factor=0.5, patience=1)
        >>> for loss in [0.9, 0.8, 0.8, 0.8, 0.8]:
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self._attach(optimizer)
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = _per_group("min_lr", min_lr, optimizer)
        self.default_min_lr = None if isinstance(min_lr, Sequence) else min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self._present_lrs()

    def step(self, metrics: float | tg.Tensor) -> None:  # type: ignore[override]
        """Take note of the metric's value, and reduce the learning rates if it is time."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lrs()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._present_lrs()

    def _is_better(self, metric: float) -> bool:
        margin = self.threshold if self.mode == "max" else -self.threshold
        bound = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metric > bound if self.mode == "max" else metric < bound

    def _reduce_lrs(self) -> None:
        groups = len(self.optimizer.param_groups)
        if groups != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"ReduceLROnPlateau: there are {groups} parameter groups, but {len(self.min_lrs)} values of min_lr"
                )
            self.min_lrs = [self.default_min_lr] * groups
        for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = float(group["lr"])
            reduced = max(lr * self.factor, lowest)
            if lr - reduced > self.eps:
                _set_lr(group, reduced)


def _set_lr(group: Group, lr: float) -> None:
    if isinstance(group["lr"], tg.Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


def _per_group(name: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """One value for each group, from a list of them or from one for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, Sequence):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(f"expected {groups} values of {name}, one per parameter group, but got {len(value)}")
    return list(value)


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        return _positive("total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    return _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)


def _positive(name: str, value: float) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value
