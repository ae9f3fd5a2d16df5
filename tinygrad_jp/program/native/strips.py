"""The code of a group of lanes.py: a loop over strips of rows for each stage."""

from __future__ import annotations

import numpy as np

from ..program import Value
from .kinds import kind_of
from .lanes import LaneMember, Lanes, Part
from .reductions import joined, start
from .registers import Reg, Writer
from .ufuncs import where as choose


class StripsWriter:
    """Writes a group out as a function of the pointers to its arrays."""

    def __init__(self, group: Lanes, stored: set[Value], register: int) -> None:
        self.group = group
        self.stored = stored | group.crossing()
        self.w = Writer()
        self.pointers: dict[Value, str] = {}
        self.uniform: dict[Value, list[Reg]] = {}
        self.regs: dict[Value, list[Reg]] = {}  # of the loop under way
        self.cells: dict[Value, list[tuple[str, Reg]]] = {}
        self.wide: dict[str, Reg] = {}  # uniform elements in every lane, in the loop under way
        wide = any(
            v.dtype == np.float64
            for m in group.members
            for v in (*m.node.made(), *(r.base for r in m.node.refs()))
        )
        self.lanes = register // (8 if wide else 4)
        self.ragged = group.rows % self.lanes != 0

    def pointer(self, value: Value) -> str:
        """Name the parameter that points to a value."""
        return self.pointers.setdefault(value, f"%p{len(self.pointers)}")

    def write(self) -> str:
        """Write the function: its body, with the parameters in self.pointers."""
        w, g = self.w, self.group
        stages = 1 + max(stage for _, stage in g.made.values())
        for m in g.members:
            for x in m.operands:
                if isinstance(x, Part) and x.axis is None and x.ref.base not in g.made:
                    self.fetch(x.ref.base)
        for m in g.members:
            if m.over_rows:
                self.start_sum(m)
        for stage in range(stages):
            for m in g.members:
                if m.stage == stage and not m.rows and not m.over_rows:
                    self.compute(m, 0, None)
            inside = [m for m in g.members if m.stage == stage and (m.rows or m.over_rows)]
            if inside:
                self.strip_loop(inside)
        for value, regs in self.uniform.items():
            if value in self.stored and value in g.made:
                for i, reg in enumerate(regs):
                    w.store(w.pointer(self.pointer(value), i, reg.kind), reg)
        return "\n".join([*w.lines, "  ret void"])

    def fetch(self, base: Value) -> None:
        """Read a uniform value."""
        kind = kind_of(base.dtype)
        assert kind is not None
        if base not in self.uniform:
            self.uniform[base] = [
                self.w.load(self.w.pointer(self.pointer(base), i, kind), kind, 0)
                for i in range(base.size)
            ]

    def start_sum(self, m: LaneMember) -> None:
        """Make the cells that a reduction over rows is gathered in."""
        w, out = self.w, m.node.out
        assert out is not None
        kind = m.node.kind or kind_of(out.dtype)
        assert kind is not None
        zero = w.constant(start(m.node.reduction or "sum", kind), kind, self.lanes)
        cells = []
        for _ in range(out.size):
            name = f"%{w.name('acc')}"
            w.line(f"{name} = alloca {zero.type}")
            w.line(f"store {zero.type} {zero.text}, ptr {name}")
            cells.append((name, zero))
        self.cells[out] = cells

    def strip_loop(self, inside: list[LaneMember]) -> None:
        """Write the loop of one stage, and what its sums come to."""
        w, g = self.w, self.group
        self.regs, self.wide = {}, {}
        loop = w.loop(g.rows, self.lanes)
        left = g.rows - loop.index if self.ragged else None
        mask = self.mask(left, 1, 0) if left is not None else None
        for m in inside:
            for x in m.operands:
                if isinstance(x, Part) and x.axis is not None and x.ref.base not in self.regs:
                    known = g.made.get(x.ref.base)
                    if known is None or known[1] < m.stage:
                        self.load(x.ref.base, loop.index, left)
            if m.over_rows:
                self.gather(m, mask)
            else:
                self.compute(m, self.lanes, loop.index)
        for m in inside:
            if m.rows and m.node.out in self.stored and m.node.out is not None:
                self.store(m.node.out, loop.index, left)
        loop.close()
        for m in inside:
            if m.over_rows and m.node.out is not None:
                self.uniform[m.node.out] = [
                    self.folded(m, name, zero) for name, zero in self.cells[m.node.out]
                ]

    def mask(self, left: Reg, columns: int, vector: int) -> Reg:
        """Tell which lanes are within the rows that are left, in a vector of a strip's elements."""
        w, n = self.w, self.lanes
        limit = w.spread(w.cast(left * columns, "i32"), n)
        places = w.table([vector * n + lane for lane in range(n)], "i32")
        return places < limit

    # ── memory: rows lie side by side, a strip of them is taken apart into columns ──────────

    def load(self, base: Value, index: Reg, left: Reg | None) -> None:
        """Read a strip of rows: one register a column."""
        w, n = self.w, self.lanes
        columns = base.size // self.group.rows
        kind = kind_of(base.dtype)
        assert kind is not None
        first = w.pointer(self.pointer(base), index * columns, kind)
        flat = [
            w.load(w.pointer(first, j * n, kind), kind, n,
                   self.mask(left, columns, j) if left is not None else None)
            for j in range(columns)
        ]
        self.regs[base] = [
            self.picked(flat, [lane * columns + c for lane in range(n)]) for c in range(columns)
        ]

    def store(self, base: Value, index: Reg, left: Reg | None) -> None:
        """Write a strip of rows."""
        w, n = self.w, self.lanes
        regs = self.regs[base]
        columns = len(regs)
        first = w.pointer(self.pointer(base), index * columns, regs[0].kind)
        for j in range(columns):
            spots = [(j * n + t) // columns + (j * n + t) % columns * n for t in range(n)]
            mask = self.mask(left, columns, j) if left is not None else None
            w.store(w.pointer(first, j * n, regs[0].kind), self.picked(regs, spots), mask)

    def picked(self, vectors: list[Reg], places: list[int]) -> Reg:
        """Gather lanes out of several vectors laid end to end."""
        n = self.lanes
        if len(vectors) == 1:
            return vectors[0]
        y, have = vectors[0], [p if p < n else -1 for p in places]
        for j in range(1, len(vectors)):
            spots = [n + p - j * n if p // n == j else have[i] for i, p in enumerate(places)]
            y = self.w.shuffle(y, vectors[j], spots)
            have = [i if p // n <= j else -1 for i, p in enumerate(places)]
        return y

    # ── arithmetic ──────────────────────────────────────────────────────────────────────────

    def read(self, x: object) -> list[Reg]:
        """Give an operand's columns, or its elements."""
        assert isinstance(x, Part)
        source = self.regs[x.ref.base] if x.axis is not None else self.uniform[x.ref.base]
        return [source[p] for p in x.places]

    def spread(self, x: Reg, lanes: int) -> Reg:
        """Give a uniform element in every lane, made once a loop."""
        if not lanes or x.lanes or x.constant is not None:
            return self.w.spread(x, lanes)
        if x.text not in self.wide:
            self.wide[x.text] = self.w.spread(x, lanes)
        return self.wide[x.text]

    def compute(self, m: LaneMember, lanes: int, index: Reg | None) -> None:
        """Write what a node does to each column."""
        w, node = self.w, m.node
        out = node.out
        assert out is not None
        kind = kind_of(out.dtype)
        assert kind is not None
        home = self.regs if m.rows else self.uniform
        if node.sort == "matmul":
            home[out] = self.product(m)
            return
        if node.sort == "reduce":
            home[out] = self.reduced(m)
            return
        count = out.size // (self.group.rows if m.rows else 1)
        columns = [
            (self.read(x) if isinstance(x, Part) else None, x) for x in m.operands
        ]
        made = []
        assert node.form is not None
        for j in range(count):
            regs = []
            for place, (many, number) in enumerate(columns):
                want = "i1" if node.form is choose and place == 0 else node.kind
                if many is None:
                    regs.append(w.constant(number, want, lanes))
                else:
                    regs.append(self.spread(w.cast(many[j], want), lanes))
            made.append(w.cast(node.form(w, *regs), kind))
        home[out] = made

    def reduced(self, m: LaneMember) -> list[Reg]:
        """Write a reduction over columns."""
        w, node = self.w, m.node
        (x,) = m.operands
        assert isinstance(x, Part)
        groups = self.buckets(m)
        regs = [w.cast(r, node.kind) for r in self.read(x)]
        made = []
        for bucket in groups:
            y = regs[bucket[0]]
            for place in bucket[1:]:
                y = joined(w, node.reduction, y, regs[place])
            made.append(y)
        return made

    @staticmethod
    def buckets(m: LaneMember) -> list[list[int]]:
        """List, for each element of a reduction's result, the columns that it takes in."""
        (x,) = m.operands
        assert isinstance(x, Part)
        shape = [1 if a == x.axis else n for a, n in enumerate(x.ref.shape)]
        spots = np.arange(int(np.prod(shape))).reshape(shape)
        kept = [a for a in range(len(shape)) if a not in m.node.axes]
        lost = [a for a in range(len(shape)) if a in m.node.axes]
        count = int(np.prod([shape[a] for a in kept]))
        table: list[list[int]] = spots.transpose(*kept, *lost).reshape(count, -1).tolist()
        return table

    def product(self, m: LaneMember) -> list[Reg]:
        """Write rows by a small matrix."""
        w = self.w
        a, b = m.operands
        assert isinstance(b, Part)
        k, n = b.ref.shape
        rows, matrix = self.read(a), [self.spread(x, self.lanes) for x in self.read(b)]
        w.fused = True
        made = []
        for j in range(n):
            y = rows[0] * matrix[j]
            for i in range(1, k):
                y = y + rows[i] * matrix[i * n + j]
            made.append(y)
        w.fused = False
        return made

    def gather(self, m: LaneMember, mask: Reg | None) -> None:
        """Add a strip to the cells of a reduction over rows."""
        w, node = self.w, m.node
        assert node.out is not None
        cells = self.cells[node.out]
        terms: list[Reg] = []
        if node.sort == "matmul":
            a, b = (self.read(x) for x in m.operands)
            for i, (name, zero) in enumerate(cells):
                old = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
                w.fused = True
                new = old + a[i // len(b)] * b[i % len(b)]
                w.fused = False
                self.put(name, old, new, mask)
            return
        regs = [w.cast(r, node.kind) for r in self.read(m.operands[0])]
        for bucket in self.buckets(m):
            y = regs[bucket[0]]
            for place in bucket[1:]:
                y = joined(w, node.reduction, y, regs[place])
            terms.append(y)
        for (name, zero), y in zip(cells, terms, strict=True):
            old = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
            self.put(name, old, joined(w, node.reduction, old, w.spread(y, self.lanes)), mask)

    def put(self, name: str, old: Reg, new: Reg, mask: Reg | None) -> None:
        """Write a cell; lanes beyond the last row stay."""
        w = self.w
        y = w.select(mask, new, old) if mask is not None else new
        w.line(f"store {y.type} {y.text}, ptr {name}")

    def folded(self, m: LaneMember, name: str, zero: Reg) -> Reg:
        """Join the lanes of a cell."""
        w = self.w
        x = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
        kind = m.node.reduction or "sum"
        return w.fold(x, lambda a, b: joined(w, kind, a, b))
