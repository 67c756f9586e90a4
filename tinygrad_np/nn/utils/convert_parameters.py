"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_np.ops import shape
from tinygrad_np.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after another, as a tensor of one dimension; recorded like any op.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.nn.utils.parameters_to_vector([tg.ones(2, 2), tg.zeros(1)])
        tensor([1., 1., 1., 1., 0.])
    """
    return shape.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters share the memory of ``vec``, each its part: the inverse of `parameters_to_vector`.

    Args:
        vec: A vector with as many elements as all parameters together.
        parameters: The tensors whose data is replaced.

    Raises:
        TypeError: ``vec`` is no Tensor.
        RuntimeError: ``vec`` has too few elements, or too many: PyTorch would leave those unused.

    Example:
        >>> import tinygrad_np as tg
        >>> weight = tg.nn.Parameter(tg.zeros(1, 2))
        >>> tg.nn.utils.vector_to_parameters(tg.tensor([1.0, 2.0]), [weight])
        >>> weight
        Parameter containing:
        tensor([[1., 2.]], requires_grad=True)
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    targets = list(parameters)
    expected = sum(parameter.numel() for parameter in targets)
    if vec.shape != (expected,):
        raise RuntimeError(
            f"vector_to_parameters: the parameters have {expected} elements, but vec is of shape {list(vec.shape)}"
        )
    start = 0
    for parameter in targets:
        stop = start + parameter.numel()
        parameter.data = vec.data[start:stop].view_as(parameter)
        start = stop
