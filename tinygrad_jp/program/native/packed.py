"""Large matrix products: a is packed once, b panel by panel, and tiles of y stay in registers.

The order of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a
panel of b (some 500 rows, two vectors wide) stays in the near caches while all of a passes by, in
slivers of as many rows as a tile has. Packed, both are read from end to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from .kinds import BYTES, TYPES
from .products import Bases, Shape
from .registers import Reg, Writer
from .views import packed

WIDE = 2  # vectors in a tile
DEEP = 64 * 1024  # bytes of a panel of b, at most: deeper ones cost as much, shallower ones more
AHEAD = 16  # places of a sliver that are asked for before they are needed
PANELS = 2  # of b, that a thread does at once, if there are enough of them
MANY = 8  # parts, for threads to share
CHUNKS = 8  # parts of a's slivers, where b has too few panels
TOGETHER = 8  # slivers that are packed side by side, where their rows' elements are neighbours


@dataclass(slots=True)
class Part:
    """Rows and columns of y, and a stretch of k: from `first`, `depth` long."""

    row: Reg
    rows: int
    column: Reg
    columns: int
    first: Reg
    depth: int


class Packed:
    """How one product is cut into tiles."""

    def __init__(self, p: Shape, register: int, registers: int) -> None:
        self.p = p
        self.size = BYTES[p.kind]
        self.lanes = register // self.size
        self.columns = WIDE * self.lanes
        most = (registers - WIDE - 2) // WIDE  # sums of a tile, rows of b, and a factor to spread
        self.tall = -(-p.m // -(-p.m // most))  # even tiles: no thin one at the end
        blocks = -(-p.k // (DEEP // (self.columns * self.size)))
        self.deep = -(-p.k // blocks)
        self.sliver = -(-(p.k * self.tall + self.lanes) // self.lanes) * self.lanes
        self.slivers = -(-p.m // self.tall)

    @property
    def elements(self) -> int:
        """How many elements a takes when packed, all of a batch."""
        return self.sliver * self.slivers * prod(n for n, *_ in self.p.batch)

    @property
    def steps(self) -> list[int]:
        """How far the packed matrices of a batch lie apart, along each of its axes."""
        lengths = packed(tuple(n for n, *_ in self.p.batch))
        return [self.sliver * self.slivers * n for n in lengths]

    # ── packing ─────────────────────────────────────────────────────────────────────────────

    def write_packing(self) -> tuple[Writer, str]:
        """Write the function (ptr %p0 packed, ptr %p1 a, i64 %part) that packs a."""
        w, p = Writer(), self.p
        bases = Bases(w, p)
        room, a = bases.at("%p0", 0, self.steps), bases.a("%p1")

        step = self.tall * (TOGETHER if p.am == 1 else 1)

        def slivers(first: Reg, whole: bool) -> None:
            rows = step if whole else p.m % step
            into = w.pointer(room, self.index(w, first) * self.sliver, p.kind)
            start = w.pointer(a, first * p.am, p.kind)
            if p.am == 1:
                pieces = [(i * self.tall, min(self.tall, rows - i * self.tall), i * self.sliver)
                          for i in range(-(-rows // self.tall))]
                self.copy(w, start, p.ak, p.k, into, self.tall, pieces)
            else:
                self.turn(w, start, p.am, rows, p.k, into, self.tall)

        w.shared(p.m, step, slivers, True)
        return w, bases.close()

    def index(self, w: Writer, row: Reg) -> Reg:
        """Give which sliver a row starts."""
        return w.new(f"udiv i64 {row.text}, {self.tall}", "i64", 0)

    def copy(
        self, w: Writer, source: str, along: int, length: int, into: str, stride: int,
        pieces: list[tuple[int, int, int]],
    ) -> None:
        """Copy pieces of `length` rows: (where in a row, how many elements, to where).

        along, stride: from row to row; behind the last, up to a vector more may be written.
        """
        kind, lanes = self.p.kind, self.lanes
        loop = w.loop(length)
        row = w.pointer(source, loop.index * along, kind)
        place = w.pointer(into, loop.index * stride, kind)
        for start, count, to in pieces:
            for at in range(0, count, lanes):
                some = [i < count - at for i in range(lanes)]
                x = w.load(w.pointer(row, start + at, kind), kind, lanes,
                           None if all(some) else w.table(some, "i1"))
                w.store(w.pointer(place, to + at, kind), x)
        loop.close()

    def turn(
        self, w: Writer, source: str, across: int, count: int, length: int, into: str, stride: int
    ) -> None:
        """Copy `count` rows of `length` elements so that those of one column are neighbours.

        across: from row to row.  stride: of columns, in `into`; behind the last, up to a vector
        more may be written.
        """
        kind, lanes = self.p.kind, self.lanes
        groups = [(at, min(lanes, count - at)) for at in range(0, count, lanes)]

        def square(first: Reg, whole: bool) -> None:
            some = lanes if whole else length % lanes
            mask = None if whole else w.table([i < some for i in range(lanes)], "i1")
            turned = []
            for at, rows in groups:
                lines = [
                    w.load(w.pointer(w.pointer(source, (at + i) * across, kind), first, kind),
                           kind, lanes, mask)
                    for i in range(rows)
                ]
                lines += [lines[0]] * (lanes - rows)
                turned.append(w.transposed(lines))
            for i in range(some):
                place = w.pointer(into, (first + i) * stride, kind)
                for (at, _), lines in zip(groups, turned, strict=True):
                    w.store(w.pointer(place, at, kind), lines[i])

        w.shared(length, lanes, square, False)

    # ── the product ─────────────────────────────────────────────────────────────────────────

    def write(self) -> tuple[Writer, str]:
        """Write the function (ptr %p0 y, ptr %p1 packed a, ptr %p2 b, i64 %part)."""
        w, p = Writer(fused=True), self.p
        room = self.deep * self.columns + self.lanes
        w.line(f"%panel = alloca [{room} x {TYPES[p.kind]}], align 64")
        bases = Bases(w, p)
        pointers = bases.y("%p0"), bases.at("%p1", 0, self.steps), bases.b("%p2")

        def block(row: Reg, rows: int, column: Reg, columns: int) -> None:
            """Multiply some rows and some columns."""
            w.shared(p.k, self.deep, lambda first, whole: w.shared(
                columns, self.columns, lambda at, full: self.panel(w, pointers, Part(
                    row, rows, column + at, self.columns if full else columns % self.columns,
                    first, self.deep if whole else p.k % self.deep,
                )), False), False)

        none = w.constant(0, "i64", 0)
        panels = -(-p.n // self.columns)
        if panels >= MANY or self.slivers < 4 * CHUNKS:
            step = self.columns * (PANELS if panels >= MANY * PANELS else 1)
            w.shared(p.n, step, lambda j, full: block(
                none, p.m, j, step if full else p.n % step), True)
        else:
            step = -(-self.slivers // CHUNKS) * self.tall
            w.shared(p.m, step, lambda i, full: block(
                i, step if full else p.m % step, none, p.n), True)
        return w, bases.close()

    def panel(self, w: Writer, pointers: tuple[str, str, str], part: Part) -> None:
        """Pack a panel of b, and let the slivers of a pass by."""
        p, first = self.p, part.first
        y, a, b = pointers
        source = w.pointer(w.pointer(b, part.column * p.bn, p.kind), first * p.bk, p.kind)
        if p.bn == 1:
            whole = [(0, part.columns, 0)]
            self.copy(w, source, p.bk, part.depth, "%panel", self.columns, whole)
        else:
            self.turn(w, source, p.bn, part.columns, part.depth, "%panel", self.columns)

        def sliver(at: Reg, whole: bool) -> None:
            tall = self.tall if whole else part.rows % self.tall
            row = part.row + at
            factors = w.pointer(a, self.index(w, row) * self.sliver, p.kind)
            factors = w.pointer(factors, first * self.tall, p.kind)
            into = w.pointer(w.pointer(y, row * p.n, p.kind), part.column, p.kind)
            self.tile(w, factors, into, tall, part)

        w.shared(part.rows, self.tall, sliver, False)

    def tile(self, w: Writer, a: str, y: str, tall: int, part: Part) -> None:
        """Add the products of a sliver and the panel to a tile of y, or start it."""
        p, lanes = self.p, self.lanes
        wide, left = -(-part.columns // lanes), part.columns % lanes
        short = w.table([i < left for i in range(lanes)], "i1") if left else None
        masks = [short if j == wide - 1 else None for j in range(wide)]
        places = [
            w.pointer(y, i * p.n + j * lanes, p.kind) for i in range(tall) for j in range(wide)
        ]
        zero = w.constant(0.0, p.kind, lanes)
        loop = w.loop(part.depth, 1, [zero] * (tall * wide))
        k = loop.index
        line = w.pointer("%panel", k * self.columns, p.kind)
        right = [w.load(w.pointer(line, j * lanes, p.kind), p.kind, lanes) for j in range(wide)]
        factors = w.pointer(a, k * self.tall, p.kind)
        w.prefetch(w.pointer(factors, AHEAD * self.tall, p.kind))
        sums = []
        for i in range(tall):
            x = w.spread(w.load(w.pointer(factors, i, p.kind), p.kind, 0), lanes)
            sums += [loop.carried[i * wide + j] + x * right[j] for j in range(wide)]
        sums = loop.close(sums)
        start, more, done = w.name("start"), w.name("more"), w.name("done")
        fresh = part.first.same(0)
        w.line(f"br i1 {fresh.text}, label %{start}, label %{more}")
        w.label(start)
        for at, x, mask in zip(places, sums, masks * tall, strict=True):
            w.store(at, x, mask)
        w.line(f"br label %{done}")
        w.label(more)
        for at, x, mask in zip(places, sums, masks * tall, strict=True):
            w.store(at, w.load(at, p.kind, lanes, mask) + x, mask)
        w.line(f"br label %{done}")
        w.label(done)
