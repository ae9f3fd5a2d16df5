"""What the machine can do that kernels are written for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Bytes in a vector register, and how many registers there are."""

    register: int
    registers: int
