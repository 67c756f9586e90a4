"""Activation functions, and their derivatives by autograd, in one figure.

Between two layers of weights stands a function that is not linear: without it, two layers could do no more than one.
Training needs its derivative, which autograd has from the function itself; each is checked by central differences.
"""

import common
from matplotlib import pyplot as plt

import tinygrad_np as tg

ACTIVATIONS = {
    "step": lambda x: x.relu().sign(),
    "sigmoid": tg.sigmoid,
    "tanh": tg.tanh,
    "softsign": lambda x: x / (1 + x.abs()),
    "ReLU": tg.relu,
    "leaky ReLU": lambda x: tg.nn.functional.leaky_relu(x, negative_slope=0.1),
    "softplus": tg.nn.functional.softplus,
    "SiLU": tg.nn.functional.silu,
}

parser = common.argument_parser("activation_functions", __doc__)
parser.add_argument(
    "--interval", type=float, nargs=2, default=[-4.0, 4.0], metavar=("LOW", "HIGH"), help="where they are drawn"
)
parser.add_argument("--points", type=common.positive, default=1000, help="in the interval")
options = common.parse(parser, points=200)
low, high = options.interval
if not low < high:
    parser.error(f"--interval: {low} is not below {high}")

x = tg.linspace(low, high, options.points, dtype=tg.float64).requires_grad_()
h = 1e-5
smooth = x.abs() > h  # some have a kink at 0, where there is no derivative to compare with
largest = 0.0
figure, grid = plt.subplots(2, 4, figsize=(9.6, 5), layout="constrained", sharex=True, sharey="row")
for (name, f), axes in zip(ACTIVATIONS.items(), grid.flat, strict=True):
    y = f(x)
    (derivative,) = tg.autograd.grad(y.sum(), x)  # each y depends on its own x alone, so this is every dy/dx
    with tg.no_grad():
        difference = ((derivative - (f(x + h) - f(x - h)) / (2 * h)) * smooth).abs().max().item()
    largest = max(largest, difference)
    print(f"{name:12} derivative from {derivative.min():.3f} to {derivative.max():.3f}, error {difference:.0e}")

    axes.axhline(0, color="gray", linewidth=0.8)
    axes.axvline(0, color="gray", linewidth=0.8)
    axes.plot(x.detach(), y.detach(), linewidth=2, label="function")
    axes.plot(x.detach(), derivative, linewidth=2, linestyle="--", label="derivative")
    axes.set_title(name)
    axes.grid(alpha=0.3)
figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
for axes in grid[1]:
    axes.set_xlabel("x")
common.save_figure(figure, options.output / "activation_functions.png")
print(f"largest difference between autograd and central differences: {largest:.1e}")
ours = f"{len(ACTIVATIONS)} functions and derivatives"
common.finish(options, classic="3 functions", ours=ours, reached=largest < 1e-8)
