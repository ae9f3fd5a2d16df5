"""NumPy's own BLAS, found in the library that it has loaded: no second one, no second threads."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

# names of cblas_?gemm in NumPy's wheels, newest first, with the integers that they take
NAMES = (("scipy_cblas_{}gemm64_", "i64"), ("cblas_{}gemm64_", "i64"), ("cblas_{}gemm", "i32"))


@cache
def library() -> tuple[Any, str, str] | None:
    """Find (the library, the name of cblas_?gemm in it, the kind of integers)."""
    beside = os.path.dirname(np.__file__)
    folders = (os.path.join(os.path.dirname(beside), "numpy.libs"),
               os.path.join(beside, ".libs"), os.path.join(beside, ".dylibs"))
    for folder in folders:
        inside = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        for file in [f for f in inside if "openblas" in f]:
            try:
                loaded = ctypes.CDLL(os.path.join(folder, file))
            except OSError:
                continue
            for name, integers in NAMES:
                if hasattr(loaded, name.format("s")) and hasattr(loaded, name.format("d")):
                    return loaded, name, integers
    return None


def integers() -> str | None:
    """Give the kind of integers that BLAS takes, or None if there is no BLAS to call."""
    found = library()
    return found[2] if found else None


def address(letter: str) -> int:
    """Give where cblas_sgemm ("s") or cblas_dgemm ("d") is; 0 if nowhere."""
    found = library()
    if found is None:
        return 0
    return ctypes.cast(getattr(found[0], found[1].format(letter)), ctypes.c_void_p).value or 0


@cache
def thread_calls() -> tuple[int, int] | None:
    """Give the addresses of the functions that get and set the number of threads, if found."""
    found = library()
    for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_",
                 "openblas_{}_num_threads"):
        calls: list[Any] = [
            getattr(found[0], name.format(v), None) for v in ("get", "set")
        ] if found else []
        if calls and all(calls):
            get, put = (ctypes.cast(c, ctypes.c_void_p).value or 0 for c in calls)
            return get, put
    return None


def threads() -> int:
    """Give how many threads BLAS is set to use; 1 if the environment says so, 0 if unknown."""
    for variable in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        if variable in os.environ:
            return 1 if os.environ[variable] == "1" else 0
    calls = thread_calls()
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(calls[0])()) if calls else 0
