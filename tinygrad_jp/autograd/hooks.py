"""Hooks: functions that see, and may replace, a gradient on its way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GradientError, ShapeError
from . import apply as generic
from .explain import shown_name
from .mode import without_grad
from .node import Leaf


class HookedLeaf(Leaf):
    """A leaf with hooks: waits in the heap until its whole gradient is there, then runs them.

    A leaf turns into one by assignment to its __class__, so leaves without hooks pay nothing.
    """

    __slots__ = ()


class Hooked:
    """Stands where a node has its plan: runs hooks on the gradient, then the plan itself."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.rule, self.slots, self.places = plan.rule, plan.slots, plan.places

    def pull(self, g: Any, saved: Any) -> Any:
        """Run the hooks, then the plan on plain arrays."""
        return self.plan.pull(run_hooks(self.hooks, g), saved)

    def trace(self, g: Any, saved: Any) -> Any:
        """Run the hooks, then the plan on Tensors."""
        return self.plan.trace(run_hooks(self.hooks, g), saved)


def run_hooks(hooks: dict[int, Callable[[Any], Any]], g: Any) -> Any:
    """Show a gradient to each hook; what a hook returns takes its place."""
    if isinstance(g, generic.Tensor):
        return _shown(hooks, g)
    return without_grad(_shown, hooks, generic.wrap(np.asarray(g)))._data


def _shown(hooks: dict[int, Callable[[Any], Any]], g: Any) -> Any:
    for hook in list(hooks.values()):
        result = hook(g)
        if result is not None:
            if not isinstance(result, generic.Tensor):
                result = generic.wrap(np.asarray(result))
            if result.shape != g.shape:
                raise ShapeError("hook_shape", given=result.shape, shape=g.shape)
            g = result
    return g


def add_hook(tensor: Any, hook: Callable[[Any], Any]) -> Callable[[], None]:
    """Call `hook` with the whole gradient of a Tensor whenever one is computed; gives the undo."""
    node = tensor._node
    if node is None:
        raise GradientError("input_no_grad", index=0, name=shown_name(tensor))
    if isinstance(node, Leaf):
        if node.__class__ is Leaf:
            node.__class__ = HookedLeaf
            node.hooks = {}
        hooks = node.hooks
    else:
        if not isinstance(node.plan, Hooked):
            node.plan = Hooked(node.plan)
        hooks = node.plan.hooks
    key = max(hooks, default=0) + 1
    hooks[key] = hook
    return lambda: hooks.pop(key, None)


class RemovableHook:
    """What register_hook gives: remove() undoes it; also a context manager."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self.remove = remove

    def __enter__(self) -> RemovableHook:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()
