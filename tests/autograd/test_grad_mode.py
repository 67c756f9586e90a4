"""no_grad, enable_grad, set_grad_enabled and inference_mode."""

import threading
from contextlib import ExitStack

import pytest

import tinygrad_np as tg
from tinygrad_np import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from tinygrad_np.autograd import is_inference_mode_enabled


@pytest.fixture(autouse=True)
def _mode_is_restored():
    assert is_grad_enabled()
    assert not is_inference_mode_enabled()
    yield
    assert is_grad_enabled()
    assert not is_inference_mode_enabled()


def test_recording_is_the_default():
    x = tg.ones(1, requires_grad=True)
    assert (2 * x).requires_grad


def test_no_grad():
    x = tg.ones(1, requires_grad=True)
    with no_grad():
        assert not is_grad_enabled()
        y = 2 * x
        assert not y.requires_grad
        assert y.grad_fn is None
        assert x.requires_grad
        z = tg.zeros(1, requires_grad=True)
    assert z.requires_grad
    assert not (2 * y).requires_grad


@pytest.mark.parametrize(
    "op",
    [
        lambda x: x.exp(),
        lambda x: x * x,
        lambda x: x.sum(0),
        lambda x: x.T,
        lambda x: x[0],
        lambda x: x.split(1)[0],
        lambda x: tg.cat([x, x]),
        lambda x: tg.nn.functional.linear(x, x),
        lambda x: x.double(),
        lambda x: x.clone(),
    ],
)
def test_no_op_records_under_no_grad(op):
    x = tg.ones(2, 2, requires_grad=True)
    assert op(x).requires_grad
    with no_grad():
        assert not op(x).requires_grad


def test_backward_works_under_no_grad():
    x = tg.ones(1, requires_grad=True)
    y = x.exp() * 2
    with no_grad():
        y.backward()
        assert not is_grad_enabled()
    assert x.grad is not None


def test_create_graph_works_under_no_grad():
    x = tg.tensor([2.0], requires_grad=True)
    y = x**3
    with no_grad():
        (slope,) = tg.autograd.grad(y, x, create_graph=True)
    assert tg.autograd.grad(slope, x)[0].tolist() == [12.0]


def test_modes_nest():
    with no_grad():
        with enable_grad():
            assert is_grad_enabled()
            with no_grad():
                assert not is_grad_enabled()
            assert is_grad_enabled()
        assert not is_grad_enabled()


@pytest.mark.parametrize(
    "mode", [no_grad, inference_mode, lambda: set_grad_enabled(False), lambda: set_grad_enabled(mode=False)]
)
def test_an_exception_restores_the_mode(mode):
    with pytest.raises(ZeroDivisionError), mode():
        1 / is_grad_enabled()
    assert is_grad_enabled()


def test_one_instance_may_be_entered_again_within_itself():
    off = no_grad()
    with off:
        with enable_grad(), off:
            assert not is_grad_enabled()
        assert not is_grad_enabled()
        with off:
            pass
        assert not is_grad_enabled()
    assert is_grad_enabled()
    with off:
        assert not is_grad_enabled()


def test_they_fit_in_an_exit_stack():
    with ExitStack() as stack:
        stack.enter_context(no_grad())
        stack.enter_context(enable_grad())
        assert is_grad_enabled()


# ---- decorators ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decorate", "expected"),
    [
        (no_grad(), False),
        (no_grad, False),
        (enable_grad(), True),
        (enable_grad, True),
        (inference_mode(), False),
        (inference_mode, False),
        (inference_mode(False), True),
        (inference_mode(mode=False), True),
    ],
)
@pytest.mark.parametrize("outside", [True, False])
def test_decorated_functions(decorate, expected, outside):
    @decorate
    def function(a, *, b):
        """What it does."""
        return a, b, is_grad_enabled()

    with enable_grad() if outside else no_grad():
        assert function(1, b=2) == (1, 2, expected)
        assert is_grad_enabled() == outside
    assert function.__name__ == "function"
    assert function.__doc__ == "What it does."


@pytest.mark.parametrize("mode", [True, False])
def test_set_grad_enabled_as_a_decorator_concerns_the_function_only(mode):
    @set_grad_enabled(mode)
    def function():
        return is_grad_enabled()

    assert is_grad_enabled()
    assert function() == mode
    assert is_grad_enabled()


def test_decorated_methods():
    class Model:
        @no_grad()
        def predict(self, x):
            return self, x * 2

    model = Model()
    owner, y = model.predict(tg.ones(1, requires_grad=True))
    assert owner is model
    assert not y.requires_grad


def test_decorated_functions_may_call_themselves():
    @no_grad()
    def factorial(n):
        assert not is_grad_enabled()
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(5) == 120


def test_a_decorated_function_that_raises():
    @no_grad()
    def function():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        function()


# ---- generators: the mode is theirs while they run, and the caller's between ---------------------------------------


@no_grad()
def generator(log):
    """Logs the mode whenever it runs."""
    sent = None
    try:
        while sent != "stop":
            try:
                log.append((is_grad_enabled(), sent))
                sent = yield sent
            except KeyError as error:
                log.append((is_grad_enabled(), type(error)))
                sent = "caught"
        return "returned"
    finally:
        log.append((is_grad_enabled(), "finally"))


def test_a_decorated_generator():
    log = []
    steps = generator(log)
    assert log == []
    assert next(steps) is None
    assert is_grad_enabled()
    assert steps.send("a") == "a"
    assert is_grad_enabled()
    assert steps.throw(KeyError()) == "caught"
    assert is_grad_enabled()
    with pytest.raises(StopIteration, match="returned"):
        steps.send("stop")
    assert log == [(False, None), (False, "a"), (False, KeyError), (False, "caught"), (False, "finally")]


def test_a_decorated_generator_that_is_closed_early():
    log = []
    steps = generator(log)
    next(steps)
    steps.close()
    assert log[-1] == (False, "finally")
    log.clear()
    steps = generator(log)
    next(steps)
    del steps
    assert log[-1] == (False, "finally")


def test_an_exception_that_a_decorated_generator_does_not_catch():
    steps = generator([])
    next(steps)
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError())
    assert list(steps) == []


def test_a_decorated_generator_in_a_loop_and_in_yield_from():
    @no_grad
    def numbers():
        for i in range(3):
            assert not is_grad_enabled()
            yield i
        return "end"

    def outer():
        assert is_grad_enabled()
        return (yield from numbers())

    assert list(numbers()) == [0, 1, 2]
    assert list(outer()) == [0, 1, 2]


def test_a_generator_that_asks_for_another_mode_within():
    @no_grad()
    def steps():
        with enable_grad():
            yield is_grad_enabled()
        yield is_grad_enabled()

    found = []
    for step in steps():
        found.append(step)
        found.append(is_grad_enabled())
    assert found[0]
    assert not found[2]


# ---- set_grad_enabled ----------------------------------------------------------------------------------------------


def test_set_grad_enabled_as_a_function():
    set_grad_enabled(False)
    assert not is_grad_enabled()
    set_grad_enabled(True)
    assert is_grad_enabled()


@pytest.mark.parametrize("mode", [True, False])
def test_set_grad_enabled_as_a_context_manager(mode):
    with set_grad_enabled(mode):
        assert is_grad_enabled() == mode
        with set_grad_enabled(not mode):
            assert is_grad_enabled() != mode
        assert is_grad_enabled() == mode
    with no_grad():
        with set_grad_enabled(mode):
            assert is_grad_enabled() == mode
        assert not is_grad_enabled()


def test_set_grad_enabled_made_before_it_is_entered():
    off = set_grad_enabled(False)
    assert not is_grad_enabled()
    with off:
        assert not is_grad_enabled()
    assert is_grad_enabled()  # as before it was made
    with off:
        assert not is_grad_enabled()


@pytest.mark.parametrize("mode", [None, 1, "yes"])
def test_set_grad_enabled_of_what_is_no_bool(mode):
    with pytest.raises(TypeError, match="bool"):
        set_grad_enabled(mode)


# ---- inference mode ------------------------------------------------------------------------------------------------


def test_inference_mode():
    x = tg.ones(1, requires_grad=True)
    with inference_mode():
        assert is_inference_mode_enabled()
        assert not (2 * x).requires_grad
        with inference_mode(False):
            assert not is_inference_mode_enabled()
            assert (2 * x).requires_grad
        assert is_inference_mode_enabled()
    with no_grad():
        assert not is_inference_mode_enabled()


def test_tensors_made_in_inference_mode_are_ordinary():
    """Unlike PyTorch's, as documented."""
    with inference_mode():
        c = tg.ones(1) * 3
    x = tg.ones(1, requires_grad=True)
    (x * c).backward()
    c += 1
    assert x.grad.tolist() == [3.0]


# ---- threads -------------------------------------------------------------------------------------------------------


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_each_thread_has_a_mode_of_its_own():
    with no_grad():
        assert in_thread(is_grad_enabled)
    with inference_mode():
        assert not in_thread(is_inference_mode_enabled)

    def switch_off():
        set_grad_enabled(False)
        return is_grad_enabled()

    assert not in_thread(switch_off)
    assert is_grad_enabled()


def test_one_instance_in_two_threads_at_once():
    """Each thread gets back the mode that it had, whichever leaves first."""
    off = no_grad()
    entered, leave = threading.Event(), threading.Event()
    found = []

    def other():
        with enable_grad():
            with off:
                entered.set()
                leave.wait(10)
                found.append(is_grad_enabled())
            found.append(is_grad_enabled())

    thread = threading.Thread(target=other)
    with no_grad():
        with off:
            thread.start()
            assert entered.wait(10)
        assert not is_grad_enabled()
        leave.set()
        thread.join()
    assert found == [False, True]


def test_a_function_decorated_in_one_thread_and_called_in_another():
    @set_grad_enabled(False)
    def function():
        return is_grad_enabled()

    def call():
        return function(), is_grad_enabled()

    assert in_thread(call) == (False, True)
