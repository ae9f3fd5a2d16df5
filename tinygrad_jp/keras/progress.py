"""What fit, evaluate and predict show, in Keras's own form: a bar, or a line per epoch."""

from __future__ import annotations

import math
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..train.progress import Progress, ending

if TYPE_CHECKING:
    from ..train.loop import Run

WIDTH = 20  # characters of the bar
PERIOD = 0.05  # seconds between two looks of the bar


class KerasProgress(Progress):
    """Lines as Keras prints them.

    verbose: 1 a bar that moves (one line per epoch where the output is not a terminal), 2 a line.
    """

    def __init__(self, verbose: int, stream: Any = None) -> None:
        self.verbose = verbose
        self.stream = stream
        self.logs: Any = None  # a function that gives the epoch's numbers, callbacks' ones too
        self._began = perf_counter()

    def write(self, text: str) -> None:
        """Write without going to the next line by itself."""
        stream = self.stream or sys.stdout
        stream.write(text)
        stream.flush()

    def begin(self, run: Run) -> None:
        """Note whether lines can be written over."""
        self._is_live = self.verbose == 1 and (self.stream or sys.stdout).isatty()
        self.due = -math.inf if self._is_live else math.inf

    def epoch_begin(self, run: Run) -> None:
        """Write the epoch's number; told by the callbacks' bridge."""
        self._began = perf_counter()
        if run.epochs > 1:
            self.write(f"Epoch {run.epoch + 1}/{run.epochs}\n")

    def tick(self, run: Run | None) -> None:
        """Move the bar."""
        if run is None:
            return
        if run.phase == "train":
            self.write("\r\x1b[K" + bar(
                run.done, run.batches, perf_counter() - self._began, sorted_logs(run.logs)
            ))
        self.due = perf_counter() + PERIOD

    def epoch_end(self, run: Run) -> None:
        """Write the epoch's numbers."""
        seconds = perf_counter() - self._began
        logs = self.logs() if self.logs else sorted_logs(run.history.last)
        steps = run.done or run.batches or 0
        if self.verbose == 1:
            start = "\r\x1b[K" if self._is_live else ""
            self.write(start + bar(steps, steps, seconds, logs) + "\n")
        else:
            self.write(line(steps, run.batches, seconds, logs) + "\n")

    def end(self, run: Run) -> None:
        """Say where Ctrl-C has ended it."""
        if run.history.ended == "interrupted":
            start = "\n" if self._is_live else ""
            self.write(start + "".join(f"{line}\n" for line in ending(run)))


class Judging:
    """The line that evaluate and predict show at the end, or the bar that moves until then."""

    def __init__(self, verbose: Any, steps: int | None, task: Any) -> None:
        self.verbose = level(verbose)
        self.steps = steps
        self.task = task
        self.began = perf_counter()
        self.progress = None
        self._done = 0
        self._due = 0.0
        self._is_live = self.verbose == 1 and sys.stdout.isatty()

    def step(self, done: int) -> None:
        """Move the bar."""
        self._done = done
        if self._is_live and perf_counter() >= self._due:
            self._due = perf_counter() + PERIOD
            sys.stdout.write("\r\x1b[K" + bar(done, self.steps, perf_counter() - self.began, {}))
            sys.stdout.flush()

    def end(self, logs: dict[str, Any]) -> None:
        """Write the numbers."""
        if not self.verbose:
            return
        seconds = perf_counter() - self.began
        done = self._done or self.task._judged
        shown = bar if self.verbose == 1 else line
        start = "\r\x1b[K" if self._is_live else ""
        sys.stdout.write(start + shown(done, self.steps or done, seconds, sorted_logs(logs)) + "\n")
        sys.stdout.flush()


def level(verbose: Any) -> int:
    """Read `verbose`: "auto" is 1. Raises OptionError for anything but auto, 0, 1, 2."""
    if verbose == "auto" or verbose is True:
        return 1
    if verbose in (0, 1, 2):
        return int(verbose)
    raise OptionError("keras_verbose", given=verbose)


def as_progress(verbose: Any) -> KerasProgress | None:
    """Give the display meant by `verbose`."""
    if isinstance(verbose, KerasProgress):
        return verbose
    found = level(verbose)
    return KerasProgress(found) if found else None


def sorted_logs(logs: dict[str, Any]) -> dict[str, Any]:
    """Sort numbers by name."""
    return dict(sorted(logs.items()))


def numbers(logs: dict[str, Any]) -> str:
    """Write numbers as Keras does.

    >>> numbers({"loss": 0.52341, "mae": 1.5e-5})
    ' - loss: 0.5234 - mae: 1.5000e-05'
    """
    return "".join(
        f" - {name}: {number(value)}"
        for name, value in logs.items()
        if isinstance(value, (int, float))
    )


def number(value: float) -> str:
    """Write a number with four places, or as a power of ten where it is small.

    >>> number(0.25), number(0.0), number(12345.678)
    ('0.2500', '0.0000e+00', '12345.6780')
    """
    if not math.isfinite(value):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def pace(seconds: float, steps: int) -> str:
    """Write the time of one step."""
    each = seconds / max(steps, 1)
    if each >= 1:
        return f"{each:.0f}s/step"
    return f"{each * 1e3:.0f}ms/step" if each >= 1e-3 else f"{each * 1e6:.0f}us/step"


def line(done: int, total: int | None, seconds: float, logs: dict[str, Any]) -> str:
    """Write an epoch in one line: 13/13 - 0s - 2ms/step - loss: 0.5234."""
    steps = f"{done}/{total if total is not None else done}"
    return f"{steps} - {seconds:.0f}s - {pace(seconds, done)}{numbers(logs)}"


def bar(done: int, total: int | None, seconds: float, logs: dict[str, Any]) -> str:
    """Write an epoch as a bar: 13/13 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: 0.5234."""
    if total is None:
        return f"{done}/Unknown {seconds:.0f}s {pace(seconds, done)}{numbers(logs)}"
    width = len(str(total))
    full = WIDTH * done // max(total, 1)
    rest = seconds / max(done, 1) * (total - done) if done < total else seconds
    drawn = "━" * full + ("╺" + "─" * (WIDTH - full - 1) if full < WIDTH else "")
    return f"{done:{width}}/{total} {drawn} {rest:.0f}s {pace(seconds, done)}{numbers(logs)}"
