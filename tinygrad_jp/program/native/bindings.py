"""A Program as native code, and its entries."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from ...autograd.random import generator
from ...errors import GuardError, ProgramError
from ..program import Program, Value
from . import elf, link, pool
from .assemble import Module, assemble
from .entry import (
    DTYPES,
    Memory,
    callable_at,
    entry_text,
    fits,
    laid_out,
    python_addresses,
    ranges_of,
)
from .lowering import Lowered
from .nodes import Node
from .views import Ref

Array = Any
Entry = Callable[..., bool | None]
LONG = 50.0  # µs: a step that takes longer lets other threads have the GIL


class NativeProgram:
    """A Program compiled for this machine.

    workspace_bytes: what temporaries take.  calls: the NumPy functions of the Program that have no
    native form.
    """

    gives_results = False  # but leaves them in the arrays bound
    checks_arrays = True  # the entry does: shape, dtype, layout

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lowered = Lowered(program, link.target())
        self.module = assemble(self.lowered, link.target().register)
        self.workspace_bytes = self.lowered.workspace
        self._takes_long = self.lowered.cost > LONG
        self.lowered.forget()
        self.calls = [
            part.step.fn for part in self.module.order if isinstance(part, Node) and part.step
        ]
        self._latest: tuple[Value, ...] | None = None
        self._linked: dict[tuple[Value, ...], link.Linked | elf.Image] = {}

    def bind(self, bound: dict[Value, Array]) -> Entry:
        """Make an entry in which the arrays of `bound` stay the same at every call.

        bound: all outputs that are no inputs (results are written there), and any inputs; the
        other inputs are arguments of the entry, by position, in order. (An output that is an
        input is that very array, and not written.)
        An array must be of its value's shape and dtype, C-contiguous and aligned, and writable if
        results go there; else ProgramError. No two may overlap.

        The entry gives None when all is done. It gives True, and has changed nothing, where an
        argument is not such an array or lies in memory that is written, an assumption does not
        hold, or another thread is in it.
        """
        program = self.program
        bound = {self.lowered.proxies.get(v, v): array for v, array in bound.items()}
        passed = tuple(v for v in program.inputs if v not in bound)
        written = {*program.updates, *self.lowered.targets}
        for value in (*self.lowered.targets, *bound):
            if value not in bound or not fits(bound[value], value, value in written):
                raise ProgramError(
                    "program_bound", value=program.names().get(value, "?"),
                    wanted=f"{value.shape} {value.dtype}",
                )
        return Binding(self, bound, passed).entry

    def linked_for(self, passed: tuple[Value, ...]) -> link.Linked | elf.Image:
        """Compile and link, with the entry for these arguments."""
        if passed not in self._linked:
            names = [part for part in self.module.order if isinstance(part, str)]
            if quick(passed):
                names.append("entry")
            also = pool.source() if "pool" in self.module.used and pool.wanted() else None
            self._linked[passed] = link.linked(self._text(passed), names, also)
            self._latest = passed
        return self._linked[passed]

    def _text(self, passed: tuple[Value, ...]) -> str:
        """Write the module with the entry for these arguments."""
        source, order = self.module.source, self.module.order
        if not quick(passed):
            return source
        given = [(v, v in self.program.updates) for v in passed]
        run = order[0] if len(order) == 1 and isinstance(order[0], str) else None
        text = entry_text("entry", given, self.module.slots, run, self._takes_long)
        return f"{source}\n{text}\n"

    @property
    def source(self) -> str:
        """The LLVM IR that was compiled last."""
        return self.module.source if self._latest is None else self._text(self._latest)


class Binding:
    """The memory of one entry: its table and workspace, and the arrays bound."""

    def __init__(
        self, native: NativeProgram, bound: dict[Value, Array], passed: tuple[Value, ...]
    ) -> None:
        self.lowered, self.module, self.passed = native.lowered, native.module, passed
        self.updated = set(native.program.updates)
        self.linked = native.linked_for(passed)
        memory = Memory(8 * len(self.module.slots))
        self.table = np.frombuffer(memory, np.int64)
        raw = np.empty(self.lowered.workspace + 64, np.uint8)
        start = -raw.ctypes.data % 64
        self.workspace = raw[start : start + self.lowered.workspace]
        constants = {
            v: np.require(a, v.dtype, ["C", "A"]) for v, a in native.program.constants.items()
        }
        self.arrays: dict[Value, Array] = {**constants, **bound}
        targets = {*self.updated, *self.lowered.targets}
        self.written = [a for v, a in bound.items() if v in targets]
        self.ranges = ranges_of(self.written)
        self.fill()
        memory.keeps = (self.linked, raw, list(self.arrays.values()), self.ranges)
        self.enter = (
            callable_at(self.linked.addresses["entry"], self.table, memory)
            if quick(passed) else self.enter_slowly
        )
        self.lock = Lock()
        names = [part for part in self.module.order if isinstance(part, str)]
        self.segments = {n: self.linked.function(n, ctypes.c_int, ctypes.c_void_p) for n in names}
        self.draws = "state" in self.module.used
        self.drawn_from: Any = None
        self.entry: Entry = self.enter
        if len(self.module.order) != 1 or len(names) != 1:
            self.entry = self.run
        elif self.draws:
            self.entry = self.draw
        elif not quick(passed):
            self.entry = self.run

    def fill(self) -> None:
        """Fill the table in."""
        slots = self.module.slots
        self.table[slots["ranges"]] = self.ranges.ctypes.data
        self.table[slots["range_count"]] = len(self.ranges)
        self.table[slots["workspace"]] = self.workspace.ctypes.data
        for value, array in self.arrays.items():
            if value in slots:
                self.table[slots[value]] = array.ctypes.data
        helper = pool.addresses("pool" in self.module.used)
        for name, address in (python_addresses() | helper).items():
            self.table[slots[name]] = address

    def enter_slowly(self, *arrays: Array) -> bool | None:
        """Do in Python what the native entry does, where arrays lie otherwise in memory."""
        if len(arrays) != len(self.passed):
            return True
        for value, array in zip(self.passed, arrays, strict=True):
            if not fits(array, value, value in self.updated):
                return True
        changed = [a for a, v in zip(arrays, self.passed, strict=True) if v in self.updated]
        for value, array in zip(self.passed, arrays, strict=True):
            if value not in self.updated and any(
                np.may_share_memory(array, other) for other in (*self.written, *changed)
            ):
                return True
        for value, array in zip(self.passed, arrays, strict=True):
            self.table[self.module.slots[value]] = array.ctypes.data
        return None

    def draw(self, *arrays: Array) -> bool | None:
        """Run with the generator in force, which is locked as its own methods lock it."""
        source = generator().bit_generator
        with source.lock:
            if source is not self.drawn_from:
                self.lend(source)
            return self.enter(*arrays)

    def lend(self, source: Any) -> None:
        """Tell the native code where a bit generator is."""
        interface, slots = source.ctypes, self.module.slots
        self.table[slots["state"]] = interface.state_address
        for name in ("next_uint32", "next_double"):
            function = ctypes.cast(getattr(interface, name), ctypes.c_void_p).value or 0
            self.table[slots[name]] = function
        self.drawn_from = source

    def run(self, *arrays: Array) -> bool | None:
        """Run native stretches and NumPy's calls between them, in turn."""
        if self.lock.locked():
            return True
        with self.lock:
            try:
                return self.run_parts(arrays)
            except GuardError:
                return True

    def run_parts(self, arrays: tuple[Array, ...]) -> bool | None:
        """Run all, for the one thread that may."""
        if self.enter(*arrays):
            return True
        given = dict(zip(self.passed, arrays, strict=True))
        for part in self.module.order:
            if isinstance(part, Node):
                self.call(part, given)
                continue
            if self.draws:
                source = generator().bit_generator
                with source.lock:
                    self.lend(source)
                    failed = self.segments[part](self.table.ctypes.data)
            else:
                failed = self.segments[part](self.table.ctypes.data)
            if failed:
                return True
        return None

    def array(self, value: Value, given: dict[Value, Array]) -> Array:
        """Give the memory of a value as an array."""
        value = self.lowered.homes.get(value, value)
        if value in given:
            return given[value]
        if value in self.arrays:
            return self.arrays[value]
        at = self.lowered.offsets[value]
        return self.workspace[at : at + value.nbytes].view(value.dtype).reshape(value.shape)

    def read(self, x: Any, given: dict[Value, Array]) -> Any:
        """Give an operand of a call as NumPy takes it."""
        if not isinstance(x, Ref):
            return x
        base = self.array(x.base, given)
        if x.whole and x.shape == base.shape:
            return base
        line = base.reshape(-1)
        steps = tuple(s * base.itemsize for s in x.strides)
        return np.lib.stride_tricks.as_strided(line[x.offset :], x.shape, steps, writeable=False)

    def call(self, node: Node, given: dict[Value, Array]) -> None:
        """Let NumPy do a step."""
        step = node.step
        assert step is not None
        with np.errstate(all="ignore"):
            made = step.fn(*(self.read(x, given) for x in node.operands), **step.static)
        several = made if len(step.outputs) > 1 else (made,)
        for value, y in zip(step.outputs, several, strict=False):
            # the memory may be that of a view that is a result, of another shape
            np.copyto(self.array(value, given).reshape(value.shape), y, casting="no")


def quick(passed: tuple[Value, ...]) -> bool:
    """Tell whether the native entry can look at such arguments."""
    return laid_out() and all(v.dtype.isnative and v.dtype.char in DTYPES for v in passed)


def build(program: Program) -> NativeProgram:
    """Compile a Program. Raises MissingExtraError without llvmlite."""
    link.demand()
    return NativeProgram(program)


__all__ = ["Entry", "Module", "NativeProgram", "build"]
