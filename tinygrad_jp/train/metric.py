"""What a metric is: something added up over the batches of an epoch.

`metrics.py` has the many; here is what they share, and how one is found by name.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError

Array = Any


class Metric:
    """Add up over batches what is asked for at the end of an epoch.

    A subclass writes `update`, `result` and `reset`. What it adds up is kept in attributes, numbers
    or arrays: that is what a checkpoint saves, unless it writes `state_dict` itself.

    >>> import tinygrad_jp as tj
    >>> class Largest(tj.train.Metric):
    ...     def reset(self):
    ...         self.value = 0.0
    ...     def update(self, output, target, weight=None):
    ...         self.value = max(self.value, float(abs(output - target).max()))
    ...     def result(self):
    ...         return self.value
    >>> metric = Largest("largest_error")
    >>> metric.update(tj.tensor([1.0, 2.0]), tj.tensor([1.5, 2.0]))
    >>> metric.result()
    0.5
    """

    name: str
    adds_rows: Any = False  # whether batches may come joined; asked of metrics of ours alone

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.reset()

    def reset(self) -> None:
        """Forget every batch seen so far."""
        raise ArgumentError("metric_method", metric=type(self).__name__, method="reset()")

    def update(self, output: Any, target: Any, weight: Any = None) -> None:
        """Take a batch in: what the model gave, what was right, weights (N,) of the samples.

        Called under no_grad with Tensors or arrays; nothing may be written into them.
        """
        raise ArgumentError(
            "metric_method", metric=type(self).__name__, method="update(output, target, weight)"
        )

    def result(self) -> Any:
        """Give the value over all batches since reset; a number, or an array."""
        raise ArgumentError("metric_method", metric=type(self).__name__, method="result()")

    def state_dict(self) -> dict[str, Any]:
        """Give what has been added up so far, to go on from."""
        return {k: v for k, v in self.__dict__.items() if isinstance(v, PLAIN)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


PLAIN = (int, float, str, np.ndarray, np.generic, Tensor, list, tuple, dict, type(None))


class Mean(Metric):
    """The mean of the values given to `update`, each with a weight.

    >>> mean = Mean("loss")
    >>> mean.update(1.0)
    >>> mean.update(4.0, weight=2)
    >>> mean.result()
    3.0
    """

    def reset(self) -> None:
        """Forget every value."""
        self.total, self.count = 0.0, 0.0

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take in a number, or an array of them (with weights of its shape, or one for all)."""
        values = as_array(output)
        if weight is None:
            self.total += float(values.sum(dtype=np.float64))
            self.count += values.size
        else:
            weights = np.broadcast_to(as_array(weight), values.shape)
            self.total += float((values * weights).sum(dtype=np.float64))
            self.count += float(weights.sum(dtype=np.float64))

    def result(self) -> float:
        """Give the mean; 0 if there was nothing."""
        return self.total / self.count if self.count else 0.0


class MeanOf(Mean):
    """The mean of a function of (output, target) over samples or batches.

    fn: gives one value per sample, or one for the batch, which then counts by its samples.
    """

    def __init__(self, fn: Callable[[Any, Any], Any], name: str | None = None) -> None:
        self.fn = fn
        super().__init__(name or getattr(fn, "__name__", snake_case(type(fn).__name__)))

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in."""
        values = as_array(self.fn(output, target))
        if values.ndim == 0:
            first = target if hasattr(target, "shape") else output
            shape = getattr(first, "shape", ())
            super().update(values, weight=shape[0] if shape else 1)
            return
        values = values.reshape(len(values), -1).mean(1)
        super().update(values, weight=weight)


def as_array(value: Any) -> Array:
    """Read a Tensor or a number as an array."""
    return value._data if isinstance(value, Tensor) else np.asarray(value)


# ── found by name ───────────────────────────────────────────────────────────────────────────────

NAMED: dict[str, Callable[[], Metric]] = {}


def register(*names: str) -> Callable[[Any], Any]:
    """Let a Metric class, or a function that makes one, be asked for by name: `@register("mae")`.

    It is called without arguments; the metric is then shown under the name that was asked for.
    """

    def keep(make: Any) -> Any:
        for name in names:
            NAMED[name] = make
        return make

    return keep


def as_metric(given: Any) -> Metric:
    """Give the Metric meant: one already, a class of them, a function, or a name.

    Raises OptionError for a name that is not registered, ArgumentError for anything else.
    """
    if isinstance(given, type) and issubclass(given, Metric):
        return given()
    if is_metric(given):
        return given  # type: ignore[no-any-return]
    if isinstance(given, str):
        import_module(".metrics", __package__)  # it registers its own
        if given not in NAMED:
            raise OptionError("metric_name", given=given, known=", ".join(sorted(NAMED)))
        made = NAMED[given]()
        made.name = given
        return made
    if callable(given):
        return MeanOf(given)
    raise ArgumentError("metric_kind", kind=type(given).__name__)


def is_metric(given: Any) -> bool:
    """Tell whether something can serve as a Metric, whatever its class."""
    wanted = ("update", "result", "reset")
    return not isinstance(given, type) and all(hasattr(given, name) for name in wanted)


def snake_case(name: str) -> str:
    """Turn a class's name into a metric's.

    >>> snake_case("MeanAbsoluteError"), snake_case("R2Score"), snake_case("AUC")
    ('mean_absolute_error', 'r2_score', 'auc')
    """
    out = ""
    for i, c in enumerate(name):
        follows = not name[i - 1 : i].isupper() or name[i + 1 : i + 2].islower()
        is_start = i > 0 and c.isupper() and follows
        out += f"_{c.lower()}" if is_start else c.lower()
    return out
