"""NumPy's warnings off for one call, whatever ends it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np


def quietly(call: Callable[..., Any], *args: Any) -> Any:
    """Call while NumPy warns of nothing; afterwards it warns as before, even after Ctrl-C.

    `with np.errstate(...)` leaves the warnings off where Ctrl-C comes as its `__exit__` begins.
    Here the call gets a context of its own, which C lets go of. What it sets in other context
    variables goes with it.
    """
    context = copy_context()
    context.run(np.seterr, all="ignore")
    return context.run(call, *args)
