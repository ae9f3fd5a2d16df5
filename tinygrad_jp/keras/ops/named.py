"""Functions that are NumPy's own, name and arguments alike, taken on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ...autograd import functions as tj
from ...autograd.arguments import tensor_of
from ..symbolic import recordable

allclose = recordable(tj.allclose)
bincount = recordable(tj.bincount)
bitwise_and = recordable(tj.bitwise_and)
bitwise_not = bitwise_invert = recordable(tj.bitwise_not, "bitwise_not")
bitwise_or = recordable(tj.bitwise_or)
bitwise_xor = recordable(tj.bitwise_xor)
fabs = recordable(tj.fabs)
fliplr = recordable(tj.fliplr)
flipud = recordable(tj.flipud)
kron = recordable(tj.kron)
nextafter = recordable(tj.nextafter)
nonzero = recordable(tj.where, "nonzero")


def _numpy(fn: Callable[..., Any], about: str) -> Callable[..., Any]:
    """Make NumPy's function take whatever can be made a Tensor first."""

    @wraps(fn)
    def on_tensors(x: Any, *args: Any, **kwargs: Any) -> Any:
        many = isinstance(x, (list, tuple)) and any(hasattr(part, "shape") for part in x)
        return fn([tensor_of(part) for part in x] if many else tensor_of(x), *args, **kwargs)

    on_tensors.__doc__ = f"Give {about}: np.{fn.__name__}."
    return recordable(on_tensors)


array_split = _numpy(np.array_split, "parts of nearly equal length")
corrcoef = _numpy(np.corrcoef, "the correlations of rows")
diagflat = _numpy(np.diagflat, "a matrix with these on a diagonal")
diff = _numpy(np.diff, "the differences of neighbours")
digitize = _numpy(np.digitize, "which bin each element falls in")
dsplit = _numpy(np.dsplit, "parts along the third axis")
dstack = _numpy(np.dstack, "all joined along the third axis")
gcd = _numpy(np.gcd, "the greatest common divisor")
hsplit = _numpy(np.hsplit, "parts along the second axis")
isin = _numpy(np.isin, "whether each element is among others")
lcm = _numpy(np.lcm, "the least common multiple")
nanargmax = _numpy(np.nanargmax, "the place of the largest element that is no NaN")
nanargmin = _numpy(np.nanargmin, "the place of the smallest element that is no NaN")
nancumsum = _numpy(np.nancumsum, "running totals in which NaN counts 0")
nanmax = _numpy(np.nanmax, "the largest element that is no NaN")
nanmean = _numpy(np.nanmean, "the mean of what is no NaN")
nanmedian = _numpy(np.nanmedian, "the median of what is no NaN")
nanmin = _numpy(np.nanmin, "the smallest element that is no NaN")
nanprod = _numpy(np.nanprod, "the product of what is no NaN")
nanstd = _numpy(np.nanstd, "the standard deviation of what is no NaN")
nansum = _numpy(np.nansum, "the sum of what is no NaN")
nanvar = _numpy(np.nanvar, "the variance of what is no NaN")
percentile = _numpy(np.percentile, "percentiles")
ptp = _numpy(np.ptp, "the largest less the smallest element")
quantile = _numpy(np.quantile, "quantiles")
rot90 = _numpy(np.rot90, "a matrix turned by right angles")
trapezoid = _numpy(np.trapezoid, "the integral by the trapezoidal rule")
vander = _numpy(np.vander, "the powers of elements, as columns")
vsplit = _numpy(np.vsplit, "parts along the first axis")
