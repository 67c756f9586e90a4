"""The state of a module: its parameters and persistent buffers by name, and how such a state is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tinygrad_np.autograd import no_grad
from tinygrad_np.nn.parameter import Parameter
from tinygrad_np.tensor import Tensor

if TYPE_CHECKING:
    from tinygrad_np.nn.module import Module


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` returns: the names that were missing, and those that were too many."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class _Entry(NamedTuple):
    """Where a tensor of the state lives."""

    module: Module
    name: str
    tensor: Tensor


def named_state(module: Module, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Pairs of dotted name and parameter or persistent buffer; a tensor that has several names comes under each."""
    for key, entry in _entries(module).items():
        yield prefix + key, entry.tensor


def load_state(module: Module, state: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """What `Module.load_state_dict` documents. First all is checked, then all is copied."""
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    entries = _entries(module)
    keys = IncompatibleKeys([k for k in entries if k not in state], [k for k in state if k not in entries])
    errors = []
    if strict and keys.unexpected_keys:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(keys.unexpected_keys)}. ")
    if strict and keys.missing_keys:
        errors.insert(0, f"Missing key(s) in state_dict: {_quoted(keys.missing_keys)}. ")
    found = {key: state[key] for key in entries if key in state}
    errors += [error for key, value in found.items() if (error := _mismatch(key, entries[key].tensor, value))]
    if errors:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors))
    if assign:
        for entry, tensor in [(entries[key], _standing_in(entries[key].tensor, found[key])) for key in found]:
            setattr(entry.module, entry.name, tensor)
    else:
        with no_grad():
            for key, value in found.items():
                entries[key].tensor.copy_(value)
    return keys


def _entries(module: Module) -> dict[str, _Entry]:
    """By dotted name, each tensor of the state: a module's parameters, its persistent buffers, then its children's."""
    entries = {}
    for prefix, submodule in module.named_modules(remove_duplicate=False):
        for name, tensor in submodule._own("parameter") + submodule._own("buffer"):
            entries[f"{prefix}.{name}" if prefix else name] = _Entry(submodule, name, tensor)
    return entries


def _mismatch(key: str, tensor: Tensor, value: Any) -> str | None:
    """Why ``value`` cannot be loaded into ``tensor``, if so."""
    if not isinstance(value, Tensor):
        return f'While copying the parameter named "{key}", expected Tensor from checkpoint but received {type(value)}'
    if value.shape != tensor.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the shape in current "
            f"model is {tensor.shape}."
        )
    return None


def _standing_in(tensor: Tensor, value: Tensor) -> Tensor:
    """``value`` as it can take the place of ``tensor``."""
    if not isinstance(tensor, Parameter):
        return value
    if not isinstance(value, Parameter):
        return Parameter(value, tensor.requires_grad)
    return value.requires_grad_(tensor.requires_grad)


def _quoted(keys: Iterable[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
