"""The code of a group of rows.py: a loop over rows, in it the phases' loops over columns."""

from __future__ import annotations

from typing import Any

from ..program import Value
from .kinds import BYTES, kind_of, memory, type_of
from .reductions import joined, start
from .registers import Reg, Writer
from .rows import Access, Member, Rows, columns_in_a_part, rows_in_a_part
from .ufuncs import where as choose

UNROLLED = 4  # so many vectors of columns are written out instead of looped over
STACK = 1 << 16  # bytes of rows that a thread keeps on its stack
STRETCH = 64  # so many vectors are summed before their sum is added to the others: less rounding


class RowsWriter:
    """Writes a group out as a function of the pointers to its arrays."""

    def __init__(self, group: Rows, stored: set[Value], register: int) -> None:
        self.group, self.stored = group, stored
        self.w = Writer()
        self.pointers: dict[Value, str] = {}
        self.scratch: dict[Value, Value] = {}  # a row of a value that a later phase reads
        self.on_stack: dict[Value, str] = {}
        self.loaded: dict[tuple[Any, ...], Reg] = {}
        self.row_regs: dict[Value, Reg] = {}
        self.post_regs: dict[Value, Reg] = {}
        self.kept: dict[tuple[Value, int], Reg] = {}
        self.cells: dict[tuple[Value, int], tuple[str, Reg]] = {}
        self.totals: dict[Value, str] = {}  # sums of stretches
        self.waiting: list[tuple[str, Reg, Reg | None]] = []  # stores: after all that is read
        self.hoisting = True
        self.first: Reg | int = 0  # of the columns that are written now
        self.count = group.columns
        widest = 4
        for m in group.members:
            for value in (*m.node.made(), *(r.base for r in m.node.refs())):
                if value.dtype.kind == "f":
                    widest = max(widest, value.dtype.itemsize)
        self.lanes = register // widest
        if group.columns == 1:
            self.lanes = 1
        while self.lanes > 2 and self.lanes // 2 >= group.columns:
            self.lanes //= 2
        if self.lanes == 1 or group.columns == 1:
            self.lanes = 0
        step = self.lanes or 1
        self.blocks = -(-group.columns // step)
        self.phases = 1 + max((m.phase for m in group.members if m.level == "full"
                               or self.over_columns(m)), default=0)
        self.unrolled = self.blocks <= UNROLLED

    @staticmethod
    def over_columns(m: Member) -> bool:
        """Tell whether a reduction has work to do at each column."""
        return m.node.sort == "reduce" and m.level != "post of rows"

    def pointer(self, value: Value) -> str:
        """Name the parameter that points to a value."""
        if value in self.on_stack:
            return self.on_stack[value]
        return self.pointers.setdefault(value, f"%p{len(self.pointers)}")

    # ── reading ─────────────────────────────────────────────────────────────────────────────

    def element(self, at: Access, r: Reg | None, c: Reg | None) -> Reg | int:
        """Give the place of an element."""
        place: Reg | int = at.offset
        if r is not None and at.row:
            place = r * at.row + place if at.row != 1 or at.offset else r
        if c is not None and at.column:
            more = c * at.column if at.column != 1 else c
            place = more + place if not isinstance(place, int) or place else more
        return place

    def read(self, at: Access, level: str, r: Reg | None, c: Reg | None, block: int,
             mask: Reg | None) -> Reg:
        """Give an operand at the current row and columns."""
        base = at.base
        made = self.group.levels.get(base)
        if made is not None and made[0] == "post":
            return self.post_regs[base]
        if made is not None and made[0] == "row":
            return self.row_regs[base]
        if made is not None and (base, block) in self.kept:
            return self.kept[base, block]
        kind = kind_of(base.dtype)
        assert kind is not None
        if made is not None and base in self.scratch:
            pointer = self.pointer(self.scratch[base])
            address = self.w.pointer(pointer, c if c is not None else 0, kind)
            return self.w.load(address, kind, self.lanes, mask)
        column = at.column if c is not None and self.group.columns > 1 else 0
        row = at.row if r is not None else 0
        if not column:
            key = (base, at.offset, row, None if not row else r and r.text)
            found = self.loaded.get(key)
            if found is None:
                place = self.element(at, r, None)
                found = self.w.load(self.w.pointer(self.pointer(base), place, kind), kind, 0)
                if self.hoisting:
                    self.loaded[key] = found
            return found
        place = self.element(at, r, c)
        address = self.w.pointer(self.pointer(base), place, kind)
        if column == 1 or not self.lanes:
            return self.w.load(address, kind, self.lanes, mask)
        return self.gather(address, column, kind, mask)

    def gather(self, address: str, stride: int, kind: str, mask: Reg | None) -> Reg:
        """Read lanes that lie apart."""
        w, n = self.w, self.lanes
        inside = memory(kind)
        steps = w.table([i * stride for i in range(n)], "i64")
        name = f"%{w.name('g')}"
        scalar = type_of(inside, 0)
        w.line(f"{name} = getelementptr {scalar}, ptr {address}, <{n} x i64> {steps.text}")
        vector = type_of(inside, n)
        full = f"@llvm.masked.gather.v{n}{inside}.v{n}p0"
        test = mask.text if mask is not None else "splat (i1 true)"
        w.declared.add(f"declare {vector} {full}(<{n} x ptr>, i32 immarg, <{n} x i1>, {vector})")
        x = w.new(f"call {vector} {full}(<{n} x ptr> {name}, i32 {BYTES[inside]}, "
                  f"<{n} x i1> {test}, {vector} zeroinitializer)", inside, n)
        return w.new(f"icmp ne {x.type} {x.text}, zeroinitializer", "i1", n) if kind == "i1" else x

    def computed(self, m: Member, level: str, r: Reg | None, c: Reg | None, block: int,
                 mask: Reg | None) -> Reg:
        """Write what a map does."""
        w, node = self.w, m.node
        regs = []
        lanes = self.lanes if level == "full" else 0
        where = node.form is choose
        for place, x in enumerate(m.operands):
            kind = "i1" if where and place == 0 else node.kind
            if isinstance(x, Access):
                reg = self.read(x, level, r, c, block, mask)
                regs.append(w.cast(reg, kind))
            else:
                regs.append(w.constant(x, kind, 0))
        regs = [w.spread(x, lanes) for x in regs]
        assert node.form is not None
        assert node.out is not None
        made = kind_of(node.out.dtype)
        assert made is not None
        return w.cast(node.form(w, *regs), made)

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    def write(self) -> str:
        """Write the function: its body, with the parameters in self.pointers."""
        w, g = self.w, self.group
        later = self.read_later()
        reductions = [m for m in g.members if m.node.sort == "reduce"]
        for m in reductions:
            if not self.in_memory(m):
                self.start_reduction(m)
        for value in later:
            if not self.unrolled and value not in self.stored and g.rows > 1:
                self.scratch[value] = Value((g.columns,), value.dtype)
            elif not self.unrolled:
                self.stored.add(value)
        for m in g.members:  # what is the same in every row is read once, before
            for x in m.operands:
                if isinstance(x, Access) and x.base not in g.levels:
                    varies = (g.rows > 1 and x.row) or (g.columns > 1 and x.column)
                    if not varies and m.level in ("full", "row"):
                        self.read(x, m.level, None, None, 0, None)
        rows, chunk = rows_in_a_part(g), columns_in_a_part(g, self.lanes or 1)
        if rows and sum(g.columns * v.dtype.itemsize for v in self.scratch) <= STACK:
            for room in self.scratch.values():  # each thread's own
                name = self.on_stack[room] = f"%{w.name('row')}"
                kind = memory(kind_of(room.dtype) or "")
                w.line(f"{name} = alloca [{g.columns} x {type_of(kind, 0)}], align 64")
            w.shared(g.rows, rows, lambda r, full: self.span(
                0, g.columns, r, rows if full else g.rows % rows), True)
        elif chunk and not self.unrolled:
            rest = g.columns % chunk
            w.shared(g.columns, chunk, lambda c, full: self.span(c, chunk if full else rest), True)
        else:
            self.span(0, g.columns)
        self.finish()
        return "\n".join([*w.lines, "  ret void"])

    def span(
        self, first: Reg | int, count: int, row: Reg | int = 0, rows: int | None = None
    ) -> None:
        """Write some columns, of all rows or of some."""
        w, g = self.w, self.group
        self.first, self.count = first, count
        for m in g.members:
            if m.node.sort == "reduce" and self.in_memory(m):
                self.clear(m)
        if g.rows == 1:
            self.row(None)
            return
        before = dict(self.loaded)
        loop = w.loop(rows or g.rows)
        self.row(loop.index + row)
        loop.close()
        self.loaded = before

    def clear(self, m: Member) -> None:
        """Fill the columns of a reduction that is gathered in memory with what it starts from."""
        w, node = self.w, m.node
        assert node.out is not None
        address = w.pointer(self.pointer(node.out), self.first, node.kind)
        zero = w.constant(start(node.reduction, node.kind), node.kind, self.lanes)
        whole = self.count // self.lanes * self.lanes
        if whole:
            loop = w.loop(whole, self.lanes)
            w.store(w.pointer(address, loop.index, node.kind), zero)
            loop.close()
        if whole < self.count:
            w.store(w.pointer(address, whole, node.kind), zero, self.tail())

    def read_later(self) -> list[Value]:
        """List full values that a later phase than their own reads."""
        found: dict[Value, None] = {}
        for m in self.group.members:
            for x in m.operands:
                if isinstance(x, Access):
                    level, phase = self.group.levels.get(x.base, ("", 0))
                    if level == "full" and phase < m.phase:
                        found[x.base] = None
        return list(found)

    def start_reduction(self, m: Member) -> None:
        """Make the cell that a reduction is gathered in."""
        w, node = self.w, m.node
        assert node.out is not None
        first = start(node.reduction, node.kind)
        count = self.blocks if m.level == "column" else 1
        lanes = 0 if m.level == "post of rows" else self.lanes
        for block in range(count):
            zero = w.constant(first, node.kind, lanes)
            name = f"%{w.name('acc')}"
            w.line(f"{name} = alloca {zero.type}")
            self.cells[node.out, block] = (name, zero)
            w.line(f"store {zero.type} {zero.text}, ptr {name}")
        many = self.blocks * self.group.rows > STRETCH
        if m.level == "post" and node.reduction == "sum" and many:
            name = self.totals[node.out] = f"%{w.name('total')}"
            w.line(f"{name} = alloca {zero.type}")
            w.line(f"store {zero.type} {zero.text}, ptr {name}")

    def in_memory(self, m: Member) -> bool:
        """Tell whether sums down the columns are gathered in memory: too many for registers."""
        return m.level == "column" and not self.unrolled

    def tail(self) -> Reg:
        """Give the mask of the last, shorter vector of columns."""
        left = self.group.columns % self.lanes
        return self.w.table([lane < left for lane in range(self.lanes)], "i1")

    def row(self, r: Reg | None) -> None:
        """Write one row: its phases in turn."""
        w, g = self.w, self.group
        self.kept = {}
        for m in g.members:
            if m.node.sort == "reduce" and m.level == "row":
                assert m.node.out is not None
                name, zero = self.cells[m.node.out, 0]
                w.line(f"store {zero.type} {zero.text}, ptr {name}")
        for m in g.members:  # what is the same along the row is read once
            for x in m.operands:
                if isinstance(x, Access) and x.base not in g.levels and not (
                    g.columns > 1 and x.column
                ) and m.level in ("full", "row"):
                    self.read(x, m.level, r, None, 0, None)
        self.row_maps(r, -1)
        for phase in range(self.phases):
            now = [m for m in g.members if m.phase == phase
                   and (m.level == "full" or self.over_columns(m))]
            if now:
                self.columns(now, r)
            for m in g.members:
                if m.node.sort == "reduce" and m.level == "row" and m.phase == phase:
                    self.end_row(m, r)
            self.row_maps(r, phase)
        self.flush()

    def row_maps(self, r: Reg | None, phase: int) -> None:
        """Write what there is once a row, after a phase."""
        for m in self.group.members:
            out = m.node.out
            assert out is not None
            if m.level == "row" and m.node.sort == "map" and m.phase == phase:
                self.row_regs[out] = self.computed(m, "row", r, None, 0, None)
                self.store_row(out, r)
            elif m.level == "post of rows" and m.phase == phase:
                x = self.w.cast(self.row_regs[m.operands[0].base], m.node.kind)
                self.gathered(m, x, 0, None)

    def store_row(self, out: Value, r: Reg | None) -> None:
        """Write what there is once a row, if others read it."""
        if out in self.stored:
            x = self.row_regs[out]
            place = r if r is not None else 0
            self.waiting.append((self.w.pointer(self.pointer(out), place, x.kind), x, None))

    def end_row(self, m: Member, r: Reg | None) -> None:
        """Join the lanes of a reduction along a row."""
        out = m.node.out
        assert out is not None
        name, zero = self.cells[out, 0]
        self.row_regs[out] = self.folded(m, name, zero)
        self.store_row(out, r)

    def folded(self, m: Member, name: str, zero: Reg) -> Reg:
        """Join the lanes of a cell."""
        w = self.w
        x = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
        if m.node.out in self.totals:
            x = x + w.new(f"load {x.type}, ptr {self.totals[m.node.out]}", x.kind, x.lanes)
        if x.lanes:
            x = w.fold(x, lambda a, b: joined(w, m.node.reduction, a, b))
        return x

    def columns(self, now: list[Member], r: Reg | None) -> None:
        """Write the columns of one phase."""
        w = self.w
        step = self.lanes or 1
        whole = self.count // step * step
        if self.unrolled:
            for block in range(self.blocks):
                c = w.constant(block * step, "i64", 0)
                self.body(now, r, c, block, None if block * step < whole else self.tail())
            self.put_by([m for m in now if m.node.out in self.totals])
            return
        kept = self.kept
        stretch = STRETCH * step
        sums = [m for m in now if m.node.out in self.totals]
        if not sums or whole <= stretch:
            if whole:
                self.run(now, r, 0, whole)
        else:
            stretches = whole // stretch * stretch
            outer = w.loop(stretches, stretch)
            self.run(now, r, outer.index, stretch)  # first is 0: threads share no such sums
            self.put_by(sums)
            outer.close()
            if stretches < whole:
                self.run(now, r, stretches, whole - stretches)
        self.put_by(sums)
        if whole < self.count:
            self.kept = {}
            self.body(now, r, w.constant(whole, "i64", 0) + self.first, 0, self.tail())
        self.kept = kept

    def run(self, now: list[Member], r: Reg | None, first: Reg | int, count: int) -> None:
        """Write the loop over some columns, whole vectors of them."""
        before = dict(self.loaded)
        loop = self.w.loop(count, self.lanes or 1)
        self.kept = {}
        self.body(now, r, loop.index + first + self.first, 0, None)
        loop.close()
        self.loaded = before

    def put_by(self, sums: list[Member]) -> None:
        """Add what was summed in a stretch to the sum of all, and start anew."""
        w = self.w
        for m in sums:
            assert m.node.out is not None
            name, zero = self.cells[m.node.out, 0]
            total = self.totals[m.node.out]
            x = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
            y = w.new(f"load {zero.type}, ptr {total}", zero.kind, zero.lanes) + x
            w.line(f"store {y.type} {y.text}, ptr {total}")
            w.line(f"store {zero.type} {zero.text}, ptr {name}")

    def body(self, now: list[Member], r: Reg | None, c: Reg, block: int, mask: Reg | None) -> None:
        """Write the steps at one vector of columns."""
        w, g = self.w, self.group
        for m in now:
            node = m.node
            assert node.out is not None
            if node.sort == "reduce":
                x = self.read(m.operands[0], "full", r, c, block, mask)
                self.gathered(m, w.spread(w.cast(x, node.kind), self.lanes), block, mask, c)
                continue
            y = w.spread(self.computed(m, "full", r, c, block, mask), self.lanes)
            self.kept[node.out, block] = y
            if node.out in self.scratch:
                address = w.pointer(self.pointer(self.scratch[node.out]), c, y.kind)
                self.waiting.append((address, y, mask))
            if node.out in self.stored:
                at = Access(node.out, 0, g.columns, 1)
                place = self.element(at, r, c)
                address = w.pointer(self.pointer(node.out), place, y.kind)
                self.waiting.append((address, y, mask))
        self.flush()

    def flush(self) -> None:
        """Write to memory what waits for it."""
        for address, y, mask in self.waiting:
            self.w.store(address, y, mask)
        self.waiting.clear()

    def gathered(
        self, m: Member, x: Reg, block: int, mask: Reg | None, c: Reg | None = None
    ) -> None:
        """Add to a reduction's cell."""
        w, node = self.w, m.node
        assert node.out is not None
        if self.in_memory(m):
            assert c is not None
            address = w.pointer(self.pointer(node.out), c, node.kind)
            y = joined(w, node.reduction, w.load(address, node.kind, self.lanes, mask), x)
            w.store(address, y, mask)
            return
        name, _ = self.cells[node.out, block if m.level == "column" else 0]
        old = w.new(f"load {x.type}, ptr {name}", x.kind, x.lanes)
        y = joined(w, node.reduction, old, x)
        if mask is not None and m.level != "column":
            y = w.select(mask, y, old)
        w.line(f"store {y.type} {y.text}, ptr {name}")

    def finish(self) -> None:
        """Write what there is once all rows are done."""
        w, g = self.w, self.group
        step = self.lanes or 1
        for m in g.members:
            node = m.node
            assert node.out is not None
            if m.level == "column" and not self.in_memory(m):
                for block in range(self.blocks):
                    name, zero = self.cells[node.out, block]
                    x = w.new(f"load {zero.type}, ptr {name}", zero.kind, zero.lanes)
                    short = (block + 1) * step > g.columns
                    address = w.pointer(self.pointer(node.out), block * step, node.kind)
                    w.store(address, x, self.tail() if short else None)
            elif m.level in ("post", "post of rows"):
                if node.sort == "reduce":
                    self.post_regs[node.out] = self.folded(m, *self.cells[node.out, 0])
                else:
                    self.post_regs[node.out] = self.computed(m, "post", None, None, 0, None)
                if node.out in self.stored:
                    x = self.post_regs[node.out]
                    self.waiting.append((self.pointer(node.out), x, None))
        self.flush()
