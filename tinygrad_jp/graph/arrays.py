"""Arrays as JSON: short ones number by number, others in binary, big ones with statistics.

The same array is written once, however often it is shown. NaN and the infinities, which JSON does
not have, are written as the texts "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

Array = Any
Record = dict[str, Any]

FEW = 24  # elements that are written as numbers
SMALL = 256  # elements that need no statistics beside them
BIG = 262_144  # elements above which an array is not written out at all
BUDGET = 8_000_000  # elements · 4 bytes: of all that is written in binary
BINS = 24  # of a histogram


class Arrays:
    """A list of arrays, each once.

    records  what is written: {"s": shape} and "d": numbers, or "b": base64 of float32 ("w": 8 of
             float64); of big ones also "m": mean, "v": standard deviation, "l": lowest,
             "h": highest, "z": zeros, "n": not finite, "g": histogram between lowest and highest,
             and no "b" beyond the budget
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._places: dict[tuple[Any, ...], int] = {}
        self._left = BUDGET

    def add(self, array: Any) -> int | None:
        """Give the place of an array in the list; None for what is no array of numbers."""
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            return None
        key = (array.dtype.str, array.shape, array.tobytes())
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.records)
            self.records.append(self._record(array))
        return place

    def _record(self, array: Array) -> Record:
        record: Record = {"s": list(array.shape)}
        if array.size <= FEW:
            return record | {"d": [plain(v) for v in array.ravel()]}
        if array.size <= SMALL:
            return record | ({"b": _binary(array, "<f8"), "w": 8} if array.itemsize > 4 else {
                "b": _binary(array, "<f4")
            })
        record |= statistics(array)
        size = array.size * 4
        if array.size <= BIG and size <= self._left:
            self._left -= size
            record["b"] = _binary(array, "<f4")
        return record


def _binary(array: Array, form: str) -> str:
    with np.errstate(over="ignore"):
        return b64encode(array.astype(form).tobytes()).decode()


def plain(value: Any) -> Any:
    """Give a number as JSON has it, with the digits that its dtype needs and no more."""
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return float(str(value))


def statistics(array: Array) -> Record:
    """Describe an array by a few numbers; over its finite elements, where there are any."""
    numbers = array.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    record: Record = {"z": int(np.count_nonzero(finite == 0)), "n": numbers.size - finite.size}
    if finite.size:
        low, high = finite.min(), finite.max()
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = finite.mean(), finite.std()  # may be too large to be written
        half = finite / 2  # so that the width of float64's whole range is a number too
        width = high / 2 - low / 2
        place = (half - low / 2) / width * BINS if width > 0 else np.zeros(finite.size)
        counts = np.bincount(place.astype(int).clip(0, BINS - 1), minlength=BINS)
        record |= {
            "m": plain(_short(mean)), "v": plain(_short(deviation)), "l": plain(_short(low)),
            "h": plain(_short(high)), "g": counts.tolist(),
        }
    return record


def _short(value: Any) -> Any:
    return np.float64(f"{value:.6g}")
