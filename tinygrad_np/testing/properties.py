"""A property test of a gradient, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tinygrad_np.testing.gradients import check_gradient


def gradient_test(
    fn: Callable[..., Any],
    *arguments: SearchStrategy[Any],
    settings: hypothesis.settings | None = None,
    **options: Any,
) -> Callable[[], None]:
    """A test, for pytest to collect, that ``fn`` has the right gradient wherever Hypothesis looks.

    Args:
        fn: the function, as for `check_gradient`.
        *arguments: a strategy for each argument, such as `tensors`; one that draws a tuple draws several arguments.
        settings: how Hypothesis is to look; by default as the current profile says, but without a deadline.
        **options: of `check_gradient`, such as ``order``.

    Returns:
        The test, a function without parameters.

    Example:
        >>> import tinygrad_np as tg
        >>> def softplus(x):
        ...     return tg.log1p(tg.exp(x))
        >>> test_softplus = tg.testing.gradient_test(softplus, tg.testing.tensors())
        >>> test_softplus()
    """

    def test(inputs: tuple[Any, ...]) -> None:
        spliced = [x for drawn in inputs for x in (drawn if isinstance(drawn, tuple) else (drawn,))]
        check_gradient(fn, *spliced, **options)

    name = getattr(fn, "__name__", "")
    test.__name__ = test.__qualname__ = f"test_gradient_of_{name if name.isidentifier() else 'function'}"
    test.__doc__ = f"The gradient of {fn} is right."
    # The first call takes longer than those after it: a deadline for each would make the test flaky.
    chosen = hypothesis.settings(deadline=None) if settings is None else settings
    proof: Callable[[], None] = chosen(hypothesis.given(st.tuples(*arguments))(test))
    return proof
