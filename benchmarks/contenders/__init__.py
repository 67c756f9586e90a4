"""One module per contender, imported only in a process of its own.

Each has ``make_step(workload)``, which returns a function that does one training step and returns the loss as a float.
Those that `benchmarks.inference` compares have ``make_classifier(workload)``, which returns a function that returns the
classes of the inputs as a list.
"""


class Unavailable(Exception):
    """A contender cannot run a workload, or not on this machine; the message says why."""
