"""Optimizers: `SGD`, `Adagrad`, `RMSprop`, `Adam`, `AdamW`; and schedules of their learning rate: `lr_scheduler`."""

from tinygrad_np.optim import lr_scheduler
from tinygrad_np.optim.adagrad import Adagrad
from tinygrad_np.optim.adam import Adam, AdamW
from tinygrad_np.optim.optimizer import Optimizer
from tinygrad_np.optim.rmsprop import RMSprop
from tinygrad_np.optim.sgd import SGD

__all__ = ["Optimizer", "SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "lr_scheduler"]
