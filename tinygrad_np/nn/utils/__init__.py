"""What training loops do to all parameters at once: clip their gradients, or make one vector of them."""

from tinygrad_np.nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_
from tinygrad_np.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"]
