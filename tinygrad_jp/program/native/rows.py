"""One loop nest over rows and columns: elementwise steps with the reductions between them.

The matrix that it runs over has R rows of C columns; a value in it is `full` (R·C elements), `row`
(one per row, known once a phase of the row is over), `column` (one per column, at the end) or
`post` (one in all, at the end). A row goes through its phases in turn: softmax has three.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..program import Value
from .nodes import Node
from .views import Ref, split_of

LONGEST_GROUP = 96
CHUNK = 1 << 16  # elements from which on threads share a loop

@dataclass(slots=True)
class Access:
    """Where an operand is for row r and column c: offset + r·row + c·column."""

    base: Value
    offset: int
    row: int
    column: int


@dataclass(slots=True)
class Member:
    """A node in the nest, at a level (full, row, column, post) and a phase."""

    node: Node
    level: str
    phase: int
    operands: list[Any] = field(default_factory=list)


class Rows:
    """A group of nodes that share one nest of rows and columns."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.members: list[Member] = []
        self.levels: dict[Value, tuple[str, int]] = {}

    @property
    def size(self) -> int:
        """The number of elements of the matrix."""
        return self.rows * self.columns

    @property
    def nodes(self) -> list[Node]:
        """The nodes in order."""
        return [m.node for m in self.members]

    def copy(self) -> Rows:
        """Give a group of its own with the same nodes."""
        group = Rows(self.rows, self.columns)
        group.members, group.levels = list(self.members), dict(self.levels)
        return group

    def reshaped(self, rows: int) -> Rows | None:
        """Split the same elements otherwise, if every node can do with it."""
        group = Rows(rows, self.size // rows)
        return group if all(group.join(node) for node in self.nodes) else None

    def join(self, node: Node) -> bool:
        """Take a node in, if it fits."""
        if len(self.members) >= LONGEST_GROUP:
            return False
        member = self.fit(node)
        if member is None or node.out is None:
            return False
        self.members.append(member)
        self.levels[node.out] = (member.level.removesuffix(" of rows"), member.phase)
        return True

    def fit(self, node: Node) -> Member | None:
        """Find where in the nest a node can be."""
        if node.sort == "reduce":
            return self.fit_reduction(node)
        if node.sort != "map" or node.out is None:
            return None
        shape, size = node.out.shape, node.out.size
        if size == 1 and any(self.levels.get(r.base, ("",))[0] == "post" for r in node.refs()):
            return self.placed(node, "post", len(shape))
        if size == self.size:
            k = split_of(shape, self.rows)
            return None if k is None else self.placed(node, "full", k)
        if size == self.rows and self.columns > 1:
            return self.placed(node, "row", len(shape))
        return None

    def placed(self, node: Node, level: str, k: int) -> Member | None:
        """Place a node at a level, if its operands can be read from there."""
        operands: list[Any] = []
        phase = 0 if level == "full" else -1
        for x in node.operands:
            if not isinstance(x, Ref):
                operands.append(x)
                continue
            at = self.access(x, k)
            if at is None:
                return None
            made = self.levels.get(x.base)
            if made is not None:
                where, when = made
                if where != self.level_of(at) or where == "column":
                    return None
                if (where == "post") != (level == "post") or (where == "full" and level == "row"):
                    return None
                phase = max(phase, when + (where == "row" and level == "full"))
            operands.append(at)
        return Member(node, level, phase, operands)

    def access(self, ref: Ref, k: int) -> Access | None:
        """Read a Ref as a matrix split before axis k."""
        found = ref.collapse(k)
        return None if found is None else Access(ref.base, *found)

    def level_of(self, at: Access) -> str:
        """Tell how the nest must have made what is read so."""
        row = at.row if self.rows > 1 else None
        column = at.column if self.columns > 1 else None
        if at.offset:
            return ""
        if self.size == 1 or (at.base.size == 1):
            return "post" if self.levels.get(at.base, ("",))[0] == "post" else "full"
        if row in (None, self.columns) and column in (None, 1):
            return "full" if at.base.size == self.size else "row" if self.columns == 1 else ""
        if row == 1 and column in (None, 0) and at.base.size == self.rows:
            return "row"
        return ""

    def fit_reduction(self, node: Node) -> Member | None:
        """Place a reduction: along each row, down the columns, or over all."""
        ref = node.operands[0]
        shape = ref.shape
        inner = [a for a in node.axes if shape[a] != 1]
        outer = [a for a in range(len(shape)) if a not in node.axes and shape[a] != 1]
        made = self.levels.get(ref.base)
        if ref.size == self.rows and self.columns > 1 and not outer:
            if made is None or made[0] != "row":
                return None
            at = self.access(ref, len(shape))
            if at is None or self.level_of(at) != "row":
                return None
            return Member(node, "post of rows", made[1], [at])
        if ref.size != self.size:
            return None
        k = split_of(shape, self.rows)
        if k is None:
            return None
        if not outer:
            level = "post"
        elif inner and min(inner) >= k and max(outer) < k and self.columns > 1:
            level = "row"
        elif inner and max(inner) < k and min(outer) >= k:
            level = "column"
        else:
            return None
        at = self.access(ref, k)
        if at is None or (made is not None and (made[0] != "full" or self.level_of(at) != "full")):
            return None
        return Member(node, level, made[1] if made else 0, [at])

    def may_overwrite(self, old: Value, new: Value) -> bool:
        """Tell whether `new` can be written over `old`, which this group reads as well."""
        level, phase = self.levels[new]
        for m in self.members:
            for x in m.operands:
                if not isinstance(x, Access) or x.base is not old:
                    continue
                if level == "full":
                    row = x.row if self.rows > 1 else self.columns
                    column = x.column if self.columns > 1 else 1
                    if (x.offset, row, column) != (0, self.columns, 1) or m.phase > phase:
                        return False
                    if m.level != "full":
                        return False
                elif not (level == "post" and old.size == 1):
                    return False
        return True

    @staticmethod
    def splits(node: Node) -> list[int]:
        """List the numbers of rows that a node might start a nest with, best first."""
        if node.sort == "matmul":
            return []
        if node.sort == "reduce":
            ref = node.operands[0]
            inner = [a for a in node.axes if ref.shape[a] != 1]
            outer = [a for a in range(len(ref.shape)) if a not in node.axes and ref.shape[a] != 1]
            if not inner or not outer:
                places = range(len(ref.shape) + 1)
                sizes = [product(ref.shape[:k]) for k in places]
                return list(dict.fromkeys([1, *sizes[::-1]]))
            return [product(ref.shape[: min(inner) if max(outer) < min(inner) else min(outer)])]
        assert node.out is not None
        shape = node.out.shape
        sizes = [product(shape[:k]) for k in range(len(shape) + 1)]
        return list(dict.fromkeys([1, *sizes[-2:-1], *sizes[::-1]]))


def product(shape: tuple[int, ...]) -> int:
    """Multiply lengths."""
    n = 1
    for m in shape:
        n *= m
    return n


def columns_in_a_part(g: Rows, lanes: int) -> int:
    """Give how many columns a part has that threads may do at once; 0: they share nothing.

    Where every column is by itself: nothing is reduced along rows, nor made once a row.
    """
    apart = all(m.level in ("full", "column") for m in g.members)
    if not apart or g.size < CHUNK or g.columns < 16 * lanes:
        return 0
    wanted = CHUNK * 16 // len(g.members) // g.rows
    return max(8 * lanes, min(wanted, g.columns // 4) // lanes * lanes)


def rows_in_a_part(g: Rows) -> int:
    """Give how many rows a part has, where every row is by itself; 0: they share nothing."""
    apart = all(m.level in ("full", "row") for m in g.members)
    if not apart or g.rows == 1 or g.size < CHUNK:
        return 0
    return max(1, min(CHUNK * 16 // len(g.members) // g.columns, g.rows // 4))
