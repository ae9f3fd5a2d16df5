"""Matrix products: register tiles for small ones, BLAS for large ones.

A product of (M, K) and (K, N) has any strides. Up to a size (target.py) it is a loop over
tiles that stay in registers; beyond, a call of NumPy's own BLAS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from ..program import Value
from .kinds import kind_of, type_of
from .registers import Reg, Writer
from .views import Ref, line, packed

SHARED = 1_500_000  # multiplications from which on two threads do it
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


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

    def readable(self) -> tuple[bool, bool]:
        """Tell whether BLAS can read a, and b, as they lie."""
        return (
            matrix(self.am, self.ak, self.m, self.k), matrix(self.bk, self.bn, self.k, self.n)
        )

    @property
    def dots(self) -> bool:
        """Whether rows meet rows, and their sums of lanes cost less than to turn b."""
        rows = (self.ak == 1 or self.k == 1) and (self.bk == 1 or self.k == 1)
        return rows and (self.n == 1 or (self.bn != 1 and (self.n <= 4 or self.k > 4.7 * self.m)))


def matrix(one: int, two: int, m: int, n: int) -> bool:
    """Tell whether BLAS can read m × n elements with these strides."""
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


@lru_cache(maxsize=256)
def write_product(
    p: Shape, register: int, registers: int, blas: str | None, halved: bool
) -> tuple[Writer, str]:
    """Write the function (ptr %p0 y, ptr %p1 a, ptr %p2 b[, ptr %p3 BLAS]) of a product.

    halved: BLAS is to do it in two parts, one a thread.
    """
    w = Writer(fused=True)
    offsets: list[tuple[Reg, int, int, int]] = []
    loops = []
    for n, sa, sb, sy in p.batch:
        if n > 1:
            loop = w.loop(n)
            loops.append(loop)
            offsets.append((loop.index, sa, sb, sy))

    def base(name: str, offset: int, which: int) -> str:
        total: Reg | int = offset
        for part in offsets:
            stride = (part[1], part[2], part[3])[which]
            if stride:
                total = part[0] * stride + total
        return w.pointer(name, total, p.kind)

    threads = p.work > SHARED and not loops
    y, a, b = base("%p0", 0, 2), base("%p1", p.a_offset, 0), base("%p2", p.b_offset, 1)
    if blas is not None:
        halves(w, p, y, a, b, blas, halved and threads)
    elif p.dots:
        Dots(w, p, register).write(y, a, b, threads)
    else:
        Tiles(w, p, register, registers).write(y, a, b, threads)
    for loop in reversed(loops):
        loop.close()
    return w, "\n".join([*w.lines, "  ret void"])


def halves(
    w: Writer, p: Shape, y: str, a: str, b: str, whole: str, threads: bool
) -> None:
    """Let BLAS do a product, or threads its left and its right half (or upper and lower)."""
    if not threads:
        call_blas(w, p, y, a, b, whole, p.m, p.n)
        return
    wide = p.n >= p.m
    size = p.n if wide else p.m
    step = -(-size // 32) * 16  # half, in whole vectors

    def part(first: Reg, full: bool) -> None:
        count = step if full else size % step
        if wide:
            call_blas(w, p, w.pointer(y, first, p.kind), a, w.pointer(b, first * p.bn, p.kind),
                      whole, p.m, count)
        else:
            call_blas(w, p, w.pointer(y, first * p.n, p.kind), w.pointer(a, first * p.am, p.kind),
                      b, whole, count, p.n)

    w.shared(size, step, part, True)


def call_blas(
    w: Writer, p: Shape, y: str, a: str, b: str, whole: str, m: int, n: int
) -> None:
    """Call cblas_?gemm through the pointer %p3, for m rows and n columns; `whole`: its integers."""
    real = type_of(p.kind, 0)
    a_plain = p.ak == 1 and (p.am >= p.k or p.m == 1)
    a_plain = a_plain or (p.k == 1 and p.am != 1)
    b_plain = p.bn == 1 and (p.bk >= p.n or p.k == 1)
    b_plain = b_plain or (p.n == 1 and p.bk != 1)
    lda = max(p.am, p.k) if a_plain else max(p.ak, p.m)
    ldb = max(p.bk, p.n) if b_plain else max(p.bn, p.k)
    sizes = ", ".join(f"{whole} {v}" for v in (m, n, p.k))
    one = "0x3FF0000000000000"
    w.line(
        f"call void %p3(i32 {ROW_MAJOR}, i32 {PLAIN if a_plain else TRANSPOSED}, "
        f"i32 {PLAIN if b_plain else TRANSPOSED}, {sizes}, {real} {one}, ptr {a}, {whole} {lda}, "
        f"ptr {b}, {whole} {ldb}, {real} 0.0, ptr {y}, {whole} {p.n})"
    )


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
