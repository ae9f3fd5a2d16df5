"""Functions of one element each, under PyTorch's names and NumPy's."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from ..vocabulary.primitives import erf as erf_primitive
from .arguments import array_of, choice, constant, tensor_of
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

# ── arithmetic ──────────────────────────────────────────────────────────────────────────────────

_add, _subtract, _reciprocal = op(np.add), op(np.subtract), op(np.reciprocal)
mul = multiply = op(np.multiply)
divide = true_divide = op(np.divide)
floor_divide = op(np.floor_divide)
remainder = op(np.remainder)
fmod = op(np.fmod)
neg = negative = op(np.negative)
positive = op(np.positive)
pow = power = op(np.power)
float_power = op(np.float_power)
square = op(np.square)
sqrt = op(np.sqrt)
cbrt = op(np.cbrt)
abs = absolute = op(np.absolute)
fabs = op(np.fabs)
copysign = op(np.copysign)
hypot = op(np.hypot)
maximum = op(np.maximum)
minimum = op(np.minimum)
fmax = op(np.fmax)
fmin = op(np.fmin)
nan_to_num = op(np.nan_to_num)


def add(x: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Give x + alpha · other."""
    return _add(x, other if alpha == 1 else mul(other, alpha))


def sub(x: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Give x − alpha · other."""
    return _subtract(x, other if alpha == 1 else mul(other, alpha))


subtract = sub


def div(x: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide; rounding_mode "floor" or "trunc" rounds the quotient (then without a gradient)."""
    choice("div", "rounding_mode", rounding_mode, (None, "floor", "trunc"))
    if rounding_mode is None:
        return divide(x, other)
    if rounding_mode == "floor":
        return floor_divide(x, other)
    a, b = array_of(x), array_of(other)
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        return constant((a - np.fmod(a, b)) // b)
    return trunc(divide(x, other))


def reciprocal(x: Any) -> Tensor:
    """Give 1 / x; of integers too, as a floating point number (np.reciprocal gives 0)."""
    x = tensor_of(x)
    return divide(1, x) if x.dtype.kind in "biu" else _reciprocal(x)


def rsqrt(x: Any) -> Tensor:
    """Give 1 / √x."""
    return reciprocal(sqrt(x))


def lerp(start: Any, end: Any, weight: Any) -> Tensor:
    """Go from start to end: start + weight · (end − start)."""
    start = tensor_of(start)
    return start + (end - start) * weight  # type: ignore[no-any-return]


def addcmul(x: Any, a: Any, b: Any, *, value: float = 1) -> Tensor:
    """Give x + value · a · b."""
    return tensor_of(x) + mul(a, b) * value


def addcdiv(x: Any, a: Any, b: Any, *, value: float = 1) -> Tensor:
    """Give x + value · a / b."""
    return tensor_of(x) + divide(a, b) * value


def clip(
    x: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None
) -> Tensor:
    """Keep x between min and max: numbers or Tensors that broadcast; None is no bound.

    The gradient is that of x inside, bounds included, and that of the bound outside.
    """
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is None and high is None:
        raise ArgumentError("clip_bounds")
    return _clip(x, low, high)


_clip = op(np.clip)
clamp = clip


def clamp_min(x: Any, min: Any) -> Tensor:
    """Keep x at or above min."""
    return clip(x, min)


def clamp_max(x: Any, max: Any) -> Tensor:
    """Keep x at or below max."""
    return clip(x, None, max)


def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Take x where the condition holds, else y; with the condition alone, say where it holds.

    where(condition) gives one Tensor of indices per axis.
    """
    if x is None and y is None:
        return tuple(map(constant, np.nonzero(array_of(condition))))
    if x is None or y is None:
        raise ArgumentError("where_two")
    return _where(condition, x, y)


_where = op(np.where)

# ── exponentials and logarithms ─────────────────────────────────────────────────────────────────

exp = op(np.exp)
exp2 = op(np.exp2)
expm1 = op(np.expm1)
log = op(np.log)
log2 = op(np.log2)
log10 = op(np.log10)
log1p = op(np.log1p)
logaddexp = op(np.logaddexp)
logaddexp2 = op(np.logaddexp2)


def xlogy(x: Any, y: Any) -> Tensor:
    """Give x · log y, and 0 where x is 0, whatever y is unless NaN."""
    x, y = tensor_of(x), tensor_of(y)
    silent = constant((x._data == 0) & (y._data <= 0))  # where log y would be −∞ or NaN
    return mul(x, log(_where(silent, 1.0, y)))


def logit(x: Any, eps: float | None = None) -> Tensor:
    """Give log(x / (1 − x)), the inverse of sigmoid; eps keeps x within [eps, 1 − eps]."""
    x = tensor_of(x) if eps is None else clip(x, eps, 1 - eps)
    return log(x / (1 - x))


# ── trigonometry and its hyperbolic kin ─────────────────────────────────────────────────────────

sin = op(np.sin)
cos = op(np.cos)
tan = op(np.tan)
asin = arcsin = op(np.arcsin)
acos = arccos = op(np.arccos)
atan = arctan = op(np.arctan)
atan2 = arctan2 = op(np.arctan2)
sinh = op(np.sinh)
cosh = op(np.cosh)
tanh = op(np.tanh)
asinh = arcsinh = op(np.arcsinh)
acosh = arccosh = op(np.arccosh)
atanh = arctanh = op(np.arctanh)
deg2rad = radians = op(np.deg2rad)
rad2deg = degrees = op(np.rad2deg)
sinc = op(np.sinc)
erf = op(erf_primitive)


def erfc(x: Any) -> Tensor:
    """Give 1 − erf x."""
    return 1 - erf(x)


# ── rounding; no gradient ───────────────────────────────────────────────────────────────────────

sign = sgn = op(np.sign)
floor = op(np.floor)
ceil = op(np.ceil)
trunc = fix = op(np.trunc)
heaviside = op(np.heaviside)
signbit = op(np.signbit)
nextafter = op(np.nextafter)


def round(x: Any, decimals: int = 0) -> Tensor:
    """Round to a number of decimals, halves to even."""
    return constant(np.round(tensor_of(x)._data, decimals))


def frac(x: Any) -> Tensor:
    """Give the part of x after the point: x − trunc(x)."""
    return subtract(x, trunc(x))


# ── comparisons and logic; no gradient ──────────────────────────────────────────────────────────

eq = op(np.equal)
ne = not_equal = op(np.not_equal)
lt = less = op(np.less)
le = less_equal = op(np.less_equal)
gt = greater = op(np.greater)
ge = greater_equal = op(np.greater_equal)
isnan = op(np.isnan)
isinf = op(np.isinf)
isfinite = op(np.isfinite)
isposinf = op(np.isposinf)
isneginf = op(np.isneginf)
isclose = op(np.isclose)
logical_and = op(np.logical_and)
logical_or = op(np.logical_or)
logical_xor = op(np.logical_xor)
logical_not = op(np.logical_not)
bitwise_and = op(np.bitwise_and)
bitwise_or = op(np.bitwise_or)
bitwise_xor = op(np.bitwise_xor)
bitwise_not = op(np.invert)


def equal(x: Any, other: Any) -> builtins.bool:
    """Tell whether two Tensors have the same shape and elements (elementwise: x == other)."""
    return builtins.bool(np.array_equal(array_of(x), array_of(other)))


def allclose(
    x: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: builtins.bool = False
) -> builtins.bool:
    """Tell whether all elements agree within atol + rtol · |other|."""
    return builtins.bool(np.allclose(array_of(x), array_of(other), rtol, atol, equal_nan))


__all__ = [
    "abs", "absolute", "acos", "acosh", "add", "addcdiv", "addcmul", "allclose", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan",
    "atan2", "atanh", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "cbrt", "ceil",
    "clamp", "clamp_max", "clamp_min", "clip", "copysign", "cos", "cosh", "deg2rad", "degrees",
    "div", "divide", "eq", "equal", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "fix",
    "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frac", "ge", "greater",
    "greater_equal", "gt", "heaviside", "hypot", "isclose", "isfinite", "isinf", "isnan",
    "isneginf", "isposinf", "le", "lerp", "less", "less_equal", "log", "log1p", "log2", "log10",
    "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor",
    "logit", "lt", "maximum", "minimum", "mul", "multiply", "nan_to_num", "ne", "neg",
    "negative", "nextafter", "not_equal", "positive", "pow", "power", "rad2deg", "radians",
    "reciprocal", "remainder", "round", "rsqrt", "sgn", "sign", "signbit", "sin", "sinc",
    "sinh", "sqrt", "square", "sub", "subtract", "tan", "tanh", "true_divide", "trunc", "where",
    "xlogy",
]
