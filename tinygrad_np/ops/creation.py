"""Tensors made from numbers, sequences and NumPy arrays, or filled by a rule.

PyTorch's functions of these names also take a ``device``, a ``layout`` and the like: here there is one of each.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes
from tinygrad_np.dtypes import DType, DTypeLike
from tinygrad_np.memory import aligned
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import wrap

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Number: TypeAlias = bool | int | float
Size: TypeAlias = Sequence[int]

# ---- from data -----------------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of a copy of ``data``: a leaf of the graph.

    Args:
        data: a number, nested sequences of numbers, a NumPy array, a tensor.
        dtype: of the result. By default Python floats give the default dtype, ints int64, bools bool; arrays, tensors
            and NumPy's scalars keep theirs; in a mixture they are promoted (see `promote_types`).
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        ValueError: sequences of unequal lengths, or an integer beyond int64.
        TypeError: sequences beside numbers, text, or a dtype that does not exist here.
        RuntimeError: a number that ``dtype`` cannot hold, data that is nothing like a number, or ``requires_grad``
            for integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 2], [3, 4]]), tg.tensor([1, 2.5]), tg.tensor(True)
        (tensor([[1, 2],
                [3, 4]]), tensor([1.0000, 2.5000]), tensor(True))
    """
    if isinstance(data, _primitive.Tensor):
        data = data._array
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(data, np.ndarray | np.generic):
        array = np.array(data, dtype=wanted or _supported(data))
    else:
        array = _from_python(data, wanted)
    return leaf(array, requires_grad)


def as_tensor(data: Any, dtype: DTypeLike | None = None) -> Tensor:
    """``data`` as a tensor, which shares memory with it where it is an array or a tensor of that dtype.

    Args:
        data: as for `tensor`. A tensor is returned as it is, or cast with its place in the graph.
        dtype: of the result; by default as in `tensor`.

    Raises:
        As `tensor`.

    Example:
        >>> import numpy as np, tinygrad_np as tg
        >>> array = np.zeros(2)
        >>> tg.as_tensor(array).fill_(7)
        tensor([7., 7.], dtype=float64)
        >>> array
        array([7., 7.])
    """
    if isinstance(data, _primitive.Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray):
        wanted = _supported(data)
        return wrap(np.asarray(data, wanted if dtype is None else dtypes.as_dtype(dtype)))
    return tensor(data, dtype=dtype)


def from_numpy(ndarray: npt.NDArray[Any]) -> Tensor:
    """A tensor that shares memory with a NumPy array: a change of one is seen in the other.

    Raises:
        TypeError: it is no array, or has a dtype that does not exist here.
        ValueError: its bytes are in another order than this machine's.

    Example:
        >>> import numpy as np, tinygrad_np as tg
        >>> tg.from_numpy(np.arange(3))
        tensor([0, 1, 2])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    _supported(ndarray)
    return wrap(np.asarray(ndarray))  # of a subclass, such as np.memmap, the plain array


def _supported(array: npt.NDArray[Any] | np.generic) -> DType:
    """The dtype of an array, if tensors can have it."""
    if not array.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order; convert it first")
    for dtype in dtypes.ALL:
        if array.dtype == dtype:
            return dtype
    raise TypeError(
        f"can't convert np.ndarray of type {array.dtype}. The only supported types are: "
        f"{', '.join(dtype.name for dtype in dtypes.ALL)}."
    )


def leaf(array: npt.NDArray[Any], requires_grad: bool) -> Tensor:
    """A leaf of the graph that holds ``array``."""
    made = wrap(array)
    return made.requires_grad_() if requires_grad else made


# ---- what Python data is ------------------------------------------------------------------------------------------


def _from_python(data: Any, dtype: DType | None) -> npt.NDArray[Any]:
    found: set[DType] = set()
    data = _plain(data, found)
    if dtype is None:
        dtype = reduce(dtypes.promote_types, found) if found else dtypes.get_default_dtype()
    try:
        if dtype.kind not in "iu":
            with np.errstate(over="ignore"):  # what is too large for float32 is infinite in it
                return np.array(data, dtype=dtype)
        array = np.array(data)
    except ValueError as error:
        raise _misfit(data, _first_lengths(data)) or error from None
    if array.dtype == dtype:
        return array
    if array.dtype.kind in "Ou" and dtype == dtypes.int64:
        raise ValueError("Overflow when unpacking long long: an integer is out of the range of int64")
    if array.size:
        dtypes.check_fits(array.min(), dtype)
        dtypes.check_fits(array.max(), dtype)
    return array.astype(dtype)


def _plain(data: Any, found: set[DType]) -> Any:
    """``data`` with arrays in place of tensors; the dtypes of all its numbers are added to ``found``."""
    if _is_sequence(data):
        # The types of a row are collected at the speed of C: only what is no Python number is looked at by itself.
        kinds = set(map(type, data))
        found.update(_dtype_of_python(kind) for kind in kinds & _PYTHON_NUMBERS)
        return data if kinds <= _PYTHON_NUMBERS else [_plain(element, found) for element in data]
    if isinstance(data, _primitive.Tensor):
        if data.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        data = data._array.reshape(())
    if isinstance(data, np.ndarray | np.generic):
        found.add(_supported(data))
    elif isinstance(data, bool | int | float):
        found.add(_dtype_of_python(type(data)))
    elif isinstance(data, str | bytes | complex):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    else:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    return data


_PYTHON_NUMBERS = {bool, int, float}


def _dtype_of_python(kind: type) -> DType:
    if issubclass(kind, bool):
        return dtypes.bool_
    return dtypes.int64 if issubclass(kind, int) else dtypes.get_default_dtype()


def _is_sequence(data: Any) -> bool:
    return isinstance(data, Sequence) and not isinstance(data, str | bytes)


def _misfit(data: Any, lengths: list[int], depth: int = 0) -> Exception | None:
    """Where nested sequences first depart from these lengths, if anywhere."""
    if depth == len(lengths):
        return TypeError(f"expected a number at dim {depth}, but got a sequence") if _is_array_like(data) else None
    if not _is_array_like(data):
        return TypeError(f"expected a sequence of length {lengths[depth]} at dim {depth}, but got {data!r}")
    if len(data) != lengths[depth]:
        return ValueError(f"expected sequence of length {lengths[depth]} at dim {depth} (got {len(data)})")
    misfits = (_misfit(element, lengths, depth + 1) for element in data)
    return next((error for error in misfits if error is not None), None)


def _first_lengths(data: Any) -> list[int]:
    """The length of nested sequences, of the first sequence in them, of the first in that, and so on."""
    return [len(data), *(_first_lengths(data[0]) if len(data) else ())] if _is_array_like(data) else []


def _is_array_like(data: Any) -> bool:
    return _is_sequence(data) or (isinstance(data, np.ndarray) and data.ndim > 0)


# ---- filled --------------------------------------------------------------------------------------------------------


def zeros(*sizes: Any, size: Size | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor full of zeros.

    Args:
        sizes: of the dimensions: several ints, or one sequence of them.
        size: the same by name.
        dtype: the default dtype unless given.
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        TypeError: a size is no int.
        RuntimeError: a size is negative, or ``requires_grad`` for integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3), tg.zeros((2,), dtype=tg.int64)
        (tensor([[0., 0., 0.],
                [0., 0., 0.]]), tensor([0, 0]))
    """
    return leaf(aligned(np.zeros, shape_of("zeros", sizes, size), or_default(dtype)), requires_grad)


def ones(*sizes: Any, size: Size | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor full of ones; arguments as for `zeros`.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.ones(3)
        tensor([1., 1., 1.])
    """
    return leaf(np.ones(shape_of("ones", sizes, size), or_default(dtype)), requires_grad)


def empty(*sizes: Any, size: Size | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of whatever its memory held; arguments as for `zeros`.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.empty(2, 3).shape
        Size([2, 3])
    """
    return leaf(aligned(np.empty, shape_of("empty", sizes, size), or_default(dtype)), requires_grad)


def full(size: Size, fill_value: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor full of one number.

    Args:
        size: of the dimensions, a sequence.
        fill_value: a number, or a tensor of no dimensions.
        dtype: by default that of ``fill_value``: bool, int64 or the default dtype.
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        TypeError: ``size`` is no sequence of ints, or ``fill_value`` no number.
        RuntimeError: ``dtype`` cannot hold the number, a size is negative, or ``requires_grad`` for integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.full((2, 2), 7)
        tensor([[7, 7],
                [7, 7]])
    """
    value = _number("full", "fill_value", fill_value)
    wanted = _dtype_of_python(type(value)) if dtype is None else dtypes.as_dtype(dtype)
    return leaf(np.full(shape_of("full", (), size), dtypes.fitted(value, wanted)), requires_grad)


def zeros_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape of a tensor, and in its dtype unless another is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros_like(tg.tensor([1, 2, 3]))
        tensor([0, 0, 0])
    """
    return leaf(np.zeros_like(*array_like("zeros_like", input, dtype)), requires_grad)


def ones_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape of a tensor, and in its dtype unless another is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.ones_like(tg.tensor([1, 2, 3]), dtype=tg.float32)
        tensor([1., 1., 1.])
    """
    return leaf(np.ones_like(*array_like("ones_like", input, dtype)), requires_grad)


def empty_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """An uninitialised tensor in the shape of another, and in its dtype unless one is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.empty_like(tg.ones(2, 3)).shape
        Size([2, 3])
    """
    return leaf(np.empty_like(*array_like("empty_like", input, dtype)), requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """One number in the shape of a tensor, and in its dtype unless another is given.

    Raises:
        TypeError: ``fill_value`` is no number.
        RuntimeError: the dtype cannot hold it, or ``requires_grad`` for integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.full_like(tg.ones(2), 5)
        tensor([5., 5.])
    """
    array, wanted = array_like("full_like", input, dtype)
    value = dtypes.fitted(_number("full_like", "fill_value", fill_value), wanted)
    return leaf(np.full_like(array, value, wanted), requires_grad)


def array_like(op: str, input: Any, dtype: DTypeLike | None) -> tuple[npt.NDArray[Any], DType]:
    """The array of the tensor ``input``, and the dtype of something like it."""
    if not isinstance(input, _primitive.Tensor):
        raise argument_error(op, "input", input)
    return input._array, input.dtype if dtype is None else dtypes.as_dtype(dtype)


# ---- in a pattern --------------------------------------------------------------------------------------------------


def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A matrix with ones on its diagonal and zeros elsewhere.

    Args:
        n: number of rows.
        m: number of columns; as many as rows unless given.
        dtype: the default dtype unless given.
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        TypeError: a number is no int.
        RuntimeError: a number is negative, or ``requires_grad`` for integers.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.eye(2, 3)
        tensor([[1., 0., 0.],
                [0., 1., 0.]])
    """
    return leaf(np.eye(*shape_of("eye", (n, n if m is None else m)), dtype=or_default(dtype)), requires_grad)


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` (included) to ``end`` (excluded), ``step`` apart.

    There are ``ceil((end - start) / step)`` of them.

    Args:
        start: 0 unless given: ``arange(end)`` is understood.
        end: where to stop.
        step: from each to the next; may be negative.
        dtype: by default int64, or the default dtype if any of the three is a float.
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        TypeError: no ``end``, or something that is no number.
        RuntimeError: ``step`` is 0 or leads away from ``end``, a limit is not finite, or the dtype is bool.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.arange(3), tg.arange(1, 2, 0.25)
        (tensor([0, 1, 2]), tensor([1.0000, 1.2500, 1.5000, 1.7500]))
    """
    if end is None:
        start, end = 0, start
    start = 0 if start is None else _number("arange", "start", start)
    end, step = _number("arange", "end", end), _number("arange", "step", step)
    if dtype is not None:
        wanted = dtypes.as_dtype(dtype)
    else:
        wanted = dtypes.get_default_dtype() if float in {type(start), type(end), type(step)} else dtypes.int64
    if wanted.kind == "b":
        raise RuntimeError("arange: not implemented for dtype bool")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if wanted.kind == "f":
        return leaf((start + step * np.arange(_steps(start, end, step))).astype(wanted), requires_grad)
    count, start, step = _steps(start, end, step), int(start), int(step)
    return leaf((start + step * np.arange(count, dtype=np.int64)).astype(wanted, copy=False), requires_grad)


def _steps(start: Number, end: Number, step: Number) -> int:
    if float in {type(start), type(end), type(step)}:
        return math.ceil((end - start) / step)
    return -int((start - end) // step)  # exact, however large


def linspace(
    start: Any, end: Any, steps: int, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` evenly spaced numbers, the first of which is ``start`` and the last ``end``.

    Args:
        start: a number.
        end: a number.
        steps: how many; of a single one, it is ``start``.
        dtype: the default dtype unless given; integers are truncated.
        requires_grad: whether the gradient with respect to it is wanted.

    Raises:
        TypeError: ``steps`` is no int, or a limit no number.
        RuntimeError: ``steps`` is negative.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    start, end = _number("linspace", "start", start), _number("linspace", "end", end)
    try:
        steps = operator.index(steps)
    except TypeError:
        raise argument_error("linspace", "steps", steps, "int") from None
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    step = (end - start) / max(steps - 1, 1)
    i = np.arange(steps)
    # Each half is counted from its own end, so that both ends are met exactly.
    values = np.where(2 * i < steps, start + step * i, end - step * (steps - 1 - i))
    return leaf(values.astype(or_default(dtype)), requires_grad)


# ---- arguments -----------------------------------------------------------------------------------------------------


def shape_of(op: str, sizes: Sequence[Any], size: Any = None) -> tuple[int, ...]:
    """The shape that is meant by sizes given one by one, or as one sequence, or by the name ``size``."""
    if size is not None:
        if sizes:
            raise TypeError(f"{op}() got multiple values for argument 'size'")
        if not _is_sequence(size):
            raise argument_error(op, "size", size, "tuple of ints")
        sizes = size
    elif not sizes:
        raise TypeError(f"{op}() missing required argument 'size'")
    elif len(sizes) == 1 and _is_sequence(sizes[0]):
        sizes = sizes[0]
    shape = []
    for position, element in enumerate(sizes):
        try:
            if isinstance(element, bool):
                raise TypeError
            shape.append(operator.index(element))
        except TypeError:
            raise TypeError(
                f"{op}(): argument 'size' must be tuple of ints, but found element of type "
                f"{type(element).__name__} at pos {position}"
            ) from None
    if any(length < 0 for length in shape):
        raise RuntimeError(f"{op}: Dimension size must be non-negative, got {shape}")
    return tuple(shape)


def or_default(dtype: DTypeLike | None) -> DType:
    """``dtype``, or the default dtype if it is None."""
    return dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)


def _number(op: str, name: str, value: Any) -> Any:
    """A number, also of a 0-d tensor or a NumPy scalar, as Python's."""
    if isinstance(value, _primitive.Tensor | np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, bool | int | float):
        raise argument_error(op, name, value, "Number")
    return value
