"""The kinds of numbers in registers, and how LLVM writes them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

TYPES = {"f32": "float", "f64": "double", "i64": "i64", "i32": "i32", "i1": "i1", "i8": "i8"}
BYTES = {"f32": 4, "f64": 8, "i64": 8, "i32": 4, "i1": 1, "i8": 1}
KINDS = {
    np.dtype(np.float32): "f32", np.dtype(np.float64): "f64", np.dtype(np.int64): "i64",
    np.dtype(np.int32): "i32", np.dtype(np.bool_): "i1",
}


def kind_of(dtype: Any) -> str | None:
    """Give the kind that holds a dtype in a register, or None where there is none."""
    dtype = np.dtype(dtype)
    return KINDS.get(dtype) if dtype.isnative else None


def type_of(kind: str, lanes: int) -> str:
    """Write a type: of a scalar, or of a vector."""
    return f"<{lanes} x {TYPES[kind]}>" if lanes else TYPES[kind]


def mangled(kind: str, lanes: int) -> str:
    """Write a type as intrinsics carry it in their names."""
    return f"v{lanes}{kind}" if lanes else kind


def literal(value: Any, kind: str) -> str:
    """Write a number; a float by its bits, so that nothing is lost."""
    if kind == "i1":
        return "true" if value else "false"
    if kind in ("f32", "f64"):
        with np.errstate(over="ignore"):
            exact = float(np.float32(value)) if kind == "f32" else float(value)
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    return str(int(value))


def memory(kind: str) -> str:
    """Give the kind that a kind has in memory: a bool is a byte there."""
    return "i8" if kind == "i1" else kind
