"""detect_anomaly: errors of the backward pass that name the line of the forward pass."""

import inspect

import pytest

import tinygrad_np as tg
from tinygrad_np.autograd import detect_anomaly, grad, set_detect_anomaly

NAN = float("nan")


def notes(error):
    return "\n".join(getattr(error.value, "__notes__", []))


def this_line():
    frame = inspect.currentframe().f_back
    return f'File "{__file__}", line {frame.f_lineno}'


class NanBackward(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * NAN


class Broken(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise ZeroDivisionError("broken")


def test_nan_is_an_error_that_names_op_and_line():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        y = x + 1
        line, z = this_line(), y * tg.tensor([1.0, NAN])
        loss = z.sum()
        with pytest.raises(
            RuntimeError, match="Function 'MulBackward0' returned nan values in its 0th output"
        ) as error:
            loss.backward()
    assert "forward call that made <MulBackward0>" in notes(error)
    assert notes(error).rstrip().splitlines()[-2].strip().startswith(line)  # the last frame is the user's


def test_the_output_that_is_nan_is_numbered():
    a, b = tg.ones(1, requires_grad=True), tg.tensor([NAN], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError, match="0th output"):
        (a * b).backward()
    with detect_anomaly(), pytest.raises(RuntimeError, match="1th output"):
        (b * a).backward()


def test_a_custom_function_is_named_too():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        line, y = this_line(), NanBackward.apply(x)
        with pytest.raises(RuntimeError, match="Function 'NanBackwardBackward' returned nan") as error:
            y.sum().backward()
    assert line in notes(error)


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x.mean(),
        lambda x: x.split(1)[0],
        lambda x: tg.cat([x, x]),
        lambda x: x[0],
        lambda x: tg.nn.functional.linear(x, x),
        lambda x: x.var(),
    ],
    ids=["mean", "split", "cat", "index", "linear", "var"],
)
def test_every_kind_of_op_remembers_its_line(op):
    x = tg.ones(2, 2, requires_grad=True)
    with detect_anomaly():
        line, y = f"line {op.__code__.co_firstlineno}, in <lambda>", op(x)
        with pytest.raises(RuntimeError, match="returned nan") as error:
            y.backward(tg.full(y.shape, NAN))
    assert line in notes(error)


def test_nan_may_be_left_alone():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly(check_nan=False):
        (x * NAN).sum().backward()
    assert x.grad.isnan().all()


def test_nan_in_values_is_no_anomaly():
    x = tg.tensor([NAN], requires_grad=True)
    with detect_anomaly():
        (x + NAN).sum().backward()
    assert x.grad.tolist() == [1.0]


@pytest.mark.parametrize("check_nan", [True, False])
def test_any_other_error_gets_the_line_too(check_nan):
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly(check_nan):
        line, y = this_line(), Broken.apply(x)
        with pytest.raises(ZeroDivisionError, match="broken") as error:
            y.sum().backward()
    assert "forward call that made <BrokenBackward>" in notes(error)
    assert line in notes(error)


def test_a_stale_tensor_is_traced_to_the_op_that_saved_it():
    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        line, y = this_line(), x.exp()
        y.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as error:
            y.sum().backward()
    assert line in notes(error)


def test_a_forward_that_was_not_watched():
    x = tg.ones(2, requires_grad=True)
    y = Broken.apply(x)
    with detect_anomaly(), pytest.raises(ZeroDivisionError) as error:
        y.sum().backward()
    assert "not on during the forward pass" in notes(error)


def test_an_error_in_the_backward_of_a_backward_is_traced_all_the_way():
    class BrokenTwice(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return Broken.apply(g)

    x = tg.ones(2, requires_grad=True)
    with detect_anomaly():
        first, y = this_line(), BrokenTwice.apply(x * x)
        second, (slope,) = this_line(), grad((y * y).sum(), x, create_graph=True)
        with pytest.raises(ZeroDivisionError) as error:
            slope.sum().backward()
    assert first in notes(error)
    assert second in notes(error)
    assert "in the backward of <BrokenTwiceBackward>" in notes(error)


def test_gradients_are_the_same():
    results = []
    for mode in (True, False):
        x = tg.tensor([0.5, 1.0], requires_grad=True)
        with set_detect_anomaly(mode):
            a, b = (x.exp() * x).split(1)
            (slope,) = grad((a * b).sum(), x, create_graph=True)
            slope.sum().backward()
        results.append((slope.tolist(), x.grad.tolist()))
    assert results[0] == results[1]


def assert_detects(expected):
    x = tg.ones(1, requires_grad=True)
    y = x * NAN
    if expected:
        with pytest.raises(RuntimeError, match="returned nan"):
            y.backward()
    else:
        y.backward()


def test_it_is_off_outside():
    assert_detects(False)
    with detect_anomaly():
        assert_detects(True)
        with set_detect_anomaly(False):
            assert_detects(False)
        assert_detects(True)
        with detect_anomaly(check_nan=False):
            assert_detects(False)
        assert_detects(True)
    assert_detects(False)


def test_set_detect_anomaly_lasts():
    try:
        set_detect_anomaly(True)
        assert_detects(True)
        set_detect_anomaly(True, check_nan=False)
        assert_detects(False)
    finally:
        set_detect_anomaly(False)
    assert_detects(False)


def test_an_exception_switches_it_off():
    with pytest.raises(ZeroDivisionError), detect_anomaly():
        raise ZeroDivisionError
    assert_detects(False)


def test_no_traces_are_kept_without_it():
    x = tg.ones(1, requires_grad=True)
    y = Broken.apply(x)
    with pytest.raises(ZeroDivisionError) as error:
        y.backward()
    assert notes(error) == ""
