"""The network of "Make Your Own Neural Network": a class that is trained and queried, one record at a time.

784-200-10 with sigmoids and no biases learns from squared errors, on MNIST's own files or on the book's CSV files
(``--train``, ``--test``), which ``--write-csv`` makes. Ask it about a digit of your own with ``--image``; with
``--weights`` it need not be trained again.
"""

import common
import numpy as np
from matplotlib import image
from matplotlib import pyplot as plt

import tinygrad_np as tg
from tinygrad_np.datasets import MNIST, MNISTCSV
from tinygrad_np.nn import functional as F


class NeuralNetwork:
    def __init__(self, inputs: int, hidden: int, outputs: int, lr: float):
        first, second = tg.nn.Linear(inputs, hidden, bias=False), tg.nn.Linear(hidden, outputs, bias=False)
        for layer in (first, second):
            tg.nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        self.layers = tg.nn.Sequential(first, tg.nn.Sigmoid(), second, tg.nn.Sigmoid())
        self.optimizer = tg.optim.SGD(self.layers.parameters(), lr=lr)

    def train(self, inputs: tg.Tensor, targets: tg.Tensor) -> float:
        """Make the error of this record smaller; returns what it was."""
        self.optimizer.zero_grad()
        error = F.mse_loss(self.layers(inputs), targets, reduction="sum")
        error.backward()
        self.optimizer.step()
        return error.item()

    @tg.no_grad()
    def query(self, inputs: tg.Tensor) -> tg.Tensor:
        return self.layers(inputs)


def scaled(images: tg.Tensor) -> tg.Tensor:
    """The book's inputs: rows of 784 from 0.01 to 1, since a weight behind a zero would learn nothing."""
    return images.flatten(1) * 0.99 + 0.01


def read_records(csv: str | None, train: bool) -> tuple[tg.Tensor, tg.Tensor]:
    """Inputs and labels, from a CSV file or MNIST's own."""
    if csv is None:
        images, labels = common.mnist(options, train).tensors
        return scaled(images), labels
    try:
        records = MNISTCSV(csv)
    except (OSError, RuntimeError) as error:
        raise SystemExit(f"{error}\nnothing was trained") from None
    return scaled(records.data.float() / 255), records.targets


def read_digit(path: str) -> tg.Tensor:
    """A digit from a picture, as MNIST has it: ink 1 on paper 0, 20 pixels high or wide, its mass in the centre.

    A picture of 28x28 pixels is taken as it is. The paper is what is along the border, white or black.
    """
    try:
        pixels = image.imread(path)
    except (OSError, SyntaxError) as error:  # the latter for a broken PNG
        raise SystemExit(f"--image {path}: {error}") from None
    if pixels.dtype == np.uint8:  # not a PNG
        pixels = pixels / 255
    if pixels.ndim == 3:
        alpha = pixels[:, :, 3] if pixels.shape[2] == 4 else 1
        pixels = pixels[:, :, :3].mean(2) * alpha + (1 - alpha)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ink = abs(pixels - np.median(border))
    if ink.max() < 0.1:
        raise SystemExit(f"--image {path}: there is nothing on it")
    if ink.shape != (28, 28):
        ink = centred(ink / ink.max())
    return tg.tensor(ink, dtype=tg.float32)


def centred(ink: np.ndarray) -> np.ndarray:
    """What is drawn, cropped, brought to a size of 20 and put into 28x28 pixels by its centre of mass."""
    rows, columns = np.nonzero(ink > 0.3)
    ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = np.maximum(np.round(20 * np.array(ink.shape) / max(ink.shape)), 1).astype(int)
    ink = averages(ink.shape[0], height) @ ink @ averages(ink.shape[1], width).T
    result = np.zeros((28, 28))
    middle = [np.arange(n) @ ink.sum(1 - axis) / ink.sum() for axis, n in enumerate(ink.shape)]
    top, left = (int(np.clip(np.round(13.5 - m), 0, 28 - n)) for m, n in zip(middle, ink.shape, strict=True))
    result[top : top + height, left : left + width] = ink
    return result


def averages(size: int, new_size: int) -> np.ndarray:
    """The matrix whose product with a row of pixels is the row at another size: means over where the pixels overlap."""
    edges = np.linspace(0, size, new_size + 1)[:, None]
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return overlap.clip(0) * new_size / size


def plot_scorecard(labels: np.ndarray, answers: np.ndarray) -> None:
    """Draw how often each digit got each answer."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, answers), 1)
    figure, axes = plt.subplots(figsize=(6.5, 6), layout="constrained")
    mistakes = counts * (1 - np.eye(10))
    axes.imshow(mistakes, cmap="Oranges", vmax=1.5 * max(mistakes.max(), 1))
    for (digit, answer), count in np.ndenumerate(counts):
        axes.text(answer, digit, count or "", ha="center", va="center", fontsize=9)
    axes.set(xticks=range(10), yticks=range(10), xlabel="answer of the network", ylabel="digit")
    axes.set_title(f"Scorecard: {np.trace(counts):,} of {len(labels):,} test records are right")
    common.save_figure(figure, options.output / "scorecard.png")


parser = common.argument_parser("make_your_own_network", __doc__)
parser.add_argument("--epochs", type=common.positive, default=5, help="passes over the training records")
parser.add_argument("--hidden", type=common.positive, default=200, help="hidden nodes")
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--train", metavar="CSV", help="training records (default: MNIST's 60,000)")
parser.add_argument("--test", metavar="CSV", help="test records (default: MNIST's 10,000)")
parser.add_argument("--write-csv", action="store_true", help="write MNIST as two CSV files to the output folder; stop")
parser.add_argument("--weights", metavar="FILE", help="the weights of an earlier run: do not train")
parser.add_argument("--image", metavar="FILE", help="a picture (PNG) of a digit, to be recognized")
options = common.parse(parser, epochs=1)

if options.write_csv:
    for name, train in ("mnist_train.csv", True), ("mnist_test.csv", False):
        digits = MNIST(options.data, train)
        MNISTCSV.write(options.output / name, digits.data, digits.targets)
        print(f"wrote {options.output / name}, {len(digits):,} records")
    parser.exit()

tg.manual_seed(options.seed)
network = NeuralNetwork(inputs=784, hidden=options.hidden, outputs=10, lr=options.lr)
own = read_digit(options.image) if options.image else None
test_inputs, test_labels = read_records(options.test, train=False)

if options.weights:
    network.layers.load_state_dict(tg.load(options.weights))
else:
    inputs, labels = read_records(options.train, train=True)
    targets = F.one_hot(labels, 10) * 0.98 + 0.01  # a sigmoid never reaches 0 or 1
    with common.Training(network.layers, options.output / "weights.safetensors") as training:
        for epoch in range(1, options.epochs + 1):
            records = common.progress(range(len(inputs)), f"epoch {epoch}/{options.epochs}", "record")
            total = sum(network.train(inputs[i], targets[i]) for i in records)
            answers = network.query(test_inputs).argmax(1)
            training.report(epoch, total / len(inputs), accuracy=(answers == test_labels).float().mean().item())
    print(f"{options.epochs * len(inputs) / training.seconds:,.0f} records per second")

answers = network.query(test_inputs).argmax(1)
scorecard = (answers == test_labels).tolist()
performance = sum(scorecard) / len(scorecard)
print(f"scorecard: {sum(scorecard):,} of {len(scorecard):,} right, performance {performance:.4f}")
plot_scorecard(test_labels.numpy(), answers.numpy())
if own is not None:
    outputs = network.query(scaled(own.unsqueeze(0)))[0]
    print(f"{options.image} is read as {outputs.argmax()}, with an output of {outputs.max():.2f}")
    common.plot_answer(own, outputs, "What the network sees", options.output / "answer.png")
common.finish(options, classic=0.97, ours=performance, reached=performance >= 0.97)
