"""The first network of "Deep Learning with Python", in the manner of Keras: fit, evaluate, predict.

784-512-10 with ReLU and softmax, trained by RMSprop on one-hot targets: 5 epochs in batches of 128.
"""

import common

import tinygrad_np as tg
from tinygrad_np.nn import functional as F
from tinygrad_np.utils.data import DataLoader, TensorDataset


class Model:
    """Layers, an optimizer and a loss, and the three things that one does with them."""

    def __init__(self, layers: list[tg.nn.Module], optimizer, schedule, loss):
        self.network = tg.nn.Sequential(*layers)
        self.optimizer = optimizer(self.network.parameters())
        self.schedule = schedule(self.optimizer)
        self.loss = loss

    def fit(self, x: tg.Tensor, y: tg.Tensor, epochs: int, batch_size: int, validation_data: tuple) -> common.Training:
        with common.Training(self.network, options.output / "weights.safetensors") as training:
            for epoch in range(1, epochs + 1):
                self.network.train()
                batches = DataLoader(TensorDataset(x, y), batch_size, shuffle=True)
                total = 0.0
                for inputs, targets in common.progress(batches, f"epoch {epoch}/{epochs}"):
                    self.optimizer.zero_grad()
                    loss = self.loss(self.network(inputs), targets)
                    loss.backward()
                    self.optimizer.step()
                    total += loss.item()
                self.schedule.step()
                training.report(epoch, total / len(batches), self.evaluate(*validation_data)[1])
        return training

    @tg.no_grad()
    def evaluate(self, x: tg.Tensor, y: tg.Tensor) -> tuple[float, float]:
        """Mean loss, and the share of right answers."""
        self.network.eval()
        logits = self.network(x)
        return self.loss(logits, y).item(), (logits.argmax(1) == y.argmax(1)).float().mean().item()

    @tg.no_grad()
    def predict(self, x: tg.Tensor) -> tg.Tensor:
        """The probability of each class."""
        self.network.eval()
        return self.network(x).softmax(1)


parser = common.argument_parser("keras_style_mlp", __doc__)
parser.add_argument("--epochs", type=common.positive, default=5, help="passes over the 60,000 training images")
parser.add_argument("--batch-size", type=common.positive, default=128, help="images per step")
parser.add_argument("--image", type=int, default=0, help="index of the test image that is predicted and drawn")
options = common.parse(parser, epochs=2)

tg.manual_seed(options.seed)
train_images, train_labels = common.mnist(options, train=True).tensors
test_images, test_labels = common.mnist(options, train=False).tensors
if not 0 <= options.image < len(test_images):
    parser.error(f"--image: there are {len(test_images)} test images, numbered from 0")
x_train, y_train = train_images.flatten(1), F.one_hot(train_labels, 10).float()
x_test, y_test = test_images.flatten(1), F.one_hot(test_labels, 10).float()

model = Model(
    layers=[tg.nn.Linear(784, 512), tg.nn.ReLU(), tg.nn.Linear(512, 10)],
    optimizer=lambda parameters: tg.optim.RMSprop(parameters, lr=0.002),
    schedule=lambda optimizer: tg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
    loss=F.cross_entropy,
)
training = model.fit(x_train, y_train, options.epochs, options.batch_size, validation_data=(x_test, y_test))
loss, accuracy = model.evaluate(x_test, y_test)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.2%} after {training.seconds:.1f} s of training")

index = options.image
probabilities = model.predict(x_test[index : index + 1])[0]
print(f"test image {index} is a {test_labels[index]}, predicted {probabilities.argmax()}")
common.plot_history(options.output / "history.png", training)
common.plot_answer(test_images[index], probabilities, f"Test image {index}", options.output / "prediction.png")
common.finish(options, classic=0.978, ours=accuracy, reached=accuracy >= 0.978)
