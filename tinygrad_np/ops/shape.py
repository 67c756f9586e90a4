"""Ops that rearrange elements: other shapes, orders, parts and repetitions of a tensor, and tensors joined together.

Most results are views: they share the memory of their input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_np.ops.errors import argument_error, dimension_error
from tinygrad_np.ops.primitive import for_rules, numpy_names, primitive
from tinygrad_np.ops.table import Array

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

Sizes: TypeAlias = Sequence[int]

# ---- dimensions and sizes as arguments -----------------------------------------------------------------------------


def normal_dim(op: str, dim: int, ndim: int) -> int:
    """``dim`` counted from the front, for a tensor of ``ndim`` dimensions; a 0-d tensor is treated as having one.

    Raises:
        IndexError: there is no such dimension; the message names ``op``.

    Example:
        >>> normal_dim("sum", -1, 3)
        2
    """
    try:
        return normalize_axis_index(dim, max(ndim, 1))
    except np.exceptions.AxisError:
        raise dimension_error(op, dim, ndim) from None
    except TypeError:
        raise argument_error(op, "dim", dim, "int") from None


def normal_dims(op: str, dim: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """One or several dims, counted from the front.

    Raises:
        IndexError: there is no such dimension.
        RuntimeError: a dimension appears twice.

    Example:
        >>> normal_dims("sum", (0, -1), 3)
        (0, 2)
    """
    if not isinstance(dim, tuple | list):
        return (normal_dim(op, dim, ndim),)  # type: ignore[arg-type]
    dims = tuple([normal_dim(op, d, ndim) for d in dim])
    if len(set(dims)) < len(dims):
        repeated = next(d for d in dims if dims.count(d) > 1)
        raise RuntimeError(f"{op}: dim {repeated} appears multiple times in the list of dims")
    return dims


def as_method(function: Callable[[Tensor, Any], Tensor], keyword: str) -> Callable[..., Tensor]:
    """The method that takes the sizes or dims of a function as several arguments, as one sequence, or by ``keyword``.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.zeros(2, 3)
        >>> x.permute(1, 0).shape == x.permute((1, 0)).shape == x.permute(dims=(1, 0)).shape
        True
    """
    name = function.__name__

    def method(self: Tensor, *sizes: Any, **named: Any) -> Tensor:
        if not named:
            return function(self, sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes)
        if sizes or named.keys() != {keyword}:
            wrong = sorted(named.keys() - {keyword})
            raise TypeError(
                f"{name}() got an unexpected keyword argument '{wrong[0]}'"
                if wrong
                else f"{name}() got multiple values for argument '{keyword}'"
            )
        return function(self, named[keyword])

    method.__name__ = name
    method.__doc__ = f"`{name}`, with ``{keyword}`` as arguments, as one tuple, or by name."
    return method


# ---- other shapes --------------------------------------------------------------------------------------------------


@primitive(view=True)
def reshape(input: Array, shape: Sizes) -> Array:
    """The same elements, in the same order, in another shape: a view where the layout in memory allows it, else a copy.

    Args:
        input: a tensor of any shape and dtype.
        shape: the sizes; one of them may be -1, which stands for what makes the number of elements right.

    Returns:
        A tensor of shape ``shape``.

    Raises:
        RuntimeError: the shape has another number of elements, or leaves more than one size open.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.arange(6).reshape(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    return _reshaped(input, shape)


reshape.rule(input=lambda g, input_shape: g.reshape(input_shape))


@primitive(view=True)
def view(input: Array, shape: Sizes) -> Array:
    """As `reshape`, but never a copy.

    Args:
        input: a tensor of any shape and dtype.
        shape: the sizes; one of them may be -1.

    Returns:
        A tensor of shape ``shape`` that shares the memory of ``input``.

    Raises:
        RuntimeError: as `reshape`, or the elements do not lie in memory in an order that allows it (say, after a
            transpose): then use `reshape`.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.zeros(2, 2)
        >>> x.view(4)[3] = 7
        >>> x
        tensor([[0., 0.],
                [0., 7.]])
    """
    out = _reshaped(input, shape)
    if input.size and not np.may_share_memory(out, input):
        raise RuntimeError(
            f"view size {list(out.shape)} is not compatible with the input tensor's size {list(input.shape)} and "
            "stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return out


view.rule(input=lambda g, input_shape: g.reshape(input_shape))


def _reshaped(input: Array, shape: Sizes) -> Array:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    if min(sizes, default=0) < -1:  # NumPy would take it for -1
        raise RuntimeError(f"invalid shape dimension {min(sizes)} in shape {list(sizes)}")
    try:
        return input.reshape(sizes)
    except ValueError:
        raise _misfit(sizes, input.size) from None


def _misfit(shape: Sizes, count: int) -> RuntimeError:
    """Why ``count`` elements do not fit into ``shape``."""
    if list(shape).count(-1) > 1:
        return RuntimeError(f"only one dimension can be inferred, but the shape is {list(shape)}")
    if -1 in shape and 0 in shape and count == 0:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    return RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`view` in the shape of ``other``."""
    return view(input, other.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`reshape` to the shape of ``other``."""
    return reshape(input, other.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Some dimensions, or all, merged into one.

    Args:
        input: a tensor of any shape; a 0-d one becomes a vector of one element.
        start_dim: the first dimension to merge.
        end_dim: the last, inclusive.

    Returns:
        The tensor reshaped: a view where the layout in memory allows it.

    Raises:
        RuntimeError: ``end_dim`` comes before ``start_dim``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(5, 2, 3).flatten(start_dim=1).shape
        Size([5, 6])
    """
    start, end = normal_dim("flatten", start_dim, input.ndim), normal_dim("flatten", end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    sizes = input.shape
    return reshape(input, (*sizes[:start], math.prod(sizes[start : end + 1]), *sizes[end + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(input, (-1,))


@numpy_names
def unflatten(input: Tensor, dim: int, sizes: Sizes) -> Tensor:
    """One dimension parted into several.

    Args:
        input: a tensor with dimension ``dim``.
        dim: the dimension to part.
        sizes: what to part it into; one of them may be -1.

    Returns:
        A view of the tensor.

    Raises:
        RuntimeError: the product of ``sizes`` is not the size of ``dim``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(5, 6).unflatten(1, (2, -1)).shape
        Size([5, 2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError("unflatten: a 0-d tensor has no dimension to part")
    dim = normal_dim("unflatten", dim, input.ndim)
    before, size, after = input.shape[:dim], input.shape[dim], input.shape[dim + 1 :]
    known = math.prod([s for s in sizes if s != -1])
    parts = [size // known if s == -1 and known else s for s in sizes]
    if not parts or min(parts) < 0 or math.prod(parts) != size or list(sizes).count(-1) > 1:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({size}) in the input "
            "tensor"
        )
    return view(input, (*before, *parts, *after))


@primitive(view=True)
def squeeze(input: Array, dim: int | Sequence[int] | None = None) -> Array:
    """Without dimensions of size 1.

    Args:
        input: a tensor of any shape.
        dim: the dimensions to leave out; those of another size stay. All, if None.

    Returns:
        A view of the tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.zeros(1, 3, 1)
        >>> x.squeeze().shape, x.squeeze(0).shape, x.squeeze(1).shape
        (Size([3]), Size([3, 1]), Size([1, 3, 1]))
    """
    dims = range(input.ndim) if dim is None else normal_dims("squeeze", dim, input.ndim)
    return input.reshape([size for i, size in enumerate(input.shape) if size != 1 or i not in dims])


squeeze.rule(input=lambda g, input_shape: g.reshape(input_shape))


@primitive(view=True)
def unsqueeze(input: Array, dim: int) -> Array:
    """With a new dimension of size 1, which will be dimension ``dim`` of the result.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(3).unsqueeze(0).shape, tg.zeros(3).unsqueeze(-1).shape
        (Size([1, 3]), Size([3, 1]))
    """
    dim = normal_dim("unsqueeze", dim, input.ndim + 1)
    return input.reshape((*input.shape[:dim], 1, *input.shape[dim:]))


unsqueeze.rule(input=lambda g, input_shape: g.reshape(input_shape))

# ---- other orders of the dimensions --------------------------------------------------------------------------------


@primitive(view=True)
def permute(input: Array, dims: Sequence[int]) -> Array:
    """The dimensions in another order.

    Args:
        input: a tensor of n dimensions.
        dims: for each dimension of the result, which one of the input it is: a permutation of 0 ... n - 1.

    Returns:
        A view of the tensor.

    Raises:
        RuntimeError: ``dims`` does not name each dimension once.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3, 5).permute(2, 0, 1).shape
        Size([5, 2, 3])
    """
    try:
        return input.transpose(dims)
    except np.exceptions.AxisError:
        raise
    except ValueError:
        raise RuntimeError(
            f"permute: dims {list(dims)} must name each of the {input.ndim} dimensions of the input exactly once"
        ) from None


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes the permutation ``dims``."""
    return tuple(sorted(range(len(dims)), key=lambda i: dims[i] % len(dims)))


permute.rule(input=lambda g, dims: for_rules(permute)(g, _inverse(dims)))


@primitive(view=True)
def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Two dimensions exchanged.

    Args:
        input: a tensor with the two dimensions.
        dim0: the one.
        dim1: the other.

    Returns:
        A view of the tensor.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3, 5).transpose(0, -1).shape
        Size([5, 3, 2])
    """
    if input.ndim == 0:  # 0 and -1 are dims of a 0-d tensor too
        return input.reshape([1] * (normal_dim("transpose", dim0, 0) + normal_dim("transpose", dim1, 0)))
    return input.swapaxes(dim0, dim1)


transpose.rule(input=lambda g, dim0, dim1: for_rules(transpose)(g, dim0, dim1))


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or a 0-d tensor as it is.

    Raises:
        RuntimeError: there are more than two dimensions.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3).t().shape
        Size([3, 2])
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return reverse_dims(input)


def reverse_dims(input: Tensor) -> Tensor:
    """All dimensions in reverse order: of a matrix, its transpose."""
    return permute(input, tuple(range(input.ndim))[::-1])


def matrix_transpose(input: Tensor) -> Tensor:
    """The last two dimensions exchanged: each matrix of a batch transposed."""
    if input.ndim < 2:
        raise RuntimeError(f"mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    return transpose(input, -2, -1)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Dimensions moved to other positions; the others keep their order.

    Args:
        input: a tensor of any shape.
        source: the dimensions to move.
        destination: for each of them the position where it shall be.

    Returns:
        A view of the tensor.

    Raises:
        RuntimeError: a dimension is named twice, or the numbers of sources and destinations differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3, 5).movedim(0, -1).shape
        Size([3, 5, 2])
    """
    sources, targets = normal_dims("movedim", source, input.ndim), normal_dims("movedim", destination, input.ndim)
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(sources)} dims) should contain the same "
            f"number of dims as destination ({list(targets)} dims)"
        )
    order = [dim for dim in range(input.ndim) if dim not in sources]
    if input.ndim:
        for target, dim in sorted(zip(targets, sources, strict=True)):
            order.insert(target, dim)
    return permute(input, order)


# ---- repetition ----------------------------------------------------------------------------------------------------


@primitive(view=True)
def expand(input: Array, shape: Sizes) -> Array:
    """Dimensions of size 1 repeated, and new ones put in front, without copying.

    Args:
        input: a tensor of any shape.
        shape: the sizes; -1 keeps the size of an existing dimension.

    Returns:
        A read-only view of the tensor: its elements share memory with each other.

    Raises:
        RuntimeError: a dimension that is to change is not of size 1, or there are fewer sizes than dimensions.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    new = len(shape) - input.ndim
    sizes = [input.shape[i - new] if size == -1 and i >= new else size for i, size in enumerate(shape)]
    try:
        return np.broadcast_to(input, sizes)
    except ValueError:
        raise _misfit_to_expand(input.shape, shape, new) from None


expand.rule(input=lambda g: g)  # the sweep sums over what was repeated


def _misfit_to_expand(sizes: Sizes, shape: Sizes, new: int) -> RuntimeError:
    """Why a tensor of these sizes cannot be expanded to ``shape``, which has so many ``new`` dimensions."""
    if new < 0:
        return RuntimeError(
            f"expand: the number of sizes provided ({len(shape)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({len(sizes)})"
        )
    if min(shape[:new], default=0) < 0:
        return RuntimeError(f"expand: -1 isn't allowed in a leading, non-existing dimension, as in {list(shape)}")
    dim = next(i for i, size in enumerate(sizes) if size != 1 and shape[new + i] not in (size, -1))
    return RuntimeError(
        f"expand: The expanded size of the tensor ({shape[new + dim]}) must match the existing size ({sizes[dim]}) at "
        f"non-singleton dimension {new + dim}. Target sizes: {list(shape)}. Tensor sizes: {list(sizes)}"
    )


def broadcast_to(input: Tensor, shape: Sizes) -> Tensor:
    """`expand`, under NumPy's name."""
    return expand(input, shape)


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`expand` to the shape of ``other``."""
    return expand(input, other.shape)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape.

    Raises:
        RuntimeError: they have none.

    Example:
        >>> import tinygrad_np as tg
        >>> a, b = tg.broadcast_tensors(tg.zeros(3, 1), tg.zeros(4))
        >>> a.shape, b.shape
        (Size([3, 4]), Size([3, 4]))
    """
    try:
        shape = np.broadcast_shapes(*[tensor.shape for tensor in tensors])
    except ValueError:
        shapes = " and ".join([str(list(tensor.shape)) for tensor in tensors])
        raise RuntimeError(f"broadcast_tensors: shapes {shapes} cannot be broadcast together") from None
    return tuple([expand(tensor, shape) for tensor in tensors])


@primitive
def repeat(input: Array, repeats: Sizes) -> Array:
    """The tensor repeated along each dimension, as copies side by side.

    Args:
        input: a tensor of any shape.
        repeats: how often, per dimension; where there are more counts than dimensions, new ones are put in front.

    Returns:
        A tensor of the size of ``input`` times ``repeats``.

    Raises:
        RuntimeError: there are fewer counts than dimensions, or one is negative.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([1, 2]).repeat(2, 3)
        tensor([[1, 2, 1, 2, 1, 2],
                [1, 2, 1, 2, 1, 2]])
    """
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got repeats "
            f"{list(repeats)} for shape {list(input.shape)}"
        )
    if min(repeats, default=0) < 0:
        raise RuntimeError(f"repeat: Trying to create tensor with negative dimension by repeats {list(repeats)}")
    return np.tile(input, repeats)


def _sum_of_repeats(g: Any, input_shape: tuple[int, ...], repeats: Sizes) -> Any:
    sizes = (1,) * (len(repeats) - len(input_shape)) + input_shape
    blocks = tuple([length for pair in zip(repeats, sizes, strict=True) for length in pair])
    return g.reshape(blocks).sum(axis=tuple(range(0, len(blocks), 2))).reshape(input_shape)


repeat.rule(input=_sum_of_repeats)


def tile(input: Tensor, dims: Sizes) -> Tensor:
    """`repeat` that takes fewer counts than there are dimensions, for the last ones.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.zeros(2, 3).tile((2,)).shape
        Size([2, 6])
    """
    return repeat(input, (1,) * (input.ndim - len(dims)) + tuple(dims))


# ---- joining and parting -------------------------------------------------------------------------------------------


@primitive(promote="common")
def cat(tensors: Sequence[Array], dim: int = 0) -> Array:
    """Tensors joined along a dimension that they have.

    Args:
        tensors: tensors whose shapes differ at most in the size of ``dim``; those of shape (0,) are passed over. Their
            dtypes are promoted to a common one.
        dim: the dimension.

    Returns:
        One tensor, whose size of ``dim`` is the sum of theirs.

    Raises:
        ValueError: there are no tensors.
        RuntimeError: the shapes do not fit together, or a tensor is 0-d.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.cat([tg.zeros(2, 1), tg.ones(2, 2)], dim=1)
        tensor([[0., 1., 1.],
                [0., 1., 1.]])
    """
    if not tensors:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    joined = [array for array in tensors if array.shape != (0,)] or tensors
    try:
        return np.ascontiguousarray(np.concatenate(joined, dim))
    except np.exceptions.AxisError:
        raise
    except ValueError:
        raise _misfit_to_join([array.shape for array in joined], dim) from None


def _misfit_to_join(shapes: list[tuple[int, ...]], dim: int) -> RuntimeError:
    """Why tensors of these shapes cannot be joined along ``dim``."""
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if not shape:
            return RuntimeError(f"cat: zero-dimensional tensor (at position {i}) cannot be concatenated")
        if len(shape) != len(first):
            return RuntimeError(f"cat: Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    dim %= len(first)
    others = [d for d in range(len(first)) if d != dim]
    i, clash = next((i, d) for i, shape in enumerate(shapes) for d in others if shape[d] != first[d])
    return RuntimeError(
        f"cat: Sizes of tensors must match except in dimension {dim}. Expected size {first[clash]} but got size "
        f"{shapes[i][clash]} in dimension {clash} for tensor number {i} in the list."
    )


@primitive(promote="common")
def stack(tensors: Sequence[Array], dim: int = 0) -> Array:
    """Tensors of one shape joined along a new dimension.

    Args:
        tensors: tensors of one shape; their dtypes are promoted to a common one.
        dim: which dimension of the result is the new one.

    Returns:
        One tensor, with one more dimension.

    Raises:
        RuntimeError: there are no tensors, or their shapes differ.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.stack([tg.tensor([1, 2]), tg.tensor([3, 4])], dim=1)
        tensor([[1, 3],
                [2, 4]])
    """
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0].shape
    for i, array in enumerate(tensors):
        if array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(array.shape)} "
                f"at entry {i}"
            )
    return np.ascontiguousarray(np.stack(tensors, normal_dim("stack", dim, len(first) + 1)))


# An op with several outputs, rather than one op per part: going back through n parts is then one step over the whole.


@primitive(name="split", splits=True)
def _split(input: Array, sizes: Sizes, dim: int) -> Array:
    before = (slice(None),) * (dim % input.ndim)
    ends = np.cumsum(sizes).tolist()
    return tuple([input[(*before, slice(end - size, end))] for size, end in zip(sizes, ends, strict=True)])


@primitive(name="unbind", splits=True)
def _unbind(input: Array, dim: int) -> Array:
    before = (slice(None),) * (dim % input.ndim)
    return tuple([input[(*before, i, ...)] for i in range(input.shape[dim])])


def _split_as_joined(g: Any, tensors_shape: list[tuple[int, ...]], dim: int) -> Any:
    parts = for_rules(_split)(g, [0 if shape == (0,) else shape[dim] for shape in tensors_shape], dim)
    return [part.reshape(shape) for part, shape in zip(parts, tensors_shape, strict=True)]


cat.rule(tensors=_split_as_joined)
stack.rule(tensors=lambda g, dim: for_rules(_unbind)(g, dim))
_split.rule(input=lambda g, dim: np.concatenate(g, dim))
_unbind.rule(input=lambda g, dim: np.stack(g, dim))


@numpy_names
def split(tensor: Tensor, split_size_or_sections: int | Sizes, dim: int = 0) -> tuple[Tensor, ...]:
    """Consecutive parts along a dimension.

    Args:
        tensor: a tensor of at least one dimension.
        split_size_or_sections: the size of each part, the last of which may be smaller; or the sizes of all.
        dim: the dimension.

    Returns:
        Views of the tensor.

    Raises:
        RuntimeError: the tensor is 0-d, or the sizes are negative or do not sum to the size of ``dim``.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.arange(5).split(2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        >>> tg.arange(5).split([1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = normal_dim("split", dim, tensor.ndim)
    length = tensor.shape[dim]
    if isinstance(split_size_or_sections, tuple | list):
        sizes = list(split_size_or_sections)
        if min(sizes, default=0) < 0:
            raise RuntimeError(f"split_with_sizes expects split_sizes have only non-negative entries, but got {sizes}")
        if sum(sizes) != length:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={sizes}"
            )
        return _split(tensor, sizes, dim)  # type: ignore[return-value]
    size = int(split_size_or_sections)  # type: ignore[arg-type]
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and length > 0:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}")
    whole = max(math.ceil(length / size) - 1, 0) if size else 0
    return _split(tensor, [size] * whole + [length - size * whole], dim)  # type: ignore[return-value]


@numpy_names
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most so many parts of equal size along a dimension; the last one may be smaller.

    Args:
        input: a tensor of at least one dimension.
        chunks: the number of parts. There are fewer where parts of the size needed for so many cover all before.
        dim: the dimension.

    Returns:
        Views of the tensor.

    Raises:
        RuntimeError: the tensor is 0-d, or ``chunks`` is not positive.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.arange(5).chunk(2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[normal_dim("chunk", dim, input.ndim)]
    return split(input, math.ceil(length / chunks) if length else [0] * chunks, dim)


@numpy_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along a dimension, which they lack.

    Args:
        input: a tensor of at least one dimension.
        dim: the dimension.

    Returns:
        Views of the tensor, as many as the size of ``dim``.

    Raises:
        IndexError: there is no such dimension; a 0-d tensor has none.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 2], [3, 4]]).unbind(1)
        (tensor([1, 3]), tensor([2, 4]))
    """
    if input.ndim == 0:
        raise IndexError(f"unbind: Dimension specified as {dim} but tensor has no dimensions")
    return _unbind(input, normal_dim("unbind", dim, input.ndim))  # type: ignore[return-value]


# ---- other orders of the elements, triangles -----------------------------------------------------------------------


@primitive
def flip(input: Array, dims: int | Sequence[int]) -> Array:
    """The order of the elements along dimensions reversed, in a copy.

    Args:
        input: a tensor of any shape.
        dims: the dimensions.

    Returns:
        A tensor of the same shape.

    Raises:
        RuntimeError: a dimension is named twice.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([[1, 2], [3, 4]]).flip(0)
        tensor([[3, 4],
                [1, 2]])
    """
    axes = normal_dims("flip", dims, input.ndim)
    return np.flip(input, axes).copy() if input.ndim else input.copy()


flip.rule(input=lambda g, dims: for_rules(flip)(g, dims))


@primitive
def roll(input: Array, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Array:
    """Elements shifted along dimensions; those pushed out at the end come in again at the front.

    Args:
        input: a tensor of any shape.
        shifts: by how many places; may be negative.
        dims: for each shift its dimension. If None, the tensor is rolled as if it were flat.

    Returns:
        A tensor of the same shape.

    Raises:
        RuntimeError: there is not one dimension for each shift.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tensor([1, 2, 3, 4]).roll(1)
        tensor([4, 1, 2, 3])
    """
    if dims is None:
        return np.roll(input, shifts)
    shifts = shifts if isinstance(shifts, tuple | list) else (shifts,)
    dims = dims if isinstance(dims, tuple | list) else (dims,)
    if len(shifts) != len(dims):
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims: {len(dims)}")
    return np.roll(input, shifts, [normal_dim("roll", dim, input.ndim) for dim in dims])


def _opposite(shifts: int | Sequence[int]) -> Any:
    return [-shift for shift in shifts] if isinstance(shifts, tuple | list) else -shifts  # type: ignore[operator]


roll.rule(input=lambda g, shifts, dims: for_rules(roll)(g, _opposite(shifts), dims))


@primitive
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle of each matrix, with zeros above it.

    Args:
        input: a tensor of shape (..., n, m).
        diagonal: the last diagonal to keep: 0 is the main one, those above are positive.

    Returns:
        A tensor of the same shape.

    Raises:
        RuntimeError: there are fewer than two dimensions.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.tril(tg.ones(2, 3))
        tensor([[1., 0., 0.],
                [1., 1., 0.]])
    """
    return np.tril(_matrices("tril", input), diagonal)


@primitive
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle of each matrix, with zeros below it.

    Args:
        input: a tensor of shape (..., n, m).
        diagonal: the first diagonal to keep: 0 is the main one, those above are positive.

    Returns:
        A tensor of the same shape.

    Raises:
        RuntimeError: there are fewer than two dimensions.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.triu(tg.ones(2, 3), diagonal=1)
        tensor([[0., 1., 1.],
                [0., 0., 1.]])
    """
    return np.triu(_matrices("triu", input), diagonal)


def _matrices(op: str, input: Array) -> Array:
    if input.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions, but its shape is {list(input.shape)}")
    return input


tril.rule(input=lambda g, diagonal: for_rules(tril)(g, diagonal))
triu.rule(input=lambda g, diagonal: for_rules(triu)(g, diagonal))
