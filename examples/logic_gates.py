"""Logic gates as perceptrons: AND, NAND and OR with given weights, XOR composed of them; then all four learned.

A perceptron parts the plane of its inputs by one straight line and fires on one side of it. That is enough for AND,
NAND and OR. No line parts the cases in which XOR is true from those in which it is not, so XOR takes two layers.
"""

import common
import numpy as np
from matplotlib import pyplot as plt

import tinygrad_np as tg

INPUTS = tg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TRUTH = {
    "AND": tg.tensor([0.0, 0.0, 0.0, 1.0]),
    "NAND": tg.tensor([1.0, 1.0, 1.0, 0.0]),
    "OR": tg.tensor([0.0, 1.0, 1.0, 1.0]),
    "XOR": tg.tensor([0.0, 1.0, 1.0, 0.0]),
}


class Perceptron(tg.nn.Module):
    """Fires, as 1, where the weighted sum of the inputs is above zero with the bias added."""

    def __init__(self, weight: list[float], bias: float):
        super().__init__()
        self.weight, self.bias = tg.tensor(weight), bias

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return (x @ self.weight + self.bias > 0).float()


AND = Perceptron([0.5, 0.5], bias=-0.7)
NAND = Perceptron([-0.5, -0.5], bias=0.7)
OR = Perceptron([0.5, 0.5], bias=-0.2)


class XOR(tg.nn.Module):
    """True where NAND and OR both are: two layers of perceptrons."""

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return AND(tg.stack([NAND(x), OR(x)], dim=1))


def soft_perceptron(inputs: int) -> list[tg.nn.Module]:
    """A perceptron with a sigmoid for its step, which has no slope to descend: the probability of "true"."""
    return [tg.nn.Linear(inputs, 1), tg.nn.Sigmoid(), tg.nn.Flatten(0)]


def train(gates: tg.nn.ModuleDict) -> None:
    """Gradient descent on the cross entropy of all gates at once: they share no weights, so none disturbs another."""
    optimizer = tg.optim.SGD(gates.parameters(), lr=options.lr)
    for step in common.progress(range(1, options.steps + 1), "learning", "step"):
        losses = {
            name: tg.nn.functional.binary_cross_entropy(gates[name](INPUTS), truth) for name, truth in TRUTH.items()
        }
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        if step in (1, options.steps // 10, options.steps):
            print(f"step {step:4}: loss", ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items()))


def draw(axes: plt.Axes, gate: tg.nn.Module, title: str, truth: tg.Tensor) -> None:
    """Shade the plane by a gate's output, and mark the four inputs by what it should be."""
    side = np.linspace(-0.5, 1.5, 200, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    with tg.no_grad():
        output = gate(tg.from_numpy(plane.reshape(-1, 2))).reshape(200, 200)
    axes.contourf(side, side, output, levels=np.linspace(0, 1, 11), cmap="RdYlBu", alpha=0.6)
    axes.contour(side, side, output, levels=[0.5], colors="black", linewidths=1.2)
    for value, marker, colour, label in (0, "X", "firebrick", "should be false"), (1, "o", "navy", "should be true"):
        x1, x2 = INPUTS[truth == value].T
        axes.scatter(x1, x2, s=90, marker=marker, color=colour, edgecolors="white", label=label)
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1], aspect="equal")


parser = common.argument_parser("logic_gates", __doc__)
parser.add_argument("--steps", type=common.positive, default=1000, help="of gradient descent")
parser.add_argument("--lr", type=float, default=1.0, help="learning rate")
parser.add_argument("--hidden", type=common.positive, default=4, help="hidden units of the XOR that is learned")
options = common.parse(parser, steps=400)

tg.manual_seed(options.seed)
learned = tg.nn.ModuleDict({name: tg.nn.Sequential(*soft_perceptron(2)) for name in ("AND", "NAND", "OR")})
learned["XOR"] = tg.nn.Sequential(tg.nn.Linear(2, options.hidden), tg.nn.Tanh(), *soft_perceptron(options.hidden))
with common.Training(learned, options.output / "weights.safetensors"):
    train(learned)

figure, grid = plt.subplots(2, 4, figsize=(10, 6.1), layout="constrained", sharex=True, sharey=True)
given = {"AND": AND, "NAND": NAND, "OR": OR, "XOR": XOR()}
right = 0
for kind, gates, row in ("given", given, grid[0]), ("learned", learned, grid[1]):
    outputs = {name: gates[name](INPUTS).round() for name in TRUTH}
    right += sum(tg.equal(outputs[name], truth) for name, truth in TRUTH.items())
    print(f"\n{kind} weights\nx1  x2 ", *(f"{name:>5}" for name in TRUTH))
    for i, (x1, x2) in enumerate(INPUTS):
        print(f"{x1:2.0f}  {x2:2.0f} ", *(f"{outputs[name][i]:5.0f}" for name in TRUTH))
    for name, axes in zip(TRUTH, row, strict=True):
        draw(axes, gates[name], f"{name}, {kind}", TRUTH[name])
        axes.label_outer()
figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
print()
common.save_figure(figure, options.output / "logic_gates.png")
common.finish(options, classic="8 truth tables right", ours=f"{right} truth tables right", reached=right == 8)
