"""One signal through a 2-3-2-2 network with given weights, layer by layer, and a drawing of it.

Every layer weighs its inputs, adds its biases and hands the sums to its activation function; what comes out are the
inputs of the next layer. The network and its figures are those of "Deep Learning from Scratch", chapter 3.
"""

import common
from matplotlib import pyplot as plt

import tinygrad_np as tg

# As the book writes them: a row of weights for each input, a column for each output.
WEIGHTS = [
    [[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]],
    [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]],
    [[0.1, 0.3], [0.2, 0.4]],
]
BIASES = [[0.1, 0.2, 0.3], [0.1, 0.2], [0.1, 0.2]]
CLASSIC = tg.tensor([0.31682708, 0.69627909], dtype=tg.float64)


def draw(axes: plt.Axes, layers: list[tg.Tensor]) -> None:
    """Draw each neuron with its output and bias, and each connection as wide as its weight."""
    label = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    places = [[(x, (len(layer) - 1) / 2 - row) for row in range(len(layer))] for x, layer in enumerate(layers)]
    for weights, left, right in zip(WEIGHTS, places[:-1], places[1:], strict=True):
        for (x, y), row in zip(left, weights, strict=True):
            for (x_to, y_to), weight in zip(right, row, strict=True):
                axes.plot([x, x_to], [y, y_to], color="lightsteelblue", linewidth=10 * weight, zorder=1)
                where = 0.75 * x + 0.25 * x_to, 0.75 * y + 0.25 * y_to  # so near the start, no two labels meet
                axes.text(*where, weight, fontsize=8, ha="center", va="center", bbox=label)
    for layer, column, biases in zip(layers, places, [[None, None], *BIASES], strict=True):
        for value, (x, y), bias in zip(layer, column, biases, strict=True):
            axes.scatter(x, y, s=1700, c=value, cmap="YlOrRd", vmin=0, vmax=1.4, edgecolors="black")
            axes.text(x, y, f"{value:.4f}", fontsize=9, ha="center", va="center")
            if bias is not None:
                axes.text(x, y - 0.3, f"bias {bias}", fontsize=8, ha="center", va="top")
    axes.set(xticks=range(4), xlim=(-0.4, 3.4), ylim=(-1.5, 1.4), yticks=[])
    axes.set_xticklabels(["inputs", "first layer,\nsigmoid", "second layer,\nsigmoid", "outputs"])
    axes.set_title("A signal on its way through the network")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


parser = common.argument_parser("three_layer_forward", __doc__)
options = common.parse(parser)

network = tg.nn.Sequential(
    tg.nn.Linear(2, 3), tg.nn.Sigmoid(), tg.nn.Linear(3, 2), tg.nn.Sigmoid(), tg.nn.Linear(2, 2), tg.nn.Identity()
).double()
for linear, weights, biases in zip(network[::2], WEIGHTS, BIASES, strict=True):
    # The book computes x @ W + b; a Linear computes x @ weight.T + bias.
    weights, biases = tg.tensor(weights, dtype=tg.float64), tg.tensor(biases, dtype=tg.float64)
    linear.load_state_dict({"weight": weights.T, "bias": biases})

signals = [tg.tensor([1.0, 0.5], dtype=tg.float64)]
with tg.no_grad():
    for layer in network:
        signals.append(layer(signals[-1]))
        print(f"{type(layer).__name__:8}", *(f"{value:.8f}" for value in signals[-1]))

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
draw(axes, signals[::2])  # the inputs, then what each activation function hands on
common.save_figure(figure, options.output / "three_layer_forward.png")
output = signals[-1].round(decimals=8)
common.finish(options, classic=str(CLASSIC.tolist()), ours=str(output.tolist()), reached=tg.equal(output, CLASSIC))
