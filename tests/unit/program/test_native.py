"""Native code does what the plain evaluation of a Program does."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_jp.errors import ProgramError
from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.program import Value

from .building import Builder, agree, room, run_native
from .networks import network

pytest.importorskip("llvmlite")
FLOATS = [np.float32, np.float64]
TOLERANCES = {np.float32: (2e-5, 1e-4), np.float64: (1e-12, 1e-11)}
MAPS1 = [
    np.exp, np.tanh, np.negative, np.absolute, np.square, np.sign, np.floor, np.expm1, np.sin,
    np.arctan, np.isnan, np.logical_not, np.cbrt,
]
MAPS2 = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.greater,
         np.less_equal, np.equal, np.logaddexp, np.arctan2]
SHAPES = [(1,), (5,), (16,), (131,), (1, 1), (3, 1), (1, 7), (5, 7), (40, 3), (33, 10), (64, 64),
          (7, 100), (2, 3, 17), (4, 1, 5), (2, 3, 4, 5)]


def random_program(rng: np.random.Generator, dtype: type, shape: tuple[int, ...]) -> Builder:
    """Compose a program of everything that has a native form, and of some that has none."""
    b = Builder()
    n = len(shape)
    x = b.input(rng.standard_normal(shape).astype(dtype))
    s = b.input(rng.standard_normal(shape).astype(dtype), "state")
    bias = b.input(rng.standard_normal(shape[-1:]).astype(dtype), "state")
    full = [x, s, b(np.add, x, bias)]
    for _ in range(12):
        choice = rng.integers(9)
        v = full[rng.integers(len(full))]
        u = full[rng.integers(len(full))]
        if choice <= 1:
            y = b(MAPS1[rng.integers(len(MAPS1))], v)
        elif choice <= 3:
            y = b(MAPS2[rng.integers(len(MAPS2))], v, u)
        elif choice == 4:
            axis = tuple(int(a) for a in rng.permutation(n)[: rng.integers(1, n + 1)])
            fn = [np.sum, np.max, np.min][rng.integers(3)]
            y = b(np.subtract, v, b.total(v, axis, True, fn))
        elif choice == 5:
            y = b(np.where, b(np.less, v, u), v, 0.25)
        elif choice == 6:
            r = b.total(v, (n - 1,), False)
            y = b(np.multiply, b(ops.reshape, r, shape=(*shape[:-1], 1)), u)
        elif choice == 7:
            axes = tuple(range(n))[::-1]
            t = b(ops.transpose, b(np.tanh, b(ops.transpose, v, axes=axes)), axes=axes)
            y = b(np.add, t, b.total(v, None, False))
        else:
            y = b(np.cumsum, v, axis=0)
        if y.dtype == bool:
            y = b(ops.astype, y, dtype=np.dtype(dtype))
        y = b(np.tanh, y)
        full.append(y)
    a, z = full[-1], full[-2]
    b.program.updates[s] = b(np.subtract, s, b(np.multiply, a, 0.1))
    down = b.total(z, tuple(range(n - 1)), False) if n > 1 else z
    b.program.updates[bias] = b(np.subtract, bias, b(np.multiply, down, 0.1))
    b.returns(a, b.total(z), b(ops.transpose, z, axes=tuple(range(n))[::-1]), full[3])
    return b


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_random_programs(shape, dtype):
    rng = np.random.default_rng([*shape, np.dtype(dtype).itemsize])
    for _ in range(2):
        agree(random_program(rng, dtype, shape), *TOLERANCES[dtype])


def random_strips(rng: np.random.Generator, dtype: type, rows: int) -> Builder:
    """Compose a program of many short rows: small products, sums over rows, normalisations."""
    b = Builder()
    k = int(rng.integers(1, 6))
    x = b.input(rng.standard_normal((rows, k)).astype(dtype))
    weights, wide = [], [x]
    for _ in range(10):
        v = wide[rng.integers(len(wide))]
        d = v.shape[1]
        choice = rng.integers(8)
        if choice <= 1:
            w = b.input(rng.standard_normal((int(rng.integers(1, 9)), d)).astype(dtype), "state")
            weights.append(w)
            y = b(np.matmul, v, b(ops.transpose, w, axes=(1, 0)))
        elif choice == 2:
            y = b(np.subtract, v, b.total(v, (1,), True, [np.sum, np.max][rng.integers(2)]))
        elif choice == 3:
            y = b(np.subtract, v, b(np.divide, b.total(v, (0,), False), rows))
        elif choice == 4:
            u = wide[rng.integers(len(wide))]
            y = b(np.matmul, v, b(np.matmul, b(ops.transpose, v, axes=(1, 0)), u))
        elif choice == 5:
            flat = b(ops.reshape, b.total(v, (1,), False), shape=(rows, 1))
            y = b(np.multiply, v, b(np.greater, flat, 0))
        elif choice == 6:
            u = b(ops.getitem, v, index=(slice(None), slice(None, None, -1)))
            y = b(np.add, u, b.total(v, None, False))
        else:
            bias = b.input(rng.standard_normal(d).astype(dtype), "state")
            weights.append(bias)
            y = b(np.maximum, b(np.add, v, bias), 0)
        wide.append(b(np.tanh, y))
    last = wide[-1]
    for w in weights:
        if len(w.shape) == 2:
            u = next((u for u in wide if u.shape[1] == w.shape[0]), last)
            v = next((v for v in wide if v.shape[1] == w.shape[1]), last)
            g = b(np.matmul, b(ops.transpose, u, axes=(1, 0)), v)
        else:
            g = b.total(next((v for v in wide if v.shape[1:] == w.shape), last), (0,))
        if g.shape == w.shape:
            b.program.updates[w] = b(np.subtract, w, b(np.multiply, g, 0.01))
    b.returns(last, b.total(b(np.square, last)), b.total(last, (1,)), b.total(last, (0,), True, np.max))
    return b


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [24, 31, 48, 200])
def test_random_strips(rows, dtype):
    for seed in range(3):
        rng = np.random.default_rng([seed, rows])
        assert agree(random_strips(rng, dtype, rows), *TOLERANCES[dtype]).calls == []


@pytest.mark.slow
def test_many_random_programs():
    for seed in range(400):
        rng = np.random.default_rng(seed)
        shape = tuple(int(n) for n in rng.integers(1, 20, rng.integers(1, 4)))
        dtype = FLOATS[seed % 2]
        agree(random_program(rng, dtype, shape), *TOLERANCES[dtype])
        agree(random_strips(rng, dtype, int(rng.integers(24, 90))), *TOLERANCES[dtype])


MATRICES = [(1, 1, 1), (2, 3, 5), (16, 16, 16), (17, 1, 9), (1, 33, 4), (33, 10, 7), (64, 64, 32),
            (12, 100, 3), (100, 80, 90), (5, 2, 300)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sizes", MATRICES)
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
def test_products(sizes, turned, dtype):
    m, n, k = sizes
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input(rng.standard_normal((k, m) if "a" in turned else (m, k)).astype(dtype))
    y = b.input(rng.standard_normal((n, k) if "b" in turned else (k, n)).astype(dtype))
    x = b(ops.transpose, x, axes=(1, 0)) if "a" in turned else x
    y = b(ops.transpose, y, axes=(1, 0)) if "b" in turned else y
    b.returns(b(np.matmul, x, y))
    assert agree(b).calls == []


@pytest.mark.parametrize(
    "shapes", [((4,), (4,)), ((4,), (4, 3)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)),
               ((2, 3, 4), (2, 4, 5)), ((5, 1, 3, 4), (2, 4, 5)), ((2, 80, 90), (2, 90, 70))]
)
def test_batched_products(shapes):
    rng = np.random.default_rng(0)
    b = Builder()
    b.returns(b(np.matmul, *(b.input(rng.standard_normal(s).astype(np.float32)) for s in shapes)))
    assert agree(b).calls == []


def test_parts():
    b = Builder()
    x = b.input(np.arange(60.0).reshape(3, 4, 5))
    part = b(ops.getitem, x, index=(slice(None, None, -2), 1, slice(1, 4)))
    more = b(ops.put, x, part, index=(slice(0, 2), 3, slice(0, 3)))
    both = b(ops.concatenate, more, more, axis=1)
    zero = b(ops.put, both, 0.0, index=(slice(None), slice(2, 4)))
    b.returns(part, more, both, zero, b(ops.reshape, b(ops.transpose, zero, axes=(2, 0, 1)), shape=(15, 8)))
    assert agree(b).calls == []


def test_labels():
    rng = np.random.default_rng(0)
    b = Builder()
    z = b.input(rng.standard_normal((50, 7)).astype(np.float32))
    t = b.input(rng.integers(0, 7, 50))
    b.assume(b(np.logical_and, b(np.greater_equal, t, 0), b(np.less, t, 7)))
    hot = b(np.equal, b(ops.reshape, t, shape=(50, 1)), b.constant(np.arange(7)))
    b.returns(b.total(b(np.where, hot, z, 0.0)), b(ops.astype, hot, dtype=np.dtype(np.float32)),
              b(np.add, t, 1), b.total(hot, (0,)))
    made = agree(b)
    assert made.calls == []
    outputs = room(b.program)
    entry = made.bind(outputs)
    b.arrays[1][3] = 7
    assert entry(*b.arrays) is True
    assert all((a == np.full((), 77, a.dtype)).all() for a in outputs.values())


# ── the entry ───────────────────────────────────────────────────────────────────────────────────


def small() -> Builder:
    b = Builder()
    x = b.input(np.ones((3, 4), np.float32))
    s = b.input(np.ones((3, 4), np.float32), "state")
    b.program.updates[s] = b(np.add, s, x)
    b.returns(b(np.multiply, x, s))
    return b


def frozen(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, s: (x,), lambda x, s: (x, s, s), lambda x, s: (x.astype(np.float64), s),
        lambda x, s: (x[:2], s), lambda x, s: (x.T, s), lambda x, s: (x[None], s),
        lambda x, s: (x, frozen(s)), lambda x, s: (x.tolist(), s), lambda x, s: (1.0, s),
        lambda x, s: (np.ones((3, 8), np.float32)[:, ::2], s), lambda x, s: (x.view(np.int32), s),
        lambda x, s: (np.frombuffer(b"x" * 49, np.uint8)[1:].view(np.float32).reshape(3, 4), s),
        lambda x, s: (x.view(np.recarray), s), lambda x, s: (None, s),
    ],
)
def test_the_entry_refuses_what_it_was_not_made_for(wrong):
    b = small()
    outputs = room(b.program)
    entry = native.build(b.program).bind(outputs)
    x, s = (a.copy() for a in b.arrays)
    assert entry(*wrong(x, s)) is True
    assert (s == 1).all()
    assert all((a == 77).all() for a in outputs.values())
    assert entry(x, s) is None
    assert (s == 2).all()
    assert entry(frozen(x), s) is None


def test_bound_inputs_are_not_passed():
    b = small()
    _, s = b.program.inputs
    outputs = room(b.program)
    state = np.zeros((3, 4), np.float32)
    entry = native.build(b.program).bind({s: state, **outputs})
    for _ in range(3):
        assert entry(np.full((3, 4), 2, np.float32)) is None
    assert (state == 6).all()


def test_what_cannot_be_bound():
    b = small()
    _, s = b.program.inputs
    made = native.build(b.program)
    with pytest.raises(ProgramError):
        made.bind({})
    with pytest.raises(ProgramError):
        made.bind({**room(b.program), s: np.zeros((4, 3), np.float32)})
    with pytest.raises(ProgramError):
        made.bind({**room(b.program), s: frozen(np.zeros((3, 4), np.float32))})


def test_reference_counts_hold():
    import sys

    b = small()
    entry = native.build(b.program).bind(room(b.program))
    x, s = b.arrays
    before = [sys.getrefcount(o) for o in (None, True, x, s)]
    for _ in range(1000):
        entry(x, s)
        entry(x)
    after = [sys.getrefcount(o) for o in (None, True, x, s)]
    assert all(abs(p - q) < 50 for p, q in zip(before, after, strict=True))


def test_states_that_trade_places():
    b = Builder()
    p = b.input(np.arange(5.0), "state")
    q = b.input(np.arange(5.0) * 10, "state")
    r = b.input(np.zeros(5), "state")
    b.program.updates[p] = q
    b.program.updates[q] = p
    b.program.updates[r] = b(np.add, p, q)
    agree(b)


def test_an_old_state_is_read_after_its_new_value_is_known():
    rng = np.random.default_rng(0)
    b = Builder()
    w = b.input(rng.standard_normal((6, 6)), "state")
    x = b.input(rng.standard_normal((6, 6)))
    new = b(np.subtract, w, b(np.matmul, x, w))
    b.program.updates[w] = new
    b.returns(b(np.matmul, new, w), b(ops.transpose, w, axes=(1, 0)), b.total(w))
    agree(b)


def test_one_value_for_two_results():
    b = Builder()
    p = b.input(np.arange(5.0), "state")
    q = b.input(np.arange(5.0), "state")
    new = b(np.add, p, 1.0)
    b.program.updates[p] = new
    b.program.updates[q] = new
    b.returns(new, b.constant(np.arange(3.0)))
    agree(b)


# ── random numbers ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", FLOATS)
def test_draws_are_the_generators_own(dtype):
    import tinygrad_jp as tj

    b = Builder()
    shape = (13, 7)
    draws = [b(ops.draw, method="random", arguments=(), dtype=np.dtype(dtype), shape=shape)
             for _ in range(2)]
    draws.append(b(ops.draw, method="standard_normal", arguments=(), dtype=np.dtype(dtype), shape=shape))
    draws.append(b(ops.draw, method="random", arguments=(), dtype=np.dtype(dtype), shape=(3,)))
    b.returns(*draws, b(np.greater, draws[0], 0.5))
    tj.manual_seed(3)
    got, _, _ = run_native(b)
    tj.manual_seed(3)
    wanted, _ = b.program.run([])
    for g, w in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(g, w)


def test_an_instruction_that_nothing_needs():
    b = Builder()
    x = b.input(np.ones(3))
    b(np.exp, x)
    b.returns(x)
    agree(b)


def test_the_source_says_what_each_kernel_does():
    b = small()
    made = native.build(b.program)
    made.bind(room(b.program))
    assert "; v0 = np.add(s0, a0)" in made.source
    assert isinstance(next(iter(b.program.inputs)), Value)


# ── whole training steps ────────────────────────────────────────────────────────────────────────

NETWORKS = [
    ((2, 3, 2), 200, "tanh", "cross_entropy", "sgd"),
    ((3, 64, 64, 1), 32, "relu", "mse", "adam"),
    ((30, 20, 10), 50, "sigmoid", "cross_entropy", "sgd"),
    ((5, 7, 6, 5, 4), 33, "tanh", "mse", "adam"),
    ((1, 1, 1), 1, "relu", "mse", "adam"),
    ((3, 5, 2), 3, "sigmoid", "cross_entropy", "adam"),
    ((4, 17, 16, 3), 40, "tanh", "cross_entropy", "adam"),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sort", NETWORKS, ids=lambda s: "-".join(map(str, s[0])))
def test_networks(sort, dtype):
    b = network(*sort, dtype=dtype)
    assert agree(b, 1e-5 if dtype is np.float32 else 1e-12, 1e-4 if dtype is np.float32 else 1e-8).calls == []


def test_a_small_network_is_one_loop():
    made = native.build(network(*NETWORKS[0]).program)
    assert made.source.count("define internal void @k") == 2  # and the labels' check


def test_a_deep_network_shares_its_loops():
    made = native.build(network((16,) * 31, 64, "relu", "mse", "adam").program)
    assert made.source.count("define internal void @k") < 30
