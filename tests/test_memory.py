"""The memory of the process. That of graphs: autograd/test_memory.py."""

import platform
import subprocess
import sys

import pytest

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
