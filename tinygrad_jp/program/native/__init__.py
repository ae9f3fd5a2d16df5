"""Native code: one function for a whole Program, by LLVM.

Read in this order: kinds and registers (LLVM IR as arithmetic), mathematics and ufuncs (what there
is), views and nodes (what a Program asks for), rows and nest, lanes and strips, products, packed
and copies (loops), fusion and lowering (what runs together, and where values are), assemble (a
module's text), link and what it uses: processor, cache, child and compiler (LLVM, in a process of
its own), elf (the way into memory), entry and bindings (the way in), pool (threads that help).
"""

from __future__ import annotations

from .bindings import Entry, NativeProgram, build

__all__ = ["Entry", "NativeProgram", "build"]
