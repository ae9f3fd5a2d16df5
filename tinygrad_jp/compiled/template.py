"""The result of a recorded call with its new Tensors taken out: what each replay fills in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..autograd.apply import wrap
from ..program.recording import Found

Array = Any


@dataclass(eq=False, slots=True)
class Made:
    """Stands in a result for a new Tensor, or a new array."""

    found: Found
    is_tensor: bool
    is_tracked: bool = False

    def let_go(self) -> None:
        """Let the Tensor be part of no graph."""
        self.is_tracked = False

    def made(self, array: Array) -> Any:
        """Make it of its values."""
        return wrap(array) if self.is_tensor else array


@dataclass(eq=False, slots=True)
class Given:
    """Stands in a result for an argument."""

    place: int


def tensors_of(template: Any, result: Any) -> list[Any]:
    """List the Tensors of a result that are part of a graph."""
    found: list[Any] = []
    if isinstance(template, Made):
        found = [result] if template.is_tracked else []
    elif isinstance(template, dict):
        found = [t for k, v in template.items() for t in tensors_of(v, result[k])]
    elif isinstance(template, (list, tuple)):
        found = [t for v, r in zip(template, result, strict=True) for t in tensors_of(v, r)]
    return list({id(t): t for t in found}.values())


def plain_in(template: Any) -> list[Any]:
    """List what a result holds besides Tensors and arrays."""
    if isinstance(template, dict):
        return [x for v in template.values() for x in plain_in(v)]
    if isinstance(template, (list, tuple)):
        return [x for v in template for x in plain_in(v)]
    return [] if isinstance(template, (Made, Given)) else [template]


class Every:
    """Notes which places are looked at."""

    def __init__(self, found: list[Any]) -> None:
        self.found = found

    def __getitem__(self, place: int) -> None:
        self.found.append(place)


def founds(template: Any) -> list[Found]:
    """List what stands for new Tensors and arrays, in order."""
    found: list[Found] = []
    put_in(template, lambda m: found.append(m.found))
    return found


def put_in(template: Any, change: Callable[[Any], Any], leaves: Any = None) -> Any:
    """Give a result of a template's structure, each new Tensor made by `change`."""
    if isinstance(template, Made):
        return change(template)
    if isinstance(template, Given):
        return None if leaves is None else leaves[template.place]
    if isinstance(template, dict):
        return {k: put_in(v, change, leaves) for k, v in template.items()}
    if isinstance(template, tuple) and hasattr(template, "_make"):
        return template._make(put_in(v, change, leaves) for v in template)
    if type(template) in (list, tuple):
        return type(template)(put_in(v, change, leaves) for v in template)
    return template
