"""Compile in a short-lived process: what LLVM takes, some 80 MB, is given back when that ends.

Where that cannot be (no Python to start, no processes allowed, an answer that is none), `compiled`
gives None, and the caller compiles in its own process.
"""

from __future__ import annotations

import os
import sys
from itertools import count

from . import compiler, elf
from .processor import llvmlite_folder

MOST = 8  # a process that compiles more than this is quicker with LLVM in it
SECONDS = 60.0  # a module of 30 layers takes one
_started = count()


def python() -> str | None:
    """Give the Python to start: a program that Python is built into would not do."""
    name = os.path.basename(sys.executable or "").lower()
    return sys.executable if name.startswith("python") and not hasattr(sys, "frozen") else None


def compiled(sources: list[str]) -> list[bytes] | None:
    """Compile modules in another process; None where that is not possible, or no use."""
    program = os.path.join(os.path.dirname(__file__), "compiler.py")
    if "llvmlite.binding" in sys.modules:  # LLVM is here already
        return None
    folder, interpreter = llvmlite_folder(), python()
    if not elf.possible() or folder is None or interpreter is None or not os.path.isfile(program):
        return None
    if next(_started) >= MOST:
        return None
    import subprocess

    try:
        done = subprocess.run(
            [interpreter, "-I", "-S", "-B", program, os.path.dirname(folder)],
            input=compiler.packed(compiler.MODULES, [source.encode() for source in sources]),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    made = compiler.unpacked(compiler.OBJECTS, done.stdout)
    return made if made is not None and len(made) == len(sources) and all(made) else None
