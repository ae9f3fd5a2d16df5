"""Native programs with NumPy's calls in between: whether the last stretch was run.

What such a program changes outside it changes there, in native code, which Ctrl-C does not come
into; but Python looks for Ctrl-C as soon as it is back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def noting(entry: Any, outcome: list[int]) -> None:
    """Let the last stretch leave in a list what it returns: 0 when it was run."""
    binding = entry.__self__
    name = next(part for part in reversed(binding.module.order) if isinstance(part, str))
    run: Callable[[int], int] = binding.segments[name]

    def last(address: int) -> int:
        outcome.extend(map(run, (address,)))  # one call of C: it is run and noted, or neither
        return outcome[-1]

    binding.segments[name] = last
