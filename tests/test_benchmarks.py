"""The parts of the benchmarks that compute: workloads, ratios, checks, tables. Nothing here is timed."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from benchmarks import bounds, quick, report, roofline, side_by_side, training_step
from benchmarks.contenders import Unavailable
from benchmarks.roofline import Product
from benchmarks.workloads import WORKLOADS
from tinygrad_np import blas

CONTENDERS_WITHOUT_EXTRAS = [training_step.PROJECT, "numpy_by_hand"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_the_same_every_time_and_cannot_be_learnt_by_heart(name):
    workload = WORKLOADS[name]
    inputs, labels = workload.data()
    np.testing.assert_array_equal(inputs, workload.data()[0])
    assert inputs.dtype == np.float32
    assert len(inputs) == len(labels) == workload.batch
    half = (workload.batch + 1) // 2
    np.testing.assert_array_equal(inputs[half:], inputs[: workload.batch - half])
    assert not np.any(labels[half:] == labels[: workload.batch - half])
    shapes = [layer.shape for layer in workload.layers if layer.shape]
    assert [weight.shape for weight, _ in workload.weights()] == shapes
    assert all(bias.shape == weight.shape[:1] for weight, bias in workload.weights())


@pytest.mark.parametrize("name", WORKLOADS)
def test_project_and_numpy_by_hand_train_the_same_network(name):
    steps = {contender: training_step.make_step(contender, name) for contender in CONTENDERS_WITHOUT_EXTRAS}
    losses = {contender: [step() for _ in range(4)] for contender, step in steps.items()}
    training_step.check_losses(losses)
    own = losses[training_step.PROJECT]
    assert own[0] > own[3]  # they train at all


@pytest.mark.parametrize("bound", bounds.BOUNDS)
@pytest.mark.parametrize("name", [name for name, workload in WORKLOADS.items() if not workload.image])
def test_the_bounds_compute_what_the_project_computes(name, bound):
    """To the last bit, for the kernels are the same."""
    own, theirs = (training_step.make_step(contender, name) for contender in (training_step.PROJECT, bound))
    assert [theirs() for _ in range(4)] == [own() for _ in range(4)]


@pytest.mark.parametrize("bound", bounds.BOUNDS)
def test_there_is_no_bound_for_convolutions(bound):
    with pytest.raises(Unavailable, match="dense layers only"):
        training_step.make_step(bound, "cnn-b64")


def test_a_floor_that_a_bound_does_not_reach_is_bold():
    workload = WORKLOADS["keras-b128"]  # floors: by hand 2, PyTorch 1.5
    times = {"bare_numpy": [2.0], "bare_graph": [4.0], "numpy_by_hand": [6.0], "pytorch": [2.0], "pytorch_fused": [2.0]}
    cells = [bounds.floor_cell(times, rival, workload) for rival in bounds.RIVALS]
    assert cells == ["3.00, **1.50** (2)", "**1.00**, **0.50** (1.5)", "—", "—"]


@pytest.mark.parametrize("wrong", [1.0001, float("nan")])
def test_other_losses_end_the_benchmark(wrong):
    losses = {training_step.PROJECT: [1.0, 1.0], "jax_jit": [1.0, wrong]}
    with pytest.raises(SystemExit, match="jax_jit computes other losses"):
        training_step.check_losses(losses)


def test_ratios_are_formed_round_by_round():
    times = {"project": [1.0, 10.0, 2.0], "pytorch": [3.0, 20.0, 8.0]}  # the second round fell into a busy moment
    assert side_by_side.ratio(times, "pytorch", "project") == 3


def test_turns_rotate():
    order: list[str] = []
    turns = {name: lambda name=name: order.append(name) or float(len(order)) for name in "abc"}
    times = side_by_side.take_turns(turns, argparse.Namespace(rounds=3, pause=0))
    assert order == list("abcbcacab")
    assert times == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


@pytest.mark.parametrize(("stolen", "measured"), [([0, 0], 1), ([0, 3, 3, 3], 2), ([0, 3, 3, 9], 1), ([0, 3, 3, 5], 2)])
def test_a_disturbed_turn_is_repeated_once(stolen, measured):
    seconds = iter([1.0, 2.0])
    assert side_by_side.least_disturbed(lambda: next(seconds), iter(stolen).__next__) == measured


def test_stolen_time_is_told_or_zero():
    assert side_by_side.stolen_time() >= 0


def test_a_cell_shows_ratio_and_floor():
    workload = WORKLOADS["keras-b128"]  # floors: by hand 2, PyTorch 1.5
    times = {"project": [2.0], "numpy_by_hand": [3.0], "pytorch": [3.0], "mygrad": [5.0]}
    cells = [training_step.ratio_cell(times, c, workload) for c in ("numpy_by_hand", "pytorch", "mygrad", "jax_jit")]
    assert cells == ["**1.50** (2)", "1.50 (1.5)", "2.50", "—"]


def test_a_loss_is_more_than_a_quarter():
    assert not quick.is_loss(0.76, 1)
    assert quick.is_loss(0.74, 1)


def test_a_worker_measures_a_contender():
    with side_by_side.workers("benchmarks.training_step", CONTENDERS_WITHOUT_EXTRAS, threads=1) as running:
        ready, unavailable = side_by_side.load(running, "tiny-b16")
        assert list(ready) == CONTENDERS_WITHOUT_EXTRAS
        assert not unavailable
        training_step.check_losses({name: worker.ask("outputs", 3) for name, worker in ready.items()})
        times = side_by_side.interleave(ready, argparse.Namespace(rounds=2, turn=0.001, pause=0))
        assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in times.values())
        assert ready["project"].ask("memory") > 1


def test_a_contender_that_is_not_installed_says_so(tmp_path, monkeypatch):
    (tmp_path / "missing.py").write_text("def make_step(contender, case):\n    import no_such_library\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with side_by_side.workers("missing", ["contender"], threads=1) as running:
        assert side_by_side.load(running, "case") == ({}, {"contender": "No module named 'no_such_library'"})


def test_all_contenders_data_begin_at_a_cache_line():
    for workload in WORKLOADS.values():
        arrays = [workload.data()[0], *(weight for weight, _ in workload.weights())]
        assert [array.ctypes.data % 64 for array in arrays] == [0] * len(arrays)


def test_the_work_of_an_mlp():
    work = roofline.work_of(WORKLOADS["two-layer-b512"])
    assert work.products == [
        Product(512, 784, 50),
        Product(784, 512, 50),  # the gradient of the first weight; its input needs none
        Product(512, 50, 10),
        Product(50, 512, 10),
        Product(512, 10, 50),
    ]
    activation = 512 * 50
    assert work.moves == [2 * activation, 3 * activation, 3 * (784 * 50 + 50), 3 * (50 * 10 + 10)]


def test_a_gradient_that_is_added_as_a_product_is_no_work():
    work = roofline.work_of(WORKLOADS["perceptron-b1"])
    assert work.products == [Product(1, 784, 200), Product(1, 200, 10), Product(200, 1, 10), Product(1, 10, 200)]
    assert work.moves[-2:] == [2 * 784 * 200 + 3 * 200, 3 * (200 * 10 + 10)]


def test_the_work_of_a_convolutional_network():
    work = roofline.work_of(WORKLOADS["cnn-b64"])
    assert Product(64 * 26 * 26, 9, 8) in work.products
    assert Product(64 * 11 * 11, 16, 72) in work.products  # the gradient of the second convolution's unfolded input
    assert Product(64 * 26 * 26, 8, 9) not in work.products
    assert Product(64, 400, 10) in work.products
    assert sum(work.moves[-3:]) == 7 * (8 * 9 + 8 + 16 * 72 + 16 + 400 * 10 + 10)


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 1, 5)])
def test_all_layouts_compute_a_product(shape):
    product = Product(*shape)
    results = [call() for call in roofline.calls_of(product)]
    assert len(results) == 16  # 8 layouts, by matmul and by dot
    assert {result.shape for result in results} == {(3, 5), (5, 3)}
    assert product.flops == 2 * 3 * 5 * product.inner


def test_all_ways_to_compute_a_product_in_parts_compute_it(monkeypatch):
    monkeypatch.setattr(blas, "_has_small_kernels", True)
    results = [call() for call in roofline.calls_of(Product(100, 784, 50))]
    assert len(results) > 16
    arrays = [result for result in results if result is not True]  # what `gemm` wrote into an array it was given
    assert {result.shape for result in arrays} == {(100, 50), (50, 100)}


def test_report_puts_outputs_between_the_marks_of_their_commands():
    page = "a\n<!-- run: python one -->\nold\n<!-- end -->\nb\n<!-- run: python two -->\n<!-- end -->\n"
    filled = report.fill(page, lambda command: f"output of {command}\n", only="one")
    expected = page.replace("old\n", "\n```console\n$ python one\n```\n\noutput of python one\n\n")
    assert filled == expected
    assert report.fill(filled, lambda command: f"output of {command}\n", only="one") == expected


def test_the_page_names_benchmarks_that_exist():
    commands = [match["command"] for match in report.SECTION.finditer(report.PAGE.read_text())]
    modules = {command.split()[2] for command in commands}
    assert len(modules) == 9
    for module in modules:
        assert (report.ROOT / f"{module.replace('.', '/')}.py").is_file()
