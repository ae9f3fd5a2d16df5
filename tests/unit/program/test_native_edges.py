"""Where native code ends: other dtypes, empty arrays, NumPy's own calls, NaN everywhere."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest

from tinygrad_jp.errors import MissingExtraError
from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.native import bindings, child, compiler, entry

from .building import Builder, agree, room
from .test_native import FLOATS, random_program, random_strips

pytest.importorskip("llvmlite")


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int16, np.complex64, ">f4", np.uint64])
def test_other_dtypes_are_left_to_numpy(dtype):
    b = Builder()
    x = b.input(np.arange(12).reshape(3, 4).astype(dtype))
    y = b(np.add, b(np.multiply, x, x), b(ops.transpose, b(ops.transpose, x, axes=(1, 0)), axes=(1, 0)))
    b.returns(y, b(ops.astype, b(np.equal, x, y), dtype=np.dtype(float)), b.total(x, (0,), False, np.max))
    agree(b)


def test_empty_arrays():
    b = Builder()
    x = b.input(np.zeros((0, 3)))
    b.returns(b(np.exp, x), b.total(x, (0,)), b(np.matmul, b(ops.transpose, x, axes=(1, 0)), x),
              b(ops.reshape, x, shape=(3, 0)))
    agree(b)


def test_calls_between_native_parts():
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input(rng.standard_normal((6, 5)))
    s = b.input(rng.standard_normal((6, 5)), "state")
    y = b(np.cumsum, b(np.exp, x), axis=1)
    turned = b(ops.transpose, b(np.tanh, y), axes=(1, 0))
    z = b(np.sort, b(ops.getitem, turned, index=(slice(None, None, 2), slice(1, 4))), axis=0)
    b.assume(b(np.isfinite, b(np.cumsum, x, axis=0)))
    b.program.updates[s] = b(np.add, s, b(np.cumsum, s, axis=0))
    b.returns(z, b(np.multiply, z, 2.0), b(np.cumsum, s, axis=1))
    made = agree(b)
    assert len(made.calls) == 5
    b.arrays[0][2, 2] = np.nan
    outputs = room(b.program)
    before = b.arrays[1].copy()
    assert made.bind(outputs)(*b.arrays) is True
    assert (b.arrays[1] == before).all()
    assert all((a == 77).all() for a in outputs.values())


def test_an_assumption_that_numpy_looks_at():
    b = Builder()
    x = b.input(np.arange(4, dtype=np.float16))
    b.assume(b(np.less, x, 5))
    b.assume(x)
    b.returns(b(np.add, x, 1))
    outputs = room(b.program)
    run = native.build(b.program).bind(outputs)
    assert run(np.arange(4, dtype=np.float16)) is True
    assert run(np.ones(4, np.float16)) is None
    assert run(np.full(4, 6, np.float16)) is True


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinity_stay_where_they_are(dtype):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        b = random_strips(rng, dtype, 40) if seed % 2 else random_program(rng, dtype, (6, 9))
        for array in b.arrays:
            flat = array.reshape(-1)
            flat[rng.integers(flat.size)] = [np.nan, np.inf, -np.inf, -0.0][rng.integers(4)]
        wanted, _ = b.program.run(b.arrays)
        outputs = room(b.program)
        native.build(b.program).bind(outputs)(*[a.copy() for a in b.arrays])
        for got, w in zip(outputs.values(), wanted, strict=True):
            np.testing.assert_array_equal(np.isnan(got), np.isnan(w))
            np.testing.assert_array_equal(np.isinf(got), np.isinf(w))


def test_without_llvmlite(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("llvmlite"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in [n for n in sys.modules if n.startswith("llvmlite")]:
        monkeypatch.delitem(sys.modules, name)
    b = Builder()
    b.returns(b(np.exp, b.input(np.ones(3))))
    monkeypatch.setenv("TINYGRAD_JP_CACHE", "0")
    for cached in (compiler.llvm, compiler.processor):
        cached.cache_clear()
    monkeypatch.setattr(child, "python", lambda: None)
    made = native.build(b.program)
    with pytest.raises(MissingExtraError, match="llvmlite"):  # there, but not to be imported
        made.bind(room(b.program))
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    with pytest.raises(MissingExtraError, match="llvmlite"):
        native.build(b.program)


def test_where_arrays_lie_otherwise_in_memory(monkeypatch):
    monkeypatch.setattr(bindings, "laid_out", lambda: False)
    b = Builder()
    x = b.input(np.ones(5))
    s = b.input(np.ones(5), "state")
    b.program.updates[s] = b(np.add, s, x)
    b.returns(b(np.multiply, x, 3.0))
    agree(b)
    run = native.build(b.program).bind(room(b.program))
    assert run(np.ones(4), np.ones(5)) is True
    assert run(np.ones(5)) is True


def test_the_layout_of_arrays_is_known_here():
    if sys.implementation.name == "cpython" and object.__basicsize__ == entry.HEADER:
        assert entry.laid_out()


def test_the_same_program_with_other_arrays_bound():
    b = Builder()
    x = b.input(np.ones(5))
    y = b.input(np.ones(5))
    b.returns(b(np.add, x, y))
    made = native.build(b.program)
    out = room(b.program)
    assert made.bind({**out, y: np.full(5, 2.0)})(np.ones(5)) is None
    assert (next(iter(out.values())) == 3).all()
    assert made.bind({**out, x: np.full(5, 5.0)})(np.ones(5)) is None
    assert (next(iter(out.values())) == 6).all()
    assert made.bind({**out, x: np.full(5, 5.0), y: np.ones(5)})() is None


def test_a_chain_of_a_thousand():
    b = Builder()
    x = b.input(np.linspace(0, 1, 7))
    y = x
    for _ in range(1000):
        y = b(np.add, b(np.multiply, y, 0.5), x)
    b.returns(y)
    agree(b)


@pytest.mark.parametrize("native_entry", [True, False])
def test_an_argument_must_not_be_what_is_written(native_entry, monkeypatch):
    if not native_entry:
        monkeypatch.setattr(bindings, "laid_out", lambda: False)
    b = Builder()
    x = b.input(np.ones(5))
    s = b.input(np.ones(5), "state")
    b.program.updates[s] = b(np.add, s, x)
    b.returns(b(np.multiply, x, 3.0))
    made = native.build(b.program)
    memory = np.ones(15)
    out = {b.program.outputs[0]: memory[5:10]}
    passed = made.bind(out)
    state = np.ones(5)
    assert passed(state, state) is True
    assert passed(memory[3:8], state) is True
    assert passed(memory[7:12], state) is True
    assert passed(memory[:5], state) is None
    assert passed(memory[10:], state) is None
    assert passed(np.ones(5), np.ones(5)) is None
    bound = made.bind({**out, s: state})
    assert bound(state) is True
    assert bound(memory[5:10]) is True
    assert bound(memory[:5]) is None
    both = np.zeros(14)
    assert passed(both[:5], both[4:9]) is True
    assert passed(both[:5], both[5:10]) is None


def test_states_are_written_after_numpys_last_call(monkeypatch):
    """Ctrl-C may come while NumPy works: no state must have moved by then."""
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input(rng.standard_normal((6, 8)).astype(np.float32))
    s = b.input(rng.standard_normal((6, 8)).astype(np.float32), "state")
    t = b.input(rng.standard_normal((6, 8)).astype(np.float32), "state")
    new = b(np.add, b(np.tanh, s), x)
    b.program.updates[s] = new
    sorted_ = b(np.sort, new)  # no native form; it reads what the state becomes
    b.program.updates[t] = sorted_
    b.returns(b(np.multiply, sorted_, 2.0))
    seen = []
    real = bindings.Binding.call

    def call(self, node, given):
        states = [v for v in given if v in self.updated]
        seen.append([given[v].copy() for v in states])
        real(self, node, given)

    monkeypatch.setattr(bindings.Binding, "call", call)
    agree(b)
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], b.arrays[1:])
