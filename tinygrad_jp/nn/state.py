"""A module's state by name: giving it out, and taking it in whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import NonFiniteError, StateDictError, text
from .parameter import Parameter, UninitializedParameter, overwrite

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What a load that is not strict left out on either side."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Give each parameter and persistent buffer by name; a shared one under every name."""
    for path, owner in module.named_modules(prefix=prefix, remove_duplicate=False):
        start = f"{path}." if path else ""
        for name, value in owner.__dict__.items():
            if isinstance(value, Parameter):
                yield start + name, value
        for name, persistent in owner._buffers.items():
            if persistent and owner.__dict__[name] is not None:
                yield start + name, owner.__dict__[name]


def state_dict(module: Module, prefix: str, keep_vars: bool) -> dict[str, Tensor]:
    """Collect a module's state (see Module.state_dict)."""
    return {
        name: value if keep_vars else value.detach()
        for name, value in entries(module, prefix.rstrip("."))
    }


def load(module: Module, given: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Check a whole state dict, then copy it in (see Module.load_state_dict)."""
    if not isinstance(given, Mapping):
        raise StateDictError(
            "state_no_dict", module=type(module).__name__, kind=type(given).__name__
        )
    mine = dict(entries(module))
    missing = [key for key in mine if key not in given]
    unexpected = [key for key in given if key not in mine]
    arrays = {key: as_array(given[key], key) for key in given if key in mine}
    misshapen = [
        (key, array.shape, mine[key].shape)
        for key, array in arrays.items()
        if not _fits(mine[key], array)
    ]
    if misshapen or (strict and (missing or unexpected)):
        raise StateDictError(
            "state_dict", module=type(module).__name__,
            problems=_problems(missing if strict else [], unexpected if strict else [], misshapen),
            missing=missing, unexpected=unexpected, misshapen=misshapen,
        )
    for key, array in arrays.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            place = tuple(int(i) for i in np.argwhere(np.isnan(array))[0])
            raise NonFiniteError(
                "state_dict_nan", name=key, count=int(np.isnan(array).sum()), place=place
            )
    for key, array in arrays.items():
        target = mine[key]
        if isinstance(target, UninitializedParameter):
            target.materialize(array.shape)
        overwrite(target, array)
    for owner in module.modules():
        settle = getattr(owner, "_settle", None)  # a lazy layer that has its shape now
        if settle is not None:
            settle()
    return IncompatibleKeys(missing, unexpected)


def as_array(value: Any, name: str = "") -> Any:
    """Read a Tensor, an array, or another library's tensor; StateDictError for what has no numbers.

    name: the entry of the state dict, for the error.
    """
    if isinstance(value, Tensor):
        return value._data
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError) as reason:
        raise StateDictError("state_no_array", name=name, reason=str(reason)) from None
    if array.dtype.kind not in "biuf":
        raise StateDictError("state_no_array", name=name, reason=f"dtype {array.dtype}")
    return array


def _fits(target: Tensor, array: Any) -> bool:
    return isinstance(target, UninitializedParameter) or target._data.shape == array.shape


def _problems(missing: list[str], unexpected: list[str], misshapen: list[Any]) -> str:
    lines = []
    if missing:
        lines.append(text("state_missing", keys=", ".join(missing)))
    if unexpected:
        lines.append(text("state_unexpected", keys=", ".join(unexpected)))
    lines += [
        text("state_misshapen", name=key, given=given, shape=shape)
        for key, given, shape in misshapen
    ]
    return "\n  ".join(lines)
