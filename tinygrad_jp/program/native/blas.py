"""How many threads NumPy's own BLAS is set to use: ours go by that."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

# the function that tells, in NumPy's wheels, newest first
NAMES = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_",
         "openblas_get_num_threads")


@cache
def counter() -> Any:
    """Find the function that gives the number of threads; None where there is none."""
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
            for name in NAMES:
                if hasattr(loaded, name):
                    return getattr(loaded, name)
    return None


def threads() -> int:
    """Give how many threads BLAS is set to use; 0 if unknown."""
    for variable in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(variable, "").isdecimal():
            return int(os.environ[variable])
    count = counter()
    return int(count()) if count is not None else 0
