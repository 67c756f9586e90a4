"""How tensors are shown. The texts were compared with PyTorch's, of which they differ only in saying no ``torch.``."""

import textwrap

import numpy as np
import pytest

import tinygrad_np as tg

NAN, INF = float("nan"), float("inf")


def text(expected):
    return textwrap.dedent(expected).strip()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # whole numbers, truth values
        (3, "tensor(3)"),
        ([1, -20, 300], "tensor([  1, -20, 300])"),
        (True, "tensor(True)"),
        ([True, False], "tensor([ True, False])"),
        ([[1, 2], [3, 4]], "tensor([[1, 2],\n        [3, 4]])"),
        # floats that are whole
        (1.0, "tensor(1.)"),
        (-0.0, "tensor(-0.)"),
        ([1.0, -20.0], "tensor([  1., -20.])"),
        ([0.0, 0.0], "tensor([0., 0.])"),
        ([1.0, 1000.0], "tensor([   1., 1000.])"),
        # floats that are not
        (1.5, "tensor(1.5000)"),
        ([1.0, 2.5], "tensor([1.0000, 2.5000])"),
        ([1 / 3, -200 / 3], "tensor([  0.3333, -66.6667])"),
        (0.0002, "tensor(0.0002)"),
        (1e8, "tensor(100000000.)"),
        # magnitudes that are too small, too large, too far apart
        (0.00009, "tensor(9.0000e-05)"),
        (0.0001, "tensor(1.0000e-04)"),  # the nearest float32 is a little less
        (123456789.0, "tensor(1.2346e+08)"),
        ([1.0, 1001.0], "tensor([1.0000e+00, 1.0010e+03])"),
        ([0.5, 1000.0], "tensor([5.0000e-01, 1.0000e+03])"),
        ([0.0, 0.5], "tensor([0.0000, 0.5000])"),
        # what is no number has no say in the format
        (NAN, "tensor(nan)"),
        (INF, "tensor(inf)"),
        ([NAN, INF, -INF], "tensor([nan, inf, -inf])"),
        ([1.0, NAN, -INF], "tensor([1., nan, -inf])"),
        ([1.5, NAN, -INF], "tensor([1.5000,    nan,   -inf])"),
        ([1e-9, NAN], "tensor([1.0000e-09,        nan])"),
    ],
)
def test_values(data, expected):
    assert repr(tg.tensor(data)) == expected


def test_extreme_doubles():
    x = tg.tensor([1e300, 1e-300], dtype=tg.float64)
    assert repr(x) == "tensor([1.0000e+300, 1.0000e-300], dtype=float64)"


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (tg.zeros(0), "tensor([])"),
        (tg.zeros(2, 0), "tensor([], size=(2, 0))"),
        (tg.zeros(0, 2, dtype=tg.float64), "tensor([], size=(0, 2), dtype=float64)"),
        (tg.zeros(0, dtype=tg.int64), "tensor([], dtype=int64)"),
        (tg.zeros(0, dtype=tg.bool), "tensor([], dtype=bool)"),
        (tg.zeros(0, requires_grad=True), "tensor([], requires_grad=True)"),
        (tg.ones(1, dtype=tg.float64), "tensor([1.], dtype=float64)"),
        (tg.ones(1, dtype=tg.float16), "tensor([1.], dtype=float16)"),
        (tg.ones(1, dtype=tg.int32), "tensor([1], dtype=int32)"),
        (tg.ones(1, dtype=tg.uint8), "tensor([1], dtype=uint8)"),
        (tg.ones(1, dtype=tg.int64), "tensor([1])"),
        (tg.ones(1, dtype=tg.bool), "tensor([True])"),
        (tg.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (tg.ones((), requires_grad=True) * 3, "tensor(3., grad_fn=<MulBackward0>)"),
        (
            tg.ones(1, dtype=tg.float64, requires_grad=True).exp(),
            "tensor([2.7183], dtype=float64, grad_fn=<ExpBackward0>)",
        ),
        (tg.ones(2, 2, requires_grad=True).detach(), "tensor([[1., 1.],\n        [1., 1.]])"),
    ],
)
def test_what_does_not_go_without_saying(x, expected):
    assert repr(x) == expected


def test_the_default_dtype_goes_without_saying():
    tg.set_default_dtype(tg.float64)
    try:
        assert repr(tg.ones(1)) == "tensor([1.])"
        assert repr(tg.ones(1, dtype=tg.float32)) == "tensor([1.], dtype=float32)"
    finally:
        tg.set_default_dtype(tg.float32)


def test_lines_are_broken():
    assert repr(tg.arange(30)) == text(
        """
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
                18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
        """
    )
    assert repr(tg.arange(9.0, requires_grad=True) * 0.5) == text(
        """
        tensor([0.0000, 0.5000, 1.0000, 1.5000, 2.0000, 2.5000, 3.0000, 3.5000, 4.0000],
               grad_fn=<MulBackward0>)
        """
    )


def test_a_suffix_that_does_not_fit_has_a_line_of_its_own():
    assert repr(tg.full((4,), 17104.5, requires_grad=True)) == (
        "tensor([17104.5000, 17104.5000, 17104.5000, 17104.5000], requires_grad=True)"
    )
    assert repr(tg.full((4,), -17104.5, requires_grad=True)) == (
        "tensor([-17104.5000, -17104.5000, -17104.5000, -17104.5000],\n       requires_grad=True)"
    )


def test_matrices_stand_apart():
    assert repr(tg.arange(8).reshape(2, 2, 2)) == text(
        """
        tensor([[[0, 1],
                 [2, 3]],

                [[4, 5],
                 [6, 7]]])
        """
    )
    assert "\n\n\n" in repr(tg.arange(16).reshape(2, 2, 2, 2))


def test_large_tensors_are_summarised():
    assert "..." not in repr(tg.arange(1000))
    assert repr(tg.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert repr(tg.arange(2000.0).reshape(1000, 2)) == text(
        """
        tensor([[0.0000e+00, 1.0000e+00],
                [2.0000e+00, 3.0000e+00],
                [4.0000e+00, 5.0000e+00],
                ...,
                [1.9940e+03, 1.9950e+03],
                [1.9960e+03, 1.9970e+03],
                [1.9980e+03, 1.9990e+03]])
        """
    )
    assert repr(tg.zeros(40, 40)) == text(
        """
        tensor([[0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                ...,
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.],
                [0., 0., 0.,  ..., 0., 0., 0.]])
        """
    )


def test_a_summary_is_formatted_by_what_it_shows():
    x = tg.zeros(2000)
    x[1000] = 1e-9
    assert repr(x) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"


def test_memory_layout_does_not_show():
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    assert repr(tg.from_numpy(x.T[::-1])) == repr(tg.tensor(x.T[::-1].tolist()))


def test_a_summary_does_not_depend_on_the_layout():
    x = tg.arange(4000).reshape(40, 100)
    assert repr(x.T) == repr(x.T.contiguous())
    assert repr(x.reshape(2, 20, 100).permute(2, 0, 1)) == repr(x.reshape(2, 20, 100).permute(2, 0, 1).contiguous())
