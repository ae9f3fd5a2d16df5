"""Whose code something is: what we know of our own, nobody promises of the user's."""

from __future__ import annotations

import inspect
from typing import Any

PACKAGE = __name__.partition(".")[0] + "."


def is_ours(part: Any) -> bool:
    """Tell whether something has this package's code alone in it: an object, a function, a name.

    >>> import tinygrad_jp as tj
    >>> is_ours(tj.nn.ReLU()), is_ours(print)
    (True, False)
    """
    kind = part if inspect.isfunction(part) else type(part)
    return part is None or isinstance(part, str) or str(kind.__module__).startswith(PACKAGE)
