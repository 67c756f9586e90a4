"""Neural networks: modules, their parameters, how these are initialised, and the functions behind the modules."""

from tinygrad_np.nn import functional, init, utils
from tinygrad_np.nn.module import Module
from tinygrad_np.nn.modules.activation import (
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygrad_np.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d
from tinygrad_np.nn.modules.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from tinygrad_np.nn.modules.conv import Conv2d
from tinygrad_np.nn.modules.dropout import Dropout
from tinygrad_np.nn.modules.flatten import Flatten, Unflatten
from tinygrad_np.nn.modules.linear import Identity, Linear
from tinygrad_np.nn.modules.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
)
from tinygrad_np.nn.modules.pooling import AvgPool2d, MaxPool2d
from tinygrad_np.nn.parameter import Parameter

__all__ = [
    # the base
    "Module",
    "Parameter",
    "functional",
    "init",
    "utils",
    # containers
    "Sequential",
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
    # layers
    "Identity",
    "Linear",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Flatten",
    "Unflatten",
    "Dropout",
    # activations
    "ReLU",
    "LeakyReLU",
    "SiLU",
    "Softplus",
    "Sigmoid",
    "LogSigmoid",
    "Tanh",
    "Softmax",
    "LogSoftmax",
    # losses
    "CrossEntropyLoss",
    "NLLLoss",
    "MSELoss",
    "L1Loss",
    "BCELoss",
    "BCEWithLogitsLoss",
]
