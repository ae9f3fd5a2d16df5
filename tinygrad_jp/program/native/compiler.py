"""LLVM, from the text of a module to an object file: here, or as a program of its own.

    python -I -S compiler.py FOLDER < modules > objects

FOLDER is where llvmlite is; what goes in and comes out is packed. So LLVM's library and what it
takes are in a process that ends, and not in the one that trains: see child.py. This file imports
nothing of tinygrad_jp, to start quickly.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from typing import Any

RECIPE = 2  # counts the ways in which `compiled` has worked: objects of another are not taken
# characters of a module from which on a few passes do: they take a tenth of the time of all, which
# make small programs up to 5 % faster, and large ones none
LONG = 400_000


@cache
def llvm() -> Any:
    """Give llvmlite's binding, started for this machine. Raises ImportError without it."""
    import llvmlite.binding as binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def processor() -> tuple[str, str]:
    """Give the processor's name and features, as LLVM calls them."""
    binding = llvm()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def target_machine(level: int = 2) -> Any:
    """Make the code generator."""
    name, features = processor()
    return llvm().Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=level, reloc="pic", codemodel="default", jit=True
    )


def compiled(source: str) -> bytes:
    """Compile a module to an object file."""
    binding = llvm()
    coder = target_machine()
    module = binding.parse_assembly(source)
    module.verify()
    module.triple = coder.triple
    module.data_layout = str(coder.target_data)
    tuning = binding.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_vectorization = tuning.slp_vectorization = False
    tuning.loop_unrolling = tuning.loop_interleaving = False
    builder = binding.create_pass_builder(coder, tuning)
    passes = builder.getModulePassManager()
    if len(source) > LONG:
        passes = binding.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    return bytes(coder.emit_object(module))


MODULES, OBJECTS = b"modules", b"objects"  # kinds of packets: an echo is no answer


def packed(kind: bytes, parts: list[bytes]) -> bytes:
    """Put parts after each other, each with its length before it, all with a digest before them."""
    body = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return hashlib.sha256(kind + body).digest() + body


def unpacked(kind: bytes, packet: bytes) -> list[bytes] | None:
    """Take the parts out again; None where they are damaged."""
    size = hashlib.sha256().digest_size
    digest, body = packet[:size], packet[size:]
    if hashlib.sha256(kind + body).digest() != digest:
        return None
    parts = []
    while body:
        end = 8 + int.from_bytes(body[:8], "little")
        parts.append(body[8:end])
        body = body[end:]
    return parts


def main() -> None:
    """Compile the modules that standard input brings."""
    sys.path.append(sys.argv[1])
    sources = unpacked(MODULES, sys.stdin.buffer.read())
    if sources is not None:
        objects = [compiled(source.decode()) for source in sources]
        sys.stdout.buffer.write(packed(OBJECTS, objects))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
