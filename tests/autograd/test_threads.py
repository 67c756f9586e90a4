"""Graphs built and swept in several threads at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import tinygrad_np as tg


def train(seed):
    """A short training of a small network; the weights that it ends with."""
    rng = np.random.default_rng(seed)
    x, y = tg.tensor(rng.normal(size=(8, 4))), tg.tensor(rng.normal(size=(8, 1)))
    w1 = tg.tensor(rng.normal(size=(4, 6)), requires_grad=True)
    w2 = tg.tensor(rng.normal(size=(6, 1)), requires_grad=True)
    for _ in range(60):
        loss = ((tg.tanh(x @ w1) @ w2 - y) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            for w in (w1, w2):
                w -= 0.1 * w.grad
                w.grad = None
        assert tg.is_grad_enabled()
    return np.concatenate([w1.detach().numpy().ravel(), w2.detach().numpy().ravel()])


def test_threads_give_the_results_of_one():
    alone = [train(seed) for seed in range(6)]
    start = threading.Barrier(6)

    def together(seed):
        start.wait(10)
        return train(seed)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(together, range(6)))
    for a, b in zip(alone, results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_graph_built_in_one_thread_can_be_swept_in_another():
    x = tg.tensor([2.0], requires_grad=True)
    y = x**3
    thread = threading.Thread(target=y.backward)
    thread.start()
    thread.join()
    assert x.grad.tolist() == [12.0]


def test_threads_that_share_parameters_and_ask_for_gradients():
    """autograd.grad touches no shared state: the way to share parameters between threads."""
    w = tg.tensor(np.random.default_rng(0).normal(size=(4, 4)), requires_grad=True)

    def gradient(seed):
        x = tg.tensor(np.random.default_rng(seed).normal(size=(16, 4)))
        with tg.set_grad_enabled(True):
            return tg.autograd.grad((x @ w).tanh().sum(), w)[0].numpy()

    alone = [gradient(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            for a, b in zip(alone, pool.map(gradient, range(8)), strict=True):
                np.testing.assert_array_equal(a, b)
    assert w.grad is None


def test_anomaly_mode_is_each_threads_own():
    def run():
        x = tg.ones(1, requires_grad=True)
        (x * float("nan")).backward()
        return x.grad.isnan().item()

    with tg.autograd.detect_anomaly(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result()
