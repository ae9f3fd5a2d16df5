"""Matrix products: a loop over tiles that stay in registers.

A product of (M, K) and (K, N) has any strides. Large ones are done by packed.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from ..program import Value
from .kinds import BYTES, kind_of
from .registers import Reg, Writer
from .views import Ref, line, packed

SHARED = 1_500_000  # multiplications from which on two threads do it
LARGE = 8_000_000  # and from which on tiles would wait for memory


@dataclass(frozen=True, slots=True)
class Shape:
    """A product, or a batch of them: strides in elements; `batch` has (length, a, b, y strides)."""

    kind: str
    m: int
    n: int
    k: int
    am: int
    ak: int
    bk: int
    bn: int
    a_offset: int
    b_offset: int
    batch: tuple[tuple[int, int, int, int], ...]

    @property
    def work(self) -> int:
        """The number of multiplications of one product."""
        return self.m * self.n * self.k

    @property
    def large(self) -> bool:
        """Whether it is worth to pack the operands first (measured, with 32 and 64 bytes)."""
        return self.work >= LARGE and self.n >= 100 and self.m >= 16

    def narrow(self, register: int) -> bool:
        """Tell whether y has few columns and the elements of a's columns are neighbours."""
        lanes = register // BYTES[self.kind]
        return self.am == 1 and self.ak != 1 and 1 < self.n <= min(lanes, 12) and self.m >= lanes

    def readable(self) -> tuple[bool, bool]:
        """Tell whether the rows or the columns of a, and of b, lie end to end or apart."""
        return (
            matrix(self.am, self.ak, self.m, self.k), matrix(self.bk, self.bn, self.k, self.n)
        )

    @property
    def dots(self) -> bool:
        """Whether rows meet rows, and their sums of lanes cost less than to turn b."""
        rows = (self.ak == 1 or self.k == 1) and (self.bk == 1 or self.k == 1)
        return rows and (self.n == 1 or (self.bn != 1 and (self.n <= 4 or self.k > 4.7 * self.m)))


def matrix(one: int, two: int, m: int, n: int) -> bool:
    """Tell whether m × n elements with these strides are rows, or columns, none on another."""
    if min(one, two) < 0:
        return False
    rows = (two == 1 or n == 1) and (one >= n or m == 1) and (n > 1 or one >= 1)
    columns = (one == 1 or m == 1) and (two >= m or n == 1) and (m > 1 or two >= 1)
    return rows or columns


def shape_of(a: Ref, b: Ref, out: Value) -> Shape:
    """Read np.matmul's operands as matrices, or batches of them."""
    if len(a.shape) == 1:
        a = Ref(a.base, a.offset, (0, *a.strides), (1, *a.shape))
    if len(b.shape) == 1:
        b = Ref(b.base, b.offset, (*b.strides, 0), (*b.shape, 1))
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    lead = len(a.shape) - 2, len(b.shape) - 2
    outer = max(lead)
    kind = kind_of(out.dtype)
    assert kind is not None
    rows = line(a.shape[:-1], a.strides[:-1])
    batch: tuple[tuple[int, int, int, int], ...] = ()
    if lead[1] == 0 and rows is not None:  # many rows, one matrix: one product
        m, am = prod(a.shape[:-1]), rows
    else:
        am = a.strides[-2]
        a_lead = Ref(a.base, 0, a.strides[:-2], a.shape[:-2])
        b_lead = Ref(b.base, 0, b.strides[:-2], b.shape[:-2])
        full = tuple(
            max(x, y) for x, y in zip(
                (1,) * (outer - lead[0]) + a_lead.shape, (1,) * (outer - lead[1]) + b_lead.shape,
                strict=True,
            )
        )
        steps = (full, a_lead.to(full).strides, b_lead.to(full).strides,
                 tuple(s * m * n for s in packed(full)))
        batch = tuple(zip(*steps, strict=True))
    return Shape(kind, m, n, k, am, a.strides[-1], b.strides[-2], b.strides[-1],
                 a.offset, b.offset, batch)


class Bases:
    """Where the matrices of a product begin: loops over a batch of them, to be closed at the end.

    Strides of a batch may be others than the Shape's: `a`, `y`, elements from one to the next.
    """

    def __init__(self, w: Writer, p: Shape) -> None:
        self.w, self.p = w, p
        self.loops = [(n, w.loop(n)) if n > 1 else None for n, *_ in p.batch]

    def at(self, name: str, offset: int, strides: list[int]) -> str:
        """Give the pointer to this round's matrix."""
        total: Reg | int = offset
        for loop, stride in zip(self.loops, strides, strict=True):
            if loop is not None and stride:
                total = loop[1].index * stride + total
        return self.w.pointer(name, total, self.p.kind)

    def y(self, name: str) -> str:
        """Give the pointer to y."""
        return self.at(name, 0, [s[3] for s in self.p.batch])

    def a(self, name: str) -> str:
        """Give the pointer to a."""
        return self.at(name, self.p.a_offset, [s[1] for s in self.p.batch])

    def b(self, name: str) -> str:
        """Give the pointer to b."""
        return self.at(name, self.p.b_offset, [s[2] for s in self.p.batch])

    def close(self) -> str:
        """End the loops, and the function: its text."""
        for loop in reversed(self.loops):
            if loop is not None:
                loop[1].close()
        return "\n".join([*self.w.lines, "  ret void"])


@lru_cache(maxsize=256)
def write_product(p: Shape, register: int, registers: int) -> tuple[Writer, str]:
    """Write the function (ptr %p0 y, ptr %p1 a, ptr %p2 b) of a product."""
    w = Writer(fused=True)
    bases = Bases(w, p)
    threads = p.work > SHARED
    way: Dots | Tiles | Columns = Tiles(w, p, register, registers)
    if p.dots:
        way = Dots(w, p, register)
    elif p.narrow(register):
        way = Columns(w, p, register, registers)
    way.write(bases.y("%p0"), bases.a("%p1"), bases.b("%p2"), threads)
    return w, bases.close()


class Tiles:
    """Products with rows of b in vectors: a tile of y stays in registers while k runs."""

    def __init__(self, w: Writer, p: Shape, register: int, registers: int) -> None:
        self.w, self.p = w, p
        self.lanes = register // (4 if p.kind == "f32" else 8)
        while self.lanes > 2 and self.lanes // 2 >= p.n:
            self.lanes //= 2
        vectors = -(-p.n // self.lanes)
        self.wide = min(vectors, 4 if registers >= 32 else 2)
        self.tall = max(1, min((registers - 4) // self.wide - 1, 12, p.m))
        rounds = -(-p.m // self.tall)
        self.tall = -(-p.m // rounds)  # even tiles: no thin one at the end

    def write(self, y: str, a: str, b: str, threads: bool) -> None:
        """Write the loops over tiles; threads share the longer one."""
        w, p = self.w, self.p
        step = self.wide * self.lanes

        def tile(row: Reg, column: Reg, tall: bool, wide: bool) -> None:
            rows = self.tall if tall else p.m % self.tall
            rest = p.n % step
            vectors = self.wide if wide else -(-rest // self.lanes)
            left = 0 if wide else rest % self.lanes
            self.tile(y, a, b, row, column, rows, vectors, left)

        if p.n // step >= p.m // self.tall or not threads:
            w.shared(p.n, step, lambda j, wide: w.shared(
                p.m, self.tall, lambda i, tall: tile(i, j, tall, wide), False), threads)
        else:
            w.shared(p.m, self.tall, lambda i, tall: w.shared(
                p.n, step, lambda j, wide: tile(i, j, tall, wide), False), threads)

    def tile(self, y: str, a: str, b: str, row: Reg, column: Reg, tall: int, wide: int,
             left: int) -> None:
        """Write one tile of `tall` rows and `wide` vectors; the last has `left` lanes, or all."""
        w, p = self.w, self.p
        mask = w.table([i < left for i in range(self.lanes)], "i1") if left else None
        a = w.pointer(a, row * p.am if p.am != 1 else row, p.kind)
        b = w.pointer(b, column, p.kind)
        zero = w.constant(0.0, p.kind, self.lanes)
        loop = w.loop(p.k, 1, [zero] * (tall * wide))
        k = loop.index
        line_b = w.pointer(b, k * p.bk if p.bk != 1 else k, p.kind)
        vectors = [
            w.load(w.pointer(line_b, j * self.lanes, p.kind), p.kind, self.lanes,
                   mask if j == wide - 1 else None)
            for j in range(wide)
        ]
        line_a = w.pointer(a, k * p.ak if p.ak != 1 else k, p.kind)
        sums = []
        for i in range(tall):
            one = w.spread(w.load(w.pointer(line_a, i * p.am, p.kind), p.kind, 0), self.lanes)
            sums += [loop.carried[i * wide + j] + one * vectors[j] for j in range(wide)]
        sums = loop.close(sums)
        line_y = w.pointer(w.pointer(y, row * p.n, p.kind), column, p.kind)
        for i in range(tall):
            for j in range(wide):
                w.store(w.pointer(line_y, i * p.n + j * self.lanes, p.kind), sums[i * wide + j],
                        mask if j == wide - 1 else None)


class Dots:
    """Products of rows with rows (a·bᵀ): k runs along the lanes, their sum comes at the end."""

    def __init__(self, w: Writer, p: Shape, register: int) -> None:
        self.w, self.p = w, p
        self.lanes = register // (4 if p.kind == "f32" else 8)
        fewest = 2 if p.n <= 2 else 4  # the sums of a row lie in one vector at the end
        while self.lanes > fewest and self.lanes // 2 >= p.k:
            self.lanes //= 2
        self.wide = min(p.n, 4, self.lanes)
        self.tall = min(p.m, {1: 8, 2: 8, 3: 8, 4: 6}[self.wide])
        if register < 64:
            self.tall = min(p.m, 3)

    def write(self, y: str, a: str, b: str, threads: bool) -> None:
        """Write the loops over tiles: some rows of a stay near while all of b passes."""
        w, p = self.w, self.p

        def tile(row: Reg, column: Reg, tall: bool, wide: bool) -> None:
            rows = self.tall if tall else p.m % self.tall
            self.tile(y, a, b, row, column, rows, self.wide if wide else p.n % self.wide)

        w.shared(p.m, self.tall, lambda i, tall: w.shared(
            p.n, self.wide, lambda j, wide: tile(i, j, tall, wide), False), threads)

    def tile(self, y: str, a: str, b: str, row: Reg, column: Reg, tall: int, wide: int) -> None:
        """Write tall × wide sums of products."""
        w, p = self.w, self.p
        a = w.pointer(a, row * p.am, p.kind)
        b = w.pointer(b, column * p.bn, p.kind)
        sums = [w.constant(0.0, p.kind, self.lanes)] * (tall * wide)
        whole = p.k // self.lanes * self.lanes

        def more(sums: list[Reg], k: Reg | int, mask: Reg | None) -> list[Reg]:
            near, far = w.pointer(a, k, p.kind), w.pointer(b, k, p.kind)
            right = [
                w.load(w.pointer(far, j * p.bn, p.kind), p.kind, self.lanes, mask)
                for j in range(wide)
            ]
            made = []
            for i in range(tall):
                x = w.load(w.pointer(near, i * p.am, p.kind), p.kind, self.lanes, mask)
                made += [sums[i * wide + j] + x * right[j] for j in range(wide)]
            return made

        if whole:
            loop = w.loop(whole, self.lanes, sums)
            sums = loop.close(more(loop.carried, loop.index, None))
        if whole < p.k:
            mask = w.table([i < p.k - whole for i in range(self.lanes)], "i1")
            sums = more(sums, whole, mask)
        into = w.pointer(w.pointer(y, row * p.n, p.kind), column, p.kind)
        many = max(1, self.lanes // wide) * wide  # whole rows that fit a vector
        for first in range(0, len(sums), many):
            part = sums[first : first + many]
            folded = w.fold_many(part)
            for at in range(0, len(part), wide):
                line = w.shuffle(folded, folded, list(range(at, at + wide)))
                i = (first + at) // wide
                w.store(w.pointer(into, i * p.n, p.kind), line)


class Columns:
    """Products with columns of a in vectors, for few columns of b: y is turned at the end."""

    def __init__(self, w: Writer, p: Shape, register: int, registers: int) -> None:
        self.w, self.p = w, p
        self.lanes = register // BYTES[p.kind]
        self.tall = max(1, min((registers - 2) // (p.n + 1), p.m // self.lanes))

    def write(self, y: str, a: str, b: str, threads: bool) -> None:
        """Write the loop over tiles of some vectors of rows, which threads share."""
        w, p = self.w, self.p
        step = self.tall * self.lanes
        w.shared(p.m, step, lambda i, whole: self.tile(y, a, b, i, step if whole else p.m % step),
                 threads)

    def tile(self, y: str, a: str, b: str, row: Reg, rows: int) -> None:
        """Write one tile."""
        w, p, lanes = self.w, self.p, self.lanes
        left = rows % lanes
        short = w.table([i < left for i in range(lanes)], "i1") if left else None
        tall = -(-rows // lanes)
        a = w.pointer(a, row, p.kind)
        loop = w.loop(p.k, 1, [w.constant(0.0, p.kind, lanes)] * (tall * p.n))
        line = w.pointer(a, loop.index * p.ak, p.kind)
        columns = [
            w.load(w.pointer(line, i * lanes, p.kind), p.kind, lanes,
                   short if i == tall - 1 else None)
            for i in range(tall)
        ]
        factors = w.pointer(b, loop.index * p.bk, p.kind)
        sums = []
        for j in range(p.n):
            one = w.spread(w.load(w.pointer(factors, j * p.bn, p.kind), p.kind, 0), lanes)
            sums += [loop.carried[j * tall + i] + columns[i] * one for i in range(tall)]
        sums = loop.close(sums)
        some = w.table([j < p.n for j in range(lanes)], "i1") if p.n < lanes else None
        for i in range(tall):
            square = sums[i::tall]
            turned = w.transposed(square + square[:1] * (lanes - p.n))
            for r in range(left if left and i == tall - 1 else lanes):
                place = w.pointer(y, (row + (i * lanes + r)) * p.n, p.kind)
                w.store(place, turned[r], some)
