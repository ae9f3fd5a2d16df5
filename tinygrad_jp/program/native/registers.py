"""LLVM IR as text, written by arithmetic on registers.

A Reg is an SSA value (or a constant) of a kind (f32, f64, i64, i32, i1) and a number of lanes (0: a
scalar). `x * 2 + y` on Regs writes the instructions into their Writer and gives the last one. No
fast-math flag changes what is computed; where a Writer says `fused`, a product and a sum may become
one instruction, with one rounding instead of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .kinds import BYTES, TYPES, literal, mangled, memory, type_of

IDENTITIES = {"add": 0, "mul": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Reg:
    """A value in a register; `constant` is its number where it is one."""

    writer: Writer
    text: str
    kind: str
    lanes: int
    constant: Any = None

    @property
    def type(self) -> str:
        """The LLVM type."""
        return type_of(self.kind, self.lanes)

    @property
    def floating(self) -> bool:
        """Whether it holds floating point numbers."""
        return self.kind[0] == "f"

    def like(self, other: Any) -> Reg:
        """Give a number as a constant of this Reg's kind and lanes; a Reg as it is."""
        if isinstance(other, Reg):
            return self.writer.spread(other, self.lanes) if self.lanes else other
        return self.writer.constant(other, self.kind, self.lanes)

    def _binary(self, other: Any, real: str, whole: str, swap: bool = False) -> Reg:
        other = self.like(other)
        if self.kind == "i64" and other.constant == IDENTITIES.get(whole, "none"):
            return self  # an index: x + 0, x · 1
        mine = self.writer.spread(self, other.lanes) if other.lanes else self
        a, b = (other, mine) if swap else (mine, other)
        name = (f"{real} contract" if self.writer.fused else real) if self.floating else whole
        return self.writer.new(f"{name} {a.type} {a.text}, {b.text}", self.kind, a.lanes)

    def __add__(self, other: Any) -> Reg:
        return self._binary(other, "fadd", "add")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Reg:
        return self._binary(other, "fsub", "sub")

    def __rsub__(self, other: Any) -> Reg:
        return self._binary(other, "fsub", "sub", swap=True)

    def __mul__(self, other: Any) -> Reg:
        return self._binary(other, "fmul", "mul")

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Reg:
        return self._binary(other, "fdiv", "sdiv")

    def __rtruediv__(self, other: Any) -> Reg:
        return self._binary(other, "fdiv", "sdiv", swap=True)

    def __and__(self, other: Any) -> Reg:
        return self._binary(other, "", "and")

    def __or__(self, other: Any) -> Reg:
        return self._binary(other, "", "or")

    def __xor__(self, other: Any) -> Reg:
        return self._binary(other, "", "xor")

    def __lshift__(self, other: Any) -> Reg:
        return self._binary(other, "", "shl")

    def __rshift__(self, other: Any) -> Reg:
        return self._binary(other, "", "ashr")

    def __neg__(self) -> Reg:
        if self.floating:
            return self.writer.new(f"fneg {self.type} {self.text}", self.kind, self.lanes)
        return self.like(0) - self

    def compare(self, real: str, whole: str, other: Any) -> Reg:
        """Compare: `real` is LLVM's name for floats (ordered: false with NaN), `whole` for ints."""
        other = self.like(other)
        mine = self.writer.spread(self, other.lanes) if other.lanes else self
        name = f"fcmp {real}" if self.floating else f"icmp {whole}"
        return self.writer.new(f"{name} {mine.type} {mine.text}, {other.text}", "i1", mine.lanes)

    def __gt__(self, other: Any) -> Reg:
        return self.compare("ogt", "sgt" if self.kind != "i1" else "ugt", other)

    def __ge__(self, other: Any) -> Reg:
        return self.compare("oge", "sge" if self.kind != "i1" else "uge", other)

    def __lt__(self, other: Any) -> Reg:
        return self.compare("olt", "slt" if self.kind != "i1" else "ult", other)

    def __le__(self, other: Any) -> Reg:
        return self.compare("ole", "sle" if self.kind != "i1" else "ule", other)

    def same(self, other: Any) -> Reg:
        """Tell where it equals another (never, with NaN)."""
        return self.compare("oeq", "eq", other)

    def differs(self, other: Any) -> Reg:
        """Tell where it does not equal another (always, with NaN)."""
        return self.compare("une", "ne", other)

    def is_nan(self) -> Reg:
        """Tell where it is NaN."""
        return self.compare("uno", "ne", self)


class Writer:
    """Collects the lines of one function; `fused`: x·y + z may be rounded once."""

    def __init__(self, fused: bool = False) -> None:
        self.fused = fused
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.called: set[tuple[str, str, int]] = set()  # functions of mathematics.py
        self._count = 0
        self.block = "entry"
        self.parts = 0  # of the outermost loop, if threads share it: each call does one, %part

    def name(self, stem: str = "v") -> str:
        """Make a name that is not in use."""
        self._count += 1
        return f"{stem}{self._count}"

    def line(self, text: str) -> None:
        """Add an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Start a block."""
        self.lines.append(f"{name}:")
        self.block = name

    def new(self, text: str, kind: str, lanes: int) -> Reg:
        """Add an instruction, and give its result."""
        name = f"%{self.name()}"
        self.lines.append(f"  {name} = {text}")
        return Reg(self, name, kind, lanes)

    def pointer(self, base: str, index: Reg | int, kind: str) -> str:
        """Give the address of an element."""
        if isinstance(index, int) or index.constant is not None:
            at = index if isinstance(index, int) else int(index.constant)
            if at == 0:
                return base
            text = str(at)
        else:
            text = index.text
        name = f"%{self.name('a')}"
        self.lines.append(f"  {name} = getelementptr {TYPES[memory(kind)]}, ptr {base}, i64 {text}")
        return name

    def constant(self, value: Any, kind: str, lanes: int) -> Reg:
        """Give a number as a constant."""
        text = literal(value, kind)
        if lanes:
            text = f"splat ({TYPES[kind]} {text})"
        return Reg(self, text, kind, lanes, value)

    def table(self, values: list[Any], kind: str) -> Reg:
        """Give a vector of numbers."""
        inside = ", ".join(f"{TYPES[kind]} {literal(v, kind)}" for v in values)
        return Reg(self, f"<{inside}>", kind, len(values))

    def spread(self, x: Reg, lanes: int) -> Reg:
        """Give a scalar in every lane."""
        if x.lanes or not lanes:
            return x
        if x.constant is not None:
            return self.constant(x.constant, x.kind, lanes)
        kind = type_of(x.kind, lanes)
        first = self.new(f"insertelement {kind} poison, {x.type} {x.text}, i64 0", x.kind, lanes)
        return self.shuffle(first, first, [0] * lanes)

    def shuffle(self, a: Reg, b: Reg, places: list[int]) -> Reg:
        """Pick lanes from two vectors laid end to end; −1 for any."""
        mask = ", ".join("i32 poison" if p < 0 else f"i32 {p}" for p in places)
        n = len(places)
        text = f"shufflevector {a.type} {a.text}, {b.type} {b.text}, <{n} x i32> <{mask}>"
        return self.new(text, a.kind, n)

    def pick(self, x: Reg, lane: int) -> Reg:
        """Give one lane."""
        return self.new(f"extractelement {x.type} {x.text}, i64 {lane}", x.kind, 0)

    def select(self, test: Reg, yes: Any, no: Any) -> Reg:
        """Give `yes` where the test holds, else `no`."""
        given = yes if isinstance(yes, Reg) else no
        lanes = max(test.lanes, *(r.lanes for r in (yes, no) if isinstance(r, Reg)))
        test = self.spread(test, lanes)
        a, b = (self.spread(given.like(r), lanes) for r in (yes, no))
        text = f"select {test.type} {test.text}, {a.type} {a.text}, {b.type} {b.text}"
        return self.new(text, a.kind, lanes)

    def cast(self, x: Reg, kind: str) -> Reg:
        """Convert as NumPy does between these kinds."""
        if x.kind == kind:
            return x
        if x.constant is not None:
            return self.constant(x.constant, kind, x.lanes)
        if kind == "i1":
            return x.differs(0)
        real, was = kind[0] == "f", x.kind[0] == "f"
        wider = BYTES[kind] > BYTES[x.kind]
        if real and was:
            name = "fpext" if wider else "fptrunc"
        elif real:
            name = "uitofp" if x.kind == "i1" else "sitofp"
        elif was:
            name = "fptosi"
        else:
            name = "zext" if x.kind == "i1" else "sext" if wider else "trunc"
        return self.new(f"{name} {x.type} {x.text} to {type_of(kind, x.lanes)}", kind, x.lanes)

    def bits(self, x: Reg, kind: str) -> Reg:
        """Read the same bits as another kind of the same size."""
        return self.new(f"bitcast {x.type} {x.text} to {type_of(kind, x.lanes)}", kind, x.lanes)

    def intrinsic(self, name: str, *xs: Reg) -> Reg:
        """Call llvm.name on values of one type."""
        x = xs[0]
        full = f"@llvm.{name}.{mangled(x.kind, x.lanes)}"
        self.declared.add(f"declare {x.type} {full}({', '.join(y.type for y in xs)})")
        given = ", ".join(f"{y.type} {y.text}" for y in xs)
        return self.new(f"call {x.type} {full}({given})", x.kind, x.lanes)

    def function(self, name: str, *xs: Reg) -> Reg:
        """Call a function of mathematics.py."""
        x = xs[0]
        self.called.add((name, x.kind, x.lanes))
        given = ", ".join(f"{y.type} {y.text}" for y in xs)
        full = f"@tj.{name}.{mangled(x.kind, x.lanes)}"
        return self.new(f"call {x.type} {full}({given})", x.kind, x.lanes)

    def libm(self, name: str, *xs: Reg) -> Reg:
        """Call the C library's function lane by lane."""
        x = xs[0]
        full = name + ("f" if x.kind == "f32" else "")
        scalar = TYPES[x.kind]
        self.declared.add(f"declare {scalar} @{full}({', '.join(scalar for _ in xs)})")
        if not x.lanes:
            given = ", ".join(f"{y.type} {y.text}" for y in xs)
            return self.new(f"call {scalar} @{full}({given})", x.kind, 0)
        y = Reg(self, "poison", x.kind, x.lanes)
        for lane in range(x.lanes):
            given = ", ".join(f"{scalar} {self.pick(v, lane).text}" for v in xs)
            one = self.new(f"call {scalar} @{full}({given})", x.kind, 0)
            text = f"insertelement {y.type} {y.text}, {scalar} {one.text}, i64 {lane}"
            y = self.new(text, x.kind, x.lanes)
        return y

    # ── memory ──────────────────────────────────────────────────────────────────────────────

    def load(self, address: str, kind: str, lanes: int, mask: Reg | None = None) -> Reg:
        """Read a scalar, or a vector of neighbours; where the mask does not hold, zero."""
        inside = memory(kind)
        vector = type_of(inside, lanes)
        align = BYTES[inside]
        if mask is None:
            x = self.new(f"load {vector}, ptr {address}, align {align}", inside, lanes)
        else:
            full = f"@llvm.masked.load.{mangled(inside, lanes)}.p0"
            self.declared.add(f"declare {vector} {full}(ptr, i32 immarg, {mask.type}, {vector})")
            given = f"ptr {address}, i32 {align}, {mask.type} {mask.text}"
            text = f"call {vector} {full}({given}, {vector} zeroinitializer)"
            x = self.new(text, inside, lanes)
        if kind == "i1":
            return self.new(f"icmp ne {x.type} {x.text}, zeroinitializer" if lanes
                            else f"icmp ne i8 {x.text}, 0", "i1", lanes)
        return x

    def store(self, address: str, x: Reg, mask: Reg | None = None) -> None:
        """Write a scalar, or a vector to neighbours, where the mask holds."""
        if x.kind == "i1":
            x = self.new(f"zext {x.type} {x.text} to {type_of('i8', x.lanes)}", "i8", x.lanes)
        align = BYTES[x.kind]
        if mask is None:
            self.line(f"store {x.type} {x.text}, ptr {address}, align {align}")
            return
        full = f"@llvm.masked.store.{mangled(x.kind, x.lanes)}.p0"
        self.declared.add(f"declare void {full}({x.type}, ptr, i32 immarg, {mask.type})")
        given = f"{x.type} {x.text}, ptr {address}, i32 {align}, {mask.type} {mask.text}"
        self.line(f"call void {full}({given})")

    def prefetch(self, address: str) -> None:
        """Ask for a line of memory that is read soon."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)")
        self.line(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 3, i32 1)")

    # ── loops ───────────────────────────────────────────────────────────────────────────────

    def loop(self, count: int | Reg, step: int = 1, carried: list[Reg] | None = None) -> Loop:
        """Start a loop over range(0, count, step), at least once round; end it with `close`."""
        return Loop(self, count, step, carried or [])

    def shared(
        self, count: int, step: int, body: Callable[[Reg, bool], None], threads: bool
    ) -> None:
        """Go over range(0, count, step), and over a shorter rest: body(first, whether whole).

        threads: the parts may be done at once, so the function does one of them, %part.
        """
        whole = count // step * step
        if threads and count > step:
            self.parts = -(-count // step)
            part = Reg(self, "%part", "i64", 0)
            if whole == count:
                body(part * step, True)
                return
            full, rest, end = self.name("full"), self.name("rest"), self.name("end")
            test = part < whole // step
            self.line(f"br i1 {test.text}, label %{full}, label %{rest}")
            self.label(full)
            body(part * step, True)
            self.line(f"br label %{end}")
            self.label(rest)
            body(self.constant(whole, "i64", 0), False)
            self.line(f"br label %{end}")
            self.label(end)
            return
        if whole:
            loop = self.loop(whole, step)
            body(loop.index, True)
            loop.close()
        if whole < count:
            body(self.constant(whole, "i64", 0), False)

    def fold(self, x: Reg, join: Any) -> Reg:
        """Join all lanes into a scalar, halves first: the same order on every machine."""
        while x.lanes > 1:
            half = x.lanes // 2
            low = self.shuffle(x, x, list(range(half)))
            high = self.shuffle(x, x, list(range(half, 2 * half)))
            x = join(low, high)
        return self.pick(x, 0)

    def fold_many(self, xs: list[Reg]) -> Reg:
        """Sum the lanes of each of several vectors, together: sum i is lane i of the result."""
        n = xs[0].lanes
        count = 1
        while count < len(xs):
            count *= 2
        xs = xs + [xs[0]] * (count - len(xs))
        length = n  # of the part of a vector that belongs to one sum
        while length > 1:
            half = length // 2
            firsts = [p for p in range(xs[0].lanes) if p % length < half]
            if len(xs) > 1:
                both = [*firsts, *(p + xs[0].lanes for p in firsts)]
                pairs = list(zip(xs[::2], xs[1::2], strict=True))
            else:
                both, pairs = firsts, [(xs[0], xs[0])]
            xs = [
                self.shuffle(a, b, both) + self.shuffle(a, b, [p + half for p in both])
                for a, b in pairs
            ]
            length = half
        return xs[0]

    def transposed(self, rows: list[Reg]) -> list[Reg]:
        """Transpose a square of as many vectors as each has lanes."""
        n, rows = len(rows), list(rows)
        d = n // 2
        while d:
            for i in range(n):
                if i & d:
                    continue
                a, b = rows[i], rows[i + d]
                rows[i] = self.shuffle(a, b, [p + n - d if p & d else p for p in range(n)])
                rows[i + d] = self.shuffle(a, b, [p + n if p & d else p + d for p in range(n)])
            d //= 2
        return rows


class Loop:
    """A loop under way: `index` counts, `carried` are the values that go round."""

    def __init__(self, writer: Writer, count: int | Reg, step: int, start: list[Reg]) -> None:
        w = self.writer = writer
        self.count, self.step = count, step
        self.head, self.end = w.name("loop"), w.name("done")
        self.next = f"%{w.name('next')}"
        before = w.block
        w.line(f"br label %{self.head}")
        w.label(self.head)
        name = f"%{w.name('i')}"
        self.index = Reg(w, name, "i64", 0)
        self._holes = []
        self._phi = len(w.lines)
        w.lines.append(f"  {name} = phi i64 [ 0, %{before} ], [ {self.next}, %LATCH ]")
        self.carried = []
        for x in start:
            hole = f"%{w.name('n')}"
            reg = Reg(w, f"%{w.name('c')}", x.kind, x.lanes)
            w.lines.append(
                f"  {reg.text} = phi {x.type} [ {x.text}, %{before} ], [ {hole}, %LATCH ]"
            )
            self._holes.append(hole)
            self.carried.append(reg)
        self._stop = len(w.lines)

    def close(self, carried: list[Reg] | None = None) -> list[Reg]:
        """End the loop; `carried` are the values for the next round, and given at the end."""
        w = self.writer
        final = carried or []
        for k in range(self._phi, self._stop):
            line = w.lines[k].replace("%LATCH", f"%{w.block}")
            for hole, x in zip(self._holes, final, strict=True):
                line = line.replace(f"[ {hole},", f"[ {x.text},")
            w.lines[k] = line
        w.line(f"{self.next} = add nuw nsw i64 {self.index.text}, {self.step}")
        test = f"%{w.name('t')}"
        limit = self.count.text if isinstance(self.count, Reg) else self.count
        w.line(f"{test} = icmp ult i64 {self.next}, {limit}")
        w.line(f"br i1 {test}, label %{self.head}, label %{self.end}")
        w.label(self.end)
        return final
