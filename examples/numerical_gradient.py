"""A gradient measured, a gradient computed, and the descent along it.

The slope of a function can be measured: two values close to each other, their difference divided by the distance.
Autograd computes it instead, by the rules of calculus, and both agree. Going against the gradient, step by step, leads
to a minimum: the idea by which every network here learns.
"""

from collections.abc import Callable

import common
import numpy as np
from matplotlib import pyplot as plt

import tinygrad_np as tg


def curve(x: tg.Tensor) -> tg.Tensor:
    return 0.01 * x**2 + 0.1 * x


def bowl(x: tg.Tensor) -> tg.Tensor:
    return (x**2).sum()


def point(coordinates: float | list[float]) -> tg.Tensor:
    return tg.tensor(coordinates, dtype=tg.float64, requires_grad=True)


def compare(f: Callable[[tg.Tensor], tg.Tensor], x: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
    """The gradient of ``f`` at ``x``, measured and computed; prints both."""
    numerical = common.numerical_gradient(f, x)
    (computed,) = tg.autograd.grad(f(x), x)
    error = (numerical - computed).abs().max()
    print(f"  {f.__name__} at {x.tolist()}: {numerical.tolist()}, {computed.tolist()}, difference {error:.0e}")
    return numerical, computed


def descend(f: Callable[[tg.Tensor], tg.Tensor], x: tg.Tensor) -> list[list[float]]:
    """Move ``x`` against the gradient, and return the points on the way."""
    optimizer = tg.optim.SGD([x], lr=options.lr)
    path = [x.tolist()]
    for _ in range(options.steps):
        optimizer.zero_grad()
        f(x).backward()
        optimizer.step()
        path.append(x.tolist())
    return path


parser = common.argument_parser("numerical_gradient", __doc__)
parser.add_argument("--lr", type=float, default=0.1, help="learning rate of the descent; try 1e-10, and 10")
parser.add_argument("--steps", type=common.positive, default=100, help="of the descent")
options = common.parse(parser)

print("gradients: by central differences, by autograd")
slopes = {x: compare(curve, point(x)) for x in (5.0, 10.0)}
for x in [3.0, 4.0], [0.0, 2.0], [3.0, 0.0]:
    compare(bowl, point(x))
path = np.array(descend(bowl, point([-3.0, 4.0])))
print(f"descent of the bowl from {path[0]}: after {options.steps} steps at {path[-1]}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained", width_ratios=[1.1, 1])
x = tg.linspace(0, 20, 200)
left.plot(x, curve(x), linewidth=2, label="$0.01x^2 + 0.1x$")
for (at, (slope, _)), colour in zip(slopes.items(), ("tab:orange", "tab:green"), strict=True):
    near = tg.linspace(at - 5, at + 5, 2)
    height = curve(tg.tensor(at))
    left.plot(near, height + slope * (near - at), color=colour, label=f"slope {slope:.3f} at {at:.0f}")
    left.scatter(at, height, color=colour, zorder=3)
left.set(title="Slopes by central differences", xlabel="x", ylabel="f(x)")
left.legend()
left.grid(alpha=0.3)

side = np.linspace(-5, 5, 201)
contours = right.contourf(side, side, side**2 + side[:, None] ** 2, levels=range(0, 55, 5), cmap="Blues_r")
right.plot(*path.T, color="tab:orange", marker="o", markersize=5, label=f"{options.steps} steps of descent")
right.plot(0, 0, color="black", marker="+", markersize=12, label="minimum")
right.set(title="Gradient descent from (−3, 4)", xlabel="$x_0$", ylabel="$x_1$", aspect="equal")
right.set(xlim=(-5, 5), ylim=(-5, 5))
right.legend(loc="lower left")
figure.colorbar(contours, label="$x_0^2 + x_1^2$")
common.save_figure(figure, options.output / "numerical_gradient.png")

measured = [slope.item() for slope, _ in slopes.values()]
common.finish(
    options,
    classic="slopes 0.2 and 0.3, then [-6.1e-10, 8.1e-10]",
    ours=f"slopes {measured[0]:.10g} and {measured[1]:.10g}, then [{path[-1][0]:.1e}, {path[-1][1]:.1e}]",
    reached=np.allclose(measured, [0.2, 0.3], rtol=0, atol=1e-9) and bool((abs(path[-1]) < 1e-9).all()),
)
