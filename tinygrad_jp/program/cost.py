"""What a Program costs, counted and not measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ufunc

from . import operations as ops
from .program import Instruction, Program


@dataclass(frozen=True)
class Cost:
    """The cost of one call.

    program: what is counted.  workspace_bytes: planned memory for what is in between.
    """

    program: Program
    workspace_bytes: int

    @property
    def instructions(self) -> int:
        """How many instructions there are, views left out."""
        return sum(step.fn not in ops.VIEWS for step in self.program.body)

    @property
    def operations(self) -> int:
        """How many additions and multiplications; a function such as exp counts as one."""
        return sum(map(operations_of, self.program.body))

    @property
    def product_operations(self) -> int:
        """How many of them are in matrix products."""
        return sum(operations_of(s) for s in self.program.body if s.fn is np.matmul)

    @property
    def bytes(self) -> int:
        """The bytes that must be read and written at least: inputs, results, new states."""
        ends = {*self.program.inputs, *self.program.constants, *self.program.results()}
        return sum(v.nbytes for v in ends)

    def floor(self, operations_per_second: float = 5e10, bytes_per_second: float = 1e10) -> float:
        """Give the seconds that a call takes at least on a machine of these rates."""
        return max(self.operations / operations_per_second, self.bytes / bytes_per_second)

    def __str__(self) -> str:
        return (
            f"instructions {self.instructions}, operations {self.operations:,} "
            f"(products {self.product_operations:,}), bytes {self.bytes:,}, "
            f"workspace {self.workspace_bytes:,}"
        )

def operations_of(step: Instruction) -> int:
    """Count the arithmetic of one instruction."""
    if step.fn in ops.VIEWS or not step.outputs:
        return 0
    if step.fn is np.matmul:
        first = next(step.values())
        return 2 * step.output.size * first.shape[-1]
    if isinstance(step.fn, ufunc) or step.fn is np.where:
        return step.output.size
    return max((v.size for v in step.values()), default=0)
