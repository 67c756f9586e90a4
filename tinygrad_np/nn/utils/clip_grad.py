"""Clipping of gradients: a remedy for the steps that a rare huge gradient would make."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tinygrad_np.autograd import no_grad
from tinygrad_np.ops import creation, shape
from tinygrad_np.tensor import Tensor


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients in place by min(1, max_norm / norm), ``norm`` being that of all of them as one vector.

    Args:
        parameters: One or several tensors; those without a gradient are left out.
        max_norm: The greatest norm allowed.
        norm_type: Which p-norm; ``float("inf")``, or ``"inf"``, for the greatest absolute value.
        error_if_nonfinite: Raise, instead of scaling, if the norm is NaN or infinite.

    Returns:
        The norm before the clipping, 0-d.

    Raises:
        RuntimeError: The norm is not finite, and ``error_if_nonfinite``.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([3.0, 4.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> tg.nn.utils.clip_grad_norm_(x, max_norm=1.0)
        tensor(10.)
        >>> x.grad
        tensor([0.6000, 0.8000])

    Source:
        R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    norm_type = float(norm_type)
    grads = _gradients(parameters)
    if not grads:
        return creation.tensor(0.0)
    total_norm: Tensor = shape.stack([grad.norm(norm_type) for grad in grads]).norm(norm_type)
    if error_if_nonfinite and not math.isfinite(total_norm.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    scale = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)  # PyTorch's guard against a norm of 0
    for grad in grads:
        grad.mul_(scale)
    return total_norm


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clamp all elements of all gradients in place to [-clip_value, clip_value].

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([0.1, 5.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> tg.nn.utils.clip_grad_value_(x, 1.0)
        >>> x.grad
        tensor([0.2000, 1.0000])
    """
    for grad in _gradients(parameters):
        grad.clamp_(-clip_value, clip_value)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    return [tensor.grad for tensor in tensors if tensor.grad is not None]
