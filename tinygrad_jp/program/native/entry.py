"""The way in: a C function for Python that checks its arguments and runs the native code.

It is written in LLVM IR as well, and reads NumPy's arrays where they lie in memory (the places are
tried out once, on an array that is known): 50 ns instead of the 2 µs that ctypes takes. What it
must find: exactly ndarray, the dtype, the shape, C order, aligned, and writable if it is updated;
and no argument in memory that the program writes to (a parameter or its gradient, handed in).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..program import Value

Array = Any
HEADER = 16  # of a Python object: reference count, type
DATA, RANK, SHAPE, DTYPE, FLAGS = 16, 24, 32, 56, 64  # of PyArrayObject, in bytes
C_ORDER, IN_PLACE, WRITABLE = 0x1, 0x100, 0x400
SLOTS = (
    "ranges", "range_count", "busy", "none", "true", "ndarray", "save_thread", "restore_thread"
)
DTYPES = "fdqi?lLQIhHbBeFDgG"  # dtypes of which there is one object: those an argument may have


@cache
def laid_out() -> bool:
    """Tell whether arrays lie in memory as this file says; elsewhere, entries are in Python."""
    if sys.implementation.name != "cpython" or object.__basicsize__ != HEADER:
        return False
    array = np.zeros((3, 5), np.float32)[1:]
    here = id(array)

    def word(at: int) -> int:
        return ctypes.c_ssize_t.from_address(here + at).value

    flags = ctypes.c_int.from_address(here + FLAGS).value
    return (
        word(8) == id(np.ndarray)
        and word(DATA) == array.ctypes.data
        and ctypes.c_int.from_address(here + RANK).value == 2
        and [ctypes.c_ssize_t.from_address(word(SHAPE) + 8 * i).value for i in (0, 1)] == [2, 5]
        and word(DTYPE) == id(np.dtype(np.float32))
        and flags & 0xFFFF == array.flags.num & 0xFFFF
        and bool(flags & C_ORDER and flags & IN_PLACE and flags & WRITABLE)
    )


OVERLAPS = """
define internal i1 @overlaps(ptr %array, i64 %bytes, ptr %ranges, i64 %count) {
entry:
  %first = ptrtoint ptr %array to i64
  %past = add i64 %first, %bytes
  br label %next
next:  ; the first range holds all others: most arrays are far from it
  %i = phi i64 [ 0, %entry ], [ %more, %on ]
  %some = icmp ult i64 %i, %count
  br i1 %some, label %look, label %apart
look:
  %at = getelementptr [2 x i64], ptr %ranges, i64 %i
  %low = load i64, ptr %at
  %end = getelementptr i64, ptr %at, i64 1
  %high = load i64, ptr %end
  %before = icmp ult i64 %first, %high
  %after = icmp ugt i64 %past, %low
  %met = and i1 %before, %after
  %whole = icmp eq i64 %i, 0
  %stop = xor i1 %met, %whole
  br i1 %stop, label %found, label %on
found:
  ret i1 %met
on:
  %more = add i64 %i, 1
  br label %next
apart:
  ret i1 false
}
"""


def ranges_of(arrays: Sequence[Array]) -> Array:
    """List where arrays begin and end in memory; first, what holds them all."""
    ends = [(a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays if a.nbytes]
    if not ends:
        return np.zeros((0, 2), np.int64)
    return np.array([(min(a for a, _ in ends), max(b for _, b in ends)), *ends], np.int64)


def entry_text(
    name: str, passed: Sequence[tuple[Value, bool]], slots: dict[Value | str, int],
    segment: str | None, gives_up_gil: bool,
) -> str:
    """Write the C function `name` that takes these arrays (and whether each is updated)."""
    lines = [f"define ptr @{name}(ptr %table_object, ptr %given, i64 %count) #0 {{", "entry:",
             f"  %where = getelementptr i8, ptr %table_object, i64 {DATA}",
             "  %table = load ptr, ptr %where"]

    def slot(key: Value | str, name: str) -> None:
        lines.append(f"  %{name}.at = getelementptr ptr, ptr %table, i64 {slots[key]}")
        lines.append(f"  %{name} = load ptr, ptr %{name}.at")

    tests = 0

    def must(test: str) -> None:
        nonlocal tests
        tests += 1
        lines.append(f"  %t{tests} = {test}")
        lines.append(f"  br i1 %t{tests}, label %go{tests}, label %refuse")
        lines.append(f"go{tests}:")

    def field(array: str, at: int, name: str, kind: str) -> None:
        lines.append(f"  %{name}.at = getelementptr i8, ptr {array}, i64 {at}")
        lines.append(f"  %{name} = load {kind}, ptr %{name}.at")

    must(f"icmp eq i64 %count, {len(passed)}")
    slot("ndarray", "ndarray")
    for char in dict.fromkeys(value.dtype.char for value, _ in passed):
        slot(f"dtype {char}", f"dtype.{ord(char)}")
    for i, (value, updated) in enumerate(passed):
        lines.append(f"  %g{i}.at = getelementptr ptr, ptr %given, i64 {i}")
        lines.append(f"  %g{i} = load ptr, ptr %g{i}.at")
        field(f"%g{i}", 8, f"type{i}", "ptr")
        must(f"icmp eq ptr %type{i}, %ndarray")
        field(f"%g{i}", DTYPE, f"dtype{i}", "ptr")
        must(f"icmp eq ptr %dtype{i}, %dtype.{ord(value.dtype.char)}")
        field(f"%g{i}", RANK, f"rank{i}", "i32")
        must(f"icmp eq i32 %rank{i}, {len(value.shape)}")
        wanted = C_ORDER | IN_PLACE | (WRITABLE if updated else 0)
        field(f"%g{i}", FLAGS, f"flags{i}", "i32")
        lines.append(f"  %held{i} = and i32 %flags{i}, {wanted}")
        must(f"icmp eq i32 %held{i}, {wanted}")
        if value.shape:
            field(f"%g{i}", SHAPE, f"shape{i}", "ptr")
        for axis, n in enumerate(value.shape):
            field(f"%shape{i}", 8 * axis, f"n{i}.{axis}", "i64")
            must(f"icmp eq i64 %n{i}.{axis}, {n}")
        field(f"%g{i}", DATA, f"data{i}", "ptr")
    slot("ranges", "ranges")
    slot("range_count", "counted")
    lines.append("  %ranged = ptrtoint ptr %counted to i64")
    for i, (value, updated) in enumerate(passed):
        if updated:
            continue
        given = f"ptr %data{i}, i64 {value.nbytes}, ptr %ranges, i64 %ranged"
        lines.append(f"  %met{i} = call i1 @overlaps({given})")
        must(f"icmp eq i1 %met{i}, false")
        for j, (other, changed) in enumerate(passed):
            if changed:
                lines.append(f"  %low{i}.{j} = getelementptr i8, ptr %data{j}, i64 {other.nbytes}")
                lines.append(f"  %high{i}.{j} = getelementptr i8, ptr %data{i}, i64 {value.nbytes}")
                lines.append(f"  %a{i}.{j} = icmp ult ptr %data{i}, %low{i}.{j}")
                lines.append(f"  %b{i}.{j} = icmp ugt ptr %high{i}.{j}, %data{j}")
                lines.append(f"  %ab{i}.{j} = and i1 %a{i}.{j}, %b{i}.{j}")
                must(f"icmp eq i1 %ab{i}.{j}, false")
    lines.append(f"  %busy.at = getelementptr ptr, ptr %table, i64 {slots['busy']}")
    lines.append("  %was = atomicrmw xchg ptr %busy.at, i64 1 acquire")
    must("icmp eq i64 %was, 0")
    for i, (value, _) in enumerate(passed):
        lines.append(f"  %into{i} = getelementptr ptr, ptr %table, i64 {slots[value]}")
        lines.append(f"  store ptr %data{i}, ptr %into{i}")
    if segment is not None:
        if gives_up_gil:
            slot("save_thread", "save")
            slot("restore_thread", "restore")
            lines.append("  %thread = call ptr %save()")
        lines.append(f"  %failed = call i32 @{segment}(ptr %table)")
        if gives_up_gil:
            lines.append("  call void %restore(ptr %thread)")
    lines.append("  store atomic i64 0, ptr %busy.at release, align 8")
    if segment is not None:
        must("icmp eq i32 %failed, 0")

    def give(key: str) -> None:
        slot(key, key)
        if sys.version_info < (3, 12):  # from then on None and True live for ever
            lines.append(f"  %{key}.count = load i64, ptr %{key}")
            lines.append(f"  %{key}.more = add i64 %{key}.count, 1")
            lines.append(f"  store i64 %{key}.more, ptr %{key}")
        lines.append(f"  ret ptr %{key}")

    give("none")
    lines.append("refuse:")
    give("true")
    return "\n".join([*lines, "}"]) + OVERLAPS


def python_addresses() -> dict[str, int]:
    """Give the addresses that the slots of an entry hold."""
    def address(name: str) -> int:
        return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0

    made = {f"dtype {c}": id(np.dtype(c)) for c in DTYPES}
    return made | {
        "none": id(None), "true": id(True), "ndarray": id(np.ndarray),
        "save_thread": address("PyEval_SaveThread"),
        "restore_thread": address("PyEval_RestoreThread"),
    }


class _Method(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p),
                ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


FASTCALL = 0x80


class Memory(bytearray):
    """The bytes of a table, and all that must live as long as it."""

    keeps: Any = None


def callable_at(address: int, table: Array, memory: Memory) -> Any:
    """Make a Python function of a C function; it lives on `memory`, the owner of `table`."""
    method = _Method(b"step", address, FASTCALL, None)
    memory.keeps = (memory.keeps, method)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object,
                                                     ctypes.c_void_p)
    return make(ctypes.addressof(method), table, None)


def fits(array: Any, value: Value, updated: bool) -> bool:
    """Tell in Python what the entry checks natively."""
    if type(array) is not np.ndarray or array.dtype != value.dtype or array.shape != value.shape:
        return False
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and (flags.writeable or not updated))
