"""BLAS called directly gives what NumPy's expressions give, up to rounding, for all arrays; and its threads."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import blas
from tinygrad_np.blas import axpby, gemm, product

LEAST = blas._LEAST
found = pytest.mark.skipif(
    sys.platform != "linux" or "openblas" not in np.show_config("dicts")["Build Dependencies"]["blas"]["name"],
    reason="NumPy has no OpenBLAS that can be found here",
)


def numbers(*shape, dtype=np.float32, seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * 8).astype(dtype)


@pytest.fixture(params=["library", "plain"])
def _either(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(blas, "_routines", {})


@pytest.fixture
def calls(monkeypatch):
    """What goes to BLAS."""
    made = []

    def watched(routine):
        return routine and (lambda *arguments: (made.append(routine), routine(*arguments)))

    routines = {dtype: blas.Routines(*map(watched, of_dtype)) for dtype, of_dtype in blas._routines.items()}
    monkeypatch.setattr(blas, "_routines", routines)
    return made


@pytest.fixture(params=[2, 4])
def _threads(request):
    before = blas.threads.get_count()
    blas.threads.set_count(request.param)
    yield
    blas.threads.set_count(before)


@given(
    size=st.sampled_from([1, LEAST - 1, LEAST, LEAST + 1, 3 * LEAST + 7]),
    alpha=st.floats(-2, 2, width=16),
    beta=st.floats(-2, 2, width=16) | st.just(1),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_axpby_is_what_its_name_says(size, alpha, beta, dtype):
    x, y = numbers(size, dtype=dtype), numbers(size, dtype=dtype, seed=1)
    expected = alpha * x.astype(np.float64) + beta * y.astype(np.float64)
    before = x.copy()
    axpby(alpha, x, beta, y, np.empty_like(x))
    assert np.array_equal(x, before)
    assert np.allclose(y, expected, rtol=0, atol=128 * np.finfo(dtype).eps)


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("beta", [1, 0.5])
def test_axpby_may_lose_x(beta):
    x, y = numbers(LEAST), numbers(LEAST, seed=1)
    expected = 0.25 * x + beta * y
    axpby(0.25, x, beta, y, x)
    assert np.allclose(y, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize(("alpha", "beta"), [(0, 0.5), (0.5, 0), (0, 1)])
def test_nan_times_zero_is_nan(alpha, beta):
    x, y = numbers(LEAST), numbers(LEAST, seed=1)
    x[3] = y[4] = np.nan
    axpby(alpha, x, beta, y, np.empty_like(x))
    assert np.flatnonzero(np.isnan(y)).tolist() == [3, 4]


@found
def test_large_arrays_go_to_blas_and_others_do_not(calls):
    x, y, scratch = (numbers(2 * LEAST) for _ in range(3))
    gaps, fixed = x[::2], x.copy()
    fixed.flags.writeable = False
    swapped = x.astype(">f4")
    axpby(0.5, x, 0.5, y, scratch)
    assert len(calls) == 1
    axpby(0.5, x[: LEAST - 1], 0.5, y[: LEAST - 1], scratch[: LEAST - 1])
    axpby(0.5, gaps, 0.5, y[:LEAST], scratch[:LEAST])
    axpby(0.5, x[:LEAST], 0.5, gaps, scratch[:LEAST])
    axpby(0.5, x[:1], 0.5, y, scratch[:1])
    axpby(0.5, np.broadcast_to(x[:1], y.shape), 0.5, y, scratch)
    axpby(0.5, fixed, 0.5, y, scratch)
    axpby(0.5, swapped, 0.5, y, scratch)
    assert len(calls) == 1


@found
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (5, 2, 7), (200, 1, 784), (91, 3, 91), (600, 12, 800)])
@pytest.mark.parametrize("beta", [0, 1, -0.5])
@pytest.mark.usefixtures("_threads")
def test_gemm_adds_a_product(m, k, n, beta, dtype):
    left, right, out = numbers(m, k, dtype=dtype), numbers(k, n, dtype=dtype, seed=1), numbers(m, n, dtype=dtype)
    expected = 0.25 * left.astype(float) @ right + beta * out
    flat = out.copy().reshape(-1)
    assert gemm(0.25, left, right, beta, out)
    assert gemm(0.25, left, right, beta, flat)
    assert np.allclose(out, expected, rtol=1e-5, atol=1e-4)
    assert np.array_equal(flat, out.reshape(-1))


@found
def test_gemm_leaves_alone_what_it_cannot_do():
    column, row, out = numbers(4, 1), numbers(1, 6), numbers(4, 6)
    fixed = out.copy()
    fixed.flags.writeable = False
    before = out.copy()
    for operands in [
        (column, row, fixed),
        (column, row, numbers(6, 4).T),
        (column, row, out[:, :5]),
        (column, row[:, :0], out[:, :0]),
        (column, numbers(2, 6), out),
        (numbers(8, 1)[::2], row, out),
        (column, row.astype(np.float64), out),
        (column.astype(">f4"), row.astype(">f4"), out.astype(">f4")),
        (column.astype(int), row.astype(int), out.astype(int)),
    ]:
        assert not gemm(1.0, *operands[:2], 1.0, operands[2])
    assert np.array_equal(out, before)


@pytest.mark.parametrize("size", [10, LEAST])
@pytest.mark.parametrize("kind", [np.float32, np.float64, int])
def test_factors_may_be_numbers_of_any_kind(size, kind):
    y = np.ones(size, np.float32)
    axpby(kind(2), np.ones(size, np.float32), kind(3), y, np.empty_like(y))
    assert y.tolist() == [5.0] * size


def test_an_error_of_shape_stays_numpys():
    with pytest.raises(ValueError, match="broadcast"):
        axpby(0.5, np.zeros(LEAST), 0.5, np.zeros(LEAST + 1), np.zeros(LEAST))
    with pytest.raises(ValueError, match="broadcast"):
        axpby(0.5, np.zeros(LEAST + 1), 1, np.zeros(LEAST), np.zeros(LEAST + 1))


# ---- products in parts ---------------------------------------------------------------------------------------------

in_parts = pytest.mark.skipif(
    not blas._routines or blas._workers is None,
    reason="NumPy has no OpenBLAS here that computes several products at once",
)
dozens = st.integers(1, 60).map(lambda count: 12 * count)


def matrices(m, k, n, transposed=(False, False), dtype=np.float32):
    left = numbers(k, m, dtype=dtype).T if transposed[0] else numbers(m, k, dtype=dtype)
    right = numbers(n, k, dtype=dtype, seed=1).T if transposed[1] else numbers(k, n, dtype=dtype, seed=1)
    return left, right


@in_parts
@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("with_addend", [False, True])
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("shape", [(300, 100, 400), (40, 500, 600), (2, 3000, 2000), (5000, 40, 44), (256, 256, 256)])
def test_a_product_in_parts_is_the_product(shape, transposed, dtype, with_addend, calls):
    left, right = matrices(*shape, transposed, dtype)
    left[1, 2], right[3, 4] = np.nan, np.inf
    before = left.copy(), right.copy()
    addend = numbers(shape[2], dtype=dtype, seed=2) if with_addend else None
    out = product(left, right, addend)
    assert [call.__name__ for call in calls] == [f"cblas_{'s' if dtype == np.float32 else 'd'}gemm_batch_strided"]
    with np.errstate(invalid="ignore"):
        expected = left.astype(float) @ right.astype(float) + (0 if addend is None else addend)
    assert out.dtype == dtype
    assert out.flags.c_contiguous
    assert np.allclose(out, expected, rtol=0, atol=1e5 * np.finfo(dtype).eps, equal_nan=True)
    assert np.array_equal(left, before[0], equal_nan=True)
    assert np.array_equal(right, before[1])


@in_parts
@pytest.mark.usefixtures("_threads")
def test_what_is_no_product_in_parts_is_left_to_numpy(calls):
    left, right = matrices(200, 200, 200)
    fixed = right.copy()
    fixed.flags.writeable = False
    unaligned = np.empty(200 * 200 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(200, 200)
    for operands in [
        (left, right[:, ::2]),
        (left, np.broadcast_to(right[:1], right.shape)),
        (left, fixed),
        (left, unaligned),
        (left, right.astype(np.float64)),
        (left.astype(np.float16), right.astype(np.float16)),
        (left.astype(int), right.astype(int)),
        (left.astype(">f4"), right.astype(">f4")),
        matrices(201, 200, 200),  # rows that cannot be shared out
        matrices(20, 2000, 201),  # nor columns
        matrices(1, 2000, 4000),
        matrices(4000, 2000, 1),
        matrices(100, 100, 100),  # too few multiplications
        matrices(300, 2000, 1000),  # too many
        (left, numbers(300, 200)),
        (left[:0], right),
    ]:
        assert product(*operands) is None
    assert not calls


@in_parts
@given(m=dozens, k=dozens, n=dozens, threads=st.integers(1, 64))
def test_no_part_is_so_small_that_openblas_might_crash(m, k, n, threads):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        routines = blas._routines[np.dtype(np.float32)]._replace(gemm_batch=lambda *arguments: asked.append(arguments))
        patch.setattr(blas, "_routines", {np.dtype(np.float32): routines})
        patch.setattr(blas, "_workers", Library(threads).threads)
        product(np.empty((m, k), np.float32), np.empty((k, n), np.float32))
    for _, _, _, rows, columns, inner, *_, parts in asked:
        assert 2 <= parts <= threads
        assert rows * columns * inner * parts == m * k * n
        assert rows * columns * inner > 10**6


@in_parts
@pytest.mark.usefixtures("_threads")
def test_products_of_several_threads_take_turns(monkeypatch):
    at_work, most = [], []

    def gemm_batch(*arguments):
        at_work.append(arguments)
        most.append(len(at_work))
        time.sleep(0.01)
        at_work.pop()

    routines = blas._routines[np.dtype(np.float32)]._replace(gemm_batch=gemm_batch)
    monkeypatch.setattr(blas, "_routines", {np.dtype(np.float32): routines})
    workers = [threading.Thread(target=product, args=matrices(200, 200, 200)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1] * 4


@in_parts
def test_with_one_thread_nothing_is_divided(calls):
    with blas.threads:
        assert product(*matrices(200, 200, 200)) is None
    assert not calls


# ---- products in small pieces --------------------------------------------------------------------------------------


@pytest.fixture
def _small_kernels(monkeypatch):
    """As with a processor that OpenBLAS has kernels for small products for; and one thread."""
    monkeypatch.setattr(blas, "_has_small_kernels", True)
    with blas.one_thread:
        yield


@pytest.mark.usefixtures("_small_kernels")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("with_addend", [False, True])
@pytest.mark.parametrize(
    "shape", [(128, 784, 10), (100, 784, 50), (32, 784, 128), (9000, 300, 2), (16, 256, 150), (64, 2000, 10)]
)
def test_a_product_in_small_pieces_is_the_product(shape, dtype, with_addend):
    left, right = matrices(*shape, (False, True), dtype)
    if dtype != np.int64:
        left[1, 2], right[3, 1] = np.nan, np.inf
    addend = numbers(shape[2], dtype=dtype, seed=2) if with_addend else None
    out = product(left, right, addend)
    assert out.dtype == dtype
    assert out.flags.c_contiguous
    with np.errstate(invalid="ignore"):
        expected = left.astype(float) @ right.astype(float) + (0 if addend is None else addend)
    eps = np.finfo(dtype).eps if dtype != np.int64 else 0
    assert np.allclose(out, expected, rtol=0, atol=1e5 * eps, equal_nan=True)


@pytest.mark.usefixtures("_small_kernels")
def test_what_small_pieces_do_not_suit_is_left_to_numpy(monkeypatch):
    left, right = matrices(128, 784, 10, (False, True))
    for operands in [
        (left, right.copy()),  # the kernels are no faster for other layouts
        (left[:, ::2], right[::2]),
        (np.asfortranarray(left), right),
        matrices(127, 784, 10, (False, True)),  # rows that do not make pieces
        matrices(120, 784, 10, (False, True)),  # small as a whole
        matrices(128, 255, 10, (False, True)),  # short sums
        matrices(32, 784, 151, (False, True)),  # pieces of few rows
        matrices(200, 20_000, 10, (False, True)),
        matrices(1300, 784, 1, (False, True)),
    ]:
        assert product(*operands) is None
    assert product(left, right) is not None
    monkeypatch.setattr(blas, "_has_small_kernels", False)
    assert product(left, right) is None


@pytest.mark.parametrize(("count", "divides"), [(1, True), (2, False)])
def test_what_is_large_for_several_threads_is_not_computed_in_small_pieces(count, divides, monkeypatch):
    monkeypatch.setattr(blas, "_has_small_kernels", True)
    monkeypatch.setattr(blas, "threads", Library(count).threads)
    monkeypatch.setattr(blas, "_workers", None)
    assert product(*matrices(100, 784, 50, (False, True))) is not None
    assert (product(*matrices(120, 784, 50, (False, True))) is not None) is divides


# ---- its threads ---------------------------------------------------------------------------------------------------


class Library:
    """What stands for a BLAS library: a number of threads that can be told and set."""

    def __init__(self, count):
        self.count = count
        self.threads = blas.Threads(lambda: self.count, lambda count: setattr(self, "count", count))


@found
def test_set_num_threads_limits_the_matrix_products_of_numpy():
    code = """
import tinygrad_np as tg
from tinygrad_np.blas import threads
for count in (1, 2):
    tg.set_num_threads(count)
    assert threads.get_count() == count
with threads:
    assert threads.get_count() == 1
assert threads.get_count() == 2
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_within_there_is_one_thread_until_the_last_user_is_done():
    library = Library(4)
    with library.threads:
        assert library.count == 1
        with pytest.raises(ValueError, match="within"), library.threads:
            raise ValueError("within")
        assert library.count == 1
        library.threads.set_count(3)
        assert library.count == 1
    assert library.count == 3


def test_users_in_many_threads_leave_the_count_as_it_was():
    library = Library(4)
    meet = threading.Barrier(8, timeout=10)
    seen = set()

    def work():
        for _ in range(50):
            meet.wait()
            with library.threads:
                seen.add(library.count)

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert seen == {1}
    assert library.count == 4


def test_a_forked_process_lets_go_of_what_other_threads_held():
    library = Library(4)
    library.threads.__enter__()
    library.threads._lock.acquire()
    library.threads.taken.acquire()
    library.threads.reset()
    assert library.count == 4
    with library.threads, library.threads.taken:
        assert library.count == 1
    assert library.count == 4
