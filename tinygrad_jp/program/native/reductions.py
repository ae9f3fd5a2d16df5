"""How parts of a reduction are joined, and what it starts from."""

from __future__ import annotations

from typing import Any

from .kinds import BYTES
from .registers import Reg, Writer

STARTS: dict[str, Any] = {"sum": -0.0, "prod": 1, "any": False, "all": True}


def start(reduction: str, kind: str) -> Any:
    """Give what a reduction starts from."""
    if reduction == "sum" and kind[0] == "i":
        return 0
    if reduction in STARTS:
        return STARTS[reduction]
    if kind == "i1":
        return reduction == "min"
    if kind[0] == "f":
        return float("-inf") if reduction == "max" else float("inf")
    bits = BYTES[kind] * 8 - 1
    return -(2**bits) if reduction == "max" else 2**bits - 1


def joined(w: Writer, reduction: str, a: Reg, b: Reg) -> Reg:
    """Join two parts of a reduction."""
    if reduction == "sum":
        return a + b
    if reduction == "prod":
        return a * b
    if reduction in ("any", "all"):
        return a | b if reduction == "any" else a & b
    test = a > b if reduction == "max" else a < b
    y = w.select(test, a, b)
    return w.select(a.is_nan(), a, y) if a.floating else y
