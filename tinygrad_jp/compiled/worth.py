"""Whether a training loop should compile its step by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..vocabulary.origin import is_ours
from .function import has_llvmlite

MANY = 1000  # steps from which on it pays: recording takes as long as hundreds of them


def is_worth_it(parts: Iterable[Any], steps: int | None) -> bool:
    """Tell whether to compile unasked: a long training, with no Python of the user's own in a step.

    parts: modules, losses, optimizers.  steps: how many there will be; None if nobody knows.
    A replay repeats no print, and no count in an object of the user's; so their code is left alone.
    """
    return steps is not None and steps >= MANY and has_llvmlite() and all(map(is_ours, parts))
