"""How a rule that updates each element of a parameter by itself is run: fast on many small ones and on large ones.

Such a rule does not care how elements are arranged. So it is written once, in place on flat arrays, and run on whatever
flat arrays cost least:

- small parameters of a group move into one `Block`, since for a small network the time of a step is the number of NumPy
  calls;
- a large parameter is updated in its own memory, piece by piece, since for a large network it is the memory traffic: a
  piece stays in the processor's cache from the first operation of the rule to the last.

A `Layout` divides the parameters of a group into blocks. In its block each has a `Place`. The rule is given one `Piece`
of a block at a time; a `Run` is neighbours in a block that have been updated equally often, on which a rule may depend.

What the optimizer remembers of the parameters of a block lies in one flat array per name, too. The tensors in ``state``
are views of these. ``state`` rules all the same: whoever puts another tensor there finds its values used, and the view
in its place, after the next step. Until somebody reads ``state``, though, there is nothing to look for, and updates are
only counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from operator import is_, itemgetter
from sys import getrefcount
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds

import tinygrad_np as tg
from tinygrad_np.graph import tick
from tinygrad_np.low_rank import LowRank
from tinygrad_np.memory import aligned
from tinygrad_np.optim.optimizer import Closure, Group, Optimizer

Array: TypeAlias = npt.NDArray[Any]
Ready: TypeAlias = "list[Place]"  # those of a block whose parameters have a gradient, and so are to be updated

_SMALL = 8 * 1024  # elements; below, copying in and out costs less than the calls of the rule
_PIECE = 128 * 1024  # elements; as many of a parameter, its gradient and scratch fit into a second-level cache
_FLUSH_EVERY = 64  # updates
_NEGLIGIBLE = 1024  # times the smallest normal number: from less, 64 factors of 0.9 lead to subnormal ones
SAFE_EPS = 1e-9  # that, or more, is the same with the root of a negligible number added to it
_ONE = np.float32(1)


class ElementwiseOptimizer(Optimizer):
    """An optimizer that is given by its rule for flat arrays: a subclass defines `update` and `buffers`.

    Its groups have the options ``maximize`` and ``weight_decay``, which are seen to here.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self._layouts: dict[int, Layout] = {}
        self._updates = 0
        super().__init__(params, defaults)
        self._state_was_read = False

    @property
    def state(self) -> defaultdict[tg.Tensor, dict[str, Any]]:
        """For each parameter that has been updated, a dict of what the optimizer remembers of it."""
        self._show_steps()
        self._state_was_read = True  # who has it may keep it, and change it at any time
        return self._state

    @state.setter
    def state(self, state: defaultdict[tg.Tensor, dict[str, Any]]) -> None:
        self._state = state
        self._state_was_read = True

    def buffers(self, group: Group) -> tuple[str, ...]:
        """The names of what is remembered of each parameter: ``"step"`` counts its updates, the others begin as 0."""
        return ()

    def fading(self, group: Group) -> tuple[str, ...]:
        """The names of those buffers that are averages of the past, in which 0 may stand for numbers next to 0.

        See `Block.flush`. What is divided by is no such buffer, unless `SAFE_EPS` is added to it.
        """
        return ()

    def first_options(self, group: Group) -> Group:
        """The options that hold for the update in which buffers of a parameter begin."""
        return group

    def rate(self, group: Group) -> float | None:
        """If all that `update` does is to add the gradient times a number to the parameter, that number.

        It may then be done without a call of `update`, so whoever overrides that overrides this, too.
        """
        return None

    def takes_low_rank(self, group: Group) -> bool:
        """Whether `update` only adds the gradient to something, which can be done with one that is `LowRank`."""
        return False

    def update(self, param: Array, grad: Any, state: dict[str, Any], group: Group, scratch: Array) -> None:
        """Change ``param`` and the arrays in ``state`` in place.

        Args:
            param: elements of parameters, one-dimensional.
            grad: the gradient, of the same size and dtype, of what is to be minimized; it includes the decay of
                weights, and must not be changed. If `takes_low_rank` says so, it may be `LowRank`.
            state: arrays like these, by the names of `buffers`; under ``"step"`` the number of this update, from 1.
            group: the options.
            scratch: an array like these, for intermediate results.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def step(self, closure: Closure | None = None) -> Any:
        """Update the parameters that have a gradient, once.

        Args:
            closure: computes the gradients anew and returns the loss; called before the update, with gradients on.

        Returns:
            What ``closure`` returned, or None.
        """
        loss = None
        if closure is not None:
            with tg.enable_grad():
                loss = closure()
        for i, group in enumerate(self.param_groups):
            if not self._step_again(i, group):
                for block, ready in self._ready(i, group):
                    self._step_block(block, ready, group)
        self._updates += 1
        if self._updates % _FLUSH_EVERY == 0:
            self._flush()
        return loss

    def _step_again(self, i: int, group: Group) -> bool:
        """What follows in `step` for a group of one block, if all is as in the last step; returns whether it was done.

        It is in one piece because calls are what the step of a small network consists of: that takes 0.95 of the time.
        A rule that remembers nothing, as plain SGD, has `Block.add_gradients` instead.
        """
        block = self._layouts[i].only if i in self._layouts else None
        if block is None or not block.is_alike or self._state_was_read or block.names != self.buffers(group):
            return False
        params = group["params"]
        if len(params) != len(block.places):
            return False
        for place, param in zip(block.places, params, strict=True):
            grad = param._grad
            if grad is None or place.param is not param or place.array is not param._array:
                return False
            place.grad_part[...] = grad if grad.__class__ is np.ndarray else _array_of(grad)
        block.unshown_steps += 1
        block.whole[0].step += 1
        for piece in block.pieces:  # the only one; or none, if all parameters are empty
            piece.state["step"] = block.whole[0].step
            self._update_piece(block.grad, piece, group)
        block.scatter(block.places)
        return True

    def _ready(self, i: int, group: Group) -> list[tuple[Block, Ready]]:
        """The places of those parameters of a group that have a gradient, in the layout of the last step if it fits."""
        names = self.buffers(group)
        layout = self._layouts.get(i)
        ready = None if layout is None or layout.names != names else layout.ready(group["params"])
        if ready is None:
            self._show_steps()
            known = set() if layout is None else {place.param for block in layout.blocks for place in block.places}
            self._layouts[i] = layout = Layout(group["params"], known, names)
            # A parameter is in one layout at most: one from when its group had another number would miss updates.
            for j in [j for j, other in self._layouts.items() if j != i and not layout.is_disjoint(other)]:
                del self._layouts[j]
            ready = layout.ready(group["params"])
            assert ready is not None
        return ready

    def _step_block(self, block: Block, ready: Ready, group: Group) -> None:
        rate = self.rate(group)
        if rate is None or not block.add_gradients(ready, rate):
            self._run_rule(block, ready, group)
        block.scatter(ready)

    def _run_rule(self, block: Block, ready: Ready, group: Group) -> None:
        grad = block.gather(ready)
        for run in self._runs(block, ready):
            options = self.first_options(group) if run.is_new else group
            for piece in block.pieces_of(run):
                piece.state["step"] = run.step
                part = grad.rows_of(piece.where) if isinstance(grad, LowRank) else grad[piece.where]
                self._update_piece(part, piece, options)

    def _runs(self, block: Block, ready: Ready) -> Sequence[Run]:
        """The runs of a block that are to be updated, after the state of their parameters was seen to."""
        complete = ready is block.places
        if complete and not block.names:  # nothing is remembered, as by plain SGD, so there is nothing to see to
            return block.whole
        if complete and block.is_alike and not self._state_was_read:  # as `_step_again`, but in another layout
            block.unshown_steps += 1
            block.whole[0].step += 1
            return block.whole
        block.show_steps()
        if not block.names or (complete and block.is_shown(self._state)):
            is_new = [False] * len(ready)
        else:
            is_new = [place.adopt(self._state[place.param]) for place in ready]
        steps = block.count(ready)
        block.is_alike = complete and True not in is_new and steps.count(steps[0]) == len(steps)
        if block.is_alike:
            block.whole[0].step = steps[0]
            return block.whole
        runs: list[Run] = []
        for place, new in zip(ready, is_new, strict=True):
            step = steps[place.index]
            if runs and runs[-1].continues(place.start, step, new):
                runs[-1].stop = place.stop
            else:
                runs.append(Run(place.start, place.stop, step, new))
        return runs

    def _update_piece(self, grad: Any, piece: Piece, group: Group) -> None:
        if isinstance(grad, LowRank) and not self.takes_low_rank(group):
            grad = grad.into(piece.adjusted)
        if group["maximize"]:
            grad = np.negative(grad, out=piece.adjusted)
        if group["weight_decay"] and not group.get("decoupled_weight_decay"):
            decay = np.multiply(piece.param, group["weight_decay"], out=piece.scratch)
            grad = np.add(grad, decay, out=piece.adjusted)
        self.update(piece.param, grad, piece.state, group, piece.scratch)

    def _flush(self) -> None:
        for i, group in enumerate(self.param_groups):
            if i in self._layouts:  # it is not, if another group has some of its parameters, too
                for block in self._layouts[i].blocks:
                    block.flush(self.fading(group))

    def _show_steps(self) -> None:
        for layout in self._layouts.values():
            for block in layout.blocks:
                block.show_steps()

    def __getstate__(self) -> dict[str, Any]:
        state = self.state
        # Layouts are made anew from `state`: their arrays would not be those that the copied state has views of.
        return {**self.__dict__, "_state": state, "_layouts": {}}


class Layout:
    """Which parameters of a group share a block: the small ones of a dtype, as many as make up a piece.

    Those without a gradient have no place until they get one.
    """

    only: Block | None  # if it is the only one, and all its parameters have moved there

    def __init__(self, params: Sequence[tg.Tensor], known: set[tg.Tensor], names: tuple[str, ...]) -> None:
        self.params = list(params)
        self.names = names
        has_place = [param._grad is not None or param in known for param in params]
        self.idle = [param for param, has in zip(params, has_place, strict=True) if not has]
        self.blocks: list[Block] = []
        scratch: dict[np.dtype[Any], Array] = {}
        for members in _partition(list(compress(params, has_place))):
            dtype = members[0].dtype
            if dtype not in scratch:
                scratch[dtype] = aligned(np.zeros, (2, _PIECE), dtype)
            self.blocks.append(Block(members, names, scratch[dtype]))
        self.only = self.blocks[0] if len(self.blocks) == 1 and self.blocks[0].has_all else None
        first = {param: i for i, param in enumerate(params)}
        self.blocks.sort(key=lambda block: first[block.places[0].param])  # `state` is in the order of the parameters

    def is_disjoint(self, other: Layout) -> bool:
        """Whether they have no parameter in common."""
        return set(self.params).isdisjoint(other.params)

    def ready(self, params: Sequence[tg.Tensor]) -> list[tuple[Block, Ready]] | None:
        """By block, the places of those that have a gradient; None if one has no place, or has other memory since."""
        if len(params) != len(self.params) or not all(map(is_, params, self.params)):
            return None
        for param in self.idle:
            if param._grad is not None:
                return None
        found = []
        for block in self.blocks:
            ready = block.ready()
            if ready is None:
                return None
            if ready:
                found.append((block, ready))
        return found


def _partition(params: Sequence[tg.Tensor]) -> Iterator[list[tg.Tensor]]:
    """The parameters, in lists that are to share a block. Those that share memory do not: they must take turns."""
    overlapping = _overlapping(params)
    for dtype in dict.fromkeys(param.dtype for param in params):
        members: list[tg.Tensor] = []
        size = 0
        for param in params:
            if param.dtype != dtype:
                continue
            if param.numel() > _SMALL or param in overlapping:
                yield [param]
                continue
            if size + param.numel() > _PIECE:
                yield members
                members, size = [], 0
            members.append(param)
            size += param.numel()
        if members:
            yield members


def _overlapping(params: Sequence[tg.Tensor]) -> set[tg.Tensor]:
    """Those parameters whose memory has bytes in common, or at least may have: between the first and the last."""
    overlapping: set[tg.Tensor] = set()
    last, end = None, 0  # of those so far, the one that ends last
    for (start, stop), param in sorted(((byte_bounds(p._array), p) for p in params if p.numel()), key=itemgetter(0)):
        if last is not None and start < end:
            overlapping |= {last, param}
        if stop > end:
            last, end = param, stop
    return overlapping


class Block:
    """Parameters of one dtype that are updated together, in flat arrays.

    Attributes:
        names: of the state.
        places: one for each parameter.
        size: how many elements.
        state: for each name but ``"step"``, an array with the elements of all parameters.
        steps: how often each parameter has been updated, if that is counted.
        unshown_steps: how many more updates there were of all of them.
        is_alike: whether the last update was one of all parameters, and all have been updated equally often; False
            where nothing is remembered.
        views: what shows the state of the parameters to the user, of one after the other.
        in_place: whether a parameter that is alone is updated in its own memory, which must be flat for that.
        param: the parameters: that memory, or one into which they move, or are copied for each update.
        grad: room for copies of their gradients, where there are several.
        in_rows: whether a piece is whole rows of a parameter that is alone.
        piece_size: how many elements a piece has, but for the last.
        scratch: two arrays for intermediate results of a piece, which all blocks share.
        pieces: the block in pieces, all of them ready for use.
        whole: the only run, when all are updated alike.
    """

    def __init__(self, params: Sequence[tg.Tensor], names: tuple[str, ...], scratch: Array) -> None:
        self.names = names
        self.size = size = sum(param.numel() for param in params)
        dtype = params[0].dtype
        self.state = {name: aligned(np.zeros, (size,), dtype) for name in names if name != "step"}
        self.steps = np.zeros(len(params), np.float32)
        self.unshown_steps = 0
        self.is_alike = False
        self.in_place = len(params) == 1 and params[0].is_contiguous()
        if self.in_place:
            self.param = params[0]._array.reshape(-1)
        else:
            self.param, self.grad = aligned(np.zeros, (size,), dtype), aligned(np.zeros, (size,), dtype)
        width = math.prod(params[0].shape[1:]) if self.in_place else 0
        self.in_rows = 0 < width <= _PIECE
        self.piece_size = _PIECE // width * width if self.in_rows else _PIECE
        self.scratch = scratch
        self.pieces = self._cut(0, size)
        self.whole = (Run(0, size, 0, False),)
        self.places: list[Place] = []
        self.views: list[tg.Tensor] = []
        start = 0
        for index, param in enumerate(params):
            place = Place(self, param, index, start)
            self.places.append(place)
            self.views += place.views.values()
            start = place.stop

    @property
    def has_all(self) -> bool:
        """Whether all the parameters are here, none of them elsewhere or in place."""
        return not self.in_place and not any(place.is_elsewhere for place in self.places)

    def pieces_of(self, run: Run) -> list[Piece]:
        """What a run covers, in pieces."""
        return self.pieces if run is self.whole[0] else self._cut(run.start, run.stop)

    def _cut(self, first: int, last: int) -> list[Piece]:
        pieces = []
        for start in range(first, last, self.piece_size):
            where = slice(start, min(start + self.piece_size, last))
            state = {name: array[where] for name, array in self.state.items()}
            pieces.append(Piece(where, self.param[where], state, *self.scratch[:, : where.stop - start]))
        return pieces

    def ready(self) -> Ready | None:
        """The places of the parameters that have a gradient, `places` itself if all have; None if one has moved."""
        ready = self.places
        for place in self.places:
            param = place.param
            if param._grad is None:
                if ready is self.places:
                    ready = [other for other in ready if other.param._grad is not None]
            elif place.array is not param._array:
                return None
        return ready

    def gather(self, ready: Ready) -> Array | LowRank:
        """Have the parameters in ``param``; return their gradients, as flat."""
        if self.in_place:
            grad = self.places[0].param._grad
            if isinstance(grad, LowRank) and self.in_rows:
                return grad
            return _array_of(grad).reshape(-1)
        for place in ready:
            if place.is_elsewhere:
                place.param_part[...] = place.array
            grad = place.param._grad
            place.grad_part[...] = grad if grad.__class__ is np.ndarray else _array_of(grad)
        return self.grad

    def add_gradients(self, ready: Ready, rate: float) -> bool:
        """``param += rate * grad`` with fewer passes over memory than `gather` and a rule; returns whether it was done.

        A step of softmax regression takes 0.95 of the time, one of 784-200-10 units with a batch of one 0.96.
        """
        if len(self.places) == 1:
            grad = self.places[0].param._grad
            if not (self.in_place and isinstance(grad, LowRank)):
                return False  # it may be large, and then piece by piece is best
            grad.add_to(self.param, rate, 1)
            return True
        if ready is not self.places:
            return False
        factor = np.array(rate, self.param.dtype)
        for place in ready:
            if place.is_elsewhere:
                place.param_part[...] = place.array
            grad = place.param._grad
            np.multiply(grad if grad.__class__ is np.ndarray else _array_of(grad), factor, out=place.grad_part)
        self.param += self.grad
        return True

    def scatter(self, ready: Ready) -> None:
        """Give the parameters the values that their copies now have, and note that they were changed."""
        now = tick()
        for place in ready:
            if place.is_elsewhere:
                place.array[...] = place.param_part
            counter = place.param._counter  # as `Tensor._touch` does
            counter[0] = now
            counter[1] += 1

    def flush(self, names: tuple[str, ...]) -> None:
        """Have what is negligible in these buffers become 0, before it is subnormal: too near to 0 for full precision.

        The average of gradients that are 0 by now, as those of inputs that are nearly always 0, shrinks until it is
        so small, and then stays there, for the smallest numbers times 0.9 are rounded to themselves. Processors take a
        hundred times as long for such operands. In the third epoch of 784-256-128-10 units on MNIST, a step of Adam
        takes 0.5 of the time with this, and one of SGD with momentum 0.4.
        """
        if self.param.dtype.itemsize == 2:
            return  # these are not so small; and NumPy computes with them in single precision
        negligible = _NEGLIGIBLE * np.finfo(self.param.dtype).smallest_normal
        for piece in self.pieces:
            for name in self.state.keys() & names:
                values = piece.state[name]
                values[np.abs(values, out=piece.scratch) < negligible] = 0

    def is_shown(self, state: Mapping[tg.Tensor, dict[str, Any]]) -> bool:
        """Whether all that is remembered of the parameters is views of this block's arrays.

        After a step it is, unless somebody put other tensors there. Takes 0.6 of the time of `Place.adopt` for each.
        """
        shown: list[tg.Tensor] = []
        for place in self.places:
            shown += state[place.param].values()
        return len(shown) == len(self.views) and all(map(is_, shown, self.views))

    def show_steps(self) -> None:
        """Have all updates that were counted in ``steps``."""
        if self.unshown_steps and "step" in self.names:
            self.steps += np.float32(self.unshown_steps)
        self.unshown_steps = 0

    def count(self, ready: Ready) -> list[float]:
        """Count one more update of these parameters, if updates are counted; return the counts of all."""
        if "step" in self.names:
            if ready is self.places:
                self.steps += _ONE
            else:
                self.steps[[place.index for place in ready]] += _ONE
        steps: list[float] = self.steps.tolist()
        return steps


class Piece(NamedTuple):
    """What the rule is given at a time, besides gradients: its part of parameters and state, and room to compute.

    Attributes:
        where: the elements of the block.
        param: these, of the parameters.
        state: for each name, the part of the block's array; and the number of the update under ``"step"``.
        scratch, adjusted: arrays of as many elements; the second for a gradient that differs from the parameter's.
    """

    where: slice
    param: Array
    state: dict[str, Any]
    scratch: Array
    adjusted: Array


class Place:
    """Where one parameter is in its block, and what shows its part of the block's arrays in its shape.

    Attributes:
        param, shape: the parameter, and its shape.
        array: the parameter's memory.
        is_elsewhere: whether that is not here, so that an update is one of a copy.
        param_part, grad_part: its part of the block's arrays, in its shape, where it is not updated in its own memory.
        index: of the parameter among those of the block.
        start, stop: its elements.
        views: what shows its state to the user.
    """

    def __init__(self, block: Block, param: tg.Tensor, index: int, start: int) -> None:
        self.param = param
        self.index = index
        self.start = start
        self.stop = start + param.numel()
        self.shape = param.shape
        self.is_elsewhere = False
        if not block.in_place:
            self.param_part, self.grad_part = self._part_of(block.param), self._part_of(block.grad)
            self.is_elsewhere = not self._move()
        self.array = param._array
        self.views = {name: tg.from_numpy(self._part_of(array)) for name, array in block.state.items()}
        if "step" in block.names:
            self.views = {"step": tg.from_numpy(block.steps[index, ...]), **self.views}

    def _move(self) -> bool:
        """Have the parameter's memory here from now on, if nobody can tell; return if so.

        To copy it to and fro at each update would take 0.03 of the time of a training step of a small network.
        """
        if _holds(self.param) not in _HOLDS_ALONE:
            return False
        self.param_part[...] = self.param._array
        self.param._array = self.param_part
        return True

    def _part_of(self, flat: Array) -> Array:
        return flat[self.start : self.stop].reshape(self.shape)

    def adopt(self, state: dict[str, Any]) -> bool:
        """See that the values in ``state`` are in the block, and its views in ``state``; return if some are new.

        What is new begins as 0.
        """
        if len(state) == len(self.views) and all(map(is_, state.values(), self.views.values())):
            return False
        is_new = False
        for name, view in self.views.items():
            value = state.get(name)
            if value is None:
                is_new = True
                value = 0.0
            elif isinstance(value, tg.Tensor):
                if value.shape != view.shape:
                    raise RuntimeError(
                        f"the optimizer's state {name!r} of a parameter of shape {list(self.shape)} has shape "
                        f"{list(value.shape)}, not {list(view.shape)}"
                    )
                value = value._array
            view._array[...] = value
            state[name] = view
        return is_new


class Run:
    """Neighbours in a block that have been updated equally often, so that one call of the rule updates them all."""

    __slots__ = ("is_new", "start", "step", "stop")

    def __init__(self, start: int, stop: int, step: float, is_new: bool) -> None:
        self.start = start
        self.stop = stop
        self.step = step
        self.is_new = is_new

    def continues(self, start: int, step: float, is_new: bool) -> bool:
        """Whether what starts there may join."""
        return self.stop == start and self.step == step and self.is_new == is_new


def _array_of(grad: Any) -> Array:
    """A gradient, in whichever form a tensor keeps it: an array, a tensor or `LowRank`."""
    return grad._array if isinstance(grad, tg.Tensor) else np.asarray(grad)


def _holds(param: tg.Tensor) -> tuple[Any, ...]:
    """How a parameter holds its memory: how many refer to the array and to its owner, and which of them owns it.

    ``carray`` is NumPy's name for an array that is contiguous in the order of C, aligned and writeable.
    """
    array = param._array
    owner = array if array.base is None else array.base
    owner_owns = owner.__class__ is np.ndarray and owner.flags.owndata
    return (getrefcount(array), getrefcount(owner), array.flags.carray, array.flags.owndata, owner_owns)


_HOLDS_ALONE = [_holds(tg.zeros(size)) for size in (1, 1000)]  # that nobody else has, in NumPy's memory and aligned
