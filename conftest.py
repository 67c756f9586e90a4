"""Import the package before its modules are collected for their doctests, so that none is imported twice."""

import tinygrad_np as tinygrad_np
