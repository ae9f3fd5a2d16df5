"""The switches of the package that a test must leave as it found them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import errors
from ..autograd import anomaly, apply, backward, generate, mode
from ..errors import text

WARNINGS = "NumPy's warnings"  # the test's own affair, but for anomaly mode


def state() -> dict[str, Any]:
    """Say how every switch stands."""
    return {
        "grad mode": mode.is_grad_enabled(),
        "anomaly mode": (
            generate._watchers.copy(), anomaly._users[0], apply.watchers[:], backward.observers[:],
        ),
        "language": errors._chosen[0],
        "default dtype": apply.default_dtype[0],
        WARNINGS: np.geterr(),
    }


def restore(before: dict[str, Any]) -> str:
    """Put every switch back; gives a text naming those that had been left turned, or ""."""
    after = state()
    left = [name for name in before if after[name] != before[name] and name != WARNINGS]
    if not left:
        return ""
    if "anomaly mode" in left:  # which has silenced them
        np.seterr(**before[WARNINGS])
    mode._mode.set(before["grad mode"])
    users = before["anomaly mode"]
    watchers, anomaly._users[0], apply.watchers[:], backward.observers[:] = users
    generate._watchers.clear()
    generate._watchers.update(watchers)
    generate.scope["watching"] = bool(watchers)
    anomaly._on.set(bool(users[1]))
    errors._chosen[0] = before["language"]
    apply.default_dtype[0] = before["default dtype"]
    facts = ", ".join(f"{name}: {before[name]!r} → {after[name]!r}" for name in left)
    return text("testing_left_behind", left=facts)
