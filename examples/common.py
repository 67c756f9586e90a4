"""What the examples share: command line, data, progress bars, training that survives Ctrl-C, figures, the summary."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import tinygrad_np as tg

try:
    import matplotlib
    from tqdm import tqdm

    matplotlib.use("Agg")  # figures go to files
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"{error}: the examples need `pip install 'tinygrad-np[examples]'`") from error

HERE = Path(__file__).parent
START = time.perf_counter()


# ---- the command line ----------------------------------------------------------------------------------------------


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults that say something, and the paragraphs of the description as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def argument_parser(example: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all examples have; to be read by `parse`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=_HelpFormatter)
    parser.set_defaults(example=example)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers: same seed, same result")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder with the data sets")
    parser.add_argument(
        "--output", type=Path, default=Path("runs") / example, help="folder that weights and figures are written to"
    )
    parser.add_argument("--quick", action="store_true", help="a small run of seconds, to see that everything works")
    return parser


def positive(text: str) -> int:
    """The type of an option that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def parse(parser: argparse.ArgumentParser, **quick: Any) -> argparse.Namespace:
    """The options given, with ``quick`` for the defaults if ``--quick`` is among them. Makes the output folder."""
    if parser.parse_args().quick:
        parser.set_defaults(**quick)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    return options


def finish(options: argparse.Namespace, classic: float | str, ours: float | str, reached: bool) -> None:
    """Print the summary: one line of ``key=value`` words, quoted as in a shell, to be split by `shlex.split`.

    Args:
        options: What `parse` returned.
        classic: The figure to be reached: a number, or a few words.
        ours: The figure that was reached.
        reached: Whether it is as good as the classic's.
    """
    summary = {
        "example": options.example,
        "classic": f"{classic:.4g}" if isinstance(classic, float) else classic,
        "ours": f"{ours:.4g}" if isinstance(ours, float) else ours,
        "reached": "yes" if reached else "no",
        "seconds": f"{time.perf_counter() - START:.1f}",
    }
    print("RESULT", *(f"{key}={shlex.quote(value)}" for key, value in summary.items()))


# ---- data ----------------------------------------------------------------------------------------------------------


def mnist(options: argparse.Namespace, train: bool) -> tg.utils.data.TensorDataset:
    """MNIST as pairs of images, float32 from 0 to 1 of shape (28, 28), and digits; with ``--quick`` the first few."""
    try:
        digits = tg.datasets.MNIST(options.data, train=train)
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    count = (6_000 if train else 1_000) if options.quick else len(digits)
    return tg.utils.data.TensorDataset(digits.data[:count].float() / 255, digits.targets[:count])


# ---- training ------------------------------------------------------------------------------------------------------


def progress(items: Iterable[Any], description: str, unit: str = "batch") -> Any:
    """The items, with a bar on a terminal that shows the rate and goes away when it is done."""
    return tqdm(items, desc=description, unit=unit, leave=False, disable=None, mininterval=0.2)


class Training:
    """A training run, as a context: reports how it goes, and at the end saves the weights.

    These are the last weights; or, if Ctrl-C ends the run, the best so far, and with a message the program ends too.

    Args:
        model: The module that is trained.
        path: The file that its weights are saved to.
        name: What to call the run, where there are several.
        unit: What ``step`` counts.

    Attributes:
        steps, losses, accuracies: What was reported.
        seconds: How long the run took.
    """

    def __init__(self, model: tg.nn.Module, path: Path, name: str = "", unit: str = "epoch"):
        self.model, self.path, self.name, self.unit = model, path, name, unit
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.best: dict[str, tg.Tensor] = {}

    def report(self, step: int, loss: float, accuracy: float) -> None:
        """Print and keep the mean training loss and the test accuracy, and the weights if they are the best so far."""
        if accuracy > max(self.accuracies, default=-1):
            self.best = {name: weight.clone() for name, weight in self.model.state_dict().items()}
        self.steps.append(step)
        self.losses.append(loss)
        self.accuracies.append(accuracy)
        run = f"{self.name}, " if self.name else ""
        print(f"{run}{self.unit} {step:2}: train loss {loss:.4f}, test accuracy {accuracy:.2%}")

    def __enter__(self) -> Training:
        self.begin = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self.begin
        if kind is None:
            tg.save(self.model.state_dict(), self.path)
            print(f"wrote {self.path}")
        if kind is KeyboardInterrupt:
            tg.save(self.best or self.model.state_dict(), self.path)
            what = f"best weights (test accuracy {max(self.accuracies):.2%})" if self.best else "weights so far"
            tqdm.write(f"stopped by Ctrl-C; the {what} are in {self.path}")
            raise SystemExit(130) from None  # 128 + SIGINT, as a shell reports it


@tg.no_grad()
def predict(model: tg.nn.Module, images: tg.Tensor, batch_size: int = 1000) -> tg.Tensor:
    """The digits that a model sees in images."""
    model.eval()
    return tg.cat([model(batch).argmax(1) for batch in images.split(batch_size)])


@tg.no_grad()
def numerical_gradient(f: Callable[[tg.Tensor], tg.Tensor], x: tg.Tensor, h: float = 1e-4) -> tg.Tensor:
    """Central differences ``(f(x + h) - f(x - h)) / 2h``, for one element of x after the other, changed in place."""
    values, gradient = x.detach().numpy(), np.empty(x.shape)
    for index, value in np.ndenumerate(values.copy()):
        values[index] = value + h
        above = f(x).item()
        values[index] = value - h
        below = f(x).item()
        values[index] = value
        gradient[index] = (above - below) / (2 * h)
    return tg.from_numpy(gradient)


# ---- figures -------------------------------------------------------------------------------------------------------


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG and say where."""
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print(f"wrote {path}")


def plot_history(path: Path, *trainings: Training) -> None:
    """Draw the training loss and the test accuracy of one or several runs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for training in trainings:
        left.plot(training.steps, training.losses, marker=".", label=training.name)
        right.plot(training.steps, [100 * a for a in training.accuracies], marker=".", label=training.name)
    left.set(title="Training loss", ylabel="mean loss")
    right.set(title="Test accuracy", ylabel="correct, %")
    for axes in (left, right):
        axes.set_xlabel(trainings[0].unit)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    if len(trainings) > 1:
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(trainings))
    save_figure(figure, path)


def plot_mistakes(images: Any, labels: Any, predictions: Any, path: Path) -> None:
    """Draw the first digits that were misclassified, each with its label and the prediction."""
    figure, grid = plt.subplots(4, 8, figsize=(10.4, 6.4), layout="constrained")
    wrong = (predictions != labels).nonzero()[0]
    for axes, i in zip(grid.flat, wrong, strict=False):
        axes.imshow(images[i].reshape(28, 28), cmap="gray_r")
        axes.set_title(f"{labels[i]}, read as {predictions[i]}", fontsize=8)
    for axes in grid.flat:
        axes.axis("off")
    figure.suptitle(
        f"{len(wrong)} of {len(labels)} test digits are misclassified; the first {min(len(wrong), grid.size)}"
    )
    save_figure(figure, path)


def plot_answer(image: Any, scores: Any, title: str, path: Path) -> None:
    """Draw an image beside the score that a network gives each digit."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained", width_ratios=[1, 1.6])
    left.imshow(image.reshape(28, 28), cmap="gray_r")
    left.set(title=title, xticks=[], yticks=[])
    answer = int(scores.argmax())
    bars = right.bar(
        range(10), scores, color=["tab:blue" if digit == answer else "lightsteelblue" for digit in range(10)]
    )
    right.bar_label(bars, fmt="%.3f", fontsize=7)
    right.set(
        title=f"Read as {answer}", xlabel="digit", ylabel="output of the network", xticks=range(10), ylim=(0, 1.08)
    )
    save_figure(figure, path)
