"""From the text of a module to addresses of its functions.

An object that is on disk is loaded by elf.py, so that LLVM need not come into the process; one that
is not is compiled in a child. Where either cannot be, LLVM does it here.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from typing import Any

from ...errors import missing
from . import cache, child, compiler, elf
from .processor import target, versions

_ahead: dict[str, bytes] = {}  # objects of modules that were compiled on the way


def demand() -> None:
    """Raise MissingExtraError without llvmlite, which is not imported."""
    try:
        found = find_spec("llvmlite")
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise missing("llvmlite", "fast")


def compiled(source: str, also: str | None = None) -> bytes:
    """Compile a module to an object file, and another that will be asked for next."""
    sources = [source] if also is None else [source, also]
    made = child.compiled(sources)
    if made is None:
        return compiler.compiled(source)
    if also is not None:
        _ahead[also] = made[1]
    return made[0]


class Linked:
    """An object file in memory by LLVM's linker, ready to run; alive as long as this is."""

    def __init__(self, code: bytes, names: list[str]) -> None:
        binding = compiler.llvm()
        self._jit = binding.create_lljit_compiler(compiler.target_machine(), use_jit_link=False)
        builder = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in names:
            builder.export_symbol(name)
        self._tracker = builder.link(self._jit, f"tj{id(self)}")
        self.addresses: dict[str, int] = {name: self._tracker[name] for name in names}

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """Give a function for ctypes; it gives up the GIL."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.addresses[name])


def loaded(code: bytes, names: list[str]) -> Linked | elf.Image:
    """Take an object file into memory. Raises RuntimeError where it is none."""
    try:
        return elf.Image(code, names)
    except elf.UnloadableError:
        return Linked(code, names)


def linked(source: str, names: list[str], also: str | None = None) -> Linked | elf.Image:
    """Compile, unless that was done before by any process, and link.

    also: a module that is needed next, compiled on the way.
    Raises MissingExtraError where llvmlite is needed and cannot be imported.
    """
    try:
        key = key_of(source)
        code = cache.load(key)
        if code is not None:
            try:
                return loaded(code, names)
            except RuntimeError:  # LLVM cannot read it either
                pass
        if also is not None and (also in _ahead or cache.load(key_of(also)) is not None):
            also = None
        code = _ahead.pop(source, None) or compiled(source, also)
        cache.save(key, code)
        return loaded(code, names)
    except ImportError:
        raise missing("llvmlite", "fast") from None


def key_of(source: str) -> str:
    """Name what a module's object depends on."""
    return cache.key_of(source, *versions())


__all__ = ["Linked", "compiled", "demand", "linked", "loaded", "target"]
