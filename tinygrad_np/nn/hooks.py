"""The hooks of a module: functions called before and after its forward, and when its gradients are known."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tinygrad_np.autograd import Function, is_grad_enabled
from tinygrad_np.tensor import RemovableHandle, Tensor

if TYPE_CHECKING:
    from tinygrad_np.nn.module import Module

Gradients: TypeAlias = tuple[Tensor | None, ...]


class ForwardHook(NamedTuple):
    """A hook around the forward, and how it is to be called."""

    function: Callable[..., Any]
    with_kwargs: bool
    always_call: bool = False


class Hooks:
    """All hooks of one module, in the order of their calls."""

    def __init__(self) -> None:
        self.forward_pre: OrderedDict[int, ForwardHook] = OrderedDict()
        self.forward: OrderedDict[int, ForwardHook] = OrderedDict()
        self.backward_pre: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.backward: OrderedDict[int, Callable[..., Any]] = OrderedDict()

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module's forward with all hooks around it."""
        called: set[int] = set()
        result = None
        try:
            args, kwargs = self._run_forward_pre(module, args, kwargs)
            backward = _BackwardHooks(module, self) if self.backward or self.backward_pre else None
            if backward is not None:
                args = backward.watch_inputs(args)
            result = module.forward(*args, **kwargs)
            for key, hook in list(self.forward.items()):
                called.add(key)
                replaced = _call_forward_hook(hook, module, args, kwargs, result)
                result = result if replaced is None else replaced
            return result if backward is None else backward.watch_outputs(result)
        except Exception:
            self._run_always_called(called, module, args, kwargs, result)
            raise

    def _run_forward_pre(
        self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the forward, as the pre-hooks leave them."""
        for hook in list(self.forward_pre.values()):
            if hook.with_kwargs:
                replaced = hook.function(module, args, kwargs)
                if replaced is None:
                    continue
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                    )
                args, kwargs = replaced
            else:
                replaced = hook.function(module, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
        return args, kwargs

    def _run_always_called(
        self, called: set[int], module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """After an error: call the hooks that asked to be called in any case and have not been yet."""
        for key, hook in list(self.forward.items()):
            if not hook.always_call or key in called:
                continue
            try:
                replaced = _call_forward_hook(hook, module, args, kwargs, result)
                result = result if replaced is None else replaced
            except Exception as error:
                warnings.warn(
                    "module forward hook with `always_call=True` raised an exception that was silenced as another "
                    f"error was raised in forward: {error}",
                    stacklevel=4,
                )


def add_hook(hooks: OrderedDict[int, Any], hook: Any, prepend: bool) -> RemovableHandle:
    """Put a hook behind all others, or before them; the handle takes it away again."""
    key = next(_keys)
    hooks[key] = hook
    if prepend:
        hooks.move_to_end(key, last=False)
    return RemovableHandle(hooks, key)


_keys = itertools.count()


def _call_forward_hook(
    hook: ForwardHook, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    return hook.function(module, args, kwargs, result) if hook.with_kwargs else hook.function(module, args, result)


# ---- backward hooks ------------------------------------------------------------------------------------------------
# What goes into the module and what comes out passes through a `_Tap` each. Backward reaches the outputs' tap first:
# the pre-hooks run, and the gradients are noted. When it reaches the inputs' tap, all that the hooks are to be told is
# known.


class _Tap(Function):
    """Passes tensors on unchanged, and all their gradients at once through the function ``on_gradients``.

    Where one does not arrive it is given None, or zeros if ``fill``.
    """

    @staticmethod
    def forward(
        ctx: Any, on_gradients: Callable[[Gradients], Gradients], fill: bool, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.on_gradients = on_gradients
        ctx.set_materialize_grads(fill)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return (None, None, *ctx.on_gradients(grads))


class _BackwardHooks:
    """One call of a module that has backward hooks: brings the gradients of its outputs and inputs together."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module = module
        self.pre_hooks = list(hooks.backward_pre.values())
        self.hooks = list(hooks.backward.values())
        self.grad_output: Gradients | None = None
        self.input_count = 0
        self.inputs_need_grad = False

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, tapped where they need a gradient."""
        self.input_count = len(args)
        tapped = _tap(args, self._on_grad_input, fill=True)
        self.inputs_need_grad = tapped is not args
        return tapped

    def watch_outputs(self, result: Any) -> Any:
        """What the forward returned, a tensor or a tuple, tapped where it needs a gradient."""
        if not isinstance(result, tuple):
            return _tap((result,), self._on_grad_output, fill=False)[0]
        tapped = _tap(result, self._on_grad_output, fill=False)
        return result._make(tapped) if hasattr(result, "_make") else tapped  # a named tuple stays one

    def _on_grad_output(self, grads: Gradients) -> Gradients:
        for hook in self.pre_hooks:
            grads = _replaced(grads, hook(self.module, grads), "Backward pre hook", "grad_output")
        self.grad_output = grads
        if not self.inputs_need_grad:  # so backward will not come by the inputs
            for hook in self.hooks:
                result = hook(self.module, (None,) * self.input_count, grads)
                if result is not None and not (isinstance(result, tuple) and all(g is None for g in result)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None "
                        "for all gradients."
                    )
        return grads

    def _on_grad_input(self, grads: Gradients) -> Gradients:
        if self.grad_output is None:
            # This gradient did not come by the output: it is of something else that was computed inside, or it is being
            # differentiated once more.
            return grads
        for hook in self.hooks:
            grads = _replaced(grads, hook(self.module, grads, self.grad_output), "Backward hook", "grad_input")
        self.grad_output = None
        return grads


def _tap(values: tuple[Any, ...], on_gradients: Callable[[Gradients], Gradients], fill: bool) -> tuple[Any, ...]:
    """``values`` with their tensors tapped; the same object if none needs a gradient.

    ``on_gradients`` gets, and gives back, one gradient per value: None for what is no tensor or needs none. See `_Tap`.
    """
    tapped = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not tapped or not is_grad_enabled():
        return values

    def on_tapped(grads: Gradients) -> Gradients:
        spread: list[Tensor | None] = [None] * len(values)
        for i, grad in zip(tapped, grads, strict=True):
            spread[i] = grad
        replaced = on_gradients(tuple(spread))
        return tuple(replaced[i] for i in tapped)

    result = list(values)
    for i, tensor in zip(tapped, _Tap.apply(on_tapped, fill, *[values[i] for i in tapped]), strict=True):
        result[i] = tensor
    return tuple(result)


def _replaced(grads: Gradients, replacement: Any, hook: str, what: str) -> Gradients:
    """``grads``, or what a hook returned instead."""
    if replacement is None:
        return grads
    replaced: Gradients = tuple(replacement) if isinstance(replacement, tuple | list) else (replacement,)
    if len(replaced) != len(grads):
        raise RuntimeError(
            f"{hook} returned an invalid number of {what}, got {len(replaced)}, but expected {len(grads)}"
        )
    return replaced
