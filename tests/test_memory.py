"""The memory of the process. That of graphs: autograd/test_memory.py."""

import platform
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_np import nn
from tinygrad_np.memory import aligned

COUNT_FAULTS = """
import resource
import numpy as np
import {module}

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    arrays = [np.zeros(1 << 20, np.float32) for _ in range(6)]
    for array in arrays:
        array += 1

step()
begin = faults()
for _ in range(10):
    step()
print(faults() - begin)
"""


def page_faults(module):
    code = COUNT_FAULTS.format(module=module)
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_memory_that_arrays_leave_is_used_again():
    plain, with_package = page_faults("numpy"), page_faults("tinygrad_np")
    assert with_package * 10 < plain


@pytest.mark.parametrize("make", [np.empty, np.zeros])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (7,), (20, 30), (1000, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_aligned_arrays_are_like_others(make, shape, dtype):
    array = aligned(make, shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert make is np.empty or not array.any()


@pytest.mark.parametrize("shape", [(1 << 46,), (1 << 40, 1 << 40)])
@pytest.mark.parametrize("make", [np.empty, np.zeros])
def test_what_is_too_large_is_told_in_the_callers_terms(make, shape):
    with pytest.raises((MemoryError, ValueError)) as theirs:
        make(shape, np.float32)
    with pytest.raises(theirs.type) as ours:
        aligned(make, shape, np.float32)
    assert str(ours.value) == str(theirs.value)


def test_parameters_begin_at_a_cache_line():
    model = nn.Sequential(nn.Linear(50, 40), nn.Conv2d(3, 16, 5))
    weights = [param for param in model.parameters() if param.ndim > 1]
    assert [weight.data_ptr() % 64 for weight in weights] == [0, 0]
