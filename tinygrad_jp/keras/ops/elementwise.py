"""Functions of one element each, and comparisons."""

from __future__ import annotations

from typing import Any

from ...autograd import functions as tj
from ...autograd.arguments import array_of, constant, tensor_of
from ...autograd.tensor import Tensor
from ..symbolic import recordable

abs = recordable(tj.abs, "abs")
absolute = recordable(tj.absolute)
add = recordable(tj.add)
arccos = recordable(tj.arccos)
arccosh = recordable(tj.arccosh)
arcsin = recordable(tj.arcsin)
arcsinh = recordable(tj.arcsinh)
arctan = recordable(tj.arctan)
arctan2 = recordable(tj.arctan2)
arctanh = recordable(tj.arctanh)
cbrt = recordable(tj.cbrt)
ceil = recordable(tj.ceil)
cos = recordable(tj.cos)
cosh = recordable(tj.cosh)
deg2rad = recordable(tj.deg2rad)
divide = recordable(tj.divide)
equal = recordable(tj.eq)
erf = recordable(tj.erf)
erfc = recordable(tj.erfc)
exp = recordable(tj.exp)
exp2 = recordable(tj.exp2)
expm1 = recordable(tj.expm1)
floor = recordable(tj.floor)
floor_divide = recordable(tj.floor_divide)
fmax = recordable(tj.fmax)
fmin = recordable(tj.fmin)
fmod = recordable(tj.fmod)
greater = recordable(tj.greater)
greater_equal = recordable(tj.greater_equal)
heaviside = recordable(tj.heaviside)
hypot = recordable(tj.hypot)
isclose = recordable(tj.isclose)
isfinite = recordable(tj.isfinite)
isinf = recordable(tj.isinf)
isnan = recordable(tj.isnan)
isneginf = recordable(tj.isneginf)
isposinf = recordable(tj.isposinf)
less = recordable(tj.less)
less_equal = recordable(tj.less_equal)
log = recordable(tj.log)
log10 = recordable(tj.log10)
log1p = recordable(tj.log1p)
log2 = recordable(tj.log2)
logaddexp = recordable(tj.logaddexp)
logaddexp2 = recordable(tj.logaddexp2)
logical_and = recordable(tj.logical_and)
logical_not = recordable(tj.logical_not)
logical_or = recordable(tj.logical_or)
logical_xor = recordable(tj.logical_xor)
maximum = recordable(tj.maximum)
minimum = recordable(tj.minimum)
mod = recordable(tj.remainder, "mod")
multiply = recordable(tj.multiply)
nan_to_num = recordable(tj.nan_to_num)
negative = recordable(tj.negative)
not_equal = recordable(tj.not_equal)
power = recordable(tj.power)
rad2deg = recordable(tj.rad2deg)
reciprocal = recordable(tj.reciprocal)
round = recordable(tj.round)
rsqrt = recordable(tj.rsqrt)
sign = recordable(tj.sign)
signbit = recordable(tj.signbit)
sin = recordable(tj.sin)
sinc = recordable(tj.sinc)
sinh = recordable(tj.sinh)
sqrt = recordable(tj.sqrt)
square = recordable(tj.square)
subtract = recordable(tj.subtract, "subtract")
tan = recordable(tj.tan)
true_divide = recordable(tj.true_divide, "true_divide")
trunc = recordable(tj.trunc)


@recordable
def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """Give x1 / x2, and 0 where x2 is 0."""
    b = tensor_of(x2)
    zero = constant(array_of(b) == 0)
    return tj.where(zero, 0.0, tj.divide(x1, tj.where(zero, 1.0, b)))  # type: ignore[no-any-return]


@recordable
def clip(x: Any, x_min: Any = None, x_max: Any = None) -> Tensor:
    """Keep x between x_min and x_max."""
    return tj.clip(x, x_min, x_max)


@recordable
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Take x1 where the condition holds, else x2; of the condition alone, where it holds."""
    return tj.where(condition) if x1 is None and x2 is None else tj.where(condition, x1, x2)
