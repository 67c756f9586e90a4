"""Importing the package: what it brings along, and what it offers."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinygrad_np as tg

ROOMS = ["autograd", "datasets", "nn", "nn.functional", "optim", "random", "testing", "utils.data"]


def run(code):
    """The words that a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="module")
def imported():
    """The modules that are imported with the package, besides NumPy's own."""
    return run("import sys, numpy; before = set(sys.modules); import tinygrad_np; print(*(set(sys.modules) - before))")


def test_import_needs_nothing_but_numpy_and_the_standard_library(imported):
    packages = {name.partition(".")[0] for name in imported}
    assert "tinygrad_np" in packages
    assert packages - {"tinygrad_np", "numpy"} <= sys.stdlib_module_names


def test_import_leaves_for_later_what_takes_long(imported):
    slow = {
        "numpy.random",
        "tinygrad_np.datasets",
        "tinygrad_np.testing",
        "hypothesis",
        "safetensors",
        "urllib.request",
    }
    assert slow.isdisjoint(imported)


def test_rooms_need_no_import_of_their_own():
    names = ", ".join(f"tg.{room}.__name__" for room in ROOMS)
    assert len(run(f"import tinygrad_np as tg; print({names})")) == len(ROOMS)


def test_rooms_can_be_imported_first():
    for room in ("datasets", "testing"):
        assert run(f"import tinygrad_np.{room} as room; print(room.__name__)") == [f"tinygrad_np.{room}"]


def test_all_names_exist_and_are_listed():
    assert len(set(tg.__all__)) == len(tg.__all__)
    for name in tg.__all__:
        assert hasattr(tg, name), name
    assert set(tg.__all__) <= set(dir(tg))
    with pytest.raises(AttributeError, match="module 'tinygrad_np' has no attribute 'cuda'"):
        tg.cuda  # noqa: B018


def test_all_ops_that_are_there_are_listed():
    ops = {n for n, value in vars(tg).items() if getattr(value, "__module__", "").startswith("tinygrad_np.ops")}
    assert len(ops) > 150
    assert {name for name in ops if not name.startswith("_")} <= set(tg.__all__)


def test_the_builtins_names_are_dtypes():
    assert (tg.bool, tg.int, tg.float, tg.long, tg.double) == (tg.bool_, tg.int32, tg.float32, tg.int64, tg.float64)
    assert tg.finfo(tg.float32).eps == 2.0**-23
    assert tg.iinfo(tg.int8).max == 127


def test_version():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert tg.__version__ == project["version"]


def test_predicates():
    assert tg.is_tensor(tg.ones(1))
    assert not tg.is_tensor([1.0])
    assert tg.is_floating_point(tg.ones(1, dtype=tg.float16))
    assert not tg.is_floating_point(tg.ones(1, dtype=tg.int64))
    assert tg.numel(tg.ones(2, 3)) == 6
    for function in (tg.is_floating_point, tg.numel):
        with pytest.raises(TypeError, match="argument 'input' must be Tensor, not list"):
            function([1.0])
