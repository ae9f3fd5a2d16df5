"""Say what NumPy's complaint means in terms of the operation and of the Tensors it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np

from ..errors import DTypeError, MatrixError, PositionError, ShapeError, TinygradError, text
from ..vocabulary.rule import Function, Rule, label


class Failure:
    """The operation that raised an error, and what it was given; kept by the error as `failure`.

    Tensors and arrays are held weakly, so that an error that is kept does not keep a graph: they
    live as long as the frames of its traceback do.
    """

    __slots__ = ("_arguments", "rule")
    GONE = object()

    def __init__(self, rule: Rule, inputs: Sequence[Any]) -> None:
        self.rule = rule
        self._arguments = [_weakly(x) for x in inputs]

    def arguments(self) -> list[Any]:
        """Give what the operation was given; GONE for what does not live any more."""
        return [self.GONE if x() is None and weak else x() for x, weak in self._arguments]

    def names(self) -> list[str]:
        """Name the arguments as the rule does."""
        if self.rule.listed:
            return [f"xs[{i}]" for i in range(len(self._arguments))]
        return list(self.rule.arguments)


def _weakly(x: Any) -> tuple[Callable[[], Any], bool]:
    try:
        return ref(x), True
    except TypeError:  # a number, a tuple
        return (lambda: x), False


def describe(value: Any, name: str = "") -> str:
    """Say an argument in a few words: its name, dtype and shape, or its value."""
    given = getattr(value, "name", None)
    name = f"{name}=" if name else ""
    if isinstance(given, str):
        name += f"'{given}' "
    shape = getattr(value, "shape", None)
    if hasattr(value, "dtype") and isinstance(shape, tuple):  # np.float32 has descriptors there
        return f"{name}{value.dtype}{list(shape)}"
    return f"{name}{value!r}"


def explained(
    rule: Rule, inputs: Sequence[Any], static: Sequence[Any], reason: Exception
) -> Exception:
    """Give the typed error for what went wrong inside an operation.

    inputs: the arguments as the user gave them, so that Tensors can be called by their names.
    A TinygradError remembers them as its `failure`, to be drawn.
    """
    error = _typed(rule, inputs, static, reason)
    if isinstance(error, TinygradError) and error.failure is None:
        error.failure = Failure(rule, inputs)
    return error


def _typed(
    rule: Rule, inputs: Sequence[Any], static: Sequence[Any], reason: Exception
) -> Exception:
    if isinstance(reason, np.linalg.LinAlgError):
        facts = ", ".join(map(describe, inputs))
        return MatrixError("matrix_failed", op=label(rule.fn), reason=str(reason), args=facts)
    if isinstance(reason, AttributeError) and _is_no_array(reason, inputs):
        reason = ValueError(f"{reason.obj} where an array is needed")
    if isinstance(reason, TinygradError) or not isinstance(
        reason, (ValueError, TypeError, IndexError, OverflowError)
    ):
        return reason
    names = rule.arguments if not rule.listed else [f"xs[{i}]" for i in range(len(inputs))]
    shown = [describe(x, n) for x, n in zip(inputs, names, strict=False)]
    shown += [f"{n}={v!r}" for n, v in zip(rule.static, static, strict=False)]
    kind: type[TinygradError] = ShapeError
    if isinstance(reason, (TypeError, OverflowError)):
        kind = DTypeError
    elif isinstance(reason, IndexError) and not isinstance(reason, np.exceptions.AxisError):
        kind = PositionError
    return kind(
        "op_failed", op=label(rule.fn), reason=str(reason).strip(" ."), args=", ".join(shown),
        hint=text(_hint(rule, inputs, reason)),
    )


def _is_no_array(reason: AttributeError, inputs: Sequence[Any]) -> bool:
    """Tell whether an operation asked a number, or an argument that is None, for its shape."""
    if reason.obj is None:
        return reason.name is not None and any(x is None for x in inputs)
    return isinstance(reason.obj, (int, float))


def explained_constant(func: Function, args: Sequence[Any], reason: Exception) -> TinygradError:
    """Give the typed error for a function without a derivative that NumPy refused."""
    kind = DTypeError if isinstance(reason, (TypeError, OverflowError)) else ShapeError
    return kind(
        "op_failed", op=label(func), reason=str(reason).strip(" ."),
        args=", ".join(map(describe, args)), hint="",
    )


def _hint(rule: Rule, inputs: Sequence[Any], reason: Exception) -> str:
    """Choose the text that says how to repair it."""
    shapes = [np.shape(getattr(x, "_data", x)) for x in inputs if hasattr(x, "shape")]
    if isinstance(reason, np.exceptions.AxisError):
        return "hint_axis"
    if isinstance(reason, OverflowError):
        return "hint_too_large"
    if isinstance(reason, TypeError):
        return "hint_dtype"
    if isinstance(reason, IndexError):
        return "hint_index"
    if rule.fn.__name__ == "linear":
        return "hint_linear"
    if rule.fn.__name__ in ("matmul", "dot", "inner", "tensordot", "vecdot"):
        return "hint_matmul"
    if rule.fn.__name__ == "reshape":
        return "hint_reshape"
    if rule.listed:
        return "hint_list"
    if rule.broadcasts and len({s for s in shapes if s}) > 1:
        return "hint_broadcast"
    return "hint_none"


def shown_name(tensor: Any) -> str:
    """Give a Tensor's name in quotes with a space before, or nothing."""
    return f" '{tensor.name}'" if tensor.name else ""
