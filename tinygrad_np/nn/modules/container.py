"""Containers: Sequential, and lists and dicts whose modules or parameters are registered."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from tinygrad_np.graph import modes
from tinygrad_np.nn.links import Steps
from tinygrad_np.nn.module import Kind, Module, framed, indented
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.tensor import Tensor

T = TypeVar("T", Module, Parameter)


# ---- lists ---------------------------------------------------------------------------------------------------------


class _Container(Module, Generic[T]):
    """What lists and dicts have in common: they hold things of one kind."""

    _kind: ClassVar[Kind]

    def _names(self) -> list[str]:
        return [name for name, kind in self._registered.items() if kind == self._kind]

    def __len__(self) -> int:
        return len(self._names())


class _List(_Container[T]):
    """What the lists have in common: things of one kind, registered under the names "0", "1", ..."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def _put(self, name: str, value: Any) -> None:
        """Register a value given by the user."""
        self.add_module(name, value)

    def _name_at(self, index: int) -> str:
        index, names = operator.index(index), self._names()
        if not -len(names) <= index < len(names):
            raise IndexError(f"index {index} is out of range")
        return names[index]

    def _replace(self, values: list[T]) -> None:
        """Hold these instead, numbered from 0."""
        for name in self._names():
            delattr(self, name)
        for i, value in enumerate(values):
            self._put(str(i), value)

    def __iter__(self) -> Iterator[T]:
        return iter([self.__dict__[name] for name in self._names()])

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> T | Self:
        if isinstance(index, slice):
            return self._selected(self._names()[index])
        value: T = self.__dict__[self._name_at(index)]
        return value

    def _selected(self, names: list[str]) -> Self:
        return type(self)([self.__dict__[name] for name in names])

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(self._name_at(index), value)

    def __delitem__(self, index: int | slice) -> None:
        if not isinstance(index, slice):
            self._name_at(index)
        values = list(self)
        del values[index]
        self._replace(values)

    def append(self, value: Any) -> Self:
        """Put ``value`` at the end."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Put all of ``values`` at the end."""
        if not isinstance(values, Iterable):
            name = self._get_name()
            raise TypeError(f"{name}.extend should be called with an iterable, but got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def insert(self, index: int, value: Any) -> Self:
        """Put ``value`` before the one at ``index``.

        Raises:
            IndexError: The index is out of range.
        """
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        if index == len(self):  # the others keep their names
            return self.append(value)
        values = list(self)
        values.insert(index, value)
        self._replace(values)
        return self

    def pop(self, index: int) -> T:
        """Take the one at ``index`` out, and return it."""
        value = self[index]
        del self[index]
        return value


class Sequential(_List[Module]):
    """A chain: each module is called with what the one before returned.

    A ``Linear`` and those of ``Linear``, ``ReLU``, ``Sigmoid`` and ``Tanh`` that follow run as one op, unless there are
    hooks between them. The results are the same; ``grad_fn`` and the time are not.

    Args:
        *modules: The modules in order; or one dict of them, whose keys become their names.

    Example:
        >>> import tinygrad_np as tg
        >>> net = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU())
        >>> tuple(net(tg.zeros(5, 3)).shape)
        (5, 2)
        >>> net[:1].append(tg.nn.Tanh())
        Sequential(
          (0): Linear(in_features=3, out_features=2, bias=True)
          (1): Tanh()
        )
    """

    _kind = "module"
    _steps: tuple[Steps | None, Steps | None] = None, None  # without a graph, and with one

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        if modes.anomaly:  # an error is to name the op, not a chain
            for module in self:
                input = module(input)
            return input
        steps = self._steps[modes.grad]
        if steps is None or not steps.hold():
            steps = Steps(list(self), modes.grad)
            if type(self).__iter__ is Sequential.__iter__:  # or it may give others at each call
                self._steps = (self._steps[0], steps) if modes.grad else (steps, self._steps[1])
        return steps.run(input)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_steps"}  # a copy has its own

    def _selected(self, names: list[str]) -> Self:
        return type(self)({name: self.__dict__[name] for name in names})

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return Sequential(*self, *other)


class ModuleList(_List[Module]):
    """A list of modules, which registers them. It has no forward: its owner says how they are called.

    Args:
        modules: What it starts with.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.ModuleList([tg.nn.Linear(2, 2), tg.nn.Linear(2, 2), tg.nn.ReLU()])
        ModuleList(
          (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
          (2): ReLU()
        )
    """

    _kind = "module"

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        lines, start = [], 0
        for text, run in groupby(map(repr, self)):
            count = len(list(run))
            lines.append(f"({start}): {text}" if count == 1 else f"({start}-{start + count - 1}): {count} x {text}")
            start += count
        return framed(self._get_name(), "", [indented(line) for line in lines])


class ParameterList(_List[Parameter]):
    """A list of parameters, which registers them. A tensor that is put in becomes a Parameter.

    Args:
        values: What it starts with.

    Example:
        >>> import tinygrad_np as tg
        >>> factors = tg.nn.ParameterList([tg.ones(2), tg.ones(3, 1)])
        >>> [name for name, _ in factors.named_parameters()]
        ['0', '1']
    """

    _kind = "parameter"

    def _put(self, name: str, value: Any) -> None:
        self.register_parameter(name, _as_parameter(value))

    def extra_repr(self) -> str:
        return _listed_parameters(enumerate(self))


# ---- dicts ---------------------------------------------------------------------------------------------------------


class _Dict(_Container[T]):
    """What the dicts have in common: things of one kind, registered under their keys."""

    def __init__(self, values: Any = None) -> None:
        super().__init__()
        if values is not None:
            self.update(values)

    def __setitem__(self, key: str, value: Any) -> None:
        self.add_module(key, value)

    def __getitem__(self, key: str) -> T:
        if self._registered.get(key) != self._kind:
            raise KeyError(key)
        value: T = self.__dict__[key]
        return value

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: str) -> bool:
        return self._registered.get(key) == self._kind

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._names()

    def values(self) -> Iterable[T]:
        """What is held."""
        return [self.__dict__[name] for name in self.keys()]

    def items(self) -> Iterable[tuple[str, T]]:
        """Pairs of name and what is held."""
        return [(name, self.__dict__[name]) for name in self.keys()]

    def update(self, values: Any) -> None:
        """Put in all of ``values``: a mapping, another of these, or pairs of key and value."""
        if not isinstance(values, Iterable):
            raise TypeError(
                f"{self._get_name()}.update should be called with an iterable of key/value pairs, but got "
                f"{type(values).__name__}"
            )
        for key, value in dict(values).items():
            self[key] = value

    def pop(self, key: str) -> T:
        """Take out what has this key, and return it.

        Raises:
            KeyError: There is no such key.
        """
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """Take everything out."""
        for key in self.keys():
            del self[key]


class ModuleDict(_Dict[Module]):
    """A dict of modules, which registers them under their keys.

    Args:
        modules: What it starts with: a mapping, or pairs of key and module.

    Example:
        >>> import tinygrad_np as tg
        >>> choices = tg.nn.ModuleDict({"relu": tg.nn.ReLU(), "tanh": tg.nn.Tanh()})
        >>> choices["tanh"](tg.zeros(1))
        tensor([0.])
    """

    _kind = "module"

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__(modules)


class ParameterDict(_Dict[Parameter]):
    """A dict of parameters, which registers them under their keys. A tensor that is put in becomes a Parameter.

    Args:
        parameters: What it starts with: a mapping, or pairs of key and tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.ParameterDict({"scale": tg.ones(2)})["scale"].requires_grad
        True
    """

    _kind = "parameter"

    def __init__(self, parameters: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]] | None = None) -> None:
        super().__init__(parameters)

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _as_parameter(value))

    def extra_repr(self) -> str:
        return _listed_parameters(self.items())


def _as_parameter(value: Any) -> Parameter | None:
    return value if value is None or isinstance(value, Parameter) else Parameter(value)


def _listed_parameters(named: Iterable[tuple[Any, Parameter | None]]) -> str:
    lines = []
    for name, parameter in named:
        if parameter is None:
            lines.append(f"  ({name}): None")
            continue
        size = "x".join(map(str, parameter.shape))
        lines.append(f"  ({name}): {type(parameter).__name__} containing: [{parameter.dtype} of size {size}]")
    return "\n".join(lines)
