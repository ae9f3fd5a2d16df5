"""What compiled code depends on besides its source: the processor, and the versions."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np

from . import compiler, elf
from .target import Target

CPUINFO = "/proc/cpuinfo"
FIELDS = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")


@cache
def described() -> dict[str, str] | None:
    """Read what Linux says of the processor, where objects can be loaded without LLVM."""
    if not elf.possible():
        return None
    found: dict[str, str] = {}
    try:
        with open(CPUINFO, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                name, colon, text = line.partition(":")
                if not colon:  # the next processor
                    break
                found[name.strip()] = text.strip()
    except OSError:
        return None
    return {n: found[n] for n in FIELDS} if all(n in found for n in FIELDS) else None


@cache
def target() -> Target:
    """Say what this machine can do."""
    about = described()
    features = set(
        about["flags"].split() if about is not None
        else (f[1:] for f in compiler.processor()[1].split(",") if f.startswith("+"))
    )
    if {"avx512f", "avx512vl"} <= features:
        register, registers = 64, 32
    elif "avx" in features:
        register, registers = 32, 16
    else:
        register, registers = 16, 32 if "neon" in features else 16
    return Target(register, registers)


@cache
def versions() -> tuple[str, ...]:
    """List all that an object depends on besides its source."""
    common = (np.__version__, str(sys.version_info[:2]), str(compiler.RECIPE))
    about, library = described(), llvmlite_stamp()
    if about is not None and library is not None:
        return (*about.values(), library, *common)
    import llvmlite

    binding = compiler.llvm()
    return (*compiler.processor(), str(binding.llvm_version_info), str(llvmlite.__version__),
            *common)


def llvmlite_folder() -> str | None:
    """Find the package llvmlite without importing it."""
    try:
        found = find_spec("llvmlite")
    except (ImportError, ValueError):
        return None
    return None if found is None or found.origin is None else os.path.dirname(found.origin)


def llvmlite_stamp() -> str | None:
    """Tell one build of llvmlite from another without importing it: its version, its library."""
    folder = llvmlite_folder()
    if folder is None:
        return None
    digest = hashlib.sha256()
    try:
        with open(os.path.join(folder, "_version.py"), "rb") as file:
            digest.update(file.read())
        binding = os.path.join(folder, "binding")
        for name in sorted(os.listdir(binding)):
            if "llvmlite." in name:
                about = os.stat(os.path.join(binding, name))
                digest.update(f"{name} {about.st_size} {about.st_mtime_ns};".encode())
    except OSError:
        return None
    return digest.hexdigest()
