"""LLVM: from the text of a module to addresses of its functions."""

from __future__ import annotations

import ctypes
import sys
from functools import cache as once
from typing import Any

import numpy as np

from ...errors import missing
from . import blas as products
from . import cache
from .target import Target


def llvm() -> Any:
    """Give llvmlite's binding, started. Raises MissingExtraError without it."""
    try:
        import llvmlite.binding as binding
    except ImportError:
        raise missing("llvmlite", "fast") from None
    return started(binding)


@once
def started(binding: Any) -> Any:
    """Start LLVM for this machine, once."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@once
def machine() -> tuple[str, str]:
    """Give the processor's name and features."""
    binding = llvm()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


@once
def target() -> Target:
    """Say what this machine can do."""
    features = machine()[1].split(",")
    if "+avx512f" in features and "+avx512vl" in features:
        register, registers = 64, 32
    elif "+avx" in features:
        register, registers = 32, 16
    else:
        register, registers = 16, 32 if "+neon" in features else 16
    return Target(register, registers, products.integers(), products.thread_calls() is not None)


def target_machine(level: int = 2) -> Any:
    """Make the code generator."""
    binding = llvm()
    name, features = machine()
    return binding.Target.from_default_triple().create_target_machine(
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
    builder.getModulePassManager().run(module, builder)
    return bytes(coder.emit_object(module))


class Linked:
    """An object file in memory, ready to run; alive as long as this is."""

    def __init__(self, code: bytes, names: list[str]) -> None:
        binding = llvm()
        self._jit = binding.create_lljit_compiler(target_machine(), use_jit_link=False)
        builder = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in names:
            builder.export_symbol(name)
        self._tracker = builder.link(self._jit, f"tj{id(self)}")
        self.addresses: dict[str, int] = {name: self._tracker[name] for name in names}

    def function(self, name: str, result: Any, *arguments: Any) -> Any:
        """Give a function for ctypes; it gives up the GIL."""
        return ctypes.CFUNCTYPE(result, *arguments)(self.addresses[name])


def linked(source: str, names: list[str]) -> Linked:
    """Compile, unless that was done before by any process, and link."""
    binding = llvm()
    versions = (binding.llvm_version_info, llvmlite_version(), np.__version__, sys.version_info[:2])
    key = cache.key_of(source, *machine(), str(versions))
    code = cache.load(key)
    if code is not None:
        try:
            return Linked(code, names)
        except RuntimeError:  # LLVM cannot read it after all
            pass
    code = compiled(source)
    cache.save(key, code)
    return Linked(code, names)


def llvmlite_version() -> str:
    """Give the version of llvmlite."""
    import llvmlite

    return str(llvmlite.__version__)
