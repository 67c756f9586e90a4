"""The base of all optimizers: parameter groups with their options, the state of each parameter, saving and loading."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeAlias

import tinygrad_np as tg

Group: TypeAlias = dict[str, Any]
Params: TypeAlias = "Iterable[tg.Tensor] | Iterable[tuple[str, tg.Tensor]] | Iterable[Group]"
Closure: TypeAlias = Callable[[], Any]


class Optimizer:
    """What all optimizers share. A subclass passes on its options' default values and defines `step`.

    Args:
        params: the parameters to optimize; or pairs of a name and a parameter, as ``named_parameters()`` gives; or
            dicts, one per group, each with ``"params"`` and options of its own.
        defaults: the options of groups that do not have their own.

    Attributes:
        param_groups: a dict per group: its ``"params"``, a list, and its options. Options may be changed between steps.
        state: for each parameter that has been updated, a dict of what the optimizer remembers of it.
        defaults: as passed.

    Raises:
        TypeError: what should be a parameter is no tensor, or parameters come in a set, whose order is not defined.
        ValueError: there is no parameter, a parameter appears twice, or is the result of an op.

    Example:
        >>> class SignDescent(Optimizer):
        ...     def __init__(self, params, lr):
        ...         super().__init__(params, {"lr": lr})
        ...
        ...     @tg.no_grad()
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for param in group["params"]:
        ...                 param -= group["lr"] * param.grad.sign()
        >>> x = tg.tensor([3.0, -2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> SignDescent([x], lr=0.5).step()
        >>> x
        tensor([ 2.5000, -1.5000], requires_grad=True)
    """

    defaults: dict[str, Any]
    state: defaultdict[tg.Tensor, dict[str, Any]]
    param_groups: list[Group]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, tg.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{type(params).__name__}"
            )
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        given = _ordered(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add a group, for instance of layers that are unfrozen as training goes on.

        Args:
            param_group: a dict of ``"params"``, a parameter or an iterable as for the constructor, and any options.

        Raises:
            TypeError, ValueError: as the constructor.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = _checked_params(param_group["params"])
        for param in params:
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if len(set(params)) < len(params):
            raise ValueError("optimizer contains a parameter group with duplicate parameters")
        if not set(params).isdisjoint(self._all_params()):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and (names is not None) != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'without' if names is None else 'with'} names to the optimizer"
            )
        param_group["params"] = params
        if names is not None:
            param_group["param_names"] = names
        for option, default in self.defaults.items():
            param_group.setdefault(option, default)
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: remove the gradients; otherwise set their elements to 0.
        """
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param._grad = None
                elif param.grad is not None:
                    param.grad.detach_().zero_()

    def step(self, closure: Closure | None = None) -> Any:
        """Update the parameters by their gradients, once.

        Args:
            closure: computes the gradients anew and returns the loss; called before the update, with gradients on.

        Returns:
            What ``closure`` returned, or None.
        """
        raise NotImplementedError(f"{type(self).__name__} must define step")

    # ---- saving and loading ----------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later as if there had been no break, but for the parameters themselves.

        Returns:
            A dict of ``"state"``, which is a dict per parameter, and ``"param_groups"``. In both a number stands for
            each parameter: its place among the parameters of all groups. Tensors are not copied.

        Example:
            >>> x = tg.ones(2, requires_grad=True)
            >>> x.sum().backward()
            >>> optimizer = tg.optim.SGD([x], lr=0.1, momentum=0.9)
            >>> optimizer.step()
            >>> optimizer.state_dict()["state"]
            {0: {'momentum_buffer': tensor([1., 1.])}}
        """
        numbers = {param: i for i, param in enumerate(self._all_params())}
        return {
            "state": {numbers.get(key, key): value for key, value in self.state.items()},
            "param_groups": [
                {option: value for option, value in group.items() if option != "params"}
                | {"params": [numbers[param] for param in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options that `state_dict` returned. Options that it lacks stay as they are.

        Args:
            state_dict: from an optimizer with as many parameters in as many groups, in the same order. Floating-point
                state is cast to the dtype of its parameter, steps excepted.

        Raises:
            ValueError: the groups are not of the same number and sizes.
        """
        saved_groups = copy.deepcopy(state_dict["param_groups"])
        if len(saved_groups) != len(self.param_groups):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(saved_groups)}, not "
                f"{len(self.param_groups)}"
            )
        for i, (group, saved) in enumerate(zip(self.param_groups, saved_groups, strict=True)):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"group {i} has {len(saved['params'])} parameters, not {len(group['params'])}"
                )
        numbers = chain.from_iterable(saved["params"] for saved in saved_groups)
        params = dict(zip(numbers, self._all_params(), strict=True))
        self.state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                self.state[params[key]] = _cast_state(value, params[key])
            else:
                self.state[key] = value
        self.param_groups = [
            {**group, **saved, "params": group["params"]}
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
        ]

    def _all_params(self) -> Iterable[tg.Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            if i:
                lines.append("")
            lines.append(f"Parameter Group {i}")
            lines.extend(f"    {option}: {group[option]}" for option in sorted(group) if option != "params")
        return "\n".join([*lines, ")"])


def check_not_negative(name: str, value: float | tg.Tensor) -> None:
    """Raise ValueError where an option is negative, or a tensor of several elements."""
    if isinstance(value, tg.Tensor) and value.numel() != 1:
        raise ValueError(f"a tensor as {name} must have one element, but it has {value.numel()}")
    if value < 0:
        raise ValueError(f"Invalid {name}: {value}")


def _checked_params(params: Any) -> tuple[list[tg.Tensor], list[str] | None]:
    """The parameters of a group, and their names if they have any."""
    if isinstance(params, tg.Tensor):
        return [params], None
    entries = _ordered(params)
    named = [isinstance(entry, tuple) for entry in entries]
    if any(named) and not all(named):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    tensors = [entry[1] for entry in entries] if any(named) else entries
    for tensor in tensors:
        if not isinstance(tensor, tg.Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(tensor).__name__}")
    return tensors, [entry[0] for entry in entries] if any(named) else None


def _ordered(params: Iterable[Any]) -> list[Any]:
    if isinstance(params, set | frozenset):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    return list(params)


def _cast_state(value: Any, param: tg.Tensor, name: str | None = None) -> Any:
    """``value`` with the floating-point tensors in it cast to the dtype of ``param``."""
    if isinstance(value, dict):
        return {key: _cast_state(item, param, key) for key, item in value.items()}
    if isinstance(value, tg.Tensor) and name != "step" and param.is_floating_point():
        return value.to(param.dtype)
    return value
