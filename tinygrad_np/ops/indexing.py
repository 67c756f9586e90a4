"""Ops that pick elements, by index, by mask or by order, and their adjoints, which put elements in place.

``x[index]`` is one or two steps, each an op: what is basic in the index (integers, slices, None) gives a view; what is
advanced (integer and boolean tensors) then copies from it.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from tinygrad_np import dtypes
from tinygrad_np.graph import modes
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops import shape
from tinygrad_np.ops.elementwise import choose, keep
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import for_rules, numpy_names, primitive, wrap
from tinygrad_np.ops.shape import normal_dim
from tinygrad_np.ops.table import Array

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Index: TypeAlias = tuple[Any, ...]

_ALL = slice(None)
_INT_OR_NONE = (int, type(None))

# ---- x[index] ------------------------------------------------------------------------------------------------------


def getitem(input: Tensor, index: Any) -> Tensor:
    """``input[index]``: the elements at an index.

    An index is one of the following, or a tuple of them:

    - an integer picks from a dimension, a slice takes a range of it (steps must be positive), ``None`` puts in a new
      dimension of size 1, ``...`` stands for as many full slices as are missing: all these give a view;
    - a boolean tensor of the shape of one or several dimensions picks where it is True; integer tensors, which are
      broadcast together, pick the elements at their coordinates: these give a copy. Lists and arrays will do, too.

    Args:
        input: a tensor of any shape and dtype.
        index: the index.

    Returns:
        The elements. Where all advanced indices stand next to each other, their dimensions are where these stood, else
        in front. Unlike in NumPy, an integer beside an advanced index counts as basic.

    Raises:
        IndexError: an index is out of range or of the wrong type or shape, or there are too many.
        ValueError: the step of a slice is not positive.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.arange(12).reshape(3, 4)
        >>> x[1, ::2], x[:, -1]
        (tensor([4, 6]), tensor([ 3,  7, 11]))
        >>> x[[0, 2], [1, 3]], x[x > 8]
        (tensor([ 1, 11]), tensor([ 9, 10, 11]))
    """
    basic: Index | None
    advanced: Index | None
    if index.__class__ is int:  # the commonest three first
        basic, advanced = (index, ...), None
    elif index.__class__ is slice:
        basic, advanced = (_normal_slice(index), ...), None
    elif isinstance(index, _primitive.Tensor) and index._array.dtype.kind == "i" and index._array.ndim and input.ndim:
        basic, advanced = None, (index._array,)
    else:
        basic, advanced = _parse(index, input._array.shape)
    if basic is not None:
        input = _slice(input, basic)
    if advanced is not None:
        if input._node is not None and modes.grad:  # the graph keeps the index; its owner may change it
            advanced = tuple([item.copy() if isinstance(item, np.ndarray) else item for item in advanced])
        input = _index(input, advanced)
    return input


def assign(array: Array, index: Any, value: Any) -> None:
    """Set the elements of ``array`` at ``index`` to ``value``, which is broadcast and cast: ``x[index] = value``.

    Raises:
        IndexError, ValueError: as `getitem`.
        RuntimeError: the value cannot be broadcast to what is indexed, or is a number that does not fit its dtype.
    """
    if isinstance(value, int | float | np.generic):
        value = dtypes.fitted_by_way_of_single(value, array.dtype)
    basic, advanced = _parse(index, array.shape)
    try:
        target = array if basic is None else array[basic]
        places = ... if advanced is None else _without_masks(advanced)
        try:
            target[places] = value
        except ValueError:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(np.shape(value))} cannot be broadcast to indexing result "
                f"of shape {list(target[places].shape)}"
            ) from None
    except IndexError as error:
        raise IndexError(str(error).replace("axis", "dimension")) from None


def _without_masks(index: Index) -> Index:
    """An advanced index with the coordinates of what masks pick instead of masks: NumPy broadcasts values to those."""
    return tuple([part for item in index for part in (item.nonzero() if _is_mask(item) else (item,))])


def _is_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype == bool


def _parse(index: Any, sizes: Sequence[int]) -> tuple[Index | None, Index | None]:
    """The basic step and the advanced step of an index into a tensor of shape ``sizes``; None where there is none."""
    items = list(map(_normal_item, index if isinstance(index, tuple) else (index,)))
    if not any([item.__class__ is np.ndarray for item in items]):
        _check_count(len(items) - items.count(None) - items.count(...), sizes)
        return (*items, *([] if ... in items else [...])), None  # with an ellipsis even one element is a view
    return _two_steps(items, sizes)


def _check_count(indexed: int, sizes: Sequence[int]) -> None:
    if indexed > len(sizes):
        raise IndexError(f"too many indices for tensor of dimension {len(sizes)}")


def _two_steps(items: list[Any], sizes: Sequence[int]) -> tuple[Index | None, Index]:
    """The basic part of an index, and its arrays among full slices, as an index into the view that the former gives.

    Since integers go into the first step, ``x[0, :, [1, 2]]`` has the dimension of the list last, as in PyTorch.
    """
    widths = [_width(item) for item in items]
    missing = len(sizes) - sum(widths)
    _check_count(sum(widths), sizes)
    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    for item, width in zip(items, widths, strict=True):
        if item is None or isinstance(item, slice):
            basic.append(item)
            advanced.append(_ALL)
        elif isinstance(item, int):
            basic.append(item)
        elif item is ...:
            width = missing
            basic.extend([_ALL] * width)
            advanced.extend([_ALL] * width)
        elif item.ndim == 0:  # True or False: a mask of a new dimension
            basic.append(None)
            advanced.append(item.reshape(1))
        else:
            if _is_mask(item) and item.shape != tuple(sizes[dim : dim + width]):
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {dim} does not match the shape of the indexed "
                    f"tensor {list(sizes)} at index {dim}"
                )
            basic.extend([_ALL] * width)
            advanced.append(item)
        dim += width
    while advanced[-1] is _ALL:
        advanced.pop()
    trivial = all([isinstance(item, slice) and item == _ALL for item in basic])
    return None if trivial else tuple(basic), tuple(advanced)


def _width(item: Any) -> int:
    """How many dimensions an item of an index is for."""
    if item is None or item is ...:
        return 0
    return item.ndim if _is_mask(item) else 1


def _normal_item(item: Any) -> Any:
    """An item of an index as an int, a slice of ints, None, ``...``, or an array of int or bool."""
    if item.__class__ is int or item is None or item is ...:
        return item
    if isinstance(item, slice):
        return _normal_slice(item)
    if isinstance(item, _primitive.Tensor):
        array = item._array
    elif isinstance(item, np.ndarray | np.bool_ | bool):
        array = np.asarray(item)
    elif hasattr(item, "__index__"):
        return operator.index(item)
    elif isinstance(item, list | tuple | range):
        array = np.asarray(item) if len(item) else np.empty(0, np.int64)
    else:
        _refuse(type(item).__name__)
    if array.dtype == np.uint8:
        warnings.warn("indexing with dtype uint8 is deprecated, please use dtype bool instead", stacklevel=4)
        return array.astype(bool)
    if array.dtype.kind not in "bi":
        _refuse(f"a tensor of {array.dtype}")
    return array if array.ndim or array.dtype == bool else int(array)


def _normal_slice(item: slice) -> slice:
    start, stop, step = item.start, item.stop, item.step
    if step is None and start.__class__ in _INT_OR_NONE and stop.__class__ in _INT_OR_NONE:
        return item
    start, stop, step = [bound if bound is None else operator.index(bound) for bound in (start, stop, step)]
    if step is not None and step < 1:
        raise ValueError("step must be greater than zero")
    return slice(start, stop, step)


def _refuse(kind: str) -> NoReturn:
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and integer or boolean tensors are valid indices "
        f"(got {kind})"
    )


@primitive(name="slice", view=True)
def _slice(input: Array, index: Index) -> Array:
    return input[index]


@primitive
def place(input: Array, index: Index, size: Sequence[int]) -> Array:
    """Zeros of shape ``size`` with the elements of ``input`` at a basic index: the adjoint of slicing."""
    out = np.zeros(size, input.dtype)
    out[index] = input
    return out


@primitive(name="index")
def _index(input: Array, index: Index) -> Array:
    return _rows(input, index[0], 0) if len(index) == 1 and index[0].dtype != bool else input[index]


def _rows(input: Array, index: Array, dim: int) -> Array:
    # NumPy's take needs half the time of indexing, but would first make a contiguous copy of the whole array.
    return input.take(index, dim) if input.flags.c_contiguous else input[(_ALL,) * dim + (index,)]


@primitive
def place_add(input: Array, index: Index, size: Sequence[int]) -> Array:
    """Zeros of shape ``size`` with the elements of ``input`` added at an advanced index: the adjoint of picking."""
    out = np.zeros(size, input.dtype)
    _add_at(out, index, input)
    return out


def _put_back(g: Any, input_shape: tuple[int, ...], index: Index) -> Any:
    if math.prod(g.shape) == math.prod(input_shape):  # nothing was left out, as by `x[None]`: 0.7 of the time
        return g.reshape(input_shape)
    return for_rules(place)(g, index, input_shape)


_slice.rule(input=_put_back)
place.rule(input=lambda g, index: g[index])
_index.rule(input=lambda g, input_shape, index: for_rules(place_add)(g, index, input_shape))
place_add.rule(input=lambda g, index: for_rules(_index)(g, index))


def _add_at(out: Array, index: Index, values: Array) -> None:
    """``out[index] += values``, an element at a time where one is indexed repeatedly; ``out`` is contiguous."""
    kinds = {"slice" if isinstance(item, slice) else item.dtype.kind for item in index}
    if kinds <= {"slice", "b"}:  # nothing is repeated
        out[index] += values
    elif kinds == {"i"}:
        # One position per element: NumPy adds in several times faster by those than by coordinates or rows.
        leading, width = out.shape[: len(index)], math.prod(out.shape[len(index) :])
        rows = np.asarray(np.ravel_multi_index(index, leading, mode="wrap"))
        positions = rows if width == 1 else rows[..., None] * width + np.arange(width)
        np.add.at(out.reshape(-1), positions.reshape(-1), values.reshape(-1))
    else:
        np.add.at(out, index, values)


# ---- along a dimension ---------------------------------------------------------------------------------------------


@primitive
def gather(input: Array, dim: int, index: Array) -> Array:
    """The elements at ``index`` along ``dim``, and at their own place along the other dimensions.

    For three dimensions and ``dim`` = 1: out[i, j, k] = input[i, index[i, j, k], k].

    Args:
        input: a tensor of any shape.
        dim: the dimension to pick along.
        index: int64 or int32, with as many dimensions as ``input`` and, but for ``dim``, no larger.

    Returns:
        A tensor of the shape of ``index``.

    Raises:
        RuntimeError: the index is of the wrong dtype or shape, or out of range; negative ones are.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 2], [3, 4]]).gather(1, tg.tensor([[0, 0], [1, 0]]))
        tensor([[1, 1],
                [4, 3]])
    """
    coordinates = _coordinates("gather", input, dim, index)
    return np.atleast_1d(input)[coordinates].reshape(index.shape)


@primitive
def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """``input`` with the elements of ``src`` added at ``index`` along ``dim``: the adjoint of `gather`.

    For three dimensions and ``dim`` = 1: out[i, index[i, j, k], k] += src[i, j, k].

    Args:
        input: a tensor of any shape.
        dim: the dimension that the index is for.
        index: int64 or int32, with as many dimensions as ``input`` and, but for ``dim``, no larger.
        src: a tensor of the dtype of ``input``, no smaller than ``index``.

    Returns:
        A tensor of the shape of ``input``.

    Raises:
        RuntimeError: a shape or dtype does not fit, or the index is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(3).scatter_add(0, tg.tensor([0, 2, 2]), tg.tensor([1.0, 2.0, 3.0]))
        tensor([1., 0., 5.])
    """
    coordinates = _coordinates("scatter_add", input, dim, index)
    out = input.copy()
    _add_at(np.atleast_1d(out), coordinates, np.atleast_1d(_part_for("scatter_add", input, index, src)))
    return out


@primitive
def scatter(input: Array, dim: int, index: Array, src: Array) -> Array:
    """``input`` with the elements at ``index`` along ``dim`` replaced by those of ``src``.

    For three dimensions and ``dim`` = 1: out[i, index[i, j, k], k] = src[i, j, k]. Where an element is indexed
    more than once, it is not defined which one replaces it, and the gradient of ``src`` counts all.

    Args:
        input: a tensor of any shape.
        dim: the dimension that the index is for.
        index: int64 or int32, with as many dimensions as ``input`` and, but for ``dim``, no larger.
        src: a number, or a tensor of the dtype of ``input``, no smaller than ``index``.

    Returns:
        A tensor of the shape of ``input``.

    Raises:
        RuntimeError: a shape, dtype or number does not fit, or the index is out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3).scatter(1, tg.tensor([[2], [0]]), 1.0)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    coordinates = _coordinates("scatter", input, dim, index)
    out = input.copy()
    is_number = isinstance(src, int | float)
    values = dtypes.fitted(src, input.dtype) if is_number else _part_for("scatter", input, index, src)
    np.atleast_1d(out)[coordinates] = values
    return out


def _coordinates(op: str, input: Array, dim: int, index: Array) -> Index:
    """As an index for NumPy: ``index`` along ``dim``, the own place along other dimensions. 0-d is taken for 1-d."""
    dim = normal_dim(op, dim, input.ndim)
    if not isinstance(index, np.ndarray):
        raise argument_error(op, "index", index)
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index, got {index.dtype}")
    sizes, limits = index.shape or (1,), input.shape or (1,)
    if len(sizes) != len(limits):
        raise RuntimeError(
            f"{op}(): Index tensor must have the same number of dimensions as input tensor, got shapes "
            f"{list(index.shape)} and {list(input.shape)}"
        )
    for d, (size, limit) in enumerate(zip(sizes, limits, strict=True)):
        if size > limit and d != dim:
            raise RuntimeError(
                f"{op}(): Size does not match at dimension {d}: expected index {list(index.shape)} to be no larger "
                f"than self {list(input.shape)} apart from dimension {dim}"
            )
    _check_range(op, index, dim, 0, limits[dim])
    places = [np.arange(size).reshape(-1, *[1] * (len(sizes) - d - 1)) for d, size in enumerate(sizes)]
    places[dim] = index.reshape(sizes)
    return tuple(places)


def _check_range(op: str, index: Array, dim: int, low: int, size: int) -> None:
    if index.size and not low <= index.min() <= index.max() < size:
        worst = index.min() if index.min() < low else index.max()
        raise RuntimeError(f"{op}(): index {worst} is out of bounds for dimension {dim} with size {size}")


def _part_for(op: str, input: Array, index: Array, src: Any) -> Array:
    """The part of ``src`` that ``index`` has a place for."""
    if not isinstance(src, np.ndarray):
        raise argument_error(op, "src", src)
    if src.dtype != input.dtype:
        raise RuntimeError(f"{op}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    if src.ndim != index.ndim or any([i > s for i, s in zip(index.shape, src.shape, strict=True)]):
        raise RuntimeError(
            f"{op}(): Expected index {list(index.shape)} to be no larger size than src {list(src.shape)}"
        )
    return src[_corner(index.shape)]


def _corner(sizes: Sequence[int]) -> Index:
    """The index of the first ``sizes`` elements along each dimension."""
    return tuple([slice(size) for size in sizes])


def _gather_for_src(g: Any, dim: int, index: Array, src_shape: tuple[int, ...]) -> Any:
    picked = for_rules(gather)(g, dim, index)
    return picked if picked.shape == src_shape else for_rules(place)(picked, _corner(index.shape), src_shape)


gather.rule(
    input=lambda g, input_shape, dim, index: for_rules(scatter_add)(np.zeros(input_shape, g.dtype), dim, index, g)
)
scatter_add.rule(input=lambda g: g, src=_gather_for_src)
scatter.rule(input=lambda g, dim, index: for_rules(scatter)(g, dim, index, 0), src=_gather_for_src)


@numpy_names
def take_along_dim(input: Tensor, indices: Any, dim: int | None = None) -> Tensor:
    """The elements at ``indices`` along ``dim``: what `argmax` and `argsort` give, applied.

    Args:
        input: a tensor of any shape.
        indices: a tensor or array of integers, with as many dimensions as ``input``; negative ones count from the
            end. Except along ``dim``, the two are broadcast.
        dim: the dimension; if None, both tensors are taken flat.

    Returns:
        A tensor of the broadcast shape, with the size of ``indices`` along ``dim``.

    Raises:
        RuntimeError: the shapes do not fit, the indices are no integers or are out of range.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([[10, 30, 20], [60, 40, 50]])
        >>> tg.take_along_dim(x, x.argsort(dim=1), dim=1)
        tensor([[10, 20, 30],
                [40, 50, 60]])
    """
    positions = indices._array if isinstance(indices, _primitive.Tensor) else np.asarray(indices)
    if positions.dtype.kind not in "iu":
        raise RuntimeError(f"take_along_dim(): Expected dtype int64 for indices, got {positions.dtype}")
    if dim is None:
        input, positions, dim = shape.ravel(input), positions.reshape(-1), 0
    dim = normal_dim("take_along_dim", dim, input.ndim)
    if positions.ndim != input.ndim:
        raise RuntimeError(
            "take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {positions.ndim} dimensions for indices"
        )
    if input.ndim:
        size, count = input.shape[dim], positions.shape[dim]
        _check_range("take_along_dim", positions, dim, -size, size)
        try:
            others = np.broadcast_shapes(_with_size(input.shape, dim, 1), _with_size(positions.shape, dim, 1))
        except ValueError:
            raise RuntimeError(
                f"take_along_dim(): shapes {list(input.shape)} and {list(positions.shape)} cannot be broadcast "
                f"together apart from dimension {dim}"
            ) from None
        positions = np.where(positions < 0, positions + size, positions)
        positions = np.broadcast_to(positions, _with_size(others, dim, count))
        input = shape.expand(input, _with_size(others, dim, size))
    return gather(input, dim, wrap(positions.astype(np.int64)))


def _with_size(sizes: Sequence[int], dim: int, size: int) -> tuple[int, ...]:
    return (*sizes[:dim], size, *sizes[dim + 1 :])


@primitive
def index_select(input: Array, dim: int, index: Array) -> Array:
    """The slices at ``index`` along ``dim``.

    Args:
        input: a tensor of any shape.
        dim: the dimension to pick along.
        index: int64 or int32, one-dimensional.

    Returns:
        A tensor of the shape of ``input`` but for ``dim``, whose size is the length of ``index``.

    Raises:
        RuntimeError: the index is of the wrong dtype; or has not one element, for a 0-d ``input``.
        IndexError: the index is not one-dimensional or is out of range; negative ones are.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 2], [3, 4]]).index_select(1, tg.tensor([1, 1]))
        tensor([[2, 2],
                [4, 4]])
    """
    dim = normal_dim("index_select", dim, input.ndim)
    if not isinstance(index, np.ndarray):
        raise argument_error("index_select", "index", index)
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"index_select(): Expected dtype int32 or int64 for index, got {index.dtype}")
    if index.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, got shape {list(index.shape)}")
    if input.ndim == 0 and index.size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.size} value(s)")
    size = input.shape[dim] if input.ndim else 1
    if index.size and not 0 <= index.min() <= index.max() < size:
        raise IndexError(f"index_select: index out of range: [{index.min()}, {index.max()}] for a size of {size}")
    return np.ascontiguousarray(_rows(input, index.reshape(-1), dim)) if input.ndim else input.copy()


def _select_adjoint(g: Any, input_shape: tuple[int, ...], dim: int, index: Array) -> Any:
    if not input_shape:
        return g
    dim %= len(input_shape)
    if isinstance(g, np.ndarray):
        return place_add.op.forward(g, (_ALL,) * dim + (index.reshape(-1),), input_shape)
    # By an op that the index is a tensor for, so that a change of it in place is noticed.
    column = index.reshape((-1,) + (1,) * (g.ndim - 1 - dim))
    return scatter_add(np.zeros(input_shape, g.dtype), dim, np.broadcast_to(column, g.shape), g)


index_select.rule(input=_select_adjoint)

# ---- by mask -------------------------------------------------------------------------------------------------------


@primitive
def masked_fill(input: Array, mask: Array, value: Array) -> Array:
    """``input`` with ``value`` where ``mask`` is True.

    Args:
        input: a tensor of any shape and dtype.
        mask: bool, of a shape that broadcasts with that of ``input``.
        value: a number or a 0-d tensor; it is cast to the dtype of ``input``.

    Returns:
        A tensor of the broadcast shape.

    Raises:
        RuntimeError: the mask is not boolean, the value has dimensions, or does not fit the dtype.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([-1.0, 2.0])
        >>> x.masked_fill(x < 0, 0)
        tensor([0., 2.])
    """
    _check_mask("masked_fill", mask)
    if np.ndim(value):
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, but got tensor with "
            f"{np.ndim(value)} dimension(s)."
        )
    if isinstance(value, np.ndarray):
        if value.dtype != input.dtype:
            dtypes.check_fits(value.item(), input.dtype)
        value = value.astype(input.dtype, copy=False)
    else:
        value = dtypes.fitted(value, input.dtype)
    return choose(mask, value, input)


masked_fill.rule(input=lambda g, mask: keep(g, ~mask), value=lambda g, mask: keep(g, mask))


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` is True, in one dimension.

    Args:
        input: a tensor of any shape.
        mask: bool; the two are broadcast.

    Returns:
        A tensor of one dimension.

    Raises:
        RuntimeError: the mask is not boolean, or the shapes do not broadcast.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([[-1, 2], [3, -4]])
        >>> x.masked_select(x > 0)
        tensor([2, 3])
    """
    _check_mask("masked_select", mask._array)
    input, mask = shape.broadcast_tensors(input, mask)
    return input[mask]


def _check_mask(op: str, mask: Any) -> None:
    if not isinstance(mask, np.ndarray):
        raise argument_error(op, "mask", mask)
    if mask.dtype != bool:
        raise RuntimeError(f"{op} only supports boolean masks, but got mask with dtype {mask.dtype}")


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The coordinates of the elements that are not zero.

    Args:
        input: a tensor of n dimensions.
        as_tuple: give a tensor per dimension, as a tuple that can serve as an index, instead of a row per element.

    Returns:
        int64, of shape (number of such elements, n); or n tensors of the shape (number of such elements,).

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 0], [0, 2]]).nonzero()
        tensor([[0, 0],
                [1, 1]])
    """
    if as_tuple:
        return tuple([wrap(places) for places in np.nonzero(np.atleast_1d(input._array))])
    return wrap(np.argwhere(input._array))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Class indices as vectors of zeros with a 1 at the place of the class.

    Args:
        tensor: int64, of any shape.
        num_classes: the number of classes; -1 stands for one more than the largest index.

    Returns:
        int64, of the shape of ``tensor`` and a dimension of ``num_classes`` more.

    Raises:
        RuntimeError: the indices are not int64, are negative or too large, or there are none to tell the number by.

    Example:
        >>> import tinygrad_np as tg
        >>> one_hot(tg.tensor([1, 0, 2]))
        tensor([[0, 1, 0],
                [1, 0, 0],
                [0, 0, 1]])
    """
    classes = tensor._array
    if classes.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type int64, got {classes.dtype}")
    if classes.size == 0 and num_classes <= 0:
        raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative, got {classes.min()}")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif classes.size and classes.max() >= num_classes:
        raise RuntimeError(f"one_hot: Class values must be smaller than num_classes {num_classes}, got {classes.max()}")
    return wrap(np.equal(classes[..., None], np.arange(num_classes), order="C").astype(np.int64))


# ---- by order ------------------------------------------------------------------------------------------------------


class ValuesAndIndices(NamedTuple):
    """What `max`, `min`, `sort` and `topk` along a dimension give: elements, and their indices along it (int64)."""

    values: Any
    indices: Any


@primitive(differentiable=False)
def argsort(input: Array, dim: int = -1, descending: bool = False, stable: bool = False) -> Array:
    """The indices along ``dim`` of the elements in order.

    Args:
        input: a tensor of any shape; NaN counts as larger than all numbers.
        dim: the dimension.
        descending: begin with the largest.
        stable: leave equal elements in the order they have. They are left so in any case.

    Returns:
        int64, of the shape of ``input``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([2, 3, 1]).argsort()
        tensor([2, 0, 1])
    """
    dim = normal_dim("argsort", dim, input.ndim)
    if input.ndim == 0:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(input, dim, kind="stable")
    # From back to front, twice: so equal elements stay in order, and NaN comes first.
    return input.shape[dim] - 1 - np.flip(np.argsort(np.flip(input, dim), dim, kind="stable"), dim)


@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """The elements in order along ``dim``.

    Args:
        input: a tensor of any shape; NaN counts as larger than all numbers.
        dim: the dimension.
        descending: begin with the largest.
        stable: leave equal elements in the order they have. They are left so in any case.

    Returns:
        The sorted elements, and the indices that they had in ``input``.

    Example:
        >>> import tinygrad_np as tg
        >>> values, indices = tg.tensor([2, 3, 1]).sort(descending=True)
        >>> values, indices
        (tensor([3, 2, 1]), tensor([1, 0, 2]))
    """
    indices = argsort(input, dim, descending, stable)
    return ValuesAndIndices(gather(input, dim, indices), indices)


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """The ``k`` largest elements along ``dim``.

    Args:
        input: a tensor of any shape; NaN counts as larger than all numbers.
        k: how many.
        dim: the dimension.
        largest: False for the smallest elements.
        sorted: give them in order. They are in any case.

    Returns:
        The elements, the largest (or smallest) first, and their indices in ``input``.

    Raises:
        RuntimeError: there are fewer than ``k``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([2, 3, 1]).topk(2).values
        tensor([3, 2])
    """
    dim = normal_dim("topk", dim, input.ndim)
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"topk: selected index k out of range: {k} for shape {list(input.shape)}, dim {dim}")
    indices = wrap(_places_of_extremes(input._array, k, dim, largest))
    return ValuesAndIndices(gather(input, dim, indices), indices)


def _places_of_extremes(array: Array, k: int, dim: int, largest: bool) -> Array:
    """Where along ``dim`` the ``k`` largest or smallest elements are, in their order."""
    in_order = argsort.op.forward
    if array.ndim == 0:
        return in_order(array, dim)
    size, along = array.shape[dim], (_ALL,) * dim
    if not 0 < k <= size // 4 or array.size < _MANY:
        return in_order(array, dim, largest)[(*along, slice(k))]
    # Only these are put in order: for 3 of 1000 that takes 0.1 of the time.
    parted = np.argpartition(array, size - k if largest else k - 1, dim)
    places = np.sort(parted[(*along, slice(size - k, size) if largest else slice(k))], dim)
    order = in_order(np.take_along_axis(array, places, dim), dim, largest)
    return np.take_along_axis(places, order, dim)


_MANY = 4096  # elements; to put fewer in order takes no longer
