"""What every metric shares: state that is updated batch by batch, and its means and sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.apply import wrap
from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...train import metrics as train
from ...train.aside import can_join
from ...train.metric import Metric as TrainMetric
from ...vocabulary.origin import is_ours
from ..config import standardize_dtype
from ..identifiers import auto_name
from ..variable import Variable

Array = Any


class Metric(TrainMetric):
    """What every metric is: update_state with each batch, result, reset_state.

    A subclass of the user's own makes its state in `__init__` with `add_variable` or `add_weight`,
    and writes `update_state(y_true, y_pred, sample_weight=None)` and `result()`.

    >>> from tinygrad_jp import keras
    >>> class Largest(keras.metrics.Metric):
    ...     def __init__(self, name="largest", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.most = self.add_weight(shape=(), initializer="zeros", name="most")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         error = keras.ops.max(keras.ops.abs(y_true - y_pred))
    ...         self.most.assign(keras.ops.maximum(self.most, error))
    ...     def result(self):
    ...         return self.most
    >>> metric = Largest()
    >>> metric.update_state(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    >>> float(metric.result())
    0.5
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(type(self).__name__)
        self._dtype = standardize_dtype(dtype)
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of results."""
        return self._dtype

    # ── state ───────────────────────────────────────────────────────────────────────────────

    def add_variable(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None,
        aggregation: str = "sum", name: str | None = None,
    ) -> Variable:
        """Make a Variable of the state; reset_state sets it to 0."""
        made = Variable(
            initializer or "zeros", tuple(shape), dtype or self._dtype, trainable=False, name=name
        )
        self._variables.append(made)
        return made

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a Variable of the state; reset_state sets it to 0."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Any]:
        """The state: the Variables made here, and those of metrics kept in attributes."""
        inner = [v for v in vars(self).values() if isinstance(v, Metric)]
        return [*self._variables, *(v for metric in inner for v in metric.variables)]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch in: (y_true, y_pred, sample_weight=None). A subclass writes it."""
        raise ArgumentError(
            "keras_method", owner=type(self).__name__, method="update_state(y_true, y_pred)"
        )

    def result(self) -> Any:
        """Give the value over all batches since reset_state. A subclass writes it."""
        raise ArgumentError("keras_method", owner=type(self).__name__, method="result()")

    def reset_state(self) -> None:
        """Forget every batch."""
        for v in self.variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch in, and give the value over all so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    # ── as the training loop calls it ───────────────────────────────────────────────────────

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in, as train.Metric does."""
        if weight is None:
            self.update_state(target, output)
        else:
            self.update_state(target, output, sample_weight=weight)

    def reset(self) -> None:
        """Forget every batch, as train.Metric does."""
        self.reset_state()

    def state_dict(self) -> dict[str, Any]:
        """Give what has been added up so far, to go on from."""
        return {str(i): np.array(v._data) for i, v in enumerate(self.variables)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for i, v in enumerate(self.variables):
            v.assign(state[str(i)])

    # ── config ──────────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make this metric again."""
        return {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a metric from what get_config gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Over(Metric):
    """A metric under Keras's name over one of `train`, which does the adding up.

    inner: that metric.  options: the arguments of this class, for its config.
    """

    def __init__(self, inner: TrainMetric, name: str | None, dtype: Any, **options: Any) -> None:
        super().__init__(dtype, name)
        self._inner = inner
        self._arguments = options
        for key, value in options.items():
            setattr(self, key, value)

    @property
    def adds_rows(self) -> bool:
        """Whether batches may come joined."""
        return can_join(self._inner)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in; sample_weight: one number a sample."""
        self._inner.update(y_pred, y_true, sample_weight)

    def result(self) -> Tensor:
        """Give the value over all batches since reset_state."""
        return wrap(np.asarray(self._inner.result(), self._dtype))  # type: ignore[no-any-return]

    def reset_state(self) -> None:
        """Forget every batch."""
        self._inner.reset()

    @property
    def variables(self) -> list[Any]:
        """The state, as Variables of their own memory."""
        return [Variable(v, trainable=False, name=k) for k, v in self._state().items()]

    def _state(self) -> dict[str, Any]:
        kinds = (int, float, np.ndarray)
        configured = ("thresholds", "label_weights", *self._arguments)
        return {
            k: v for k, v in vars(self._inner).items()
            if isinstance(v, kinds) and k not in configured and not isinstance(v, bool)
        }

    def state_dict(self) -> dict[str, Any]:
        """Give what has been added up so far, to go on from."""
        return self._inner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._inner.load_state_dict(state)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make this metric again."""
        return {**super().get_config(), **self._arguments}


class Mean(Metric):
    """The mean of values, weighed by sample_weight: update_state(values, sample_weight=None)."""

    _inner: train.RowMean

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self._inner = train.RowMean(_unused, self.name)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values (N, ...) in."""
        self._inner.add(values, sample_weight)

    def result(self) -> Tensor:
        """Give the mean, 0 of nothing."""
        return wrap(np.asarray(self._inner.result(), self._dtype))  # type: ignore[no-any-return]

    def reset_state(self) -> None:
        """Forget every value."""
        self._inner.reset()

    @property
    def total(self) -> float:
        """The sum so far."""
        return self._inner.total

    @property
    def count(self) -> float:
        """The weights so far."""
        return self._inner.count

    @property
    def variables(self) -> list[Any]:
        """The sum and the weights so far, as Variables of their own memory."""
        state = {"total": self.total, "count": self.count}
        return [Variable(v, trainable=False, name=k) for k, v in state.items()]

    def state_dict(self) -> dict[str, Any]:
        """Give what has been added up so far, to go on from."""
        return {"total": self.total, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._inner.total, self._inner.count = state["total"], state["count"]


class Sum(Mean):
    """The sum of values, weighed by sample_weight: update_state(values, sample_weight=None)."""

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._inner = train.RowSum(_unused, self.name)


def _unused(y_true: Any, y_pred: Any) -> Any:
    """Stand for the function of a mean that is given its values."""
    return y_pred


class MeanMetricWrapper(Mean):
    """The mean over samples of a function (y_true, y_pred, **options): one value a row.

    >>> from tinygrad_jp import keras
    >>> metric = keras.metrics.MeanMetricWrapper(keras.losses.mean_absolute_error, name="mae")
    >>> float(metric([[1.0], [4.0]], [[1.0], [2.0]]))
    1.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name or auto_name(type(self).__name__), dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    @property
    def adds_rows(self) -> bool:
        """Whether batches may come joined: not where the function looks along the samples."""
        return is_ours(self._fn) and self._fn_kwargs.get("axis", -1) == -1

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch in; sample_weight: one number a sample, or a row."""
        self._inner.add(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in, as train.Metric does."""
        self.update_state(target, output, weight)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments; the function by name."""
        from . import functions

        own = {} if type(self) is not MeanMetricWrapper else {"fn": functions.serialize(self._fn)}
        return {**super().get_config(), **own, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make it again; the function is looked up by name."""
        from . import functions

        if isinstance(config.get("fn"), str):
            config = {**config, "fn": functions.find(config["fn"])}
        return cls(**config)
