"""Run a function or a Module once to draw it: with its modules' calls and source lines watched.

The run leaves no trace of its own: buffers (running means), random numbers, hooks and `.grad` are
afterwards what they were.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any

import numpy as np

from ..autograd import apply as engine
from ..autograd import backward, generate
from ..autograd.lines import frames, line_of, origin, user_line
from ..autograd.memory import tick
from ..autograd.mode import enable_grad
from ..autograd.node import Leaf, Node, note
from ..autograd.random import get_rng_state, set_rng_state
from ..autograd.structure import flatten, leaves
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, GradientError, OptionError
from .groups import Call
from .names import Named, is_module, named_tensors

Array = Any


@dataclass
class Traced:
    """What a run gave.

    outputs  the Tensors of its result
    named    the names that are known of Tensors
    calls    of modules; None where no module was known
    """

    outputs: list[Tensor]
    named: Named
    calls: list[Call] | None


def is_traceable(x: Any) -> bool:
    """Tell whether `x` is to be run: a function or a Module, not a Tensor."""
    return callable(x) and not isinstance(x, (Tensor, type))


def traced(f: Callable[..., Any], inputs: Sequence[Any], names: Any = None) -> Traced:
    """Run a function or a Module on its inputs.

    inputs: Tensors, arrays and numbers. Those of a function become Tensors that require a
        gradient, those of a Module data; a tuple of whole numbers is the shape of a Module's
        example input, drawn from a normal distribution.
    Raises ArgumentError: a Module without input, or a result without a Tensor; GradientError: a
        result that no gradient can come back from; and what the run itself raises.
    """
    owner = f if is_module(f) else getattr(f, "__self__", None)
    module = owner if is_module(owner) else None
    if f is module and not inputs:
        raise ArgumentError("draw_no_input", module=type(module).__name__)
    named = named_tensors(names)
    around = dict(_surroundings(f))
    if owner is not None and module is None:
        around.setdefault("self", owner)
    seen = {id(m) for _, m in named.modules}
    if module is None:
        named.join(named_tensors({k: v for k, v in around.items() if id(v) not in seen}))
    elif id(module) not in seen:
        named.add_module(module)
    given = [_input(x, i, f is module, inputs, module) for i, x in enumerate(inputs)]
    words = _parameters(getattr(f, "forward", f) if f is module else f)
    for i, t in enumerate(given):
        name = words[i] if i < len(words) else f"x{i}"
        if isinstance(t, Tensor):
            named.pairs.append((name, t))
        elif isinstance(t, np.ndarray):
            named.arrays.append((name, t))
    calls: list[Call] = []
    with ExitStack() as stack:
        stack.enter_context(enable_grad())
        stack.enter_context(_as_it_was([m for _, m in named.modules]))
        stack.enter_context(_notes(user_line()))
        for path, root in named.modules:
            stack.enter_context(_calls(root, path, calls))
        result = f(*given)
    outputs = _outputs(result, named)
    return Traced(outputs, named, calls or None)


def _input(x: Any, i: int, data: bool, inputs: Sequence[Any], module: Any) -> Any:
    if isinstance(x, Tensor):
        return x
    if data:
        if isinstance(x, tuple) and x and all(type(n) is int for n in x):
            kind = next((p.dtype for p in module.parameters()), engine.default_dtype[0])
            return Tensor(np.random.default_rng(i).standard_normal(x).astype(kind))
        return Tensor(x)
    if isinstance(x, (bool, str)) or not isinstance(x, (int, float, list, np.ndarray, np.generic)):
        return x
    if any(not isinstance(v, (int, float, np.ndarray, np.generic)) for v in leaves(x)):
        return x  # a list of Tensors, of words
    whole = not any(_is_floating(v) for v in inputs)  # an exponent, an axis, beside a number
    if _is_floating(x) or whole:
        t = Tensor(x)
        t = t if t._data.dtype.kind == "f" else Tensor(t._data.astype(engine.default_dtype[0]))
        return t.requires_grad_()
    return x


def _is_floating(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_is_floating, x))
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f"


def _surroundings(f: Any) -> Mapping[str, Any]:
    """Give the variables that a function uses: its model, its weights, its data."""
    try:
        found = inspect.getclosurevars(f)
    except (TypeError, ValueError):  # no Python function; a variable that has no value yet
        return {}
    return {**found.globals, **found.nonlocals}


def _parameters(f: Any) -> list[str]:
    try:
        return [
            p.name for p in inspect.signature(f).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):  # a ufunc has no signature on Python 3.11
        return ["x"] if isinstance(f, np.ufunc) and f.nin == 1 else []


def _outputs(result: Any, named: Named) -> list[Tensor]:
    """List the Tensors of a result, and call those in a dict by their keys."""
    found = [(path, t) for path, t in flatten(result) if isinstance(t, Tensor)]
    if not found:
        raise ArgumentError("draw_no_result", kind=type(result).__name__)
    recorded = [(path, t) for path, t in found if t._node is not None]
    if not recorded:
        raise GradientError("draw_no_graph", name="")
    if isinstance(result, dict):
        named.pairs += [(path.strip("[]'\""), t) for path, t in recorded]
    return [t for _, t in recorded]


# ── watching a run ──────────────────────────────────────────────────────────────────────────────


@contextmanager
def _calls(root: Any, name: str, calls: list[Call]) -> Iterator[None]:
    """Note when each call of a module begins and ends."""
    begun: list[int] = []
    paths = {m: ".".join(filter(None, (name, path))) for path, m in root.named_modules()}
    bare = [m for m in paths if m._hooks is None]

    def enter(module: Any, args: Any) -> None:
        begun.append(tick())

    def leave(module: Any, args: Any, output: Any) -> None:
        calls.append(Call(paths[module], type(module).__name__, begun.pop(), tick()))

    hooks = [
        hook for m in paths
        for hook in (m.register_forward_pre_hook(enter), m.register_forward_hook(leave))
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for m in bare:
            m._hooks = None


@contextmanager
def _notes(outside: Any) -> Iterator[None]:
    """Write down each operation's constants, in this thread; a node keeps its line by itself.

    outside: the line that asked for the run, which is not where an operation comes from; the
        line of a layer is, in its stead.
    """
    here = get_ident()

    def watch(rule: Any, values: Any, y: Any, node: Any) -> None:
        if node is None or get_ident() != here:
            return
        if user_line() == outside:
            layer = next((f for f in frames() if origin(f.f_code.co_filename) == "layer"), None)
            node.code, node.at = (layer.f_code, ~layer.f_lasti) if layer else (None, 0)
        if not rule.listed:
            note(node)["given"] = {
                name: value
                for i, (name, value) in enumerate(zip(rule.arguments, values, strict=False))
                if i not in node.plan.places and value is not None
            }

    engine.watchers.append(watch)
    generate.watch(True, watch)
    try:
        yield
    finally:
        engine.watchers.remove(watch)
        generate.watch(False, watch)


@contextmanager
def _as_it_was(roots: Sequence[Any]) -> Iterator[None]:
    """Let a run move copies of the buffers, and draw the random numbers again afterwards."""
    before = get_rng_state()
    kept = [
        (module, name, module.__dict__[name])
        for root in roots for module in root.modules() for name in module._buffers
        if module.__dict__[name] is not None
    ]
    for module, name, buffer in kept:
        object.__setattr__(module, name, Tensor(buffer._data))
    try:
        yield
    finally:
        for module, name, buffer in kept:
            object.__setattr__(module, name, buffer)
        set_rng_state(before)


# ── the backward pass as a graph of its own ─────────────────────────────────────────────────────

Words = Mapping[str, str]


def derived(run: Traced, order: int, words: Words) -> Traced:
    """Differentiate what a run gave, recorded: the backward pass becomes a graph to draw.

    order: how often. The first derivatives are with respect to every leaf, those of higher order
        to the one leaf that there is.
    words: "forward" and "backward" in the language of the picture.
    Raises GradientError unless the result is one number; OptionError for a higher order than 1
        with several leaves.
    """
    from .model import outputs_of, recorded

    nodes = recorded(outputs_of(run.outputs))
    known = set(nodes)
    wanted = []
    for node in nodes:
        owner = node.owner() if isinstance(node, Leaf) else None
        if owner is not None:
            wanted.append(owner)
    if order > 1 and len(wanted) != 1:
        raise OptionError("draw_order", order=order, number=len(wanted))
    names = {t._node: n for n, t in reversed(run.named.pairs) if t._node is not None}
    calls = list(run.calls or ())
    begun = min((node.seq for node in nodes if not isinstance(node, Leaf)), default=1) - 1
    outputs, top = list(run.outputs), run.outputs[0]
    result = top.name or names.get(top._node) or "y"
    run.named.pairs.append((result, top))
    for k in range(1, order + 1):
        what = words["forward"] if k == 1 else _backward(words, k - 1)
        calls.append(Call(what, "", begun, tick()))
        begun = tick()
        found = backward.grad(top, wanted, create_graph=True, allow_unused=True)
        pairs = [(t, g) for t, g in zip(wanted, found, strict=True) if g is not None]
        made = [(t, g) for t, g in pairs if g.requires_grad]
        power = {1: "", 2: "²", 3: "³"}.get(k, f"^{k}")
        for t, g in made:
            name = t.name or names.get(t._node) or "x"
            run.named.pairs.append((f"∂{power}{result}/∂{name}{power}", g))
        outputs += [g for _, g in made]
        if not made:
            break
        top = made[0][1]
    calls.append(Call(_backward(words, order), "", begun, tick()))
    outside = user_line()
    for node in recorded(outputs):
        if isinstance(node, Node) and node not in known and line_of(node) == outside:
            node.code = None  # the line that asked for the picture computed nothing itself
    return Traced(outputs, run.named, calls)


def _backward(words: Words, k: int) -> str:
    return words["backward"] if k == 1 else f"{words['backward']} {k}"
