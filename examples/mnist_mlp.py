"""Train a multilayer perceptron on MNIST, from import to accuracy: ``make mnist``."""

import time
from pathlib import Path

import common

import tinygrad_np as tg
from tinygrad_np.datasets import MNIST


class MLP(tg.nn.Module):
    def __init__(self, hidden: list[int], dropout: float = 0.2):
        super().__init__()
        layers = []
        for fan_in, fan_out in zip([784, *hidden], hidden, strict=False):
            layers += [tg.nn.Linear(fan_in, fan_out), tg.nn.ReLU(), tg.nn.Dropout(dropout)]
        self.hidden = tg.nn.Sequential(*layers)
        self.output = tg.nn.Linear(hidden[-1], 10)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        return self.output(self.hidden(images.flatten(1)))


def load(root: Path, train: bool) -> tg.utils.data.TensorDataset:
    mnist = MNIST(root, train=train)
    return tg.utils.data.TensorDataset(mnist.data.float() / 255, mnist.targets)


def train_epoch(model: MLP, loader: tg.utils.data.DataLoader, optimizer: tg.optim.Optimizer, title: str) -> float:
    model.train()
    total = 0.0
    for images, labels in (bar := common.progress(loader, title)):
        optimizer.zero_grad()
        loss = tg.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return total / len(loader)


@tg.no_grad()
def predict(model: MLP, images: tg.Tensor) -> tg.Tensor:
    model.eval()
    return model(images).argmax(1)


parser = common.argument_parser("mnist_mlp", __doc__)
parser.add_argument("--epochs", type=int, default=10, help="passes over the 60,000 training images")
parser.add_argument("--batch-size", type=int, default=128, help="images per step")
parser.add_argument("--lr", type=float, default=1e-3, help="learning rate")
parser.add_argument("--hidden", type=int, nargs="+", default=[512], metavar="N", help="units of the hidden layers")
parser.add_argument("--optimizer", choices=["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"], default="Adam", help="rule")
options = parser.parse_args()

tg.manual_seed(options.seed)
train_set, test_set = load(options.data, train=True), load(options.data, train=False)
loader = tg.utils.data.DataLoader(train_set, options.batch_size, shuffle=True)
model = MLP(options.hidden)
optimizer = getattr(tg.optim, options.optimizer)(model.parameters(), lr=options.lr)
print(model)

images, labels = test_set.tensors
losses, accuracies, seconds = [], [], 0.0
for epoch in range(1, options.epochs + 1):
    begin = time.perf_counter()
    losses.append(train_epoch(model, loader, optimizer, f"epoch {epoch}/{options.epochs}"))
    seconds += time.perf_counter() - begin
    accuracies.append((predict(model, images) == labels).float().mean().item())
    print(f"epoch {epoch:2}: train loss {losses[-1]:.4f}, test accuracy {accuracies[-1]:.2%}")

options.output.mkdir(parents=True, exist_ok=True)
tg.save(model.state_dict(), options.output / "weights.safetensors")
common.plot_history(losses, accuracies, options.output / "history.png")
predictions = predict(model, images)
common.plot_mistakes(images.numpy(), labels.numpy(), predictions.numpy(), options.output / "mistakes.png")
print(f"test accuracy {accuracies[-1]:.2%} after {seconds:.1f} s of training")
