"""Gradients, whether a graph is recorded for them, and functions with gradients of their own."""

from tinygrad_np.autograd import graph
from tinygrad_np.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from tinygrad_np.autograd.function import Function
from tinygrad_np.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tinygrad_np.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from tinygrad_np.backward import backward, grad

__all__ = [
    # gradients
    "backward",
    "grad",
    # whether a graph is recorded
    "no_grad",
    "enable_grad",
    "set_grad_enabled",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    # functions of one's own
    "Function",
    # finding mistakes
    "gradcheck",
    "gradgradcheck",
    "GradcheckError",
    "detect_anomaly",
    "set_detect_anomaly",
    "graph",
]
