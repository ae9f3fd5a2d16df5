"""What is seen while a model trains: a live display on a terminal, lines anywhere else.

The loop asks for the next tick by time, not by batch, so that showing costs nothing where batches
take microseconds.
"""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from textwrap import fill
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, missing, text

if TYPE_CHECKING:
    from .loop import Run

PERIOD = 0.1  # seconds between two looks of a live display
NARROW = "\N{NO-BREAK SPACE}"  # between a name and its number, which stay on one line
SHARE = 30  # so many times longer than it takes to draw
QUIET = 5.0  # seconds at least between two lines, where it is not live


class Progress:
    """What the loop tells of its progress; this one shows nothing.

    due: the time (perf_counter) from which `tick` wants to be called, between two batches.
    """

    due = math.inf

    def begin(self, run: Run) -> None:
        """Before the first epoch."""

    def tick(self, run: Run | None) -> None:
        """Show where it is, and set `due` anew."""

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


class Live(Progress):
    """A display that stays in its place on a terminal: bars, times, and the numbers so far.

    console: rich's, or None for the terminal. Raises MissingExtraError without rich.
    """

    def __init__(self, console: Any = None) -> None:
        try:
            from rich.console import Console
        except ImportError:
            raise missing("rich", "progress") from None
        self.console = console or Console()

    def begin(self, run: Run) -> None:
        """Begin to draw."""
        from rich.live import Live as Display

        self._began = perf_counter() - run.history.seconds
        self._before: tuple[int, int, dict[str, Any]] | None = None
        self._display = Display(console=self.console, auto_refresh=False)
        self._display.start()
        self.tick(run)
        self.tick(run)  # the first one imports half of rich, which says nothing of the next

    def tick(self, run: Run | None) -> None:
        """Draw where it is; seldom enough to take a thirtieth of the time at most."""
        began = perf_counter()
        if run is not None:
            self._display.update(self.picture(run), refresh=True)
        now = perf_counter()
        self.due = now + max(PERIOD, SHARE * (now - began))

    def epoch_end(self, run: Run) -> None:
        """Remember the epoch's numbers; draw if it is time."""
        self._before = (run.epoch + 1, run.epochs, run.logs)
        if perf_counter() >= self.due:
            self.tick(run)

    def end(self, run: Run) -> None:
        """Draw a last time, and say how it ended."""
        self._display.update(self.picture(run, is_over=True), refresh=True)
        self._display.stop()
        for line in ending(run):
            self.console.print(line, markup=False, highlight=False)

    def picture(self, run: Run, is_over: bool = False) -> Any:
        """Lay out bars and numbers."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        part = run.done / run.batches if run.batches else 0.0
        whole = run.epoch + (1.0 if run.is_between else part * (not is_over))
        spent = perf_counter() - self._began
        times = text("progress_spent", time=clock(spent))
        if not is_over and whole > 0:
            left = spent / whole * (run.epochs - whole)
            times += "  " + text("progress_left", time=clock(left))
        grid = Table.grid(padding=(0, 2))
        bar = max(10, min(40, self.console.width - 50))
        shown = min(run.epoch + (not is_over), run.epochs)
        grid.add_row(
            Text(text("progress_epoch", epoch=shown, epochs=run.epochs), "bold"),
            ProgressBar(max(run.epochs, 1), whole, bar), times,
        )
        if is_over:
            return Group(grid, Text(self._epoch_before())) if self._before else grid
        phase = "progress_validates" if run.phase == "validation" else "progress_trains"
        grid.add_row(
            Text(text("progress_batch", batch=run.done, batches=run.batches or "?")),
            ProgressBar(run.batches, run.done, bar, pulse=run.batches is None),
            Text(text(phase), "dim"),
        )
        rows: list[Any] = [grid]
        if run.done:
            rows.append(Text(self._wrapped(numbers(run.logs, NARROW)), "cyan"))
        if self._before:
            rows.append(Text(self._epoch_before(), "dim"))
        return Group(*rows)

    def _epoch_before(self) -> str:
        assert self._before is not None
        epoch, epochs, logs = self._before
        place = text("progress_epoch", epoch=epoch, epochs=epochs)
        return self._wrapped(f"{place}: {numbers(logs, NARROW)}")

    def _wrapped(self, line: str) -> str:
        return fill(line, max(self.console.width - 8, 20))  # a Japanese letter is two wide


def ending(run: Run) -> list[str]:
    """Say how a training ended, where that was not at its last epoch."""
    history = run.history
    if history.ended == "interrupted":
        return [text("progress_interrupted", epoch=run.epoch + 1, batches=run.done)]
    if history.ended == "stopped":
        return [text("progress_stopped", epoch=run.epoch, reason=history.reason)]
    return []


def numbers(logs: dict[str, Any], gap: str = " ") -> str:
    """Write the numbers of an epoch in a row.

    >>> numbers({"loss": 0.123456, "accuracy": 1.0, "counts": [1, 2]})
    'loss 0.1235  accuracy 1.0000'
    """
    return "  ".join(f"{k}{gap}{short(v)}" for k, v in logs.items() if isinstance(v, (int, float)))


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


def is_live() -> bool:
    """Tell whether there is a terminal to draw on, and rich to draw with."""
    is_terminal = getattr(sys.stdout, "isatty", bool)() and os.environ.get("TERM") != "dumb"
    return is_terminal and find_spec("rich") is not None


def as_progress(verbose: Any) -> Progress | None:
    """Give the display meant by `verbose`: "auto" or 1, 2 (a line per epoch), 0, or a Progress.

    Raises OptionError for anything else.
    """
    if isinstance(verbose, Progress):
        return verbose
    if verbose in ("auto", 1, True, 0, False, 2):
        if verbose in ("auto", 1):
            return Live() if is_live() else Lines()
        return Lines(every=0.0) if verbose == 2 else None
    raise OptionError("verbose", given=verbose)
