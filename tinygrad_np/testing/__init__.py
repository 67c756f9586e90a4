"""Proofs of gradients, for the test files of those who write differentiable functions.

One line makes a test that draws shapes, values and memory layouts, and holds the gradient and the gradient's gradient
against finite differences::

    test_softplus = tg.testing.gradient_test(softplus, tg.testing.tensors())

`check_gradient` is the check itself, for given inputs. The strategies draw inputs: `tensors` and
`broadcastable_tensors` (with values from a `Domain`, where the function is smooth), `shapes`, `broadcastable_shapes`
and `axes`. They need Hypothesis, which the extra ``testing`` installs; `check_gradient` needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_np.testing.domain import NONZERO, POSITIVE, REALS, Domain
from tinygrad_np.testing.gradients import GradientError, check_gradient
from tinygrad_np.testing.layouts import (
    LAYOUTS,
    Layout,
    contiguous,
    expanded,
    flipped,
    read_only,
    strided,
    transposed,
)

if TYPE_CHECKING:
    from tinygrad_np.testing.properties import gradient_test
    from tinygrad_np.testing.strategies import axes, broadcastable_shapes, broadcastable_tensors, shapes, tensors

__all__ = [
    "gradient_test",
    "check_gradient",
    "GradientError",
    "tensors",
    "broadcastable_tensors",
    "shapes",
    "broadcastable_shapes",
    "axes",
    "Domain",
    "REALS",
    "POSITIVE",
    "NONZERO",
    "Layout",
    "LAYOUTS",
    "contiguous",
    "transposed",
    "strided",
    "flipped",
    "read_only",
    "expanded",
]

_NEEDS_HYPOTHESIS = {
    "gradient_test": "properties",
    "axes": "strategies",
    "broadcastable_shapes": "strategies",
    "broadcastable_tensors": "strategies",
    "shapes": "strategies",
    "tensors": "strategies",
}


def __getattr__(name: str) -> Any:
    # Looked up when first used, so that `import tinygrad_np` does without Hypothesis.
    if name not in _NEEDS_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_NEEDS_HYPOTHESIS[name]}")
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(
            f"tinygrad_np.testing.{name} needs Hypothesis: pip install 'tinygrad-np[testing]'", name="hypothesis"
        ) from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
