"""The second thread: same results, and no trouble at forks, at exit, or when it is not wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.native import blas, link, pool

from .building import Builder, agree, room

pytest.importorskip("llvmlite")


@pytest.fixture(params=[1, 3])
def helper(monkeypatch, request) -> Iterator[pool.Pool]:
    """Have one helper, or several, wherever the tests run."""
    monkeypatch.setattr(pool, "helpers", lambda: request.param)
    monkeypatch.setattr(pool, "_pool", [])
    made = pool.pool()
    if made is None:
        pytest.fail("no helper")
    assert made.word(pool.COUNT).value == request.param
    yield made
    made.stop()


def large(dtype: type = np.float32) -> Builder:
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input((rng.standard_normal((130, 150)) / 10).astype(dtype))
    w = b.input(rng.standard_normal((170, 150)).astype(dtype), "state")
    y = b(np.tanh, b(np.matmul, x, b(ops.transpose, w, axes=(1, 0))))
    g = b(np.matmul, b(ops.transpose, y, axes=(1, 0)), x)
    b.program.updates[w] = b(np.subtract, w, b(np.multiply, g, 1e-3))
    line = b.input(rng.standard_normal(200_003).astype(dtype), "state")
    b.program.updates[line] = b(np.add, line, b(np.square, line))
    wide = b(np.maximum, b(np.add, b.input(rng.standard_normal((90, 1005)).astype(dtype)),
                           b.input(rng.standard_normal(1005).astype(dtype))), 0)
    b.returns(wide, b.total(b(np.multiply, wide, wide), (0,)))
    u = b.input(rng.standard_normal((100, 784)).astype(dtype))
    v = b.input(rng.standard_normal((50, 784)).astype(dtype))
    b.returns(y, b(np.matmul, u, b(ops.transpose, v, axes=(1, 0))), b(np.multiply, line, 2.0))
    return b


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_results(helper, dtype):
    made = agree(large(dtype), 2e-5 if dtype is np.float32 else 1e-12)
    assert "i64 %part" in made.source


def test_many_rounds(helper):
    b = large()
    entry = native.build(b.program).bind(outputs := room(b.program))
    first = None
    for _ in range(300):
        assert entry(*(a.copy() for a in b.arrays)) is None
        now = [a.copy() for a in outputs.values()]
        first = first or now
        for p, q in zip(first, now, strict=True):
            np.testing.assert_array_equal(p, q)  # whoever did which part


def test_several_threads_want_the_helper(helper):
    b = large()
    made = native.build(b.program)
    rooms = [room(b.program) for _ in range(3)]
    entries = [made.bind(r) for r in rooms]
    with ThreadPoolExecutor(3) as threads:
        answers = threads.map(
            lambda e: [e(*(a.copy() for a in b.arrays)) for _ in range(50)], entries
        )
        assert all(a is None for many in answers for a in many)
    for one, two in zip(rooms[0].values(), rooms[1].values(), strict=True):
        np.testing.assert_array_equal(one, two)


SCRIPT = """
import os, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
from tinygrad_jp.program import native
from tinygrad_jp.program.native import pool
from tinygrad_jp.program.program import Program, Value
pool.helpers = lambda: 3

def step():
    p = Program()
    x = Value((300_000,), np.dtype("f4"))
    p.inputs[x] = "argument"
    p.outputs.append(p.emit(np.exp, (x,), x.shape, x.dtype))
    out = np.zeros(300_000, np.float32)
    entry = native.build(p).bind({p.outputs[0]: out})
    def run():
        out[:] = 0
        for _ in range(20):
            assert entry(np.ones(300_000, np.float32)) is None
        assert abs(out - np.e).max() < 1e-5
    return run

run = step()
run()
if sys.argv[1] == "fork":
    child = os.fork()
    run()
    step()()
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
print("fine", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing to test where there is no fork")
def test_forks():
    done = subprocess.run([sys.executable, "-c", SCRIPT, "fork"], capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.stdout.strip(), done.returncode) == ("fine", 0), done.stderr


def test_exit():
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", SCRIPT, "exit"], capture_output=True, text=True,
                              timeout=120, check=False)
        assert (done.stdout.strip(), done.returncode) == ("fine", 0), done.stderr


def test_one_thread_if_blas_has_one(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert blas.threads() == 1
    assert pool.helpers() == 0
    assert pool.addresses(True) == {"pool": 0, "start": 0, "finish": 0}


def test_without_a_helper(monkeypatch):
    monkeypatch.setattr(pool, "helpers", lambda: 0)
    agree(large(), 2e-5)


def test_the_narrowest_registers(monkeypatch):
    rng = np.random.default_rng(0)
    target = link.target()
    monkeypatch.setattr(link, "target", lambda: type(target)(16, 16))
    b = Builder()
    x = b.input(rng.standard_normal((70, 80)).astype(np.float32))
    b.returns(b(np.matmul, x, b(ops.transpose, x, axes=(1, 0))), b(np.tanh, x),
              b.total(x, (1,)), b(ops.transpose, x, axes=(1, 0)))
    agree(b)


@pytest.mark.parametrize("sizes", [(64, 16), (32, 16), (16, 32), (16, 16)])
def test_other_machines_registers(sizes, monkeypatch):
    """Kernels for narrower registers are right as well (LLVM makes do with those there are)."""
    target = link.target()
    monkeypatch.setattr(link, "target", lambda: type(target)(*sizes))
    agree(large(), 2e-5)
    rng = np.random.default_rng(1)
    b = Builder()
    x = b.input(rng.standard_normal((300, 300)).astype(np.float32))
    y = b.input(rng.standard_normal((300, 300)).astype(np.float32))
    turned = b(ops.transpose, y, axes=(1, 0))
    b.returns(b(np.matmul, x, y), b(np.matmul, x, turned), b(np.matmul, b(ops.transpose, x, axes=(1, 0)), y),
              b(ops.getitem, turned, index=(slice(1, 9), slice(2, 50))))
    agree(b, 2e-5)
