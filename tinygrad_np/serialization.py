"""Saving and loading: tensors, and the dicts and lists they stand in, as one safetensors file.

Not as a pickle, as PyTorch's own files are: unpickling runs whatever code a file names, so that weights from a stranger
are a stranger's program. A safetensors file holds numbers and text, nothing that is run, and any framework can read it.

What the format has no place for, the structure around the tensors, goes as JSON into the file's metadata. There None,
booleans, integers, strings and finite floats stand for themselves, and lists for lists; the rest is an object of one
entry: ``{"tensor": name}``, ``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}`` or ``{"float": "inf"}``.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinygrad_np import dtypes
from tinygrad_np.files import write_atomically
from tinygrad_np.ops import creation
from tinygrad_np.tensor import Tensor

__all__ = ["save", "load"]

File: TypeAlias = str | os.PathLike[str] | BinaryIO
JSON: TypeAlias = Any

_STRUCTURE = "tinygrad_np.structure"  # the entry of the metadata
_DTYPES = {
    "BOOL" if dtype == dtypes.bool_ else f"{dtype.kind.upper()}{8 * dtype.itemsize}": dtype for dtype in dtypes.ALL
}


def save(obj: Any, f: File) -> None:
    """Write tensors, and what holds them, to a safetensors file.

    A dict of tensors, such as a `state_dict`, becomes a file that any reader of safetensors understands; so does
    anything else, but such a reader finds only the tensors, under dotted names.

    Args:
        obj: Tensors, numbers, strings and None, in dicts, lists and tuples nested in any way. Dict keys may be
            numbers, strings, None, or tuples of them. Tensors are saved as values: their place in a graph and
            ``requires_grad`` are not kept, and two that share memory are written twice. Subclasses of these types
            (a Parameter, an OrderedDict) come back as the plain type, NumPy's scalars as Python's numbers.
        f: A path, or a binary file open for writing. If anything fails, what was at the path before is still there.

    Raises:
        ImportError: If safetensors, from the extra ``examples``, is not installed.
        TypeError: If ``obj`` holds anything else; the message says what and where.
        OSError: If the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> import tinygrad_np as tg
        >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint.safetensors")
        >>> tg.save({"model": {"bias": tg.zeros(2)}, "epoch": 3}, path)
        >>> tg.load(path)
        {'model': {'bias': tensor([0., 0.])}, 'epoch': 3}
    """
    _import_safetensors()
    from safetensors.numpy import save as to_bytes

    arrays: dict[str, NDArray[Any]] = {}
    structure = json.dumps(_packed(obj, (), arrays), separators=(",", ":"), allow_nan=False)
    content = to_bytes(arrays, metadata={_STRUCTURE: structure})
    if not isinstance(f, str | os.PathLike):
        _write_all(f, content)
        return
    path = Path(f)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "save: there is no folder", str(path.parent))
    write_atomically(path, content)


def _write_all(file: BinaryIO, content: bytes) -> None:
    """Write all of ``content`` to a file, which may take less than it is given if it is not buffered."""
    while content:
        written: int | None = file.write(content)
        if written == 0:
            raise OSError(errno.EIO, "save: the file takes no more")
        content = content[written:] if written is not None else b""  # who does not say has taken all


def load(f: File) -> Any:
    """Read what `save` wrote, or any other safetensors file: that gives a dict of its tensors.

    Args:
        f: A path, or a binary file open for reading.

    Returns:
        What was saved, with new tensors, none of which requires grad.

    Raises:
        ImportError: If safetensors, from the extra ``examples``, is not installed.
        OSError: If the file cannot be read.
        RuntimeError: If it is cut short, damaged, of another format, or has tensors of a dtype that is not supported.

    Example:
        >>> import io
        >>> import tinygrad_np as tg
        >>> file = io.BytesIO()
        >>> tg.save({"weight": tg.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> tg.load(file)
        {'weight': tensor([1., 1.])}
    """
    _import_safetensors()
    from safetensors import SafetensorError, deserialize

    if isinstance(f, str | os.PathLike):
        source, content = repr(os.fspath(f)), Path(f).read_bytes()
    else:
        source, content = repr(f), f.read()
    try:
        views = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise RuntimeError(f"load: {source} is not a whole safetensors file ({error}){_hint(content)}") from None
    tensors = {name: _tensor(name, view, source) for name, view in views}
    structure = _metadata(content).get(_STRUCTURE)
    if structure is None:
        return tensors
    try:
        return _unpacked(json.loads(structure), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise RuntimeError(
            f"load: the structure in the metadata of {source} does not fit its tensors ({error!r}); "
            "safetensors itself can still read them"
        ) from error


# ---- the structure around the tensors ------------------------------------------------------------------------------


def _packed(value: Any, path: tuple[Any, ...], arrays: dict[str, NDArray[Any]]) -> JSON:
    """``value`` as JSON. The arrays of its tensors are added to ``arrays``, under names made of their paths."""
    if isinstance(value, Tensor):
        name = _free_name(".".join(map(str, path)) or "tensor", arrays)
        # The format knows the order of C only. (`ascontiguousarray` would make 1-d of 0-d.)
        arrays[name] = np.asarray(value.detach().numpy(), order="C")
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[_packed_key(k, (*path, k)), _packed(v, (*path, k), arrays)] for k, v in value.items()]}
    if isinstance(value, tuple | list):
        items = [_packed(v, (*path, i), arrays) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    return _packed_scalar(value, path)


def _packed_key(key: Any, path: tuple[Any, ...]) -> JSON:
    if isinstance(key, tuple):
        return {"tuple": [_packed_key(k, path) for k in key]}
    return _packed_scalar(key, path)


def _packed_scalar(value: Any, path: tuple[Any, ...]) -> JSON:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    where = "".join(f"[{key!r}]" for key in path) or "an object"
    raise TypeError(
        f"save: cannot store {where} of type {type(value).__name__}: only tensors, numbers, strings, None, and dicts, "
        "lists and tuples of them"
    )


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    """``name``, or if it is taken, or means something to the format, a name like it."""
    while name in taken or name == "__metadata__":
        name += "_"
    return name


def _unpacked(node: JSON, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_packed`."""
    if isinstance(node, list):
        return [_unpacked(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    ((tag, content),) = node.items()
    match tag:
        case "tensor":
            return tensors[content]
        case "tuple":
            return tuple(_unpacked(item, tensors) for item in content)
        case "dict":
            return {_unpacked(key, tensors): _unpacked(value, tensors) for key, value in content}
        case "float":
            return float(content)
        case _:
            raise ValueError(f"unknown entry {tag!r}")


# ---- the file ------------------------------------------------------------------------------------------------------


def _tensor(name: str, view: Mapping[str, Any], source: str) -> Tensor:
    dtype = _DTYPES.get(view["dtype"])
    if dtype is None:
        raise RuntimeError(
            f"load: {source}: tensor {name!r} is of dtype {view['dtype']}; supported are {', '.join(_DTYPES)}"
        )
    array = np.frombuffer(view["data"], dtype).reshape(view["shape"])
    return creation.from_numpy(array if array.flags.writeable else array.copy())  # it is, of a bytearray


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a valid file: an entry of its header, which is JSON, after the header's length in 8 bytes."""
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return metadata


def _hint(content: bytes) -> str:
    """What else the file might be."""
    if content.startswith((b"PK\x03\x04", b"\x80\x02")):
        return ": it looks like a pickle written by torch.save; write it with safetensors.torch.save_file instead"
    return ": it was cut short, is damaged, or is of another format"


def _import_safetensors() -> None:
    try:
        import safetensors.numpy  # noqa: F401
    except ImportError as error:
        raise ImportError('save and load need safetensors: pip install "tinygrad-np[examples]"') from error
