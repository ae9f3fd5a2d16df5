"""What a program takes for granted, and whether it still holds."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor import Tensor
from ..nn.module import Module
from ..program.reach import SIMPLE, Reached, read, same


class Guards:
    """The names and objects that a recorded call read, as they were.

    names: (place, key, value) of closure cells and globals; looked at before every replay.
    The rest is looked at when something was changed at all (mode.changes): each module's attributes
    and each Tensor's array and place in the graph.
    """

    def __init__(self, reached: Reached) -> None:
        self.names = reached.names
        self.modules = [Attributes(m) for m in reached.objects if isinstance(m, Module)]
        self.tensors = [(t, t._data, t._node) for _, t in reached.tensors.values()]
        self.containers = [
            (x, _contents(x)) for x in reached.objects if type(x) in (list, dict, set)
        ]

    def names_hold(self) -> bool:
        """Tell whether every name still means what it did."""
        return all(same(value, read(place, key)) for place, key, value in self.names)

    def holds(self) -> bool:
        """Tell whether modules and Tensors are as they were."""
        for t, data, node in self.tensors:
            if t._data is not data or t._node is not node:
                return False
        return all(attributes.hold() for attributes in self.modules)

    def side_effects(self) -> list[str]:
        """Name the plain variables and containers of the user's that changed since."""
        found = [
            key for place, key, value in self.names
            if isinstance(value, SIMPLE) and not same(value, read(place, key))
        ]
        names = {id(value): key for _, key, value in self.names}
        found += [
            names[id(x)] for x, contents in self.containers
            if id(x) in names and _contents(x) != contents
        ]
        return found


class Attributes:
    """The attributes of a module, as they were. A training asks twice an epoch if they hold."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.watched = _attributes(module)
        others = {k: type(v) for k, v in vars(module).items() if k not in self.watched}
        self._names = frozenset(vars(module))
        self._kinds = list(others.items())
        self._values = list(self.watched.items())

    def hold(self) -> bool:
        """Tell whether each is as it was."""
        now = vars(self.module)
        if now.keys() != self._names:
            return self._hold_by_name()
        for key, old in self._values:
            if now[key] is not old and not same(old, now[key]):
                return False
        for key, kind in self._kinds:
            if type(now[key]) is not kind:
                return self._hold_by_name()
        return True

    def _hold_by_name(self) -> bool:
        """Compare what is watched alone: others may come, go and change."""
        now = _attributes(self.module)
        return now.keys() == self.watched.keys() and all(
            same(old, now[key]) for key, old in self._values
        )


def _attributes(module: Module) -> dict[str, Any]:
    """Give the attributes of a module that its forward pass may go by."""
    return {
        k: v for k, v in vars(module).items()
        if isinstance(v, (*SIMPLE, Tensor, Module, tuple)) or k == "_hooks"
    }


def _contents(x: Any) -> Any:
    return tuple(map(id, x.values())) if isinstance(x, dict) else tuple(map(id, x))
