"""NumPy's BLAS library, called directly: for fewer passes over memory than NumPy takes, and for better use of threads.

NumPy from PyPI brings OpenBLAS, which is found here, but not on Windows. Where it is not, and for arrays that are too
small or lie otherwise in memory, NumPy does the same: the plain expression stands beside each call.

Source: Dongarra, Du Croz, Duff, Hammarling, "A set of level 3 basic linear algebra subprograms" (1990), for `gemm`;
Blackford et al., "An updated set of basic linear algebra subprograms (BLAS)" (2002), for `axpby`.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_LEAST = 8192  # elements; for fewer, a call by ctypes takes longer than several of NumPy
_LEAST_PART = 2_000_000  # multiplications; of up to a million OpenBLAS can crash, before its pull request 5980
_MOST = 300_000_000  # multiplications; larger products OpenBLAS divides as well by itself
FEW, FEW_RESULTS = 10**6, 1200  # multiplications, and elements of a product, that OpenBLAS has small kernels for
LONG = 256  # multiplications for one element of a product; where there are fewer, those kernels are not faster
_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112  # of the C interface of BLAS: how matrices lie


def axpby(alpha: float, x: Array, beta: float, y: Array, scratch: Array) -> None:
    """``y = alpha * x + beta * y``, in place: a times x plus b times y.

    One pass over memory instead of three: a step of Adam for 240,000 parameters takes 0.8 of the time.

    Args:
        alpha: a number.
        x: one-dimensional, in the dtype and of the size of ``y``.
        beta: a number.
        y: one-dimensional.
        scratch: another such array, for intermediate results. It may be ``x``, which is then lost.

    Example:
        >>> y = np.array([1.0, 2.0])
        >>> axpby(10.0, np.array([1.0, 0.0]), 0.5, y, np.empty(2))
        >>> y
        array([10.5,  1. ])
    """
    if y.size >= _LEAST and _axpby_by_blas(alpha, x, beta, y):
        return
    if beta == 1:
        factor = np.array(alpha, y.dtype)  # NumPy takes longer to make one of a number
    else:
        factor, decay = _as_arrays(float(alpha), float(beta), y.dtype)
        y *= decay
    y += np.multiply(x, factor, scratch)


def _axpby_by_blas(alpha: float, x: Array, beta: float, y: Array) -> bool:
    """`axpby`, if BLAS can do it; returns whether."""
    # It does not read what is multiplied by 0, so that a NaN there would be lost.
    if not (x.size == y.size and x.dtype == y.dtype and y.dtype in _routines and alpha and beta):
        return False
    try:
        pointers = _pointer(x), _pointer(y)
    except TypeError:  # not writeable, or with gaps between elements
        return False
    # Unlike the more usual axpy, this stays in one thread: parameters had better be in one core's cache.
    _routines[y.dtype].axpby(y.size, float(alpha), pointers[0], 1, float(beta), pointers[1], 1)
    return True


@functools.lru_cache(maxsize=32)
def _as_arrays(alpha: float, beta: float, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The numbers as arrays, which NumPy would make of them each time anew.

    An update of a few hundred elements by Adam takes 0.9 of the time.
    """
    return np.array(alpha, dtype), np.array(beta, dtype)


def gemm(alpha: float, left: Array, right: Array, beta: float, out: Array) -> bool:
    """``out = alpha * left @ right + beta * out``, in place, if BLAS can do it; returns whether.

    NumPy would write the product to memory, and read it again to add it.

    Args:
        alpha: a number; not 0, by which NaN would be lost.
        left: ``(m, k)``.
        right: ``(k, n)``.
        beta: a number. If it is 0, what was in ``out`` does not matter.
        out: ``(m, n)``, or flat.

    Example:
        >>> left, right, out = np.array([[1.0], [2.0]]), np.array([[3.0, 4.0]]), np.ones((2, 2))
        >>> if not gemm(1.0, left, right, 1.0, out):  # there is no OpenBLAS, perhaps
        ...     out += left @ right
        >>> out
        array([[4., 5.],
               [7., 9.]])
    """
    routines = _routines.get(out.dtype)
    (m, k), (inner, n) = left.shape, right.shape
    if routines is None or not left.dtype == right.dtype == out.dtype or k != inner or not 0 < out.size == m * n:
        return False
    parts = _division(m, k, n)
    try:
        if parts == _WHOLE:
            operands = _pointer(left), k, _pointer(right), n, beta, _pointer(out), n
            routines.gemm(_ROW_MAJOR, _AS_IT_IS, _AS_IT_IS, m, n, k, alpha, *operands)
        else:
            _compute_parts(parts, routines.gemm_batch, alpha, left, right, beta, out)
    except TypeError:
        return False
    return True


def product(left: Array, right: Array, addend: Array | None = None) -> Array | None:
    """``left @ right + addend``, in parts; None where that does not pay, or BLAS cannot do it.

    Args:
        left: ``(m, k)``.
        right: ``(k, n)``.
        addend: broadcast to ``(m, n)``; None for 0. BLAS adds the product to it, which saves a pass over a result that
            several threads have written: a training step of 784-512-10 units takes 0.98 of the time.

    Example:
        >>> left, right = np.ones((200, 300)), np.ones((300, 200))
        >>> out = product(left, right)  # None if there is one thread
        >>> out is None or np.array_equal(out, left @ right)
        True
    """
    m, n = len(left), right.shape[1]
    if _division(m, len(right), n) != _WHOLE:
        out = np.empty((m, n), left.dtype)
        if addend is not None:
            out[...] = addend
        return out if gemm(1.0, left, right, 0.0 if addend is None else 1.0, out) else None
    pieces = _small_pieces(left, right)
    if pieces == 1:
        return None
    joined: Array = np.matmul(left.reshape(pieces, m // pieces, -1), right).reshape(m, n)
    if addend is not None:
        joined += addend
    return joined


_WHOLE = 1, 1  # a product that is not divided


def _division(m: int, k: int, n: int) -> tuple[int, int]:
    """Into how many parts of rows and of columns to divide the product of ``(m, k)`` and ``(k, n)``.

    OpenBLAS divides a product by itself, but so that its threads rearrange the matrices for each other, and wait. Here
    each computes rows or columns of the result, as a product of its own. With two threads a training step of a network
    784-512-10 takes 0.94 of the time, and to add the gradient of a weight of 1024 x 1024 takes SGD 0.7 (batch of 16).
    """
    if not 2 * _LEAST_PART <= m * k * n <= _MOST or 1 in (m, n) or _workers is None:
        return _WHOLE
    parts = min(_workers.get_count(), m * k * n // _LEAST_PART)
    if m >= min(n, max(k, n // 4)):  # a thread rearranges its part of one matrix, and all of the other
        return _WHOLE if m % parts else (parts, 1)
    return _WHOLE if n % parts else (1, parts)


def _small_pieces(left: Array, right: Array) -> int:
    """Into how many pieces of rows to divide a thin product, whose right matrix lies transposed, as a weight does.

    For products of few elements OpenBLAS has kernels that do not rearrange the matrices first, if the processor has
    AVX-512. By them, one piece after the other, such products take 0.64 of the time in one thread (the median of 300
    shapes), and 0.7 of what they take in two. A training step of 784-128-10 units with a batch of 32 takes 0.87.
    """
    (m, k), n = left.shape, right.shape[1]
    if not _has_small_kernels or k < LONG or n == 1:
        return 1
    if m * k * n >= 2 * _LEAST_PART and threads is not None and threads.get_count() > 1:
        return 1  # for several threads it is large
    most = min(FEW_RESULTS // n, FEW // (k * n))  # rows of a piece
    if most < 8 or not (left.flags.c_contiguous and right.flags.f_contiguous):
        return 1
    fewest = -(-m // most)
    return next((pieces for pieces in range(fewest, 2 * fewest) if m % pieces == 0), 1)


def _compute_parts(
    parts: tuple[int, int],
    gemm_batch: Callable[..., None],
    alpha: float,
    left: Array,
    right: Array,
    beta: float,
    out: Array,
) -> None:
    """`gemm`, in so many parts of rows or of columns, as `_division` says.

    Raises:
        TypeError: a matrix does not lie in memory as it must.
    """
    left_order, left_place, (row_step, _) = _matrix(left)
    right_order, right_place, (_, column_step) = _matrix(right)
    (rows, columns), width = parts, right.shape[1]
    m, k, n = len(left) // rows, len(right), width // columns
    steps = (m * row_step, 0, m * n) if rows > 1 else (0, n * column_step, n)  # from one part to the next
    operands = *left_place, steps[0], *right_place, steps[1], beta, _pointer(out), width, steps[2], rows * columns
    assert _workers is not None
    with _workers.taken:
        gemm_batch(_ROW_MAJOR, left_order, right_order, m, n, k, alpha, *operands)


def _matrix(array: Array) -> tuple[int, tuple[Any, int], tuple[int, int]]:
    """A matrix as BLAS wants it: whether transposed; where it is, and the length of its rows there; its two steps."""
    if not array.flags.aligned:
        raise TypeError("does not begin where its elements may")
    if array.flags.c_contiguous:
        return _AS_IT_IS, (_pointer(array), array.shape[1]), (array.shape[1], 1)
    return _TRANSPOSED, (_pointer(array.T), array.shape[0]), (1, array.shape[0])


# Of an array, as ctypes passes it on. It raises a TypeError where BLAS could not be handed the memory as it is.
_pointer: Callable[[Any], Any] = ctypes.c_byte.from_buffer

# ---- its threads ---------------------------------------------------------------------------------------------------


class Threads:
    """The threads of NumPy's OpenBLAS. ``with`` it, there is only one, in all threads of the process.

    That is for work that is itself divided among threads.

    Attributes:
        taken: held while all of them compute parts of a product. Products of several threads of Python at once would
            wait for each other: six take ten times as long as one after the other.
    """

    def __init__(self, get_count: Callable[[], int], set_count: Callable[[int], None]) -> None:
        self.get_count = get_count
        self._set_count = set_count
        self._lock, self.taken = threading.Lock(), threading.Lock()
        self._users = 0
        self._count = 0  # what to go back to when the last user is done

    def set_count(self, count: int) -> None:
        """From now on, use ``count`` threads."""
        with self._lock:
            if self._users:
                self._count = count
            else:
                self._set_count(count)

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._count = self.get_count()
                self._set_count(1)
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._set_count(self._count)

    def reset(self) -> None:
        """In a process that was forked off, whose other threads are gone: let go of what they held."""
        if self._users:
            self._users = 0
            self._set_count(self._count)
        self._lock, self.taken = threading.Lock(), threading.Lock()


# ---- finding it ----------------------------------------------------------------------------------------------------


class Routines(NamedTuple):
    """What is called for arrays of one dtype."""

    axpby: Callable[..., None]
    gemm: Callable[..., None]
    gemm_batch: Any  # a function too, but None before OpenBLAS 0.3.31


def function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of the library, of these types; None if there is none of that name."""
    for form in _NAMES:
        found = getattr(_library, form.format(name), None)
        if found is not None:
            found.restype, found.argtypes = result, arguments
            return found
    return None


def _open_library() -> ctypes.CDLL | None:
    """The part of NumPy that is linked with BLAS: it knows the library's functions."""
    try:
        return ctypes.CDLL(sys.modules["numpy._core._multiarray_umath"].__file__)
    except (KeyError, OSError):
        return None


def _find_routines() -> dict[np.dtype[Any], Routines]:
    config = function("openblas_get_config", ctypes.c_char_p)
    if config is None:
        return {}
    integer = ctypes.c_int64 if b"USE64BITINT" in config() else ctypes.c_int
    array = ctypes.POINTER(ctypes.c_byte)
    routines = {}
    for dtype, letter, number in (("float32", "s", ctypes.c_float), ("float64", "d", ctypes.c_double)):
        vector = array, integer
        axpby = function(f"cblas_{letter}axpby", None, integer, number, *vector, number, *vector)
        choices, sizes = [ctypes.c_int] * 3, [integer] * 3
        gemm = function(f"cblas_{letter}gemm", None, *choices, *sizes, number, *vector, *vector, number, *vector)
        matrix = *vector, integer  # its address, the length of a row, and how far it is to the next matrix
        batch = *choices, *sizes, number, *matrix, *matrix, number, *matrix, integer
        gemm_batch = function(f"cblas_{letter}gemm_batch_strided", None, *batch)
        if axpby is not None and gemm is not None:
            routines[np.dtype(dtype)] = Routines(axpby, gemm, gemm_batch)
    return routines


def _core_name() -> str:
    """The kind of processor that the library has chosen its kernels for."""
    get_name = function("openblas_get_corename", ctypes.c_char_p)
    return "" if get_name is None else get_name().decode()


def _find_threads() -> Threads | None:
    get_count = function("openblas_get_num_threads", ctypes.c_int)
    set_count = function("openblas_set_num_threads", None, ctypes.c_int)
    return None if get_count is None or set_count is None else Threads(get_count, set_count)


_NAMES = [f"{prefix}{{}}{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
_library = _open_library()
_routines = _find_routines()
_has_small_kernels = _core_name() in ("SkylakeX", "Cooperlake", "SapphireRapids")
threads = _find_threads()
one_thread: AbstractContextManager[None] = nullcontext() if threads is None else threads
# The same, if they can compute several products at once.
_workers = threads if all(routines.gemm_batch is not None for routines in _routines.values()) else None
