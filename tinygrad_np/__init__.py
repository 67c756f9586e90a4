"""A micro-PyTorch on NumPy, made to be read: tensors with reverse-mode automatic differentiation, nn, optim, data.

Names, arguments, dtypes and errors are PyTorch's::

    import tinygrad_np as torch

To read it, begin with `ops.elementwise`, ops with their gradients, and `graph`, the backward pass; for the rest,
docs/architecture.md gives a reading order.
"""

from __future__ import annotations

import builtins
import importlib
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from numpy import finfo, iinfo

from tinygrad_np.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tinygrad_np.dtypes import (
    bool_,
    double,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    result_type,
    set_default_dtype,
    short,
    uint8,
)
from tinygrad_np.memory import keep_freed_memory as _keep_freed_memory
from tinygrad_np.ops.comparison import (
    allclose,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    eq,
    equal,
    ge,
    gt,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
)
from tinygrad_np.ops.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from tinygrad_np.ops.elementwise import (
    abs,
    add,
    ceil,
    clamp,
    clone,
    cos,
    div,
    exp,
    expm1,
    floor,
    floor_divide,
    log,
    log1p,
    log2,
    log10,
    maximum,
    minimum,
    mul,
    neg,
    positive,
    pow,
    reciprocal,
    relu,
    remainder,
    round,
    rsqrt,
    rsub,
    sigmoid,
    sign,
    sin,
    sqrt,
    square,
    sub,
    tanh,
    true_divide,
    trunc,
    where,
)
from tinygrad_np.ops.errors import argument_error as _argument_error
from tinygrad_np.ops.indexing import (
    argsort,
    gather,
    index_select,
    masked_fill,
    masked_select,
    nonzero,
    scatter,
    scatter_add,
    sort,
    take_along_dim,
    topk,
)
from tinygrad_np.ops.linear_algebra import bmm, dot, matmul, mm, mv, outer
from tinygrad_np.ops.random import (
    Generator,
    bernoulli,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from tinygrad_np.ops.reduction import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    cumsum,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    softmax,
    std,
    sum,
    var,
)
from tinygrad_np.ops.shape import (
    broadcast_tensors,
    broadcast_to,
    cat,
    chunk,
    flatten,
    flip,
    movedim,
    permute,
    ravel,
    reshape,
    roll,
    split,
    squeeze,
    stack,
    t,
    tile,
    transpose,
    tril,
    triu,
    unbind,
    unflatten,
    unsqueeze,
)
from tinygrad_np.serialization import load, save
from tinygrad_np.tensor import Size, Tensor
from tinygrad_np.threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    from tinygrad_np import datasets, testing

__version__ = "0.1.0"

# PyTorch's other names of ops and dtypes. From here on the builtins' names mean dtypes and ops.
absolute, negative, subtract, multiply, divide, clip = abs, neg, sub, mul, div, clamp
swapaxes = swapdims = transpose
moveaxis = movedim
concat = concatenate = cat
bool = bool_
int = int32
float = float32


def is_tensor(obj: object) -> builtins.bool:
    """Whether an object is a tensor.

    Example:
        >>> is_tensor(zeros(2)), is_tensor([0.0, 0.0])
        (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> builtins.bool:
    """Whether the dtype of a tensor is a floating-point type.

    Raises:
        TypeError: ``input`` is no tensor.

    Example:
        >>> is_floating_point(tensor(1.0)), is_floating_point(tensor(1))
        (True, False)
    """
    if not isinstance(input, Tensor):
        raise _argument_error("is_floating_point", "input", input)
    return input.is_floating_point()


def numel(input: Tensor) -> builtins.int:
    """The number of elements of a tensor.

    Raises:
        TypeError: ``input`` is no tensor.

    Example:
        >>> numel(zeros(2, 3))
        6
    """
    if not isinstance(input, Tensor):
        raise _argument_error("numel", "input", input)
    return input.numel()


# The rooms that build on all this.
from tinygrad_np import autograd, nn, optim, utils  # noqa: E402
from tinygrad_np.ops import random  # noqa: E402

_keep_freed_memory()


def __getattr__(name: str) -> Any:
    # Imported when first used, since many programs do without.
    if name in ("datasets", "testing"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "datasets", "testing"})


__all__ = [
    # tensors
    "Tensor",
    "Size",
    "is_tensor",
    "is_floating_point",
    "numel",
    # dtypes
    "bool",
    "bool_",
    "uint8",
    "int8",
    "int16",
    "short",
    "int32",
    "int",
    "int64",
    "long",
    "float16",
    "half",
    "float32",
    "float",
    "float64",
    "double",
    "get_default_dtype",
    "set_default_dtype",
    "promote_types",
    "result_type",
    "finfo",
    "iinfo",
    # constants
    "e",
    "inf",
    "nan",
    "pi",
    # making tensors
    "tensor",
    "as_tensor",
    "from_numpy",
    "zeros",
    "zeros_like",
    "ones",
    "ones_like",
    "empty",
    "empty_like",
    "full",
    "full_like",
    "eye",
    "arange",
    "linspace",
    # random numbers
    "Generator",
    "default_generator",
    "manual_seed",
    "seed",
    "initial_seed",
    "get_rng_state",
    "set_rng_state",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "randint",
    "randint_like",
    "randperm",
    "normal",
    "bernoulli",
    "multinomial",
    # arithmetic
    "add",
    "sub",
    "subtract",
    "rsub",
    "mul",
    "multiply",
    "div",
    "divide",
    "true_divide",
    "floor_divide",
    "remainder",
    "neg",
    "negative",
    "positive",
    "reciprocal",
    "pow",
    "square",
    "sqrt",
    "rsqrt",
    "abs",
    "absolute",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "maximum",
    "minimum",
    "clamp",
    "clip",
    "where",
    "clone",
    # exponentials and activations
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "softmax",
    "log_softmax",
    # comparison and logic
    "allclose",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    # reductions
    "sum",
    "mean",
    "prod",
    "cumsum",
    "max",
    "min",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "var",
    "std",
    "norm",
    "logsumexp",
    "all",
    "any",
    # shape
    "reshape",
    "flatten",
    "ravel",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "permute",
    "transpose",
    "swapaxes",
    "swapdims",
    "t",
    "movedim",
    "moveaxis",
    "broadcast_to",
    "broadcast_tensors",
    "cat",
    "concat",
    "concatenate",
    "stack",
    "tile",
    "split",
    "chunk",
    "unbind",
    "flip",
    "roll",
    "tril",
    "triu",
    # indexing
    "argsort",
    "gather",
    "index_select",
    "masked_fill",
    "masked_select",
    "nonzero",
    "scatter",
    "scatter_add",
    "sort",
    "take_along_dim",
    "topk",
    # linear algebra
    "bmm",
    "dot",
    "matmul",
    "mm",
    "mv",
    "outer",
    # whether a graph is recorded
    "no_grad",
    "enable_grad",
    "set_grad_enabled",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    # threads
    "get_num_threads",
    "set_num_threads",
    # files
    "save",
    "load",
    # rooms
    "autograd",
    "datasets",
    "nn",
    "optim",
    "random",
    "testing",
    "utils",
]
