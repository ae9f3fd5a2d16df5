"""Run one operation and record it: the version to read.

`generate.py` writes the same steps out as one function per operation, for speed; the law
`tests/laws/test_readers.py` holds the two equal on every rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy import ndarray

from ..errors import ArgumentError, DTypeError, GradientError
from ..vocabulary.primitives import astype
from ..vocabulary.rule import REGISTRY, Rule, label
from .explain import explained
from .lines import keeping, stamp
from .memory import own, tick
from .mode import is_grad_enabled, recording
from .node import LARGE, SMALL, Cotangents, Node, Plan, fast_evaluator, remembered, spare_place

Tensor: Any = None  # the class of results, put here by tensor.py, which imports this file
watchers: list[Callable[[Rule, Sequence[Any], Any, Any], None]] = []  # see anomaly.py
default_dtype = [np.dtype(np.float32)]  # of Python floats and of the quotient of integers

F64 = np.dtype(np.float64)


@lru_cache(4096)
def plan_for(rule: Rule, places: tuple[int, ...]) -> Plan:
    """Give the plan of a rule for the arguments at `places`, made once."""
    return Plan(rule, places)


def apply(rule: Rule, arguments: Sequence[Any], static: Sequence[Any] = ()) -> Any:
    """Evaluate a rule's function on Tensors, arrays and numbers, and record it if need be.

    arguments: one per array argument of the rule; for a rule of a list, that list itself.
    static: values of rule.static, in its order.
    Returns a Tensor, or a tuple of Tensors for a rule with several results.
    """
    inputs = list(arguments[0]) if rule.listed else list(arguments)
    inputs = [a if isinstance(a, Tensor) else operand(rule, a) for a in inputs]
    nodes = [a._node if isinstance(a, Tensor) else None for a in inputs]
    recorder = recording.get()
    if recorder is not None:
        inputs = recorder.lifted(inputs)
    values = carried([a._data if isinstance(a, Tensor) else a for a in inputs])
    if rule.mixes:
        values = promoted(rule, values)
    places = tuple(i for i, n in enumerate(nodes) if n is not None and differentiable(rule, i))
    recorded = bool(places) and is_grad_enabled()

    try:
        y, residuals = evaluate(rule, values, static, recorded)
    except Exception as reason:
        raise explained(rule, inputs, static, reason) from reason
    if not rule.outputs and "dtype" not in rule.static:
        y = narrowed(y, values)
    if not rule.outputs and (y.dtype.kind == "c" or y.dtype.itemsize > 8):
        raise DTypeError("dtype_unknown", dtype=y.dtype)  # made by an array of the user's
    if not recorded:
        for watch in watchers:
            watch(rule, values, y, None)
        return _wrap_all(rule, y)

    for i in places:
        if rule.mixes and not rule.outputs and inputs[i]._data.dtype != y.dtype:
            # a float32 argument of a float64 result: its gradient is cast back on the way
            inputs[i] = cast_to(inputs[i], y.dtype)
            nodes[i], values[i] = inputs[i]._node, inputs[i]._data
    node = Node()
    node.plan = plan = plan_for(rule, places)
    node.parents = tuple(nodes[i] for i in places)
    kept = [v if isinstance(a, Tensor) else own(v) for a, v in zip(inputs, values, strict=True)]
    node.saved = tuple(saved(rule, s, y, kept, residuals, static) for s in plan.slots)
    node.seq = tick()
    node.shape = None if rule.outputs else y.shape
    spare = spare_place(plan)
    if spare is not None:
        other = values[spare]
        if isinstance(other, (float, int)):
            node.number = other
        elif isinstance(other, ndarray) and other.size <= (LARGE if keeping[0] else SMALL):
            node.number = remembered(other, inputs[spare])
    if keeping[0] or watchers:
        stamp(node)
    for watch in watchers:
        watch(rule, values, y, node)
    return _wrap_all(rule, y, node)


def differentiable(rule: Rule, place: int) -> bool:
    """Tell whether the rule has a derivative with respect to this argument."""
    return rule.pulls[0 if rule.listed else place] is not None


def evaluate(rule: Rule, values: Sequence[Any], static: Sequence[Any], record: bool) -> Any:
    """Run the operation on plain arrays: (y, {residual: value})."""
    given: Sequence[Any] = [list(values)] if rule.listed else values
    if record and rule.recorded is not None:
        y, *rest = rule.recorded(*given, *static)
        return as_array(y), dict(zip(rule.residual, rest, strict=True))
    if all(v is None or isinstance(v, (ndarray, float, int)) for v in values):
        y = fast_evaluator(rule)(*given, *static)
    else:  # a trace or a GPU array, which answers NumPy's protocols
        y = rule.evaluate(*given, *static)
    if not rule.outputs:
        return as_array(y), {}
    parts = map(as_array, y)
    return (y._make(parts) if hasattr(y, "_make") else tuple(parts)), {}


def carried(values: list[Any]) -> list[Any]:
    """Carry NumPy's arrays over to the device of an array beside them that is not NumPy's."""
    for like in values:
        if not isinstance(like, (ndarray, float, int)) and like is not None:
            return [np.asarray(v, like=like) if isinstance(v, ndarray) else v for v in values]
    return values


def as_array(y: Any) -> Any:
    """Turn a NumPy scalar into a 0-d array; leave every kind of array alone."""
    return np.asarray(y) if isinstance(y, (np.generic, float, int)) else y


def saved(
    rule: Rule, slot: str, y: Any, values: Any, residuals: dict[str, Any], static: Any
) -> Any:
    """Find what a plan's slot names."""
    if slot == "y":
        return y
    if slot in rule.static:
        return static[list(rule.static).index(slot)]
    if slot in residuals:
        return residuals[slot]
    if rule.listed:
        return values if slot == "xs" else tuple(np.shape(v) for v in values)
    if slot == "y_shape":
        return y.shape
    if slot.endswith("_shape"):
        return np.shape(values[rule.arguments.index(slot.removesuffix("_shape"))])
    return values[rule.arguments.index(slot)]


def wrap(data: Any, node: Any = None) -> Any:
    """Make a Tensor around an array, without copying."""
    t = Tensor.__new__(Tensor)
    t._data = data
    t._node = node
    return t


def _wrap_all(rule: Rule, y: Any, node: Any = None) -> Any:
    if not rule.outputs:
        return wrap(y, node)
    tensors = [wrap(part, node and item_node(node, i, part)) for i, part in enumerate(y)]
    return y._make(tensors) if hasattr(y, "_make") else tuple(tensors)


def item_node(node: Node, i: int, part: Any) -> Node | None:
    """Make the node of the i-th result of an operation with several."""
    if part.dtype.kind != "f":
        return None
    item = Node()
    item.plan = plan_for(ITEM, (0,))
    item.parents = (node,)
    item.saved = (i, node.plan.rule.outputs)
    item.seq = tick()
    item.shape = part.shape
    if keeping[0] or watchers:
        stamp(item)
    return item


def _item(x: Any, place: int, number: int) -> Any:
    return x[place]


def _item_pull(g: Any, place: int, number: int) -> Any:
    return Cotangents(g if j == place else None for j in range(number))


ITEM = Rule(
    _item, (_item_pull,), arguments=("x",), static={"place": 0, "number": 0}, listed=False,
    broadcasts=False, outputs=None, recorded=None, residual={}, signature=None, evaluate=None,
    partial=None, about="one of several results",
)


def operand(rule: Rule, value: Any) -> Any:
    """Make an argument that is not a Tensor fit for NumPy, or say why not.

    Python numbers stay numbers, and NumPy's scalars become numbers, so that they widen nothing.
    """
    if value is None or isinstance(value, (bool, int, float, ndarray)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        refuse_tracked(value)
        array = np.asarray([v.item() if isinstance(v, Tensor) else v for v in value])
        if array.dtype.kind in "biuf":
            return array.astype(default_dtype[0]) if array.dtype == F64 else array
    if hasattr(type(value), "__array_function__"):
        return value
    raise ArgumentError("operand", op=label(rule.fn), kind=type(value).__name__)


def refuse_tracked(values: Any) -> None:
    """Refuse a list of Tensors that require a gradient: an array of them would lose it."""
    for v in values:
        if isinstance(v, (list, tuple)):
            refuse_tracked(v)
        elif isinstance(v, Tensor) and v._node is not None:
            raise GradientError("list_of_tensors", name=f" '{v.name}'" if v.name else "")


def promoted(rule: Rule, values: list[Any]) -> list[Any]:
    """Cast integer arrays to the floating dtype of the arrays beside them (not to float64)."""
    floats = [v.dtype for v in values if hasattr(v, "dtype") and v.dtype.kind == "f"]
    if not floats:
        return values
    target = np.result_type(*floats)
    return [
        v.astype(target)
        if hasattr(v, "dtype") and v.dtype.kind in "iu" and differentiable(rule, i)
        else v
        for i, v in enumerate(values)
    ]


def narrowed(y: Any, values: Sequence[Any]) -> Any:
    """Give the quotient (or the sine, ...) of integers in the default dtype.

    Beside floating point arrays that are not float64, in theirs: np.clip(0.5, x, 1.0).
    """
    if y.dtype != F64:
        return y
    floats = [v.dtype for v in values if hasattr(v, "dtype") and v.dtype.kind == "f"]
    kind = np.result_type(*floats) if floats else default_dtype[0]
    return y if kind == F64 else y.astype(kind)


def cast_to(t: Any, dtype: Any) -> Any:
    """Record a change of dtype."""
    return apply(cast(Rule, REGISTRY[astype]), (t,), (dtype,))
