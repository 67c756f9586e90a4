"""Train a multilayer perceptron on MNIST, from import to accuracy: ``make mnist``."""

import common

import tinygrad_np as tg


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


parser = common.argument_parser("mnist_mlp", __doc__)
parser.add_argument("--epochs", type=common.positive, default=10, help="passes over the 60,000 training images")
parser.add_argument("--batch-size", type=common.positive, default=128, help="images per step")
parser.add_argument("--lr", type=float, default=1e-3, help="learning rate of the first epoch; it falls along a cosine")
parser.add_argument(
    "--hidden", type=common.positive, nargs="+", default=[512], metavar="N", help="units of the hidden layers"
)
parser.add_argument("--optimizer", choices=["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"], default="Adam", help="rule")
options = common.parse(parser, epochs=2, hidden=[64])

tg.manual_seed(options.seed)
train_set, test_set = common.mnist(options, train=True), common.mnist(options, train=False)
loader = tg.utils.data.DataLoader(train_set, options.batch_size, shuffle=True)
model = MLP(options.hidden)
optimizer = getattr(tg.optim, options.optimizer)(model.parameters(), lr=options.lr)
scheduler = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.epochs)
print(model)

images, labels = test_set.tensors
with common.Training(model, options.output / "weights.safetensors") as training:
    for epoch in range(1, options.epochs + 1):
        loss = train_epoch(model, loader, optimizer, f"epoch {epoch}/{options.epochs}")
        scheduler.step()
        predictions = common.predict(model, images)
        training.report(epoch, loss, accuracy=(predictions == labels).float().mean().item())

common.plot_history(options.output / "history.png", training)
common.plot_mistakes(images.numpy(), labels.numpy(), predictions.numpy(), options.output / "mistakes.png")
accuracy = training.accuracies[-1]
print(f"test accuracy {accuracy:.2%} after {training.seconds:.1f} s of training")
common.finish(options, classic=0.98, ours=accuracy, reached=accuracy >= 0.98)
