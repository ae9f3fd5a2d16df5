"""Whether a training loop should compile its step by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from .function import has_llvmlite

MANY = 2000  # steps from which on it pays: recording takes as long as hundreds of them
PACKAGE = __name__.partition(".")[0] + "."


def is_worth_it(parts: Iterable[Any], steps: int | None) -> bool:
    """Tell whether to compile unasked: a long training, with no Python of the user's own in a step.

    parts: modules, losses, optimizers.  steps: how many there will be; None if nobody knows.
    A replay repeats no print, and no count in an object of the user's; so their code is left alone.
    """
    return steps is not None and steps >= MANY and has_llvmlite() and all(map(is_ours, parts))


def is_ours(part: Any) -> bool:
    """Tell whether something has this package's code alone in it."""
    kind = part if inspect.isfunction(part) else type(part)
    return part is None or isinstance(part, str) or kind.__module__.startswith(PACKAGE)
