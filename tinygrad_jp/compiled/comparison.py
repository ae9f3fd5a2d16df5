"""Compare what a replay made with what the recorded call made, in little memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

Array = Any
PIECE = 1 << 16  # elements that are compared at once
LOOSE = {2: 3e-2, 4: 1e-3}  # of a dtype's bytes: what sums in another order may make of a number


@dataclass(slots=True)
class Gap:
    """How far two arrays are apart that should be alike, gathered piece by piece.

    same: NaN and the infinities are where they should be, and what is no float is equal.
    apart: the largest difference.  scale: the largest size.  moved: how far the values came.
    """

    bytes: int
    same: bool = True
    apart: float = 0.0
    scale: float = 0.0
    moved: float = 0.0
    is_finite: bool = True

    def add(self, got: Array, wanted: Array, before: Array | None = None) -> None:
        """Look at a piece. before: what was there before the call, where that matters."""
        if wanted.dtype.kind != "f":
            self.same = self.same and np.array_equal(got, wanted)
            self.scale = max(self.scale, float(np.abs(wanted).max(initial=0)))
            return
        scale = float(np.abs(wanted).max(initial=0.0))
        apart = plain_difference(got, wanted)
        if not (isfinite(scale) and isfinite(apart)):
            finite = np.isfinite(wanted)
            rest = ~finite
            self.is_finite = self.is_finite and not rest.any()
            self.same = (
                self.same and np.array_equal(got[rest], wanted[rest], equal_nan=True)
                and np.array_equal(np.isnan(got), np.isnan(wanted))
            )
            scale = float(np.abs(wanted[finite]).max(initial=0.0))
            apart = difference(got, wanted)
        self.scale = max(self.scale, scale)
        self.apart = max(self.apart, apart)
        if before is not None:
            self.moved = max(self.moved, difference(before, wanted))

    def is_small(self, step: float = 0.0, near: float = 0.0) -> bool:
        """Tell whether the arrays agree to rounding, as sums in another order do, or to a step.

        near: how large the numbers are that they were made of, beside their own size.
        """
        loose = LOOSE.get(self.bytes, 1e-7)
        return self.same and self.apart <= loose * (self.scale + near + loose) + step


def gap(got: Array, wanted: Array, before: Array | None = None) -> Gap:
    """Compare two arrays."""
    found = Gap(wanted.dtype.itemsize, same=got.shape == wanted.shape)
    if found.same:
        arrays = [got, wanted] if before is None else [got, wanted, before]
        with np.errstate(all="ignore"):
            for pieces in np.nditer(
                arrays, ["external_loop", "buffered", "zerosize_ok"], order="K", buffersize=PIECE
            ):
                found.add(*pieces)
    return found


def plain_difference(got: Array, wanted: Array) -> float:
    """Give the largest difference; no finite number where an element is none."""
    apart = np.subtract(got, wanted, dtype=np.result_type(wanted, np.float32))
    return float(np.abs(apart, out=apart).max(initial=0.0))


def difference(got: Array, wanted: Array) -> float:
    """Give the largest difference of finite elements."""
    apart = plain_difference(got, wanted)
    if isfinite(apart):
        return apart
    both = np.isfinite(got) & np.isfinite(wanted)
    return float(np.abs(got.astype(np.float64) - wanted).max(initial=0.0, where=both))


def nothing_in(array: Array) -> bool:
    """Tell whether an array is of zeros, all its bits: what fresh memory holds."""
    size = array.itemsize
    return array.dtype.kind in "fiu" and size in (2, 4, 8) and not array.view(f"u{size}").any()
