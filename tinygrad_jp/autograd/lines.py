"""Which line of the user's program made a node: kept until the program trains, or as asked.

A node keeps the code object and the place in it (`code`, `at`), no frame: a frame would keep the
user's variables alive. Only `line_of` turns them into a file, a number and the text. It costs
0.1 µs an operation, and 1.3 inside a layer, whose frames are walked through (tests/bench/limits.py
lines), so a program that goes back 500 times without a look at a graph keeps no more of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ContextDecorator
from itertools import islice
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

MOST_ROWS = 5  # of an operation that is written in several, in what is shown of it
PASSES = 500  # backward passes without a look after which lines are kept no longer

frame_at = sys._getframe
keeping = [True]  # whether nodes are stamped; a list, so that generated code shares it
latest: list[CodeType | None] = [None]  # the user's code that ran an operation last
_asked: list[bool | None] = [None]
_left = [PASSES]

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
NUMPY = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
_NOT_THE_USERS = (OURS, NUMPY, "<tinygrad_jp", "<string>", "<__array_function__")
LAYERS = tuple(os.path.join(OURS, name) + os.sep for name in ("nn", "keras"))
_origins: dict[str, str] = {}  # by name of the file


class Line(NamedTuple):
    """A line of the user's program.

    columns: where in it the operation begins, and in the line `last` ends, in bytes, if known.
    """

    file: str
    number: int
    function: str
    columns: tuple[int, int] | None = None
    last: int | None = None

    def __str__(self) -> str:
        import linecache  # which brings the tokenizer in

        numbers = range(self.number, max(self.last or 0, self.number) + 1)
        rows = [linecache.getline(self.file, n).encode() for n in numbers[: MOST_ROWS + 1]]
        source, part = rows[0].decode().strip(), ""
        if self.columns is not None and len(rows) <= MOST_ROWS:
            begin, end = self.columns
            rows[-1] = rows[-1][:end]
            rows[0] = rows[0][begin:]
            part = " ".join(row.decode(errors="replace").strip() for row in rows)
        whole = source.removeprefix("return ").rpartition(" = ")[2]
        mark = f"  → {part}" if part and part not in (source, whole) else ""
        return f"{self.file}:{self.number} ({self.function}){': ' if source else ''}{source}{mark}"


class keep_lines(ContextDecorator):
    """Keep the source line of every operation, for pictures and reports; till the end of a `with`.

    on: True always; False never, which saves 0.1 to 1.3 µs an operation; None as at first:
        until the program has gone back (`backward()`) 500 times without a look at a graph.
    Holds for all threads. Inside detect_anomaly(), and for a function that is given to `draw`,
    lines are always kept.

    >>> import tinygrad_jp as tj
    >>> with tj.keep_lines():
    ...     loss = tj.ones(2, requires_grad=True).sum()
    """

    def __init__(self, on: bool | None = True) -> None:
        self.on = on
        self._before = [_asked[0]]
        _ask(on)

    def _recreate_cm(self) -> keep_lines:
        return keep_lines(self.on)  # each call of a decorated function its own

    def __call__(self, func: Any) -> Any:
        """Decorate a function; outside it everything is as before."""
        _ask(self._before[0])
        return super().__call__(func)

    def __enter__(self) -> None:
        if not self._before:  # entered again
            self._before.append(_asked[0])
            _ask(self.on)

    def __exit__(self, *error: Any) -> None:
        _ask(self._before.pop())


def _ask(on: bool | None) -> None:
    _asked[0] = on
    _left[0] = PASSES
    keeping[0] = on is not False


def went_back() -> None:
    """Count a backward pass: a program that trains keeps no more lines after the next PASSES."""
    if _asked[0] is None:
        _left[0] -= 1
        keeping[0] = _left[0] >= 0


def looked() -> None:
    """Begin to count anew: the user looks at a graph, and may run the program's lines again."""
    if _asked[0] is None:
        _ask(None)


def origin(file: str) -> str:
    """Tell whose code a file holds: "user", "layer" (our nn and keras) or "engine", NumPy's too."""
    known = _origins.get(file)
    if known is None:
        known = "engine" if file.startswith(_NOT_THE_USERS) else "user"
        known = _origins[file] = "layer" if file.startswith(LAYERS) else known
    return known


def stamp(node: Any, frame: FrameType | None = None) -> None:
    """Write down in a node which line of the user's is being run, innermost first.

    frame: where to begin; the caller of the function that calls this. Without any line of the
        user's, it is that one.
    """
    here: FrameType | None = frame or frame_at(1)
    frame = here
    inside = False
    while here is not None:
        code = here.f_code
        kind = "user" if code is latest[0] else origin(code.co_filename)
        if kind == "user":
            latest[0], frame = code, here
            break
        inside = inside or kind == "layer"
        here = here.f_back
    assert frame is not None
    node.code, node.at = frame.f_code, ~frame.f_lasti if inside else frame.f_lasti


def line_of(node: Any) -> Line | None:
    """Give the line that made a node, of a layer of ours if need be; None if it was not kept."""
    code = getattr(node, "code", None)
    return None if code is None else _line_at(code, max(node.at, ~node.at))


def is_layers(node: Any) -> bool:
    """Tell whether a layer of ours made a node, at the user's line or by itself."""
    return getattr(node, "at", 0) < 0


def user_line() -> Line | None:
    """Find the innermost line outside this package and NumPy that is being run."""
    for frame in frames():
        if origin(frame.f_code.co_filename) == "user":
            return _line_at(frame.f_code, frame.f_lasti)
    return None


def _line_at(code: CodeType, at: int) -> Line:
    first, last, begin, end = next(islice(code.co_positions(), at // 2, None), (None,) * 4)
    columns = None if begin is None or end is None else (begin, end)
    return Line(code.co_filename, first or code.co_firstlineno, code.co_name, columns, last)


def frames() -> Iterator[FrameType]:
    """Give the frames that are being run, the innermost first."""
    frame: FrameType | None = frame_at(0)
    while frame is not None:
        yield frame
        frame = frame.f_back
