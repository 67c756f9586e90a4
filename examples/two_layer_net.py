"""The two-layer network of "Deep Learning from Scratch": its gradient checked, then trained by a rule of choice.

First, backpropagation is held against numerical differentiation: every parameter, on three images. Then the network
learns MNIST from batches drawn with replacement.
"""

import common

import tinygrad_np as tg

OPTIMIZERS = {
    "SGD": (tg.optim.SGD, {"lr": 0.05}),
    "momentum": (tg.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "Adagrad": (tg.optim.Adagrad, {"lr": 0.01}),
    "RMSprop": (tg.optim.RMSprop, {"lr": 0.001}),
    "Adam": (tg.optim.Adam, {"lr": 0.001}),
}
ACTIVATIONS = {"relu": tg.nn.ReLU, "sigmoid": tg.nn.Sigmoid}


class TwoLayerNet(tg.nn.Module):
    def __init__(self, hidden: int, activation: str):
        super().__init__()
        self.hidden = tg.nn.Linear(784, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.output = tg.nn.Linear(hidden, 10)
        for layer in (self.hidden, self.output):
            tg.nn.init.normal_(layer.weight, std=0.01)
            tg.nn.init.zeros_(layer.bias)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        return self.output(self.activation(self.hidden(images.flatten(1))))

    def loss(self, images: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        return tg.nn.functional.cross_entropy(self(images), labels)


def check_gradient(model: TwoLayerNet, images: tg.Tensor, labels: tg.Tensor) -> float:
    """The largest difference between the gradients of backpropagation and of numerical differentiation."""
    model.loss(images, labels).backward()
    largest = 0.0
    for parameter in common.progress(list(model.parameters()), "numerical gradient", "parameter"):
        numerical = common.numerical_gradient(lambda _: model.loss(images, labels), parameter)
        largest = max(largest, (parameter.grad - numerical).abs().max().item())
    return largest


def train(name: str) -> common.Training:
    """Train a new network with an optimizer: each gets the same initial weights and the same batches."""
    tg.manual_seed(options.seed)
    model = TwoLayerNet(options.hidden, options.activation)
    rule, settings = OPTIMIZERS[name]
    optimizer = rule(model.parameters(), **settings | ({"lr": options.lr} if options.lr else {}))
    weights = options.output / f"weights_{name}.safetensors"
    every, losses = max(options.iterations // 20, 1), []
    with common.Training(model, weights, name, unit="iteration") as training:
        for iteration in common.progress(range(1, options.iterations + 1), name):
            drawn = tg.randint(0, len(train_images), (options.batch_size,))
            optimizer.zero_grad()
            loss = model.loss(train_images[drawn], train_labels[drawn])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if iteration % every == 0 or iteration == options.iterations:
                right = common.predict(model, test_images) == test_labels
                training.report(iteration, sum(losses) / len(losses), accuracy=right.float().mean().item())
                losses.clear()
    return training


parser = common.argument_parser("two_layer_net", __doc__)
parser.add_argument("--iterations", type=common.positive, default=10_000, help="steps of training")
parser.add_argument("--batch-size", type=common.positive, default=512, help="images per step")
parser.add_argument("--hidden", type=common.positive, default=50, help="units of the hidden layer")
parser.add_argument("--activation", choices=ACTIVATIONS, default="relu", help="of the hidden layer")
parser.add_argument("--optimizer", choices=OPTIMIZERS, default="SGD", help="rule that updates the weights")
parser.add_argument("--lr", type=float, help="learning rate (default: one that suits the optimizer)")
parser.add_argument("--compare", action="store_true", help="train with each of the optimizers, and draw all together")
options = common.parse(parser, iterations=200, hidden=5)

tg.manual_seed(options.seed)
train_images, train_labels = common.mnist(options, train=True).tensors
test_images, test_labels = common.mnist(options, train=False).tensors

model = TwoLayerNet(options.hidden, options.activation).double()
largest = check_gradient(model, train_images[:3].double(), train_labels[:3])
print(f"largest difference between backpropagation and numerical differentiation: {largest:.1e}")

trainings = {name: train(name) for name in (OPTIMIZERS if options.compare else [options.optimizer])}
common.plot_history(options.output / "history.png", trainings[options.optimizer])
if options.compare:
    common.plot_history(options.output / "comparison.png", *trainings.values())
accuracy = trainings[options.optimizer].accuracies[-1]
print(f"test accuracy {accuracy:.2%} after {trainings[options.optimizer].seconds:.1f} s of training")
common.finish(options, classic=0.95, ours=accuracy, reached=accuracy >= 0.95 and largest < 1e-6)
