"""Functions and operators as nodes of a functional model: what `x + y` on KerasTensors becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError
from ..layer import Layer
from ..symbolic import OPERATORS


class Operation(Layer):
    """A function called in a functional model, under the function's name.

    op: a name among the operators or in keras.ops, by which a saved model finds it again.
    fn: the function itself.
    """

    def __init__(self, op: str, fn: Callable[..., Any] | None = None, **more: Any) -> None:
        super().__init__(name=more.pop("name", None) or _name(op), **more)
        self.op = op
        self.fn = fn or function(op)
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Give what the function gives."""
        return self.fn(*args, **kwargs)

    def _read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Leave the arguments alone: axis=(1, 2) is no data."""
        return args, kwargs

    def get_config(self) -> dict[str, Any]:
        """Tell the function's name."""
        if function(self.op) is not self.fn:
            raise ArgumentError("keras_get_config", layer=self.name, name=self.op)
        return {"name": self.name, "dtype": self.dtype, "op": self.op}


def _name(op: str) -> str:
    from ..identifiers import auto_name

    return auto_name("".join(part.capitalize() for part in op.split("_")))


def function(op: str) -> Callable[..., Any]:
    """Find an operator, or a function of keras.ops or keras.activations, by its name."""
    if op in OPERATORS:
        return OPERATORS[op]
    from .. import activations, ops

    found: Callable[..., Any] = getattr(ops, op, None) or getattr(activations, op)
    return found
