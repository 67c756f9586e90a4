"""Softmax regression: one linear layer learns MNIST, and its ten rows of weights are images one can look at."""

import common
import numpy as np
from matplotlib import pyplot as plt

import tinygrad_np as tg

parser = common.argument_parser("softmax_regression", __doc__)
parser.add_argument("--epochs", type=common.positive, default=10, help="passes over the 60,000 training images")
parser.add_argument("--batch-size", type=common.positive, default=256, help="images per step")
parser.add_argument("--lr", type=float, default=0.5, help="learning rate of the first epoch")
options = common.parse(parser, epochs=2)

tg.manual_seed(options.seed)
train_set, test_set = common.mnist(options, train=True), common.mnist(options, train=False)
loader = tg.utils.data.DataLoader(train_set, options.batch_size, shuffle=True)
model = tg.nn.Linear(784, 10)
for parameter in model.parameters():
    tg.nn.init.zeros_(parameter)
optimizer = tg.optim.SGD(model.parameters(), lr=options.lr)
schedule = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.epochs)

images, labels = test_set.tensors[0].flatten(1), test_set.tensors[1]
with common.Training(model, options.output / "weights.safetensors") as training:
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for batch, targets in common.progress(loader, f"epoch {epoch}/{options.epochs}"):
            optimizer.zero_grad()
            loss = tg.nn.functional.cross_entropy(model(batch.flatten(1)), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        schedule.step()
        predictions = common.predict(model, images)
        training.report(epoch, total / len(loader), accuracy=(predictions == labels).float().mean().item())
accuracy = training.accuracies[-1]

# As text too, ten rows of the bias and 784 weights; 9 digits tell any two float32 apart.
parameters = tg.cat([model.bias.unsqueeze(1), model.weight], dim=1).detach()
np.savetxt(
    options.output / "weights.txt", parameters.numpy(), fmt="%.9g", header="bias, then the weights of 784 pixels"
)
print(f"wrote {options.output / 'weights.txt'}")

from_text = tg.from_numpy(np.loadtxt(options.output / "weights.txt", dtype=np.float32))
from_safetensors = tg.load(options.output / "weights.safetensors")
assert tg.equal(from_text, parameters)
model.load_state_dict(from_safetensors)
assert tg.equal(common.predict(model, images), predictions)
print("loaded both again: the same weights, the same predictions")

figure, grid = plt.subplots(2, 5, figsize=(10, 4.8), layout="constrained")
largest = model.weight.abs().max().item()
for digit, axes in enumerate(grid.flat):
    picture = axes.imshow(model.weight[digit].detach().reshape(28, 28), cmap="RdBu", vmin=-largest, vmax=largest)
    axes.set(title=f"{digit}", xticks=[], yticks=[])
figure.colorbar(picture, ax=grid, label="weight")
figure.suptitle("What each output looks for: ink on blue speaks for the digit, ink on red against it")
common.save_figure(figure, options.output / "weights.png")
print(f"test accuracy {accuracy:.2%} after {training.seconds:.1f} s of training")
common.finish(options, classic=0.92, ours=accuracy, reached=accuracy >= 0.92 and training.seconds < 10)
