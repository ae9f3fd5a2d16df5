"""Whether operations are recorded, kept per thread and per asyncio task."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from typing import Any

_mode: ContextVar[bool] = ContextVar("tinygrad_jp_grad", default=True)
is_grad_enabled: Callable[[], bool] = _mode.get


class set_grad_enabled(ContextDecorator):
    """Record operations or not, inside a `with` block or a decorated function.

    May be entered again while it is active (a recursive function), hence the stack.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._tokens: list[Token[bool]] = []

    def _recreate_cm(self) -> set_grad_enabled:
        return set_grad_enabled(self.enabled)  # each call of a decorated function its own

    def __enter__(self) -> None:
        self._tokens.append(_mode.set(self.enabled))

    def __exit__(self, *error: Any) -> None:
        _mode.reset(self._tokens.pop())


def no_grad() -> set_grad_enabled:
    """Compute without recording: results require no gradient.

    >>> import tinygrad_jp as tj
    >>> w = tj.ones(2, requires_grad=True)
    >>> with tj.no_grad():
    ...     (w * 2).requires_grad
    False
    """
    return set_grad_enabled(False)


def enable_grad() -> set_grad_enabled:
    """Record again, inside no_grad."""
    return set_grad_enabled(True)


def inference_mode() -> set_grad_enabled:
    """Compute without recording; PyTorch's other name for no_grad."""
    return set_grad_enabled(False)
