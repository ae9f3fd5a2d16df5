"""Which nodes share a loop.

An elementwise node waits until something needs its result: only then is it known where it is best
done. What needs it takes it along, with all that it waits for, into a loop that already reads or
makes something of theirs; or else into a new one. No loop is put before one that makes what it
reads, and none before the last check that comes before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import operations
from ..program import Value
from . import products
from .lanes import FEWEST_ROWS, Lanes
from .nodes import Node
from .rows import Rows
from .views import Ref, plain

Group = Rows | Lanes | Node
LONGEST_WAIT = 48  # nodes that wait for one another, at most


class Fusion:
    """Groups of nodes in the order in which they run, and who reads and makes what."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.made_at: dict[Value, int] = {}
        self.read_at: dict[Value, set[int]] = {}
        self.floor = 0
        self.waiting: dict[Value, Node] = {}
        self.waits: dict[Node, tuple[int, int]] = {}  # its place in the order; how many wait for it
        self.packed: dict[tuple[object, ...], Ref] = {}

    def place(self, node: Node) -> None:
        """Take the next node."""
        if node.sort != "map" or node.out is None:
            self.put(node)
            return
        before = [self.waiting[r.base] for r in node.refs() if r.base in self.waiting]
        length = 1 + sum(self.waits[n][1] for n in before)
        self.waiting[node.out] = node
        self.waits[node] = (len(self.waits), length)
        if length > LONGEST_WAIT:
            self.demand(node.out)

    def demand(self, value: Value) -> None:
        """See to it that a value is made."""
        node = self.waiting.pop(value, None)
        if node is not None:
            self.put(node)

    def chain(self, node: Node) -> list[Node]:
        """Take out all that a node waits for, in order."""
        found, look = [], [node]
        while look:
            for ref in look.pop().refs():
                before = self.waiting.pop(ref.base, None)
                if before is not None:
                    found.append(before)
                    look.append(before)
        return sorted(found, key=lambda n: self.waits[n][0])

    def put(self, node: Node) -> None:
        """Put a node into a group, with what it waits for."""
        chain = self.chain(node)
        if node.sort in ("map", "reduce", "matmul") and self.fused([*chain, node]):
            return
        if chain:  # not all in one: each operand by itself
            self.waiting.update((n.out, n) for n in chain if n.out is not None)
            for ref in node.refs():
                self.demand(ref.base)
            self.put(node)
            return
        if node.sort in ("map", "reduce"):
            self.loosen(node)
            return
        if node.sort == "matmul":
            self.pack(node)
        self.groups.append(node)
        self.note(node, len(self.groups) - 1)
        if node.sort == "check" or (node.step is not None and node.step.fn is operations.assume):
            self.floor = len(self.groups)

    def fused(self, nodes: Sequence[Node]) -> bool:
        """Put nodes into one group, if there is one for them."""
        made = {n.out for n in nodes}
        bases = dict.fromkeys(r.base for n in nodes for r in n.refs() if r.base not in made)
        earliest = max([self.floor, *(self.made_at.get(b, 0) for b in bases)])
        near = {i for b in bases for i in (*self.read_at.get(b, ()), self.made_at.get(b, -1))}
        for i in sorted((i for i in near if i >= earliest), reverse=True):
            group = self.grown(self.groups[i], nodes)
            if group is not None:
                self.groups[i] = group
                break
        else:
            group = next((g for g in self.fresh(nodes) if all(map(g.join, nodes))), None)
            if group is None:
                return False
            i = len(self.groups)
            self.groups.append(group)
        for node in nodes:
            self.note(node, i)
        return True

    @staticmethod
    def grown(group: Group, nodes: Sequence[Node]) -> Group | None:
        """Give a group with more nodes, split otherwise if need be; None if they do not fit."""
        if isinstance(group, Node):
            return None
        more = group.copy()
        if all(map(more.join, nodes)):
            return more
        if isinstance(group, Lanes):
            return None
        for rows in dict.fromkeys(rows for n in nodes for rows in Rows.splits(n)):
            if rows == group.rows or group.size % rows:
                continue
            other = group.reshaped(rows)
            if other is not None and all(map(other.join, nodes)):
                return other
        return None

    @staticmethod
    def fresh(nodes: Sequence[Node]) -> Iterator[Rows | Lanes]:
        """Make empty groups that nodes might go into, best first."""
        for rows in dict.fromkeys(Lanes.rows_of(n) for n in nodes):
            if rows is not None and rows >= FEWEST_ROWS:
                yield Lanes(rows)
        sizes = dict.fromkeys(
            (rows, n.extent // rows) for n in reversed(nodes) for rows in Rows.splits(n)
        )
        for rows, columns in sizes:
            yield Rows(rows, columns)

    def note(self, node: Node, i: int) -> None:
        """Remember what a group reads and makes."""
        for ref in node.refs():
            self.read_at.setdefault(ref.base, set()).add(i)
        for value in node.made():
            self.made_at[value] = i

    # ── copies that make a loop or a product possible ───────────────────────────────────────

    def loosen(self, node: Node) -> None:
        """Copy operands that lie awkwardly, so that a nest of loops can read them."""
        for k, x in enumerate(node.operands):
            if isinstance(x, Ref) and not x.whole and x.base.size > 1:
                node.operands[k] = self.copied(x)
        self.put(node)

    def copied(self, ref: Ref) -> Ref:
        """Put a view into memory of its own, once."""
        key = (ref.base, ref.offset, ref.strides, ref.shape)
        if key not in self.packed:
            value = Value(ref.shape, ref.base.dtype)
            self.put(Node("place", [], value, pieces=[(ref, plain(value))]))
            self.packed[key] = plain(value)
        return self.packed[key]

    def pack(self, node: Node) -> None:
        """Lay b out in rows where the tiles need it so; and copy what no product can read."""
        assert node.out is not None
        p = products.shape_of(node.operands[0], node.operands[1], node.out)
        if p.large:
            for k, fits in enumerate(p.readable()):
                if not fits:
                    node.operands[k] = self.copied(node.operands[k])
        elif p.bn != 1 and p.n > 1 and not p.dots:
            node.operands[1] = self.copied(node.operands[1])
