"""Random numbers: the same from the same seed, of the right distribution, and what is refused."""

import copy
import math
import pickle
import re
import threading

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.nn.functional import dropout

NAN, INF = math.nan, math.inf
N = 100_000


@pytest.fixture
def generator():
    return tg.Generator().manual_seed(1)


@pytest.fixture(autouse=True)
def _seeded():
    tg.manual_seed(0)


def near(values, mean, std):
    """Whether draws have about this mean and standard deviation: within five standard errors."""
    values = np.asarray(values, np.float64)
    error = std / math.sqrt(values.size)
    return abs(values.mean() - mean) <= 5 * error and abs(values.std() - std) <= 5 * error


# ---- generators ----------------------------------------------------------------------------------------------------

DRAWS = {
    "rand": lambda **g: tg.rand(5, **g),
    "rand float64": lambda **g: tg.rand(5, dtype=tg.float64, **g),
    "rand float16": lambda **g: tg.rand(5, dtype=tg.float16, **g),
    "randn": lambda **g: tg.randn(5, **g),
    "randint": lambda **g: tg.randint(1000, (5,), **g),
    "randperm": lambda **g: tg.randperm(50, **g),
    "rand_like": lambda **g: tg.rand_like(tg.ones(5), **g),
    "randn_like": lambda **g: tg.randn_like(tg.ones(5), **g),
    "randint_like": lambda **g: tg.randint_like(tg.ones(5), 1000, **g),
    "normal": lambda **g: tg.normal(0.0, 1.0, (5,), **g),
    "bernoulli": lambda **g: tg.bernoulli(tg.full((50,), 0.5), **g),
    "bernoulli p": lambda **g: tg.bernoulli(tg.ones(50), 0.5, **g),
    "multinomial": lambda **g: tg.multinomial(tg.ones(50), 10, **g),
    "multinomial with replacement": lambda **g: tg.multinomial(tg.ones(50), 10, replacement=True, **g),
    "uniform_": lambda **g: tg.ones(5).uniform_(**g),
    "normal_": lambda **g: tg.ones(5).normal_(**g),
    "bernoulli_": lambda **g: tg.ones(50).bernoulli_(**g),
    "random_": lambda **g: tg.ones(5).random_(**g),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_gives_the_same_numbers(draw, generator):
    tg.manual_seed(3)
    first, second = draw(), draw()
    assert not first.equal(second)
    tg.manual_seed(3)
    assert draw().equal(first)
    assert draw().equal(second)
    tg.manual_seed(4)
    assert not draw().equal(first)
    # A generator of one's own has no part in that.
    assert draw(generator=generator.manual_seed(3)).equal(first)
    assert draw(generator=generator).equal(second)


def test_threads_do_not_change_the_numbers():
    tg.manual_seed(3)
    expected = tg.randn(1000)
    tg.manual_seed(3)
    drawn = []
    thread = threading.Thread(target=lambda: drawn.append(tg.randn(1000)))
    thread.start()
    thread.join()
    assert drawn[0].equal(expected)


def test_seeds():
    assert tg.Generator().initial_seed() == tg.Generator().initial_seed()
    generator = tg.Generator()
    assert generator.manual_seed(5) is generator
    assert generator.initial_seed() == 5
    assert generator.manual_seed(-1).initial_seed() == 2**64 - 1
    assert generator.seed() == generator.initial_seed()
    assert generator.seed() != generator.seed()
    assert tg.manual_seed(7) is tg.default_generator
    assert tg.initial_seed() == 7
    assert tg.seed() == tg.initial_seed()
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="Overflow"):
            generator.manual_seed(seed)
    for seed in (1.5, "1"):
        with pytest.raises(RuntimeError, match="manual_seed expected a long, but got"):
            generator.manual_seed(seed)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_state_can_be_saved_and_restored(draw):
    draw()
    state = tg.get_rng_state()
    expected = draw()
    draw()
    tg.set_rng_state(state)
    assert draw().equal(expected)
    other = tg.Generator()
    other.set_state(state)
    assert draw(generator=other).equal(expected)
    assert other.initial_seed() == tg.initial_seed()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda generator: pickle.loads(pickle.dumps(generator))])
def test_a_copied_generator_goes_on_from_the_same_point(clone, generator):
    tg.rand(3, generator=generator)
    other = clone(generator)
    assert tg.rand(3, generator=other).equal(tg.rand(3, generator=generator))


def test_a_wrong_state_is_refused(generator):
    state = generator.get_state()
    assert state.dtype == tg.uint8
    with pytest.raises(TypeError, match="RNG state must be a uint8 Tensor, but is int64"):
        generator.set_state(state.long())
    with pytest.raises(TypeError, match="expected a uint8 Tensor, but got list"):
        generator.set_state([1])
    with pytest.raises(RuntimeError, match="RNG state of size"):
        generator.set_state(state[1:])


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_generator_must_be_one(draw):
    with pytest.raises(TypeError, match="argument 'generator' must be Generator, not int"):
        draw(generator=3)


# ---- distributions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_rand_is_uniform(dtype):
    x = tg.rand(N, dtype=dtype)
    assert x.dtype == dtype
    assert x.min() >= 0
    assert x.max() < 1
    assert near(x, 0.5, math.sqrt(1 / 12))


@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_randn_is_normal(dtype):
    x = tg.randn(N, dtype=dtype)
    assert x.dtype == dtype
    assert near(x, 0, 1)
    assert np.mean(np.abs(x.numpy()) < 1) == pytest.approx(math.erf(math.sqrt(0.5)), abs=0.01)


@pytest.mark.parametrize("make", [tg.rand, tg.randn])
def test_only_floats_are_drawn_from_continuous_distributions(make):
    with pytest.raises(RuntimeError, match=f"{make.__name__}: not implemented for dtype int64"):
        make(2, dtype=tg.int64)


def test_randint():
    x = tg.randint(-2, 3, (N,))
    assert x.dtype == tg.int64
    assert sorted(set(x.tolist())) == [-2, -1, 0, 1, 2]
    assert near(x, 0, math.sqrt(2))
    assert set(tg.randint(3, (100,)).tolist()) == {0, 1, 2}
    assert set(tg.randint(high=2, size=[100]).tolist()) == {0, 1}
    assert tg.randint(low=1, high=2, size=(2, 3)).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert tg.randint(5, (2,), dtype=tg.float32, requires_grad=True).requires_grad
    assert set(tg.randint(0, 2, (100,), dtype=tg.bool).tolist()) == {False, True}
    assert tg.randint(2**63 - 2, 2**63 - 1, ()).item() == 2**63 - 2


@pytest.mark.parametrize(
    ("arguments", "dtype", "exception", "message"),
    [
        ((5, 5, (2,)), None, RuntimeError, "randint expects 'from' to be less than 'to', but got from=5 >= to=5"),
        ((0, (2,)), None, RuntimeError, "but got from=0 >= to=0"),
        ((0, 300, (2,)), tg.uint8, RuntimeError, "to - 1 = 299 is out of bounds for uint8"),
        ((-1, 3, (2,)), tg.uint8, RuntimeError, "from = -1 is out of bounds for uint8"),
        ((0, 100_000, (2,)), tg.float16, RuntimeError, "to - 1 = 99999 is out of bounds for float16"),
        ((0, 3, (2,)), tg.bool, RuntimeError, "to - 1 = 2 is out of bounds for bool"),
        ((5, 2), None, TypeError, "argument 'size' must be tuple of ints, not int"),
        ((2.5, (2,)), None, TypeError, "the limits must be int, not int and float"),
        ((5,), None, TypeError, "missing required argument 'size'"),
    ],
)
def test_randint_refuses(arguments, dtype, exception, message):
    with pytest.raises(exception, match=re.escape(message)):
        tg.randint(*arguments, dtype=dtype)


def test_randperm():
    assert tg.randperm(10).sort().values.tolist() == list(range(10))
    assert tg.randperm(0).shape == (0,)
    assert tg.randperm(3, dtype=tg.float32).dtype == tg.float32
    for wrong, exception in [(-1, RuntimeError), (2.5, TypeError)]:
        with pytest.raises(exception):
            tg.randperm(wrong)
    with pytest.raises(RuntimeError, match="n = 300 is too large for uint8"):
        tg.randperm(300, dtype=tg.uint8)


@pytest.mark.parametrize(("n", "dtype"), [(257, tg.uint8), (2050, tg.float16)])
def test_randperm_refuses_what_a_dtype_cannot_count_to(n, dtype):
    assert sorted(tg.randperm(n - 1, dtype=dtype).tolist()) == list(range(n - 1))
    with pytest.raises(RuntimeError, match=f"randperm: n = {n} is too large for {dtype}"):
        tg.randperm(n, dtype=dtype)


def test_randperm_gives_every_order_equally_often():
    orders, counts = np.unique([tg.randperm(3).tolist() for _ in range(6000)], axis=0, return_counts=True)
    assert len(orders) == 6
    assert np.all(np.abs(counts - 1000) < 5 * math.sqrt(1000))


def test_random_tensors_like_another():
    x = tg.ones(2, 3, dtype=tg.float64)
    for like in (tg.rand_like, tg.randn_like, lambda x, **options: tg.randint_like(x, 5, **options)):
        assert (like(x).shape, like(x).dtype) == ((2, 3), tg.float64)
        assert like(x, dtype=tg.float32, requires_grad=True).dtype == tg.float32
    assert set(tg.randint_like(tg.ones(100), 3, 5).tolist()) == {3, 4}
    with pytest.raises(RuntimeError, match="not implemented for dtype int64"):
        tg.rand_like(x.long())


def test_normal():
    assert near(tg.normal(5.0, 2.0, (N,)), 5, 2)
    assert near(tg.normal(tg.full((N,), 5.0), 2.0), 5, 2)
    assert near(tg.normal(5.0, tg.full((N,), 2.0)), 5, 2)
    assert near(tg.normal(tg.full((N,), 5.0)), 5, 1)
    assert tg.normal(tg.zeros(2), tg.ones(3, 1)).shape == (3, 2)
    assert tg.normal(tg.arange(3.0), tg.zeros(3)).tolist() == [0, 1, 2]
    assert tg.normal(tg.zeros(2), tg.ones(2, dtype=tg.float64)).dtype == tg.float32
    assert tg.normal(0, tg.ones(2, dtype=tg.float64)).dtype == tg.float64
    assert tg.normal(0, 1, size=(2,), dtype=tg.float64, requires_grad=True).dtype == tg.float64


@pytest.mark.parametrize(
    ("arguments", "options", "exception", "message"),
    [
        ((0.0, 1.0), {}, TypeError, "missing required argument 'size'"),
        ((0.0, 1.0, 2), {}, TypeError, "argument 'size' must be tuple of ints, not int"),
        ((tg.zeros(2), 1.0, (2,)), {}, TypeError, "cannot be given with tensors"),
        ((tg.zeros(2), 1.0), {"dtype": tg.float64}, TypeError, "cannot be given with tensors"),
        ((0.0, -1.0, (2,)), {}, RuntimeError, "normal expects all of std >= 0.0, but found -1.0"),
        ((0.0, NAN, (2,)), {}, RuntimeError, "normal expects all of std >= 0.0"),
        ((0.0, tg.tensor([1.0, -1.0])), {}, RuntimeError, "normal expects all of std >= 0.0"),
        ((tg.zeros(2), tg.ones(3)), {}, RuntimeError, "shapes [2] of mean and [3] of std cannot be broadcast"),
        ((tg.zeros(2, dtype=tg.int64), 1.0), {}, RuntimeError, "normal: not implemented for dtype int64"),
    ],
)
def test_normal_refuses(arguments, options, exception, message):
    with pytest.raises(exception, match=re.escape(message)):
        tg.normal(*arguments, **options)


def test_bernoulli():
    p = tg.tensor([0.0, 0.25, 0.5, 1.0], dtype=tg.float64).expand(N, 4)
    x = tg.bernoulli(p)
    assert (x.dtype, x.shape) == (tg.float64, (N, 4))
    for column, probability in zip(x.T, [0, 0.25, 0.5, 1], strict=True):
        assert set(column.tolist()) <= {0, 1}
        assert near(column, probability, math.sqrt(probability * (1 - probability)))
    assert near(tg.bernoulli(tg.ones(N), 0.3), 0.3, math.sqrt(0.21))
    assert tg.bernoulli(tg.zeros(3, dtype=tg.int64), p=1).tolist() == [1, 1, 1]
    assert tg.bernoulli(tg.zeros(0), 0.5).shape == (0,)
    assert tg.bernoulli(tg.tensor(1.0)).item() == 1


@pytest.mark.parametrize("wrong", [-0.1, 1.1, NAN])
def test_bernoulli_refuses_what_is_no_probability(wrong):
    for draw in (
        lambda: tg.bernoulli(tg.tensor([0.5, wrong])),
        lambda: tg.bernoulli(tg.ones(2), wrong),
        lambda: tg.ones(2).bernoulli_(wrong),
        lambda: tg.ones(2).bernoulli_(tg.tensor([0.5, wrong])),
    ):
        with pytest.raises(RuntimeError, match=r"expects p to be in \[0, 1\]"):
            draw()


def test_bernoulli_refuses_other_operands():
    with pytest.raises(RuntimeError, match="bernoulli: not implemented for dtype int64"):
        tg.bernoulli(tg.ones(2, dtype=tg.int64))
    with pytest.raises(TypeError, match="argument 'input' must be Tensor, not float"):
        tg.bernoulli(0.5)


# ---- multinomial ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3])
def test_multinomial_with_replacement(rows):
    weights = tg.tensor([[1.0, 0.0, 3.0, 0.0]] * rows)
    x = tg.multinomial(weights, N, replacement=True)
    assert (x.dtype, x.shape) == (tg.int64, (rows, N))
    for row in x:
        assert set(row.tolist()) == {0, 2}
        assert near(row == 2, 0.75, math.sqrt(0.75 * 0.25))


def test_multinomial_without_replacement():
    """The first is drawn by weight, the second from the others by weight, and so on."""
    weights = tg.tensor([1.0, 2.0, 0.0, 5.0])
    x = tg.multinomial(weights.expand(N, 4), 2)
    assert near(x[:, 0] == 3, 5 / 8, math.sqrt(15 / 64))
    after = x[x[:, 0] == 3, 1]
    assert set(after.tolist()) == {0, 1}
    assert near(after == 1, 2 / 3, math.sqrt(2 / 9))
    assert sorted(tg.multinomial(weights, 3).tolist()) == [0, 1, 3]


@pytest.mark.parametrize("weights", [[0.0, 1e308, 1e308], [0.0, 1e-310, 1e-310]])
@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_of_extreme_weights(weights, replacement):
    rows = tg.tensor([weights] * 20, dtype=tg.float64)
    drawn = tg.multinomial(rows, 2, replacement, generator=tg.Generator().manual_seed(0))
    assert set(drawn.reshape(-1).tolist()) == {1, 2}


def test_multinomial_of_no_rows():
    assert tg.multinomial(tg.ones(0, 3), 2).shape == (0, 2)
    assert tg.multinomial(tg.ones(0, 3), 5, replacement=True).shape == (0, 5)


@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        ([1.0, 2.0], (3,), "cannot sample n_sample = 3 without replacement"),
        ([1.0, 0.0], (2,), "cannot sample n_sample = 2 without replacement"),
        ([0.0, 0.0], (1,), "sum of probabilities <= 0"),
        ([[1.0, 1.0], [0.0, 0.0]], (1, True), "sum of probabilities <= 0"),
        ([1.0, -1.0], (1,), "contains either `inf`, `nan` or element < 0"),
        ([1.0, NAN], (1,), "contains either `inf`, `nan` or element < 0"),
        ([1.0, INF], (1, True), "contains either `inf`, `nan` or element < 0"),
        ([1.0], (0,), "cannot sample n_sample <= 0 samples"),
        ([[[1.0]]], (1,), "prob_dist must be 1 or 2 dim"),
        (1.0, (1,), "prob_dist must be 1 or 2 dim"),
        ([1, 2], (1,), "only supports floating-point dtypes for input, got: int64"),
    ],
)
def test_multinomial_refuses(weights, arguments, message):
    with pytest.raises(RuntimeError, match=re.escape(message)):
        tg.multinomial(tg.tensor(weights), *arguments)


# ---- in place ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fill", "mean", "std"),
    [
        (lambda x: x.uniform_(), 0.5, math.sqrt(1 / 12)),
        (lambda x: x.uniform_(-3, 1), -1, 4 * math.sqrt(1 / 12)),
        (lambda x: x.normal_(), 0, 1),
        (lambda x: x.normal_(5, 2), 5, 2),
        (lambda x: x.normal_(mean=5, std=2), 5, 2),
        (lambda x: x.bernoulli_(), 0.5, 0.5),
        (lambda x: x.bernoulli_(0.1), 0.1, 0.3),
        (lambda x: x.bernoulli_(tg.full((1,), 0.1)), 0.1, 0.3),
        (lambda x: x.random_(2), 0.5, 0.5),
        (lambda x: x.random_(-2, 3), 0, math.sqrt(2)),
    ],
)
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_filling_in_place(fill, mean, std, dtype):
    x = tg.zeros(N, dtype=dtype)
    assert fill(x) is x
    assert x.dtype == dtype
    assert near(x, mean, std)


def test_uniform_never_reaches_its_upper_end():
    x = tg.empty(1000).uniform_(1, 1 + 2**-23)  # there is no float32 between the two
    assert (x == 1).all()


def test_random_by_dtype():
    assert set(tg.empty(100, dtype=tg.bool).random_().tolist()) == {False, True}
    bytes_ = tg.empty(10_000, dtype=tg.uint8).random_()
    assert (bytes_.min(), bytes_.max()) == (0, 255)
    assert tg.empty(1000, dtype=tg.int64).random_().max() > 2**60
    floats = tg.empty(10_000).random_()
    assert 2**23 < floats.max() <= 2**24
    assert tg.empty(100, dtype=tg.int8).random_(120, None).min() >= 120
    assert set(tg.empty(100, dtype=tg.int64).bernoulli_().tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("fill", "dtype", "message"),
    [
        (
            lambda x: x.uniform_(1, 0),
            tg.float32,
            "uniform_ expects to return a [from, to) range, but found from=1 > to=0",
        ),
        (lambda x: x.uniform_(0, INF), tg.float32, "out of bounds for float32"),
        (lambda x: x.uniform_(0, 1e39), tg.float32, "out of bounds for float32"),
        (lambda x: x.uniform_(-6e4, 6e4), tg.float16, "to - from = 120000.0 is out of bounds for float16"),
        (lambda x: x.uniform_(), tg.int64, "uniform_: not implemented for dtype int64"),
        (lambda x: x.normal_(), tg.int64, "normal_: not implemented for dtype int64"),
        (lambda x: x.normal_(0, -1), tg.float32, "normal_ expects all of std >= 0.0, but found -1"),
        (lambda x: x.random_(0), tg.float32, "random_ expects 'from' to be less than 'to', but got from=0 >= to=0"),
        (lambda x: x.random_(0, 300), tg.uint8, "to - 1 = 299 is out of bounds for uint8"),
        (
            lambda x: x.bernoulli_(tg.ones(3)),
            tg.float32,
            "The expanded size of the tensor (2) must match the existing size (3)",
        ),
    ],
)
def test_filling_in_place_refuses(fill, dtype, message):
    with pytest.raises(RuntimeError, match=re.escape(message)):
        fill(tg.zeros(2, dtype=dtype))


@pytest.mark.parametrize("name", ["uniform_", "normal_", "bernoulli_", "random_"])
def test_leaves_that_require_grad_are_filled_under_no_grad_only(name):
    x = tg.full((3,), 7.0, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        getattr(x, name)()
    assert x.tolist() == [7, 7, 7]
    with tg.no_grad():
        getattr(x, name)()
    assert x.tolist() != [7, 7, 7]
    assert x.requires_grad
    assert x.is_leaf


def test_a_filled_tensor_is_stale_for_a_graph_that_saved_it():
    x = tg.ones(2)
    y = (tg.ones(2, requires_grad=True) * x).sum()
    x.normal_()
    with pytest.raises(RuntimeError, match="modified"):
        y.backward()


# ---- dropout -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_dropout_keeps_the_expected_value(p, dtype):
    x = tg.full((N,), 2.0, dtype=dtype, requires_grad=True)
    dropped = dropout(x, p)
    assert dropped.dtype == dtype
    values = dropped.detach().numpy().astype(float)
    assert set(values) == {0, dtype.type(2 * dtype.type(1 / (1 - p)))}
    assert near(values == 0, p, math.sqrt(p * (1 - p)))
    # The gradient flows where the values did, scaled alike.
    dropped.backward(tg.ones_like(x))
    np.testing.assert_allclose(x.grad.numpy() * 2, values, rtol=1e-2 if dtype == tg.float16 else 1e-6)


def test_dropout_of_nothing_and_of_all():
    x = tg.tensor([1.0, NAN], requires_grad=True)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.5, training=False) is x
    y = tg.ones(3, requires_grad=True)
    dropped = dropout(y, 1.0)
    dropped.sum().backward()
    assert dropped.tolist() == [0, 0, 0]
    assert y.grad.tolist() == [0, 0, 0]
    assert dropout(x, 1.0).isnan().tolist() == [False, True]  # as in PyTorch: 0 * NaN


def test_dropout_of_every_shape():
    assert dropout(tg.ones(2, 3, 4)).shape == (2, 3, 4)
    assert dropout(tg.ones(0, 3)).shape == (0, 3)
    assert dropout(tg.tensor(1.0)).shape == ()


def test_dropout_in_place():
    x = tg.ones(1000)
    assert dropout(x, 0.5, inplace=True) is x
    assert set(x.tolist()) == {0, 2}
    before = x.clone()
    assert dropout(x, 0.5, training=False, inplace=True) is x
    assert x.equal(before)


def test_dropout_refuses():
    for p in (-0.1, 1.1, NAN):
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got"):
            dropout(tg.ones(2), p)
    with pytest.raises(RuntimeError, match="dropout: not implemented for dtype int64"):
        dropout(tg.ones(2, dtype=tg.int64))
