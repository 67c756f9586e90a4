"""Module: the base class of everything with parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Self, TypeAlias

from tinygrad_np.nn.hooks import ForwardHook, Hooks, add_hook
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.nn.state import IncompatibleKeys, load_state, named_state
from tinygrad_np.ops import creation
from tinygrad_np.tensor import RemovableHandle, Tensor

Kind: TypeAlias = Literal["parameter", "buffer", "non-persistent buffer", "module"]

_BUFFERS: tuple[Kind, ...] = ("buffer", "non-persistent buffer")


class Structure:
    """Of what parameters and children all modules are made, and how they are called.

    Attributes:
        version: another object after each change. So whoever remembers something of the structure can tell if it holds.
    """

    def __init__(self) -> None:
        self.change()

    def change(self) -> None:
        """Call this after a change."""
        self.version = object()  # not a number: of two threads that count, one could set back what the other counted


structure = Structure()
_CALLED = ("forward", "_hooks", "__class__")  # the attributes that have to do with how a module is called


class Module:
    """The base class of everything with parameters: layers, losses, whole networks.

    Parameters and modules that are assigned as attributes are registered; the methods below find them, however deep.
    A subclass calls ``super().__init__()`` before it assigns any, and defines ``forward``.

    Attributes:
        training: Whether the module is in training mode, see `train`.

    Example:
        >>> import tinygrad_np as tg
        >>> class Net(tg.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = tg.nn.Linear(784, 50)
        ...         self.logits = tg.nn.Linear(50, 10)
        ...
        ...     def forward(self, x):
        ...         return self.logits(self.hidden(x).relu())
        >>> net = Net()
        >>> net
        Net(
          (hidden): Linear(in_features=784, out_features=50, bias=True)
          (logits): Linear(in_features=50, out_features=10, bias=True)
        )
        >>> [name for name, _ in net.named_parameters()]
        ['hidden.weight', 'hidden.bias', 'logits.weight', 'logits.bias']
        >>> tuple(net(tg.zeros(100, 784)).shape)
        (100, 10)
    """

    # What is registered are ordinary attributes: `self.weight` costs one look into the instance's dictionary, with no
    # `__getattr__` in the way. `_registered` says which attributes they are, in the order in which they came.
    training: bool
    _registered: dict[str, Kind]
    _hooks: Hooks | None = None

    def __init__(self) -> None:
        object.__setattr__(self, "training", True)
        object.__setattr__(self, "_registered", {})

    # ---- calling ---------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it. Call the module itself, which also runs the hooks."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._hooks.call(self, args, kwargs)

    # ---- registration ----------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._register(name, value, "parameter")
            return
        kind = self.__dict__.get("_registered", {}).get(name)
        if isinstance(value, Module) and kind != "parameter":
            self._register(name, value, "module")
            return
        if kind is not None and value is not None and not (kind in _BUFFERS and isinstance(value, Tensor)):
            raise _cannot_assign(name, value, kind)
        super().__setattr__(name, value)
        if (kind is not None and kind not in _BUFFERS) or name in _CALLED:
            structure.change()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._registered.pop(name, None)
        structure.change()

    def _register(self, name: str, value: Any, kind: Kind) -> None:
        """Make ``value`` the attribute ``name``; where another kind of thing had that name, it goes."""
        if "_registered" not in self.__dict__:
            what = "parameters" if kind == "parameter" else kind
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        if name not in self.__dict__ and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")  # a method, or another attribute of the class
        if isinstance(value, Parameter) and not value.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        if self._registered.get(name) != kind:
            _check_name(name, kind)
            self._registered.pop(name, None)
        self.__dict__[name] = value
        self._registered[name] = kind
        if kind not in _BUFFERS:
            structure.change()

    def _register_new(self, name: str, value: Any, kind: Kind) -> None:
        """`_register` for a name that must be free, or belong to something of the same kind."""
        _check_name(name, kind)
        registered = self.__dict__.get("_registered", {}).get(name)
        same = registered == kind or (registered in _BUFFERS and kind in _BUFFERS)
        if not same and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        self._register(name, value, kind)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or with None the place of one that is absent (as a layer's bias may be).

        Raises:
            KeyError: The name is empty, has a dot, or is another attribute's.
            TypeError: ``param`` is no Parameter.
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' (nn.Parameter or None required)"
            )
        self._register_new(name, param, "parameter")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module but is not trained, such as a running mean.

        Args:
            name: The attribute's name.
            tensor: The buffer; None holds the place of one that is absent.
            persistent: Whether it is part of the `state_dict`.

        Raises:
            KeyError: The name is empty, has a dot, or is another attribute's.
            TypeError: ``tensor`` is no Tensor.
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (Tensor or None required)"
            )
        self._register_new(name, tensor, "buffer" if persistent else "non-persistent buffer")

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module, which is then the attribute ``name``.

        Raises:
            KeyError: The name is empty, has a dot, or is another attribute's.
            TypeError: ``module`` is no Module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._register_new(name, module, "module")

    def register_module(self, name: str, module: Module | None) -> None:
        """`add_module` by another name."""
        self.add_module(name, module)

    # ---- finding what is registered --------------------------------------------------------------------------------

    def _own(self, *kinds: Kind) -> list[tuple[str, Any]]:
        """Names and values of what this very module has of these kinds."""
        attributes = self.__dict__
        return [
            (name, attributes[name])
            for name, kind in self._registered.items()
            if kind in kinds and attributes[name] is not None
        ]

    def _named_members(
        self, kinds: tuple[Kind, ...], prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else iter([(prefix, self)])
        seen: set[Tensor] = set()
        for module_prefix, module in modules:
            for name, value in module._own(*kinds):
                if value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield _joined(module_prefix, name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once: those of this module, then its children's; the children's only if ``recurse``."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Pairs of dotted name and parameter.

        Args:
            prefix: Put before every name.
            recurse: Go into the children.
            remove_duplicate: Give a parameter that has several names only under the first.

        Example:
            >>> import tinygrad_np as tg
            >>> for name, parameter in tg.nn.Sequential(tg.nn.Linear(3, 2)).named_parameters():
            ...     print(name, tuple(parameter.shape))
            0.weight (2, 3)
            0.bias (2,)
        """
        return self._named_members(("parameter",), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Pairs of dotted name and buffer; the arguments are those of `named_parameters`."""
        return self._named_members(_BUFFERS, prefix, recurse, remove_duplicate)

    def children(self) -> Iterator[Module]:
        """The modules directly in this one, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Pairs of name and child module."""
        seen: set[Module] = set()
        for name, module in self._own("module"):
            if module not in seen:
                seen.add(module)
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all modules in it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Pairs of dotted name and module, this module first, whose own name is ``prefix``.

        Args:
            memo: Modules to leave out; those that are given are added to it.
            prefix: Put before every name.
            remove_duplicate: Give a module that has several names only under the first.
        """
        memo = set() if memo is None else memo
        pending: list[tuple[str, Module]] = [(prefix, self)]
        while pending:
            name, module = pending.pop()
            if module in memo:
                continue
            if remove_duplicate:
                memo.add(module)
            yield name, module
            pending += [(_joined(name, child_name), child) for child_name, child in reversed(module._own("module"))]

    def get_submodule(self, target: str) -> Module:
        """The module of the dotted name ``target``; this one if it is empty.

        Raises:
            AttributeError: There is no such attribute, or it is no module.

        Example:
            >>> import tinygrad_np as tg
            >>> net = tg.nn.Sequential(tg.nn.Sequential(tg.nn.ReLU()))
            >>> net.get_submodule("0.0")
            ReLU()
        """
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of the dotted name ``target``.

        Raises:
            AttributeError: There is no such attribute, or it is no parameter.
        """
        value = self._get_member(target)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
        return value

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of the dotted name ``target``.

        Raises:
            AttributeError: There is no such attribute, or it is no buffer.
        """
        value = self._get_member(target)
        path, _, name = target.rpartition(".")
        if self.get_submodule(path)._registered.get(name) not in _BUFFERS:
            raise AttributeError(f"`{name}` is not a buffer")
        assert isinstance(value, Tensor)
        return value

    def _get_member(self, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        return getattr(module, name)

    # ---- mode, dtype, gradients ------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Put this module and all in it into training mode, or into evaluation mode: dropout, for one, heeds it.

        Raises:
            ValueError: ``mode`` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Put this module and all in it into evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for gradients of all parameters, or freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; with ``set_to_none=False`` keep them, filled with zeros."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call ``fn`` with every module in this one, children first, and at last with this one: to initialise, say.

        Example:
            >>> import tinygrad_np as tg
            >>> def halve(module):
            ...     if isinstance(module, tg.nn.Linear):
            ...         tg.nn.init.constant_(module.weight, 0.5)
            >>> tg.nn.Sequential(tg.nn.Linear(2, 1)).apply(halve)[0].weight
            Parameter containing:
            tensor([[0.5000, 0.5000]], requires_grad=True)
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *args: Any, dtype: Any = None) -> Self:
        """Cast the floating-point parameters and buffers, and their gradients, in place.

        Called as ``to(dtype)``, as ``to(tensor)`` for that tensor's dtype, or as ``to("cpu")``: there is no other
        device.

        Raises:
            TypeError: The dtype is no floating-point type.

        Example:
            >>> import tinygrad_np as tg
            >>> tg.nn.Linear(2, 1).to(tg.float64).weight.dtype == tg.float64
            True
        """
        target = creation.empty(0).to(*args, dtype=dtype).dtype
        if target.kind != "f":
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got desired dtype={target}")
        return self._convert(lambda tensor: tensor.to(*args, dtype=dtype))

    def float(self) -> Self:
        """Cast the floating-point parameters and buffers to float32."""
        return self._convert(Tensor.float)

    def double(self) -> Self:
        """Cast the floating-point parameters and buffers to float64."""
        return self._convert(Tensor.double)

    def half(self) -> Self:
        """Cast the floating-point parameters and buffers to float16."""
        return self._convert(Tensor.half)

    def cpu(self) -> Self:
        """This module: everything is on the CPU."""
        return self

    def _convert(self, convert: Callable[[Tensor], Tensor]) -> Self:
        """Replace the data of all floating-point parameters, buffers and gradients."""
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.is_floating_point():
                grad = tensor.grad
                tensor.data = convert(tensor.data)
                if grad is not None:
                    grad.data = convert(grad.data)
        return self

    # ---- state -----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by their dotted names.

        The tensors share memory with the module's: clone them to keep today's values.

        Args:
            destination: A dict to add to, and to return.
            prefix: Put before every name.
            keep_vars: Give the parameters themselves instead of tensors detached from them.

        Example:
            >>> import tinygrad_np as tg
            >>> list(tg.nn.Linear(3, 2).state_dict())
            ['weight', 'bias']
        """
        state: dict[str, Any] = {} if destination is None else destination
        for name, tensor in named_state(self, prefix):
            state[name] = tensor if keep_vars else tensor.detach()
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Take on the values of a `state_dict`. If anything is wrong with it, nothing is loaded.

        Args:
            state_dict: Tensors by dotted name.
            strict: Raise if a name is missing or unexpected, instead of only returning these names.
            assign: Make the given tensors themselves this module's parameters and buffers, with their dtype, instead of
                copying their values.

        Returns:
            A named tuple of the lists ``missing_keys`` and ``unexpected_keys``.

        Raises:
            TypeError: ``state_dict`` is no mapping.
            RuntimeError: Names are missing or unexpected, or shapes differ. The message lists all of them.

        Example:
            >>> import tinygrad_np as tg
            >>> layer = tg.nn.Linear(2, 1)
            >>> layer.load_state_dict({"weight": tg.ones(1, 2), "bias": tg.zeros(1)})
            <All keys matched successfully>
            >>> layer.load_state_dict({"weight": tg.ones(1, 2)}, strict=False)
            _IncompatibleKeys(missing_keys=['bias'], unexpected_keys=[])
        """
        return load_state(self, state_dict, strict, assign)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A shallow copy shares its attributes' values, but what it registers from then on is its own business.
        self.__dict__.update(state, _registered=dict(state["_registered"]))

    # ---- hooks -----------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns replaces the positional arguments.

        Args:
            hook: Returns None, the one new argument, or the tuple of all.
            prepend: Call it before the hooks that are there already.
            with_kwargs: Call ``hook(module, args, kwargs)``, which returns None or new ``(args, kwargs)``.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return add_hook(self._own_hooks().forward_pre, ForwardHook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output.

        Args:
            hook: The function.
            prepend: Call it before the hooks that are there already.
            with_kwargs: Call ``hook(module, args, kwargs, output)``.
            always_call: Call it (with None for the output) even if the forward raises.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Example:
            >>> import tinygrad_np as tg
            >>> net = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU())
            >>> with net[0].register_forward_hook(lambda module, args, output: print(tuple(output.shape))):
            ...     _ = net(tg.zeros(5, 3))
            (5, 2)
        """
        return add_hook(self._own_hooks().forward, ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the module's outputs are known.

        Args:
            hook: Gets a tuple with a gradient per output (None for what needs none); what it returns, if not None,
                replaces them.
            prepend: Call it before the hooks that are there already.

        Returns:
            A handle whose ``remove()`` takes the hook away.
        """
        return add_hook(self._own_hooks().backward_pre, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the module's inputs are known.

        Args:
            hook: Gets a tuple with a gradient per positional argument and one per output (None for what needs none);
                what it returns, if not None, replaces ``grad_input``.
            prepend: Call it before the hooks that are there already.

        Returns:
            A handle whose ``remove()`` takes the hook away.

        Example:
            >>> import tinygrad_np as tg
            >>> layer = tg.nn.ReLU()
            >>> handle = layer.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
            >>> layer(tg.tensor([-1.0, 2.0], requires_grad=True)).sum().backward()
            (tensor([0., 1.]),)
        """
        return add_hook(self._own_hooks().backward, hook, prepend)

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    # ---- how it looks ----------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What the `repr` says of this module beyond its name and children: a layer's sizes, for one."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        children = [
            f"({name}): {indented(repr(self.__dict__[name]))}"
            for name, kind in self._registered.items()
            if kind == "module"
        ]
        return framed(self._get_name(), self.extra_repr(), children)

    def __dir__(self) -> list[str]:
        # The children of a Sequential are attributes named "0", "1", ...: nothing that an editor should complete.
        return sorted(name for name in super().__dir__() if not name[0].isdigit())


def framed(name: str, extra: str, children: list[str]) -> str:
    """A module's `repr` from its parts, on one line if there are no children and ``extra`` has one line.

    Example:
        >>> print(framed("Net", "", ["(0): ReLU()"]))
        Net(
          (0): ReLU()
        )
    """
    if not children and "\n" not in extra:
        return f"{name}({extra})"
    lines = [*(extra.split("\n") if extra else []), *children]
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)"


def indented(text: str) -> str:
    """``text`` with all lines but the first moved two columns to the right."""
    return text.replace("\n", "\n  ")


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _check_name(name: Any, kind: Kind) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


def _cannot_assign(name: str, value: Any, kind: Kind) -> TypeError:
    what, expected = {
        "parameter": ("parameter", "nn.Parameter"),
        "module": ("child module", "nn.Module"),
    }.get(kind, ("buffer", "Tensor"))
    return TypeError(f"cannot assign '{type(value).__name__}' as {what} '{name}' ({expected} or None expected)")
