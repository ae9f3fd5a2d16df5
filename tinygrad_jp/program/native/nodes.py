"""The steps of a Program as the native part sees them: views followed to where their memory is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...vocabulary import primitives
from .. import operations
from ..program import Instruction, Program, Value
from .kinds import kind_of
from .ufuncs import Emit, computed_in
from .views import Ref, plain, viewed

REDUCTIONS = {
    np.sum: "sum", np.max: "max", np.min: "min", np.amax: "max", np.amin: "min",
    np.prod: "prod", np.any: "any", np.all: "all",
}
CASTS = (operations.astype, primitives.astype)


@dataclass(eq=False, slots=True)
class Node:
    """One step on memory.

    sort      map (elementwise), reduce, matmul, place (copies into parts of the output), check
              (an assumption), draw, call (NumPy does it)
    operands  Refs, or Python's numbers
    kind      of the registers that a map computes in, and `form` what it does there
    """

    sort: str
    operands: list[Any]
    out: Value | None
    step: Instruction | None = None
    kind: str = ""
    form: Emit | None = None
    reduction: str = ""
    axes: tuple[int, ...] = ()
    pieces: list[tuple[Any, Ref]] = field(default_factory=list)

    @property
    def extent(self) -> int:
        """The number of elements that a loop for it goes over."""
        if self.sort == "reduce":
            return int(self.operands[0].size)
        return self.out.size if self.out is not None else 0

    def refs(self) -> list[Ref]:
        """Give the operands that are in memory."""
        if self.sort == "place":
            return [x for x, _ in self.pieces if isinstance(x, Ref)]
        return [x for x in self.operands if isinstance(x, Ref)]

    def made(self) -> list[Value]:
        """Give what it makes."""
        if self.sort == "call" and self.step is not None:
            return list(self.step.outputs)
        return [] if self.out is None else [self.out]


class Reader:
    """Reads a Program into Nodes; `refs` says where each value of it is."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.refs: dict[Value, Ref] = {}
        self.nodes: list[Node] = []
        for value in (*program.inputs, *program.constants):
            self.refs[value] = plain(value)
        for step in early(program):
            self.read(step)

    def read(self, step: Instruction) -> None:
        """Add what an instruction takes."""
        if any(0 in v.shape for v in (*step.values(), *step.outputs)) or not self.native(step):
            self.add(Node("call", [self.given(x) for x in step.inputs], None, step))
            return

    def add(self, node: Node) -> None:
        """Add a node; its results are where it makes them."""
        self.nodes.append(node)
        for value in node.made():
            self.refs[value] = plain(value)

    def given(self, x: Any) -> Any:
        """Give where an operand is, or the number that it is."""
        return self.refs[x] if isinstance(x, Value) else x

    def copy(self, ref: Ref) -> Ref:
        """Put a view into an array of its own."""
        value = Value(ref.shape, ref.base.dtype)
        self.add(Node("place", [], value, pieces=[(ref, plain(value))]))
        return self.refs[value]

    def native(self, step: Instruction) -> bool:
        """Add native nodes for a step, if there are any for it."""
        fn, given = step.fn, [self.given(x) for x in step.inputs]
        if fn in operations.VIEWS:
            return self.view(step, given[0])
        if fn is operations.assume:
            return self.assume(given[0], step)
        if len(step.outputs) != 1:
            return False
        out = step.output
        if kind_of(out.dtype) is None:
            return False
        if any(isinstance(x, Ref) and kind_of(x.base.dtype) is None for x in given):
            return False
        if fn is operations.draw:
            if step.static["method"] != "random" or out.dtype.kind != "f":
                return False
            self.add(Node("draw", [], out, step))
            return True
        if fn is operations.concatenate or fn is operations.put:
            return self.place(step, given, out)
        if fn is np.matmul:
            return self.matmul(given, out, step)
        if fn in REDUCTIONS:
            return self.reduce(step, given[0], out)
        return self.elementwise(step, given, out)

    def view(self, step: Instruction, x: Any) -> bool:
        """Follow a view."""
        if not isinstance(x, Ref):
            return False
        ref = viewed(step, x)
        if ref is None:
            if kind_of(x.base.dtype) is None:
                return False
            ref = viewed(step, self.copy(x)) if step.fn is operations.reshape else None
            if ref is None:
                return False
        self.refs[step.output] = ref
        return True

    def assume(self, x: Any, step: Instruction) -> bool:
        """Gather an assumption in a flag, and check that."""
        if not isinstance(x, Ref) or kind_of(x.base.dtype) is None:
            return False
        if x.whole and x.base.size == 1 and x.base.dtype == bool:
            self.add(Node("check", [x], None, step))
            return True
        flag = Value((), np.dtype(bool))
        axes = tuple(range(len(x.shape)))
        self.add(Node("reduce", [x], flag, step, "i1", None, "all", axes))
        self.add(Node("check", [self.refs[flag]], None, step))
        return True

    def place(self, step: Instruction, given: list[Any], out: Value) -> bool:
        """Copy operands into parts of the output."""
        whole = plain(out)
        if any(isinstance(x, Ref) and x.base.dtype != out.dtype for x in given):
            return False
        if step.fn is operations.put:
            index = step.static["index"]
            part = whole.getitem(index if isinstance(index, tuple) else (index,))
            if part is None:
                return False
            value = given[1].to(part.shape) if isinstance(given[1], Ref) else given[1]
            pieces = [(given[0], whole), (value, part)]
        else:
            axis, at, pieces = step.static["axis"] % len(out.shape), 0, []
            for x in given:
                if not isinstance(x, Ref):
                    return False
                index = (slice(None),) * axis + (slice(at, at + x.shape[axis]),)
                at += x.shape[axis]
                part = whole.getitem(index)
                assert part is not None
                pieces.append((x, part))
        self.add(Node("place", [], out, step, pieces=pieces))
        return True

    def matmul(self, given: list[Any], out: Value, step: Instruction) -> bool:
        """Multiply matrices of one kind."""
        a, b = given
        if not (isinstance(a, Ref) and isinstance(b, Ref)) or out.dtype.kind != "f":
            return False
        if a.base.dtype != out.dtype or b.base.dtype != out.dtype:
            return False
        self.add(Node("matmul", [a, b], out, step))
        return True

    def reduce(self, step: Instruction, x: Any, out: Value) -> bool:
        """Reduce along the first or the last axes; others are brought to the end."""
        name = REDUCTIONS[step.fn]
        if not isinstance(x, Ref) or set(step.static) - {"axis", "keepdims"}:
            return False
        axis = step.static.get("axis")
        n = len(x.shape)
        axes = range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        places = tuple(sorted(a % n for a in axes)) if n else ()
        kind = kind_of(out.dtype)
        was = kind_of(x.base.dtype)
        if name in ("any", "all"):
            if was != "i1":
                return False
        elif kind == "i1" or (was is not None and kind is not None and was[0] == "f" != kind[0]):
            return False
        left = [a for a in range(n) if a not in places and x.shape[a] != 1]
        inner = [a for a in places if x.shape[a] != 1]
        assert kind is not None
        if not inner:  # over axes of length 1
            same = x.reshape(out.shape)
            assert same is not None
            self.add(Node("map", [same], out, step, kind, lambda w, y: y))
            return True
        if left and not (max(left) < min(inner) or max(inner) < min(left)):
            order = (*left, *(a for a in range(n) if a not in left))  # reduced axes last
            x = self.copy(x.transpose(order))
            places = tuple(range(len(left), n))
        self.add(Node("reduce", [x], out, step, kind, None, name, places))
        return True

    def elementwise(self, step: Instruction, given: list[Any], out: Value) -> bool:
        """Do the same at each element."""
        fn = step.fn
        if set(step.static) - ({"dtype"} if fn in CASTS else set()):
            return False
        kinds = [x.base.dtype if isinstance(x, Ref) else x for x in given]
        found = computed_in(fn, kinds, out.dtype)
        if found is None:
            return False
        spread = [x.to(out.shape) if isinstance(x, Ref) else x for x in given]
        self.add(Node("map", spread, out, step, found[0], found[1]))
        return True

    def results(self) -> list[tuple[Value, Ref]]:
        """Give what must be there at the end: (output, or state) and where its value is now."""
        made: list[tuple[Value, Ref]] = [(v, self.refs[v]) for v in self.program.outputs]
        return made + [(old, self.refs[new]) for old, new in self.program.updates.items()]


def early(program: Program) -> list[Instruction]:
    """Order the body: first what assumptions need, so that they fail before anything is written."""
    wanted: set[Value] = set()
    first: set[int] = set()
    for place in range(len(program.body) - 1, -1, -1):
        step = program.body[place]
        if step.fn is operations.assume or any(v in wanted for v in step.outputs):
            wanted.update(step.values())
            first.add(place)
    ahead = [s for k, s in enumerate(program.body) if k in first]
    return ahead + [s for k, s in enumerate(program.body) if k not in first]
