"""Which NumPy functions have a native form elementwise, and what it is.

EMIT[fn] takes the Writer and the operands (all of one kind: the one that NumPy computes in) and
gives the result. `computed_in` says that kind, or None: then NumPy does it, between native parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...vocabulary import primitives
from .. import operations
from .kinds import kind_of
from .registers import Reg, Writer

Emit = Callable[..., Reg]


def maximum(w: Writer, a: Reg, b: Reg) -> Reg:
    """Give the larger, or NaN; the second of two zeros, as NumPy's vector loops do."""
    if not a.floating:
        return w.select(a > b, a, b)
    larger = w.select(a > b, a, b)  # b where either is NaN: one instruction
    return larger if a.constant is not None else w.select(a.is_nan(), a, larger)


def minimum(w: Writer, a: Reg, b: Reg) -> Reg:
    """Give the smaller, or NaN; the second of two zeros."""
    if not a.floating:
        return w.select(a < b, a, b)
    smaller = w.select(a < b, a, b)
    return smaller if a.constant is not None else w.select(a.is_nan(), a, smaller)


def relu_like(w: Writer, a: Reg, b: Reg) -> Reg:
    """Give maximum(a, b) for a number b that is not NaN and not −0: one instruction."""
    return w.select(a.like(b) > a, b, a)


def larger(w: Writer, a: Reg, b: Reg) -> Reg:
    """Do as maximum; where b is a number, in one instruction."""
    if b.constant is not None and a.floating and b.constant == b.constant and b.constant != 0:
        return relu_like(w, a, b)
    if b.constant is not None and a.floating and b.constant == 0:
        # NumPy gives the second of two zeros: +0 for a = −0
        return w.select(a.compare("ugt", "sgt", 0.0), a, 0.0)
    return maximum(w, a, b)


def smaller(w: Writer, a: Reg, b: Reg) -> Reg:
    """Do as minimum; where b is a number, in one instruction."""
    if b.constant is not None and a.floating and b.constant == b.constant and b.constant != 0:
        return w.select(a.like(b) < a, b, a)
    return minimum(w, a, b)


def clip(w: Writer, x: Reg, low: Reg, high: Reg) -> Reg:
    """Hold x within bounds, as np.clip does."""
    return smaller(w, larger(w, x, low), high)


def sign(w: Writer, x: Reg) -> Reg:
    """Give −1, 0, 1 or NaN."""
    y = w.select(x > 0, x.like(1), w.select(x < 0, x.like(-1), x.like(0)))
    return w.select(x.is_nan(), x, y) if x.floating else y


def absolute(w: Writer, x: Reg) -> Reg:
    """Give |x|."""
    return w.intrinsic("fabs", x) if x.floating else w.select(x < 0, -x, x)


def power(w: Writer, x: Reg, y: Reg) -> Reg:
    """Give xʸ; by products for a small whole number y, as NumPy's float loops round it alike."""
    n = y.constant
    if n == 2:
        return x * x
    if n == 1:
        return x
    if n == 0.5 and x.floating:
        root = w.intrinsic("sqrt", x + 0.0)
        return w.select(x.same(float("-inf")), float("inf"), root)
    if n == -1 and x.floating:
        return 1 / x
    return w.libm("pow", x, y)


def logaddexp(w: Writer, a: Reg, b: Reg) -> Reg:
    """Give log(eᵃ + eᵇ) as NumPy does: from the larger."""
    d = a - b
    top = w.select(d > 0, a, b)
    y = top + w.function("log1p", w.function("exp", -w.intrinsic("fabs", d)))
    y = w.select(d.is_nan(), d, y)
    return w.select(a.same(b), a + 0.693147180559945309417, y)


def where(w: Writer, test: Reg, a: Reg, b: Reg) -> Reg:
    """Choose by a bool."""
    return w.select(test, a, b)


def named(name: str) -> Emit:
    """Make the form that is one intrinsic."""
    return lambda w, *xs: w.intrinsic(name, *xs)


def own(name: str) -> Emit:
    """Make the form that is a function of mathematics.py."""
    return lambda w, x: w.function(name, x)


def library(name: str) -> Emit:
    """Make the form that is the C library's, lane by lane."""
    return lambda w, *xs: w.libm(name, *xs)


def error_function(w: Writer, x: Reg) -> Reg:
    """Give erf: a polynomial in float32, the C library's in float64."""
    return w.function("erf", x) if x.kind == "f32" else w.libm("erf", x)


def truth(x: Reg) -> Reg:
    """Give x ≠ 0 as a bool."""
    return x if x.kind == "i1" else x.differs(0)


FLOATING: dict[Any, Emit] = {  # floats in, floats of the same kind out
    np.divide: lambda w, a, b: a / b,
    np.reciprocal: lambda w, x: 1 / x,
    np.sqrt: named("sqrt"), np.floor: named("floor"), np.ceil: named("ceil"),
    np.trunc: named("trunc"), np.rint: named("rint"), np.copysign: named("copysign"),
    np.exp: own("exp"), np.expm1: own("expm1"), np.log: own("log"), np.log1p: own("log1p"),
    np.tanh: own("tanh"), primitives.erf: error_function, np.logaddexp: logaddexp,
    np.power: power, np.float_power: power,
    np.sin: library("sin"), np.cos: library("cos"), np.tan: library("tan"),
    np.arcsin: library("asin"), np.arccos: library("acos"), np.arctan: library("atan"),
    np.sinh: library("sinh"), np.cosh: library("cosh"), np.arcsinh: library("asinh"),
    np.arccosh: library("acosh"), np.arctanh: library("atanh"), np.cbrt: library("cbrt"),
    np.exp2: library("exp2"), np.log2: library("log2"), np.log10: library("log10"),
    np.arctan2: library("atan2"), np.hypot: library("hypot"),
}
ARITHMETIC: dict[Any, Emit] = {  # floats, int32 or int64; the same out
    np.add: lambda w, a, b: a + b,
    np.subtract: lambda w, a, b: a - b,
    np.multiply: lambda w, a, b: a * b,
    np.negative: lambda w, x: -x,
    np.positive: lambda w, x: x,
    np.square: lambda w, x: x * x,
    np.absolute: absolute, np.fabs: absolute, np.sign: sign,
    np.maximum: larger, np.minimum: smaller, np.clip: clip,
}
COMPARISON: dict[Any, Emit] = {  # anything in, bool out
    np.equal: lambda w, a, b: a.same(b),
    np.not_equal: lambda w, a, b: a.differs(b),
    np.less: lambda w, a, b: a < b,
    np.less_equal: lambda w, a, b: a <= b,
    np.greater: lambda w, a, b: a > b,
    np.greater_equal: lambda w, a, b: a >= b,
    np.isnan: lambda w, x: x.is_nan(),
    np.isinf: lambda w, x: w.intrinsic("fabs", x).same(float("inf")),
    np.isfinite: lambda w, x: w.intrinsic("fabs", x) < float("inf"),
    np.signbit: lambda w, x: w.bits(x, "i32" if x.kind == "f32" else "i64") < 0,
    np.logical_not: lambda w, x: truth(x) ^ True,
    np.logical_and: lambda w, a, b: truth(a) & truth(b),
    np.logical_or: lambda w, a, b: truth(a) | truth(b),
    np.logical_xor: lambda w, a, b: truth(a) ^ truth(b),
}
LOGICAL: dict[Any, Emit] = {  # bool in, bool out
    np.bitwise_and: lambda w, a, b: a & b,
    np.bitwise_or: lambda w, a, b: a | b,
    np.bitwise_xor: lambda w, a, b: a ^ b,
    np.invert: lambda w, x: x ^ True,
    np.multiply: lambda w, a, b: a & b,
    np.add: lambda w, a, b: a | b,
    np.maximum: lambda w, a, b: a | b,
    np.minimum: lambda w, a, b: a & b,
}


def computed_in(fn: Any, operands: Sequence[Any], out: Any) -> tuple[str, Emit] | None:
    """Find (the kind that operands are converted to, the form); None where NumPy must do it.

    operands: dtypes, or Python's numbers.
    """
    result = kind_of(out)
    kinds = [kind_of(x) for x in operands if isinstance(x, np.dtype)]
    if result is None or None in kinds:
        return None
    if fn is np.where:
        return (result, where) if operands[0] == np.dtype(bool) else None
    if fn in (operations.astype, np.positive) or fn is primitives.astype:
        if kinds and kinds[0][0] == "f" and result[0] == "i" and result != "i1":  # type: ignore[index]
            return None  # of a NaN, say: NumPy's answer is the C compiler's
        return result, lambda w, x: x
    try:
        common = kind_of(np.result_type(*operands))
    except (TypeError, OverflowError):
        return None
    if fn in LOGICAL and common == result == "i1":
        return "i1", LOGICAL[fn]
    if fn in COMPARISON and result == "i1":
        if fn in (np.isnan, np.isinf, np.isfinite, np.signbit) and (common or "i")[0] != "f":
            return None
        return (common, COMPARISON[fn]) if common else None
    if fn in FLOATING and result[0] == "f":
        return result, FLOATING[fn]
    if fn in ARITHMETIC and result != "i1":
        if result[0] == "i" and common != result:
            return None
        return result, ARITHMETIC[fn]
    return None
