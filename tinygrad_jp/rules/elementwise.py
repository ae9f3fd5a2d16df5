"""Functions of one element each: arithmetic, powers, exponentials, trigonometry, activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..vocabulary.activations import (
    INV_SQRT_2PI,
    SQRT_HALF,
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    relu,
    sigmoid,
    silu,
    softplus,
)
from ..vocabulary.domain import (
    ABOVE_MINUS_ONE,
    ABOVE_ONE,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    Domain,
    call,
)
from ..vocabulary.primitives import astype, erf, log_or_zero, sinc_slope, within
from ..vocabulary.rule import constant, rule, unsupported

LN2, LN10 = math.log(2), math.log(10)

# ── arithmetic ──────────────────────────────────────────────────────────────────────────────────

rule(np.add, lambda g: g, lambda g: g, broadcasts=True, domain=(REAL, REAL), about="a + b")
rule(np.subtract, lambda g: g, lambda g: -g, broadcasts=True, domain=(REAL, REAL), about="a − b")
rule(
    np.multiply,
    lambda g, b: g * b,
    lambda g, a: g * a,
    broadcasts=True, domain=(REAL, REAL), about="a · b",
)
rule(
    np.divide,
    lambda g, b: g / b,
    lambda g, y, b: -g * y / b,
    broadcasts=True, domain=(REAL, NONZERO), about="a / b",
)
rule(np.negative, lambda g: -g, broadcasts=True, domain=(REAL,), about="−x")
rule(np.positive, lambda g: g, broadcasts=True, domain=(REAL,), about="x")
rule(
    np.remainder,
    lambda g: g,
    lambda g, a, b: -g * np.floor(a / b),
    broadcasts=True, about="a − b·⌊a/b⌋",
    samples=lambda s: [call(s(3, domain=Domain(2.1, 2.6)), s(3, domain=Domain(0.9, 1.02)))],
)
rule(
    np.fmod,
    lambda g: g,
    lambda g, a, b: -g * np.trunc(a / b),
    broadcasts=True, about="a − b·trunc(a/b)",
    samples=lambda s: [call(s(3, domain=Domain(-2.6, -2.1)), s(3, domain=Domain(0.9, 1.02)))],
)

rule(log_or_zero, lambda g, x: np.where(x > 0, g / np.where(x > 0, x, 1), 0), broadcasts=True,
     domain=(POSITIVE,), about="log x, or 0 where x ≤ 0")


def power_slope(a: Any, b: Any) -> Any:
    """Give b·aᵇ⁻¹, and 0 for b = 0 also where a is 0; a number b widens no dtype."""
    if isinstance(b, (int, float)):
        return a ** (b - 1) * b if b else np.zeros_like(a)
    return b * np.power(a, np.where(b == 0, 1, b - 1))


rule(
    np.power,
    lambda g, a, b: g * power_slope(a, b),
    lambda g, y, a: g * y * log_or_zero(a),
    broadcasts=True, domain=(POSITIVE, REAL), about="aᵇ",
    alias=(np.pow,) if np.pow is not np.power else (),
)
rule(
    np.float_power,
    lambda g, a, b: g * power_slope(a, b),
    lambda g, y, a: g * y * log_or_zero(a),
    broadcasts=True, domain=(POSITIVE, REAL), about="aᵇ, in float64",
    evaluate=lambda a, b: np.power(a, b),
)
rule(np.square, lambda g, x: g * (x * 2), broadcasts=True, domain=(REAL,), about="x²")
rule(np.sqrt, lambda g, y: g / (y * 2), broadcasts=True, domain=(POSITIVE,), about="√x")
rule(
    np.cbrt, lambda g, y: g / (np.square(y) * 3), broadcasts=True, domain=(NONZERO,), about="∛x"
)
rule(
    np.reciprocal, lambda g, y: -g * np.square(y), broadcasts=True, domain=(NONZERO,), about="1/x"
)
rule(np.absolute, lambda g, x: g * np.sign(x), broadcasts=True, domain=(NONZERO,), about="|x|")
rule(np.fabs, lambda g, x: g * np.sign(x), broadcasts=True, domain=(NONZERO,), about="|x|")
rule(
    np.copysign,
    lambda g, a, y: g * (np.sign(a) * np.sign(y)),
    None,
    broadcasts=True, domain=(NONZERO, NONZERO), about="|a| with the sign of b",
)
rule(
    np.hypot,
    lambda g, y, a: g * (a / y),
    lambda g, y, b: g * (b / y),
    broadcasts=True, domain=(POSITIVE, REAL), about="√(a² + b²)",
)
rule(
    np.maximum,
    lambda g, a, b: g * (a > b) + g * 0.5 * (a == b),
    lambda g, a, b: g * (b > a) + g * 0.5 * (a == b),
    broadcasts=True, about="max(a, b); a tie shares the gradient",
    samples=lambda s: [
        call(s.distinct(2, 3), s(3) * 0.05), call(s.distinct(4), s.distinct(4) + 0.2),
    ],
)
rule(
    np.minimum,
    lambda g, a, b: g * (a < b) + g * 0.5 * (a == b),
    lambda g, a, b: g * (b < a) + g * 0.5 * (a == b),
    broadcasts=True, about="min(a, b); a tie shares the gradient",
    samples=lambda s: [
        call(s.distinct(2, 3), s(3) * 0.05), call(s.distinct(4), s.distinct(4) + 0.2),
    ],
)
rule(
    np.fmax,
    lambda g, a, b: g * ((a > b) | np.isnan(b)) + g * 0.5 * (a == b),
    lambda g, a, b: g * ((b > a) | np.isnan(a)) + g * 0.5 * (a == b),
    broadcasts=True, about="max(a, b), ignoring NaN",
    samples=lambda s: [call(s.distinct(2, 3), s(3) * 0.05)],
)
rule(
    np.fmin,
    lambda g, a, b: g * ((a < b) | np.isnan(b)) + g * 0.5 * (a == b),
    lambda g, a, b: g * ((b < a) | np.isnan(a)) + g * 0.5 * (a == b),
    broadcasts=True, about="min(a, b), ignoring NaN",
    samples=lambda s: [call(s.distinct(2, 3), s(3) * 0.05)],
)

rule(
    np.clip,
    lambda g, a, b, c: g * within(a, b, c),
    lambda g, a, b: g * (a < b),
    lambda g, a, c: g * (a > c),
    broadcasts=True, about="x kept between a minimum and a maximum",
    signature="(a, a_min=None, a_max=None, out=None, *, min=None, max=None)",
    samples=lambda s: [
        call(s.distinct(2, 4), -0.5, 0.9), call(s.distinct(5), None, 0.2),
        call(s.distinct(5), 0.2, None),
        call(s.distinct(2, 3), s(3) * 0.02 - 0.2, s(3) * 0.02 + 0.5),
    ],
)
rule(
    np.where,
    None,
    lambda g, a: np.where(a, g, 0),
    lambda g, a: np.where(a, 0, g),
    broadcasts=True, about="b where a is true, else c",
    signature="(condition, x=None, y=None, /)",
    partial=lambda condition: np.nonzero(condition),
    samples=lambda s: [
        call(s.mask(2, 3), s(2, 3), s(3)), call(s.mask(3), s(2, 3), s()),
        call(s.mask(), s(2), s(2)),
    ],
)

# ── exponentials and logarithms ─────────────────────────────────────────────────────────────────

rule(np.exp, lambda g, y: g * y, broadcasts=True, domain=(REAL,), about="eˣ")
rule(np.expm1, lambda g, y: g * (y + 1), broadcasts=True, domain=(REAL,), about="eˣ − 1")
rule(np.exp2, lambda g, y: g * (y * LN2), broadcasts=True, domain=(REAL,), about="2ˣ")
rule(np.log, lambda g, x: g / x, broadcasts=True, domain=(POSITIVE,), about="log x")
rule(np.log2, lambda g, x: g / (x * LN2), broadcasts=True, domain=(POSITIVE,), about="log₂ x")
rule(np.log10, lambda g, x: g / (x * LN10), broadcasts=True, domain=(POSITIVE,), about="log₁₀ x")
rule(
    np.log1p,
    lambda g, x: g / (x + 1),
    broadcasts=True, domain=(ABOVE_MINUS_ONE,), about="log(1 + x)",
)
rule(
    np.logaddexp,
    lambda g, y, a: g * np.exp(a - y),
    lambda g, y, b: g * np.exp(b - y),
    broadcasts=True, domain=(REAL, REAL), about="log(eᵃ + eᵇ), safe for large a and b",
)
rule(
    np.logaddexp2,
    lambda g, y, a: g * np.exp2(a - y),
    lambda g, y, b: g * np.exp2(b - y),
    broadcasts=True, domain=(REAL, REAL), about="log₂(2ᵃ + 2ᵇ)",
)

# ── trigonometry and its hyperbolic kin ─────────────────────────────────────────────────────────

rule(np.sin, lambda g, x: g * np.cos(x), broadcasts=True, domain=(REAL,), about="sin x")
rule(np.cos, lambda g, x: -g * np.sin(x), broadcasts=True, domain=(REAL,), about="cos x")
rule(
    np.tan,
    lambda g, y: g * (1 + np.square(y)),
    broadcasts=True, domain=(Domain(-1.2, 1.2),), about="tan x",
)
rule(
    np.arcsin,
    lambda g, x: g / np.sqrt(1 - np.square(x)),
    broadcasts=True, domain=(UNIT,), about="sin⁻¹ x",
)
rule(
    np.arccos,
    lambda g, x: -g / np.sqrt(1 - np.square(x)),
    broadcasts=True, domain=(UNIT,), about="cos⁻¹ x",
)
rule(
    np.arctan,
    lambda g, x: g / (1 + np.square(x)),
    broadcasts=True, domain=(REAL,), about="tan⁻¹ x",
)
rule(
    np.arctan2,
    lambda g, a, b: g * (b / (a * a + b * b)),
    lambda g, a, b: g * (-a / (a * a + b * b)),
    broadcasts=True, domain=(NONZERO, POSITIVE), about="the angle of the point (b, a)",
)
rule(np.sinh, lambda g, x: g * np.cosh(x), broadcasts=True, domain=(REAL,), about="sinh x")
rule(np.cosh, lambda g, x: g * np.sinh(x), broadcasts=True, domain=(REAL,), about="cosh x")
rule(np.tanh, lambda g, y: g * (1 - y * y), broadcasts=True, domain=(REAL,), about="tanh x")
rule(
    np.arcsinh,
    lambda g, x: g / np.sqrt(np.square(x) + 1),
    broadcasts=True, domain=(REAL,), about="sinh⁻¹ x",
)
rule(
    np.arccosh,
    lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    broadcasts=True, domain=(ABOVE_ONE,), about="cosh⁻¹ x",
)
rule(
    np.arctanh,
    lambda g, x: g / (1 - np.square(x)),
    broadcasts=True, domain=(UNIT,), about="tanh⁻¹ x",
)
rule(
    np.deg2rad,
    lambda g: g * (math.pi / 180),
    broadcasts=True, domain=(REAL,), about="degrees → radians", alias=(np.radians,),
)
rule(
    np.rad2deg,
    lambda g: g * (180 / math.pi),
    broadcasts=True, domain=(REAL,), about="radians → degrees", alias=(np.degrees,),
)
rule(
    np.sinc,
    lambda g, y, x: g * sinc_slope(x),
    broadcasts=True, domain=(Domain(-2.9, 2.9),), about="sin(πx) / πx",
)

rule(
    sinc_slope,
    lambda g, x, order=1: g * sinc_slope(x, order + 1),
    broadcasts=True, domain=(Domain(-2.9, 2.9),), about="derivatives of sinc",
)
rule(
    erf,
    lambda g, x: g * (np.exp(-np.square(x)) * (2 / math.sqrt(math.pi))),
    broadcasts=True, domain=(REAL,), about="the error function",
)

# ── activations with a form of their own, safer or faster than the formula ──────────────────────

rule(
    sigmoid,
    lambda g, y: g * (y * (1 - y)),
    broadcasts=True, domain=(REAL,), about="1 / (1 + e⁻ˣ)",
)

rule(log_sigmoid, lambda g, x: g * sigmoid(-x), broadcasts=True, domain=(REAL,), about="log σ(x)")

rule(
    relu,
    lambda g, y: g * (y > 0),
    broadcasts=True, domain=(NONZERO,), about="max(x, 0); slope 0 at 0",
)

rule(
    leaky_relu,
    lambda g, x, slope: np.where(x > 0, g, g * slope),
    broadcasts=True, about="x, or slope·x below 0",
    samples=lambda s: [call(s(2, 3, domain=NONZERO), 0.1), call(s(domain=NONZERO), 0.01)],
)

rule(
    elu,
    lambda g, x, alpha: g * np.where(x > 0, 1, np.exp(np.minimum(x, 0)) * alpha),
    broadcasts=True, about="x, or α (eˣ − 1) below 0",
    samples=lambda s: [call(s(2, 3, domain=NONZERO), 1.0), call(s(3, domain=NONZERO), 0.7)],
)

rule(
    softplus,
    lambda g, x, beta, threshold: g * np.where(x * beta > threshold, 1, sigmoid(x * beta)),
    broadcasts=True, about="log(1 + eˣ)",
    samples=lambda s: [call(s(2, 3), 1.0, 20.0), call(s(3), 2.0, 20.0)],
)

rule(
    silu,
    lambda g, x: g * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    broadcasts=True, domain=(REAL,), about="x · σ(x)",
)

rule(
    gelu,
    lambda g, x: g * (
        erf(x * SQRT_HALF) * 0.5 + 0.5 + x * np.exp(np.square(x) * -0.5) * INV_SQRT_2PI
    ),
    broadcasts=True, domain=(REAL,), about="x · Φ(x)",
)

# ── changes of dtype; complex parts of real arrays ──────────────────────────────────────────────

rule(
    astype,
    lambda g, x, dtype: astype(g, x.dtype),
    broadcasts=False, about="the same values in another dtype",
    samples=lambda s: [call(s(2, 3), s.dtype)],
)
rule(np.conjugate, lambda g: g, broadcasts=True, domain=(REAL,), about="x (of real numbers)")
rule(np.real, lambda g: g, domain=(REAL,), about="x (of real numbers)")
rule(np.real_if_close, lambda g: g, domain=(REAL,), about="x (of real numbers)")
rule(
    np.nan_to_num,
    lambda g, x, nan=0.0, posinf=None, neginf=None: g * np.isfinite(x),
    about="NaN → 0, infinities → the largest numbers",
    evaluate=lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    samples=lambda s: [call(s(2, 3))],
)
rule(
    np.ldexp,
    lambda g, b: np.ldexp(g, b),
    None,
    broadcasts=True, about="a · 2ᵇ for an integer b",
    samples=lambda s: [call(s(2, 3), s.integers(4, 3))],
)

# ── no slope anywhere it is defined ─────────────────────────────────────────────────────────────

constant(
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.floor_divide,
    np.heaviside, np.signbit, np.spacing, np.nextafter,
    about="piecewise constant: the derivative is 0 wherever there is one",
)
constant(
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isinf,
    np.isfinite, np.isneginf, np.isposinf, np.isreal, np.iscomplex, np.isnat, within,
    about="true or false",
)
constant(
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift,
    np.bitwise_count, np.gcd, np.lcm,
    about="on integers",
)
unsupported(
    "結果が2つあり、片方は定数です。np.floor_divide、np.remainder、np.trunc を使ってください。",
    "it gives two results of which one is constant. Use np.floor_divide, np.remainder, np.trunc.",
    np.divmod, np.modf, np.frexp,
)
