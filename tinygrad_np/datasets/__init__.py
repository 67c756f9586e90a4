"""Data sets, read from their published files."""

from tinygrad_np.datasets.mnist import MNIST

__all__ = ["MNIST"]
