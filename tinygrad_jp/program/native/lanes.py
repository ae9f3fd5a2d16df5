"""One loop over many short rows, a vector of rows at a time: whole small networks go into it.

Each column of a value is a register whose lanes are rows, so products with small matrices, softmax
and losses are plain arithmetic between registers. What has no rows (weights, biases) is `uniform`:
scalars. A sum over rows makes a uniform value, known once the loop is over: what needs that belongs
to the next `stage`, another loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from ..program import Value
from .nodes import Node
from .views import Ref

FEWEST_ROWS, MOST_COLUMNS = 24, 16
MOST_UNIFORM = 64  # elements of a value without rows that are read into registers
MOST_UPDATED = 16  # elements of one that is computed, scalar by scalar
MOST_PRODUCT = 36  # elements of a matrix that is multiplied with: beyond, tiles are as fast
MOST_WORK = 1000  # vector instructions or so in a group: compile time grows with them


@dataclass(frozen=True, slots=True)
class Part:
    """What an operand is: the axis of its rows (None: uniform), and the places of its columns."""

    ref: Ref
    axis: int | None
    places: tuple[int, ...]


@dataclass(slots=True)
class LaneMember:
    """A node in the loop of a stage; uniform nodes come before that loop."""

    node: Node
    stage: int
    rows: bool  # whether its result has rows
    over_rows: bool  # whether it sums over rows
    operands: list[object]


class Lanes:
    """A group of nodes that share one loop over rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.members: list[LaneMember] = []
        self.made: dict[Value, tuple[bool, int]] = {}  # has it rows; the stage it is known in
        self.work = 0

    def copy(self) -> Lanes:
        """Give a group of its own with the same nodes."""
        group = Lanes(self.rows)
        group.members, group.made, group.work = list(self.members), dict(self.made), self.work
        return group

    @property
    def nodes(self) -> list[Node]:
        """The nodes in order."""
        return [m.node for m in self.members]

    @property
    def size(self) -> int:
        """The number of rows, as that of one column's elements."""
        return self.rows

    @staticmethod
    def rows_of(node: Node) -> int | None:
        """Say over how many rows a node might start a loop; None if a flat loop does it as well."""
        refs = node.refs()
        if not refs:
            return None
        if node.sort == "matmul":
            a = node.operands[0]
            if len(a.shape) != 2:
                return None
            turned = a.strides[0] == 1 and a.shape[1] >= FEWEST_ROWS  # a sum over rows
            return int(a.shape[1] if turned else a.shape[0])
        flat = (r.base.size == 1 or (r.whole and r.base.size == node.extent) for r in refs)
        if node.sort == "map" and all(flat):
            return None
        shape = refs[0].shape
        if len(shape) < 2 or not 1 < prod(shape[1:]) <= MOST_COLUMNS:
            return None
        return shape[0]

    def part(self, ref: Ref) -> Part | None:
        """Tell how an operand can be read, or None."""
        known = self.made.get(ref.base)
        columns, left = divmod(ref.base.size, self.rows)
        if (known is None or known[0]) and not left and columns <= MOST_COLUMNS:
            for axis, (n, s) in enumerate(zip(ref.shape, ref.strides, strict=True)):
                if n == self.rows and s == columns:
                    places = spots(ref, axis)
                    if len(places) <= MOST_COLUMNS and all(0 <= p < columns for p in places):
                        return Part(ref, axis, places)
        if known is not None and known[0]:
            return None
        if known is None and ref.base.size > MOST_UNIFORM:
            return None
        for axis, (n, s) in enumerate(zip(ref.shape, ref.strides, strict=True)):
            if n == self.rows and s == 0:  # the same in every row
                return Part(ref, None, spots(ref, axis))
        return Part(ref, None, spots(ref, None)) if ref.size <= MOST_UNIFORM else None

    def join(self, node: Node) -> bool:
        """Take a node in, if it fits."""
        member = self.fit(node)
        if member is None or node.out is None:
            return False
        out = node.out
        work = out.size // (self.rows if member.rows else 1)
        if node.sort == "matmul":
            work *= node.operands[0].shape[-1] if not member.over_rows else 1
        elif node.sort == "reduce":
            work = prod(node.operands[0].shape) // (self.rows if member.rows else 1)
            work = max(1, work // (self.rows if member.over_rows else 1))
        if self.work + work > MOST_WORK:
            return False
        self.work += work
        self.members.append(member)
        self.made[out] = (member.rows, member.stage + member.over_rows)
        return True

    def fit(self, node: Node) -> LaneMember | None:
        """Find where in the loops a node can be."""
        if node.sort not in ("map", "reduce", "matmul") or node.out is None:
            return None
        parts: list[object] = []
        stage = 0
        for x in node.operands:
            if not isinstance(x, Ref):
                parts.append(x)
                continue
            if node.sort == "matmul" and len(x.shape) != 2:
                return None
            part = self.part(x)
            if part is None:
                return None
            stage = max(stage, self.made.get(x.base, (False, 0))[1])
            parts.append(part)
        if node.sort == "map":
            return self.fit_map(node, parts, stage)
        if node.sort == "reduce":
            return self.fit_reduction(node, parts, stage)
        return self.fit_product(node, parts, stage)

    def layout(self, out: Value, axis: int | None) -> bool:
        """Tell whether an output can be kept: its rows first in memory, its columns few."""
        if axis is None:
            return out.size <= MOST_UNIFORM
        return prod(out.shape[:axis]) == 1 and out.size // self.rows <= MOST_COLUMNS

    def fit_map(self, node: Node, parts: list[object], stage: int) -> LaneMember | None:
        """Place an elementwise node: the rows of all operands lie along one axis."""
        assert node.out is not None
        axes = {p.axis for p in parts if isinstance(p, Part)} - {None}
        if len(axes) > 1:
            return None
        axis = axes.pop() if axes else None
        if not self.layout(node.out, axis):
            return None
        for p in parts:
            if not isinstance(p, Part) or p.axis is not None or axis is None:
                continue
            if p.ref.strides[axis] != 0:
                return None
        if axis is None and node.out.size > MOST_UPDATED:
            return None
        if axis is None and not any(isinstance(p, Part) and p.ref.base in self.made for p in parts):
            return None
        return LaneMember(node, stage, axis is not None, False, [
            Part(p.ref, p.axis, spots(p.ref, axis)) if isinstance(p, Part) else p for p in parts
        ])

    def fit_reduction(self, node: Node, parts: list[object], stage: int) -> LaneMember | None:
        """Place a reduction: of columns, or of rows."""
        assert node.out is not None
        (part,) = parts
        assert isinstance(part, Part)
        if part.axis is None:
            if part.ref.base not in self.made or part.ref.size > MOST_UNIFORM:
                return None
            part = Part(part.ref, None, spots(part.ref, None))
            return LaneMember(node, stage, False, False, [part])
        over = part.axis in node.axes
        if over:
            return LaneMember(node, stage, False, True, parts)
        left = [a for a in range(len(part.ref.shape)) if a not in node.axes]
        before = prod(part.ref.shape[a] for a in left if a < part.axis)
        return LaneMember(node, stage, True, False, parts) if before == 1 else None

    def fit_product(self, node: Node, parts: list[object], stage: int) -> LaneMember | None:
        """Place a product: rows by a small matrix, or a sum over rows of outer products."""
        a, b = parts
        assert isinstance(a, Part)
        assert isinstance(b, Part)
        k, n = b.ref.shape
        m = a.ref.shape[0]
        if a.axis == 0 and b.axis is None and k * n <= MOST_PRODUCT and n <= MOST_COLUMNS:
            part = Part(b.ref, None, spots(b.ref, None))
            return LaneMember(node, stage, True, False, [a, part])
        if a.axis == 1 and b.axis == 0 and m * n <= MOST_PRODUCT:
            return LaneMember(node, stage, False, True, [a, b])
        return None

    def may_overwrite(self, old: Value, new: Value) -> bool:
        """Tell whether `new` can be written over `old`, which this group reads as well."""
        rows, stage = self.made[new]
        for m in self.members:
            for x in m.operands:
                if not isinstance(x, Part) or x.ref.base is not old:
                    continue
                if (x.axis is not None) != rows or (rows and m.stage > stage):
                    return False
        return True

    def crossing(self) -> set[Value]:
        """List values with rows that a later stage reads."""
        return {
            x.ref.base for m in self.members for x in m.operands
            if isinstance(x, Part) and x.axis is not None
            and self.made.get(x.ref.base, (True, m.stage))[1] < m.stage
        }


def spots(ref: Ref, axis: int | None) -> tuple[int, ...]:
    """List where the elements of a Ref are in its base, in C order; `axis` is left at 0."""
    places = np.full((), ref.offset, np.int64)
    for at, (n, s) in enumerate(zip(ref.shape, ref.strides, strict=True)):
        places = places[..., None] + np.arange(1 if at == axis else n) * s
    return tuple(places.reshape(-1).tolist())
