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
        super().__init__(name=more.pop("name", None) or _name(op.rpartition(".")[2]), **more)
        self.op = op
        found = fn or function(op)
        if found is None:
            raise ArgumentError("keras_get_config", layer=self.name, name=op)
        self.fn = found
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Give what the function gives."""
        return self.fn(*args, **kwargs)

    def _read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Leave the arguments alone: axis=(1, 2) is no data."""
        return args, kwargs

    def get_config(self) -> dict[str, Any]:
        """Tell the function's name."""
        for op in (self.op, f"ops.{self.op}", f"activations.{self.op}"):
            if function(op) is self.fn:
                return {"name": self.name, "dtype": self.dtype, "op": op}
        raise ArgumentError("keras_get_config", layer=self.name, name=self.op)


def _name(op: str) -> str:
    from ..identifiers import auto_name

    return auto_name("".join(part.capitalize() for part in op.split("_")))


def function(op: str) -> Callable[..., Any] | None:
    """Find an operator, or a function of keras.ops or keras.activations, by its name.

    The module may stand before it: "ops.multiply" is not the operator. None if there is none.
    """
    from .. import activations, ops

    module, _, name = op.rpartition(".")
    tables = {"": OPERATORS, "ops": vars(ops), "activations": vars(activations)}
    places = tables.values() if not module else [tables.get(module, {})]
    return next((table[name] for table in places if name in table), None)
