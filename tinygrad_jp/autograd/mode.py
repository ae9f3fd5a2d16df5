"""Whether operations are recorded, kept per thread and per asyncio task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from functools import wraps
from typing import Any

_mode: ContextVar[bool] = ContextVar("tinygrad_jp_grad", default=True)
is_grad_enabled: Callable[[], bool] = _mode.get
# how often something changed that a compiled program takes for granted: a module's attribute, a
# Tensor's array or its place in the graph, the default dtype
changes = [0]
# what records this thread's or task's operations for `compile`; None almost always
recording: ContextVar[Any] = ContextVar("tinygrad_jp_recording", default=None)


def any_of(wrong: Any) -> bool:
    """Tell whether anything is wrong with the values at hand, so that a caller can refuse them.

    wrong: an array of booleans. In a recording, what goes wrong later is left to eager execution.
    """
    recorder = recording.get()
    if recorder is not None and hasattr(wrong, "traced"):
        return bool(recorder.assume_none(wrong))
    return bool(wrong.any())


class GradMode(ContextDecorator):
    """Record operations or not, inside a `with` block or a decorated function.

    May be entered again while it is active (a recursive function), hence the stack.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._tokens: list[Token[bool]] = []

    def _recreate_cm(self) -> GradMode:
        return GradMode(self.enabled)  # each call of a decorated function its own

    def __call__(self, func: Any) -> Any:
        """Decorate a function: a generator or a coroutine too, whose body runs later."""
        if inspect.iscoroutinefunction(func):

            @wraps(func)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._recreate_cm():
                    return await func(*args, **kwargs)

            return awaited
        if inspect.isgeneratorfunction(func):

            @wraps(func)
            def generated(*args: Any, **kwargs: Any) -> Any:
                made, sent = func(*args, **kwargs), None
                try:
                    while True:
                        with self._recreate_cm():  # not while the caller has the turn
                            try:
                                item = made.send(sent)
                            except StopIteration as end:
                                return end.value
                        sent = yield item
                finally:
                    made.close()

            return generated
        return super().__call__(func)

    def __enter__(self) -> None:
        self._tokens.append(_mode.set(self.enabled))

    def __exit__(self, *error: Any) -> None:
        _mode.reset(self._tokens.pop())


class set_grad_enabled(GradMode):
    """Record operations or not from now on; in a `with` block or a function, till its end.

    >>> import tinygrad_jp as tj
    >>> tj.set_grad_enabled(False) and None
    >>> tj.is_grad_enabled()
    False
    >>> tj.set_grad_enabled(True) and None
    """

    def __init__(self, enabled: bool) -> None:
        super().__init__(enabled)
        self._before = _mode.set(enabled)

    def __call__(self, func: Any) -> Any:
        """Decorate a function; the mode outside it is what it was before."""
        _mode.reset(self._before)
        return super().__call__(func)

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if not self._tokens:
            _mode.reset(self._before)


def no_grad(func: Any = None) -> Any:
    """Compute without recording: results require no gradient. Also @no_grad and @no_grad().

    >>> import tinygrad_jp as tj
    >>> w = tj.ones(2, requires_grad=True)
    >>> with tj.no_grad():
    ...     (w * 2).requires_grad
    False
    """
    return _mode_or_decorated(False, func)


def enable_grad(func: Any = None) -> Any:
    """Record again, inside no_grad."""
    return _mode_or_decorated(True, func)


def inference_mode(func: Any = None) -> Any:
    """Compute without recording; PyTorch's other name for no_grad."""
    return _mode_or_decorated(False, func)


def without_grad(call: Callable[..., Any], *args: Any) -> Any:
    """Make a call without recording; afterwards the mode is what it was.

    Ctrl-C can come as Python enters the `__exit__` of a `with` block, which then does nothing; it
    is made good here.
    """
    before = _mode.get()
    try:
        with no_grad():
            return call(*args)
    finally:
        _mode.set(before)


def _mode_or_decorated(enabled: bool, func: Any) -> Any:
    mode = GradMode(enabled)
    return mode(func) if callable(func) else mode
