"""Layers and activations: what they compute, how they look, what they refuse."""

import math

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn

# ---- Linear --------------------------------------------------------------------------------------------------------


def test_linear_is_affine():
    layer = nn.Linear(2, 3)
    layer.load_state_dict({"weight": tg.tensor([[1.0, 2], [3, 4], [5, 6]]), "bias": tg.tensor([10.0, 20, 30])})
    assert layer(tg.tensor([1.0, -1.0])).tolist() == [9, 19, 29]
    assert layer(tg.zeros(4, 5, 2)).shape == (4, 5, 3)
    assert layer(tg.zeros(0, 2)).shape == (0, 3)


def test_linear_learns():
    layer = nn.Linear(2, 1)
    x = tg.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [[4, 7]]
    assert layer.bias.grad.tolist() == [2]
    assert x.grad.tolist() == layer.weight.tolist() * 2


def test_linear_without_bias():
    layer = nn.Linear(2, 3, bias=False)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(tg.zeros(2)).tolist() == [0, 0, 0]
    assert repr(layer) == "Linear(in_features=2, out_features=3, bias=False)"


def test_linear_of_another_dtype():
    layer = nn.Linear(2, 3, dtype=tg.float64)
    assert layer.weight.dtype == layer.bias.dtype == tg.float64


def test_linear_names_the_shapes_that_clash():
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(4x5 and 2x3\)"):
        nn.Linear(2, 3)(tg.zeros(4, 5))


@pytest.mark.parametrize("in_features", [1, 10, 784])
def test_linear_is_initialised_as_in_pytorch(in_features):
    tg.manual_seed(0)
    layer = nn.Linear(in_features, 5000)
    bound = 1 / math.sqrt(in_features)
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.99 * bound
        assert abs(values.mean()) < 0.05 * bound
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_seed_decides_the_initialisation():
    def weights(seed):
        tg.manual_seed(seed)
        return nn.Linear(3, 3).weight.tolist()

    assert weights(1) == weights(1) != weights(2)


def test_linear_of_no_features():
    with pytest.warns(UserWarning, match="zero-element"):
        layer = nn.Linear(0, 3)
    assert layer(tg.zeros(2, 0)).tolist() == [[0, 0, 0]] * 2


# ---- the others ----------------------------------------------------------------------------------------------------


def test_identity_takes_any_arguments():
    x = tg.ones(2)
    assert nn.Identity(3, key="value")(x) is x


def test_flatten():
    x = tg.zeros(2, 3, 4, 5)
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0)(x).shape == (120,)
    assert nn.Flatten(1, 2)(x).shape == (2, 12, 5)
    assert nn.Flatten(start_dim=2, end_dim=3)(x).shape == (2, 3, 20)


def test_unflatten():
    assert nn.Unflatten(1, (3, -1))(tg.zeros(2, 12)).shape == (2, 3, 4)
    with pytest.raises(TypeError, match="found element of type float at pos 1"):
        nn.Unflatten(1, (3, 4.0))
    with pytest.raises(TypeError, match="unflattened_size must be a tuple of ints, not int"):
        nn.Unflatten(1, 3)
    with pytest.raises(TypeError, match="dim must be an int, not float"):
        nn.Unflatten(1.0, (3, 4))


def test_activations():
    x = tg.tensor([[-1.0, 0.0, 2.0]])
    values = x.numpy()
    exponentials = np.exp(values)
    softmax = exponentials / exponentials.sum(axis=1, keepdims=True)
    for module, expected in [
        (nn.ReLU(), np.maximum(values, 0)),
        (nn.LeakyReLU(), np.where(values > 0, values, 0.01 * values)),
        (nn.SiLU(), values / (1 + np.exp(-values))),
        (nn.Softplus(beta=2.0), np.log1p(np.exp(2 * values)) / 2),
        (nn.Softplus(threshold=1.0), np.where(values > 1, values, np.log1p(np.exp(values)))),
        (nn.Sigmoid(), 1 / (1 + np.exp(-values))),
        (nn.LogSigmoid(), -np.log1p(np.exp(-values))),
        (nn.Tanh(), np.tanh(values)),
        (nn.Softmax(dim=1), softmax),
        (nn.LogSoftmax(dim=-1), np.log(softmax)),
    ]:
        np.testing.assert_allclose(module(x).numpy(), expected, rtol=1e-6)


def test_relu_in_place():
    x = tg.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x
    assert x.tolist() == [0, 2]
    assert nn.LeakyReLU(inplace=True)(x) is nn.SiLU(inplace=True)(x) is x


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Linear(2, 3), "Linear(in_features=2, out_features=3, bias=True)"),
        (nn.Identity(), "Identity()"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
        (nn.ReLU(), "ReLU()"),
        (nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (nn.SiLU(inplace=True), "SiLU(inplace=True)"),
        (nn.LeakyReLU(0.2, inplace=True), "LeakyReLU(negative_slope=0.2, inplace=True)"),
        (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (nn.SiLU(), "SiLU()"),
        (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Sigmoid(), "Sigmoid()"),
        (nn.LogSigmoid(), "LogSigmoid()"),
        (nn.Tanh(), "Tanh()"),
        (nn.Softmax(dim=1), "Softmax(dim=1)"),
        (nn.LogSoftmax(dim=1), "LogSoftmax(dim=1)"),
        (nn.Dropout(0.25), "Dropout(p=0.25, inplace=False)"),
        (
            nn.Conv2d(4, 2, 3, padding="same", dilation=2, groups=2, bias=False),
            "Conv2d(4, 2, kernel_size=(3, 3), stride=(1, 1), padding=same, dilation=(2, 2), groups=2, bias=False)",
        ),
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (nn.AvgPool2d(2, padding=1), "AvgPool2d(kernel_size=2, stride=2, padding=1)"),
        (nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
        (nn.MSELoss(), "MSELoss()"),
    ],
)
def test_repr(module, text):
    assert repr(module) == text


# ---- Dropout -------------------------------------------------------------------------------------------------------


def test_dropout_in_training():
    tg.manual_seed(0)
    out = nn.Dropout(0.2)(tg.ones(10_000)).numpy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(1.25)}
    assert np.mean(out == 0) == pytest.approx(0.2, abs=0.02)


def test_dropout_passes_the_gradient_of_what_it_kept():
    tg.manual_seed(0)
    x = tg.ones(100, requires_grad=True)
    out = nn.Dropout(0.5)(x)
    out.sum().backward()
    assert x.grad.tolist() == out.tolist()


def test_dropout_in_evaluation_does_nothing():
    x = tg.ones(100)
    assert nn.Dropout(0.5).eval()(x).tolist() == x.tolist()


def test_dropout_of_all_and_of_nothing():
    assert nn.Dropout(1.0)(tg.ones(5)).tolist() == [0] * 5
    assert nn.Dropout(0.0)(tg.ones(5)).tolist() == [1] * 5


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_dropout_probability(p):
    with pytest.raises(ValueError, match=f"dropout probability has to be between 0 and 1, but got {p}"):
        nn.Dropout(p)


def test_dropout_in_place():
    x = tg.ones(5)
    assert nn.Dropout(1.0, inplace=True)(x) is x
    assert x.tolist() == [0] * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 0}, "groups must be a positive integer"),
        ({"groups": 4}, "in_channels must be divisible by groups"),
        ({"groups": 3}, "out_channels must be divisible by groups"),
        ({"padding": "full"}, "Invalid padding string 'full', should be one of 'same', 'valid'"),
        ({"padding": "same", "stride": 2}, "padding='same' is not supported for strided convolutions"),
    ],
)
def test_conv2d_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.Conv2d(6, 4, 3, **arguments)
