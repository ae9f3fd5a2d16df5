"""Functions that a CPU has no instruction for, as arithmetic on all lanes at once.

Polynomials and their ranges: S. Moshier, Cephes (1989 to 2000). Largest errors are measured by
tests/unit/program/test_native_mathematics.py: at most 3 ulp in float32, 4 in float64. NaN, the
infinities, zeros, overflow and denormal results are as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .kinds import mangled
from .registers import Reg, Writer

Function = Callable[[Writer, Reg], Reg]


def polynomial(x: Reg, factors: Sequence[float]) -> Reg:
    """Evaluate a polynomial by Horner's scheme, highest power first."""
    y = x * factors[0] + factors[1]
    for c in factors[2:]:
        y = y * x + c
    return y


def monic(x: Reg, factors: Sequence[float]) -> Reg:
    """Evaluate a polynomial whose first factor, 1, is left out."""
    y = x + factors[0]
    for c in factors[1:]:
        y = y * x + c
    return y


def halve(w: Writer, x: Reg, low: float, high: float) -> tuple[Reg, Reg]:
    """Write x as n·log 2 + r: (n as an integer, r), |r| ≤ log 2 / 2; x is held within bounds."""
    single = x.kind == "f32"
    x = w.select(x > high, high, x)
    x = w.select(x < low, low, x)
    # adding 1.5 · 2^mantissa leaves the rounded integer in the low bits: no conversion of a NaN
    magic = 12582912.0 if single else 6755399441055744.0
    shifted = x * math.log2(math.e) + magic
    whole = "i32" if single else "i64"
    n = w.bits(shifted, whole) - (0x4B400000 if single else 0x4338000000000000)
    count = shifted - magic
    if single:
        r = x - count * 0.693359375
        return n, r - count * -2.12194440e-4
    r = x - count * 6.93145751953125e-1
    return n, r - count * 1.42860682030941723212e-6


def power_of_two(w: Writer, n: Reg) -> Reg:
    """Give 2ⁿ for an integer n whose result is normal."""
    if n.kind == "i32":
        return w.bits((n + 127) << 23, "f32")
    return w.bits((n + 1023) << 52, "f64")


EXP32 = (
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1,
)
EXP64_P = (1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
EXP64_Q = (
    3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1,
    2.00000000000000000005,
)


def expm1_near(w: Writer, r: Reg) -> Reg:
    """Give eʳ − 1 for |r| ≤ log 2 / 2."""
    if r.kind == "f32":
        return polynomial(r, EXP32) * (r * r) + r
    square = r * r
    p = r * polynomial(square, EXP64_P)
    return p / (polynomial(square, EXP64_Q) - p) * 2


def exp(w: Writer, x: Reg) -> Reg:
    """Give eˣ; the power of two comes in two steps, so that denormal results are right."""
    n, r = halve(w, x, *((-104.0, 89.0) if x.kind == "f32" else (-746.0, 710.0)))
    y = expm1_near(w, r) + 1
    first = n >> 1
    return y * power_of_two(w, first) * power_of_two(w, n - first)


def expm1(w: Writer, x: Reg) -> Reg:
    """Give eˣ − 1, exact for small x."""
    # −0 stays −0: for small |x|, x itself goes through
    n, r = halve(w, x, *((-20.0, 88.8) if x.kind == "f32" else (-40.0, 709.79)))
    first = n >> 1
    a, b = power_of_two(w, first), power_of_two(w, n - first)
    # 2ⁿ·p + (2ⁿ − 1), scaled in two steps lest 2ⁿ overflow before its time
    y = (expm1_near(w, r) * a + (a - power_of_two(w, first - n))) * b
    return w.select(w.intrinsic("fabs", x) < 1e-18, x, y)


LOG32 = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)
LOG64_P = (
    1.01875663804580931796e-4, 4.97494994976747001425e-1, 4.70579119878881725854,
    1.44989225341610930846e1, 1.79368678507819816313e1, 7.70838733755885391666,
)
LOG64_Q = (
    1.12873587189167450590e1, 4.52279145837532221105e1, 8.29875266912776603211e1,
    7.11544750618563894466e1, 2.31251620126765340583e1,
)


def log(w: Writer, x: Reg) -> Reg:
    """Give log x; −∞ at 0, NaN below; denormals are scaled up first."""
    single = x.kind == "f32"
    tiny = x < (2.0**-126 if single else 2.0**-1022)
    scaled = w.select(tiny, x * (2.0**23 if single else 2.0**52), x)
    # take the exponent off such that the rest lies in √½ … √2
    whole, half = ("i32", 0x3F3504F3) if single else ("i64", 0x3FE6A09E667F3BCD)
    places = 23 if single else 52
    bits = w.bits(scaled, whole)
    e = (bits - half) >> places
    m = w.bits(bits - (e << places), x.kind) - 1
    count = w.cast(e, x.kind) - w.select(tiny, x.like(float(places)), 0.0)
    z = m * m
    if single:
        y = polynomial(m, LOG32) * m * z
        y = y + count * -2.12194440e-4
        y = m + (y - z * 0.5) + count * 0.693359375
    else:
        y = m * (z * polynomial(m, LOG64_P) / monic(m, LOG64_Q))
        y = y - count * 2.121944400546905827679e-4
        y = m + (y - z * 0.5) + count * 0.693359375
    y = w.select(x.same(math.inf), math.inf, y)
    y = w.select(x.same(0.0), -math.inf, y)
    return w.select(x.compare("ult", "slt", 0.0), math.nan, y)  # NaN as well


def log1p(w: Writer, x: Reg) -> Reg:
    """Give log(1 + x): the rounding of 1 + x is made good (Kahan)."""
    u = x + 1
    d = u - 1
    plain = log(w, u)
    y = w.select(d.same(0.0), x, plain * (x / d))
    return w.select(x.same(math.inf) | u.same(0.0), plain, y)


def tanh(w: Writer, x: Reg) -> Reg:
    """Give tanh x as t / (t + 2) with t = e^2|x| − 1."""
    a = w.intrinsic("fabs", x)
    top = 10.0 if x.kind == "f32" else 20.0
    a = w.select(a > top, top, a)
    n, r = halve(w, a * 2, 0.0, 2 * top)
    scale = power_of_two(w, n)
    t = expm1_near(w, r) * scale + (scale - 1)
    return w.intrinsic("copysign", t / (t + 2), x)


ERF32 = (
    7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
    1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710,
)
ERFC32_NEAR = (
    2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1,
    6.210004621745983e-1, -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1,
    5.638259427386472e-1,
)
ERFC32_FAR = (
    -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786,
    -1.015265279202700, 4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
)


def erf(w: Writer, x: Reg) -> Reg:
    """Give the error function of float32: a polynomial up to 1, beyond 1 − erfc."""
    a = w.intrinsic("fabs", x)
    near = x * polynomial(x * x, ERF32)
    q = 1 / a
    z = q * q
    y = w.select(a < 2.0, polynomial(z, ERFC32_NEAR), polynomial(z, ERFC32_FAR))
    held = w.select(a > 10.0, 10.0, a)
    far = 1 - exp(w, -(held * held)) * q * y
    return w.select(a > 1.0, w.intrinsic("copysign", far, x), near)


FUNCTIONS: dict[str, Function] = {
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "erf": erf,
}


def define(name: str, kind: str, lanes: int) -> tuple[str, set[str]]:
    """Write a function out: (its text, the declarations that it needs)."""
    w = Writer(fused=True)
    x = Reg(w, "%x", kind, lanes)
    y = FUNCTIONS[name](w, x)
    head = f"define internal {x.type} @tj.{name}.{mangled(kind, lanes)}({x.type} %x) alwaysinline"
    return "\n".join([f"{head} {{", *w.lines, f"  ret {y.type} {y.text}", "}"]), w.declared
