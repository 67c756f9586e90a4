"""The Tensor: an array, its place in the graph, its gradient. Its methods are the ops.

This is the one knot of the house. The ops know tensors by name only; this module imports the ops, makes methods of
them, and in its last line ties the class to the ops.
"""

from __future__ import annotations

import builtins
import copy
import math
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tinygrad_np import dtypes, formatting, numpy_protocol
from tinygrad_np.backward import backward
from tinygrad_np.dtypes import DType, DTypeLike
from tinygrad_np.graph import Hook, Leaf, Node, modes, tick
from tinygrad_np.low_rank import LowRank
from tinygrad_np.ops import comparison, creation, elementwise, indexing, linear_algebra, primitive, random, reduction
from tinygrad_np.ops import shape as shape_ops  # in the class, `shape` is the property
from tinygrad_np.ops.errors import argument_error


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple of its sizes.

    Example:
        >>> Size((2, 3)), Size((2, 3)).numel()
        (Size([2, 3]), 6)
        >>> Size((2, 3))[1:] + (4,)
        Size([3, 4])
    """

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Any:
        return Size((*self, *other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"Size({list(self)})"


class RemovableHandle:
    """What registering a hook returns: `remove` takes the hook away again."""

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        """Take the hook away; doing so twice is harmless."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def in_place(op: Callable[..., Tensor], ufunc: np.ufunc | None = None) -> Callable[..., Tensor]:
    """The method that computes ``op`` and leaves the result in its tensor; by ``ufunc``, where that does the same.

    That saves a copy: of 1,000,000 elements a multiplication takes 0.4 of the time.
    """

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        operand = self._operand_in_place(args[0]) if ufunc is not None and len(args) == 1 and not kwargs else None
        if operand is not None:
            ufunc(self._array, operand, out=self._array)  # type: ignore[misc]
            self._touch()
            return self
        result = op(self, *args, **kwargs)
        if isinstance(result._node, primitive.OpNode) and result._node.watches(self._counter):
            result = op(self.clone(), *args, **kwargs)  # for the gradient, keep what the change overwrites
        return self._assign(result)

    method.__name__ = f"{op.__name__}_"
    method.__doc__ = f"`{op.__name__}`, in place."
    return method


def _to_dtype(name: str) -> Callable[[Tensor], Tensor]:
    """The method that casts to the dtype ``name``."""

    def method(self: Tensor) -> Tensor:
        return self.to(np.dtype(name))

    method.__name__ = name
    method.__doc__ = f"This tensor in {name}."
    return method


def _rebuild(
    cls: type[Tensor], array: npt.NDArray[Any], requires_grad: builtins.bool, attributes: dict[str, Any]
) -> Any:
    """A tensor of class ``cls`` from its parts: what copying and unpickling call."""
    tensor = cls.__new__(cls)
    tensor._array = array
    tensor._node = None
    tensor._counter = [0, 0, False]
    tensor._grad = None
    for name, value in attributes.items():
        setattr(tensor, name, value)
    return tensor.requires_grad_(requires_grad)


_RETAIN_GRAD = sys.maxsize  # the key of retain_grad's hook, which runs after all others


class Tensor:
    """A multi-dimensional array that records what is computed from it.

    Make one with `tensor`, `zeros`, `randn` and their like. The functions that take a tensor first are its methods too,
    and NumPy's functions work on it.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """

    # _array: the values. _node: the graph's node that made them, a Leaf where the user did and a gradient is wanted, or
    # None. _counter: of in-place changes, see ops/primitive.py. _grad: the gradient, no tensor until seen, or None.
    # _idle_hooks: those of a leaf that asks for no gradient at present; not there before.
    __slots__ = ("__weakref__", "_array", "_counter", "_grad", "_idle_hooks", "_node")

    _array: npt.NDArray[Any]
    _node: Node | None
    _counter: list[Any]
    _grad: Tensor | npt.NDArray[Any] | LowRank | None
    _idle_hooks: dict[builtins.int, Hook] | None

    @staticmethod
    def _wrap(array: npt.NDArray[Any], node: Node | None = None) -> Tensor:
        tensor = Tensor()
        tensor._array = array
        tensor._node = node
        tensor._counter = [0, 0, False]
        tensor._grad = None
        return tensor

    # ---- what it is ------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of all dimensions."""
        return Size(self._array.shape)

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return self._array.dtype

    @property
    def ndim(self) -> builtins.int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def itemsize(self) -> builtins.int:
        """Bytes per element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> builtins.int:
        """Bytes of all elements together."""
        return self._array.nbytes

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or the size of dimension ``dim``."""
        return self.shape if dim is None else self._array.shape[shape_ops.normal_dim("size", dim, self.ndim)]

    def dim(self) -> builtins.int:
        """The number of dimensions."""
        return self._array.ndim

    def numel(self) -> builtins.int:
        """The number of elements."""
        return self._array.size

    nelement = numel

    def element_size(self) -> builtins.int:
        """Bytes per element."""
        return self._array.itemsize

    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many elements apart neighbours along each dimension (or along ``dim``) lie in memory."""
        strides = tuple(s // self._array.itemsize for s in self._array.strides)
        return strides if dim is None else strides[shape_ops.normal_dim("stride", dim, self.ndim)]

    def data_ptr(self) -> builtins.int:
        """The address of the first element."""
        return self._array.ctypes.data

    def is_contiguous(self) -> builtins.bool:
        """Whether the elements lie in memory in the order of their indices."""
        return self._array.flags.c_contiguous

    def is_floating_point(self) -> builtins.bool:
        """Whether the dtype is a floating-point type."""
        return dtypes.is_floating(self._array.dtype)

    def __len__(self) -> builtins.int:
        if self._array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(shape_ops.unbind(self, 0))

    def __contains__(self, element: Any) -> builtins.bool:
        return builtins.bool(np.any(self._array == (element._array if isinstance(element, Tensor) else element)))

    def __repr__(self) -> str:
        return formatting.represent("tensor", self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self._array.ndim == 0 else object.__format__(self, spec)

    __hash__ = object.__hash__

    # ---- its place in the graph ------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> builtins.bool:
        """Whether what is computed from this tensor is recorded, so that its gradient can be had."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: builtins.bool) -> None:
        if not isinstance(value, builtins.bool):
            raise RuntimeError("requires_grad must be a bool")
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: builtins.bool = True) -> Self:
        """Ask for the gradient of this tensor, or stop asking.

        Raises:
            TypeError: ``requires_grad`` is no bool.
            RuntimeError: the dtype is no floating-point type, or the tensor is the result of a recorded op.
        """
        if not isinstance(requires_grad, builtins.bool):
            raise argument_error("requires_grad_", "requires_grad", requires_grad, "bool")
        if requires_grad == (self._node is not None):
            return self
        if not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if requires_grad and not self.is_floating_point():
            raise RuntimeError(f"only Tensors of floating point dtype can require gradients, not {self.dtype}")
        if requires_grad:
            self._node = Leaf(weakref.ref(self), self._array.shape, self._array.dtype)
            self._node.hooks = getattr(self, "_idle_hooks", None)
        else:
            self.detach_()
        return self

    @property
    def is_leaf(self) -> builtins.bool:
        """Whether the user made this tensor, or it needs no gradient: `backward` leaves gradients in leaves only."""
        return self._node is None or isinstance(self._node, Leaf)

    @property
    def grad_fn(self) -> Node | None:
        """The node of the op that made this tensor, or None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` left here."""
        grad = self._grad
        if grad is None or isinstance(grad, Tensor):
            return grad
        array = np.asarray(grad)  # read-only, if a rule returned it so
        self._grad = tensor = Tensor._wrap(array if array.flags.writeable else array.copy())
        return tensor

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise RuntimeError(
                    f"assigned grad has {list(value.shape)} of {value.dtype}, but the tensor has {list(self.shape)} of "
                    f"{self.dtype}"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same values as a tensor outside the graph, whose in-place changes autograd does not notice."""
        return Tensor._wrap(self._array)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if self._node is not None:
            if not value.is_floating_point():
                raise RuntimeError(
                    f"data set to a tensor that requires gradients must be floating point, not {value.dtype}"
                )
            if not self.is_leaf and (value.shape != self.shape or value.dtype != self.dtype):
                raise RuntimeError("data of a computed tensor can only be replaced by data of its own shape and dtype")
            self._node.shape, self._node.dtype = value._array.shape, value._array.dtype
        self._array = value._array

    def detach(self) -> Tensor:
        """The same values as a tensor outside the graph. It shares memory, and in-place changes are noticed."""
        tensor = Tensor._wrap(self._array)
        tensor._counter = self._counter
        return tensor

    def _alias(self) -> Tensor:
        """As `detach`, for a tensor that will get a place in the graph, where it could not follow in-place changes."""
        self._counter[2] = True
        return self.detach()

    def detach_(self) -> Self:
        """Take this tensor out of the graph that made it."""
        self._idle_hooks = self._node.hooks if isinstance(self._node, Leaf) else None
        self._node = None
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: builtins.bool | None = None,
        create_graph: builtins.bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Compute the gradient of this tensor with respect to the leaves of its graph, and add it to their ``grad``.

        Args:
            gradient: of something with respect to this tensor, of its shape; may be omitted for a single element (1).
            retain_graph: keep the graph for another backward; by default as ``create_graph``.
            create_graph: record the computation of the gradients, so that they can be differentiated.
            inputs: leave gradients in these tensors only.

        Raises:
            RuntimeError: the tensor has no graph or its graph was freed, a saved tensor was changed in place, or
                ``gradient`` is missing or of the wrong shape.

        Example:
            >>> import tinygrad_np as tg
            >>> x = tg.ones(3, requires_grad=True)
            >>> (2 * x).backward(tg.tensor([1.0, 2.0, 3.0]))
            >>> x.grad
            tensor([2., 4., 6.])
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def _accumulate_grad(self, grad: Any, unshared: builtins.bool) -> None:
        """Add to ``grad``. Only an ``unshared`` array may become it: no gradient shares memory with another tensor."""
        present = self.grad
        if isinstance(grad, Tensor):  # under create_graph: keep the gradients' own graph
            self._grad = elementwise.clone(grad) if present is None else present + grad
        elif present is None:
            self._grad = grad if unshared else grad.copy()
        else:
            present._require_writeable()
            np.add(present._array, grad, out=present._array)
            present._touch()

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook`` with the gradient of this tensor when it has been computed; what it returns replaces it.

        Raises:
            RuntimeError: the tensor does not require grad.

        Example:
            >>> import tinygrad_np as tg
            >>> x = tg.ones(2, requires_grad=True)
            >>> handle = x.register_hook(lambda grad: 10 * grad)
            >>> x.sum().backward()
            >>> x.grad
            tensor([10., 10.])
        """

        def on_gradient(grad: Any) -> Any:
            recorded = isinstance(grad, Tensor)
            result = hook(grad if recorded else Tensor._wrap(grad))
            if result is None:
                return None
            if not isinstance(result, Tensor):
                raise TypeError(f"expected a Tensor or None, but the hook returned {type(result).__name__}")
            if result._array.shape != grad.shape or result.dtype != grad.dtype:
                raise RuntimeError(
                    f"the hook was given a gradient of shape {list(grad.shape)} and {grad.dtype}, but returned one of "
                    f"shape {list(result.shape)} and {result.dtype}"
                )
            return result if modes.grad else result._array

        return self._add_hook(on_gradient, tick())

    def retain_grad(self) -> None:
        """Let `backward` leave the gradient of this tensor in its ``grad`` though it is no leaf.

        Raises:
            RuntimeError: the tensor does not require grad.
        """
        if self._node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf:
            return
        owner = weakref.ref(self)

        def on_gradient(grad: Any) -> None:
            tensor = owner()
            if tensor is not None:
                tensor._accumulate_grad(grad, False)

        self._add_hook(on_gradient, _RETAIN_GRAD)

    @property
    def retains_grad(self) -> builtins.bool:
        """Whether this is no leaf and yet keeps its gradient."""
        return not self.is_leaf and _RETAIN_GRAD in (self._node.hooks or {})  # type: ignore[union-attr]

    def _add_hook(self, on_gradient: Hook, key: builtins.int) -> RemovableHandle:
        if self._node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        hooks = self._node.hooks or {}
        hooks[key] = on_gradient
        if _RETAIN_GRAD in hooks:  # it sees what the other hooks made of the gradient
            hooks[_RETAIN_GRAD] = hooks.pop(_RETAIN_GRAD)
        self._node.hooks = hooks
        return RemovableHandle(hooks, key)

    # ---- changing it in place --------------------------------------------------------------------------------------

    @property
    def _version(self) -> builtins.int:
        """How often the values were changed in place."""
        return self._counter[1]  # type: ignore[no-any-return]

    def _touch(self) -> None:
        """Note that the values were changed in place: a graph that saved them is stale."""
        self._counter[0] = tick()
        self._counter[1] += 1

    def _assign(self, result: Tensor) -> Self:
        """Take on the values of ``result``, and its place in the graph. All in-place methods end here."""
        if result._array.shape != self._array.shape:
            raise RuntimeError(
                f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)}"
            )
        if not dtypes.can_cast(result.dtype, self.dtype):
            raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {self.dtype}")
        self._require_writeable()
        if modes.grad and (self._node is not None or result._node is not None):
            self._move_in_graph((result if result.dtype == self.dtype else elementwise.cast(result, self.dtype))._node)
        self._array[...] = result._array
        self._touch()
        return self

    def _operand_in_place(self, other: Any) -> Any:
        """``other`` as NumPy takes it, if in place there is nothing to record, to cast or to refuse; else None."""
        array = self._array
        if array.dtype.kind != "f" or not array.flags.writeable or (modes.grad and self._node is not None):
            return None
        if other.__class__ in (builtins.int, builtins.float):
            return other
        if not isinstance(other, Tensor) or (modes.grad and other._node is not None):
            return None
        fits = other._array.dtype is array.dtype and other._array.shape in (array.shape, ())
        return other._array if fits else None

    def _require_writeable(self) -> None:
        if not self._array.flags.writeable:
            raise RuntimeError(
                "in-place change of a tensor whose elements cannot be written one by one: it was expanded, or shares "
                "memory with a read-only array; clone() it first"
            )

    def _move_in_graph(self, node: Node | None) -> Self:
        """Let ``node`` be what made this tensor, because of an in-place change."""
        self._refuse_unsound_change()
        self._idle_hooks = None  # they were those of a leaf
        retained = self._node.hooks.pop(_RETAIN_GRAD, None) if self._node is not None and self._node.hooks else None
        self._node = node
        if retained is not None and node is not None:
            self._add_hook(retained, _RETAIN_GRAD)
        return self

    def _refuse_unsound_change(self) -> None:
        """Raise where the graph could not follow an in-place change."""
        if isinstance(self._node, Leaf):
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. Under no_grad() it may be: "
                "the change is not recorded then"
            )
        if self._counter[2]:
            raise RuntimeError(
                "in-place change of a tensor that is or has a view, while gradients are recorded; clone() it first"
            )

    def __setitem__(self, index: Any, value: Any) -> None:
        if modes.grad and (self.requires_grad or (isinstance(value, Tensor) and value.requires_grad)):
            if isinstance(self._node, Leaf):
                self._refuse_unsound_change()
            raise RuntimeError(
                "assignment to a part of a tensor is not recorded for gradients; build it with where, cat or stack, or "
                "assign under no_grad()"
            )
        self._require_writeable()
        indexing.assign(self._array, index, value._array if isinstance(value, Tensor) else value)
        self._touch()

    def zero_(self) -> Self:
        """Set every element to 0."""
        return self.fill_(0)

    def fill_(self, value: Any) -> Self:
        """Set every element to ``value``, a number or a 0-d tensor.

        Raises:
            RuntimeError: ``value`` has dimensions, or is a number that does not fit the dtype.
        """
        if isinstance(value, builtins.int | builtins.float | np.generic):
            filling = dtypes.fitted(value, self.dtype)
            if self._node is not None and modes.grad:
                return self.copy_(Tensor._wrap(filling))
            self._require_writeable()  # here there is nothing to record: 0.2 of the time, of a few elements
            self._array[...] = filling
            self._touch()
            return self
        value = creation.as_tensor(value)
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return self.copy_(value)

    def copy_(self, src: Tensor) -> Self:
        """Set the elements to those of ``src``, which is broadcast and cast to this tensor's shape and dtype."""
        source = elementwise.cast(creation.as_tensor(src), self.dtype)
        # What is recorded needs a node of its own. Not to expand what fits takes 0.3 of the time, of a few elements.
        if source._array.shape != self._array.shape or (source._node is not None and modes.grad):
            source = source.expand(self.shape)
        if self._node is not None and modes.grad:  # still needs a gradient, be it zero
            source = elementwise.where(Tensor._wrap(np.array(True)), source, self)
        return self._assign(source)

    add_ = in_place(elementwise.add, np.add)
    sub_ = in_place(elementwise.sub, np.subtract)
    mul_ = in_place(elementwise.mul, np.multiply)
    div_ = in_place(elementwise.div, np.divide)
    floor_divide_ = in_place(elementwise.floor_divide)
    remainder_ = in_place(elementwise.remainder)
    pow_ = in_place(elementwise.pow)
    neg_ = in_place(elementwise.neg)
    abs_ = in_place(elementwise.abs)
    exp_ = in_place(elementwise.exp)
    log_ = in_place(elementwise.log)
    sqrt_ = in_place(elementwise.sqrt)
    tanh_ = in_place(elementwise.tanh)
    sigmoid_ = in_place(elementwise.sigmoid)
    relu_ = in_place(elementwise.relu)
    clamp_ = in_place(elementwise.clamp)
    bitwise_and_ = in_place(comparison.bitwise_and)
    bitwise_or_ = in_place(comparison.bitwise_or)
    bitwise_xor_ = in_place(comparison.bitwise_xor)
    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __ifloordiv__ = floor_divide_
    __imod__ = remainder_
    __ipow__ = pow_
    __iand__ = bitwise_and_
    __ior__ = bitwise_or_
    __ixor__ = bitwise_xor_

    uniform_ = random.uniform_
    normal_ = random.normal_
    bernoulli_ = random.bernoulli_
    random_ = random.random_

    # ---- to and from Python and NumPy ------------------------------------------------------------------------------

    def item(self) -> Any:
        """The value of a tensor of one element, as a Python number.

        Raises:
            RuntimeError: there are more elements, or none.
        """
        if self._array.size != 1:
            raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers (a number, if 0-d)."""
        return self._array.tolist()

    def numpy(self, *, force: builtins.bool = False) -> npt.NDArray[Any]:
        """The values as a NumPy array, which shares memory with the tensor.

        Args:
            force: detach first, instead of refusing a tensor that requires grad.

        Raises:
            RuntimeError: the tensor requires grad: gradients would be lost without notice.
        """
        if self._node is not None and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._array

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: builtins.bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    __array_ufunc__ = numpy_protocol.array_ufunc
    __array_function__ = numpy_protocol.array_function

    def __bool__(self) -> builtins.bool:
        if self._array.size != 1:
            count = "more than one value" if self._array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {count} is ambiguous")
        return builtins.bool(self._array.item())

    def __float__(self) -> builtins.float:
        return builtins.float(self._number())

    def __int__(self) -> builtins.int:
        return builtins.int(self._number())

    def _number(self) -> Any:
        if self._array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self._array.item()

    def __index__(self) -> builtins.int:
        if self._array.dtype.kind == "f" or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return builtins.int(self._array.item())

    def __copy__(self) -> Self:
        copied: Self = _rebuild(*self.__reduce__()[1])
        copied._counter = self._counter
        return copied

    def __deepcopy__(self, memo: dict[builtins.int, Any]) -> Self:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"
            )
        copied: Self = _rebuild(type(self), self._array.copy(), self.requires_grad, {})
        memo[id(self)] = copied
        for name, value in getattr(self, "__dict__", {}).items():
            setattr(copied, name, copy.deepcopy(value, memo))
        copied.grad = copy.deepcopy(self.grad, memo)
        return copied

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self._array, self.requires_grad, getattr(self, "__dict__", {}))

    # ---- dtype and layout ------------------------------------------------------------------------------------------

    def to(self, *args: Any, dtype: DTypeLike | None = None, copy: builtins.bool = False) -> Tensor:
        """This tensor in another dtype: ``to(dtype)``, or ``to(other)`` for the dtype of another tensor.

        ``to("cpu")`` is understood; there is no other device. Returns the tensor itself where nothing is to be done.
        """
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif arg != "cpu":
                dtype = arg
        target = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        if target == self.dtype:
            return elementwise.clone(self) if copy else self
        return elementwise.cast(self, target)

    def cpu(self) -> Tensor:
        """This tensor: everything is on the CPU."""
        return self

    def type_as(self, other: Tensor) -> Tensor:
        """This tensor in the dtype of another."""
        return self.to(other.dtype)

    def astype(self, dtype: DTypeLike) -> Tensor:
        """NumPy's name for `to`."""
        return self.to(dtype)

    def contiguous(self) -> Tensor:
        """This tensor with its elements in memory in the order of their indices."""
        return self if self.is_contiguous() else elementwise.clone(self)

    clone = elementwise.clone

    # ---- the ops, as methods ---------------------------------------------------------------------------------------

    __add__ = __radd__ = elementwise.plus
    __sub__ = elementwise.minus
    __rsub__ = elementwise.rsub
    __mul__ = __rmul__ = elementwise.mul
    __truediv__ = elementwise.true_divide
    __rtruediv__ = elementwise.rdiv
    __floordiv__ = elementwise.floor_divide
    __rfloordiv__ = elementwise.rfloor_divide
    __mod__ = elementwise.remainder
    __rmod__ = elementwise.rremainder
    __pow__ = elementwise.power
    __rpow__ = elementwise.rpow
    __neg__ = elementwise.neg
    __pos__ = elementwise.positive
    __abs__ = elementwise.abs
    __matmul__ = linear_algebra.matmul
    __rmatmul__ = linear_algebra.rmatmul
    __eq__ = comparison.operator(comparison.eq)
    __ne__ = comparison.operator(comparison.ne)
    __lt__ = comparison.operator(comparison.lt)
    __le__ = comparison.operator(comparison.le)
    __gt__ = comparison.operator(comparison.gt)
    __ge__ = comparison.operator(comparison.ge)
    __and__ = __rand__ = comparison.bitwise_and
    __or__ = __ror__ = comparison.bitwise_or
    __xor__ = __rxor__ = comparison.bitwise_xor
    __invert__ = comparison.bitwise_not
    __getitem__ = indexing.getitem

    add = elementwise.add
    sub = subtract = elementwise.sub
    mul = multiply = elementwise.mul
    div = divide = elementwise.div
    true_divide = elementwise.true_divide
    floor_divide = elementwise.floor_divide
    remainder = elementwise.remainder
    neg = negative = elementwise.neg
    positive = elementwise.positive
    pow = elementwise.pow
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    abs = absolute = elementwise.abs
    sign = elementwise.sign
    floor = elementwise.floor
    ceil = elementwise.ceil
    trunc = elementwise.trunc
    round = elementwise.round
    exp = elementwise.exp
    expm1 = elementwise.expm1
    log = elementwise.log
    log1p = elementwise.log1p
    log2 = elementwise.log2
    log10 = elementwise.log10
    sqrt = elementwise.sqrt
    rsqrt = elementwise.rsqrt
    sin = elementwise.sin
    cos = elementwise.cos
    tanh = elementwise.tanh
    sigmoid = elementwise.sigmoid
    relu = elementwise.relu
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    clamp = clip = elementwise.clamp
    eq = comparison.eq
    ne = comparison.ne
    lt = comparison.lt
    le = comparison.le
    gt = comparison.gt
    ge = comparison.ge
    equal = comparison.equal
    allclose = comparison.allclose
    isclose = comparison.isclose
    isnan = comparison.isnan
    isinf = comparison.isinf
    isfinite = comparison.isfinite
    logical_and = comparison.logical_and
    logical_or = comparison.logical_or
    logical_xor = comparison.logical_xor
    logical_not = comparison.logical_not
    bitwise_and = comparison.bitwise_and
    bitwise_or = comparison.bitwise_or
    bitwise_xor = comparison.bitwise_xor
    bitwise_not = comparison.bitwise_not
    where = elementwise.where_method

    sum = reduction.sum
    mean = reduction.mean
    prod = reduction.prod
    max = reduction.max
    min = reduction.min
    amax = reduction.amax
    amin = reduction.amin
    argmax = reduction.argmax
    argmin = reduction.argmin
    var = reduction.var
    std = reduction.std
    logsumexp = reduction.logsumexp
    softmax = reduction.softmax
    log_softmax = reduction.log_softmax
    all = reduction.all
    any = reduction.any
    cumsum = reduction.cumsum
    norm = reduction.norm

    reshape = shape_ops.as_method(shape_ops.reshape, "shape")
    view = shape_ops.as_method(shape_ops.view, "size")
    view_as = shape_ops.view_as
    reshape_as = shape_ops.reshape_as
    flatten = shape_ops.flatten
    ravel = shape_ops.ravel
    unflatten = shape_ops.unflatten
    permute = shape_ops.as_method(shape_ops.permute, "dims")
    transpose = swapaxes = swapdims = shape_ops.transpose
    movedim = moveaxis = shape_ops.movedim
    t = shape_ops.t
    T = property(shape_ops.reverse_dims)
    mT = property(shape_ops.matrix_transpose)
    squeeze = shape_ops.squeeze
    unsqueeze = shape_ops.unsqueeze
    expand = shape_ops.as_method(shape_ops.expand, "size")
    expand_as = shape_ops.expand_as
    broadcast_to = shape_ops.broadcast_to
    repeat = shape_ops.as_method(shape_ops.repeat, "repeats")
    tile = shape_ops.as_method(shape_ops.tile, "dims")
    split = shape_ops.split
    chunk = shape_ops.chunk
    unbind = shape_ops.unbind
    flip = shape_ops.as_method(shape_ops.flip, "dims")
    roll = shape_ops.roll
    tril = shape_ops.tril
    triu = shape_ops.triu

    gather = indexing.gather
    scatter = indexing.scatter
    scatter_add = indexing.scatter_add
    take_along_dim = indexing.take_along_dim
    index_select = indexing.index_select
    masked_fill = indexing.masked_fill
    masked_select = indexing.masked_select
    nonzero = indexing.nonzero
    sort = indexing.sort
    argsort = indexing.argsort
    topk = indexing.topk

    matmul = linear_algebra.matmul
    mm = linear_algebra.mm
    bmm = linear_algebra.bmm
    mv = linear_algebra.mv
    dot = linear_algebra.dot
    outer = linear_algebra.outer

    # Last, since from here on the builtins' names mean these methods.
    float = _to_dtype("float32")
    double = _to_dtype("float64")
    half = _to_dtype("float16")
    int = _to_dtype("int32")
    long = _to_dtype("int64")
    short = _to_dtype("int16")
    byte = _to_dtype("uint8")
    char = _to_dtype("int8")
    bool = _to_dtype("bool")


primitive.tie(Tensor)
