"""Data sets, read from their published files."""

from tinygrad_np.datasets.mnist import MNIST
from tinygrad_np.datasets.mnist_csv import MNISTCSV

__all__ = ["MNIST", "MNISTCSV"]
