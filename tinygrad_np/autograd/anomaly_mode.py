"""Anomaly mode: an error in the backward pass tells which line of the forward pass it comes from."""

from __future__ import annotations

from tinygrad_np.autograd.grad_mode import LastingSwitch, ModeSwitch


class detect_anomaly(ModeSwitch):
    """Remember where each op was called, so that an error in its backward can name that line; and check for NaN.

    Use it around the forward pass too. An error raised while gradients are computed gets a note (see
    `BaseException.add_note`) with the traceback of the forward call. This costs time: use it for debugging only.

    Args:
        check_nan: raise where a gradient rule returns NaN.

    Example:
        >>> import tinygrad_np as tg
        >>> x = tg.tensor(2.0, requires_grad=True)
        >>> with tg.autograd.detect_anomaly():
        ...     (x * float("nan")).backward()
        Traceback (most recent call last):
        ...
        RuntimeError: Function 'MulBackward0' returned nan values in its 0th output.
        Traceback of the forward call that made <MulBackward0>:
        ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(anomaly=True, check_nan=check_nan)


class set_detect_anomaly(LastingSwitch):
    """Switch anomaly mode (see `detect_anomaly`) on or off from here on; in a ``with`` statement, just within.

    Args:
        mode: whether to detect anomalies.
        check_nan: raise where a gradient rule returns NaN.

    Example:
        >>> import tinygrad_np as tg
        >>> _ = tg.autograd.set_detect_anomaly(True)
        >>> _ = tg.autograd.set_detect_anomaly(False)
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(anomaly=mode, check_nan=check_nan)
