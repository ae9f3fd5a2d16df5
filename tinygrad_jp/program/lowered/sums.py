"""Reductions."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ...vocabulary.rule import Function
from ..trace import LOWERED, reduced
from .entering import lowers

Array = Any

def _lower_reductions() -> None:
    for fn in (np.sum, np.prod, np.max, np.amax, np.min, np.amin, np.any, np.all):
        LOWERED[cast(Function, fn)] = _reduction(cast(Function, fn))


def _reduction(fn: Function) -> Function:
    kind = {np.amax: np.max, np.amin: np.min}.get(fn, fn)

    def reduction(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        **more: Any,
    ) -> Any:
        """Reduce along axes."""
        if kind not in (np.sum, np.prod):  # these take no dtype: the third is `out`
            dtype = None
        return reduced(kind, a, axis, keepdims is True, dtype)

    return reduction


_lower_reductions()


@lowers(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
) -> Any:
    """Average; half precision is summed in float32."""
    wide = a.astype(np.float32) if a.dtype == np.float16 else a
    if a.dtype.kind in "biu":
        wide = a.astype(np.float64)
    total = reduced(np.sum, wide, axis, keepdims is True, dtype)
    made = total / (wide.size // (total.size or 1))
    return made.astype(a.dtype) if a.dtype == np.float16 else made


@lowers(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, mean: Any = None, correction: Any = None, **more: Any,
) -> Any:
    """Average the squared distances from the mean."""
    wide = a.astype(np.float32) if a.dtype == np.float16 else a
    middle = LOWERED[np.mean](wide, axis, keepdims=True)
    d = wide - middle
    total = reduced(np.sum, d * d, axis, keepdims is True)
    free = ddof if correction is None else correction
    made = total / max(wide.size // (middle.size or 1) - free, 0)
    return made.astype(a.dtype) if a.dtype == np.float16 else made


@lowers(np.std)
def std(a: Any, *args: Any, **kwargs: Any) -> Any:
    """Give the root of the variance."""
    return np.sqrt(var(a, *args, **kwargs))
