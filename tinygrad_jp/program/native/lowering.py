"""From a Program to kernels in order: what runs in one loop, and where each value is in memory.

fusion.py says what shares a loop. What no other kernel reads never gets memory. A new state is
written over the old one where nothing reads that later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from ..program import Program, Value
from . import products
from .copies import write_copy
from .fusion import Fusion
from .lanes import Lanes
from .nest import RowsWriter
from .nodes import Node, Reader
from .packed import Packed
from .registers import Writer
from .rows import Rows
from .strips import StripsWriter
from .target import Target
from .views import Ref, plain

ALIGNED = 64


@dataclass(slots=True)
class Kernel:
    """A function and what it is called on; the same text is compiled once.

    arguments: values whose memory it takes, or names of slots ("state", "next_double", ...).
    """

    text: str
    arguments: list[Value | str]
    writer: Writer
    nodes: list[Node]

    @property
    def parts(self) -> int:
        """Into how many parts it is cut that threads may do at once; 0: it is not."""
        return self.writer.parts


@dataclass(slots=True)
class Step:
    """One place in the order: kernels, or a check of a flag, or a call of NumPy."""

    kernels: list[Kernel] = field(default_factory=list)
    flag: Value | None = None
    call: Node | None = None


class Lowered:
    """A Program as steps, with the place of each value.

    targets: outputs that have memory of their own, in order; homes: values that live in an input's
    or output's memory; offsets: the others, in the workspace, whose size is `workspace` bytes.
    """

    def __init__(self, program: Program, target: Target) -> None:
        self.program, self.target = program, target
        self.reader = Reader(program)
        self.fusion = Fusion()
        self.groups = self.fusion.groups
        self.external = {*program.inputs, *program.constants}
        # a constant that is given back is copied: the caller may do with it as he likes
        self.proxies = {
            v: Value(v.shape, v.dtype) for v in program.outputs if v in program.constants
        }
        outputs = [self.proxies.get(v, v) for v in program.outputs]
        self.targets = dict.fromkeys(v for v in outputs if v not in self.external)
        results = self.kept_results()
        for node in self.reader.nodes:
            self.fusion.place(node)
        for _, ref in results:
            self.fusion.demand(ref.base)
        self.homes: dict[Value, Value] = {}
        self.settle(results)
        self.steps = [self.step(i) for i in range(len(self.groups))]
        self.offsets: dict[Value, int] = {}
        self.workspace = self.plan()

    def kept_results(self) -> list[tuple[Value, Ref]]:
        """List results; an old state that is asked for is copied before it is overwritten."""
        results = []
        for result, ref in self.reader.results():
            target = self.proxies.get(result, result)
            if target is ref.base and ref.whole and target in self.program.inputs:
                continue
            if ref.base in self.program.updates:
                ref = self.reader.copy(ref)
            results.append((target, ref))
        return results

    # ── memory ──────────────────────────────────────────────────────────────────────────────

    def settle(self, results: list[tuple[Value, Ref]]) -> None:
        """Give results their homes; what cannot be made there is copied there at the end.

        What is outside is written to after the last check, which may fail, and after NumPy's last
        call, which may be interrupted: in one native stretch.
        """
        calls = [i for i, g in enumerate(self.groups) if isinstance(g, Node) and g.sort == "call"]
        safe = max(self.fusion.floor, *(i + 1 for i in calls), 0)
        last: list[tuple[Value, Ref]] = []
        for target, ref in results:
            base = ref.base
            made = self.fusion.made_at.get(base, -1)
            fits = ref.whole and base not in self.external and base not in self.homes
            first = safe if target in self.program.inputs else self.fusion.floor
            if fits and made >= first and self.overwrites(target, base, made):
                self.homes[base] = target
            else:
                last.append((target, ref))
        for target, ref in last:
            node = Node("place", [], None, pieces=[(ref, plain(target))])
            self.groups.append(node)
            self.fusion.note(node, len(self.groups) - 1)

    def overwrites(self, target: Value, new: Value, made: int) -> bool:
        """Tell whether `new` can be made in the memory of `target`."""
        if target not in self.program.inputs:
            return True
        group = self.groups[made]
        for i in self.fusion.read_at.get(target, ()):
            if i > made:
                return False
            if i == made and (isinstance(group, Node) or not group.may_overwrite(target, new)):
                return False
        return True

    def stored(self, i: int) -> set[Value]:
        """List the values of a group that need memory: others read them."""
        group = self.groups[i]
        nodes = group.nodes if isinstance(group, Rows | Lanes) else [group]
        return {
            v for node in nodes for v in node.made()
            if v in self.homes or self.fusion.read_at.get(v, set()) - {i} or isinstance(group, Node)
        }

    def plan(self) -> int:
        """Place values in the workspace, such that those alive together lie apart: its size."""
        alive: dict[Value, list[int]] = {}
        for i, step in enumerate(self.steps):
            used = [a for k in step.kernels for a in k.arguments if isinstance(a, Value)]
            used += [step.flag] if step.flag is not None else []
            if step.call is not None:
                used += [ref.base for ref in step.call.refs()] + step.call.made()
            for value in used:
                if value not in self.homes and not self.outside(value):
                    alive.setdefault(value, [i, i])[1] = i
        size = 0
        placed: list[tuple[int, int, int, int]] = []  # first, last, from, to
        for value, (first, last) in sorted(alive.items(), key=lambda p: -p[0].nbytes):
            need = -(-max(value.nbytes, 1) // ALIGNED) * ALIGNED
            at = 0
            for _, _, low, high in sorted(
                (p for p in placed if p[0] <= last and first <= p[1]), key=lambda p: p[2]
            ):
                if at + need <= low:
                    break
                at = max(at, high)
            self.offsets[value] = at
            placed.append((first, last, at, at + need))
            size = max(size, at + need)
        return size

    def outside(self, value: Value) -> bool:
        """Tell whether a value's memory comes from outside."""
        return value in self.external or value in self.targets

    @property
    def cost(self) -> float:
        """Estimate the microseconds that a run takes, roughly, for choices between ways to run."""
        total = 0.0
        for group in self.groups:
            if isinstance(group, Rows):
                total += group.size * len(group.members) / 2e4
            elif isinstance(group, Lanes):
                total += group.rows * group.work / 2.5e4
            elif group.sort == "matmul" and group.out is not None:
                p = products.shape_of(group.operands[0], group.operands[1], group.out)
                total += p.work * prod(n for n, *_ in p.batch) / 8e4
            elif group.out is not None:
                total += group.out.size / 2e3
        return total

    def forget(self) -> None:
        """Let go of all but the places of values, once everything is written out."""
        del self.reader, self.fusion, self.groups, self.steps

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    def step(self, i: int) -> Step:
        """Write a group out."""
        group = self.groups[i]
        if isinstance(group, Rows | Lanes):
            kind = RowsWriter if isinstance(group, Rows) else StripsWriter
            writer = kind(group, self.stored(i), self.target.register)  # type: ignore[arg-type]
            text = writer.write()
            return Step([Kernel(text, list(writer.pointers), writer.w, group.nodes)])
        if group.sort == "check":
            return Step(flag=group.operands[0].base)
        if group.sort == "call":
            return Step(call=group)
        if group.sort == "place":
            kernels = []
            for source, target in group.pieces:
                w, text = write_copy(source, target, self.target.register)
                given: list[Value | str] = [target.base]
                given += [source.base] if isinstance(source, Ref) else []
                kernels.append(Kernel(text, given, w, [group]))
            return Step(kernels)
        if group.sort == "draw":
            return Step([draw(group)])
        return Step(self.product(group))

    def product(self, node: Node) -> list[Kernel]:
        """Write a matrix product; a large one packs its first operand before."""
        a, b = node.operands
        out = node.out
        assert out is not None
        p = products.shape_of(a, b, out)
        sizes = self.target.register, self.target.registers
        if not p.large:
            w, text = products.write_product(p, *sizes)
            return [Kernel(text, [out, a.base, b.base], w, [node])]
        cut = Packed(p, *sizes)
        room = Value((cut.elements,), out.dtype)
        (first, packing), (w, text) = cut.write_packing(), cut.write()
        return [
            Kernel(packing, [room, a.base], first, []),
            Kernel(text, [out, room, b.base], w, [node]),
        ]


def draw(node: Node) -> Kernel:
    """Write uniform random numbers, drawn from NumPy's own generator as Generator.random does."""
    w = Writer()
    out = node.out
    assert out is not None
    single = out.dtype.itemsize == 4
    loop = w.loop(out.size)
    if single:
        bits = w.new("call i32 %p2(ptr %p1)", "i32", 0)
        high = w.new(f"lshr i32 {bits.text}, 8", "i32", 0)
        x = w.cast(high, "f32") * 2.0**-24
    else:
        x = w.new("call double %p2(ptr %p1)", "f64", 0)
    w.store(w.pointer("%p0", loop.index, x.kind), x)
    loop.close()
    given: list[Value | str] = [out, "state", "next_uint32" if single else "next_double"]
    return Kernel("\n".join([*w.lines, "  ret void"]), given, w, [node])
