"""datasets.MNIST, on small IDX files written here and on the real ones that come with the repository."""

import functools
import gzip
import hashlib
import http.server
import math
import os
import re
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.datasets import MNIST
from tinygrad_np.datasets.mnist import read_idx
from tinygrad_np.utils.data import DataLoader

SHIPPED = Path(__file__).parents[2] / "examples" / "data"
TYPE_CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    """The array in IDX format, written from the format's description, not with the reader's tables."""
    header = bytes([0, 0, TYPE_CODES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def small_split(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count, np.uint8)


TRAIN_IMAGES, TRAIN_LABELS = small_split(12, seed=0)
TEST_IMAGES, TEST_LABELS = small_split(5, seed=1)
SMALL_FILES = {
    "train-images-idx3-ubyte.gz": pack(idx_bytes(TRAIN_IMAGES)),
    "train-labels-idx1-ubyte.gz": pack(idx_bytes(TRAIN_LABELS)),
    "t10k-images-idx3-ubyte.gz": pack(idx_bytes(TEST_IMAGES)),
    "t10k-labels-idx1-ubyte.gz": pack(idx_bytes(TEST_LABELS)),
}


def write_small(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in SMALL_FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """``tmp_path/MNIST/raw`` with four small packed files: 12 training and 5 test samples."""
    return write_small(tmp_path / "MNIST" / "raw")


# -- reading -------------------------------------------------------------------------------------------------


def test_reads_the_split_asked_for(raw, tmp_path):
    train, test = MNIST(tmp_path), MNIST(tmp_path, train=False)
    assert train.train
    assert not test.train
    np.testing.assert_array_equal(train.data.numpy(), TRAIN_IMAGES)
    np.testing.assert_array_equal(train.targets.numpy(), TRAIN_LABELS)
    np.testing.assert_array_equal(test.data.numpy(), TEST_IMAGES)
    np.testing.assert_array_equal(test.targets.numpy(), TEST_LABELS)


@pytest.mark.parametrize(
    ("train", "count", "first_labels"), [(True, 60_000, [5, 0, 4, 1, 9]), (False, 10_000, [7, 2, 1, 0, 4])]
)
def test_reads_the_real_files(train, count, first_labels):
    digits = MNIST(SHIPPED, train=train)
    assert len(digits) == count
    assert digits.data.shape == (count, 28, 28)
    assert digits.data.dtype == tg.uint8
    assert digits.targets.shape == (count,)
    assert digits.targets.dtype == tg.int64
    assert digits.targets[:5].tolist() == first_labels
    assert np.unique(digits.targets.numpy()).tolist() == list(range(10))
    # Mean and spread of the training pixels, 0.1307 and 0.3081 of full scale, are the well-known constants.
    if train:
        pixels = digits.data.numpy() / np.float32(255)
        assert (round(float(pixels.mean()), 4), round(float(pixels.std()), 4)) == (0.1307, 0.3081)


def test_unpacked_files_are_read_and_win(raw, tmp_path):
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        packed = raw / f"{name}.gz"
        (raw / name).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.write_bytes(b"not read")
    np.testing.assert_array_equal(MNIST(tmp_path).data.numpy(), TRAIN_IMAGES)


def test_root_may_be_a_string_and_start_at_home(raw, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(MNIST("~")) == 12
    assert MNIST("~").raw_folder == raw


def test_data_is_writable(raw, tmp_path):
    digits = MNIST(tmp_path)
    digits.data[0] = 7
    assert (digits.data.numpy()[0] == 7).all()


def test_an_empty_split_is_legal(raw, tmp_path):
    images, labels = small_split(0, seed=0)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(pack(idx_bytes(images)))
    (raw / "train-labels-idx1-ubyte.gz").write_bytes(pack(idx_bytes(labels)))
    assert len(MNIST(tmp_path)) == 0


# -- samples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 11, -1, -12, np.int64(3)])
def test_a_sample_is_an_image_and_an_int(raw, tmp_path, index):
    image, digit = MNIST(tmp_path)[index]
    assert isinstance(image, tg.Tensor)
    assert image.dtype == tg.uint8
    np.testing.assert_array_equal(image.numpy(), TRAIN_IMAGES[index])
    assert type(digit) is int
    assert digit == TRAIN_LABELS[index]


@pytest.mark.parametrize("index", [12, -13])
def test_an_index_beyond_the_end_is_an_error(raw, tmp_path, index):
    with pytest.raises(IndexError, match=f"index {index} is out of range for 12 samples"):
        MNIST(tmp_path)[index]


def test_an_index_that_is_no_integer_is_an_error(raw, tmp_path):
    with pytest.raises(TypeError, match="float"):
        MNIST(tmp_path)[1.0]


def test_iteration_ends(raw, tmp_path):
    assert [digit for _, digit in MNIST(tmp_path)] == TRAIN_LABELS.tolist()


def test_transforms_are_applied_to_each_sample(raw, tmp_path):
    digits = MNIST(tmp_path, transform=lambda image: image.float() / 255, target_transform=lambda digit: digit + 100)
    image, digit = digits[3]
    assert image.dtype == tg.float32
    np.testing.assert_allclose(image.numpy(), TRAIN_IMAGES[3] / np.float32(255))
    assert digit == TRAIN_LABELS[3] + 100


def test_names_of_the_classes(raw, tmp_path):
    digits = MNIST(tmp_path)
    assert digits.classes[0] == "0 - zero"
    assert digits.class_to_idx["9 - nine"] == 9
    assert list(digits.class_to_idx) == digits.classes


def test_repr(raw, tmp_path):
    assert repr(MNIST(tmp_path)) == (
        f"Dataset MNIST\n    Number of datapoints: 12\n    Root location: {tmp_path}\n    Split: Train"
    )
    test = MNIST(tmp_path, train=False, transform=abs, target_transform=float)
    assert repr(test).splitlines()[3:] == [
        "    Split: Test",
        "    Transform: <built-in function abs>",
        "    Target transform: <class 'float'>",
    ]


# -- batches -------------------------------------------------------------------------------------------------


def test_a_batch_is_fetched_at_once(raw, tmp_path):
    indices = np.array([4, 0, 11, 4])
    images, targets = MNIST(tmp_path).fetch_batch(indices)
    np.testing.assert_array_equal(images.numpy(), TRAIN_IMAGES[indices])
    np.testing.assert_array_equal(targets.numpy(), TRAIN_LABELS[indices])
    assert (images.dtype, targets.dtype) == (tg.uint8, tg.int64)


@pytest.mark.parametrize("which", ["transform", "target_transform"])
def test_with_a_transform_items_are_fetched_one_by_one(raw, tmp_path, which):
    assert MNIST(tmp_path, **{which: lambda item: item}).fetch_batch(np.array([0])) is None


def test_dataloader_takes_batches(raw, tmp_path, monkeypatch):
    digits = MNIST(tmp_path)
    monkeypatch.setattr(MNIST, "__getitem__", lambda self, index: pytest.fail("fetched one item"))
    batches = list(DataLoader(digits, batch_size=5))
    assert [tuple(images.shape) for images, _ in batches] == [(5, 28, 28), (5, 28, 28), (2, 28, 28)]
    np.testing.assert_array_equal(np.concatenate([images.numpy() for images, _ in batches]), TRAIN_IMAGES)
    np.testing.assert_array_equal(np.concatenate([targets.numpy() for _, targets in batches]), TRAIN_LABELS)


def test_dataloader_gives_the_same_batches_item_by_item(raw, tmp_path):
    plain = MNIST(tmp_path)
    item_by_item = MNIST(tmp_path, transform=lambda image: image)
    for whole, collated in zip(DataLoader(plain, batch_size=5), DataLoader(item_by_item, batch_size=5), strict=True):
        for left, right in zip(whole, collated, strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left.numpy(), right.numpy())


# -- missing and damaged files -------------------------------------------------------------------------------


def test_missing_files_say_what_was_looked_for_and_what_to_do(tmp_path):
    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True") as error:
        MNIST(tmp_path)
    assert str(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz") in str(error.value)


def test_only_the_split_asked_for_needs_to_be_there(raw, tmp_path):
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    assert len(MNIST(tmp_path)) == 12
    with pytest.raises(RuntimeError, match=r"t10k-labels-idx1-ubyte\.gz"):
        MNIST(tmp_path, train=False)


def flip_a_crc_byte(packed: bytes) -> bytes:
    return packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:]


IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TOO_LARGE_A_LABEL = np.where(np.arange(12) == 7, 10, TRAIN_LABELS).astype(np.uint8)
DAMAGES = {
    "cut short": (IMAGES, SMALL_FILES[IMAGES][:1000], "expected a whole gzip file, found 1,000 bytes"),
    "empty": (IMAGES, b"", "expected an IDX header .*found the bytes of an empty file"),
    "not gzip": (IMAGES, b"<html>404</html>", "expected a whole gzip file, found 16 bytes"),
    "bad checksum": (LABELS, flip_a_crc_byte(SMALL_FILES[LABELS]), "that do not unpack .*CRC"),
    "bad deflate stream": (LABELS, SMALL_FILES[LABELS][:10] + b"\xff" * 40, "that do not unpack"),
    "followed by rubbish": (LABELS, SMALL_FILES[LABELS] + b"rubbish", "that do not unpack"),
    "wrong magic": (LABELS, pack(b"\1\0\x08\1" + b"\0" * 8), "an IDX header .*found the bytes 01 00 08 01"),
    "unknown element type": (LABELS, pack(b"\0\0\x0a\1" + b"\0" * 8), "found the bytes 00 00 0a 01"),
    "cut in the magic": (LABELS, pack(b"\0\0"), "found the bytes 00 00"),
    "cut in the header": (IMAGES, pack(b"\0\0\x08\3\0\0\0\1"), "header of 16 bytes, found a file of 8"),
    "too few elements": (
        IMAGES,
        pack(idx_bytes(TRAIN_IMAGES)[:-1]),
        r"expected 9,408 bytes of elements, as its header states for uint8 \(12, 28, 28\), found 9,407",
    ),
    "too many elements": (LABELS, pack(idx_bytes(TRAIN_LABELS) + b"\0"), "expected 12 bytes .*found 13"),
    "images of another size": (
        IMAGES,
        pack(idx_bytes(np.zeros((12, 32, 32), np.uint8))),
        r"expected uint8 images of shape \(N, 28, 28\), found uint8 \(12, 32, 32\)",
    ),
    "images of another type": (
        IMAGES,
        pack(idx_bytes(TRAIN_IMAGES.astype(np.float32))),
        r"found float32 \(12, 28",
    ),
    "labels where images belong": (IMAGES, SMALL_FILES[LABELS], r"found uint8 \(12,\)"),
    "images where labels belong": (
        LABELS,
        SMALL_FILES[IMAGES],
        r"uint8 labels of shape \(N,\), found uint8 \(12, 28",
    ),
    "labels of another type": (
        LABELS,
        pack(idx_bytes(TRAIN_LABELS.astype(np.int32))),
        r"found int32 \(12,\)",
    ),
    "fewer labels than images": (LABELS, pack(idx_bytes(TRAIN_LABELS[:9])), "expected 12 labels.*found 9"),
    "a label that is no digit": (
        LABELS,
        pack(idx_bytes(TOO_LARGE_A_LABEL)),
        "expected labels from 0 to 9, found label 10 at index 7",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named_with_what_was_found_and_what_to_do(raw, tmp_path, name, content, message):
    (raw / name).write_bytes(content)
    with pytest.raises(RuntimeError, match=message) as error:
        MNIST(tmp_path)
    assert str(error.value).startswith(f"{raw / name} is damaged: ")
    assert "Delete it and pass download=True" in str(error.value)


# -- the IDX format ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPE_CODES)
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 0, 2), (2, 3, 4)])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_read_idx_reads_every_type_and_rank(tmp_path, dtype, shape, suffix):
    array = np.random.default_rng(0).uniform(0, 100, shape).astype(dtype)
    path = tmp_path / f"array{suffix}"
    path.write_bytes(pack(idx_bytes(array)) if suffix else idx_bytes(array))
    found = read_idx(str(path))
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array, strict=True)


@pytest.mark.parametrize("sizes", [[1] * 100, [0] + [2**32 - 1] * 3])
def test_read_idx_of_a_shape_that_no_array_has(tmp_path, sizes):
    path = tmp_path / "huge"
    path.write_bytes(
        bytes([0, 0, 0x08, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + b"\0" * math.prod(sizes)
    )
    with pytest.raises(RuntimeError, match="a shape that an array can have"):
        read_idx(path)


def test_read_idx_of_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


# -- downloading ---------------------------------------------------------------------------------------------


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and notes the paths asked for. Under ``garbled/`` and ``short/`` it serves badly."""

    def do_GET(self):
        self.server.requested.append(self.path)
        if self.path.startswith("/garbled/"):
            self.wfile.write(b"this is not HTTP\r\n\r\n")
        elif self.path.startswith("/short/"):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"the connection closes here")
        else:
            super().do_GET()

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """A local web server: ``good/`` serves the four small files, ``bad/`` other bytes under their names."""
    site = tmp_path / "site"
    write_small(site / "good")
    (site / "bad").mkdir()
    for name in SMALL_FILES:
        (site / "bad" / name).write_bytes(b"<html>moved</html>")
    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.requested = []
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def use_mirrors(server, monkeypatch):
    """Called with folders of the server, makes them MNIST's mirrors, the small files its published ones."""
    md5s = [(name, hashlib.md5(content).hexdigest()) for name, content in SMALL_FILES.items()]
    monkeypatch.setattr(MNIST, "resources", md5s)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def use(*folders: str) -> None:
        urls = [f"http://127.0.0.1:{server.server_port}/{folder}/" for folder in folders]
        monkeypatch.setattr(MNIST, "mirrors", urls)

    return use


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_download_fetches_all_four_files_under_a_progress_bar(use_mirrors, tmp_path, capsys):
    use_mirrors("good")
    digits = MNIST(tmp_path / "new" / "root", download=True)
    np.testing.assert_array_equal(digits.data.numpy(), TRAIN_IMAGES)
    assert files_in(digits.raw_folder) == SMALL_FILES
    assert re.search(r"train-images-idx3-ubyte\.gz: +100%", capsys.readouterr().err)


def test_download_fetches_only_what_is_missing(use_mirrors, raw, tmp_path, server):
    use_mirrors("good")
    (raw / "t10k-images-idx3-ubyte.gz").unlink()
    MNIST(tmp_path, download=True)
    assert server.requested == ["/good/t10k-images-idx3-ubyte.gz"]
    assert files_in(raw) == SMALL_FILES


def test_download_takes_an_unpacked_file_for_a_packed_one(use_mirrors, raw, tmp_path, server):
    use_mirrors("good")
    packed = raw / "train-labels-idx1-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert len(MNIST(tmp_path, download=True)) == 12
    assert server.requested == []


def test_download_replaces_a_damaged_file(use_mirrors, raw, tmp_path, server):
    use_mirrors("good")
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"half a fi")
    MNIST(tmp_path, download=True)
    assert server.requested == ["/good/train-images-idx3-ubyte.gz"]
    assert files_in(raw) == SMALL_FILES


@pytest.mark.parametrize("first", ["nowhere", "bad", "garbled", "short"])
def test_download_goes_on_to_the_next_mirror(use_mirrors, tmp_path, first):
    use_mirrors(first, "good")
    assert files_in(MNIST(tmp_path, download=True).raw_folder) == SMALL_FILES


def test_download_goes_on_when_a_mirror_does_not_answer(use_mirrors, tmp_path):
    use_mirrors("good")
    MNIST.mirrors.insert(0, "http://127.0.0.1:1/")  # nothing listens there
    assert files_in(MNIST(tmp_path, download=True).raw_folder) == SMALL_FILES


def test_when_all_mirrors_fail_the_error_says_how_each_did(use_mirrors, tmp_path):
    use_mirrors("nowhere", "bad")
    with pytest.raises(RuntimeError, match="could not download") as error:
        MNIST(tmp_path, download=True)
    raw = tmp_path / "MNIST" / "raw"
    message = str(error.value)
    name, content = next(iter(SMALL_FILES.items()))
    assert str(raw / name) in message
    assert re.search(rf"/nowhere/{re.escape(name)}: HTTP Error 404", message)
    expected, found = hashlib.md5(content).hexdigest(), hashlib.md5(b"<html>moved</html>").hexdigest()
    assert f"/bad/{name}: expected MD5 {expected}, found {found} in the 18 bytes it sent" in message
    assert files_in(raw) == {}


def test_a_failed_download_leaves_the_old_file_as_it_was(use_mirrors, raw, tmp_path):
    use_mirrors("bad")
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"half a fi")
    with pytest.raises(RuntimeError, match="could not download"):
        MNIST(tmp_path, download=True)
    assert files_in(raw) == SMALL_FILES | {"train-images-idx3-ubyte.gz": b"half a fi"}


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_stops_half_way_leaves_nothing(use_mirrors, tmp_path, monkeypatch, step, failure):
    use_mirrors("good")
    beside = []

    def stop(*args):
        beside.extend(path.name for path in (tmp_path / "MNIST" / "raw").iterdir())
        raise failure

    monkeypatch.setattr(os, step, stop)
    with pytest.raises(failure if isinstance(failure, type) else type(failure)):
        MNIST(tmp_path, download=True)
    # It was written beside its place, under another name, when it stopped.
    assert len(beside) == 1
    assert beside[0] not in SMALL_FILES
    assert files_in(tmp_path / "MNIST" / "raw") == {}


def test_download_without_tqdm_names_the_extra(use_mirrors, tmp_path, monkeypatch, server):
    use_mirrors("good")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=re.escape('pip install "tinygrad-np[examples]"')):
        MNIST(tmp_path, download=True)
    assert server.requested == []


def test_the_published_sums_are_those_of_the_shipped_files():
    raw = SHIPPED / "MNIST" / "raw"
    assert {name: hashlib.md5((raw / name).read_bytes()).hexdigest() for name, _ in MNIST.resources} == dict(
        MNIST.resources
    )
