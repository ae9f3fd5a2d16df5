"""Write `apply` out as one function per operation: unwrap, evaluate, save, 0.6 µs in all.

`op(fn)` gives a plain Python function at once; its code is written at the first call, so that
import costs nothing. `SOURCES` has the texts written so far.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable
from itertools import product
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from ..vocabulary.primitive import raw
from ..vocabulary.rule import REGISTRY, REQUIRED, Function, Rule
from . import apply as generic
from .explain import explained
from .lines import frame_at, keeping, latest, stamp
from .memory import own, tick
from .mode import is_grad_enabled
from .node import LARGE, SMALL, Node, fast_evaluator, remembered, spare_place

if TYPE_CHECKING:
    from .tensor import Tensor

F64 = generic.F64

# The names that generated functions see, shared by them all. tensor.py adds Tensor and answer.
scope: dict[str, Any] = {
    "F64": F64, "Node": Node, "apply": generic.apply, "as_array": generic.as_array,
    "frame_at": frame_at, "is_grad_enabled": is_grad_enabled, "isinstance": isinstance,
    "item_node": generic.item_node, "keeping": keeping, "LARGE": LARGE, "latest": latest,
    "ndarray": ndarray, "new_tensor": generic.wrap, "object_new": object.__new__,
    "operand": generic.operand, "own": own, "plan_for": generic.plan_for,
    "remembered": remembered, "SMALL": SMALL, "stamp": stamp, "tick": tick, "type": type,
    "watching": False,
}

STAMP = (  # lines.stamp, without a call where the same code runs as the last time
    "    if keeping[0]:",
    "        try:",
    "            u_ = frame_at(1); c_ = u_.f_code",
    "            if c_ is latest[0]: n_.code = c_; n_.at = u_.f_lasti",
    "            else: stamp(n_, u_)",
    "        except ValueError: n_.code = None",  # C runs it, at the bottom of a thread
)
SOURCES: dict[str, str] = {}
_lock = allocate_lock()
_watchers: set[Any] = set()
_ops: dict[Function, Function] = {}


def watch(on: bool, by: Any) -> None:
    """Send every operation through `apply`, where watchers see it; or no longer, for this one.

    by: who asks; may ask twice.
    """
    with _lock:
        if on:
            _watchers.add(by)
        else:
            _watchers.discard(by)
        scope["watching"] = bool(_watchers)


def _first_call(*args: Any, fn: Any = None, **kwargs: Any) -> Any:
    return make(fn)(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821


def _answer(*args: Any, fn: Any = None, **kwargs: Any) -> Any:
    return answer(fn, args, kwargs)  # type: ignore[name-defined]  # noqa: F821


scope["make"] = lambda fn: _make(fn)


def op(fn: Function) -> Callable[..., Tensor]:
    """Give the function that applies `fn` to Tensors: (arrays..., static parameters...)."""
    made = _ops.get(fn)
    if made is None:
        made = FunctionType(_first_call.__code__, scope, fn.__name__)
        made.__kwdefaults__ = {"fn": fn}
        made.__qualname__ = made.__name__ = fn.__name__
        made.__doc__ = fn.__doc__
        _ops[fn] = made
    return made


def _make(fn: Function) -> Function:
    """Write the code of op(fn), and put it in the place of the first call's."""
    made, rule = _ops[fn], REGISTRY[fn]
    with _lock:
        if made.__code__ is _first_call.__code__:
            if not isinstance(rule, Rule):  # a composite or a constant: as NumPy's protocol does
                made.__code__ = _answer.__code__
                return made
            written = write(rule)
            made.__defaults__ = written.__defaults__
            made.__code__ = written.__code__
    return made


def write(rule: Rule) -> Any:
    """Write the function for one rule."""
    name = rule.name if rule.name.isidentifier() else "operation"  # a lambda has no name
    key = f"{name}_{len(SOURCES)}"
    text = source(rule, key)
    SOURCES[key] = text
    exec(compile(text, f"<tinygrad_jp {rule.name}>", "exec"), scope)
    return scope[f"op_{key}"]


def source(rule: Rule, key: str) -> str:
    """Give the text of the function for one rule."""
    static = list(rule.static)
    head = [f"{n}=default_{key}_{n}" if d is not REQUIRED else n for n, d in rule.static.items()]
    scope.update({f"default_{key}_{n}": d for n, d in rule.static.items()})
    scope[f"rule_{key}"] = rule
    statics = "".join(f"{n}, " for n in static)
    recorded_parts = rule.recorded is not None and (rule.listed or rule.outputs)
    joined_parts = rule.outputs and rule.mixes
    constant = rule.listed and rule.pulls[0] is None
    if recorded_parts or joined_parts or constant or len(rule.arguments) > 3:  # left to `apply`
        names = list(rule.arguments)
        return (
            f"def op_{key}({', '.join(names + head)}):\n"
            f"    return apply(rule_{key}, ({', '.join(names)},), ({statics}))\n"
        )
    write_out = _of_a_list if rule.listed else _whole
    return "\n".join(write_out(rule, key, head, statics)) + "\n"


def failed(rule: Rule, arguments: Any, static: Any, reason: Exception) -> Any:
    """Leave arrays that are not NumPy's to `apply`, which keeps to the protocols; else explain."""
    for a in arguments:
        data = a._data if isinstance(a, generic.Tensor) else a
        if not isinstance(data, ndarray) and hasattr(type(data), "__array_function__"):
            return generic.apply(rule, arguments, static)
    raise explained(rule, arguments, static, reason) from reason


scope["failed"] = failed


def _whole(rule: Rule, key: str, head: list[str], statics: str) -> list[str]:
    names = list(rule.arguments)  # locals end in _, lest they take a static parameter's name
    numbers = range(len(names))
    slow = f"apply(rule_{key}, ({', '.join(names)},), ({statics}))"
    values = ", ".join(f"v{i}" for i in numbers)
    given = ", ".join(names)
    static = ", ".join(rule.static)
    call = f"({values}{', ' + static if static else ''})"
    scope[f"f_{key}"] = fast_evaluator(rule)
    lines = [f"def op_{key}({', '.join(names + head)}):", f"    if watching: return {slow}"]
    for i in numbers:
        name = names[i]
        lines += [
            f"    k_ = type({name})",
            f"    if k_ is Tensor: v{i} = {name}._data; n{i} = {name}._node",
            f"    elif k_ is ndarray or k_ is float or k_ is int: v{i} = {name}; n{i} = None",
            f"    elif isinstance({name}, Tensor): v{i} = {name}._data; n{i} = {name}._node",
            f"    else: v{i} = operand(rule_{key}, {name}); n{i} = None",
        ]
    wanted = [i for i in numbers if rule.pulls[i] is not None]
    constant = " and ".join(f"n{i} is None" for i in wanted) or "True"
    lines.append(f"    plain = ({constant}) or not is_grad_enabled()")
    parts = [f"y{i}" for i in range(rule.outputs or 0)]
    if rule.outputs:
        lines.append(f"    try: y = f_{key}{call}; {', '.join(parts)}, = y")
    elif rule.recorded is None:
        lines.append(f"    try: y = f_{key}{call}")
    else:
        scope[f"r_{key}"] = raw(rule.recorded)
        rest = ", ".join(f"r_{name}" for name in rule.residual)
        lines += ["    try:", f"        if plain: y = f_{key}{call}"]
        lines.append(f"        else: y, {rest} = r_{key}{call}")
    reported = f"failed(rule_{key}, ({given},), ({statics}), e_)"
    lines.append(f"    except Exception as e_: return {reported}")
    if rule.outputs:
        return lines + _several(rule, key, wanted, parts)
    lines += ["    if type(y) is not ndarray: y = as_array(y)", "    d_ = y.dtype"]
    if "dtype" not in rule.static:
        # an integer beside a float, a float32 beside a float64: `apply` knows what to cast
        kinds = " and ".join(
            f"(type(v{i}) is not ndarray or v{i}.dtype is not F64)" for i in numbers
        )
        lines.append(f"    if d_ is F64 and {kinds}: return {slow}")
    lines += [
        "    t_ = object_new(Tensor)",
        "    t_._data = y",
        "    if plain: t_._node = None; return t_",
    ]
    if rule.mixes and len(names) > 1:
        kinds = " or ".join(f"(n{i} is not None and v{i}.dtype is not d_)" for i in wanted)
        lines.append(f"    if {kinds}: return {slow}")
    lines += ["    t_._node = n_ = object_new(Node)"]
    lines += _recorded(rule, key, wanted)
    lines += ["    n_.seq = tick(); n_.shape = y.shape", *STAMP, "    return t_"]
    return lines


def _several(rule: Rule, key: str, wanted: list[int], parts: list[str]) -> list[str]:
    """Write how a tuple of results becomes one of Tensors: each is a part of the one node."""
    lines = [f"    if type({y}) is not ndarray: {y} = as_array({y})" for y in parts]
    lines += [
        "    make_ = getattr(y, '_make', tuple)",  # NumPy gives named tuples
        f"    y = make_(({', '.join(parts)},))",
        f"    if plain: return make_(({', '.join(f'new_tensor({y}, None)' for y in parts)},))",
        "    n_ = object_new(Node)",
        *_recorded(rule, key, wanted),
        "    n_.seq = tick(); n_.shape = None",
        *STAMP,
    ]
    items = (f"new_tensor({y}, item_node(n_, {i}, {y}))" for i, y in enumerate(parts))
    return [*lines, f"    return make_(({', '.join(items)},))"]


def _of_a_list(rule: Rule, key: str, head: list[str], statics: str) -> list[str]:
    """Write the function of a rule whose argument is a list: arrays of one dtype, or `apply`."""
    (xs,) = rule.arguments
    slow = f"return apply(rule_{key}, ({xs},), ({statics}))"
    static = "".join(f", {name}" for name in rule.static)
    slots = generic.plan_for(rule, (0,)).slots  # those of one place are those of any
    shown = "values_[:]" if "xs" in slots else "values_"
    scope[f"f_{key}"] = fast_evaluator(rule)
    saved = "".join(_list_slot(rule, slot) + ", " for slot in slots)
    return [
        f"def op_{key}({', '.join([xs, *head])}):",
        f"    {xs} = list({xs})",
        f"    if watching: {slow}",
        "    values_ = []; places_ = []; parents_ = []; kind_ = None",
        f"    for x_ in {xs}:",
        "        k_ = type(x_)",
        "        if k_ is Tensor or isinstance(x_, Tensor): v_ = x_._data; n_ = x_._node",
        "        else: v_ = x_; n_ = None",
        f"        if type(v_) is not ndarray: {slow}",
        "        if v_.dtype is not kind_:",
        f"            if values_: {slow}",
        "            kind_ = v_.dtype",
        "        if n_ is not None: places_.append(len(values_)); parents_.append(n_)",
        "        values_.append(v_)",
        f"    try: y = f_{key}({shown}{static})",
        f"    except Exception: {slow}",  # which explains it
        "    if type(y) is not ndarray: y = as_array(y)",
        f"    if y.dtype is not kind_: {slow}",
        "    if not parents_ or not is_grad_enabled(): return new_tensor(y, None)",
        "    n_ = object_new(Node)",
        f"    n_.plan = plan_for(rule_{key}, tuple(places_)); n_.parents = tuple(parents_)",
        f"    n_.saved = ({saved}); n_.seq = tick(); n_.shape = y.shape",
        *STAMP,
        "    return new_tensor(y, n_)",
    ]


def _list_slot(rule: Rule, slot: str) -> str:
    """Write what a slot of a rule of a list holds."""
    if slot == "xs":
        return f"[own(v_) if v_ is x_ else v_ for v_, x_ in zip(values_, {rule.arguments[0]})]"
    if slot == "x_shapes":
        return "tuple([v_.shape for v_ in values_])"
    return "y.shape" if slot == "y_shape" else slot


def _recorded(rule: Rule, key: str, wanted: list[int]) -> list[str]:
    """Write how the node is filled in, for each choice of arguments that need a gradient."""
    lines, word = [], "if"
    for choice in product((True, False), repeat=len(wanted)):
        places = tuple(i for i, yes in zip(wanted, choice, strict=True) if yes)
        if not places:
            continue
        last = len(wanted) == 1
        test = " and ".join(f"n{i} is not None" for i in places)
        lines.append("    if True:" if last else f"    {word} {test}:")
        word = "elif"
        lines += _record(rule, key, places)
    return lines


def _record(rule: Rule, key: str, places: tuple[int, ...]) -> list[str]:
    plan = generic.plan_for(rule, places)
    name = f"plan_{key}_{''.join(map(str, places))}"
    scope[name] = plan
    saved = "".join(_slot(rule, slot, places) + ", " for slot in plan.slots)
    parents = "".join(f"n{i}, " for i in places)
    lines = [f"        n_.plan = {name}; n_.parents = ({parents}); n_.saved = ({saved})"]
    i = spare_place(plan)
    if i is not None:
        lines += [
            f"        if type(v{i}) is float or type(v{i}) is int: n_.number = v{i}",
            f"        elif type(v{i}) is ndarray and "
            f"v{i}.size <= (LARGE if keeping[0] else SMALL):",
            f"            n_.number = remembered(v{i}, {rule.arguments[i]})",
        ]
    return lines


def _slot(rule: Rule, slot: str, places: tuple[int, ...]) -> str:
    """Write what a slot holds."""
    if slot == "y" or slot in rule.static:
        return slot
    if slot in rule.residual:
        return f"r_{slot}"
    if slot == "y_shape":
        return "y.shape"
    if slot.endswith("_shape"):
        i = rule.arguments.index(slot.removesuffix("_shape"))
        return f"v{i}.shape" if i in places else f"shape_of(v{i})"
    i = rule.arguments.index(slot)
    given = rule.arguments[i]
    # what is not a Tensor may be an array that the caller goes on to change
    return f"v{i}" if i in places else f"(own(v{i}) if v{i} is {given} else v{i})"


scope["shape_of"] = np.shape
