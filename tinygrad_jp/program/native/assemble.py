"""One LLVM module of a lowered Program: its functions, and those that run them in order.

Every function takes pointers only, so that equal loops are compiled once. A segment is what runs
between two calls of NumPy: `i32 segmentN(ptr table)`, 1 if an assumption does not hold. The table
has a slot for the workspace, one for each outside array, and one for each function from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..program import Value, worded
from . import entry, mathematics
from .lowering import Kernel, Lowered
from .nodes import Node

FUNCTIONS = ("state", "next_uint32", "next_double", "pool", "start", "finish")


@dataclass(slots=True)
class Module:
    """The text of a module; `slots` says which slot of the table an array or a function has."""

    source: str
    slots: dict[Value | str, int]
    order: list[str | Node] = field(default_factory=list)  # segments by name, and NumPy's calls
    used: set[str] = field(default_factory=set)


def assemble(lowered: Lowered, width: int) -> Module:
    """Write the module."""
    program = lowered.program
    slots: dict[Value | str, int] = {"workspace": 0}
    for value in (*program.inputs, *lowered.targets, *program.constants):
        slots[value] = len(slots)
    for name in (*FUNCTIONS, *entry.SLOTS, *(f"dtype {c}" for c in entry.DTYPES)):
        slots[name] = len(slots)
    module = Module("", slots)
    bodies: dict[str, str] = {}
    declared: set[str] = set()
    called: set[tuple[str, str, int]] = set()
    texts: list[str] = []
    names = program.names()
    segment: list[str] = []
    known: dict[Value | str, str] = {}

    def pointer(value: Value | str) -> str:
        """Name the pointer to an array in this segment, fetching it at its first use."""
        home = lowered.homes.get(value, value) if isinstance(value, Value) else value
        if home not in known:
            name = f"%m{len(known)}"
            if isinstance(home, Value) and not lowered.outside(home):
                if "workspace" not in known:
                    pointer("workspace")
                    name = f"%m{len(known)}"
                at = lowered.offsets[home]
                segment.append(f"  {name} = getelementptr i8, ptr {known['workspace']}, i64 {at}")
            else:
                segment.append(f"  {name}a = getelementptr ptr, ptr %table, i64 {slots[home]}")
                segment.append(f"  {name} = load ptr, ptr {name}a")
                if isinstance(home, str):
                    module.used.add(home)
            known[home] = name
        return known[home]

    def function(kernel: Kernel) -> str:
        """Give the name of the function that a kernel calls, written at its first use."""
        key = f"{len(kernel.arguments)} {kernel.parts} {kernel.text}"
        if key not in bodies:
            bodies[key] = f"k{len(bodies)}"
            given = ", ".join(f"ptr %p{i}" for i in range(len(kernel.arguments)))
            given += ", i64 %part" if kernel.parts else ""
            texts.append(f"define internal void @{bodies[key]}({given}) #1 {{\nentry:\n"
                         f"{kernel.text}\n}}")
            declared.update(kernel.writer.declared)
            called.update(kernel.writer.called)
            if kernel.parts:
                texts.append(shared_work(bodies[key], len(kernel.arguments), kernel.parts))
        return bodies[key]

    def close() -> None:
        """End a segment, if there is anything in it."""
        if segment:
            name = f"segment{sum(isinstance(o, str) for o in module.order)}"
            body = "\n".join(segment)
            texts.append(f"define i32 @{name}(ptr %table) #0 {{\nentry:\n{body}\n  ret i32 0\n}}")
            module.order.append(name)
        segment.clear()
        known.clear()

    for at, step in enumerate(lowered.steps):
        if step.call is not None:
            close()
            module.order.append(step.call)
            continue
        if step.flag is not None:
            flag = pointer(step.flag)
            segment.append(f"  %f{at} = load i8, ptr {flag}")
            segment.append(f"  %h{at} = icmp ne i8 %f{at}, 0")
            segment.append(f"  br i1 %h{at}, label %go{at}, label %stop{at}")
            segment.append(f"stop{at}:\n  ret i32 1\ngo{at}:")
            continue
        for kernel in step.kernels:
            pointers = [pointer(a) for a in kernel.arguments]
            segment += [f"  ; {line}" for line in said(kernel, names)]
            if kernel.parts:
                shared = [pointer(name) for name in ("pool", "start", "finish")]
                name = function(kernel)
                segment += shared_call(name, pointers, shared, kernel.parts, len(segment))
                continue
            given = ", ".join(f"ptr {p}" for p in pointers)
            segment.append(f"  call void @{function(kernel)}({given})")
    close()
    functions: dict[str, str] = {}
    waiting = sorted(called)
    for name, kind, lanes in waiting:
        text, needed = mathematics.define(name, kind, lanes)
        functions[f"{name}{kind}{lanes}"] = text
        declared |= needed
    wide = f'"prefer-vector-width"="{width * 8}" "min-legal-vector-width"="{width * 8}"'
    attributes = (f"attributes #0 = {{ nounwind {wide} }}\n"
                  f"attributes #1 = {{ nounwind noinline {wide} }}")
    module.source = "\n\n".join(
        ["\n".join(sorted(declared)), *functions.values(), *texts, attributes]
    ) + "\n"
    return module


def shared_work(name: str, count: int, parts: int) -> str:
    """Write the function that does parts of a kernel until none is left: (pointers, counter)."""
    lines = [f"define internal void @{name}.work(ptr %given) #0 {{", "entry:"]
    for i in range(count):
        lines.append(f"  %p{i}.at = getelementptr ptr, ptr %given, i64 {i}")
        lines.append(f"  %p{i} = load ptr, ptr %p{i}.at")
    pointers = "".join(f"ptr %p{i}, " for i in range(count))
    return "\n".join([
        *lines, f"  %counter = getelementptr ptr, ptr %given, i64 {count}", "  br label %more",
        "more:", "  %part = atomicrmw add ptr %counter, i64 1 seq_cst",
        f"  %some = icmp ult i64 %part, {parts}", "  br i1 %some, label %do, label %end",
        "do:", f"  call void @{name}({pointers}i64 %part)", "  br label %more",
        "end:", "  ret void", "}",
    ])


def shared_call(
    name: str, pointers: list[str], shared: list[str], parts: int, at: int
) -> list[str]:
    """Write the call of a kernel whose parts the helpers of pool.py do as well."""
    pool, start, finish = shared
    lines = [f"  %x{at} = alloca [{len(pointers) + 1} x ptr], align 64"]
    for i, p in enumerate(pointers):
        lines.append(f"  %x{at}.{i} = getelementptr ptr, ptr %x{at}, i64 {i}")
        lines.append(f"  store ptr {p}, ptr %x{at}.{i}")
    return [
        *lines,
        f"  %x{at}.n = getelementptr ptr, ptr %x{at}, i64 {len(pointers)}",
        f"  store i64 0, ptr %x{at}.n",
        f"  %x{at}.none = icmp eq ptr {pool}, null",
        f"  br i1 %x{at}.none, label %alone{at}, label %share{at}",
        f"share{at}:",
        f"  %x{at}.two = call i1 {start}(ptr {pool}, ptr @{name}.work, ptr %x{at}, "
        f"i64 {parts - 1})",
        f"  call void @{name}.work(ptr %x{at})",
        f"  br i1 %x{at}.two, label %wait{at}, label %done{at}",
        f"wait{at}:", f"  call void {finish}(ptr {pool})", f"  br label %done{at}",
        f"done{at}:", f"  br label %on{at}",
        f"alone{at}:", f"  call void @{name}.work(ptr %x{at})", f"  br label %on{at}",
        f"on{at}:",
    ]


def said(kernel: Kernel, names: dict[Value, str]) -> list[str]:
    """Say which instructions of the Program a kernel does."""
    lines = []
    for node in kernel.nodes:
        if node.step is None:
            lines.append("copy")
            continue
        made = ", ".join(names.get(v, "_") for v in node.step.outputs) or "_"
        lines.append(f"{made} = {worded(node.step, names)}".replace("\n", " "))
    return lines
