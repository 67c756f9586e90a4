"""save and load: whatever is saved comes back, and no file is ever half a file."""

import io
import json
import math
import os
import stat
import struct
import sys
import threading
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.numpy as safetensors_numpy

import tinygrad_np as tg


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def round_trip(obj, path):
    tg.save(obj, path)
    return tg.load(path)


def write_raw(path, header, data):
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


# ---- tensors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"])
def test_every_dtype(dtype, path):
    values = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype)
    loaded = round_trip(tg.tensor(values), path)
    assert loaded.dtype == np.dtype(dtype)
    assert np.array_equal(loaded.numpy(), values)


@pytest.mark.parametrize(
    "tensor",
    [
        tg.tensor(3.5),
        tg.zeros(0),
        tg.zeros(2, 0, 3),
        tg.arange(6).reshape(2, 3).T,
        tg.arange(10)[::3],
        tg.from_numpy(np.arange(5)[::-1]),
        tg.ones(1).expand(4, 3),
        tg.tensor([math.nan, math.inf, -0.0]),
    ],
    ids=["0-d", "empty", "empty 3-d", "transposed", "strided", "reversed", "expanded", "special"],
)
def test_every_layout(tensor, path):
    loaded = round_trip({"x": tensor}, path)["x"]
    assert loaded.shape == tensor.shape
    assert loaded.numpy().tobytes() == tensor.numpy().tobytes()
    loaded.zero_()  # writable, and nobody else's memory


def test_values_only(path):
    parameter = tg.nn.Parameter(tg.ones(2))
    loaded = round_trip([parameter, parameter * 2], path)
    assert [type(tensor) for tensor in loaded] == [tg.Tensor] * 2
    assert not any(tensor.requires_grad for tensor in loaded)
    assert loaded[1].tolist() == [2, 2]


def test_shared_memory_is_saved_twice(path):
    x = tg.arange(4)
    loaded = round_trip({"whole": x, "part": x[1:3], "again": x}, path)
    assert loaded["part"].tolist() == [1, 2]
    loaded["whole"].zero_()
    assert loaded["again"].tolist() == [0, 1, 2, 3]


# ---- structure -----------------------------------------------------------------------------------------------------


def test_state_dict_is_a_file_anybody_can_read(path):
    state = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.Linear(2, 1)).state_dict()
    tg.save(state, path)
    foreign = safetensors_numpy.load_file(path)
    assert foreign.keys() == state.keys()
    for name, array in foreign.items():
        assert np.array_equal(array, state[name].numpy())


def test_files_of_others_can_be_read(path):
    safetensors_numpy.save_file({"a": np.arange(3), "b": np.ones((2, 2), "f4")}, path, metadata={"format": "np"})
    loaded = tg.load(path)
    assert loaded["a"].tolist() == [0, 1, 2]
    assert loaded["b"].dtype == tg.float32


def test_checkpoint(path):
    model = tg.nn.Linear(2, 1)
    optimizer = tg.optim.Adam(model.parameters(), lr=0.1)
    model(tg.ones(2)).sum().backward()
    optimizer.step()
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    loaded = round_trip(checkpoint, path)
    other = tg.nn.Linear(2, 1)
    other.load_state_dict(loaded["model"])
    restored = tg.optim.Adam(other.parameters())
    restored.load_state_dict(loaded["optimizer"])
    for net, opt in ((model, optimizer), (other, restored)):
        opt.zero_grad()
        net(tg.ones(2)).sum().backward()
        opt.step()
    assert other.weight.tolist() == model.weight.tolist()
    assert loaded["epoch"] == 3


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        -7,
        2**100,
        0.1,
        -0.0,
        math.inf,
        -math.inf,
        "text with \"quotes\", ünïcode, 'and' \n newlines \ud800",
        [],
        (),
        {},
        [1, [2, (3, [4])], {"x": (5,)}],
        {1: "int", "1": "str", 1.5: "float", None: "none", (1, "a"): "tuple"},
        {True: "bool"},
        {"tensor": "not a tensor", "tuple": [1], "dict": {}, "float": "nan"},
        {"b": 1, "a": 2},
    ],
    ids=repr,
)
def test_structures(obj, path):
    loaded = round_trip(obj, path)
    assert loaded == obj
    assert repr(loaded) == repr(obj)  # types, signs and order too


def test_nan(path):
    assert math.isnan(round_trip({"loss": math.nan}, path)["loss"])


def test_subclasses_come_back_as_the_plain_type(path):
    loaded = round_trip([OrderedDict(a=1), np.float32(0.5), np.int64(3), np.bool_(True), tg.zeros(2, 3).shape], path)
    assert loaded == [{"a": 1}, 0.5, 3, True, (2, 3)]
    assert [type(item) for item in loaded] == [dict, float, int, bool, tuple]


def test_names_that_collide(path):
    names = ["a.b", "", "__metadata__", 0, "0"]
    obj = {"a": {"b": tg.tensor(1)}} | {name: tg.tensor(i) for i, name in enumerate(names, start=2)}
    loaded = round_trip(obj, path)
    assert loaded["a"]["b"].item() == 1
    assert [loaded[key].item() for key in names] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("obj", "where"),
    [
        (object(), "an object of type object"),
        ({"a": [1, {2}]}, r"\['a'\]\[1\] of type set"),
        ({"model": tg.nn.ReLU()}, r"\['model'\] of type ReLU"),
        ({"x": 1j}, r"\['x'\] of type complex"),
        ({"x": np.ones(2)}, r"\['x'\] of type ndarray"),
        ({"a": {frozenset(): 1}}, r"\['a'\]\[frozenset\(\)\] of type frozenset"),
    ],
)
def test_what_cannot_be_saved(obj, where, path):
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=f"save: cannot store {where}"):
        tg.save(obj, path)
    assert path.read_bytes() == b"old"


# ---- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path])
def test_kinds_of_paths(kind, path):
    tg.save({"x": tg.ones(1)}, kind(path))
    assert tg.load(kind(path))["x"].item() == 1


def test_file_objects(path):
    buffer = io.BytesIO()
    tg.save([tg.ones(2), 3], buffer)
    buffer.seek(0)
    tensor, number = tg.load(buffer)
    assert (tensor.tolist(), number) == ([1, 1], 3)
    with open(path, "wb") as file:
        tg.save(3, file)
    with open(path, "rb") as file:
        assert tg.load(file) == 3


def test_missing_file(path):
    with pytest.raises(FileNotFoundError, match=r"file\.safetensors"):
        tg.load(path)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder: .*absent"):
        tg.save(1, tmp_path / "absent" / "file.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 8, 40, -1])
def test_truncated_file(kept, path):
    tg.save({"x": tg.ones(10)}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RuntimeError, match=r"load: '.*file.safetensors' is not a whole safetensors file .* cut short"):
        tg.load(path)


@pytest.mark.parametrize("content", [b"just some text, long enough for a header", b'{"json": true}' * 10])
def test_foreign_file(content, path):
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"'.*file.safetensors' is not a whole safetensors file .* another format"):
        tg.load(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(100), b"\x80\x02" + bytes(100)])
def test_pickles_are_recognised_and_not_run(content, path):
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=r"looks like a pickle written by torch\.save"):
        tg.load(path)


def test_dtype_that_is_not_there(path):
    write_raw(path, {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, bytes(4))
    with pytest.raises(RuntimeError, match=r"file.safetensors': tensor 'w' is of dtype BF16; supported are BOOL, U8"):
        tg.load(path)


@pytest.mark.parametrize(
    "structure", ["{", '{"tensor":"absent"}', '{"unknown":1}', "{}", '{"dict":[1]}', '{"a":1,"b":2}', '{"tensor":[]}']
)
def test_damaged_structure(structure, path):
    safetensors_numpy.save_file({"w": np.ones(1)}, path, metadata={"tinygrad_np.structure": structure})
    with pytest.raises(RuntimeError, match=r"the structure in the metadata of '.*file.safetensors' does not fit"):
        tg.load(path)


def test_failed_write_keeps_the_old_file(path, monkeypatch):
    tg.save({"x": tg.ones(1)}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        tg.save({"x": tg.zeros(1)}, path)
    assert tg.load(path)["x"].item() == 1
    assert os.listdir(path.parent) == [path.name]


def test_symbolic_link_stays_one(path, tmp_path):
    tg.save(1, path)
    link = tmp_path / "latest"
    link.symlink_to(path)
    tg.save(2, link)
    assert link.is_symlink()
    assert tg.load(path) == 2


def test_permissions_stay(path):
    tg.save(1, path)
    os.chmod(path, 0o600)
    tg.save(2, path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_pipe_is_written_to_and_not_replaced(path):
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    tg.save([tg.ones(2), 3], path)
    reader.join()
    assert path.is_fifo()
    tensor, number = tg.load(io.BytesIO(read[0]))
    assert (tensor.tolist(), number) == ([1, 1], 3)


def test_a_long_name(tmp_path):
    path = tmp_path / ("x" * 255)
    tg.save(3, path)
    assert tg.load(path) == 3


def test_a_file_that_takes_a_part_at_a_time():
    class Slow(io.BytesIO):
        def write(self, content):
            return super().write(content[:100])

    class Full(io.BytesIO):
        def write(self, content):
            return super().write(content[: 100 - self.tell()])

    slow = Slow()
    tg.save(tg.arange(1000), slow)
    slow.seek(0)
    assert tg.load(slow).equal(tg.arange(1000))
    with pytest.raises(OSError, match="the file takes no more"):
        tg.save(tg.arange(1000), Full())


def test_without_safetensors_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: tg.save(1, path), lambda: tg.load(path)):
        with pytest.raises(ImportError, match=r"tinygrad-np\[examples\]"):
            call()
    assert not path.exists()
