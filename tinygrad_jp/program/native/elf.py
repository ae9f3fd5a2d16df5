"""Load an object file into memory and run it, without LLVM: x86-64 Linux only.

Reading LLVM's library in takes some 50 MB; code that was compiled before needs no more of it than
a linker. What is here is enough for the objects that compiler.py makes: code and constants, no
variables. They are copied into fresh memory, addresses are filled in, and then that memory can be
read and executed but no longer written to. Anything unforeseen raises UnloadableError, and LLVM's
own linker has a try.

Source: System V ABI, AMD64 supplement, 4.1 and 4.4 (object files and relocations).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

HEADER, SECTION, SYMBOL, RELOCATION = "<16sHHIQQQIHHHHHH", "<IIQQQQIIQQ", "<IBBHQQ", "<QQq"
MAGIC = b"\x7fELF\x02\x01\x01"  # 64 bits, little end first
RELOCATABLE, X86_64 = 1, 62
PROGBITS, SYMBOLS, STRINGS, NOTES, NOTHING, UNWIND = 1, 2, 3, 7, 8, 0x70000001
RELOCATIONS, SHORT_RELOCATIONS = 4, 9  # with addends, as they are on this machine, and without
WRITABLE, LOADED, EXECUTABLE, TLS = 0x1, 0x2, 0x4, 0x400
UNDEFINED, RESERVED = 0, 0xFF00
FUNCTION, PLAIN = 2, (0, 1, 2, 3)  # kinds of symbols: none, object, function, section
# relocations, all of 4 bytes; S the symbol, A the addend, P the place, G the symbol's slot
PC32, PLT32 = 2, 4  # S + A - P
GOTPCREL = (9, 41, 42)  # and those that a linker may relax: G + A - P
SLOT = 16  # bytes: `jmp *2(%rip); int3; int3`, then the address that it jumps to
JUMP = b"\xff\x25\x02\x00\x00\x00\xcc\xcc"
READ_EXECUTE = 0x1 | 0x4


class UnloadableError(Exception):
    """This object is not of the kind that can be loaded here."""


@dataclass(slots=True)
class Section:
    """A section of the file; `place` is where it lies in memory, from its start, if it does."""

    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int
    place: int | None = None


@cache
def possible() -> bool:
    """Tell whether objects can be loaded on this machine."""
    return (
        sys.platform == "linux" and sys.maxsize > 2**32 and sys.implementation.name == "cpython"
        and os.uname().machine == "x86_64"
    )


@cache
def libraries() -> tuple[Any, ...]:
    """Give where functions from outside are looked for: what the process has, C's mathematics."""
    found = [ctypes.CDLL(None)]
    with suppress(OSError):  # some C libraries have it inside
        found.append(ctypes.CDLL("libm.so.6"))
    return tuple(found)


def outside(name: str) -> int:
    """Give the address of a function of the process. Raises UnloadableError if there is none."""
    for library in libraries():
        try:
            found = getattr(library, name)
        except (AttributeError, ValueError):
            continue
        address = ctypes.cast(found, ctypes.c_void_p).value
        if address:
            return address
    raise UnloadableError(f"no function {name!r}")


class Image:
    """An object in memory, ready to run; alive as long as this is.

    addresses: those of the functions asked for. Raises UnloadableError where it cannot be loaded.
    """

    def __init__(self, code: bytes, names: Sequence[str]) -> None:
        if not possible():
            raise UnloadableError("not on this machine")
        self.code = code
        try:
            self._sections = self._read_sections()
            self._symbols, self._strings = self._read_symbols()
            self._load()
            found = self._exported()
            self.addresses: dict[str, int] = {name: found[name] for name in names}
            self._seal()
        except (struct.error, LookupError, ValueError, OverflowError, OSError) as reason:
            raise UnloadableError(str(reason)) from None
        del self.code, self._sections, self._symbols, self._strings, self._slots

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """Give a function for ctypes; it gives up the GIL."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.addresses[name])

    # ── reading ─────────────────────────────────────────────────────────────────────────────

    def _read_sections(self) -> list[Section]:
        (identity, kind, machine, _, _, _, start, _, _, _, _, size, count, _) = struct.unpack_from(
            HEADER, self.code
        )
        if not identity.startswith(MAGIC) or (kind, machine) != (RELOCATABLE, X86_64):
            raise UnloadableError("another kind of file")
        if size != struct.calcsize(SECTION):
            raise UnloadableError("another layout")
        sections = []
        for i in range(count):
            _, kind, flags, _, offset, length, link, info, align, entry = struct.unpack_from(
                SECTION, self.code, start + i * size
            )
            if kind != NOTHING and offset + length > len(self.code):
                raise UnloadableError("a section beyond the end")
            sections.append(Section(kind, flags, offset, length, link, info, align, entry))
        return sections

    def _read_symbols(self) -> tuple[list[tuple[Any, ...]], bytes]:
        tables = [s for s in self._sections if s.kind == SYMBOLS]
        if len(tables) != 1 or tables[0].entry != struct.calcsize(SYMBOL):
            raise UnloadableError("no table of symbols")
        strings = self._sections[tables[0].link]
        if strings.kind != STRINGS:
            raise UnloadableError("no names")
        symbols = list(struct.iter_unpack(SYMBOL, self._bytes(tables[0])))
        return symbols, self._bytes(strings)

    def _bytes(self, section: Section) -> bytes:
        return self.code[section.offset : section.offset + section.size]

    def _name(self, symbol: tuple[Any, ...]) -> str:
        end = self._strings.index(b"\0", symbol[0])
        return self._strings[symbol[0] : end].decode("ascii")

    # ── placing ─────────────────────────────────────────────────────────────────────────────

    def _load(self) -> None:
        """Place the sections, then slots, in memory of their own, and fill the addresses in."""
        size = 0
        for section in self._sections:
            if not section.flags & LOADED or not section.size:
                continue
            if section.kind in (UNWIND, NOTES):  # nobody unwinds the stack through this code
                continue
            if section.kind != PROGBITS or section.flags & (WRITABLE | TLS):
                raise UnloadableError("variables")
            align = max(section.align, 1)
            if align & (align - 1) or align > mmap.PAGESIZE:
                raise UnloadableError("alignment")
            size = -(-size // align) * align
            section.place = size
            size += section.size
        tables = [s for s in self._sections if s.kind in (RELOCATIONS, SHORT_RELOCATIONS)]
        self._first_slot = -(-size // SLOT) * SLOT
        self._slots: dict[int, int] = {}  # of symbols: their slots, from the start of the memory
        most = sum(1 for s in self._symbols if s[3] < RESERVED)
        size = self._first_slot + SLOT * most
        self._memory = mmap.mmap(-1, max(size, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        for section in self._sections:
            if section.place is not None:
                end = section.place + section.size
                self._memory[section.place : end] = self._bytes(section)
        for table in tables:
            self._relocate(table, self._sections[table.info])

    def _address(self, index: int) -> int:
        """Give the address that a symbol stands for."""
        _, info, _, section, value, _ = symbol = self._symbols[index]
        if info & 15 not in PLAIN or section >= RESERVED:
            raise UnloadableError("another kind of symbol")
        if section == UNDEFINED:
            return outside(self._name(symbol))
        home = self._sections[section]
        if home.place is None or value > home.size:
            raise UnloadableError("a symbol that is nowhere")
        return int(self._base + home.place + value)

    def _slot(self, index: int) -> int:
        """Give the slot of a symbol: a jump to it, for what is too far away to be called."""
        if index not in self._slots:
            at = self._first_slot + SLOT * len(self._slots)
            self._memory[at : at + SLOT] = JUMP + struct.pack("<Q", self._address(index))
            self._slots[index] = at
        return self._base + self._slots[index]

    def _relocate(self, table: Section, target: Section) -> None:
        """Fill in the addresses that a section needs."""
        if target.place is None:
            return
        if table.kind != RELOCATIONS or table.entry != struct.calcsize(RELOCATION):
            raise UnloadableError("another kind of relocations")
        for offset, info, addend in struct.iter_unpack(RELOCATION, self._bytes(table)):
            kind, index = info & 0xFFFFFFFF, info >> 32
            if offset + 4 > target.size:
                raise UnloadableError("a relocation beyond the end")
            if kind in GOTPCREL:
                goal = self._slot(index) + len(JUMP)
            elif kind == PLT32 and self._symbols[index][3] == UNDEFINED:
                goal = self._slot(index)
            elif kind in (PC32, PLT32):
                goal = self._address(index)
            else:
                raise UnloadableError(f"relocation {kind}")
            place = target.place + offset
            # what is more than 2 GB away does not fit: struct.error
            struct.pack_into("<i", self._memory, place, goal + addend - (self._base + place))

    def _exported(self) -> dict[str, int]:
        """Give the addresses of functions by their names."""
        return {
            self._name(s): self._address(i) for i, s in enumerate(self._symbols)
            if s[1] & 15 == FUNCTION and s[1] >> 4 and s[3] != UNDEFINED
            and self._sections[s[3]].flags & EXECUTABLE
        }

    def _seal(self) -> None:
        """Let the memory be executed, and no longer be written to."""
        protect = ctypes.CDLL(None).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        if protect(self._base, len(self._memory), READ_EXECUTE):
            raise UnloadableError("memory may not be executed here")
