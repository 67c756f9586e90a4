"""autograd.Function: functions with a forward and a backward of the user's own."""

import re

import numpy as np
import pytest

import tinygrad_np as tg
from tests.autograd.leaves import leaf
from tinygrad_np.autograd import Function, grad
from tinygrad_np.autograd.function import once_differentiable


def function(forward, backward=lambda ctx, *grads: grads):
    """A Function named Custom."""
    return type("Custom", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class DivMod(Function):
    """Two outputs, one saved, and one argument that is no tensor."""

    @staticmethod
    def forward(ctx, x, y, scale):
        ctx.save_for_backward(x, y)
        ctx.scale = scale
        return scale * x / y, x * y

    @staticmethod
    def backward(ctx, g_quotient, g_product):
        x, y = ctx.saved_tensors
        s = ctx.scale
        return g_quotient * s / y + g_product * y, -g_quotient * s * x / y**2 + g_product * x, None


# ---- the basics ----------------------------------------------------------------------------------------------------


def test_forward_and_backward():
    x = leaf(1.0, 2.0)
    y = Cube.apply(x)
    assert y.tolist() == [1.0, 8.0]
    assert y.requires_grad
    assert not y.is_leaf
    (2 * y).sum().backward()
    assert x.grad.tolist() == [6.0, 24.0]


def test_its_name_is_that_of_the_class():
    y = Cube.apply(leaf(1.0))
    assert repr(y) == "tensor([1.], grad_fn=<CubeBackward>)"
    assert y.grad_fn.name() == "CubeBackward"


def test_forward_records_nothing_and_backward_only_under_create_graph():
    modes = []

    def forward(ctx, x):
        modes.append(tg.is_grad_enabled())
        return x * 2

    def backward(ctx, g):
        modes.append(tg.is_grad_enabled())
        return g * 2

    x = leaf(1.0)
    y = function(forward, backward).apply(x)
    grad(y, x, retain_graph=True)
    grad(y, x, create_graph=True)
    assert modes == [False, False, True]
    assert tg.is_grad_enabled()


def test_arguments_that_are_no_tensors_and_several_outputs():
    x, y = leaf(6.0), leaf(2.0)
    quotient, product = DivMod.apply(x, y, 10.0)
    assert (quotient.tolist(), product.tolist()) == ([30.0], [12.0])
    (quotient + 100 * product).backward()
    assert x.grad.tolist() == [10 / 2 + 100 * 2]
    assert y.grad.tolist() == [-10 * 6 / 4 + 100 * 6]


def test_a_chain_of_functions_and_ops():
    x = leaf(0.5)
    Exp.apply(Cube.apply(x.sin()) + 1).log().backward()
    s, c = np.sin(0.5), np.cos(0.5)
    assert x.grad.tolist() == pytest.approx([3 * s**2 * c])


def test_an_argument_used_twice():
    x = leaf(3.0)
    multiply = function(
        lambda ctx, a, b: (ctx.save_for_backward(a, b), a * b)[1],
        lambda ctx, g: (
            g * ctx.saved_tensors[1],
            g * ctx.saved_tensors[0],
        ),
    )
    multiply.apply(x, x).backward()
    assert x.grad.tolist() == [6.0]


def test_keyword_arguments_and_defaults():
    def forward(ctx, x, factor=2.0, *, shift=0.0):
        ctx.factor = factor
        return x * factor + shift

    scale = function(forward, lambda ctx, g: (g * ctx.factor, None))
    for args, kwargs, value, slope in [
        ((), {}, 2.0, 2.0),
        ((5.0,), {}, 5.0, 5.0),
        ((), {"factor": 5.0}, 5.0, 5.0),
        ((), {"shift": 1.0}, 3.0, 2.0),
    ]:
        x = leaf(1.0)
        y = scale.apply(x, *args, **kwargs)
        assert y.tolist() == [value]
        y.backward()
        assert x.grad.tolist() == [slope]


def test_setup_context():
    class Power(Function):
        @staticmethod
        def forward(x, exponent=2):
            return x**exponent

        @staticmethod
        def setup_context(ctx, inputs, output):
            assert not tg.is_grad_enabled()
            x, ctx.exponent = inputs  # with the default
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * ctx.exponent * y / x, None

    x = leaf(3.0)
    assert grad(Power.apply(x), x)[0].tolist() == [6.0]
    assert grad(Power.apply(x, 3), x)[0].tolist() == [27.0]
    assert grad(Power.apply(x, exponent=3), x)[0].tolist() == [27.0]
    (slope,) = grad(Power.apply(x, 3), x, create_graph=True)
    assert grad(slope, x)[0].tolist() == [18.0]


def test_functions_pass_gradcheck():
    x = tg.tensor([0.5, 1.5], dtype="float64", requires_grad=True)
    y = tg.tensor([2.0, -1.5], dtype="float64", requires_grad=True)
    assert tg.autograd.gradcheck(Cube.apply, x)
    assert tg.autograd.gradgradcheck(Exp.apply, x)
    assert tg.autograd.gradgradcheck(lambda a, b: DivMod.apply(a, b, 3.0), (x, y))


# ---- no gradient wanted --------------------------------------------------------------------------------------------


def test_without_a_tensor_that_requires_grad_or_under_no_grad():
    assert not Cube.apply(tg.ones(1)).requires_grad
    x = leaf(2.0)
    with tg.no_grad():
        assert not Cube.apply(x).requires_grad
        identity = function(lambda ctx, x: x).apply(x)
    assert not identity.requires_grad
    assert x.requires_grad


def test_needs_input_grad():
    seen = []

    def forward(ctx, *args):
        seen.append(ctx.needs_input_grad)
        return args[0] * args[1]

    def backward(ctx, g):
        seen.append(ctx.needs_input_grad)
        return g, g, None, None

    x, w = leaf(1.0), leaf(1.0)
    y = function(forward, backward).apply(x, w, 5, tg.ones(1))
    y.backward(retain_graph=True)
    grad(y, w)
    assert seen == [(True, True, False, False)] * 2 + [(False, True, False, False)]


def test_none_is_no_gradient():
    x, w = leaf(1.0), leaf(2.0)
    y = function(lambda ctx, a, b: a + b, lambda ctx, g: (None, g)).apply(x, w)
    y.backward(retain_graph=True)
    assert x.grad is None
    assert w.grad.tolist() == [1.0]
    assert grad(y, [x, w], allow_unused=True)[0] is None


def test_gradients_of_tensors_that_need_none_are_ignored():
    x, c = leaf(1.0), tg.ones(2)
    function(lambda ctx, a, b: a * 2, lambda ctx, g: (g * 2, tg.ones(7))).apply(x, c).backward()
    assert x.grad.tolist() == [2.0]
    assert c.grad is None


def test_tensors_in_lists_are_not_followed():
    x = leaf(1.0)
    assert not function(lambda ctx, tensors: tensors[0] * 2).apply([x]).requires_grad


# ---- outputs -------------------------------------------------------------------------------------------------------


def test_outputs_that_are_no_tensors_pass_through():
    seen = []

    def backward(ctx, *grads):
        seen.extend(grads)
        return grads[0]

    x = leaf(1.0)
    y, number, nothing, text, z = function(lambda ctx, x: (x * 1, 3, None, "a", x * 1), backward).apply(x)
    assert (number, nothing, text) == (3, None, "a")
    (y + z).backward()
    assert [g if g is None else g.tolist() for g in seen] == [[1.0], None, None, None, [1.0]]
    assert function(lambda ctx, x: None).apply(x) is None
    assert function(lambda ctx, x: 1.5).apply(x) == 1.5


def test_a_tuple_of_one_stays_a_tuple():
    x = leaf(1.0)
    outputs = function(lambda ctx, x: (x * 2,), lambda ctx, g: g * 2).apply(x)
    assert isinstance(outputs, tuple)
    outputs[0].backward()
    assert x.grad.tolist() == [2.0]


def test_outputs_that_got_no_gradient_get_zeros():
    seen = []

    def backward(ctx, *grads):
        seen.extend(grads)
        return grads[0]

    def forward(ctx, x):
        return x * 2, x.double().unsqueeze(0), x.argmax()

    x = leaf(1.0, 2.0)
    first, _, index = function(forward, backward).apply(x)
    assert not index.requires_grad
    first.sum().backward()
    assert [(g.tolist(), g.dtype) for g in seen] == [
        ([1.0, 1.0], tg.float32),
        ([[0.0, 0.0]], tg.float64),
        (0, tg.int64),
    ]


def test_or_none_if_they_are_not_to_be_materialized():
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, a, b):
        seen.append((a, b))
        return b

    x = leaf(1.0)
    function(forward, backward).apply(x)[1].backward()
    assert seen[0][0] is None
    assert seen[0][1].tolist() == [1.0]


def test_one_output_used_many_times():
    x = leaf(2.0)
    quotient, _ = DivMod.apply(x, tg.ones(1), 1.0)
    (quotient * quotient + quotient).backward()
    assert x.grad.tolist() == [5.0]


def test_mark_non_differentiable():
    def forward(ctx, x):
        a, b = x * 2, x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    x = leaf(1.0)
    a, b = function(forward, lambda ctx, g, _: g * 2).apply(x)
    assert a.requires_grad
    assert not b.requires_grad
    assert b.grad_fn is None


def test_an_input_returned_as_output_is_another_tensor_of_the_same_memory():
    x = leaf(1.0, 2.0)
    y = function(lambda ctx, x: x, lambda ctx, g: g * 10).apply(x)
    assert y is not x
    assert y.data_ptr() == x.data_ptr()
    assert x.is_leaf
    assert y.grad_fn.name() == "CustomBackward"
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]
    with pytest.raises(RuntimeError, match="in-place"):
        y.add_(1)


def test_an_input_returned_as_output_that_is_not_differentiable():
    def forward(ctx, x):
        ctx.mark_non_differentiable(x)
        return x

    x = leaf(1.0)
    y = function(forward).apply(x)
    assert not y.requires_grad
    assert x.requires_grad


def test_a_view_of_an_input_returned_as_output():
    x = leaf(1.0, 2.0)
    h = 2 * x
    y = function(lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2)).apply(h)
    with pytest.raises(RuntimeError, match="in-place"):
        y.add_(1)
    with pytest.raises(RuntimeError, match="in-place"):
        h.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_the_same_tensor_returned_twice():
    x = leaf(1.0)

    def forward(ctx, x):
        y = x * 2
        return y, y

    a, b = function(forward, lambda ctx, g, h: 2 * g + 20 * h).apply(x)
    (a + 10 * b).backward()
    assert x.grad.tolist() == [202.0]


def test_a_tensor_of_another_graph_returned_as_output():
    x, other = leaf(1.0), leaf(5.0)
    y = function(lambda ctx, x: other, lambda ctx, g: g * 3).apply(x)
    y.backward()
    assert x.grad.tolist() == [3.0]
    assert other.grad is None
    assert other.is_leaf


# ---- in place ------------------------------------------------------------------------------------------------------


def doubling(save=False):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        if save:
            ctx.save_for_backward(x)
        return x

    return function(forward, lambda ctx, g: g * 2 * (ctx.saved_tensors[0] if save else 1))


def test_a_function_that_changes_its_input_in_place():
    x = leaf(1.0, 2.0)
    y = 3 * x
    y.retain_grad()
    out = doubling().apply(y)
    assert out is y
    assert y.tolist() == [6.0, 12.0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [72.0, 144.0]
    assert y.grad.tolist() == [12.0, 24.0]


def test_what_it_changed_may_be_saved():
    x = leaf(1.0, 2.0)
    y = doubling(save=True).apply(3 * x)
    (slope,) = grad(y.sum(), x, create_graph=True)  # 3 * 2y, y = 6x
    assert slope.tolist() == [36.0, 72.0]
    # Through the saved y the rule claims dy/dx = 3 * 2y, too, and the slope is 6y.
    assert grad(slope.sum(), x)[0].tolist() == [6 * 36.0, 6 * 72.0]


def test_what_others_had_saved_is_stale_then():
    x = leaf(1.0)
    y = x.exp()
    doubling().apply(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_a_change_made_by_numpy_counts_when_it_is_marked():
    def forward(ctx, x):
        x.numpy(force=True)[...] *= 2
        ctx.mark_dirty(x)
        return x

    x = leaf(1.0)
    y = x.exp()
    function(forward, lambda ctx, g: g * 2).apply(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_leaves_and_views_are_not_to_be_changed_in_place():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        doubling().apply(x)
    with pytest.raises(RuntimeError, match="view"):
        doubling().apply((2 * x)[:])


def test_what_was_changed_must_be_returned():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x + 1

    with pytest.raises(RuntimeError, match="must all be outputs of the Function"):
        function(forward).apply(2 * leaf(1.0))


# ---- saved tensors -------------------------------------------------------------------------------------------------


def test_only_tensors_can_be_saved():
    with pytest.raises(TypeError, match="can only save variables, but argument 1 is of type int"):
        function(lambda ctx, x: ctx.save_for_backward(x, 3)).apply(leaf(1.0))


def test_saved_tensors_are_in_their_place():
    seen = []

    def forward(ctx, x, c):
        y = x * c
        ctx.save_for_backward(x, None, c, y, x + 1)
        return y

    def backward(ctx, g):
        seen.extend(ctx.saved_tensors)
        return g, None

    x = leaf(2.0)
    y = function(forward, backward).apply(x, tg.tensor([3.0]))
    y.backward()
    saved_x, nothing, saved_c, saved_y, other = seen
    assert nothing is None
    assert [t.tolist() for t in (saved_x, saved_c, saved_y, other)] == [[2.0], [3.0], [6.0], [3.0]]
    assert [t.requires_grad for t in (saved_x, saved_c, saved_y, other)] == [True, False, True, False]
    assert saved_x.is_leaf
    assert saved_y.grad_fn is y.grad_fn


@pytest.mark.parametrize("which", ["input", "output"])
def test_saved_tensors_that_were_changed_are_refused_by_name(which):
    x, c = leaf(1.0), tg.tensor([2.0])
    if which == "input":
        y = function(
            lambda ctx, x, c: (ctx.save_for_backward(c), x * c)[1], lambda ctx, g: (g * ctx.saved_tensors[0], None)
        ).apply(x, c)
        c.add_(1)
        name = "Custom"
    else:
        y = Exp.apply(x)
        y.detach().add_(1)
        name = "Exp"
    with pytest.raises(RuntimeError, match=f"modified by an inplace operation.*{name}Backward"):
        y.backward()


def test_saved_tensors_are_freed_by_backward():
    x = leaf(1.0)
    y = Cube.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time.*CubeBackward.*retain_graph"):
        y.backward()
    y = Cube.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [9.0]


def test_a_function_that_saved_nothing_may_be_swept_again():
    x = leaf(1.0)
    y = function(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(x)
    y.backward()
    y.backward()
    assert x.grad.tolist() == [4.0]


def test_what_the_context_holds_stays_its_own():
    """Names that the engine uses for its nodes are free for the user's attributes."""

    def forward(ctx, x):
        ctx.shape, ctx.dtype, ctx.edges, ctx.time, ctx.hooks, ctx.name = (
            "shape",
            "dtype",
            "edges",
            "time",
            "hooks",
            "name",
        )
        return x * 2

    def backward(ctx, g):
        assert (ctx.shape, ctx.dtype, ctx.edges, ctx.time) == ("shape", "dtype", "edges", "time")
        return g * 2

    x = leaf(1.0, 2.0)
    function(forward, backward).apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


# ---- higher order --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("custom", "plain"),
    [
        (Cube.apply, lambda x: x**3),
        (Exp.apply, lambda x: x.exp()),
        (lambda x: DivMod.apply(x, x.sin(), 2.0)[0], lambda x: 2 * x / x.sin()),
        (lambda x: sum(DivMod.apply(x, x.sin(), 2.0)), lambda x: 2 * x / x.sin() + x * x.sin()),
    ],
    ids=["saved input", "saved output", "one of two outputs", "two outputs"],
)
def test_backward_is_differentiated(custom, plain):
    orders = []
    for f in (custom, plain):
        x = tg.tensor([0.5, 1.0], dtype="float64", requires_grad=True)
        y, found = f(x), []
        for _ in range(3):
            (y,) = grad(y.sum(), x, create_graph=True)
            found.append(y.detach().numpy())
        orders.append(found)
    np.testing.assert_allclose(*orders, rtol=1e-10)


def test_a_saved_output_of_several():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            a, b = x.exp(), x.sin()
            ctx.save_for_backward(x, a)
            return a, b

        @staticmethod
        def backward(ctx, ga, gb):
            x, a = ctx.saved_tensors
            return ga * a + gb * x.cos() + 0 * a * a

    x = tg.tensor([0.5], dtype="float64", requires_grad=True)
    a, b = Both.apply(x)
    (slope,) = grad(a + b, x, create_graph=True)
    (second,) = grad(slope, x, create_graph=True)
    assert second.tolist() == pytest.approx([np.exp(0.5) - np.sin(0.5)])
    assert grad(second, x)[0].tolist() == pytest.approx([np.exp(0.5) - np.cos(0.5)])


class NumpySine(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return tg.from_numpy(np.sin(x.numpy(force=True)))

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        assert not tg.is_grad_enabled()
        (x,) = ctx.saved_tensors
        return tg.from_numpy(g.numpy(force=True) * np.cos(x.numpy(force=True)))


def test_once_differentiable():
    x = leaf(0.0, 1.0)
    assert grad(NumpySine.apply(x).sum(), x)[0].tolist() == pytest.approx([1.0, np.cos(1.0)])
    (slope,) = grad(NumpySine.apply(x).sum(), x, create_graph=True)
    assert slope.tolist() == pytest.approx([1.0, np.cos(1.0)])
    for differentiate in (lambda: grad(slope.sum(), x), lambda: (2 * slope).sum().backward()):
        with pytest.raises(RuntimeError, match="differentiate twice.*once_differentiable"):
            differentiate()


# ---- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forward", "returned", "message"),
    [
        (
            lambda ctx, x: x * 2,
            lambda g: (g, g),
            "CustomBackward returned an incorrect number of gradients (expected 1, got 2)",
        ),
        (lambda ctx, x, y=3: x * 2, lambda g: (), "returned an incorrect number of gradients (expected 1, got 0)"),
        (
            lambda ctx, x: x * 2,
            lambda g: g[:2],
            "invalid gradient at index 0 - got [2] but expected shape compatible with [3]",
        ),
        (
            lambda ctx, x: x * 2,
            lambda g: g.sum(),
            "invalid gradient at index 0 - got [] but expected shape compatible with [3]",
        ),
        (lambda ctx, x: x * 2, lambda g: 3.0, "expected Variable or None (got float)"),
        (lambda ctx, x: x * 2, lambda g: [g], "expected Variable or None (got list)"),
        (lambda ctx, x: x * 2, lambda g: g.numpy(), "expected Variable or None (got ndarray)"),
    ],
    ids=["too many", "too few", "shape", "0-d", "number", "list", "array"],
)
def test_gradients_that_cannot_be(forward, returned, message):
    y = function(forward, lambda ctx, g: returned(g)).apply(leaf(1.0, 2.0, 3.0))
    with pytest.raises(RuntimeError, match=re.escape(message)):
        y.sum().backward()


def test_a_gradient_for_what_is_no_tensor():
    y = function(lambda ctx, x, k: x * k, lambda ctx, g: (g, g)).apply(leaf(1.0), 2)
    with pytest.raises(RuntimeError, match="gradient different than None at position 2.*not a Variable"):
        y.backward()


def test_a_gradient_that_broadcasting_explains_is_summed():
    x = leaf(1.0, 2.0, 3.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: g.expand(4, 3)).apply(x).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]


def test_a_gradient_of_another_dtype_is_cast():
    x = leaf(1.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: g.double()).apply(x).backward()
    assert x.grad.dtype == tg.float32


def test_what_is_not_implemented():
    x = leaf(1.0)
    with pytest.raises(NotImplementedError, match="forward"):
        type("Empty", (Function,), {}).apply(x)
    y = type("NoBackward", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2)}).apply(x)
    with pytest.raises(NotImplementedError, match="backward"):
        y.backward()


def test_functions_are_not_instantiated():
    with pytest.raises(RuntimeError, match=r"Cube\.apply"):
        Cube()


def test_an_error_within_leaves_the_mode_as_it_was():
    with pytest.raises(ZeroDivisionError):
        function(lambda ctx, x: 1 / 0).apply(leaf(1.0))
    assert tg.is_grad_enabled()
