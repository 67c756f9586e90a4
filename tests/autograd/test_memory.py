"""What the graph keeps alive, for how long, and that no gradient shares memory with anything else."""

import gc
import inspect
import sys
import weakref

import numpy as np
import pytest

import tinygrad_np as tg


class Double(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


# ---- a long graph neither computes nor dies by recursion -----------------------------------------------------------


@pytest.fixture
def low_recursion_limit():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 60)
    yield
    sys.setrecursionlimit(limit)


def in_place(y):
    y = y.clone()
    y += 1
    return y


@pytest.mark.parametrize(
    ("step", "steps"),
    [
        (lambda y: y + 1, 200_000),
        (Double.apply, 20_000),
        (in_place, 20_000),
        (lambda y: y.split(1)[0], 20_000),
        (lambda y: tg.cat([y, y])[:1], 20_000),
    ],
    ids=["add", "Function", "in place", "split", "cat and slice"],
)
@pytest.mark.usefixtures("low_recursion_limit")
def test_a_chain_of_any_length_backpropagates_and_is_freed(step, steps):
    x = tg.zeros(1, requires_grad=True)
    y = step(x)
    first = weakref.ref(y.grad_fn)
    for _ in range(steps - 1):
        y = step(y)
    with np.errstate(over="ignore"):
        y.backward()
    assert x.grad is not None
    del y
    assert first() is None


@pytest.mark.usefixtures("low_recursion_limit")
def test_a_graph_of_gradients_is_freed_without_recursion():
    x = tg.ones(1, requires_grad=True)
    y = x
    for _ in range(5_000):
        y = y * 1.0
    (slope,) = tg.autograd.grad(y, x, create_graph=True)
    node = weakref.ref(y.grad_fn)
    del y, slope
    assert node() is None


# ---- no reference cycles -------------------------------------------------------------------------------------------


def leaf():
    return tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)


def plain_ops():
    x = leaf()
    (x.exp() * x + x.sum()).mean().backward()


def unswept():
    x = leaf()
    x.exp().log()


def retained():
    x = leaf()
    loss = x.exp().sum()
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)


def views_and_splits():
    x = leaf()
    a, b = x.split(1)
    (a.T @ b).flatten()[1:].sum().backward()


def sequences():
    x = leaf()
    tg.stack([x, 2 * x]).sum().backward()


def fused():
    x = leaf()
    tg.nn.functional.cross_entropy(tg.nn.functional.linear(x, x), tg.tensor([0, 1])).backward()


def fused_twice():
    x = leaf()
    (slope,) = tg.autograd.grad(
        tg.nn.functional.cross_entropy(tg.nn.functional.linear(x, x), tg.tensor([0, 1])), x, create_graph=True
    )
    slope.square().sum().backward()


def in_place_ops():
    x = leaf()
    y = 2 * x
    y.retain_grad()
    y.mul_(x)
    y += y.detach()
    y.sum().backward()


def hooks():
    x = leaf()
    y = 2 * x
    x.register_hook(lambda grad: grad + 1)
    y.register_hook(lambda grad: 2 * grad)
    y.retain_grad()
    y.sum().backward()


def gradients_with_a_graph():
    x = leaf()
    y = x**3
    y.sum().backward(create_graph=True)  # PyTorch leaks here: x.grad's graph leads back to x, which holds x.grad
    x.grad.sum().backward()


def third_order():
    x = leaf()
    y = x.exp().sum()
    for _ in range(3):
        (slope,) = tg.autograd.grad(y, x, create_graph=True)
        y = slope.sum()


def gradient_penalty():
    x, w = leaf(), leaf()
    (slope,) = tg.autograd.grad(((x @ w).tanh() ** 2).sum(), x, create_graph=True)
    slope.square().sum().backward()


class SaveAll(tg.autograd.Function):
    """Saves an input, an output, and a tensor that is neither."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y, y + 1)
        return y, x.argmax(), y * 2

    @staticmethod
    def backward(ctx, grad, _, other):
        x, y, _ = ctx.saved_tensors
        return grad * y + other * 2 * y + 0 * x


def custom_function():
    x = leaf()
    y, _, z = SaveAll.apply(x)
    (y + z).sum().backward()


def custom_function_unswept():
    SaveAll.apply(leaf())


def custom_function_twice():
    x = leaf()
    y, _, z = SaveAll.apply(x)
    (slope,) = tg.autograd.grad((y * z).sum(), x, create_graph=True)
    slope.sum().backward()


class Scale(tg.autograd.Function):
    """In place, and it saves what it changed."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 2 * grad + 0 * x


def custom_function_in_place():
    y = leaf().clone()
    Scale.apply(y).sum().backward()


def once_differentiable_function():
    class Once(Double):
        backward = staticmethod(tg.autograd.function.once_differentiable(Double.backward))

    x = leaf()
    tg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)


def failed_backward():
    x = leaf()
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def anomaly():
    x = leaf()
    with tg.autograd.detect_anomaly():
        (slope,) = tg.autograd.grad(x.exp().sum(), x, create_graph=True)
        slope.sum().backward()


def module():
    layer = tg.nn.Linear(2, 2)
    layer(leaf()).sum().backward()


SCENARIOS = [
    plain_ops,
    unswept,
    retained,
    views_and_splits,
    sequences,
    fused,
    fused_twice,
    in_place_ops,
    hooks,
    gradients_with_a_graph,
    third_order,
    gradient_penalty,
    custom_function,
    custom_function_unswept,
    custom_function_twice,
    custom_function_in_place,
    once_differentiable_function,
    failed_backward,
    anomaly,
    module,
]


def census():
    kinds = (tg.Tensor, tg.autograd.graph.Node, tg.autograd.function.FunctionCtx)
    return sum(isinstance(thing, kinds) for thing in gc.get_objects())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_all_is_freed_without_the_cycle_collector(scenario):
    scenario()  # what is set up once, is set up now
    gc.collect()
    gc.disable()
    try:
        before = census()
        scenario()
        assert census() == before
    finally:
        gc.enable()


def test_the_census_sees_a_cycle():
    """The test above could not fail otherwise."""

    def scenario():
        x = leaf()
        x.register_hook(lambda grad: x)

    gc.collect()
    gc.disable()
    try:
        before = census()
        scenario()
        assert census() > before
    finally:
        gc.enable()
        gc.collect()


def test_a_graph_is_freed_with_its_last_tensor_though_the_leaves_live_on():
    x = leaf()
    y = x.exp()
    node = weakref.ref(y.grad_fn)
    z = y.sum()
    del y
    assert node() is not None
    del z
    assert node() is None


def test_a_leaf_is_not_kept_alive_by_its_graph():
    x = leaf()
    dead = weakref.ref(x)
    y = x.sum()
    del x
    assert dead() is None
    y.backward()  # its gradient is nobody's


# ---- a node keeps what its rules name ------------------------------------------------------------------------------


def intermediate(*shape):
    """A tensor of a graph, that is not a leaf, of values where all ops below are smooth."""
    return tg.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape).clone().requires_grad_() * 1.0


def constant(*shape):
    return tg.linspace(0.2, 0.8, int(np.prod(shape))).reshape(shape).clone()


def memory(tensor):
    """A weak reference to the array of a tensor."""
    return weakref.ref(tensor.numpy(force=True))


# op, inputs, and what of the inputs (by number) and the output is kept for backward
KEPT = [
    ("y + 1", lambda a: a + 1, [intermediate], ""),
    ("a + b", tg.add, [intermediate, intermediate], ""),
    ("a - b", tg.sub, [intermediate, intermediate], ""),
    ("-a", tg.neg, [intermediate], ""),
    ("2 * a", lambda a: 2 * a, [intermediate], ""),
    ("a * constant", tg.mul, [intermediate, constant], "1"),
    ("constant * a", tg.mul, [constant, intermediate], "0"),
    ("a * b", tg.mul, [intermediate, intermediate], "01"),
    ("a / constant", tg.div, [intermediate, constant], "1"),
    ("a @ constant", tg.matmul, [intermediate, constant], "1"),
    ("constant @ a", tg.matmul, [constant, intermediate], "0"),
    ("exp", tg.exp, [intermediate], "o"),
    ("log", tg.log, [intermediate], "0"),
    ("sqrt", tg.sqrt, [intermediate], "o"),
    ("tanh", tg.tanh, [intermediate], "o"),
    ("sigmoid", tg.sigmoid, [intermediate], "o"),
    ("sin", tg.sin, [intermediate], "0"),
    ("softmax", lambda a: tg.softmax(a, -1), [intermediate], "o"),
    ("log_softmax", lambda a: tg.log_softmax(a, -1), [intermediate], "o"),
    ("sum", lambda a: a.sum(0), [intermediate], ""),
    ("mean", lambda a: a.mean(0), [intermediate], ""),
    ("cumsum", lambda a: a.cumsum(0), [intermediate], ""),
    ("reshape", lambda a: a.reshape(-1), [intermediate], ""),
    ("transpose", lambda a: a.T, [intermediate], ""),
    ("expand", lambda a: a.unsqueeze(0).expand(5, -1, -1), [intermediate], ""),
    ("slice", lambda a: a[1:], [intermediate], ""),
    ("flip", lambda a: a.flip(0), [intermediate], ""),
    ("cat", lambda a, b: tg.cat([a, b]), [intermediate, intermediate], ""),
    ("stack", lambda a, b: tg.stack([a, b]), [intermediate, intermediate], ""),
    ("clone", tg.clone, [intermediate], ""),
    ("double", lambda a: a.double(), [intermediate], ""),
]


@pytest.mark.parametrize(("op", "makers", "kept"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_a_node_keeps_only_what_its_rules_name(op, makers, kept):
    inputs = [make(3, 3) for make in makers]
    references = {str(i): memory(tensor) for i, tensor in enumerate(inputs)}
    out = op(*inputs)
    references["o"] = memory(out)
    node = out.grad_fn
    del inputs, out
    assert node is not None
    assert {name for name, array in references.items() if array() is not None} == set(kept)


def test_a_chain_of_additions_keeps_no_arrays():
    y = leaf()
    arrays = []
    for _ in range(5):
        y = y + 1
        arrays.append(memory(y))
    node = y.grad_fn
    del y
    assert node is not None
    assert [array() for array in arrays] == [None] * 5


@pytest.mark.parametrize("sweep", ["backward", "grad"])
def test_backward_frees_what_was_saved(sweep):
    x = leaf()
    y = x.exp()
    saved = memory(y)
    z = y.sum()
    del y
    assert saved() is not None
    if sweep == "backward":
        z.backward()
    else:
        tg.autograd.grad(z, x)
    assert saved() is None


@pytest.mark.parametrize("option", ["retain_graph", "create_graph"])
def test_backward_frees_nothing_when_told_not_to(option):
    x = leaf()
    y = x.exp()
    saved = memory(y)
    z = y.sum()
    del y
    z.backward(**{option: True})
    assert saved() is not None


def test_memory_is_given_back_while_the_sweep_runs():
    """What a node saved is freed when that node is done, not when all are."""
    x = leaf()
    y = x.exp()
    z = y.exp()
    late = memory(z)
    seen = []
    y.register_hook(lambda grad: seen.append(late() is None))
    loss = z.sum()
    del z
    loss.backward()
    assert seen == [True]


# ---- gradients share no memory -------------------------------------------------------------------------------------


class SameTwice(tg.autograd.Function):
    """Gives both inputs one and the same tensor as gradient."""

    @staticmethod
    def forward(ctx, a, b):
        return a + b

    @staticmethod
    def backward(ctx, grad):
        both = 3 * grad
        return both, both


class Saved(tg.autograd.Function):
    """Gives back a saved tensor as gradient."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        return b, a.T


class Kept(tg.autograd.Function):
    """Gives parts of a tensor which it keeps."""

    kept = tg.ones(3, 3)

    @staticmethod
    def forward(ctx, a, b):
        return a + b

    @staticmethod
    def backward(ctx, grad):
        return Kept.kept, Kept.kept.view(3, 3)


ALIASING = {
    "add": lambda a, b: a + b,
    "add to itself": lambda a, b: a + a + b,
    "the leaf itself": lambda a, b: a.view(3, 3),
    "sub": lambda a, b: a - b,
    "transpose": lambda a, b: a.T + b.T,
    "reshape": lambda a, b: a.reshape(9) + b.reshape(9),
    "one as itself, one transposed": lambda a, b: a + b.T,
    "expand": lambda a, b: a.expand(2, 3, 3) + b,
    "sum": lambda a, b: a.sum(0) + b.sum(0),
    "sum to a number": lambda a, b: a.sum() + b.sum(),
    "cat": lambda a, b: tg.cat([a, b]),
    "cat with itself": lambda a, b: tg.cat([a, a, b]),
    "stack": lambda a, b: tg.stack([a, b]),
    "split": lambda a, b: tg.stack([*a.split(1), *b.split(1)]),
    "unbind and add": lambda a, b: a.unbind()[0] + b.unbind()[1],
    "slices": lambda a, b: a[:2] + b[1:],
    "clone": lambda a, b: a.clone() + b.clone(),
    "cast": lambda a, b: a.double() + b.double(),
    "where": lambda a, b: tg.where(a > b, a, b),
    "a product": lambda a, b: a * b,
    "one gradient for two": SameTwice.apply,
    "a saved tensor": Saved.apply,
    "a kept tensor": Kept.apply,
    "in place": lambda a, b: a.clone().add_(b),
}


def make_pair():
    rng = np.random.default_rng(0)
    return [tg.tensor(rng.normal(size=(3, 3)).astype("float32"), requires_grad=True) for _ in range(2)]


def assert_unshared(gradients, others=()):
    """That none of the gradients shares memory with another of them, or with one of the others."""
    arrays = [tensor.numpy(force=True) for tensor in gradients if tensor is not None]
    for i, a in enumerate(arrays):
        for b in [*arrays[:i], *[other.numpy(force=True) for other in others]]:
            assert not np.shares_memory(a, b)


@pytest.mark.parametrize("program", ALIASING.values(), ids=ALIASING)
@pytest.mark.parametrize("create_graph", [False, True], ids=["", "create_graph"])
def test_gradients_of_leaves_share_no_memory(program, create_graph):
    a, b = make_pair()
    out = program(a, b)
    middle = out * 1.0
    middle.retain_grad()
    given = tg.ones_like(middle)
    middle.backward(given, create_graph=create_graph)
    assert_unshared([a.grad, b.grad, middle.grad], [a, b, out, middle, given, Kept.kept])


@pytest.mark.parametrize("program", ALIASING.values(), ids=ALIASING)
def test_gradients_that_are_returned_share_no_memory(program):
    a, b = make_pair()
    out = program(a, b)
    given = tg.ones_like(out)
    gradients = tg.autograd.grad(out, [a, b, out], given, allow_unused=True)
    assert_unshared(gradients, [a, b, out, given, Kept.kept])


@pytest.mark.parametrize("program", ALIASING.values(), ids=ALIASING)
def test_gradients_of_chosen_inputs_share_no_memory(program):
    a, b = make_pair()
    out = program(a, b)
    given = tg.ones_like(out)
    out.backward(given, inputs=[a, b])
    assert_unshared([a.grad, b.grad], [a, b, out, given, Kept.kept])


def test_the_gradient_of_a_leaf_that_is_the_root_is_not_the_one_passed_in():
    x, given = leaf(), tg.ones(2, 2)
    x.backward(given)
    assert_unshared([x.grad], [x, given])


def test_hooks_keep_what_they_saw():
    x = leaf()
    y = 2 * x
    seen = []
    for tensor in (x, y):
        tensor.register_hook(seen.append)
    replacement = tg.ones(2, 2)
    x.register_hook(lambda grad: replacement)
    (y + 1).sum().backward()
    assert_unshared([x.grad], [*seen, replacement])


def test_accumulating_leaves_other_tensors_alone():
    a, b = make_pair()
    given = tg.ones(3, 3)
    out = a + b
    out.backward(given, retain_graph=True)
    first = a.grad.clone()
    out.backward(given)
    assert tg.equal(a.grad, 2 * first)
    assert tg.equal(b.grad, 2 * first)
    assert tg.equal(given, tg.ones(3, 3))


# ---- and none is copied without need -------------------------------------------------------------------------------


class Fresh(tg.autograd.Function):
    """Makes a gradient nobody else has, and says where it lies."""

    addresses: list[int] = []  # noqa: RUF012

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        made = grad * 2
        Fresh.addresses.append(made.data_ptr())
        return made


UNCOPIED = {
    "at once": Fresh.apply,
    "through an addition": lambda x: Fresh.apply(x + 1),
    "through a transpose": lambda x: Fresh.apply(x.T),
    "through a reshape": lambda x: Fresh.apply(x.reshape(-1)),
    "through both": lambda x: Fresh.apply((x + 1).T.reshape(-1)),
}


@pytest.mark.parametrize("program", UNCOPIED.values(), ids=UNCOPIED)
@pytest.mark.parametrize("how", ["backward", "inputs", "grad"])
def test_a_gradient_that_nobody_else_has_is_handed_over(program, how):
    x = leaf()
    out = program(x).sum()
    if how == "grad":
        (gradient,) = tg.autograd.grad(out, x)
    else:
        out.backward(inputs=[x] if how == "inputs" else None)
        gradient = x.grad
    assert gradient.data_ptr() == Fresh.addresses[-1]


def test_of_two_leaves_with_one_gradient_one_gets_it_and_the_other_a_copy():
    a, b = leaf(), leaf()
    Fresh.apply(a + b).sum().backward()
    assert Fresh.addresses[-1] in (a.grad.data_ptr(), b.grad.data_ptr())
    assert_unshared([a.grad, b.grad])


def test_a_gradient_keeps_no_more_memory_than_its_own():
    """It would, as a view of the large gradient of which it is a part."""
    x = leaf()
    (tg.cat([x, tg.ones(1000, 2)]) * 2).sum().backward()
    array = x.grad.numpy()
    assert array.base is None or array.base.size == array.size


def test_gradients_accumulate_in_the_memory_of_the_first():
    x = leaf()
    (x * 2).sum().backward()
    address = x.grad.data_ptr()
    (x * 3).sum().backward()
    assert x.grad.data_ptr() == address
    assert x.grad.tolist() == [[5.0, 5.0], [5.0, 5.0]]
