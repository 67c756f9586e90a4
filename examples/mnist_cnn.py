"""A convolutional network learns MNIST, to more than 99%: filters slide over the image and look for strokes.

Two convolutions with ReLU and max pooling, then two linear layers with dropout; Adam's learning rate first rises and
then falls.
"""

import common
from matplotlib import pyplot as plt

import tinygrad_np as tg
from tinygrad_np.nn import functional as F


def convolution(inputs: int, outputs: int, batch_norm: bool) -> tg.nn.Sequential:
    """For each of its filters a picture of where it fires."""
    normalize = [tg.nn.BatchNorm2d(outputs)] if batch_norm else []
    return tg.nn.Sequential(tg.nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), *normalize, tg.nn.ReLU())


class CNN(tg.nn.Module):
    def __init__(self, batch_norm: bool):
        super().__init__()
        self.conv1 = convolution(1, 16, batch_norm)
        self.conv2 = convolution(16, 32, batch_norm)
        self.classifier = tg.nn.Sequential(
            tg.nn.Flatten(),
            tg.nn.Dropout(0.25),
            tg.nn.Linear(32 * 7 * 7, 128),
            tg.nn.ReLU(),
            tg.nn.Dropout(0.25),
            tg.nn.Linear(128, 10),
        )

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        edges = F.max_pool2d(self.conv1(images.unsqueeze(1)), 2)
        parts = F.max_pool2d(self.conv2(edges), 2)
        return self.classifier(parts)


@tg.no_grad()
def plot_filters(model: CNN, image: tg.Tensor, path: common.Path) -> None:
    """Draw an image, and the filters of the first layer, each beside the places of the image where it fires."""
    model.eval()
    filters, maps = model.conv1[0].weight.squeeze(1), model.conv1(image.reshape(1, 1, 28, 28)).squeeze(0)
    figure = plt.figure(figsize=(10, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 3])
    grid = right.subplots(4, 8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    largest = filters.abs().max().item()
    for i, (weights, fires) in enumerate(zip(filters, maps, strict=True)):
        filter_axes, map_axes = grid.reshape(-1, 2)[i]
        shades = filter_axes.imshow(weights, cmap="RdBu", vmin=-largest, vmax=largest)
        filter_axes.set_title(f"filter {i + 1}", fontsize=9)
        map_axes.imshow(fires, cmap="gray_r", vmin=0, vmax=maps.max().item())
    right.colorbar(shades, ax=grid, label="weight")
    axes = left.subplots()
    axes.imshow(image, cmap="gray_r")
    axes.set(title="The image", xticks=[], yticks=[])
    figure.suptitle("What the filters of the first layer look for, and where in the image they find it")
    common.save_figure(figure, path)


parser = common.argument_parser("mnist_cnn", __doc__)
parser.add_argument("--epochs", type=common.positive, default=4, help="passes over the 60,000 training images")
parser.add_argument("--batch-size", type=common.positive, default=128, help="images per step")
parser.add_argument("--lr", type=float, default=4e-3, help="learning rate at the top of its cycle")
parser.add_argument("--batch-norm", action="store_true", help="normalize what each convolution gives, over the batch")
options = common.parse(parser, epochs=1)

tg.manual_seed(options.seed)
train_set, test_set = common.mnist(options, train=True), common.mnist(options, train=False)
loader = tg.utils.data.DataLoader(train_set, options.batch_size, shuffle=True)
model = CNN(options.batch_norm)
optimizer = tg.optim.Adam(model.parameters())
schedule = tg.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, epochs=options.epochs, steps_per_epoch=len(loader))
print(model)

images, labels = test_set.tensors
with common.Training(model, options.output / "weights.safetensors") as training:
    for epoch in range(1, options.epochs + 1):
        model.train()
        total = 0.0
        for batch, targets in common.progress(loader, f"epoch {epoch}/{options.epochs}"):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(batch), targets)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        predictions = common.predict(model, images)
        training.report(epoch, total / len(loader), accuracy=(predictions == labels).float().mean().item())

common.plot_history(options.output / "history.png", training)
plot_filters(model, images[0], options.output / "filters.png")
common.plot_mistakes(images.numpy(), labels.numpy(), predictions.numpy(), options.output / "mistakes.png")
accuracy = training.accuracies[-1]
print(f"test accuracy {accuracy:.2%} after {training.seconds:.1f} s of training")
common.finish(options, classic=0.99, ours=accuracy, reached=accuracy >= 0.99)
