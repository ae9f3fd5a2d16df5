"""What a NumPy function does when it meets a Tensor, and how values come in and out.

`call` looks the function up in the registry and goes by what it finds: a rule is applied, a
composite run, a constant evaluated on plain arrays, the rest refused with the reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..errors import (
    ArgumentError,
    DTypeError,
    GradientError,
    RuleError,
    TinygradError,
    language,
)
from ..vocabulary.call import binder, misfit
from ..vocabulary.rule import (
    Composite,
    Constant,
    Function,
    Rule,
    Unsupported,
    find,
    is_array,
    label,
)
from . import apply as generic
from .apply import wrap
from .explain import explained_constant
from .generate import op
from .mode import recording

Array = Any

REDUCTIONS: dict[tuple[Any, str], Function] = {
    (np.add, "reduce"): np.sum, (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max, (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum, (np.multiply, "accumulate"): np.cumprod,
    (np.logical_and, "reduce"): np.all, (np.logical_or, "reduce"): np.any,
}

_binders: dict[Function, Function] = {}


def call(func: Function, args: Any, kwargs: Any) -> Any:
    """Answer a NumPy function that met a Tensor, by what the registry knows of it."""
    entry = find(func)
    if isinstance(entry, Rule):
        bind = _binders.get(func)
        if bind is None:
            bind = _binders[func] = binder(entry)
        try:
            arrays, static = bind(*args, **kwargs)
        except TypeError as error:
            raise misfit(entry, args, kwargs, error) from None
        if entry.partial is not None and any(a is None for a in arrays):
            return entry.partial(*args, **kwargs)
        for value in static:
            if isinstance(value, generic.Tensor):
                static = tuple(_parameter(entry, s) for s in static)
                break
        return op(entry.fn)(*arrays, *static)
    if isinstance(entry, Composite):
        return composed(entry, args, kwargs)
    if isinstance(entry, Constant):
        return constant_of(func, args, kwargs)
    if isinstance(entry, Unsupported):
        reason = entry.reason[0 if language() == "ja" else 1]
        raise RuleError("unsupported", op=label(func), reason=reason)
    raise RuleError("no_rule", op=label(func))


def _parameter(rule: Rule, value: Any) -> Any:
    """Take the values of a Tensor that was given for a parameter without a derivative."""
    if isinstance(value, generic.Tensor) and value.requires_grad:
        known = " ".join(rule.arguments)
        raise GradientError("parameter_grad", op=label(rule.fn), arguments=known)
    return values_of(value)


def answer(func: Function, args: Any, kwargs: Any) -> Any:
    """Do as `call`, and give Tensors where the arguments were all plain arrays, too."""
    return tensors_of(call(func, args, kwargs))


def composed(entry: Composite, args: Any, kwargs: Any) -> Any:
    """Run a composite; arguments that it does not take are refused as a rule's are."""
    try:
        return tensors_of(entry.body(*args, **kwargs))
    except (ValueError, IndexError, OverflowError) as reason:
        if isinstance(reason, TinygradError):
            raise
        raise explained_constant(entry.fn, args, reason) from reason
    except TypeError as reason:
        inside = reason.__traceback__ is None or reason.__traceback__.tb_next is not None
        if inside or isinstance(reason, TinygradError):
            raise
        raise ArgumentError(
            "bad_call", op=label(entry.fn), reason=str(reason), takes=entry.about or "..."
        ) from None


def constant_of(func: Function, args: Any, kwargs: Any) -> Any:
    """Evaluate a function without a derivative on plain values; arrays come back as Tensors."""
    if isinstance(kwargs.get("out"), generic.Tensor):  # a write that no graph would see
        raise ArgumentError("unknown_argument", op=label(func), name="out")
    recorder = recording.get()
    if recorder is not None:
        args = recorder.lifted(args)
    plain_kwargs = {k: values_of(v) for k, v in kwargs.items()}
    try:
        return tensors_of(func(*map(values_of, args), **plain_kwargs))
    except (TypeError, ValueError, IndexError, OverflowError) as reason:
        if isinstance(reason, TinygradError):
            raise  # compile's, which says why the value cannot be had
        raise explained_constant(func, args, reason) from reason


def values_of(value: Any) -> Any:
    """Take the arrays out of Tensors, inside lists and tuples too."""
    if isinstance(value, generic.Tensor):
        return value._data
    if type(value) in (list, tuple):
        return type(value)(map(values_of, value))
    return value


def tensors_of(result: Any) -> Any:
    """Wrap arrays as Tensors without a gradient, inside lists and tuples too."""
    if isinstance(result, (ndarray, np.number, np.bool_)):
        return wrap(np.asarray(result))
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make(map(tensors_of, result))
    if type(result) in (list, tuple) and any(map(is_array, result)):
        return type(result)(map(tensors_of, result))
    if is_array(result) and not isinstance(result, generic.Tensor):
        return wrap(result)  # a GPU array
    return result


def as_data(data: Any, dtype: Any) -> Array:
    """Copy what the user gave into an array of ours."""
    if isinstance(data, generic.Tensor):
        if type(data._data) is not ndarray:  # on a GPU, in a trace
            return data._data.copy() if dtype is None else data._data.astype(dtype)
        return np.array(data._data, dtype=dtype)
    if hasattr(data, "__array_function__") and not isinstance(data, ndarray):
        return data  # a GPU array or a trace: kept as it is
    if isinstance(data, ndarray) and recording.get() is not None:
        return recording.get().copied(data, dtype)  # its values at each call, not those of now
    if isinstance(data, (list, tuple)):
        generic.refuse_tracked(data)
    try:
        array = np.array(_untensored(data), dtype=dtype, subok=False)
    except (TypeError, ValueError) as reason:
        raise ArgumentError("not_numbers", reason=str(reason)) from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError("dtype_unknown", dtype=array.dtype)
    if dtype is None and array.dtype == np.float64 and _is_python(data):
        array = array.astype(generic.default_dtype[0])
    return array if array.dtype.isnative else array.astype(array.dtype.type)


def _untensored(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_untensored(v) for v in data]
    return data._data if isinstance(data, generic.Tensor) else data


def _is_python(data: Any) -> bool:
    """Tell whether numbers came as Python's own, which have no precision of their own."""
    while isinstance(data, (list, tuple)):
        if not data:
            return True
        data = data[0]
    return not isinstance(data, (ndarray, np.generic, generic.Tensor))
