"""Several trainings at once: the same numbers as alone, and no switch or seed leaks between them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import NonFiniteError

THREADS = 8


def train(seed, barrier=None):
    """Train a network with every kind of layer, and give every number of it."""
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8), nn.LayerNorm(8), nn.GELU(),
        nn.Linear(8, 3),
    )
    for p in net.parameters():
        p.data[...] = rng.standard_normal(p.shape).astype(p.dtype)
    optimizer = optim.Adam(net.parameters(), lr=0.01, weight_decay=0.01)
    loss_of = nn.CrossEntropyLoss()
    x, y = rng.standard_normal((32, 6)).astype("f"), rng.integers(0, 3, 32)
    losses = []
    for _ in range(30):
        if barrier is not None:
            barrier.wait(30)  # everybody in the same step at the same time
        optimizer.zero_grad()
        loss = loss_of(net(tj.Tensor(x)), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return [np.array(losses), *(v.numpy().copy() for v in net.state_dict().values())]


def test_eight_trainings_at_once_give_the_numbers_of_each_alone():
    alone = [train(seed) for seed in range(THREADS)]
    barrier = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(train, range(THREADS), [barrier] * THREADS))
    for a, b in zip(alone, together, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p, q)


def test_anomaly_mode_watches_its_own_thread_only():
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def watched():
        with tj.detect_anomaly():
            inside.set()
            leave.wait(10)
            try:
                np.log(tj.Tensor([0.0], requires_grad=True))
            except NonFiniteError as error:
                seen.append(error.key)

    thread = threading.Thread(target=watched)
    thread.start()
    assert inside.wait(10)
    with np.errstate(divide="ignore"):
        y = np.log(tj.Tensor([0.0], requires_grad=True))  # nobody watches here
    assert np.isneginf(y.detach().numpy()).all()
    leave.set()
    thread.join()
    assert seen == ["non_finite_forward"]


def test_modes_stay_in_their_asyncio_task():
    async def quiet(turn):
        with tj.no_grad(), tj.detect_anomaly():
            turn.set()
            await asyncio.sleep(0.01)
            return (tj.ones(1, requires_grad=True) * 2).requires_grad

    async def loud(turn):
        await turn.wait()
        with np.errstate(divide="ignore"):
            y = np.log(tj.zeros(1, requires_grad=True))
        return y.requires_grad, bool(np.isneginf(y.detach().numpy()).all())

    async def both():
        turn = asyncio.Event()
        return await asyncio.gather(quiet(turn), loud(turn))

    assert asyncio.run(both()) == [False, (True, True)]


def test_a_generator_of_ones_own_gives_the_same_in_every_thread():
    """The program's one generator is shared, so threads that must repeat bring their own."""

    def draw(seed):
        generator = np.random.default_rng(seed)
        net = nn.Linear(4, 4)
        nn.init.normal_(net.weight, generator=generator)
        return net.weight.numpy().copy(), tj.rand(3, generator=generator).numpy().copy()

    alone = [draw(seed) for seed in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(draw, range(THREADS)))
    for a, b in zip(alone, together, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p, q)


def test_first_use_of_operations_by_many_threads_at_once():
    """Operations are written out at their first call: in a fresh process, all threads at once."""
    import subprocess
    import sys

    code = """
import threading
import numpy as np
import tinygrad_jp as tj
barrier, out = threading.Barrier(8), []
def work():
    x = tj.Tensor(np.arange(1.0, 7.0).reshape(2, 3), requires_grad=True)
    barrier.wait(30)
    y = (np.exp(x).sum(0) * np.log(x)[0] + x.mean(0)).std() + np.linalg.norm(x @ x.T)
    y.backward()
    out.append((y.item(), x.grad.numpy().tobytes()))
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(out) == 8 and len(set(out)) == 1, len(set(out))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_in_place_changes_of_one_thread_do_not_accuse_another():
    """The log of writes is shared: a busy optimizer elsewhere must not make this graph stale."""
    stop = threading.Event()
    p = tj.zeros(100, requires_grad=True)
    p.grad = np.ones(100, np.float32)
    optimizer = optim.SGD([p], lr=1e-3)

    def busy():
        while not stop.is_set():
            optimizer.step()

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(300):
            x = tj.ones(5, requires_grad=True)
            (np.exp(x) * np.sin(x)).sum().backward()
            assert x.grad is not None
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("number", [1, 4])
def test_errors_in_one_thread_leave_the_others_alone(number):
    def fail(_):
        x = tj.ones(2, requires_grad=True)
        with pytest.raises(ValueError), tj.no_grad():
            x @ tj.ones(3)
        return tj.is_grad_enabled()

    with warnings.catch_warnings(), ThreadPoolExecutor(number) as pool:
        assert all(pool.map(fail, range(20)))


def drawn(seed, barrier=None):
    """Seed, make a network, and train it with dropout: every number, and what is drawn afterwards."""
    tj.manual_seed(seed)
    net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    x, y = tj.randn(16, 3), np.arange(16) % 2
    for _ in range(20):
        if barrier is not None:
            barrier.wait(30)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert tj.initial_seed() == seed
    return [*(p.numpy().copy() for p in net.parameters()), tj.rand(5).numpy()]


def test_a_seed_is_its_own_threads():
    alone = [drawn(seed) for seed in range(THREADS)]
    tj.manual_seed(99)
    wanted = tj.rand(3).numpy()
    tj.manual_seed(99)
    barrier = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(drawn, range(THREADS), [barrier] * THREADS))
    for a, b in zip(alone, together, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p, q)
    assert tj.initial_seed() == 99
    np.testing.assert_array_equal(tj.rand(3).numpy(), wanted)  # nobody drew from the main thread's


def test_a_seed_is_its_own_tasks():
    async def task(seed):
        tj.manual_seed(seed)
        values = []
        for _ in range(5):
            values.append(tj.rand(2).numpy())
            await asyncio.sleep(0)
        return np.concatenate(values)

    async def unseeded():
        values = []
        for _ in range(5):
            values.append(tj.rand(2).numpy())
            await asyncio.sleep(0)
        return np.concatenate(values)

    async def all_at_once():
        return await asyncio.gather(unseeded(), *map(task, range(5)))

    tj.manual_seed(7)
    wanted = tj.rand(10).numpy()
    tj.manual_seed(7)
    first, *others = asyncio.run(all_at_once())
    np.testing.assert_array_equal(first, wanted)  # from the seed before the loop, whoever seeds beside
    for seed, found in enumerate(others):
        tj.manual_seed(seed)
        np.testing.assert_array_equal(found, tj.rand(10).numpy())


def test_a_thread_without_a_seed_draws_from_the_main_threads():
    tj.manual_seed(3)
    wanted = tj.rand(4).numpy()
    tj.manual_seed(3)
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(pool.submit(tj.rand, 4).result().numpy(), wanted)


def test_a_seed_stays_for_the_next_cell_of_a_notebook():
    """A notebook runs each cell as a task of its own, and forgets what it set in its context."""

    async def cell(run):
        return run()

    async def notebook():
        root = contextvars.Context()
        loop = asyncio.get_running_loop()
        await loop.create_task(cell(lambda: tj.manual_seed(11)), context=root.copy())
        return await loop.create_task(cell(lambda: tj.rand(3).numpy()), context=root.copy())

    found = asyncio.run(notebook())
    tj.manual_seed(11)
    np.testing.assert_array_equal(found, tj.rand(3).numpy())
