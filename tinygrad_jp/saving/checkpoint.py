"""Checkpoints: everything a training needs to go on as if nothing had happened."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from ..autograd.random import get_rng_state, set_rng_state
from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, FileFormatError, StateDictError, TinygradError
from . import saving

VERSION = 1
MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def save_checkpoint(path: Any, **parts: Any) -> None:
    """Save what has a state_dict (model, optimizer, scheduler, ...), and numbers beside it.

    The state of the random generators (tj's, NumPy's, Python's) is saved along. The file is in
    place whole or not at all, even if the process is killed meanwhile.

    >>> import tempfile, os
    >>> import tinygrad_jp as tj
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "run.safetensors")
    >>> model = tj.nn.Linear(2, 1)
    >>> optimizer = tj.optim.Adam(model.parameters())
    >>> tj.save_checkpoint(path, model=model, optimizer=optimizer, epoch=3)
    >>> tj.load_checkpoint(path, model=model, optimizer=optimizer)
    {'epoch': 3}
    >>> folder.cleanup()
    """
    tree = {name: part.state_dict() if is_stateful(part) else part for name, part in parts.items()}
    stateful = [name for name, part in parts.items() if is_stateful(part)]
    saving.save(
        {"version": VERSION, "parts": tree, "stateful": stateful, "random": random_states()}, path
    )


def load_checkpoint(path: Any, **parts: Any) -> dict[str, Any]:
    """Put each part back as it was saved, and the random generators; give the plain values.

    All of it, or nothing: if a part does not fit, or the file is broken, every part is as before.
    Raises StateDictError for a part that is not in the file or does not fit, FileFormatError for a
    file that is no checkpoint or is broken.
    """
    saved = saving.load(path)
    try:
        version, states, stateful = saved["version"], saved["parts"], list(saved["stateful"])
        randoms = saved["random"]
        plain = {name: value for name, value in states.items() if name not in stateful}
    except (KeyError, TypeError, AttributeError):
        raise FileFormatError("file_no_checkpoint", path=str(path)) from None
    if version != VERSION:
        raise FileFormatError("file_version", path=str(path), version=version, known=VERSION)
    for name, part in parts.items():
        if not is_stateful(part):
            raise ArgumentError("checkpoint_part", name=name, kind=type(part).__name__)
        if name not in stateful or name not in states:
            known = ", ".join(map(str, stateful))
            raise StateDictError("checkpoint_missing", name=name, known=known)
    before = random_states()
    try:
        set_random_states(randoms)
        put_back([(part, states[name]) for name, part in parts.items()])
    except BaseException:
        set_random_states(before)
        raise
    return plain


def put_back(parts: list[tuple[Any, Any]]) -> None:
    """Load states into their parts; if one fails, those before it get theirs back.

    Raises what the part raises; StateDictError for a state that is not of its kind at all.
    """
    done: list[tuple[Any, Any]] = []
    try:
        for part, state in parts:
            done.append((part, copied(part.state_dict())))
            if hasattr(part, "named_parameters"):
                saving.load_into(part, state, is_exact=True)
            else:
                part.load_state_dict(state)
    except BaseException as reason:
        for part, before in reversed(done):
            part.load_state_dict(before)
        if isinstance(reason, TinygradError) or not isinstance(reason, MISFITS):
            raise
        raise StateDictError(
            "checkpoint_state", kind=type(done[-1][0]).__name__,
            reason=f"{type(reason).__name__}: {reason}",
        ) from reason


def is_stateful(part: Any) -> bool:
    """Tell a model, an optimizer, a scheduler from a plain value."""
    return hasattr(part, "state_dict") and hasattr(part, "load_state_dict")


def copied(state: Any) -> Any:
    """Copy a state, its arrays too: the original's may be shared with what it is the state of."""
    values = [
        Tensor(v) if isinstance(v, Tensor) else v.copy() if isinstance(v, np.ndarray) else v
        for v in leaves(state)
    ]
    return rebuild(state, values)


def random_states() -> dict[str, Any]:
    """Give the states of all generators of random numbers."""
    return {
        "tj": get_rng_state(), "numpy": np.random.get_state(legacy=False),
        "python": python_random.getstate(),
    }


def set_random_states(states: dict[str, Any]) -> None:
    """Go back to what `random_states` gave. Raises FileFormatError for what it cannot be."""
    try:
        set_rng_state(states["tj"])
        np.random.set_state(states["numpy"])
        python_random.setstate(states["python"])
    except (*MISFITS, OverflowError) as reason:
        told = f"{type(reason).__name__}: {reason}"
        raise FileFormatError("file_structure", reason=told) from None
