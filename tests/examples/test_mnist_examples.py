"""The examples that read MNIST, each as a quick run: what it prints, what it draws, what it says of mistakes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

import tinygrad_np as tg
from tinygrad_np.datasets import MNIST, MNISTCSV

EXAMPLES = Path(__file__).parents[2] / "examples"


def figure(pattern: str, printed: str) -> float:
    """The number that a run printed: the group of the pattern."""
    found = re.search(pattern, printed)
    assert found, f"no {pattern!r} in:\n{printed}"
    return float(found[1].replace(",", ""))


def test_mnist_mlp(run_example):
    run = run_example("mnist_mlp", "--hidden", "64", "32", "--optimizer", "RMSprop")
    assert (run.status, run.complaint) == (0, "")
    assert "Linear(in_features=64, out_features=32, bias=True)" in run.printed
    assert figure(r"epoch  2: train loss ([\d.]+)", run.printed) < figure(r"epoch  1: train loss ([\d.]+)", run.printed)
    assert run.result.items() >= {"example": "mnist_mlp", "classic": "0.98", "reached": "no"}.items()
    assert float(run.result["ours"]) > 0.8
    assert tg.load(run.output / "weights.safetensors")["hidden.3.weight"].shape == (32, 64)
    run.assert_pictures("history.png", "mistakes.png")


def test_the_same_seed_gives_the_same_weights(run_example):
    def weights() -> bytes:
        run = run_example("mnist_mlp", "--epochs", "1", "--hidden", "16", "--seed", "1")
        return (run.output / "weights.safetensors").read_bytes()

    assert weights() == weights()


def test_mnist_inference(run_example):
    run = run_example("mnist_inference", "--image", "8")
    assert (run.status, run.complaint) == (0, "")
    assert "Linear   (1, 100)   weight (100, 50), bias (100,)" in run.printed
    assert "test image 8 is a 5, read as 6: 95.0% sure" in run.printed
    # The first 1,000 images; the figure of all 10,000 stands in `test_the_weights_of_the_book`.
    assert "accuracy 0.9320 one at a time" in run.printed
    assert "accuracy 0.9320 100 at a time" in run.printed
    assert figure(r"batches of 100 are (\d+) times faster", run.printed) > 1
    assert run.result["classic"] == "0.9352"
    run.assert_pictures("answer.png")


def test_the_weights_of_the_book():
    book = tg.load(EXAMPLES / "data" / "sample_weight.safetensors")
    digits = MNIST(EXAMPLES / "data", train=False)
    signal = digits.data.flatten(1).float() / 255
    for layer in "123":
        signal = (signal @ book[f"W{layer}"] + book[f"b{layer}"]).sigmoid()
    assert (signal.argmax(1) == digits.targets).sum().item() == 9352


def test_softmax_regression(run_example):
    run = run_example("softmax_regression")
    assert (run.status, run.complaint) == (0, "")
    assert "loaded both again: the same weights, the same predictions" in run.printed
    assert float(run.result["ours"]) > 0.8
    weights = tg.load(run.output / "weights.safetensors")
    text = np.loadtxt(run.output / "weights.txt", dtype=np.float32)
    np.testing.assert_array_equal(text, np.column_stack([weights["bias"].numpy(), weights["weight"].numpy()]))
    run.assert_pictures("weights.png")


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_two_layer_net(run_example, activation):
    run = run_example("two_layer_net", "--activation", activation, "--optimizer", "Adam", "--lr", "0.01")
    assert (run.status, run.complaint) == (0, "")
    assert figure(r"numerical differentiation: (\S+)", run.printed) < 1e-8
    assert float(run.result["ours"]) > 0.6
    assert (run.output / "weights_Adam.safetensors").exists()
    run.assert_pictures("history.png")


def test_two_layer_net_compares_the_optimizers(run_example):
    run = run_example("two_layer_net", "--compare", "--iterations", "60")
    assert (run.status, run.complaint) == (0, "")
    losses = {
        rule: figure(rf"{rule}, iteration 60: train loss ([\d.]+)", run.printed)
        for rule in ("SGD", "momentum", "Adagrad", "RMSprop", "Adam")
    }
    assert len(set(losses.values())) == 5
    assert max(losses, key=losses.get) == "SGD"
    run.assert_pictures("history.png", "comparison.png")


def test_keras_style_mlp(run_example):
    run = run_example("keras_style_mlp", "--image", "1")
    assert (run.status, run.complaint) == (0, "")
    assert figure(r"test loss ([\d.]+)", run.printed) < 0.6
    assert "test image 1 is a 2, predicted 2" in run.printed
    assert float(run.result["ours"]) > 0.8
    run.assert_pictures("history.png", "prediction.png")


@pytest.mark.parametrize("example", ["mnist_inference", "keras_style_mlp"])
def test_an_image_that_is_not_there_is_refused(run_example, example):
    run = run_example(example, "--image", "1000")
    assert run.status == 2
    assert "--image: there are 1000 test images, numbered from 0" in run.complaint


# -- make_your_own_network -------------------------------------------------------------------------------------------


@pytest.fixture
def csv_files(tmp_path) -> tuple[Path, Path]:
    """1,000 training and 200 test records, with and without a header line."""
    for name, train, count in ("train.csv", True, 1000), ("test.csv", False, 200):
        digits = MNIST(EXAMPLES / "data", train)
        MNISTCSV.write(tmp_path / name, digits.data[:count], digits.targets[:count], header=train)
    return tmp_path / "train.csv", tmp_path / "test.csv"


def test_make_your_own_network_learns_from_csv_files_and_reads_a_picture(run_example, csv_files, tmp_path):
    pixels = 1 - MNIST(EXAMPLES / "data", train=False).data[0].numpy() / 255  # a seven in ink on white paper
    image.imsave(tmp_path / "seven.png", np.kron(pixels, np.ones((5, 5))), cmap="gray")
    train, test = csv_files
    run = run_example(
        "make_your_own_network", "--train", train, "--test", test, "--epochs", "3", "--image", tmp_path / "seven.png"
    )
    assert (run.status, run.complaint) == (0, "")
    assert figure(r"([\d,]+) records per second", run.printed) > 0
    right = figure(r"scorecard: (\d+) of 200 right", run.printed)
    assert right > 120
    assert figure(r"performance ([\d.]+)", run.printed) == right / 200
    assert "seven.png is read as 7" in run.printed
    assert figure(r"train loss ([\d.]+)", run.printed) > 0
    run.assert_pictures("scorecard.png", "answer.png")

    again = run_example(
        "make_your_own_network", "--test", test, "--weights", run.output / "weights.safetensors", "--train", train
    )
    assert again.result["ours"] == run.result["ours"]
    assert "epoch" not in again.printed


def test_make_your_own_network_learns_from_the_idx_files(run_example):
    run = run_example("make_your_own_network", "--hidden", "20")
    assert (run.status, run.complaint) == (0, "")
    assert float(run.result["ours"]) > 0.7


@pytest.mark.parametrize("which", [0, 1])
def test_make_your_own_network_names_a_wrong_line_and_trains_nothing(run_example, csv_files, which):
    lines = csv_files[which].read_text().splitlines()
    lines[41] = lines[41].replace(",0,", ",O,", 1)
    csv_files[which].write_text("\n".join(lines))
    run = run_example("make_your_own_network", "--train", csv_files[0], "--test", csv_files[1])
    assert run.status == 1
    assert f"{csv_files[which]}, line 42: expected integers from 0 to 255, found 'O' in field" in run.complaint
    assert "nothing was trained" in run.complaint
    assert "Traceback" not in run.complaint
    assert run.printed == ""
    assert list(run.output.iterdir()) == []


@pytest.mark.parametrize("name", ["missing.png", "text.png", "white.png"])
def test_make_your_own_network_says_what_is_wrong_with_a_picture(run_example, tmp_path, name):
    if name == "text.png":
        (tmp_path / name).write_text("no picture")
    if name == "white.png":
        image.imsave(tmp_path / name, np.ones((40, 30, 3)))
    run = run_example("make_your_own_network", "--image", tmp_path / name)
    assert run.status == 1
    assert run.complaint.startswith(f"--image {tmp_path / name}: ")
    assert len(run.complaint.splitlines()) == 1


@pytest.mark.parametrize("batch_norm", [False, True])
def test_mnist_cnn(run_example, batch_norm):
    run = run_example("mnist_cnn", *(["--batch-norm"] if batch_norm else []))
    assert (run.status, run.complaint) == (0, "")
    assert "Conv2d(16, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))" in run.printed
    assert ("BatchNorm2d(16," in run.printed) == batch_norm
    accuracy = figure(r"epoch  1: train loss [\d.]+, test accuracy ([\d.]+)%", run.printed)
    assert run.result.items() >= {"example": "mnist_cnn", "classic": "0.99", "reached": "no"}.items()
    assert float(run.result["ours"]) == pytest.approx(accuracy / 100)
    assert accuracy > 80
    weights = tg.load(run.output / "weights.safetensors")
    assert weights["conv2.0.weight"].shape == (32, 16, 3, 3)
    assert ("conv2.1.running_mean" in weights) == batch_norm
    run.assert_pictures("history.png", "filters.png", "mistakes.png")


# -- what all have in common -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "says"),
    [
        ("mnist_mlp", "multilayer perceptron"),
        ("mnist_inference", "a network that somebody else trained"),
        ("softmax_regression", "one linear layer learns MNIST"),
        ("two_layer_net", "backpropagation is held against numerical differentiation"),
        ("keras_style_mlp", "fit, evaluate, predict"),
        ("make_your_own_network", "one record at a time"),
        ("mnist_cnn", "filters slide over the image"),
        ("run_all", "print one table"),
    ],
)
def test_help_explains(run_example, example, says):
    run = run_example(example, "--help")
    assert (run.status, run.complaint) == (0, "")
    assert says in run.printed
    for option in ("--seed", "--data", "--output", "--quick"):
        assert option in run.printed
    assert not run.output.exists()


def test_run_all_prints_a_table_and_fails_where_a_figure_is_missed(run_example):
    run = run_example("run_all", "three_layer_forward", "mnist_inference")
    assert (run.status, run.complaint) == (1, "")
    title, rule, *rows = (re.split(r" *\| *", line)[1:-1] for line in run.printed.splitlines()[-4:])
    assert title == ["example", "the classic's figure", "ours", "reached", "seconds"]
    assert rule == ["---", "---", "---", "---", "---:"]
    assert [row[:4] for row in rows] == [
        ["`three_layer_forward`", "[0.31682708, 0.69627909]", "[0.31682708, 0.69627909]", "yes"],
        ["`mnist_inference`", "0.9352", "0.932", "no"],  # of the first 1,000 images, since the run is a quick one
    ]
    assert all(float(row[4]) > 0 for row in rows)
    assert (run.output / "mnist_inference" / "answer.png").exists()
    assert run_example("run_all", "three_layer_forward").status == 0


def test_run_all_reports_an_example_that_fails_and_goes_on(run_example, tmp_path):
    run = run_example("run_all", "mnist_inference", "three_layer_forward", "--data", tmp_path / "nowhere")
    assert run.status == 1
    failed, passed = run.printed.splitlines()[-2:]
    assert failed == "| `mnist_inference` |  | failed | no |  |"
    assert passed.startswith("| `three_layer_forward` | [0.31682708, 0.69627909] |")


def test_run_all_knows_every_example():
    listed = set(re.findall(r'^    "(\w+)",$', (EXAMPLES / "run_all.py").read_text(), re.MULTILINE))
    assert listed == {path.stem for path in EXAMPLES.glob("*.py")} - {"common", "run_all"}


def test_a_missing_data_set_is_named_without_a_traceback(run_example, tmp_path):
    run = run_example("mnist_mlp", "--data", tmp_path / "nowhere")
    assert run.status == 1
    assert str(tmp_path / "nowhere" / "MNIST" / "raw" / "train-images-idx3-ubyte.gz") in run.complaint
    assert "Traceback" not in run.complaint


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send to another process")
def test_ctrl_c_saves_the_best_weights_and_ends_with_a_message(tmp_path):
    command = [sys.executable, EXAMPLES / "softmax_regression.py", "--quick", "--epochs", "1000", "--output", tmp_path]
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "PYTHONUNBUFFERED": "1"}
    # Started in the background of a shell, the tests ignore the signal, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with run:
        best = 0.0
        for line in run.stdout:
            best = max(best, figure(r"test accuracy ([\d.]+)", line))
            if "epoch  3" in line:
                run.send_signal(signal.SIGINT)
                break
        rest, complaint = run.communicate(timeout=60)
    assert run.returncode == 130
    assert complaint == ""
    for accuracy in re.findall(r"epoch.* test accuracy ([\d.]+)", rest):  # printed before the signal came
        best = max(best, float(accuracy))
    weights = tmp_path / "weights.safetensors"
    assert rest.splitlines()[-1] == f"stopped by Ctrl-C; the best weights (test accuracy {best:.2f}%) are in {weights}"

    model = tg.nn.Linear(784, 10)
    model.load_state_dict(tg.load(weights))
    digits = MNIST(EXAMPLES / "data", train=False)
    with tg.no_grad():
        answers = model(digits.data[:1000].flatten(1).float() / 255).argmax(1)
    assert (answers == digits.targets[:1000]).float().mean().item() == pytest.approx(best / 100, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
