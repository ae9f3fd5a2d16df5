"""Graphs of a million nodes: built, walked and freed without recursion, and without leftovers."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import weakref

import numpy as np
import pytest

import tinygrad_jp as tj

LONG = 1_000_000


def chain(length):
    x = tj.Tensor(1.0, dtype=np.float64, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    return x, y


@pytest.mark.slow
def test_a_million_operations_are_walked_and_freed():
    x, y = chain(LONG)
    y.backward()
    assert x.grad.item() == 1.0
    assert y.item() == LONG + 1.0


CODE = f"""
import sys
import numpy as np
import tinygrad_jp as tj
sys.setrecursionlimit(200)
x = tj.Tensor(1.0, requires_grad=True)
y = x
for _ in range({LONG}):
    y = -y
del y  # never walked: freed by reference counts alone
y = x
for _ in range({LONG} // 10):
    y = y * 1.0
y.backward()
assert x.grad.item() == 1.0
def f(x):
    for _ in range(20_000):
        x = x * 1.0
    return x
first, = tj.autograd.grad(f(x), x, create_graph=True)
assert first.item() == 1.0
"""


def test_a_graph_that_is_dropped_does_not_overflow_the_stack():
    """In a process of its own: running out of the C stack would end it without a traceback."""
    small = (1024 * 1024, resource.getrlimit(resource.RLIMIT_STACK)[1])
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, small),
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])


def test_nothing_lives_on_after_a_step():
    """No cycle holds a graph: reference counts alone free it, with the collector off."""
    gc.collect()
    gc.disable()
    try:
        x = tj.ones(3, requires_grad=True)
        y = (np.exp(x) * x).sum()
        node = y.grad_fn
        arrays = [weakref.ref(v) for v in node.parents[0].saved if isinstance(v, np.ndarray)]
        del node
        assert arrays
        y.backward()
        del y
        x.grad = None
        assert [r() for r in arrays if r() is not None and r() is not x._data] == []
    finally:
        gc.enable()


def test_ten_thousand_steps_in_one_graph_keep_no_memory_of_themselves():
    import tracemalloc

    w = tj.ones(4, requires_grad=True)

    def step():
        w.grad = None
        ((w * 2).tanh().sum() ** 2).backward()

    for _ in range(200):
        step()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2_000):
        step()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 20_000, f"{after - before} bytes in 2,000 steps"
