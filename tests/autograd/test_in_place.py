"""In-place changes of intermediates: recorded rightly or refused, but never a wrong gradient."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
import tinygrad_np.nn.functional as F
from tests.autograd.leaves import precise_leaf as leaf

# ---- in-place ops against the same op out of place -----------------------------------------------------------------

IN_PLACE = {
    "add_": (lambda y, x: y.add_(x), lambda y, x: y + x),
    "add_ with alpha": (lambda y, x: y.add_(x, alpha=3), lambda y, x: y + 3 * x),
    "sub_": (lambda y, x: y.sub_(x), lambda y, x: y - x),
    "mul_": (lambda y, x: y.mul_(x), lambda y, x: y * x),
    "mul_ by a number": (lambda y, x: y.mul_(3), lambda y, x: y * 3),
    "div_": (lambda y, x: y.div_(x), lambda y, x: y / x),
    "pow_": (lambda y, x: y.pow_(3), lambda y, x: y**3),
    "pow_ of a tensor": (lambda y, x: y.pow_(x), lambda y, x: y**x),
    "neg_": (lambda y, x: y.neg_(), lambda y, x: -y),
    "abs_": (lambda y, x: y.abs_(), lambda y, x: y.abs()),
    "exp_": (lambda y, x: y.exp_(), lambda y, x: y.exp()),
    "log_": (lambda y, x: y.log_(), lambda y, x: y.log()),
    "sqrt_": (lambda y, x: y.sqrt_(), lambda y, x: y.sqrt()),
    "tanh_": (lambda y, x: y.tanh_(), lambda y, x: y.tanh()),
    "sigmoid_": (lambda y, x: y.sigmoid_(), lambda y, x: y.sigmoid()),
    "relu_": (lambda y, x: y.relu_(), lambda y, x: y.relu()),
    "clamp_": (lambda y, x: y.clamp_(1.0, 2.5), lambda y, x: y.clamp(1.0, 2.5)),
    "floor_divide_": (lambda y, x: y.floor_divide_(0.5).mul_(x), lambda y, x: y // 0.5 * x),
    "remainder_": (lambda y, x: y.remainder_(x), lambda y, x: y % x),
    "leaky_relu": (lambda y, x: F.leaky_relu(y, 0.1, inplace=True), lambda y, x: F.leaky_relu(y, 0.1)),
    "silu": (lambda y, x: F.silu(y, inplace=True), lambda y, x: F.silu(y)),
    "zero_": (lambda y, x: y.zero_(), lambda y, x: 0 * y),
    "fill_": (lambda y, x: y.fill_(x[0]), lambda y, x: 0 * y + x[0]),
    "copy_": (lambda y, x: y.copy_(x), lambda y, x: 0 * y + x),
    "copy_ that is broadcast": (lambda y, x: y.copy_(x[1]), lambda y, x: 0 * y + x[1]),
    "copy_ that is cast": (lambda y, x: y.copy_(x.float()), lambda y, x: 0 * y + x),
}


@pytest.mark.parametrize(("change", "equivalent"), IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("order", [1, 2])
def test_an_in_place_op_is_differentiated_as_the_op(change, equivalent, order):
    results = []
    for op in (change, equivalent):
        x = leaf(0.5, 1.0, 2.0)
        y = 1.5 * x + 0.25
        out = op(y, x)
        out = out * out + x
        for _ in range(order):
            (gradient,) = tg.autograd.grad(out.sum(), x, create_graph=True)
            out = gradient
        results.append(gradient.detach().numpy())
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_an_in_place_op_returns_its_tensor():
    y = 2 * leaf(1.0)
    assert y.add_(1) is y
    z = y
    y += 1
    assert y is z
    assert "Add" in y.grad_fn.name()


# By hand: Python falls back to `x = x + y` where the operator is missing, and nothing looks wrong.
AUGMENTED = {
    operator.iadd: [6, 10],
    operator.isub: [4, 4],
    operator.imul: [5, 21],
    operator.ifloordiv: [5, 2],
    operator.imod: [0, 1],
    operator.ipow: [5, 343],
    operator.iand: [1, 3],
    operator.ior: [5, 7],
    operator.ixor: [4, 4],
}


@pytest.mark.parametrize(("change", "expected"), AUGMENTED.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_augmented_assignment_changes_the_tensor_and_its_views(change, expected):
    x = tg.tensor([5, 7])
    view = x[:]
    assert change(x, tg.tensor([1, 3])) is x
    assert view.tolist() == expected


@pytest.mark.parametrize("change", [operator.ifloordiv, operator.imod, operator.itruediv])
def test_a_leaf_cannot_be_changed_in_place(change):
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        change(leaf(1.0), 2)


def test_what_was_computed_before_keeps_its_gradient():
    x = leaf(1.0, 2.0)
    y = 2 * x
    before = y + 0
    y.add_(x)
    (3 * before + y).sum().backward()
    assert x.grad.tolist() == [9.0, 9.0]


def test_a_saved_value_that_is_overwritten_is_refused():
    x = leaf(1.0, 2.0)
    y = 2 * x
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*\bmul\b"):
        z.sum().backward()


def test_multiplying_a_tensor_by_itself_in_place_is_refused():
    x = leaf(1.0, 2.0)
    y = 2 * x
    y.mul_(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_quotient_may_be_changed():
    x, y = leaf(1.0, 2.0), leaf(4.0, 5.0)
    quotient = x / y
    quotient += 1
    quotient.sum().backward()
    np.testing.assert_allclose(y.grad.numpy(), [-1 / 16, -2 / 25])


def test_a_long_chain_of_in_place_ops():
    x = leaf(0.5)
    y = x.clone()
    for _ in range(5):
        y.mul_(x).add_(1).tanh_()
    z = leaf(0.5)
    w = z
    for _ in range(5):
        w = (w * z + 1).tanh()
    y.backward()
    w.backward()
    assert x.grad.tolist() == pytest.approx(z.grad.tolist(), rel=1e-12)


def test_residual_connections():
    x = leaf(0.5, -0.5)
    h = 2 * x
    h += x
    h *= 3
    h -= 1
    h /= 2
    h.sum().backward()
    assert x.grad.tolist() == [4.5, 4.5]


def test_a_result_of_another_dtype_is_cast_to_the_tensors():
    x = leaf(1.0, 2.0)
    y = x.float()
    y.mul_(x)
    assert y.dtype == tg.float32
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_change_under_no_grad_is_not_recorded():
    x = leaf(1.0, 2.0)
    y = 2 * x
    with tg.no_grad():
        y.mul_(100)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_detach_in_place():
    x = leaf(1.0)
    y = 2 * x
    z = 3 * y
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    z.backward()  # what was recorded before stays
    assert x.grad.tolist() == [6.0]


# ---- refused, before anything is changed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "change", "message"),
    [
        (lambda: tg.ones(2), lambda y: y.add_(tg.ones(3, 2)), r"output with shape \[2\].*broadcast shape \[3, 2\]"),
        (lambda: tg.ones(1), lambda y: y.mul_(tg.ones(3)), r"output with shape \[1\].*broadcast shape \[3\]"),
        (lambda: tg.ones(2), lambda y: y.add_(tg.ones(3)), "must match"),
        (lambda: tg.ones(3), lambda y: y.copy_(tg.ones(2)), "size|shape"),
        (lambda: tg.ones(3), lambda y: y.fill_(tg.ones(2)), "0-dimension"),
        (lambda: tg.tensor([1, 2]), lambda y: y.add_(1.5), "float32 can't be cast to the desired output type int64"),
        (lambda: tg.tensor([1, 2]), lambda y: y.div_(2), "can't be cast"),
        (lambda: tg.tensor([1, 2]), lambda y: y.sqrt_(), "can't be cast"),
        (lambda: tg.tensor([True]), lambda y: y.add_(1), "int64 can't be cast to the desired output type bool"),
    ],
    ids=["wider", "wider than 1", "clash", "copy_", "fill_", "int += float", "int /= int", "int sqrt", "bool += int"],
)
def test_results_that_do_not_fit(make, change, message):
    y = make()
    before = y.tolist()
    with pytest.raises(RuntimeError, match=message):
        change(y)
    assert y.tolist() == before
    assert y._version == 0


def test_results_that_fit_after_a_cast():
    small = tg.tensor([1], dtype="uint8")
    assert small.add_(tg.tensor([300])).tolist() == [45]  # wraps around
    assert tg.ones(2).add_(tg.ones(2, dtype="float64")).dtype == tg.float32
    assert tg.tensor([1, 2]).copy_(tg.tensor([1.7, -1.7])).tolist() == [1, -1]


def test_a_hook_of_what_was_copied_to_does_not_see_the_gradient_of_the_source():
    source, seen = tg.ones(2, requires_grad=True) * 1, []
    y = tg.zeros(2).copy_(source)
    y.register_hook(lambda grad: seen.append(grad.tolist()))
    (3 * source).sum().backward(retain_graph=True)
    assert seen == []
    (2 * y).sum().backward()
    assert seen == [[2, 2]]
    assert tg.tensor([1, 2]).fill_(2.9).tolist() == [2, 2]


# ---- programs drawn at random --------------------------------------------------------------------------------------
#
# Each is run twice: on tensors, and on dual numbers, pairs of an array and its derivative along a direction. NumPy's
# views and in-place ops do to both arrays of a pair what the program says, so the derivative is right by construction.


class Dual:
    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def view(self, take):
        return Dual(take(self.value), take(self.slope))

    def detach(self):
        return Dual(self.value, np.zeros_like(self.value))

    def add(self, other):
        return Dual(self.value + other.value, self.slope + other.slope)

    def mul(self, other):
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def tanh(self):
        value = np.tanh(self.value)
        return Dual(value, self.slope * (1 - value**2))

    def overwrite(self, result, recorded):
        self.value[...] = result.value
        if recorded:
            self.slope[...] = result.slope


VIEWS = [lambda a: a[-1:], lambda a: a[:, -1:], lambda a: a.T]


def fits(shape, *others):
    """Whether a result of all these shapes can be written to one of ``shape``."""
    return np.broadcast_shapes(shape, *others) == tuple(shape)


def run_duals(program, x, direction):
    variables = [Dual(x.copy(), direction.copy()), Dual(np.array([[0.5, -1.0], [2.0, 0.25]]), np.zeros((2, 2)))]
    for op, i, j, k in program:
        a, b = variables[i % len(variables)], variables[j % len(variables)]
        if op == "add":
            variables.append(a.add(b))
        elif op == "mul":
            variables.append(a.mul(b))
        elif op == "tanh":
            variables.append(a.tanh())
        elif op == "view":
            variables.append(a.view(VIEWS[k]))
        elif op == "detach":
            variables.append(a.detach())
        elif fits(a.value.shape, b.value.shape):
            recorded = not op.endswith("no_grad")
            result = {"add_": Dual.add, "mul_": Dual.mul, "copy_": lambda a, b: b, "tanh_": lambda a, b: a.tanh()}[
                op.split(" ")[0]
            ](a, b)
            a.overwrite(result, recorded)
    return sum(((n + 1) * v.slope).sum() for n, v in enumerate(variables))


def run_tensors(program, x):
    x = tg.tensor(x, requires_grad=True)
    variables = [x, tg.tensor([[0.5, -1.0], [2.0, 0.25]], dtype="float64")]
    for op, i, j, k in program:
        a, b = variables[i % len(variables)], variables[j % len(variables)]
        if op in ("add", "mul"):
            variables.append(getattr(a, op)(b))
        elif op == "tanh":
            variables.append(a.tanh())
        elif op == "view":
            variables.append(VIEWS[k](a))
        elif op == "detach":
            variables.append(a.detach())
        elif fits(a.shape, b.shape):
            with tg.set_grad_enabled(not op.endswith("no_grad")):
                method = getattr(a, op.split(" ")[0])
                method() if op.startswith("tanh_") else method(b)
    loss = sum(((n + 1) * v).sum() for n, v in enumerate(variables))
    return tg.autograd.grad(loss, x)[0].numpy()


PURE = ["add", "mul", "tanh", "view"]
CHANGING = ["add_", "mul_", "tanh_", "copy_"]
UNRECORDED = ["detach", "add_ no_grad", "mul_ no_grad"]

programs = st.lists(
    st.tuples(st.sampled_from(PURE + CHANGING + UNRECORDED), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2)),
    min_size=1,
    max_size=9,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs)
def test_random_programs_give_the_right_gradient_or_an_error(program):
    x = np.array([[0.7, -0.3], [1.1, 0.4]])
    direction = np.array([[1.0, -2.0], [0.5, 3.0]])
    try:
        gradient = run_tensors(program, x)
    except RuntimeError as error:
        assert "in-place" in str(error) or "inplace" in str(error)  # noqa: PT017
    else:
        np.testing.assert_allclose((gradient * direction).sum(), run_duals(program, x, direction), rtol=1e-9, atol=1e-9)


def test_many_random_programs_are_not_refused():
    """Else the test above would say little."""
    rng = np.random.default_rng(0)
    x = np.array([[0.7, -0.3], [1.1, 0.4]])
    direction = np.array([[1.0, -2.0], [0.5, 3.0]])
    ran_with_changes = 0
    for _ in range(400):
        ops = rng.choice(["add", "mul", "tanh", *CHANGING], size=5)
        program = [(str(op), *map(int, rng.integers(0, 9, size=2)), 0) for op in ops]
        try:
            gradient = run_tensors(program, x)
        except RuntimeError:
            continue
        np.testing.assert_allclose((gradient * direction).sum(), run_duals(program, x, direction), rtol=1e-9)
        ran_with_changes += any(op in CHANGING for op in ops)
    assert ran_with_changes > 50


# ---- arithmetic that NumPy does in place -----------------------------------------------------------------------------

ARITHMETIC = [("add_", tg.add), ("sub_", tg.sub), ("mul_", tg.mul), ("div_", tg.div)]


@pytest.mark.parametrize(("name", "op"), ARITHMETIC)
@pytest.mark.parametrize(
    "operand",
    [
        lambda x: 3,
        lambda x: 0.5,
        lambda x: tg.tensor(3.0),
        lambda x: tg.tensor(3.0, dtype=tg.float64),
        lambda x: tg.tensor([[1.0], [2.0], [4.0]]),
        lambda x: tg.tensor([1, 2, 4]),
        lambda x: x,
        lambda x: x.T,
        lambda x: x.flip(0),
        lambda x: x[0],
    ],
)
def test_arithmetic_in_place_is_that_out_of_place(name, op, operand):
    x = tg.arange(1.0, 10.0).reshape(3, 3)
    expected, version, memory = op(x, operand(x)), x._version, x.numpy()
    assert getattr(x, name)(operand(x)) is x
    assert (x.tolist(), x.dtype, x._version) == (expected.tolist(), tg.float32, version + 1)
    assert np.shares_memory(memory, x.numpy())


def test_arithmetic_in_place_of_what_overlaps():
    x = tg.arange(5.0)
    x[1:].add_(x[:-1])
    assert x.tolist() == [0, 1, 3, 5, 7]


def test_arithmetic_in_place_is_noticed_by_a_graph():
    w, factor = leaf(1.0, 2.0), tg.ones(2, dtype=tg.float64)
    product = (factor * w).sum()
    factor.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        w.add_(1)
    factor.mul_(w)
    assert factor.requires_grad
    with pytest.raises(RuntimeError, match="cannot be written"):
        tg.ones(1).expand(3).add_(1)


def test_filling_a_leaf_is_refused_and_noticed_like_other_changes():
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        w.zero_()
    product = (w * w).sum()
    with tg.no_grad():
        w.fill_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    assert w.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="cannot be written"):
        tg.ones(1).expand(3).zero_()
