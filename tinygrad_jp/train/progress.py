"""What is seen while a model trains: a live display on a terminal, lines anywhere else.

The loop asks for the next tick by time, not by batch, so that showing costs nothing where batches
take microseconds.
"""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, text

if TYPE_CHECKING:
    from .loop import Run

PERIOD = 0.1  # seconds between two looks of a live display
QUIET = 5.0  # seconds at least between two lines, where it is not live


class Progress:
    """What the loop tells of its progress; this one shows nothing."""

    def begin(self, run: Run) -> None:
        """Before the first epoch."""

    def tick(self, run: Run | None) -> float:
        """Show where it is; give the time (perf_counter) from which to be asked again."""
        return math.inf

    def epoch_end(self, run: Run) -> None:
        """After an epoch and its validation."""

    def end(self, run: Run) -> None:
        """When the training is over, however it ended."""


class Lines(Progress):
    """A line per epoch; where epochs are short, only some of them.

    every: seconds that must lie between two lines, but for the first and the last epoch's; 0 for a
    line per epoch.  stream: where to; sys.stdout as it is at that time.
    """

    def __init__(self, every: float = QUIET, stream: Any = None) -> None:
        self.every = every
        self.stream = stream

    def begin(self, run: Run) -> None:
        """Start the clock."""
        self._shown = -math.inf
        self._began, self._before = perf_counter(), run.epoch

    def epoch_end(self, run: Run) -> None:
        """Write the epoch's numbers."""
        now = perf_counter()
        is_last = run.epoch + 1 == run.epochs or run.is_halted
        if now - self._shown >= self.every or is_last:
            self._shown = now
            width = len(str(run.epochs))
            place = text("progress_epoch", epoch=f"{run.epoch + 1:{width}}", epochs=run.epochs)
            left = (now - self._began) / (run.epoch + 1 - self._before)
            rest = text("progress_left", time=clock(left * (run.epochs - run.epoch - 1)))
            self.write(f"{place}  {numbers(run.logs)}" + ("" if is_last else f"  {rest}"))

    def end(self, run: Run) -> None:
        """Say how it ended, unless it simply went to the end."""
        for line in ending(run):
            self.write(line)

    def write(self, line: str) -> None:
        """Write a line."""
        with suppress(BrokenPipeError):
            print(line, file=self.stream or sys.stdout, flush=True)


def ending(run: Run) -> list[str]:
    """Say how a training ended, where that was not at its last epoch."""
    history = run.history
    if history.ended == "interrupted":
        return [text("progress_interrupted", epoch=run.epoch + 1, batches=run.done)]
    if history.ended == "stopped":
        return [text("progress_stopped", epoch=run.epoch, reason=history.reason)]
    return []


def numbers(logs: dict[str, Any]) -> str:
    """Write the numbers of an epoch in a row.

    >>> numbers({"loss": 0.123456, "accuracy": 1.0, "counts": [1, 2]})
    'loss 0.1235  accuracy 1.0000'
    """
    return "  ".join(f"{k} {short(v)}" for k, v in logs.items() if isinstance(v, (int, float)))


def short(value: float) -> str:
    """Write a number in few digits, all of one width where it can be."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.2f}"
    return f"{value:.3e}" if math.isfinite(value) else str(value)


def clock(seconds: float) -> str:
    """Write a time as 0:00:05.

    >>> clock(3725.6)
    '1:02:05'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def as_progress(verbose: Any) -> Progress | None:
    """Give the display meant by `verbose`: "auto" or 1, 2 (a line per epoch), 0, or a Progress.

    Raises OptionError for anything else.
    """
    if isinstance(verbose, Progress):
        return verbose
    if verbose in ("auto", 1, True, 0, False, 2):
        if verbose in ("auto", 1):
            return Lines()
        return Lines(every=0.0) if verbose == 2 else None
    raise OptionError("verbose", given=verbose)
