"""How update rules are run: whatever the parameters are like, each ends as if it had been alone."""

import copy
import gc
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.optim.training import make_params, random_gradients
from tinygrad_np.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from tinygrad_np.optim.elementwise import ElementwiseOptimizer

KINDS = [
    pytest.param(lambda params: SGD(params, lr=0.1), id="plain SGD"),
    pytest.param(lambda params: SGD(params, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.1), id="SGD"),
    pytest.param(lambda params: Adagrad(params, lr=0.1, lr_decay=0.1), id="Adagrad"),
    pytest.param(lambda params: RMSprop(params, momentum=0.9, centered=True), id="RMSprop"),
    pytest.param(lambda params: Adam(params, amsgrad=True, weight_decay=0.1), id="Adam"),
    pytest.param(lambda params: AdamW(params, maximize=True), id="AdamW"),
]
SHAPES = [(3, 4), (), (7,), (300, 250), (5, 1), (2,)]
SMALL = [(3, 4), (), (7,), (2,)]


def copies(params):
    return [p.detach().clone().requires_grad_() for p in params]


def assert_same(params, others):
    """Equal bit for bit."""
    for a, b in zip(params, others, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy(), strict=True)


@pytest.mark.parametrize("make", KINDS)
def test_parameters_together_end_as_each_alone(make):
    together = make_params(SHAPES, tg.float32) + make_params(SHAPES, tg.float64)
    alone = copies(together)
    optimizer, optimizers = make(together), [make([p]) for p in alone]
    rng = np.random.default_rng(0)
    for _ in range(15):
        random_gradients(together, rng, missing=0.4)
        for a, b in zip(together, alone, strict=True):
            b.grad = a.grad
        optimizer.step()
        for other in optimizers:
            other.step()
    assert_same(together, alone)
    for a, b, other in zip(together, alone, optimizers, strict=True):
        for name, value in optimizer.state[a].items():
            np.testing.assert_array_equal(value.numpy(), other.state[b][name].numpy(), strict=True)


def test_more_small_parameters_than_are_updated_at_once():
    shapes = [(8192,)] * 20
    together = make_params(shapes, tg.float32)
    alone = copies(together)
    optimizer, optimizers = Adam(together), [Adam([p]) for p in alone]
    rng = np.random.default_rng(0)
    for _ in range(3):
        random_gradients(together, rng)
        for a, b in zip(together, alone, strict=True):
            b.grad = a.grad
        for other in (optimizer, *optimizers):
            other.step()
    assert_same(together, alone)


@pytest.mark.parametrize("make", KINDS)
def test_memory_layout_makes_no_difference(make):
    rng = np.random.default_rng(0)
    plain, odd = [], []
    for shape in [(4, 3), (300, 250)]:
        values = rng.standard_normal(shape).astype(np.float32)
        plain += [tg.from_numpy(values.copy()).requires_grad_() for _ in range(3)]
        odd.append(tg.from_numpy(np.asfortranarray(values)).requires_grad_())
        odd.append(tg.from_numpy(np.repeat(values, 2, axis=1)[:, ::2]).requires_grad_())
        odd.append(tg.from_numpy(values[::-1].copy()[::-1]).requires_grad_())
    assert not any(p.is_contiguous() for p in odd)
    optimizers = make(plain), make(odd)
    for _ in range(5):
        for a, b in zip(plain, odd, strict=True):
            grad = rng.standard_normal(a.shape).astype(np.float32)
            a.grad, b.grad = tg.from_numpy(grad), tg.from_numpy(np.asfortranarray(grad))
        for optimizer in optimizers:
            optimizer.step()
    assert_same(plain, odd)


@pytest.mark.parametrize("shapes", [SHAPES, SMALL], ids=["all", "small"])
@pytest.mark.parametrize("make", KINDS)
def test_gradients_are_left_alone_and_parameters_keep_memory_that_somebody_sees(make, shapes):
    params = make_params(shapes, tg.float32)
    seen = [p.detach() for p in params]
    optimizer = make(params)
    random_gradients(params, np.random.default_rng(0))
    grads = [p.grad for p in params]
    values = [g.clone() for g in grads]
    places = [p.data_ptr() for p in params]
    for _ in range(3):
        optimizer.step()
    assert [p.data_ptr() for p in params] == places
    assert_same(params, seen)
    assert all(p.grad is g for p, g in zip(params, grads, strict=True))
    assert_same(grads, values)
    state = [value.numpy() for s in optimizer.state.values() for value in s.values()]
    for array in [p.detach().numpy() for p in params] + [g.numpy() for g in grads]:
        assert not any(np.shares_memory(array, other) for other in state)


@pytest.mark.parametrize("make", KINDS)
def test_memory_that_somebody_else_has_and_changes(make):
    """Each step starts from what is there, of small parameters that stay where they are."""
    params = make_params(SMALL, tg.float32)
    seen = [param.detach().numpy() for param in params]
    alone = copies(params)
    optimizer, optimizers = make(params), [make([param]) for param in alone]
    for i in range(5):
        random_gradients(params, np.random.default_rng(i))
        for a, b, array in zip(params, alone, seen, strict=True):
            b.grad = a.grad
            array[...] *= 0.5
            with tg.no_grad():
                b.mul_(0.5)
        for either in (optimizer, *optimizers):
            either.step()
    assert_same(params, alone)


VIEWS = {
    "detach": lambda param: param.detach(),
    "view": lambda param: param.detach().view(-1),
    "numpy": lambda param: param.detach().numpy()[...],
    "memoryview": lambda param: memoryview(param.detach().numpy()),
}


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("steps_before", [0, 1])
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_a_parameter_see_its_updates(view, steps_before, make):
    params = [*make_params([(3, 4), (7,), (30, 40)], tg.float32), tg.zeros(30, 40, requires_grad=True)]
    optimizer = make(params)
    random_gradients(params, np.random.default_rng(0))
    for _ in range(steps_before):
        optimizer.step()
    views = [VIEWS[view](param) for param in params]
    optimizer.step()
    for param, seen in zip(params, views, strict=True):
        assert np.array_equal(np.asarray(seen).reshape(param.shape), param.detach().numpy())


@pytest.mark.parametrize("make", KINDS)
def test_memory_from_elsewhere_is_updated(make):
    given = np.ones(5, np.float32)
    buffer = bytearray(20)
    whole = np.ones((2, 5), np.float32)
    arrays = [given, np.frombuffer(buffer, np.float32), whole[1]]
    params = [tg.from_numpy(array).requires_grad_() for array in arrays]
    other = tg.ones(5, requires_grad=True)
    parts = tg.split(tg.zeros(10), 5)
    halves = [part.detach().requires_grad_() for part in parts]
    everything = [*params, other, *halves]
    twins = copies(everything)
    for optimizer, tensors in ((make(everything), everything), (make(twins), twins)):
        for param in tensors:
            param.grad = tg.ones(5)
        optimizer.step()
        optimizer.step()
    assert_same(everything, twins)
    assert given.tolist() == params[0].tolist() != [1] * 5
    assert np.frombuffer(buffer, np.float32).tolist() == params[1].tolist() != [0] * 5
    assert whole.tolist() == [[1] * 5, params[2].tolist()]
    assert parts[1].tolist() == halves[1].tolist() != [0] * 5


@pytest.mark.parametrize("make", KINDS)
def test_a_buffer_is_updated_by_way_of_a_view(make):
    buffer = bytearray(24)  # as shared memory is one, too; of the arrays over it only the parameter knows
    param = tg.from_numpy(np.frombuffer(buffer, np.float32).reshape(2, 3)).requires_grad_()
    other = tg.ones(2, requires_grad=True)
    param.grad, other.grad = tg.ones(2, 3), tg.ones(2)
    make([param, other]).step()
    assert np.frombuffer(buffer, np.float32).reshape(2, 3).tolist() == param.tolist() != [[0] * 3] * 2


def test_updates_reach_a_mapped_file(tmp_path):
    np.zeros(5, np.float32).tofile(tmp_path / "weight")
    weight = tg.from_numpy(np.asarray(np.memmap(tmp_path / "weight", np.float32, "r+"))).requires_grad_()
    params = [weight, tg.ones(2, requires_grad=True)]
    for param in params:
        param.grad = tg.ones(param.shape)
    SGD(params, lr=0.5).step()
    del weight, params
    assert np.fromfile(tmp_path / "weight", np.float32).tolist() == [-0.5] * 5


def test_memory_that_is_not_writeable_is_not_written():
    params = [tg.from_numpy(np.ones(3, np.float32)).requires_grad_() for _ in range(2)]
    params[1]._array.flags.writeable = False
    for param in params:
        param.grad = tg.ones(3)
    with pytest.raises(ValueError, match="read-only"):
        SGD(params, lr=0.5).step()
    assert params[1].tolist() == [1] * 3


def test_parameters_keep_their_strides():
    params = [tg.from_numpy(np.asfortranarray(np.ones((3, 4), np.float32))).requires_grad_() for _ in range(2)]
    for param in params:
        param.grad = tg.ones(3, 4)
    SGD(params, lr=0.5).step()
    assert [param.stride() for param in params] == [(1, 3)] * 2


@pytest.mark.parametrize("steps_before", [0, 3])
@pytest.mark.parametrize("make", KINDS)
def test_a_graph_that_is_kept_notices_an_update(make, steps_before):
    params = make_params([(3,), (2,)], tg.float32)
    x, _ = params
    optimizer = make(params)
    random_gradients(params, np.random.default_rng(0))
    for _ in range(steps_before):
        optimizer.step()
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("make", KINDS)
def test_another_optimizer_can_go_on(make):
    params = make_params(SHAPES, tg.float32)
    twins = copies(params)
    rng = np.random.default_rng(0)
    for _ in range(3):
        random_gradients(params, rng)
        kept = [p.detach() for p in twins]  # so that these stay where they are
        for a, b in zip(params, twins, strict=True):
            b.grad = a.grad
        for tensors in (params, twins):
            optimizer = make(tensors)
            optimizer.step()
            optimizer.step()
        assert_same(params, twins)
        assert_same(twins, kept)


@pytest.mark.parametrize("make", KINDS)
def test_reads_parameters_that_were_given_other_memory_or_values(make):
    params = make_params([(3, 4), (7,)], tg.float32)
    moved = copies(params)
    optimizers = make(params), make(moved)
    rng = np.random.default_rng(0)
    for _ in range(4):
        random_gradients(params, rng)
        for a, b in zip(params, moved, strict=True):
            b.grad = a.grad
            with tg.no_grad():
                a.mul_(0.5)
            b.data = b.detach() * 0.5
        for optimizer in optimizers:
            optimizer.step()
    assert_same(params, moved)


def test_follows_a_parameter_to_another_dtype():
    (x,) = make_params([(5,)], tg.float32)
    optimizer = Adam([x])
    random_gradients([x], np.random.default_rng(0))
    optimizer.step()
    average = optimizer.state[x]["exp_avg"].tolist()
    x.data, x.grad = x.detach().double(), None
    x.grad = tg.zeros(5, dtype=tg.float64)
    optimizer.step()
    assert x.dtype == optimizer.state[x]["exp_avg"].dtype == tg.float64
    np.testing.assert_allclose(optimizer.state[x]["exp_avg"].numpy(), 0.9 * np.array(average))


@pytest.mark.parametrize("size", [3, 70_000], ids=["small", "large"])
def test_parameters_that_share_memory_take_turns(size):
    memory = tg.zeros(size)
    params = [memory.detach().requires_grad_(), memory.detach().requires_grad_()]
    for param, grad in zip(params, (1.0, 10.0), strict=True):
        param.grad = tg.full((size,), grad)
    SGD(params, lr=1.0).step()
    assert (memory == -11).all()


def test_parameters_that_overlap_take_turns():
    memory = tg.zeros(6)
    params = [memory.detach()[start:stop].requires_grad_() for start, stop in [(2, 6), (0, 4), (5, 6)]]
    apart = tg.zeros(1, requires_grad=True)
    for param in (*params, apart):
        param.grad = tg.ones_like(param)
    SGD([*params, apart], lr=1.0).step()
    assert memory.tolist() == [-1, -1, -2, -2, -1, -2]
    assert apart.tolist() == [-1]


@pytest.mark.parametrize("shape", [(3,), (300, 250)], ids=["small", "large"])
def test_a_graph_that_saved_a_parameter_is_stale_after_a_step(shape):
    x = tg.ones(*shape, requires_grad=True)
    other = tg.ones(3, requires_grad=True)
    (x.sum() + other.sum()).backward()
    optimizer = SGD([x, other], lr=0.1)
    loss = (x * x).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified"):
        loss.backward()


def test_parameters_without_gradient_are_left_alone():
    trained, frozen, unused = (tg.ones(2, requires_grad=grad) for grad in (True, False, True))
    loss = (trained * unused).sum()
    trained.grad = tg.ones(2)
    optimizer = AdamW([trained, frozen, unused], lr=0.1)
    optimizer.step()
    assert frozen.tolist() == unused.tolist() == [1, 1]
    assert list(optimizer.state) == [trained]
    trained.grad = None
    optimizer.step()
    assert optimizer.state[trained]["step"].item() == 1
    assert frozen._version == unused._version == 0
    del loss


def test_options_may_change_between_steps():
    x = tg.zeros(2, requires_grad=True)
    optimizer = SGD([x], lr=1.0)
    group = optimizer.param_groups[0]
    x.grad = tg.tensor([1.0, 2.0])
    optimizer.step()
    assert x.tolist() == [-1, -2]
    group["lr"] = 0.5
    optimizer.step()
    assert x.tolist() == [-1.5, -3]
    group["momentum"], group["dampening"] = 0.5, 0.75  # a buffer begins as the gradient, undampened
    optimizer.step()
    assert x.tolist() == [-2, -4]
    optimizer.step()  # 0.5 * 1 + 0.25 * 1
    assert x.tolist() == [-2.375, -4.75]
    group["momentum"] = 0
    optimizer.step()
    assert x.tolist() == [-2.875, -5.75]
    assert optimizer.state[x]["momentum_buffer"].tolist() == [0.75, 1.5]


def test_lr_may_be_a_tensor():
    x = tg.zeros(2, requires_grad=True)
    x.grad = tg.ones(2)
    lr = tg.tensor(0.5)
    optimizer = SGD([x], lr=lr)
    optimizer.step()
    lr.fill_(0.25)
    optimizer.step()
    assert x.tolist() == [-0.75, -0.75]


def test_state_may_be_replaced_changed_or_dropped():
    params = make_params([(3,), (4,)], tg.float32)
    x, y = params
    optimizer = SGD(params, lr=1.0, momentum=0.5)
    for p in params:
        p.grad = tg.ones(*p.shape)
    optimizer.step()
    given = tg.full((3,), 10.0)
    optimizer.state[x]["momentum_buffer"] = given
    optimizer.step()
    assert optimizer.state[x]["momentum_buffer"].tolist() == [6, 6, 6]
    assert given.tolist() == [10, 10, 10]
    assert optimizer.state[y]["momentum_buffer"].tolist() == [1.5] * 4
    optimizer.state[x]["momentum_buffer"].zero_()
    del optimizer.state[y]
    optimizer.step()
    assert optimizer.state[x]["momentum_buffer"].tolist() == [1, 1, 1]
    assert optimizer.state[y]["momentum_buffer"].tolist() == [1] * 4


@pytest.mark.parametrize("shapes", [SHAPES, SMALL], ids=["all", "small"])
@pytest.mark.parametrize("make", KINDS)
def test_state_that_nobody_reads_is_the_same(make, shapes):
    """What a step may skip until then makes no difference, whatever else happens between steps."""
    read = make_params(shapes, tg.float32)
    unread = copies(read)
    optimizers = {"read": make(read), "unread": make(unread)}
    rng = np.random.default_rng(0)
    for i in range(30):
        random_gradients(read, rng, missing=0.5 if i in (5, 6, 13) else 0)
        for a, b in zip(read, unread, strict=True):
            b.grad = a.grad
        for kind, params in (("read", read), ("unread", unread)):
            optimizer = optimizers[kind]
            if i == 9:
                params[1].data = params[1].detach().clone()
            if i == 17:
                params.append(tg.ones(4, requires_grad=True))
                optimizer.add_param_group({"params": [params[-1]]})
            if i == 21:
                optimizer = optimizers[kind] = copy.deepcopy(optimizer)
                params[:] = [param for group in optimizer.param_groups for param in group["params"]]
            optimizer.step()
            if kind == "read":
                assert len(optimizer.state) <= len(params)
    assert_same(read, unread)
    for a, b in zip(read, unread, strict=True):
        states = optimizers["read"].state[a], optimizers["unread"].state[b]
        assert states[0].keys() == states[1].keys()
        assert_same(states[0].values(), states[1].values())


def replace(params):
    params[1] = tg.ones(params[1].shape, requires_grad=True)


def replace_by_an_alias(params):
    params[1] = params[1].detach().requires_grad_()


def move(params):
    params[1].data = params[1].detach().clone()


CHANGES = [
    replace,
    replace_by_an_alias,
    move,
    lambda params: params.append(tg.ones(2, requires_grad=True)),
    lambda params: params.pop(),
    lambda params: params.reverse(),
]


@pytest.mark.parametrize("change", CHANGES, ids=["replace", "alias", "move", "append", "pop", "reverse"])
@pytest.mark.parametrize("make", KINDS)
def test_parameters_that_change_after_some_steps(make, change):
    """Small ones, all of which are updated at each step. A look into the state makes the optimizer careful."""
    watched = make_params(SMALL, tg.float32)
    optimizers = [make(watched), make(copies(watched))]
    groups = [optimizer.param_groups[0]["params"] for optimizer in optimizers]
    for i in range(8):
        if i == 4:
            for params in groups:
                change(params)
        random_gradients(groups[0], np.random.default_rng(i))
        for a, b in zip(*groups, strict=True):
            b.grad = a.grad
        assert len(optimizers[0].state) <= len(SMALL) + 1
        for optimizer in optimizers:
            optimizer.step()
        assert_same(*groups)
    for a, b in zip(*groups, strict=True):
        assert_same(optimizers[0].state[a].values(), optimizers[1].state[b].values())


def test_options_that_ask_for_more_state_after_some_steps():
    params = make_params(SMALL, tg.float32)
    optimizer = Adam(params)
    for amsgrad in (False, False, False, True, True):
        optimizer.param_groups[0]["amsgrad"] = amsgrad
        random_gradients(params, np.random.default_rng(0))
        optimizer.step()
    assert optimizer.state[params[0]]["max_exp_avg_sq"].any()


def test_a_parameter_that_gets_its_first_gradient_after_some_steps():
    params = make_params(SMALL, tg.float32)
    optimizer = Adam(params)
    for i in range(6):
        random_gradients(params, np.random.default_rng(i))
        if i < 4:
            params[1].grad = None
        optimizer.step()
    assert [int(optimizer.state[param]["step"]) for param in params] == [6, 2, 6, 6]


def test_state_that_was_read_once_may_be_changed_later():
    params = make_params([(3,), (2,)], tg.float32)
    optimizer = Adam(params)
    for _ in range(3):
        random_gradients(params, np.random.default_rng(0))
        optimizer.step()
    state = optimizer.state[params[0]]
    assert state["step"].item() == 3
    optimizer.step()
    assert state["step"].item() == 4
    state["step"].fill_(10)
    optimizer.step()
    optimizer.step()
    assert state["step"].item() == 12
    assert optimizer.state[params[1]]["step"].item() == 6
    state["exp_avg"] = tg.zeros(3)
    optimizer.step()
    assert np.allclose(state["exp_avg"], params[0].grad * 0.1)


def test_a_shallow_copy_shares_what_is_remembered():
    params = make_params([(3,), (2,)], tg.float32)
    optimizer = Adam(params)
    random_gradients(params, np.random.default_rng(0))
    for _ in range(3):
        optimizer.step()
    other = copy.copy(optimizer)
    for one in (other, optimizer, other, optimizer):
        one.step()
    assert optimizer.state[params[1]]["step"].item() == 7


def test_state_of_the_wrong_shape_is_refused():
    x = tg.zeros(3, requires_grad=True)
    x.grad = tg.ones(3)
    optimizer = SGD([x], momentum=0.9)
    optimizer.state[x]["momentum_buffer"] = tg.zeros(2)
    with pytest.raises(RuntimeError, match=r"'momentum_buffer' of a parameter of shape \[3\] has shape \[2\]"):
        optimizer.step()


FADING = [
    pytest.param(lambda params: SGD(params, lr=0.1, momentum=0.9), ["momentum_buffer"], id="SGD"),
    pytest.param(
        lambda params: RMSprop(params, alpha=0.9, momentum=0.9, centered=True),
        ["square_avg", "grad_avg", "momentum_buffer"],
        id="RMSprop",
    ),
    pytest.param(lambda params: Adam(params, betas=(0.9, 0.9), amsgrad=True), ["exp_avg", "exp_avg_sq"], id="Adam"),
    pytest.param(lambda params: AdamW(params, betas=(0.9, 0.9)), ["exp_avg", "exp_avg_sq"], id="AdamW"),
]
LONG_ENOUGH = 17 * 64  # updates, so that the last thing is to look for what is negligible


def train_with_a_dead_half(make, size, dtype, steps):
    """Parameters of 2 x ``size``, the second half of which has a gradient once, and then none; and the optimizer."""
    param = tg.ones(2, size, dtype=dtype, requires_grad=True)
    optimizer = make([param])
    for step in range(steps):
        param.grad = tg.full((2, size), -0.01, dtype=dtype)
        if step:
            param.grad[1] = 0
        optimizer.step()
    return param, optimizer


@pytest.mark.parametrize("size", [3, 70_000], ids=["small", "large"])
@pytest.mark.parametrize(("make", "names"), FADING)
def test_averages_of_what_is_over_become_0_before_they_are_subnormal(make, names, size):
    _, still = train_with_a_dead_half(make, size, tg.float32, 20)
    param, optimizer = train_with_a_dead_half(make, size, tg.float32, LONG_ENOUGH)
    for other, state in zip(still.state.values(), optimizer.state.values(), strict=True):
        for name in names:
            assert (other[name][1] != 0).all(), "after few updates there is something left"
            assert (state[name][1] == 0).all(), name
    state = optimizer.state[param]
    average = state["exp_avg" if "exp_avg" in state else "momentum_buffer"]
    assert (average[0] != 0).all()
    assert np.isfinite(param.detach().numpy()).all()


def test_without_eps_squares_that_are_divided_by_do_not_become_0():
    for make in (lambda ps: Adam(ps, betas=(0.9, 0.9), eps=0), lambda ps: RMSprop(ps, alpha=0.9, eps=0)):
        param, optimizer = train_with_a_dead_half(make, 3, tg.float32, LONG_ENOUGH)
        (state,) = optimizer.state.values()
        assert (state["exp_avg_sq" if "exp_avg_sq" in state else "square_avg"] > 0).all()
        assert np.isfinite(param.detach().numpy()).all()


def test_numbers_that_are_small_for_their_dtype_only_stay():
    param, optimizer = train_with_a_dead_half(lambda ps: SGD(ps, momentum=0.9), 3, tg.float64, LONG_ENOUGH)
    assert (optimizer.state[param]["momentum_buffer"] != 0).all()
    half = tg.ones(2, dtype=tg.float16, requires_grad=True)
    optimizer = SGD([half], momentum=0.5)
    for _ in range(64):
        half.grad = tg.full((2,), 1e-5, dtype=tg.float16)
        optimizer.step()
    assert (optimizer.state[half]["momentum_buffer"] > 0).all()


def test_a_group_may_be_taken_out_after_some_steps():
    params = make_params(SMALL, tg.float32)
    optimizer = Adam([{"params": [param]} for param in params])
    for step in range(64):
        random_gradients(params, np.random.default_rng(step))
        optimizer.step()
        if step == 10:
            optimizer.param_groups.pop()
    assert [int(state["step"].item()) for state in optimizer.state.values()] == [64] * (len(params) - 1) + [11]


@pytest.mark.parametrize("make", KINDS)
def test_a_group_may_be_taken_out_for_some_steps(make):
    """While it is out, the others have other numbers; what is remembered of them goes with them."""
    params = make_params(SMALL, tg.float32)
    twins = copies(params)
    optimizer, others = make([{"params": params[:1]}, {"params": params[1:]}]), make(twins[1:])
    for step in range(9):
        if step == 3:
            first = optimizer.param_groups.pop(0)
        if step == 6:
            optimizer.param_groups.insert(0, first)
        for tensors, active in ((params, optimizer), (twins, others)):
            random_gradients(tensors, np.random.default_rng(step))
            active.step()
    assert_same(params[1:], twins[1:])
    for param, twin in zip(params[1:], twins[1:], strict=True):
        for name, value in others.state[twin].items():
            assert optimizer.state[param][name].equal(value)


@pytest.mark.parametrize("make", KINDS)
def test_a_parameter_in_two_groups_is_updated_twice(make):
    (param,) = make_params([(3,)], tg.float32)
    before = param.detach().clone()
    optimizer = make([param])
    optimizer.param_groups.append({**optimizer.param_groups[0]})
    for _ in range(65):
        param.grad = tg.ones(3)
        optimizer.step()
    assert all(state["step"].item() == 130 for state in optimizer.state.values() if "step" in state)
    assert not param.equal(before)


@pytest.mark.parametrize("make", KINDS)
def test_parameters_without_elements(make):
    params = [tg.zeros(0, requires_grad=True), tg.zeros(2, 0, requires_grad=True)]
    optimizer = make(params)
    for _ in range(3):
        for param in params:
            param.grad = tg.zeros_like(param)
        optimizer.step()
    assert [param.shape for param in params] == [(0,), (2, 0)]


def test_what_a_rule_of_ones_own_remembers_stays():
    class Last(ElementwiseOptimizer):
        def buffers(self, group):
            return ("last",)

        def update(self, param, grad, state, group, scratch):
            state["last"][...] = grad

    param = tg.ones(2, requires_grad=True)
    optimizer = Last([param], {"maximize": False, "weight_decay": 0})
    param.grad = tg.full((2,), 1e-40)
    for _ in range(64):
        optimizer.step()
    assert (optimizer.state[param]["last"] == param.grad).all()


def test_resetting_a_step_count_applies_to_that_parameter_only():
    params = make_params([(2,), (2,), (2,)], tg.float32)
    optimizer = Adam(params)
    rng = np.random.default_rng(0)
    for _ in range(3):
        random_gradients(params, rng)
        optimizer.step()
    optimizer.state[params[1]]["step"].zero_()
    random_gradients(params, rng)
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [4, 1, 4]


def test_gradients_with_a_graph_of_their_own_will_do():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    SGD([x], lr=0.5).step()
    assert x.tolist() == [-0.5, -4]


def test_closure_runs_with_gradients_on_and_its_loss_is_returned():
    x = tg.tensor([3.0], requires_grad=True)
    optimizer = SGD([x], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 9
    assert x.tolist() == [0]
    assert optimizer.step() is None


def test_an_optimizer_is_freed_with_its_last_reference():
    params = make_params([(3,), (200, 200)], tg.float32)
    random_gradients(params, np.random.default_rng(0))
    optimizer = Adam(params)
    optimizer.step()
    watched = [weakref.ref(optimizer), *(weakref.ref(value) for s in optimizer.state.values() for value in s.values())]
    gc.disable()
    try:
        del optimizer
        assert all(ref() is None for ref in watched)
    finally:
        gc.enable()


def test_what_remembers_nothing_has_no_state():
    params = make_params([(3,), (2,)], tg.float32)
    optimizer = SGD(params, lr=0.1)
    for missing in (None, params[1]):
        for param in params:
            param.grad = None if param is missing else tg.ones_like(param)
        optimizer.step()
    assert optimizer.state_dict()["state"] == {}
