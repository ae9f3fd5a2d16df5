"""Compare what a replay made with what the recorded call made, in little memory."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
PIECE = 1 << 16  # elements that are compared at once


def alike(got: Array, wanted: Array, step: float = 0.0, near: float = 0.0) -> bool:
    """Tell whether two arrays agree to rounding, as sums in another order do, or to a step.

    near: how large the numbers are that they were made of, beside their own size.
    """
    if got.dtype.kind != "f":
        return bool(np.array_equal(got, wanted))
    if got.shape != wanted.shape:
        return False
    gap = scale = 0.0
    with np.errstate(all="ignore"):
        for g, w in pieces(got, wanted):
            finite = np.isfinite(w)
            if not finite.all():
                rest = ~finite
                if not np.array_equal(g[rest], w[rest], equal_nan=True):
                    return False
            if np.isnan(g).any() and not np.array_equal(np.isnan(g), np.isnan(w)):
                return False
            scale = max(scale, float(np.abs(w[finite]).max(initial=0.0)))
            gap = max(gap, apart(g, w))
    loose = {2: 3e-2, 4: 1e-3}.get(wanted.dtype.itemsize, 1e-7)
    return gap <= loose * (scale + near + loose) + step


def difference(got: Array, wanted: Array) -> float:
    """Give the largest difference of finite elements."""
    with np.errstate(all="ignore"):
        return max((apart(g, w) for g, w in pieces(got, wanted)), default=0.0)


def apart(got: Array, wanted: Array) -> float:
    """Give the largest difference of finite elements of a piece."""
    gap = np.abs(got.astype(np.float64) - wanted)
    return float(gap.max(initial=0.0, where=np.isfinite(got) & np.isfinite(wanted)))


def largest(array: Array) -> float:
    """Give the largest size of an element; NaN if one is NaN."""
    found = [float(np.abs(x).max(initial=0)) for x in pieces(array)]
    return float(np.max(found, initial=0.0))


def pieces(*arrays: Array) -> Any:
    """Show arrays of one shape piece by piece: what is computed of a piece takes little memory."""
    return np.nditer(
        arrays, ["external_loop", "buffered", "zerosize_ok"], order="K", buffersize=PIECE
    )


def nothing_in(array: Array) -> bool:
    """Tell whether an array is of zeros, all its bits: what fresh memory holds."""
    size = array.itemsize
    return array.dtype.kind in "fiu" and size in (2, 4, 8) and not array.view(f"u{size}").any()
