"""Random numbers: generators, tensors drawn from distributions, dropout."""

from __future__ import annotations

import math
import operator
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes
from tinygrad_np.dtypes import DType, DTypeLike
from tinygrad_np.ops import primitive as _primitive
from tinygrad_np.ops.creation import Size, array_like, leaf, or_default, shape_of
from tinygrad_np.ops.errors import argument_error
from tinygrad_np.ops.primitive import wrap

if TYPE_CHECKING:
    from tinygrad_np.tensor import Tensor

# ---- generators ----------------------------------------------------------------------------------------------------


class Generator:
    """A source of random numbers: what it gives follows from its seed alone.

    It draws on NumPy's SFC64, a fast generator with a state of 256 bits. The numbers are not PyTorch's, and may change
    with the version of NumPy; with one version they are the same on every machine and for any number of threads.

    Example:
        >>> import tinygrad_np as tg
        >>> generator = tg.Generator().manual_seed(7)
        >>> first = tg.rand(3, generator=generator)
        >>> bool((tg.rand(3, generator=generator.manual_seed(7)) == first).all())
        True
    """

    def __init__(self) -> None:
        self._seed = 67280421310721  # a new generator always starts at the same point, PyTorch's

    def manual_seed(self, seed: int) -> Self:
        """Start anew from ``seed``, an integer from -2**63 to 2**64 - 1 (a negative one stands for 2**64 more).

        Returns:
            The generator itself.

        Raises:
            RuntimeError: it is no int.
            ValueError: it is out of that range.
        """
        try:
            number = operator.index(seed)
        except TypeError:
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}") from None
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"Overflow when unpacking long long: the seed {number} has more than 64 bits")
        self._seed = number % 2**64
        self.__dict__.pop("_numpy", None)
        return self

    def seed(self) -> int:
        """Start anew from a seed of the operating system's randomness, and return that."""
        return self.manual_seed(int.from_bytes(os.urandom(8))).initial_seed()

    def initial_seed(self) -> int:
        """The seed that it last started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """Where it stands, as a tensor of bytes for `set_state`."""
        state: Any = self._numpy.bit_generator.state
        words = [*state["state"]["state"], state["has_uint32"], state["uinteger"], self._seed]
        return wrap(np.array(words, np.uint64).view(np.uint8))

    def set_state(self, new_state: Tensor) -> None:
        """Go where a generator stood when `get_state` gave ``new_state``.

        Raises:
            TypeError: it is no tensor of bytes.
            RuntimeError: it is of the wrong size.

        Example:
            >>> import tinygrad_np as tg
            >>> generator = tg.Generator()
            >>> state = generator.get_state()
            >>> first = tg.randperm(5, generator=generator)
            >>> generator.set_state(state)
            >>> tg.randperm(5, generator=generator).equal(first)
            True
        """
        if not isinstance(new_state, _primitive.Tensor):
            raise TypeError(f"expected a uint8 Tensor, but got {type(new_state).__name__}")
        if new_state.dtype != dtypes.uint8:
            raise TypeError(f"RNG state must be a uint8 Tensor, but is {new_state.dtype}")
        if new_state.shape != (7 * 8,):
            raise RuntimeError(f"expected an RNG state of size {7 * 8}, but found one of shape {list(new_state.shape)}")
        *state, has_uint32, uinteger, seed = np.ascontiguousarray(new_state._array).view(np.uint64).tolist()
        self.manual_seed(seed)
        self._numpy.bit_generator.state = {
            "bit_generator": "SFC64",
            "state": {"state": np.array(state, np.uint64)},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }

    @cached_property  # made when it is first drawn from: importing numpy.random takes a quarter of NumPy's own time
    def _numpy(self) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64(self._seed))

    def _uniform(self, shape: tuple[int, ...], dtype: DType) -> npt.NDArray[Any]:
        """Numbers from 0 (included) to 1 (excluded)."""
        if dtype == dtypes.float16:  # rounded from another dtype some would be 1
            return (self._numpy.integers(0, 2**11, shape) / 2**11).astype(dtype)
        return _drawn(self._numpy.random, shape, dtype)

    def _normal(self, shape: tuple[int, ...], dtype: DType) -> npt.NDArray[Any]:
        """Numbers of mean 0 and standard deviation 1."""
        return _drawn(self._numpy.standard_normal, shape, dtype)

    def _coins(self, p: float, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """True with probability ``p``, rounded to a multiple of 2**-32."""
        count = math.prod(shape)
        # Half as much work as drawing floats to compare with p.
        bits = self._numpy.bit_generator.random_raw((count + 1) // 2).view(np.uint32)[:count]
        return bits.reshape(shape) < round(p * 2**32)


def _drawn(method: Any, shape: tuple[int, ...], dtype: DType) -> npt.NDArray[Any]:
    """What one of NumPy's methods draws, in ``dtype``: it knows float32 and float64."""
    drawn = method(shape, dtype=dtypes.float64 if dtype == dtypes.float64 else dtypes.float32)
    return np.asarray(drawn, dtype)


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Start the default generator anew from ``seed``; see `Generator.manual_seed`.

    Returns:
        The default generator.

    Example:
        >>> import tinygrad_np as tg
        >>> _ = tg.manual_seed(0)
        >>> first = tg.randn(3)
        >>> _ = tg.manual_seed(0)
        >>> tg.randn(3).equal(first)
        True
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the default generator anew from the operating system's randomness, and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator last started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Where the default generator stands, as a tensor of bytes for `set_rng_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Let the default generator go where it stood when `get_rng_state` gave ``new_state``."""
    default_generator.set_state(new_state)


def _source(op: str, generator: Generator | None) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise argument_error(op, "generator", generator, "Generator")
    return generator


# ---- tensors of a shape --------------------------------------------------------------------------------------------


def rand(
    *sizes: Any,
    size: Size | None = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from 0 (included) to 1 (excluded).

    Args:
        sizes: of the dimensions: several ints, or one sequence of them.
        size: the same by name.
        generator: to draw from; the default generator unless given.
        dtype: a floating-point dtype; the default dtype unless given.
        requires_grad: whether the gradient with respect to the result is wanted.

    Raises:
        TypeError: a size is no int.
        RuntimeError: a size is negative, or the dtype is no floating-point type.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.rand(2, 3).shape
        Size([2, 3])
    """
    wanted = _floating("rand", or_default(dtype))
    return leaf(_source("rand", generator)._uniform(shape_of("rand", sizes, size), wanted), requires_grad)


def randn(
    *sizes: Any,
    size: Size | None = None,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution of mean 0 and variance 1; arguments as for `rand`.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.randn(2, 3).shape
        Size([2, 3])
    """
    wanted = _floating("randn", or_default(dtype))
    return leaf(_source("randn", generator)._normal(shape_of("randn", sizes, size), wanted), requires_grad)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers drawn uniformly from ``low`` (included) to ``high`` (excluded).

    Args:
        low: 0 unless given: ``randint(high, size)`` is understood.
        high: one more than the largest.
        size: of the dimensions, a sequence.
        generator: to draw from; the default generator unless given.
        dtype: int64 unless given.
        requires_grad: whether the gradient with respect to the result is wanted.

    Raises:
        TypeError: a limit is no int, or ``size`` no sequence of ints.
        RuntimeError: there is nothing between the limits, or ``dtype`` cannot hold them.

    Example:
        >>> import tinygrad_np as tg
        >>> bool((tg.randint(1, 7, (100,)) <= 6).all())
        True
    """
    if size is None:
        high, size = None, high
    if high is None:
        low, high = 0, low
    wanted = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    shape = shape_of("randint", (), size)
    return leaf(_integers("randint", low, high, shape, wanted, generator), requires_grad)


def _integers(
    op: str, low: Any, high: Any, shape: tuple[int, ...], dtype: DType, generator: Generator | None
) -> npt.NDArray[Any]:
    try:
        low, high = operator.index(low), operator.index(high)
    except TypeError:
        raise TypeError(f"{op}(): the limits must be int, not {type(low).__name__} and {type(high).__name__}") from None
    if low >= high:
        raise RuntimeError(f"{op} expects 'from' to be less than 'to', but got from={low} >= to={high}")
    least, most = _range(dtype)
    if low < least:
        raise RuntimeError(f"{op}: from = {low} is out of bounds for {dtype}")
    if high - 1 > most:
        raise RuntimeError(f"{op}: to - 1 = {high - 1} is out of bounds for {dtype}")
    return np.asarray(_source(op, generator)._numpy.integers(low, high, shape), dtype)


def _range(dtype: DType) -> tuple[int, int]:
    """The least and the greatest integer that both a dtype and int64 have."""
    if dtype.kind == "b":
        return 0, 1
    if dtype == dtypes.float16:
        most = int(np.finfo(dtype).max)
        return -most, most
    limits = np.iinfo(dtypes.int64 if dtype.kind == "f" else dtype)
    return int(limits.min), int(limits.max)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """The integers from 0 to ``n - 1`` in random order.

    Args:
        n: how many.
        generator: to draw from; the default generator unless given.
        dtype: int64 unless given.
        requires_grad: whether the gradient with respect to the result is wanted.

    Raises:
        TypeError: ``n`` is no int.
        RuntimeError: ``n`` is negative, or ``dtype`` cannot hold ``n - 1``.

    Example:
        >>> import tinygrad_np as tg
        >>> sorted(tg.randperm(4).tolist())
        [0, 1, 2, 3]
    """
    (count,) = shape_of("randperm", (n,))
    wanted = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    most = 2 ** (np.finfo(wanted).nmant + 1) if wanted.kind == "f" else _range(wanted)[1]  # all up to it are exact
    if count - 1 > most:
        raise RuntimeError(f"randperm: n = {count} is too large for {wanted}")
    return leaf(_source("randperm", generator)._numpy.permutation(count).astype(wanted), requires_grad)


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`rand` in the shape of a tensor, and in its dtype unless another is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.rand_like(tg.ones(2, 3)).shape
        Size([2, 3])
    """
    array, wanted = array_like("rand_like", input, dtype)
    return rand(array.shape, generator=generator, dtype=wanted, requires_grad=requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`randn` in the shape of a tensor, and in its dtype unless another is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.randn_like(tg.ones(2, 3)).shape
        Size([2, 3])
    """
    array, wanted = array_like("randn_like", input, dtype)
    return randn(array.shape, generator=generator, dtype=wanted, requires_grad=requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`randint` in the shape of a tensor, and in its dtype unless another is given.

    ``randint_like(input, high)`` is understood: ``low`` is then 0.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.randint_like(tg.ones(2, 3), 10).dtype
        dtype('float32')
    """
    array, wanted = array_like("randint_like", input, dtype)
    low, high = (0, low) if high is None else (low, high)
    return leaf(_integers("randint_like", low, high, array.shape, wanted, generator), requires_grad)


def _floating(op: str, dtype: DType) -> DType:
    if dtype.kind != "f":
        raise RuntimeError(f"{op}: not implemented for dtype {dtype}, only for floating-point types")
    return dtype


# ---- from given parameters -----------------------------------------------------------------------------------------


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Size | None = None,
    *,
    generator: Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from normal distributions: ``mean + std * randn``.

    Args:
        mean: a number, or a tensor with the mean of each.
        std: the standard deviation: a number, or a tensor with that of each. Two tensors are broadcast.
        size: of the dimensions, a sequence; for two numbers only.
        generator: to draw from; the default generator unless given.
        dtype: for two numbers only; the default dtype unless given. Tensors determine the dtype, ``mean`` first.
        requires_grad: for two numbers only; whether the gradient with respect to the result is wanted.

    Raises:
        TypeError: two numbers without ``size``, or tensors with it.
        RuntimeError: a standard deviation is negative or NaN, the shapes cannot be broadcast, or a dtype is no
            floating-point type.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.normal(tg.zeros(3), 2.0).shape, tg.normal(0.0, 1.0, (2, 3)).shape
        (Size([3]), Size([2, 3]))
    """
    tensors = [x for x in (mean, std) if isinstance(x, _primitive.Tensor)]
    if not tensors:
        if size is None:
            raise TypeError("normal() missing required argument 'size': mean and std are numbers")
        wanted, shape = or_default(dtype), shape_of("normal", (), size)
    elif size is not None or dtype is not None or requires_grad:
        raise TypeError("normal(): size, dtype and requires_grad cannot be given with tensors of means or deviations")
    else:
        wanted = tensors[0].dtype
        try:
            shape = np.broadcast_shapes(*(x.shape for x in tensors))
        except ValueError:
            raise RuntimeError(
                f"normal: the shapes {list(mean.shape)} of mean and {list(std.shape)} of std cannot be broadcast"
            ) from None
    return leaf(_normal("normal", mean, std, shape, wanted, generator), requires_grad)


def _normal(
    op: str, mean: Any, std: Any, shape: tuple[int, ...], dtype: DType, generator: Generator | None
) -> npt.NDArray[Any]:
    mean, std = (x._array if isinstance(x, _primitive.Tensor) else x for x in (mean, std))
    if not np.all(np.asarray(std) >= 0):
        raise RuntimeError(f"{op} expects all of std >= 0.0, but found {std}")
    noise = _source(op, generator)._normal(shape, _floating(op, dtype))
    return np.asarray(noise * std + mean, dtype)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Ones with a given probability, zeros otherwise.

    Args:
        input: the probability of each element, in a floating-point dtype; where ``p`` is given, only the shape and the
            dtype of ``input`` count.
        p: one probability for all.
        generator: to draw from; the default generator unless given.

    Returns:
        Zeros and ones in the shape and dtype of ``input``.

    Raises:
        TypeError: ``input`` is no tensor.
        RuntimeError: a probability is not from 0 to 1, or ``input`` holds integers and no ``p`` is given.

    Example:
        >>> import tinygrad_np as tg
        >>> tg.bernoulli(tg.tensor([0.0, 1.0, 1.0]))
        tensor([0., 1., 1.])
    """
    array, dtype = array_like("bernoulli", input, None)
    if p is None:
        _floating("bernoulli", dtype)
    return wrap(_flips("bernoulli", array if p is None else p, array.shape, generator).astype(dtype))


def _flips(op: str, p: Any, shape: tuple[int, ...], generator: Generator | None) -> npt.NDArray[np.bool_]:
    """True with probability ``p``, which is a number or an array that can be broadcast to ``shape``."""
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise RuntimeError(f"{op} expects p to be in [0, 1], but got p={p}")
    source = _source(op, generator)
    if isinstance(p, np.ndarray):
        return source._uniform(shape, dtypes.float32 if p.dtype == dtypes.float16 else p.dtype) < p
    return source._coins(p, shape)


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn from the distribution that each row of weights gives.

    With replacement by inverting the cumulative distribution; without, by a race of exponential clocks: category ``i``
    rings after ``Exp(1) / weight_i``, and the first to ring are taken.

    Args:
        input: non-negative weights, ``(categories,)`` or ``(rows, categories)``, in a floating-point dtype; they need
            not sum to 1.
        num_samples: how many to draw from each row.
        replacement: whether a category may be drawn again.
        generator: to draw from; the default generator unless given.

    Returns:
        int64, ``(num_samples,)`` or ``(rows, num_samples)``.

    Raises:
        RuntimeError: the weights are not such, a row has none above 0, or, without replacement, fewer than
            ``num_samples``.

    Source:
        Efraimidis, Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97 (2006).

    Example:
        >>> import tinygrad_np as tg
        >>> tg.multinomial(tg.tensor([0.0, 1.0, 0.0]), 4, replacement=True)
        tensor([1, 1, 1, 1])
    """
    array, dtype = array_like("multinomial", input, None)
    if dtype.kind != "f":
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {dtype}")
    if array.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, but it is {array.ndim}D")
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
    weights = np.atleast_2d(array).astype(np.float64)
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    positive = np.count_nonzero(weights, axis=1)
    if not np.all(positive):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement and (num_samples > array.shape[-1] or np.any(positive < num_samples)):
        raise RuntimeError(
            f"cannot sample n_sample = {num_samples} without replacement: more than the {array.shape[-1]} categories, "
            "or than those of weight above 0"
        )
    weights /= weights.max(axis=1, keepdims=True, initial=0)  # or very large or small ones would be infinite below
    source = _source("multinomial", generator)._numpy
    if replacement:
        cumulative = np.cumsum(weights, axis=1)
        draws = source.random((len(weights), num_samples)) * cumulative[:, -1:]
        chosen = [np.searchsorted(row, draw, side="right") for row, draw in zip(cumulative, draws, strict=True)]
        indices = np.array(chosen, np.int64).reshape(-1, num_samples)
    else:
        with np.errstate(divide="ignore"):
            rings = source.standard_exponential(weights.shape) / weights
        indices = np.argsort(rings, axis=1)[:, :num_samples]
    return wrap(indices if array.ndim == 2 else indices[0])


# ---- in place: methods of Tensor -----------------------------------------------------------------------------------


def uniform_(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill a tensor with numbers drawn uniformly from ``from_`` (included) to ``to`` (excluded).

    Raises:
        RuntimeError: ``to`` is less than ``from_``, a limit or their difference is not finite in the dtype, the dtype
            is no floating-point type, or the tensor is a leaf that requires grad (outside `no_grad`).

    Example:
        >>> import tinygrad_np as tg
        >>> bool((tg.empty(100).uniform_(-1, 1).abs() <= 1).all())
        True
    """
    dtype = _floating("uniform_", input.dtype)
    most = float(np.finfo(dtype).max)
    if not (abs(from_) <= most and abs(to) <= most):
        raise RuntimeError(f"uniform_: from={from_} or to={to} is out of bounds for {dtype}")
    if from_ > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    if to - from_ > most:
        raise RuntimeError(f"uniform_: to - from = {to - from_} is out of bounds for {dtype}")
    drawn = _source("uniform_", generator)._uniform(input.shape, dtype) * (to - from_) + from_
    below = np.nextafter(dtype.type(to), dtype.type(from_))  # rounding may reach `to`
    return input._assign(wrap(np.asarray(np.minimum(drawn, below), dtype)))


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill a tensor with numbers drawn from a normal distribution.

    Raises:
        RuntimeError: ``std`` is negative, the dtype is no floating-point type, or the tensor is a leaf that requires
            grad (outside `no_grad`).

    Example:
        >>> import tinygrad_np as tg
        >>> tg.empty(3).normal_(mean=5, std=0)
        tensor([5., 5., 5.])
    """
    return input._assign(wrap(_normal("normal_", mean, std, input.shape, input.dtype, generator)))


def bernoulli_(input: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill a tensor with ones of probability ``p``, a number or a tensor of probabilities, and zeros.

    Raises:
        RuntimeError: a probability is not from 0 to 1, the shapes do not fit, or the tensor is a leaf that requires
            grad (outside `no_grad`).

    Example:
        >>> import tinygrad_np as tg
        >>> tg.empty(3).bernoulli_(tg.tensor([1.0, 0.0, 1.0]))
        tensor([1., 0., 1.])
    """
    probabilities = p.expand(input.shape)._array if isinstance(p, _primitive.Tensor) else p
    return input._assign(wrap(_flips("bernoulli_", probabilities, input.shape, generator).astype(input.dtype)))


def random_(input: Tensor, *limits: int | None, generator: Generator | None = None) -> Tensor:
    """Fill a tensor with integers drawn uniformly.

    ``random_(from, to)`` draws from ``from`` (included) to ``to`` (excluded), ``random_(to)`` from 0. Without ``to``
    the dtype sets the limit: its greatest integer, or of a floating-point dtype the greatest up to which it has all.

    Raises:
        TypeError: a limit is no int.
        RuntimeError: there is nothing between the limits, the dtype cannot hold them, or the tensor is a leaf that
            requires grad (outside `no_grad`).

    Example:
        >>> import tinygrad_np as tg
        >>> bool((tg.empty(100).random_(3) <= 2).all())
        True
    """
    if len(limits) > 2:
        raise TypeError(f"random_() takes at most 2 limits but {len(limits)} were given")
    dtype = input.dtype
    low, high = limits if len(limits) == 2 else (0, *limits, None)[:2]
    if high is None:
        high = 1 + (2 ** (np.finfo(dtype).nmant + 1) if dtype.kind == "f" else _range(dtype)[1])
    return input._assign(wrap(_integers("random_", low, high, input.shape, dtype, generator)))


# ---- dropout -------------------------------------------------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p``, and divide the others by ``1 - p``: the expected value stays.

    Args:
        input: floating-point, of any shape.
        p: the probability that an element is zeroed.
        training: without it, ``input`` itself is returned.
        inplace: leave the result in ``input``.

    Returns:
        The shape and dtype of ``input``.

    Raises:
        ValueError: ``p`` is not from 0 to 1.
        RuntimeError: ``input`` holds integers, or cannot be changed in place.

    Source:
        Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent neural networks from
        overfitting", JMLR 15 (2014).

    Example:
        >>> import tinygrad_np as tg
        >>> _ = tg.manual_seed(0)
        >>> sorted(set(tg.nn.functional.dropout(tg.ones(100), p=0.75).tolist()))
        [0.0, 4.0]
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    dtype = _floating("dropout", input.dtype)
    kept = default_generator._coins(1 - p, input.shape)
    dropped = input * wrap(np.multiply(kept, 1 / (1 - p) if p < 1 else 0, dtype=dtype))
    return input._assign(dropped) if inplace else dropped
