"""What the examples share: their command line, progress bars and figures."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

try:
    import matplotlib
    from tqdm import tqdm

    matplotlib.use("Agg")  # figures go to files
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"{error}: the examples need `pip install 'tinygrad-np[examples]'`") from error

HERE = Path(__file__).parent


def argument_parser(example: str, description: str) -> argparse.ArgumentParser:
    """A parser with the options that all examples have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers: same seed, same result")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder with the data sets")
    parser.add_argument(
        "--output", type=Path, default=Path("runs") / example, help="folder that weights and figures are written to"
    )
    return parser


def progress(batches: Iterable[Any], description: str) -> Any:
    """The batches, with a bar on a terminal that shows the rate and goes away when it is done."""
    return tqdm(batches, desc=description, unit="batch", leave=False, disable=None, mininterval=0.2)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure as PNG and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def plot_history(losses: Sequence[float], accuracies: Sequence[float], path: Path) -> None:
    """Draw loss and test accuracy, epoch by epoch."""
    epochs = range(1, len(losses) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.plot(epochs, losses, marker="o")
    left.set(title="Training loss", xlabel="epoch", ylabel="mean cross entropy")
    right.plot(epochs, [100 * a for a in accuracies], marker="o", color="tab:green")
    right.set(title="Test accuracy", xlabel="epoch", ylabel="correct, %")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    save_figure(figure, path)


def plot_mistakes(images: Any, labels: Any, predictions: Any, path: Path, rows: int = 4, columns: int = 8) -> None:
    """Draw the first digits that were misclassified, each with its label and the prediction."""
    figure, grid = plt.subplots(rows, columns, figsize=(1.3 * columns, 1.6 * rows), layout="constrained")
    wrong = (predictions != labels).nonzero()[0]
    for axes, i in zip(grid.flat, wrong, strict=False):
        axes.imshow(images[i].reshape(28, 28), cmap="gray_r")
        axes.set_title(f"{labels[i]}, read as {predictions[i]}", fontsize=8)
    for axes in grid.flat:
        axes.axis("off")
    figure.suptitle(
        f"{len(wrong)} of {len(labels)} test digits are misclassified; the first {min(len(wrong), rows * columns)}"
    )
    save_figure(figure, path)
