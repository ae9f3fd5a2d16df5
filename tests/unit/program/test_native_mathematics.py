"""The vector functions: their largest errors in ulp, and their special values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tinygrad_jp.program import native
from tinygrad_jp.vocabulary import primitives

from .building import Builder, room

pytest.importorskip("llvmlite")
# the function, what holds it to account (in a wider type), where it is tried, ulp in float32 and 64
CASES = [
    (np.exp, np.exp, (-104, 89), (-745, 710), 1.5, 2),
    (np.expm1, np.expm1, (-20, 88), (-40, 709), 2, 4),
    (np.log, np.log, (1e-45, 1e38), (5e-324, 1e308), 1.5, 2),
    (np.log1p, np.log1p, (-1, 1e38), (-1, 1e308), 3, 3),
    (np.tanh, np.tanh, (-12, 12), (-22, 22), 2.5, 3.5),
    (primitives.erf, None, (-5, 5), (-7, 7), 3, 4),
]


def evaluate(fn, x: np.ndarray) -> np.ndarray:
    b = Builder()
    b.returns(b(fn, b.input(x)))
    made = native.build(b.program)
    assert made.calls == []
    (y,) = outputs = list((room(b.program)).values())
    entry = made.bind(dict(zip(b.program.outputs, outputs, strict=True)))
    assert entry(*b.arrays) is None
    return y


def exact(fn, x: np.ndarray) -> np.ndarray:
    """Evaluate in a wider type."""
    if fn is None:
        return np.array([math.erf(v) for v in x.tolist()])
    wide = np.longdouble if x.dtype == np.float64 else np.float64
    with np.errstate(all="ignore"):
        return fn(x.astype(wide))


def ulps(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Give errors in units of the last place of the right result."""
    finite = np.isfinite(got) & (np.abs(wanted) < np.finfo(got.dtype).max)
    near = np.where(finite, np.abs(wanted), 1).astype(got.dtype)
    unit = np.spacing(near)
    with np.errstate(all="ignore"):
        error = np.abs((got.astype(wanted.dtype) - wanted) / unit.astype(wanted.dtype))
    return np.where(finite, error, 0)


def places(dtype: type, bounds: tuple[float, float]) -> np.ndarray:
    """Spread places evenly over a range, and over its powers of two."""
    rng = np.random.default_rng(0)
    low, high = bounds
    small = np.exp2(rng.uniform(-40 if dtype is np.float32 else -80, 4, 50_000))
    small = np.concatenate([small, -small])
    even = rng.uniform(max(low, -1e3), min(high, 1e3), 200_000)
    top = np.exp(rng.uniform(math.log(5e-324 if dtype is np.float64 else 1e-45), math.log(high), 50_000))
    x = np.concatenate([small, even, top]).astype(dtype)
    return x[(x >= low) & (x <= high)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0].__name__)
def test_errors_are_small(case, dtype):
    fn, truth, narrow, wide, few, more = case
    single = dtype is np.float32
    x = places(dtype, narrow if single else wide)
    error = ulps(evaluate(fn, x), exact(truth, x))
    worst = int(np.argmax(error))
    assert error[worst] <= (few if single else more), (error[worst], x[worst])


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-40, -1e-40, 3e38, -3e38, 89.5, -110.0,
           711.0, -760.0, 1e-310, 5e-324, 0.5, -0.5, 1e300]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fn",
    [c[0] for c in CASES] + [np.sqrt, np.sign, np.absolute, np.floor, np.reciprocal, np.negative,
                             np.square, np.isnan, np.isinf, np.isfinite, np.logical_not, np.sin,
                             np.arctan, np.cbrt, np.rint, np.trunc, np.ceil, np.signbit, np.log2,
                             np.log10, np.cosh, np.arcsin],
    ids=lambda f: f.__name__,
)
def test_special_values(fn, dtype):
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL, dtype)
        wanted = np.asarray(fn(x))
    got = evaluate(fn, x)
    assert got.dtype == wanted.dtype
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted)
        return
    for test in (np.isnan, np.isposinf, np.isneginf, lambda v: v == 0):
        np.testing.assert_array_equal(test(got), test(wanted))
    real = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(wanted[real]))
    np.testing.assert_allclose(got, wanted, rtol=1e-6 if dtype is np.float32 else 1e-14, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "fn",
    [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.equal, np.less,
     np.not_equal, np.less_equal, np.greater, np.greater_equal, np.logical_and, np.logical_xor,
     np.copysign, np.arctan2, np.logaddexp, np.power, np.hypot],
    ids=lambda f: f.__name__,
)
def test_special_pairs(fn, dtype):
    with np.errstate(all="ignore"):
        x, y = (a.astype(dtype) for a in np.meshgrid(SPECIAL, SPECIAL))
        x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        wanted = fn(x, y)
    b = Builder()
    b.returns(b(fn, b.input(x), b.input(y)))
    made = native.build(b.program)
    assert made.calls == []
    outputs = room(b.program)
    assert made.bind(outputs)(*b.arrays) is None
    (got,) = outputs.values()
    np.testing.assert_allclose(got, wanted, rtol=2e-6 if dtype is np.float32 else 1e-14, atol=0)
    if fn in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.copysign):
        real = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(wanted[real]))
        np.testing.assert_array_equal(got, wanted)  # to the last bit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", [0, 0.0, 1.5, float("nan"), float("inf"), -2])
@pytest.mark.parametrize("fn", [np.maximum, np.minimum, np.greater, np.multiply, np.power, np.add])
def test_with_a_number(fn, number, dtype):
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL, dtype)
        wanted = fn(x, number)
    b = Builder()
    b.returns(b(fn, b.input(x), number))
    made = native.build(b.program)
    outputs = room(b.program)
    assert made.bind(outputs)(*b.arrays) is None
    (got,) = outputs.values()
    np.testing.assert_allclose(got, wanted, rtol=2e-6 if dtype is np.float32 else 1e-14, atol=0)
    real = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(wanted[real]))


def test_reductions_meet_nan_as_numpy_does():
    x = np.array([[1, np.nan, 3], [np.inf, 2, -np.inf], [-0.0, -0.0, -0.0], [5, 1, 2]])
    for fn in (np.sum, np.max, np.min, np.prod):
        for axis in (0, 1, None):
            b = Builder()
            b.returns(b(fn, b.input(x), axis=axis, keepdims=False))
            made = native.build(b.program)
            outputs = room(b.program)
            made.bind(outputs)(*b.arrays)
            (got,) = outputs.values()
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(got, fn(x, axis=axis))


def test_whole_numbers_and_bools():
    rng = np.random.default_rng(0)
    x, y = rng.integers(-5, 5, (2, 40))
    p, q = rng.integers(0, 2, (2, 40)).astype(bool)
    b = Builder()
    vx, vy, vp, vq = (b.input(a) for a in (x, y, p, q))
    b.returns(
        b(np.add, vx, vy), b(np.multiply, vx, vy), b(np.subtract, vx, 3), b(np.equal, vx, vy),
        b(np.logical_and, vp, vq), b(np.bitwise_or, vp, vq), b(np.invert, vp), b(np.add, vp, vq),
        b(np.multiply, vx, 0.5), b(np.divide, vx, 4), b(np.where, vp, vx, vy), b(np.sum, vp, axis=None),
        b(np.any, vp, axis=(0,)), b(np.all, vq, axis=(0,)), b(np.max, vx, axis=None), b(np.sum, vx, axis=(0,)),
        b(np.less, vx, 0.5), b(np.maximum, vx, vy), b(np.absolute, vx), b(np.sign, vx),
        b(np.floor_divide, vx, 3), b(np.multiply, vp, 2.0),
    )
    outputs = room(b.program)
    assert native.build(b.program).bind(outputs)(*b.arrays) is None
    wanted, _ = b.program.run(b.arrays)
    for got, w in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_array_equal(got, w)
