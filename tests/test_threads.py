"""Large work in several threads, and BLAS with one: results stay as they are. Threads of the user: autograd/."""

import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import blas
from tinygrad_np.nn import functional as F
from tinygrad_np.threads import in_parts


@pytest.fixture(autouse=True)
def _restore():
    before = tg.get_num_threads()
    yield
    tg.set_num_threads(before)


def default_count(**variables):
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | variables
    code = "import tinygrad_np as tg; print(tg.get_num_threads())"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment).stdout)


def test_number_of_threads_is_that_of_the_environment_or_of_the_processors():
    assert default_count(OMP_NUM_THREADS="3", OPENBLAS_NUM_THREADS="5") == 3
    assert default_count(OPENBLAS_NUM_THREADS="5") == 5
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert default_count() == default_count(OMP_NUM_THREADS="many") == processors


def test_number_of_threads_is_positive():
    with pytest.raises(RuntimeError, match="positive integer, but got 0"):
        tg.set_num_threads(0)
    before = tg.get_num_threads()
    for wrong in (2.5, "2"):
        with pytest.raises(TypeError):
            tg.set_num_threads(wrong)
    assert tg.get_num_threads() == before


@pytest.mark.parametrize(
    ("threads", "size", "least", "expected"),
    [
        (1, 10, 1, [(0, 10)]),
        (2, 10, 5, [(0, 5), (5, 10)]),
        (2, 10, 6, [(0, 10)]),
        (3, 10, 1, [(0, 3), (3, 6), (6, 10)]),
        (3, 10, 5, [(0, 5), (5, 10)]),
        (2, 0, 1, [(0, 0)]),
    ],
)
def test_parts_cover_everything_and_are_large_enough(threads, size, least, expected):
    tg.set_num_threads(threads)
    assert in_parts(lambda start, stop: (start, stop), size, least) == expected


def test_parts_are_worked_on_at_the_same_time():
    tg.set_num_threads(3)
    all_there = threading.Barrier(3, timeout=10)  # breaks, which raises, if one waits in vain
    in_parts(lambda start, stop: all_there.wait(), 3, 1)


@pytest.mark.parametrize("failing", [0, 1])
def test_errors_of_any_part_are_raised_when_all_have_ended(failing):
    tg.set_num_threads(2)
    ended = []

    def work(start, stop):
        if start == failing:
            raise ValueError(f"part {start}")
        threading.Event().wait(0.05)
        ended.append(start)

    with pytest.raises(ValueError, match=f"part {failing}"):
        in_parts(work, 2, 1)
    assert ended == [1 - failing]


@pytest.mark.skipif(blas.threads is None, reason="NumPy has no OpenBLAS that can be found here")
def test_products_of_parts_are_each_computed_by_one_thread():
    tg.set_num_threads(2)
    assert in_parts(lambda start, stop: blas.threads.get_count(), 2, 1) == [1, 1]
    assert in_parts(lambda start, stop: blas.threads.get_count(), 1, 1) == [blas.threads.get_count()] == [2]


def test_work_may_itself_be_divided():
    code = """
import tinygrad_np as tg
from tinygrad_np.threads import in_parts
tg.set_num_threads(2)
count = lambda start, stop: sum(in_parts(lambda start, stop: stop - start, stop - start, 1))
raise SystemExit(sum(in_parts(count, 100, 1)) != 100)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_what_was_worked_on_is_not_kept_alive():
    tg.set_num_threads(2)
    array = np.zeros(4)
    watched = weakref.ref(array)
    in_parts(lambda start, stop, array=array: array[start:stop].sum(), 4, 1)
    del array
    assert watched() is None


def test_threads_have_the_error_state_of_the_caller():
    tg.set_num_threads(2)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        in_parts(lambda start, stop: np.ones(1) / np.array([1.0 - start]), 2, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_threads_of_its_own():
    code = """
import os, tinygrad_np as tg
from tinygrad_np.threads import in_parts
tg.set_num_threads(2)
run = lambda: sum(in_parts(lambda start, stop: stop - start, 10, 1))
run()
pid = os.fork()
if not pid:
    os._exit(run() != 10)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("width", [30, 200])
def test_products_of_any_size_are_right(width):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(100, 300)), rng.normal(size=(width, 300))
    inputs = [tg.tensor(x, requires_grad=True), tg.tensor(weight, requires_grad=True)]
    out = F.linear(*inputs)
    by_input, by_weight = tg.autograd.grad(out, inputs, tg.ones_like(out))
    np.testing.assert_allclose(out.detach().numpy(), np.einsum("bi,oi->bo", x, weight), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_input.numpy(), np.broadcast_to(weight.sum(0), x.shape), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(by_weight.numpy(), np.broadcast_to(x.sum(0), weight.shape), rtol=1e-9, atol=1e-9)


def both(compute):
    """What ``compute`` gives with one thread and with three."""
    results = []
    for count in (1, 3):
        tg.set_num_threads(count)
        results.append([result.detach().numpy() for result in compute()])
    return zip(*results, strict=True)


@pytest.fixture
def anything_is_worth_a_thread(monkeypatch):
    for room in ("convolution", "pooling"):
        monkeypatch.setattr(f"tinygrad_np.ops.{room}._WORTH_A_THREAD", 1)


@pytest.mark.usefixtures("anything_is_worth_a_thread")
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_is_the_same(stride, groups):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((7, 8, 20, 20), (6, 8 // groups, 4, 4), (6,))]

    def compute():
        inputs = [tg.tensor(array, requires_grad=True) for array in arrays]
        out = F.conv2d(*inputs, stride=stride, padding=1, groups=groups)
        cotangent = tg.tensor(np.random.default_rng(1).normal(size=out.shape))
        return out, *tg.autograd.grad(out, inputs, cotangent)

    for one, three in both(compute):
        np.testing.assert_allclose(three, one, rtol=1e-12, atol=1e-10)


@pytest.mark.usefixtures("anything_is_worth_a_thread")
@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}])
def test_pooling_is_the_same(options):
    images = np.random.default_rng(0).normal(size=(7, 8, 20, 20))

    def compute():
        x = tg.tensor(images, requires_grad=True)
        out = F.max_pool2d(x, **options)
        return out, *tg.autograd.grad(out, x, out.detach())

    for one, three in both(compute):
        np.testing.assert_array_equal(three, one)
