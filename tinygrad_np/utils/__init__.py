"""What stands beside the networks: the loading of data."""

from tinygrad_np.utils import data

__all__ = ["data"]
