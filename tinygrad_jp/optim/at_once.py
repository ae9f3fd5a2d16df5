"""Changes that belong together, made with no Python in between: all of them, or none.

Python looks for Ctrl-C, and runs what signals ask for, only between its own instructions. A
`deque` that is fed by `map` makes a whole list of calls within one of them, so that an optimizer
computes all that may fail, and then moves every parameter, its state and the count of steps at
once. It takes less time than a loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from operator import call, length_hint
from typing import Any

Call = Callable[[], Any]
# what comes when a call has done its work: a ufunc looks for overflow when all is written, and
# a Ctrl-C can come in only where the warning about it is shown
AFTERWARDS = (ArithmeticError, Warning, KeyboardInterrupt)


def at_once(calls: list[Call]) -> None:
    """Make the calls, which must be C functions that run no Python (ufuncs with `out=`, say).

    Where one raises (overflow under `np.errstate(all="raise")`, no memory), the others are made
    all the same, that one is tried once more unless it had done its work, and what was raised
    comes after that.
    """
    left = iter(calls)
    try:
        deque(map(call, left), 0)
    except BaseException as error:
        _finish(calls, len(calls) - length_hint(left) - 1, error)
        raise


def _finish(calls: list[Call], at: int, error: BaseException) -> None:
    """Make the calls after the one at `at`, and that one too if it was not made."""
    tried = -1
    while True:
        if not isinstance(error, AFTERWARDS):
            if tried == at:
                raise error
            tried = at
        else:
            at += 1
        left = iter(calls[at:])
        try:
            deque(map(call, left), 0)
            return
        except BaseException as again:
            at, error = len(calls) - length_hint(left) - 1, again
