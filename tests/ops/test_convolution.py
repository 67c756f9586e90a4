"""conv2d, unfold, fold and pad as PyTorch has them. Their values and gradients in general: test_registry.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np.autograd import grad
from tinygrad_np.nn import functional as F
from tinygrad_np.ops import convolution as convolutions
from tinygrad_np.ops.convolution import convolution
from tinygrad_np.ops.windows import Windows
from tinygrad_np.testing import check_gradient


def normal(*shape, seed=0, dtype=np.float64):
    return tg.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def ones(*shape):
    return tg.ones(*shape)


# ---- conv2d --------------------------------------------------------------------------------------------------------


def test_conv2d_does_not_flip_the_kernel():
    image = tg.arange(9.0).reshape(1, 1, 3, 3)
    kernel = tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert F.conv2d(image, kernel).tolist() == [[[[27, 37], [57, 67]]]]
    assert F.conv2d(image, kernel, tg.tensor([0.5])).tolist() == [[[[27.5, 37.5], [57.5, 67.5]]]]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (4, 7)),
        ({"stride": 2}, (2, 4)),
        ({"stride": (1, 3)}, (4, 3)),
        ({"padding": 1}, (6, 9)),
        ({"padding": [0, 2]}, (4, 11)),
        ({"dilation": 2}, (2, 6)),
        ({"dilation": (1, 4)}, (4, 4)),
        ({"stride": 2, "padding": 2, "dilation": 2}, (3, 5)),
        ({"padding": "valid"}, (4, 7)),
        ({"padding": "same"}, (6, 8)),
        ({"padding": "same", "dilation": 3}, (6, 8)),
    ],
)
def test_conv2d_output_size(options, size):
    assert F.conv2d(ones(1, 1, 6, 8), ones(1, 1, 3, 2), **options).shape == (1, 1, *size)


def test_conv2d_same_padding_has_the_odd_zero_behind():
    image = tg.arange(1.0, 5.0).reshape(1, 1, 1, 4)
    assert F.conv2d(image, tg.tensor([[[[10.0, 1.0]]]]), padding="same").tolist() == [[[[12, 23, 34, 40]]]]


def test_conv2d_of_one_image_has_no_batch():
    image, weight = normal(2, 5, 5), normal(3, 2, 3, 3, seed=1)
    out = F.conv2d(image, weight)
    assert out.shape == (3, 3, 3)
    assert out.tolist() == F.conv2d(image.unsqueeze(0), weight)[0].tolist()


def test_conv2d_groups_do_not_see_each_other():
    image, weight = normal(2, 4, 5, 5), normal(6, 2, 3, 3, seed=1)
    halves = [F.conv2d(image[:, :2], weight[:3]), F.conv2d(image[:, 2:], weight[3:])]
    assert F.conv2d(image, weight, groups=2).allclose(tg.cat(halves, 1))


def test_conv2d_of_integers_and_of_no_images():
    out = F.conv2d(tg.ones(1, 1, 2, 2, dtype=tg.int64), tg.full((1, 1, 2, 2), 3))
    assert out.dtype == tg.int64
    assert out.tolist() == [[[[12]]]]
    assert F.conv2d(ones(0, 2, 4, 4), ones(3, 2, 3, 3)).shape == (0, 3, 2, 2)


@pytest.mark.parametrize("kernel", [1, 3])
def test_conv2d_result_is_contiguous_memory_of_its_own(kernel):
    image = normal(5, 5, 3, 2).permute(3, 2, 0, 1)
    out = F.conv2d(image, normal(4, 3, kernel, kernel), padding=kernel // 2)
    assert out.view(2, 100).shape == (2, 100)
    assert not np.shares_memory(out.numpy(), image.numpy())


@pytest.mark.parametrize("size", [1, 3])
def test_the_gradient_of_conv2d_does_not_change_with_its_input(size):
    image, weight = normal(1, 1, 3, 3), normal(1, 1, size, size).requires_grad_()
    (expected,) = tg.autograd.grad(F.conv2d(image, weight).sum(), weight)
    out = F.conv2d(image, weight)
    image.add_(1)
    (gradient,) = tg.autograd.grad(out.sum(), weight, retain_graph=True)
    assert gradient.equal(expected)
    with pytest.raises(RuntimeError, match="modified by an inplace operation.*convolution"):
        tg.autograd.grad(out.sum(), weight, create_graph=True)  # its decomposition reads the image


# The property tests draw images of a few pixels; here strides, strips and groups have more to go wrong in.
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": (2, 1)},
        {"dilation": (1, 2), "padding": 1},
        {"stride": 2, "padding": 1},
        {"stride": (3, 1), "groups": 2},
        {"groups": 4, "padding": 2},
        {"padding": "same", "dilation": 3},
    ],
)
def test_conv2d_gradients_on_larger_images(options):
    groups = options.get("groups", 1)
    image = normal(3, 4, 11, 9).requires_grad_()
    weight = normal(8, 4 // groups, 3, 2, seed=1).requires_grad_()
    bias = normal(8, seed=2).requires_grad_()
    out = F.conv2d(image, weight, bias, **options)
    cotangent = normal(*out.shape, seed=3)
    fast = grad(out, [image, weight, bias], cotangent, retain_graph=True)
    composed = grad(out, [image, weight, bias], cotangent, create_graph=True)
    for a, b in zip(fast, composed, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-10)


def test_gradient_in_float16_is_summed_in_float32():
    weight = tg.zeros(1, 1, 1, 1, dtype=tg.float16)
    bias = tg.zeros(1, dtype=tg.float16, requires_grad=True)
    F.conv2d(tg.zeros(1, 1, 64, 64, dtype=tg.float16), weight, bias).sum().backward()
    assert bias.grad.item() == 4096  # adding ones up in float16 ends at 2048


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ones(5, 6), ones(6, 4, 3, 3)), RuntimeError, r"Expected 3D \(unbatched\) or 4D .* conv2d.*\[5, 6\]"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3)), RuntimeError, r"weight of 4 dimensions.*\[6, 4, 3\]"),
        ((ones(2, 3, 5, 6), ones(6, 4, 3, 3)), RuntimeError, r"input\[2, 3, 5, 6\] to have 4 channels, but got 3"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), ones(5)), RuntimeError, "bias to be 1-dimensional with 6 elements"),
        ((ones(2, 4, 5, 6), ones(6, 4, 7, 3)), RuntimeError, r"kernel of size \(7, 3\).*image of size \(5, 6\)"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 0), RuntimeError, "stride must be at least 1, but got 0"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, (1, 1, 1)), RuntimeError, "stride must either be a single int"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 1.5), TypeError, r"conv2d\(\): argument 'stride' must be int"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 1, -1), RuntimeError, "padding must be at least 0, but got -1"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 1, "full"), RuntimeError, "Invalid padding string: 'full'"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 2, "same"), RuntimeError, "not supported for strided"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 1, 0, 0), RuntimeError, "dilation must be at least 1, but got 0"),
        ((ones(2, 4, 5, 6), ones(6, 4, 3, 3), None, 1, 0, 1, 0), RuntimeError, "non-positive groups"),
        ((ones(2, 4, 5, 6), ones(6, 1, 3, 3), None, 1, 0, 1, 4), RuntimeError, "divisible by 4 at dimension 0"),
        ((ones(2, 4, 5, 6).double(), ones(6, 4, 3, 3)), RuntimeError, "weight of dtype float64, but found float32"),
        ((ones(2, 4, 5, 6).bool(), ones(6, 4, 3, 3).bool()), RuntimeError, "not implemented for dtype bool"),
        (([[1.0]], ones(6, 4, 3, 3)), TypeError, r"conv2d\(\): argument 'input' must be Tensor, not list"),
        ((ones(2, 4, 5, 6), None), TypeError, r"conv2d\(\): argument 'weight' must be Tensor, not NoneType"),
    ],
)
def test_conv2d_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        F.conv2d(*arguments)


# ---- unfold and fold -----------------------------------------------------------------------------------------------


def test_unfold_has_a_column_for_each_window():
    image = tg.arange(12.0).reshape(1, 3, 4)
    columns = F.unfold(image, (2, 3), stride=(1, 1))
    assert columns.T.tolist() == [[0, 1, 2, 4, 5, 6], [1, 2, 3, 5, 6, 7], [4, 5, 6, 8, 9, 10], [5, 6, 7, 9, 10, 11]]
    assert F.unfold(image, 2, 2, 1, 3).T.tolist() == [[0, 0, 0, 5], [0, 0, 6, 0]]


def test_unfolding_is_half_of_a_convolution():
    images, weight = normal(2, 3, 5, 6), normal(4, 3, 2, 3, seed=1)
    columns = F.unfold(images, (2, 3), dilation=2, padding=1, stride=(1, 2))
    out = (weight.reshape(4, -1) @ columns).reshape(2, 4, 5, 2)
    assert out.allclose(F.conv2d(images, weight, dilation=2, padding=1, stride=(1, 2)))


def test_fold_counts_the_windows_over_each_pixel():
    assert F.fold(tg.ones(9, 4), (4, 4), 3).tolist() == [[[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]]
    assert F.fold(tg.ones(1, 4, 4), 3, 2, stride=2, padding=1).tolist() == [[[[1, 1, 1]] * 3]]


@pytest.mark.parametrize("channels", [1, 2])
def test_fold_is_the_adjoint_of_unfold(channels):
    options = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)}
    images = normal(2, channels, 5, 4)
    columns = F.unfold(images, **options)
    others = normal(*columns.shape, seed=1)
    folded = F.fold(others, (5, 4), **options)
    assert (columns * others).sum().item() == pytest.approx((images * folded).sum().item())
    assert folded.is_contiguous()


def test_unfold_with_a_kernel_of_one_pixel_copies():
    image = tg.ones(1, 1, 2, 2)
    assert not np.shares_memory(F.unfold(image, 1).numpy(), image.numpy())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ones(5, 6), 2), r"unfold: Expected 3D or 4D.*\[5, 6\]"),
        ((ones(1, 5, 6), 0), "unfold: kernel_size must be at least 1"),
        ((ones(1, 5, 6), (6, 1)), r"unfold: a kernel of size \(6, 1\).*does not fit"),
    ],
)
def test_unfold_errors(arguments, message):
    with pytest.raises(RuntimeError, match=message):
        F.unfold(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ones(20), (5, 6), 2), r"fold: Expected 2D or 3D.*\[20\]"),
        ((ones(15, 20), (5, 6), 2), r"divisible by the product of kernel_size.*=15 and kernel_size=\(2, 2\)"),
        ((ones(16, 20), (5, 5), 2), r"sliding blocks 4 \* 4, but got input.size\(2\)=20"),
        ((ones(4, 1), 0, 2), "fold: output_size must be at least 1"),
    ],
)
def test_fold_errors(arguments, message):
    with pytest.raises(RuntimeError, match=message):
        F.fold(*arguments)


# ---- pad -----------------------------------------------------------------------------------------------------------


def test_pad_begins_with_the_last_dimension():
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert F.pad(x, (1, 0)).tolist() == [[0, 1, 2], [0, 3, 4]]
    assert F.pad(x, (0, 0, 1, 0), "constant", 9).tolist() == [[9, 9], [1, 2], [3, 4]]
    assert F.pad(x, (-1, 2), value=5.5).tolist() == [[2, 5.5, 5.5], [4, 5.5, 5.5]]
    assert F.pad(x, (-1, -1, 0, -1)).shape == (1, 0)


def test_pad_gives_a_copy_in_the_dtype_of_the_input():
    x = tg.tensor([1, 2])
    out = F.pad(x, ())
    assert not np.shares_memory(out.numpy(), x.numpy())
    assert F.pad(x, (1, 0), value=1.5).tolist() == [1, 1, 2]
    assert F.pad(x, (1, 0), value=tg.tensor(7)).tolist() == [7, 1, 2]
    assert F.pad(tg.tensor([True]), (1, 1), value=2).tolist() == [True, True, True]
    assert F.pad(tg.tensor(3.0), ()).item() == 3


def test_gradient_of_pad_is_cut_out_and_that_of_cutting_is_zero():
    x = tg.ones(3, requires_grad=True)
    F.pad(x, (2, -1), value=float("inf")).backward(tg.tensor([1.0, 2.0, 3.0, 4.0]))
    assert x.grad.tolist() == [3, 4, 0]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("replicate", [1, 1, 1, 2, 3, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1, 2]),
    ],
)
def test_pad_with_what_is_there(mode, expected):
    x = tg.tensor([1.0, 2.0, 3.0])
    assert F.pad(x, (2, 2), mode).tolist() == expected
    assert F.pad(x, (-1, 1), mode).tolist() == (expected[3:6] if mode != "circular" else [2, 3, 2])
    square = tg.arange(9.0).reshape(3, 3)
    assert F.pad(square, (1, 0, 2, 1), mode).tolist() == F.pad(F.pad(square.mT, (2, 1), mode).mT, (1, 0), mode).tolist()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_gradient_of_pad_with_what_is_there(mode):
    check_gradient(lambda x: F.pad(x, (2, -1, 1, 1), mode), normal(2, 3, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ones(2, 3), (1, 2, 3)), RuntimeError, "must be divisible by 2"),
        ((ones(3), (1, 1, 1, 1)), RuntimeError, "length 4 and input of dimension 1"),
        ((ones(3), (-2, -2)), RuntimeError, "cuts off more than there is"),
        ((ones(3), (-4, 3)), RuntimeError, "cuts off more than there is"),
        ((ones(3), 1), TypeError, "'pad' must be tuple of ints, not int"),
        ((ones(3), (1.0, 1)), TypeError, "'pad' must be tuple of ints"),
        (([1.0], (1, 1)), TypeError, "'input' must be Tensor, not list"),
        ((ones(3), (1, 1), "mirror"), ValueError, "mode must be 'constant', 'reflect', .* but got 'mirror'"),
        ((ones(3), (1, 1), "reflect", 1.0), ValueError, "mode 'reflect' takes no value, but got 1.0"),
        ((ones(3), (3, 0), "reflect"), RuntimeError, "reflect padding of \\(3, 0\\) is too large"),
        ((ones(3), (0, 4), "circular"), RuntimeError, "circular padding of \\(0, 4\\) is too large"),
        ((ones(3), (-2, 2), "circular"), RuntimeError, "circular padding of \\(-2, 2\\) is too large"),
        ((ones(0), (1, 0), "replicate"), RuntimeError, "too large for a dimension of size 0"),
        ((ones(3), (-4, 3), "replicate"), RuntimeError, "cuts off more than there is"),
        ((ones(3).byte(), (1, 1), "constant", 300), RuntimeError, "cannot be converted to type uint8"),
        ((ones(3).int(), (1, 1), "constant", float("nan")), RuntimeError, "cannot be converted to type int32"),
        ((ones(3).byte(), (1, 1), "constant", -1), RuntimeError, "cannot be converted to type uint8"),
        ((ones(3), (1, 1), "constant", 1e39), RuntimeError, "cannot be converted to type float32"),
        ((ones(3).int(), (1, 1), "constant", -float("inf")), RuntimeError, "cannot be converted to type int32"),
    ],
)
def test_pad_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        F.pad(*arguments)


# ---- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2])
def test_gradient_of_a_stride_of_1_is_added_as_strips(groups):
    """The two ways to add into an image agree, down to windows of which the last rows and columns see nothing."""
    window = Windows.over("op", (4, 5), (2, 3), 1, 1, (2, 1))
    values = np.random.default_rng(0).normal(size=(6, 2, 4, *window.count))
    plain = window.add_up(values, np.empty((2, 4, 4, 5)))
    strips = np.stack([window.as_strips(part).reshape(groups, -1) for part in values], axis=1)
    total = window.add_up_strips(strips).reshape(4, 2, *window.padded_size)
    np.testing.assert_allclose(window.cropped(total).swapaxes(0, 1), plain)


@given(*[st.integers(1, 3)] * 2, *[st.integers(0, 2)] * 2)
def test_windows_side_by_side_are_put_down_as_any_are_added_up(rows, columns, gap, padding):
    """Also with something between them, and where they reach beyond the image."""
    size = 3 * rows + 2 * gap, 3 * columns + 2 * gap
    window = Windows.over("op", size, (rows, columns), (rows + gap, columns + gap), padding)
    values = normal(rows * columns, 2, 2, *window.count).numpy()
    put_down = window.add_up(values, np.full((2, 2, *size), np.nan))
    assert not window.overlap
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Windows, "overlap", True)
        np.testing.assert_array_equal(put_down, window.add_up(values, np.full((2, 2, *size), np.nan)))


@given(st.data())
def test_gradient_of_input_does_not_depend_on_whether_it_is_added_as_strips(data):
    kernel, margin, groups = [data.draw(st.integers(1, most)) for most in (4, 3, 2)]
    image = normal(3, 2 * groups, kernel + margin, kernel).requires_grad_()
    out = F.conv2d(image, normal(3 * groups, 2, kernel, kernel, seed=1), padding=(0, margin), groups=groups)
    gradients = []
    for worth in (0, math.inf):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convolutions, "_WORTH_STRIPS", worth)
            gradients.append(grad(out, image, normal(*out.shape, seed=2), retain_graph=True)[0].numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-10)


@given(st.integers(0, 3), *[st.integers(1, 4)] * 4)
def test_one_product_for_all_images_is_the_sum_of_one_for_each(batch, groups, channels, rows, pixels):
    grouped = normal(batch, groups, channels, pixels).numpy()
    kept = normal(batch, groups, rows, pixels, seed=1).numpy()
    np.testing.assert_allclose(convolutions._product_over_all(grouped, kept), (grouped @ kept.mT).sum(0), atol=1e-12)


@given(st.sampled_from([0, 2, 16, 17]), *[st.integers(0, 4)] * 3, st.sampled_from([1, 1, 2]))
def test_products_of_images_of_one_column_are_those_of_any_others(batch, groups, rows, inner, columns):
    matrices, images = normal(groups, rows, inner).numpy(), normal(batch, groups, inner, columns, seed=1).numpy()
    out = np.full((batch, groups, rows, columns), np.nan)
    assert convolutions._products(matrices, images, out) is out
    np.testing.assert_allclose(out, matrices @ images, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("size", [1, 7])
def test_gradient_does_not_depend_on_how_many_images_are_done_at_a_time(size, groups, monkeypatch):
    rng = np.random.default_rng(0)
    shapes = (5, 4, size, size), (6, 4 // groups, 2, 2), (5, 6, size + 1, size + 1)
    image, weight, cotangent = [tg.tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]

    def gradient():
        return grad(F.conv2d(image, weight, padding=1, groups=groups), image, cotangent)[0].numpy()

    at_once = gradient()
    # Two at a time, and in the end one.
    monkeypatch.setattr(convolutions, "_FITS_THE_CACHE", 4 * 4 * (size + 2) ** 2)
    np.testing.assert_allclose(gradient(), at_once, rtol=1e-12)


def test_convolution_is_one_node():
    out = F.conv2d(ones(1, 1, 2, 2), ones(1, 1, 2, 2).requires_grad_(), ones(1))
    assert out.grad_fn.op is convolution.op
