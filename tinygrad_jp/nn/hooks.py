"""Functions of the user's that run before a module, after it, and on its gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ..autograd.apply import apply, wrap
from ..autograd.hooks import Hooked, RemovableHook
from ..autograd.mode import is_grad_enabled, without_grad
from ..autograd.node import Cotangents
from ..autograd.tensor import Tensor
from ..vocabulary.rule import Rule

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class Hooks:
    """The hooks of one module, by kind, in the order in which they were registered."""

    def __init__(self) -> None:
        self.before: dict[int, Hook] = {}
        self.after: dict[int, Hook] = {}
        self.backward: dict[int, Hook] = {}


def register(hooks: dict[int, Hook], hook: Hook) -> RemovableHook:
    """Add a hook; what comes back removes it."""
    key = max(hooks, default=-1) + 1
    hooks[key] = hook
    return RemovableHook(lambda: hooks.pop(key, None) and None)


def run(module: Module, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a module that has hooks."""
    for hook in list(hooks.before.values()):
        result = hook(module, args)
        if result is not None:
            args = result if isinstance(result, tuple) else (result,)
    watch = Watch(module, hooks) if hooks.backward and is_grad_enabled() else None
    if watch is not None:
        args = watch.enter(args)
    output = module.forward(*args, **kwargs)
    for hook in list(hooks.after.values()):
        result = hook(module, args, output)
        if result is not None:
            output = result
    return output if watch is None else watch.leave(output)


def hooked(xs: list[Any]) -> tuple[Any, ...]:
    """Hand arrays on as they are; the name is what pictures and error texts call a gate."""
    return tuple(xs)


def _same_pull(g: Any, i: int) -> Any:
    return g[i]


@cache
def gate(number: int) -> Rule:
    """Make the operation that hands `number` arrays on as they are, all through one node."""
    return Rule(
        hooked, (_same_pull,), arguments=("xs",), static={}, listed=True, broadcasts=False,
        outputs=number, recorded=None, residual={}, signature=None, evaluate=None, partial=None,
        about="the same arrays: where a module's backward hooks listen",
    )


class GatePlan(Hooked):
    """The plan of a gate: shows all its gradients at once to one function."""

    def __init__(self, plan: Any, seen: Callable[[tuple[Any, ...]], Any]) -> None:
        super().__init__(plan)
        self.seen = seen

    def pull(self, g: Any, saved: Any) -> Any:
        """Go back on plain arrays."""
        shown = without_grad(self.seen, tuple(None if h is None else wrap(h) for h in g))
        return self.plan.pull(Cotangents(None if h is None else h._data for h in shown), saved)

    def trace(self, g: Any, saved: Any) -> Any:
        """Go back on Tensors."""
        return self.plan.trace(Cotangents(self.seen(tuple(g))), saved)


class Watch:
    """Listens, during one call of a module, at its inputs and outputs."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module = module
        self.hooks = hooks
        self.grad_output: tuple[Any, ...] = ()
        self.places: list[int] = []  # of the inputs that require a gradient
        self.number = 0

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass the inputs through a gate of their own, so that other uses are not counted in."""
        self.number = len(args)
        given, self.places = _passed(args, self.at_input)
        return tuple(given)

    def leave(self, output: Any) -> Any:
        """Pass the output, a Tensor or a tuple of them, through a gate."""
        if isinstance(output, tuple):
            return tuple(_passed(output, self.at_output)[0])
        return _passed((output,), self.at_output)[0][0]

    def at_output(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Remember the gradients of the outputs; where no input has one, this is the end."""
        self.grad_output = grads
        if not self.places:
            self.call((None,) * self.number)
        return grads

    def at_input(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Show the gradients of inputs and outputs to the hooks."""
        every: list[Any] = [None] * self.number
        for place, g in zip(self.places, grads, strict=True):
            every[place] = g
        result = self.call(tuple(every))
        return tuple(result[place] for place in self.places)

    def call(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run the hooks; what one returns takes the place of the inputs' gradients."""
        for hook in list(self.hooks.backward.values()):
            result = hook(self.module, grad_input, self.grad_output)
            if result is not None:
                grad_input = result if isinstance(result, tuple) else (result,)
        return grad_input


def _passed(
    values: tuple[Any, ...], seen: Callable[[tuple[Any, ...]], Any]
) -> tuple[list[Any], list[int]]:
    """Pass those values that require a gradient through a gate; also say which they were."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v._node is not None]
    out = list(values)
    if places:
        passed = apply(gate(len(places)), ([values[i] for i in places],))
        node = passed[0]._node.parents[0]
        node.plan = GatePlan(node.plan, seen)
        for place, tensor in zip(places, passed, strict=True):
            out[place] = tensor
    return out, places
