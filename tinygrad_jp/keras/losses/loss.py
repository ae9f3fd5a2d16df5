"""What every loss shares: the reading of its arguments, and the reduction to one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.tensor import Tensor, get_default_dtype
from ...errors import ArgumentError
from ...train import row_losses as rows
from ...train.weighting import check_reduction, reduced
from ..config import standardize_dtype
from ..identifiers import Configured, auto_name

REDUCTION = "sum_over_batch_size"


class Loss(Configured):
    """What every loss is: called with targets, predictions and weights, it gives a number.

    A subclass gives `call(y_true, y_pred)`: one value a row, made of differentiable operations.
    reduction: how rows become one number: "sum_over_batch_size" (their mean), "sum", "none",
    "mean" or "mean_with_sample_weight".
    """

    _options: tuple[str, ...] = ("name", "reduction")

    def __init__(
        self, name: str | None = None, reduction: str | None = REDUCTION, dtype: Any = None
    ) -> None:
        check_reduction(reduction)
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self._dtype = None if dtype is None else np.dtype(standardize_dtype(dtype))

    @property
    def dtype(self) -> str:
        """The dtype that losses are computed in."""
        return standardize_dtype(self._dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Give the loss of a batch; sample_weight: one number a sample, or a row."""
        y_pred = self._read(y_pred)
        y_true = self._read(y_true)
        values = rows.predictions(self.call(y_true, y_pred))
        return reduced(values, sample_weight, self.reduction, self._mask(y_true, y_pred))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Give one value a row, (N, ...)."""
        owner = type(self).__name__
        raise ArgumentError("keras_method", owner=owner, method="call(y_true, y_pred)")

    def _mask(self, y_true: Any, y_pred: Any) -> Any:
        """Tell which rows count, if not all."""
        return None

    def _read(self, value: Any) -> Any:
        """Make Tensors of numbers and arrays, inside dicts and lists of them too."""
        if isinstance(value, dict):
            return {key: self._read(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)) and value and hasattr(value[0], "shape"):
            return type(value)(self._read(v) for v in value)
        kind = self._dtype
        if isinstance(value, Tensor):
            is_float = value._data.dtype.kind == "f"
            return value if is_float and kind is None else value.to(kind or get_default_dtype())
        return Tensor(np.asarray(value), kind or get_default_dtype())


class LossFunctionWrapper(Loss):
    """A function (y_true, y_pred, **options) made a Loss."""

    def __init__(
        self, fn: Callable[..., Any], reduction: str | None = REDUCTION, name: str | None = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Call the function, with (N, 1) beside (N,) brought to one shape first."""
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = rows.same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments; the function by name."""
        from . import table

        return {**super().get_config(), "fn": table.serialize(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make it again; the function is looked up by name."""
        from . import table

        if isinstance(config.get("fn"), str):
            config = {**config, "fn": table.find(config["fn"])}
        return cls(**config)
