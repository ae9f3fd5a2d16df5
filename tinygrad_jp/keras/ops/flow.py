"""Converting, asking, and the control flow that Python's own would do here."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import functions as tj
from ...autograd.arguments import array_of, tensor_of
from ...autograd.structure import flatten, rebuild
from ...autograd.tensor import Tensor
from ..config import standardize_dtype
from ..symbolic import recordable


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Make a Tensor; Python's floats take floatx(), whole numbers int32."""
    if isinstance(x, Tensor):
        return x if dtype is None else cast(x, dtype)
    if dtype is None and not hasattr(x, "dtype"):
        kind = np.asarray(x).dtype.kind
        dtype = {"f": standardize_dtype(None), "i": "int32"}.get(kind)
    return Tensor(x, None if dtype is None else np.dtype(standardize_dtype(dtype)))


def convert_to_numpy(x: Any) -> Any:
    """Give the values as an array of their own, outside the graph."""
    return np.array(array_of(x))


array = convert_to_tensor


@recordable
def cast(x: Any, dtype: Any) -> Tensor:
    """Give the values in another dtype."""
    return tensor_of(x).to(np.dtype(standardize_dtype(dtype)))


@recordable
def stop_gradient(variable: Any) -> Tensor:
    """Give the values outside the graph."""
    return tensor_of(variable).detach()


@recordable
def copy(x: Any) -> Tensor:
    """Give the same values in new memory."""
    return tj.clone(tensor_of(x))


def shape(x: Any) -> tuple[Any, ...]:
    """Give the length of each axis."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """Give the number of axes."""
    return len(shape(x))


def size(x: Any) -> int:
    """Give the number of elements."""
    return int(np.prod(shape(x)))


def dtype(x: Any) -> str:
    """Give the dtype's name."""
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype)


def is_tensor(x: Any) -> bool:
    """Tell whether something is a Tensor."""
    return isinstance(x, Tensor)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Call one of two functions."""
    return true_fn() if bool(array_of(pred)) else false_fn()


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Go on from loop_vars by `body` as long as `cond` holds."""
    is_one = not isinstance(loop_vars, (tuple, list))
    state = (loop_vars,) if is_one else tuple(loop_vars)
    rounds = 0
    while bool(array_of(cond(*state))) and (
        maximum_iterations is None or rounds < maximum_iterations
    ):
        given = body(*state)
        state = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        rounds += 1
    return state[0] if is_one else state


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Go on from init_val by body_fun(i, value), for i from lower up to upper."""
    for i in range(int(lower), int(upper)):
        init_val = body_fun(i, init_val)
    return init_val


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Call f on each slice along the first axis, and stack what it gives."""
    parts = [x for _, x in flatten(xs)]
    count = shape(parts[0])[0]
    made = [f(rebuild(xs, [tensor_of(x)[i] for x in parts])) for i in range(count)]
    columns = zip(*([x for _, x in flatten(one)] for one in made), strict=True)
    return rebuild(made[0], [tj.stack([tensor_of(x) for x in c], 0) for c in columns])


vectorized_map = map


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Call one of several functions: the first for an index below 0, the last for one beyond."""
    place = int(array_of(index))
    return branches[builtins.min(builtins.max(place, 0), len(branches) - 1)](*operands)


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: Any = 1,
) -> Any:
    """Go through the first axis with f(carry, x) -> (carry, y); give the last carry and all y."""
    count = shape(xs)[0] if xs is not None else int(length or 0)
    order = builtins.range(count)
    made = []
    for i in reversed(order) if reverse else order:
        init, y = f(init, None if xs is None else tensor_of(xs)[i])
        made.append(y)
    made = made[::-1] if reverse else made
    return init, None if not made or made[0] is None else tj.stack([tensor_of(y) for y in made], 0)
