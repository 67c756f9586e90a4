"""Read digits with a network that somebody else trained, one at a time and a hundred at a time.

The 784-50-100-10 network is that of the book "Deep Learning from Scratch" (chapter 3); its weights come with the
examples. It reads 9,352 of the 10,000 test images of MNIST correctly.
"""

import time

import common

import tinygrad_np as tg

parser = common.argument_parser("mnist_inference", __doc__)
parser.add_argument("--image", type=int, default=0, help="index of the test image that is drawn")
parser.add_argument("--batch-size", type=common.positive, default=100, help="images that are read at once")
options = common.parse(parser)

model = tg.nn.Sequential(
    tg.nn.Flatten(),
    tg.nn.Linear(784, 50),
    tg.nn.Sigmoid(),
    tg.nn.Linear(50, 100),
    tg.nn.Sigmoid(),
    tg.nn.Linear(100, 10),
    tg.nn.Softmax(dim=1),
)
# The book computes x @ W + b; a Linear computes x @ weight.T + bias.
book = tg.load(common.HERE / "data" / "sample_weight.safetensors")
for layer, number in (model[1], 1), (model[3], 2), (model[5], 3):
    layer.load_state_dict({"weight": book[f"W{number}"].T, "bias": book[f"b{number}"]})

images, labels = common.mnist(options, train=False).tensors
print("shapes, from one image to ten probabilities:")
signal = images[:1]
for layer in model:
    signal = layer(signal)
    weight = f"weight {tuple(layer.weight.shape)}, bias {tuple(layer.bias.shape)}" if hasattr(layer, "weight") else ""
    print(f"  {type(layer).__name__:8} {tuple(signal.shape)!s:10} {weight}".rstrip())

index = options.image
if not 0 <= index < len(images):
    parser.error(f"--image: there are {len(images)} test images, numbered from 0")
with tg.no_grad():
    probabilities = model(images[index : index + 1])[0]
print(f"test image {index} is a {labels[index]}, read as {probabilities.argmax()}: {probabilities.max():.1%} sure")
common.plot_answer(images[index], probabilities, f"Test image {index}", options.output / "answer.png")


def read(batch_size: int) -> tuple[float, float]:
    """Accuracy and seconds of reading all images, this many at once."""
    begin = time.perf_counter()
    right = 0
    with tg.no_grad():
        for start in common.progress(range(0, len(images), batch_size), f"{batch_size} at a time"):
            batch = slice(start, start + batch_size)
            right += (model(images[batch]).argmax(1) == labels[batch]).sum().item()
    return right / len(images), time.perf_counter() - begin


singly, seconds_singly = read(batch_size=1)
batched, seconds_batched = read(options.batch_size)
print(f"accuracy {singly:.4f} one at a time, in {seconds_singly:.2f} s")
print(f"accuracy {batched:.4f} {options.batch_size} at a time, in {seconds_batched:.3f} s")
print(f"batches of {options.batch_size} are {seconds_singly / seconds_batched:.0f} times faster")
common.finish(options, classic=0.9352, ours=batched, reached=singly == batched == 0.9352)
