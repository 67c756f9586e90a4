"""Whether a graph is recorded: context managers that are decorators too, each thread with a mode of its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, Self, TypeVar, cast

from tinygrad_np.graph import modes

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether this thread records a graph.

    Example:
        >>> is_grad_enabled()
        True
    """
    return modes.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is within `inference_mode`.

    Example:
        >>> with inference_mode():
        ...     is_inference_mode_enabled()
        True
    """
    return modes.inference


class ModeSwitch:
    """A context manager that sets modes of this thread and sets them back; also a decorator.

    What to set back is kept by the thread, not here. So one instance may be entered again within itself, and a
    decorated function may run in several threads at once.
    """

    def __init__(self, **values: bool) -> None:
        self._values = values

    def _apply(self) -> dict[str, bool]:
        """Set the modes; returns what they were."""
        before = {name: getattr(modes, name) for name in self._values}
        vars(modes).update(self._values)
        return before

    def __enter__(self) -> Self:
        modes.to_restore.append(self._apply())
        return self

    def __exit__(self, *exception: object) -> None:
        vars(modes).update(modes.to_restore.pop())

    def __call__(self, function: F) -> F:
        """``function``, run with the modes set; a generator function with the modes set while it runs, not between."""
        if inspect.isgeneratorfunction(function):
            return cast(F, self._around_each_step(function))

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(F, switched)

    def _around_each_step(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self:
                        value = resume()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield value
                except GeneratorExit:
                    with self:
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return switched


class LastingSwitch(ModeSwitch):
    """A `ModeSwitch` that takes effect when it is made, and lasts unless it is used in a ``with`` statement."""

    def __init__(self, **values: bool) -> None:
        super().__init__(**values)
        self._before_made: dict[str, bool] | None = self._apply()

    def __enter__(self) -> Self:
        before = self._apply()
        modes.to_restore.append(self._before_made or before)
        self._before_made = None
        return self

    def __call__(self, function: F) -> F:
        if self._before_made is not None:  # as a decorator it concerns the function only
            vars(modes).update(self._before_made)
            self._before_made = None
        return super().__call__(function)


class no_grad(ModeSwitch):
    """Do not record a graph: what is computed within does not require grad.

    A context manager, or a decorator with or without parentheses. In-place changes of leaves are allowed within.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> with tg.no_grad():
        ...     (2 * x).requires_grad
        False
        >>> @tg.no_grad()
        ... def double(x):
        ...     return 2 * x
        >>> double(x).requires_grad
        False
    """

    def __new__(cls, orig_func: Any = None) -> Any:
        return super().__new__(cls) if orig_func is None else cls()(orig_func)

    def __init__(self) -> None:
        super().__init__(grad=False)


class enable_grad(ModeSwitch):
    """Record a graph, within `no_grad` for instance.

    A context manager, or a decorator with or without parentheses.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> with tg.no_grad(), tg.enable_grad():
        ...     (2 * x).requires_grad
        True
    """

    def __new__(cls, orig_func: Any = None) -> Any:
        return super().__new__(cls) if orig_func is None else cls()(orig_func)

    def __init__(self) -> None:
        super().__init__(grad=True)


class set_grad_enabled(LastingSwitch):
    """Record a graph, or not, from here on; in a ``with`` statement or as a decorator, just within.

    Args:
        mode: whether to record.

    Raises:
        TypeError: ``mode`` is no bool.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> training = False
        >>> with tg.set_grad_enabled(training):
        ...     (2 * x).requires_grad
        False
        >>> _ = tg.set_grad_enabled(False)
        >>> tg.is_grad_enabled()
        False
        >>> _ = tg.set_grad_enabled(True)
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): argument 'mode' must be bool, not {type(mode).__name__}")
        super().__init__(grad=mode)


class inference_mode(ModeSwitch):
    """As `no_grad`, and `is_inference_mode_enabled` says so.

    PyTorch's skips more bookkeeping, and so restricts the tensors made within: they may not take part in a graph later.
    Here they are ordinary tensors, and `enable_grad` within has its usual effect.

    Args:
        mode: False records a graph again, within another `inference_mode`.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.ones(2, requires_grad=True)
        >>> @tg.inference_mode()
        ... def double(x):
        ...     return 2 * x
        >>> double(x).requires_grad
        False
    """

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(grad=not mode, inference=mode)
