"""What the machine can do that kernels are written for."""

from __future__ import annotations

from dataclasses import dataclass

TILED = {16: 300_000, 32: 20_000_000}


@dataclass(frozen=True, slots=True)
class Target:
    """Bytes in a vector register, how many there are, BLAS's integers (None: no BLAS to call).

    halves: whether BLAS can be told to keep to one thread, so that two threads of ours can call it.
    """

    register: int
    registers: int
    blas: str | None
    halves: bool = False

    def calls_blas(self, work: int) -> bool:
        """Tell whether BLAS does a product of so many multiplications, rather than tiles.

        Measured: with 32 registers of 64 bytes tiles win up to 256 × 256 × 256, with 16 of 32 bytes
        up to 64 × 64 × 64.
        """
        return self.blas is not None and work > TILED[32 if self.register == 64 else 16]
