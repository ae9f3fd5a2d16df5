"""What `compile` was told, resolved for a model's outputs: losses, weights, metrics, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.structure import leaves
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError, ShapeError
from ...train.aside import Aside, can_join
from ...train.metric import Mean
from .. import losses as losses_of
from .. import metrics as metrics_of
from ..metrics import Metric

ASIDE = 256  # so many batches' losses are put aside before they are read


class Outputs:
    """The outputs of a model as a flat list, and what belongs to each of them.

    names: the outputs' names, or None for a model that has none.  count: how many there are.
    """

    def __init__(self, names: list[str] | None, y_pred: Any) -> None:
        self.is_single = isinstance(y_pred, Tensor)
        self.count = len(leaves(y_pred))
        # a plain list needs no taking apart, batch after batch
        self.is_flat = type(y_pred) is list and len(y_pred) == self.count
        if isinstance(y_pred, dict) and len(y_pred) == self.count:
            names = sorted(y_pred, key=str)
        self.names = names if names is not None and len(names) == self.count else None

    def flat(self, given: Any, what: str) -> list[Any]:
        """List what is given for each output: in order, or by name.

        Raises OptionError for a name there is none of, ShapeError for another number of them.
        """
        if self.is_single:
            found = leaves(given)
            return found if len(found) == 1 else [given]
        if isinstance(given, dict):
            if self.names is None or set(given) != set(self.names):
                raise OptionError(
                    "keras_output_names", what=what, given=", ".join(map(str, given)),
                    known=", ".join(self.names or ["?"]),
                )
            return [given[name] for name in self.names]
        found = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(found) != self.count:
            raise ShapeError("keras_output_count", what=what, given=len(found), wanted=self.count)
        return found

    def outputs(self, y_pred: Any) -> list[Any]:
        """List the outputs."""
        if self.is_flat and len(y_pred) == self.count:
            return y_pred  # type: ignore[no-any-return]
        if isinstance(y_pred, dict) and self.names is not None:
            return [y_pred[name] for name in self.names]  # batches put aside are sorted by key
        return [y_pred] if self.is_single else leaves(y_pred)


class CompiledLoss:
    """The loss of all outputs together, and the mean of each, where there are several.

    loss: one for all outputs, a list, or a dict by name; None for an output without one.
    """

    def __init__(self, loss: Any, loss_weights: Any, names: list[str] | None) -> None:
        self.loss = loss
        self.loss_weights = loss_weights
        self.names = names
        self.means: list[Mean] = []
        self._aside: list[tuple[list[Any], list[int]]] = []
        self.outputs: Outputs | None = None
        kinds = (list, tuple, dict, float, int, type(None))
        if not isinstance(loss_weights, kinds) or any(
            isinstance(weight, str) for weight in leaves(loss_weights)
        ):
            raise ArgumentError("keras_loss_weights_kind", given=loss_weights)
        for one in leaves(loss):
            if isinstance(one, str) and one.lower() not in ("crossentropy", "ce"):
                losses_of.get(one)  # raises for a name there is none of, before the first batch
        if names is not None:
            self._check_names(names)

    def _check_names(self, names: list[str]) -> None:
        for what, given in (("loss", self.loss), ("loss_weights", self.loss_weights)):
            if isinstance(given, dict) and not set(given) <= set(names):
                raise OptionError(
                    "keras_output_names", what=what, given=", ".join(map(str, given)),
                    known=", ".join(names),
                )
            if isinstance(given, (list, tuple)) and len(given) != len(names):
                raise ShapeError(
                    "keras_output_count", what=what, given=len(given), wanted=len(names)
                )

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Resolve everything at the first batch, when the outputs are known."""
        self.outputs = where = Outputs(self.names, y_pred)
        given = self._spread(self.loss, where, "loss")
        targets = self.targets(y_true, where, given)
        predictions = where.outputs(y_pred)
        resolved = [
            losses_of.resolve(one, t, y)
            for one, t, y in zip(given, targets, predictions, strict=True)
        ]
        weights: list[Any] = [None] * where.count
        if self.loss_weights is not None:
            weights = self._spread(self.loss_weights, where, "loss_weights")
        self.parts = [
            (i, loss, None if type(weight) in (int, float) and weight == 1 else weight)
            for i, (loss, weight) in enumerate(zip(resolved, weights, strict=True))
            if loss is not None
        ]
        if isinstance(self.loss, dict) and where.names is not None:  # told in its order
            order = [where.names.index(name) for name in self.loss]
            self.parts.sort(key=lambda part: order.index(part[0]))
        if not self.parts:
            raise ArgumentError("keras_no_loss")
        labels = where.names or [getattr(loss, "name", None) or str(i) for i, loss in
                                 enumerate(resolved)]
        if len(self.parts) > 1:
            self.means = [Mean(f"{labels[i]}_loss") for i, _, _ in self.parts]

    @staticmethod
    def _spread(given: Any, where: Outputs, what: str) -> list[Any]:
        if isinstance(given, dict) and where.names is not None:
            unknown = set(given) - set(where.names)
            if not unknown:
                return [given.get(name) for name in where.names]
        if isinstance(given, (list, tuple, dict)):
            return where.flat(given, what)
        return [given] * where.count

    @staticmethod
    def targets(y_true: Any, where: Outputs, given: list[Any]) -> list[Any]:
        """List the targets; outputs without a loss may be left out of them."""
        if not where.is_single and isinstance(y_true, (list, tuple)):
            needed = [i for i, loss in enumerate(given) if loss is not None]
            if len(y_true) == len(needed) < where.count:
                spread: list[Any] = [None] * where.count
                for i, t in zip(needed, y_true, strict=True):
                    spread[i] = t
                return spread
        if not where.is_single and isinstance(y_true, dict) and where.names is not None:
            needed_names = [n for n, one in zip(where.names, given, strict=True) if one is not None]
            if set(needed_names) <= set(y_true) <= set(where.names):
                return [y_true.get(name) for name in where.names]
        return where.flat(y_true, "y")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Give the weighted sum of the outputs' losses, 0-d, and take note of each."""
        total, each = self.terms(y_true, y_pred, sample_weight)
        self.note(each, y_pred)
        return total

    def note(self, each: list[Any], y_pred: Any) -> None:
        """Put the outputs' losses aside, each with its samples; `fold` reads them."""
        if self.means and self.outputs is not None:
            predictions = self.outputs.outputs(y_pred)
            sizes = [predictions[i].shape[0] for i, _, _ in self.parts]
            self._aside.append(([value._data for value in each], sizes))
            if len(self._aside) >= ASIDE:
                self.fold()

    def fold(self) -> list[Mean]:
        """Add the losses that were put aside to their means; gives these."""
        if self._aside:
            each, sizes = (np.array(one) for one in zip(*self._aside, strict=True))
            for i, mean in enumerate(self.means):
                mean.update(each[:, i], weight=sizes[:, i])
            self._aside.clear()
        return self.means

    def reset_state(self) -> None:
        """Forget every batch."""
        self._aside.clear()
        for mean in self.means:
            mean.reset()

    def terms(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[Any, list[Any]]:
        """Give the weighted sum of the outputs' losses, and each before its weight."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        where = self.outputs
        assert where is not None
        if where.is_single and isinstance(y_pred, Tensor) and not isinstance(y_true, (list, dict)):
            _, loss, weight = self.parts[0]
            if isinstance(sample_weight, (list, tuple, dict)):
                sample_weight = leaves(sample_weight)[0]
            value = loss(y_true, y_pred, sample_weight)
            return (value if weight is None else value * weight), [value]
        losses: list[Any] = [None] * where.count
        for i, loss, _ in self.parts:
            losses[i] = loss
        targets = self.targets(y_true, where, losses)
        predictions = where.outputs(y_pred)
        if len(predictions) != where.count:
            raise ShapeError(
                "keras_output_count", what="y_pred", given=len(predictions), wanted=where.count
            )
        weights = weights_of(sample_weight, where)
        total = None
        each = []
        for i, loss, weight in self.parts:
            value = loss(targets[i], predictions[i], weights[i])
            each.append(value)
            if weight is not None:
                value = value * weight
            total = value if total is None else total + value
        return total, each


class CompiledMetrics:
    """The metrics of all outputs, plain and weighted.

    metrics, weighted_metrics: a list for one output; for several, a list with one entry per output
    or a dict by name.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any, names: list[str] | None) -> None:
        self.given = {"metrics": metrics, "weighted_metrics": weighted_metrics}
        self.names = names
        self.outputs: Outputs | None = None
        self.flat: dict[str, list[list[Metric]]] = {"metrics": [], "weighted_metrics": []}
        self.aside = Aside(self._take_in)
        self._can_wait = False
        for what, one in self.given.items():
            if one is not None and not isinstance(one, (list, tuple, dict)):
                raise ArgumentError("keras_metrics_kind", what=what, given=type(one).__name__)
            for name in leaves(one) if one else ():
                if isinstance(name, str) and name.lower() not in ("accuracy", "acc"):
                    metrics_of.get(name)
            if names is not None and len(names) > 1 and one:
                self._entries(one, what, names)

    @staticmethod
    def _entries(given: Any, what: str, names: list[str] | None) -> list[Any]:
        """List the metrics of each output. Raises OptionError where they do not fit."""
        count = len(names or [])
        if isinstance(given, dict) and names is not None and set(given) <= set(names):
            return [given.get(name) for name in names]
        if not isinstance(given, dict) and len(given) == count:
            return list(given)
        shown = ", ".join(names or ["?"])
        raise OptionError("keras_metrics_outputs", what=what, count=count, known=shown, given=given)

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics at the first batch, when the outputs are known."""
        self.outputs = where = Outputs(self.names, y_pred)
        predictions = where.outputs(y_pred)
        targets = CompiledLoss.targets(y_true, where, predictions)
        for what, given in self.given.items():
            if not given:
                self.flat[what] = [[] for _ in predictions]
                continue
            if where.count == 1:
                entries: list[Any] = [leaves(given)]
            else:
                names = where.names or [str(i) for i in range(where.count)]
                entries = self._entries(given, what, names)
            self.flat[what] = [
                [metrics_of.resolve(m, t, y) for m in leaves(one)] if one else []
                for one, t, y in zip(entries, targets, predictions, strict=True)
            ]

        self._can_wait = all(map(can_join, self._each()))

    @property
    def metrics(self) -> list[Metric]:
        """All metrics, in order, with every batch taken in."""
        self.aside.fold()
        return self._each()

    def _each(self) -> list[Metric]:
        return [m for lists in self.flat.values() for several in lists for m in several]

    def put(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in, at the latest when somebody asks for a result."""
        if self._can_wait:
            self.aside.put(y_pred, y_true, sample_weight)
        else:
            self.update_state(y_true, y_pred, sample_weight)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        self.aside.fold()
        self._take_in(y_pred, y_true, sample_weight)

    def _take_in(self, y_pred: Any, y_true: Any, sample_weight: Any) -> None:
        where = self.outputs
        assert where is not None
        predictions = where.outputs(y_pred)
        targets = CompiledLoss.targets(y_true, where, predictions)
        weights = weights_of(sample_weight, where)
        for several, t, y in zip(self.flat["metrics"], targets, predictions, strict=True):
            for metric in several:
                metric.update_state(t, y)
        for several, t, y, w in zip(
            self.flat["weighted_metrics"], targets, predictions, weights, strict=True
        ):
            for metric in several:
                metric.update_state(t, y, w)

    def result(self) -> dict[str, Any]:
        """Give each metric's value under its name, that of its output in front."""
        self.aside.fold()
        where = self.outputs
        if where is None:
            return {}
        found: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for what, lists in self.flat.items():
            for i, several in enumerate(lists):
                front = f"{where.names[i]}_" if where.count > 1 and where.names else ""
                for metric in several:
                    name = front + metric.name
                    if name in counts and what == "weighted_metrics":
                        name = f"{front}weighted_{metric.name}"
                    number = counts.get(name, 0)
                    counts[name] = number + 1
                    found[f"{name}_{number}" if number else name] = metric.result()
        return found if where.count == 1 else dict(sorted(found.items()))  # as Keras has them

    def reset_state(self) -> None:
        """Forget every batch."""
        self.aside.clear()
        for metric in self._each():
            metric.reset_state()


def weights_of(sample_weight: Any, where: Outputs) -> list[Any]:
    """List the sample weights of each output; one for all of them serves each."""
    if sample_weight is None:
        return [None] * where.count
    if isinstance(sample_weight, (list, tuple, dict)) and len(sample_weight) > 1:
        return where.flat(sample_weight, "sample_weight")
    return [leaves(sample_weight)[0]] * where.count
