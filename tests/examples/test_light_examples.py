"""The examples that need no data: the figures of the textbook, to the digit, and the pictures."""

from __future__ import annotations

import re

import pytest

import tinygrad_np as tg


@pytest.mark.parametrize(
    ("example", "says"),
    [
        ("logic_gates", "XOR takes two layers"),
        ("activation_functions", "derivatives by autograd"),
        ("numerical_gradient", "slope of a function can be measured"),
        ("three_layer_forward", "2-3-2-2 network"),
    ],
)
def test_help_explains(run_example, example, says):
    run = run_example(example, "--help")
    assert (run.status, run.complaint) == (0, "")
    assert re.search(says, run.printed)
    for option in ("--seed", "--data", "--output", "--quick"):
        assert option in run.printed
    assert not run.output.exists()


def test_logic_gates(run_example):
    run = run_example("logic_gates")
    assert (run.status, run.complaint) == (0, "")
    table = """\
x1  x2    AND  NAND    OR   XOR
 0   0      0     1     0     0
 0   1      0     1     1     1
 1   0      0     1     1     1
 1   1      1     0     1     0
"""
    assert f"given weights\n{table}" in run.printed
    assert f"learned weights\n{table}" in run.printed
    losses = [[float(loss) for loss in re.findall(r"[A-Z]+ ([\d.]+)", line)] for line in run.printed.splitlines()[:3]]
    assert [len(step) for step in losses] == [4, 4, 4]
    assert all(last < 0.1 < first for first, last in zip(losses[0], losses[-1], strict=True))
    assert run.result.items() >= {"example": "logic_gates", "ours": "8 truth tables right", "reached": "yes"}.items()
    learned = tg.load(run.output / "weights.safetensors")
    assert learned["XOR.0.weight"].shape == (4, 2)
    assert (learned["AND.0.weight"] > 0).all()
    assert (learned["NAND.0.weight"] < 0).all()
    run.assert_pictures("logic_gates.png")


def test_logic_gates_says_so_when_it_has_not_learned(run_example):
    run = run_example("logic_gates", "--steps", "1", "--hidden", "2")
    assert (run.status, run.result["reached"]) == (0, "no")
    assert 4 <= int(run.result["ours"].split()[0]) < 8
    assert tg.load(run.output / "weights.safetensors")["XOR.0.weight"].shape == (2, 2)


def test_activation_functions(run_example):
    run = run_example("activation_functions")
    assert (run.status, run.complaint) == (0, "")
    ranges = {
        name.strip(): (float(low), float(high), float(error))
        for name, low, high, error in re.findall(r"(.+) derivative from (\S+) to (\S+), error (\S+)", run.printed)
    }
    assert len(ranges) == 8
    assert ranges["step"] == (0, 0, 0)
    assert ranges["sigmoid"][:2] == (0.018, 0.25)  # sigma'(4), sigma'(0) = 1/4
    assert ranges["tanh"][:2] == (0.001, 1.0)
    assert ranges["ReLU"][:2] == (0, 1)
    assert ranges["leaky ReLU"][:2] == (0.1, 1)
    assert all(error < 1e-8 for *_, error in ranges.values())
    assert run.result.items() >= {"example": "activation_functions", "reached": "yes"}.items()
    run.assert_pictures("activation_functions.png")


def test_activation_functions_over_another_interval(run_example):
    run = run_example("activation_functions", "--interval", "0", "1", "--points", "2")
    assert run.result["reached"] == "yes"
    assert "sigmoid      derivative from 0.197 to 0.250" in run.printed

    run = run_example("activation_functions", "--interval", "1", "-1")
    assert run.status == 2
    assert "--interval: 1.0 is not below -1.0" in run.complaint


def test_numerical_gradient(run_example):
    run = run_example("numerical_gradient")
    assert (run.status, run.complaint) == (0, "")
    rows = re.findall(r"(\w+) at (\S.*): (\S.*), (\S.*), difference (\S+)\n", run.printed)
    numbers = [[float(number) for number in re.findall(r"-?\d[\d.e-]*", " ".join(row[1:]))] for row in rows]
    for (at, measured, computed, difference), slope in zip(numbers[:2], (0.2, 0.3), strict=True):
        assert at == {0.2: 5, 0.3: 10}[slope]
        assert measured == pytest.approx(slope, rel=0, abs=1e-9)
        assert computed == pytest.approx(slope, rel=0, abs=1e-15)
        assert 0 < difference < 1e-9  # one of them was measured
    for row, gradient in zip(numbers[2:], ([6, 8], [0, 4], [6, 0]), strict=True):
        assert row[2:4] == pytest.approx(gradient, abs=1e-9)
        assert row[4:6] == gradient
    assert "after 100 steps at [-6.11110793e-10  8.14814391e-10]" in run.printed
    assert run.result["classic"] == run.result["ours"] == "slopes 0.2 and 0.3, then [-6.1e-10, 8.1e-10]"
    assert run.result["reached"] == "yes"
    run.assert_pictures("numerical_gradient.png")


def test_numerical_gradient_does_not_arrive_by_steps_that_are_too_long(run_example):
    run = run_example("numerical_gradient", "--lr", "10")
    assert (run.status, run.complaint, run.result["reached"]) == (0, "", "no")
    assert "after 100 steps at [-2.25" in run.printed  # -3 × (-19)^100


def test_three_layer_forward(run_example):
    run = run_example("three_layer_forward")
    assert (run.status, run.complaint) == (0, "")
    assert [line.split() for line in run.printed.splitlines()[:6]] == [
        ["Linear", "0.30000000", "0.70000000", "1.10000000"],
        ["Sigmoid", "0.57444252", "0.66818777", "0.75026011"],
        ["Linear", "0.51615984", "1.21402696"],
        ["Sigmoid", "0.62624937", "0.77101070"],
        ["Linear", "0.31682708", "0.69627909"],
        ["Identity", "0.31682708", "0.69627909"],
    ]
    assert run.result["classic"] == run.result["ours"] == "[0.31682708, 0.69627909]"
    assert run.result["reached"] == "yes"
    run.assert_pictures("three_layer_forward.png")
