"""Gradients that are kept as two factors: nobody can tell, but for the time and the memory."""

import copy
import gc
import tracemalloc

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import blas, nn, optim
from tinygrad_np.low_rank import LowRank, is_thin
from tinygrad_np.nn.functional import linear
from tinygrad_np.optim import elementwise

OUT, IN = 96, 400


@pytest.fixture(autouse=True, params=["library", "plain"])
def _either(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(blas, "_routines", {})


def numbers(*shape, seed=0, dtype=np.float32):
    return tg.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(dtype))


def weight_after_backward(batch=1, dtype=np.float32, function=linear):
    """A weight, the gradient that it should have got, and what that was made of."""
    weight = numbers(OUT, IN, seed=1, dtype=dtype).requires_grad_()
    input, rates = numbers(batch, IN, seed=2, dtype=dtype), numbers(batch, OUT, seed=3, dtype=dtype)
    function(input, weight).backward(rates)
    return weight, rates.numpy().T @ input.numpy(), input, rates


def is_low_rank(tensor):
    return isinstance(tensor._grad, LowRank)


def test_the_thin_and_large_are_kept_as_factors():
    assert is_thin(200, 1, 784)
    assert is_thin(512, 16, 784)
    assert not is_thin(512, 128, 784)
    assert not is_thin(10, 1, 784)
    assert not is_thin(200, 0, 784)
    assert is_low_rank(weight_after_backward()[0])
    assert not is_low_rank(weight_after_backward(batch=64)[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("function", [linear, lambda input, weight: input @ weight.T, lambda i, w: i.matmul(w.mT)])
def test_grad_is_the_whole_gradient(batch, dtype, function):
    weight, expected, _, _ = weight_after_backward(batch, dtype, function)
    grad = weight.grad
    assert grad.dtype == dtype
    assert grad.shape == (OUT, IN)
    assert np.allclose(grad.numpy(), expected, rtol=1e-5, atol=1e-2 if dtype == np.float16 else 1e-5)
    assert weight.grad is grad
    grad.zero_()
    assert not weight.grad.any()


def test_an_input_of_matmul_has_one_too():
    left, right = numbers(1, 300), numbers(300, 200, seed=1).requires_grad_()
    rates = numbers(1, 200, seed=2)
    (left @ right).backward(rates)
    assert is_low_rank(right)
    assert np.allclose(right.grad.numpy(), left.numpy().T @ rates.numpy())


def test_it_shares_no_memory_with_what_the_user_has():
    weight, expected, input, rates = weight_after_backward()
    input.zero_()
    rates.zero_()
    assert np.allclose(weight.grad.numpy(), expected, rtol=1e-6)


def test_gradients_add_up():
    weight, first, _, _ = weight_after_backward()
    input, rates = numbers(2, IN, seed=4), numbers(2, OUT, seed=5)
    second = rates.numpy().T @ input.numpy()
    for _ in range(2):
        linear(input, weight).backward(rates)
    assert np.allclose(weight.grad.numpy(), first + 2 * second, rtol=1e-5, atol=1e-5)


def test_a_weight_that_is_used_twice_gets_both_parts():
    weight, bias = numbers(300, 300).requires_grad_(), numbers(300)
    x = numbers(1, 300, seed=1)
    linear(linear(x, weight, bias), weight).sum().backward()
    twin = weight.detach().clone().requires_grad_()
    linear(linear(x.expand(40, 300), twin, bias), twin).sum().backward()  # too many rows to be thin, all alike
    assert np.allclose(40 * weight.grad.numpy(), twin.grad.numpy(), rtol=1e-3, atol=1e-2)


def test_hooks_and_grad_are_given_arrays():
    weight = numbers(OUT, IN).requires_grad_()
    input = numbers(1, IN, seed=1)
    expected = np.ones((OUT, 1)) * input.numpy()
    (grad,) = tg.autograd.grad(linear(input, weight).sum(), weight)
    assert np.allclose(grad.numpy(), expected)
    linear(input, weight).sum().backward(inputs=[weight])
    assert np.allclose(weight.grad.numpy(), expected)
    seen = []
    weight.grad = None
    weight.register_hook(lambda grad: seen.append(grad) or 2 * grad)
    linear(input, weight).sum().backward()
    assert np.allclose(seen[0].numpy(), expected)
    assert np.allclose(weight.grad.numpy(), 2 * expected)


def test_a_weight_that_was_computed_passes_the_gradient_on():
    root = numbers(OUT, IN).requires_grad_()
    weight = root * 2
    weight.retain_grad()
    input = numbers(1, IN, seed=1)
    linear(input, weight).sum().backward()
    assert np.allclose(weight.grad.numpy() * 2, root.grad.numpy())
    assert np.allclose(root.grad.numpy(), 2 * np.ones((OUT, 1)) * input.numpy())


@pytest.mark.parametrize(("shape", "dtype"), [((OUT, IN), tg.float64), ((1, IN), tg.float32)])
def test_a_weight_that_got_other_data_since(shape, dtype):
    weight = numbers(OUT, IN).requires_grad_()
    loss = linear(numbers(1, IN, seed=1), weight).sum()
    weight.data = tg.zeros(shape, dtype=dtype)
    loss.backward()
    assert weight.grad.shape == shape
    assert weight.grad.dtype == dtype


def test_with_create_graph_it_is_an_ordinary_tensor():
    weight = numbers(OUT, IN).requires_grad_()
    loss = (linear(numbers(1, IN, seed=1), weight) ** 2).sum()
    loss.backward(create_graph=True)
    assert weight.grad.requires_grad
    first = weight.grad.detach().clone()
    loss = (linear(numbers(1, IN, seed=1), weight) ** 2).sum()
    loss.backward()
    assert np.allclose(weight.grad.detach().numpy(), 2 * first.numpy(), rtol=1e-5, atol=1e-4)


def test_anomaly_mode_sees_nan_in_it():
    weight = numbers(OUT, IN).requires_grad_()
    input = numbers(1, IN, seed=1)
    input[0, 3] = float("nan")
    out = linear(input, weight)
    with tg.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan values in its 0th output"):
        out.sum().backward()


def test_copies_and_pickles_are_without_it():
    weight, expected, _, _ = weight_after_backward()
    assert copy.deepcopy(weight).shape == weight.shape
    assert np.allclose(weight.grad.numpy(), expected, rtol=1e-6)


def test_it_takes_little_memory():
    weight = numbers(500, 800).requires_grad_()
    input, rates = numbers(1, 800), numbers(1, 500)
    linear(input, weight).backward(rates)
    weight.grad = None
    gc.collect()
    tracemalloc.start()
    linear(input, weight).backward(rates)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < weight.nbytes / 20


# ---- optimizers ----------------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.25),
    "nesterov": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "decay": lambda params: optim.SGD(params, lr=0.1, weight_decay=0.1, momentum=0.5),
    "maximize": lambda params: optim.SGD(params, lr=0.1, maximize=True),
    "lr 0": lambda params: optim.SGD(params, lr=0.0),
    "adam": lambda params: optim.Adam(params, lr=0.1, weight_decay=0.1, maximize=True),
    "adamw": lambda params: optim.AdamW(params, lr=0.1),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.1, momentum=0.5, centered=True),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("piece", [elementwise._PIECE, 10 * IN + 7, IN - 1])
def test_every_optimizer_does_as_with_the_whole_gradient(name, piece, monkeypatch):
    monkeypatch.setattr(elementwise, "_PIECE", piece)
    monkeypatch.setattr(elementwise, "_SMALL", 50)
    params = [numbers(OUT, IN, seed=1).requires_grad_() for _ in range(2)]
    optimizers = [OPTIMIZERS[name]([param]) for param in params]
    for step in range(3):
        for whole, (param, optimizer) in enumerate(zip(params, optimizers, strict=True)):
            optimizer.zero_grad()
            linear(numbers(2, IN, seed=step), param).backward(numbers(2, OUT, seed=step + 10))
            assert is_low_rank(param)
            if whole:
                assert param.grad.shape == param.shape  # who looks at it has it computed
                assert not is_low_rank(param)
            optimizer.step()
            assert is_low_rank(param) != whole  # and a step changes nothing about that
    assert np.allclose(params[0].detach().numpy(), params[1].detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_step_leaves_the_gradient_to_be_seen():
    weight, expected, _, _ = weight_after_backward()
    before = weight.detach().clone().numpy()
    optim.SGD([weight], lr=0.5).step()
    assert np.allclose(weight.detach().numpy(), before - 0.5 * expected, rtol=1e-5, atol=1e-6)
    assert np.allclose(weight.grad.numpy(), expected, rtol=1e-6)


def test_a_weight_with_gaps_between_its_rows():
    weight = nn.Parameter(numbers(OUT, 2 * IN)[:, ::2])
    before = weight.detach().clone().numpy()
    input = numbers(1, IN, seed=1)
    linear(input, weight).sum().backward()
    assert is_low_rank(weight)
    optim.SGD([weight], lr=0.5).step()
    assert np.allclose(weight.detach().numpy(), before - 0.5 * input.numpy(), rtol=1e-5, atol=1e-6)


def test_a_parameter_that_lost_its_shape_is_an_error():
    weight, _, _, _ = weight_after_backward()
    weight.data = numbers(OUT, IN - 1)
    with pytest.raises(ValueError, match="reshape|broadcast|shape"):
        optim.SGD([weight], lr=0.5).step()


@pytest.mark.parametrize("lr", [0.5, 0.0])
def test_infinity_and_nan_in_a_factor_reach_the_weight(lr):
    width, batch = 12_000, 10  # so large that BLAS leaves out what is multiplied by 0
    weight = numbers(OUT, width).requires_grad_()
    input = numbers(batch, width, seed=1)
    input[:, 3], input[:, 4] = float("nan"), float("inf")
    linear(input, weight).sum().backward()
    with np.errstate(invalid="ignore"):  # infinity times 0
        optim.SGD([weight], lr=lr).step()
    values = weight.detach().numpy()
    assert np.isnan(values[:, 3]).all()
    assert (np.isinf(values[:, 4]) if lr else np.isnan(values[:, 4])).all()
    assert np.isfinite(values[:, 5:]).all()
