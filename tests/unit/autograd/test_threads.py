"""Grad mode belongs to a thread or an asyncio task; graphs built at once do not disturb each other."""

import asyncio
import threading

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd.mode import enable_grad, is_grad_enabled, no_grad


def test_no_grad_stays_in_its_thread():
    inside, seen = threading.Event(), []
    leave = threading.Event()

    def quiet():
        with no_grad():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=quiet)
    thread.start()
    inside.wait(5)
    seen.append((tj.Tensor([1.0], requires_grad=True) * 2).requires_grad)
    leave.set()
    thread.join()
    assert seen == [True]


def test_no_grad_stays_in_its_task():
    async def quiet(gate):
        with no_grad():
            await gate.wait()
            return is_grad_enabled()

    async def loud(gate):
        mode = is_grad_enabled()
        gate.set()
        await asyncio.sleep(0)
        return mode, is_grad_enabled()

    async def both():
        gate = asyncio.Event()
        return await asyncio.gather(quiet(gate), loud(gate))

    assert asyncio.run(both()) == [False, (True, True)]


def test_decorator_and_recursion():
    @no_grad()
    def depth(n):
        assert not is_grad_enabled()
        return n if n == 0 else depth(n - 1)

    assert depth(5) == 0
    assert is_grad_enabled()
    with no_grad(), enable_grad():
        assert is_grad_enabled()


def test_mode_returns_after_an_error():
    try:
        with no_grad():
            raise KeyError
    except KeyError:
        assert is_grad_enabled()


def test_eight_threads_get_the_numbers_of_one():
    def train(seed, out):
        rng = np.random.default_rng(seed)
        w = tj.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
        x = rng.standard_normal((8, 4))
        for _ in range(50):
            w.grad = None
            loss = (np.tanh(x @ w) ** 2).sum()
            loss.backward()
            with tj.no_grad():
                w -= 0.01 * w.grad
        out[seed] = w.numpy().copy()

    alone, together = {}, {}
    for seed in range(8):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(s, together)) for s in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for seed in range(8):
        np.testing.assert_array_equal(alone[seed], together[seed])


def test_modes_decorate_generators_coroutines_and_without_parentheses():
    x = tj.ones(2, requires_grad=True)

    @tj.no_grad()
    def pieces():
        yield (x * 2).requires_grad
        return (x * 2).requires_grad

    @tj.no_grad()
    async def later():
        await asyncio.sleep(0)
        return (x * 2).requires_grad

    @tj.no_grad
    def now():
        return (x * 2).requires_grad

    made = pieces()
    assert next(made) is False
    assert (x * 2).requires_grad
    with pytest.raises(StopIteration) as end:
        next(made)
    assert end.value.value is False
    assert asyncio.run(later()) is False
    assert now() is False


def test_set_grad_enabled_holds_at_once_and_a_block_ends_it():
    tj.set_grad_enabled(False)
    try:
        assert not tj.is_grad_enabled()
        with tj.set_grad_enabled(True):
            assert tj.is_grad_enabled()
        assert not tj.is_grad_enabled()
    finally:
        tj.set_grad_enabled(True)

    @tj.set_grad_enabled(False)
    def quiet():
        return tj.is_grad_enabled()

    assert tj.is_grad_enabled()
    assert quiet() is False
    assert tj.is_grad_enabled()
