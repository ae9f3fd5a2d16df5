"""True and false positives and negatives at thresholds, and what is made of them.

Counts are weighed sums over all elements of y_pred (..., L), one for each threshold: (T,), or with
multi_label (T, L).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..errors import ArgumentError, OptionError, ShapeError
from .metric import Metric
from .row_losses import same_rank

Array = Any
NEVER = -1e10  # the score of what is not among the top k
KINDS = ("tp", "fp", "tn", "fn")


def ratio(a: Array, b: Array) -> Array:
    """Give a / b in float32, and 0 where b is 0."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape), np.float32),
                     where=b != 0)


def counts(
    y_true: Any, y_pred: Any, thresholds: Array, weight: Any = None, top_k: int | None = None,
    class_id: int | None = None, multi_label: bool = False, label_weights: Any = None,
) -> dict[str, Array]:
    """Count a batch: {"tp": ..., "fp": ..., "tn": ..., "fn": ...}.

    y_true counts as positive where it is not 0, y_pred where it is above a threshold.
    weight: one a sample, or a row.  top_k: only the k highest of a row can be positive.
    class_id: count this column alone.
    """
    p, t = same_rank(
        np.asarray(array_of(y_pred), np.float32), np.asarray(array_of(y_true), np.float32)
    )
    if t.shape != p.shape:
        raise ShapeError("loss_rows", loss="confusion", y_true=t.shape, y_pred=p.shape)
    w = _spread(weight, p)
    if label_weights is not None:
        w = w * np.broadcast_to(array_of(label_weights), p.shape)
    if top_k is not None:
        chosen = np.argsort(-p, -1, kind="stable")[..., :top_k]
        mask = np.zeros(p.shape, bool)
        np.put_along_axis(mask, chosen, True, -1)
        p = np.where(mask, p, np.float32(NEVER))
    if class_id is not None:
        if p.ndim < 2:
            raise ShapeError("class_id", given=p.shape)
        t, p, w = t[..., class_id], p[..., class_id], w[..., class_id]
    columns = p.shape[-1] if multi_label else 1
    t, p, w = (a.reshape(-1, columns) for a in (t != 0, p, w))
    positive, negative = np.where(t, w, 0.0), np.where(t, 0.0, w)
    made: list[Array] = [_above(p, part, thresholds) for part in (positive, negative)]
    tp, fp = made
    found = {"tp": tp, "fp": fp, "tn": negative.sum(0) - fp, "fn": positive.sum(0) - tp}
    return found if multi_label else {name: value[:, 0] for name, value in found.items()}


def _spread(weight: Any, p: Array) -> Array:
    """Give each element of p the weight of its sample."""
    if weight is None:
        return np.ones(p.shape)
    w = np.asarray(array_of(weight), np.float64)
    w = w.reshape(w.shape + (1,) * (p.ndim - w.ndim))
    if w.ndim > p.ndim or not all(n in (1, m) for n, m in zip(w.shape, p.shape, strict=False)):
        raise ShapeError("sample_weight", given=array_of(weight).shape, values=p.shape)
    return np.broadcast_to(w, p.shape)


def _above(p: Array, w: Array, thresholds: Array) -> Array:
    """Sum the weights w of what is above each threshold: (N, L) and (T,) give (T, L)."""
    if not is_even(thresholds):
        return np.stack([np.where(p > np.float32(h), w, 0.0).sum(0) for h in thresholds])
    steps = len(thresholds) - 1  # evenly spaced: into which step a value falls can be computed
    place = np.ceil(np.clip(p, 0, 1) * np.float32(steps)).astype(np.int64) - 1
    if thresholds[0] < 0:
        place = np.maximum(place, 0)
    sums = np.zeros((steps + 2, p.shape[1]))
    np.add.at(sums, (place, np.arange(p.shape[1])), w)  # −1, at no threshold, falls in the last
    return np.cumsum(sums[steps::-1], 0)[::-1]


def is_even(thresholds: Array) -> bool:
    """Tell whether thresholds go from 0 to 1 in equal steps."""
    steps = len(thresholds) - 1
    return steps >= 2 and np.allclose(thresholds, np.arange(steps + 1) / steps, atol=1e-7)


class Counting(Metric):
    """A metric made of confusion counts at thresholds.

    thresholds: a number or a list of them, each between 0 and 1.  top_k, class_id: see `counts`.
    """

    adds_rows = True

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        given = [] if thresholds is None else np.ravel(thresholds).tolist()
        for h in given:
            if not 0 <= h <= 1:
                raise OptionError("thresholds", given=h)
        default = 0.5 if top_k is None else NEVER
        self.thresholds = np.array(given or [default], np.float64)
        self.top_k, self.class_id = top_k, class_id
        super().__init__(name)

    def reset(self) -> None:
        """Forget every batch."""
        self.tp, self.fp, self.tn, self.fn = (np.zeros(len(self.thresholds)) for _ in KINDS)

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in: outputs above a threshold say yes, targets other than 0 are yes."""
        found = counts(target, output, self.thresholds, weight, self.top_k, self.class_id)
        for name, value in found.items():
            setattr(self, name, getattr(self, name) + value)

    def value(self) -> Array:
        """Give the metric at each threshold. A subclass writes it."""
        raise ArgumentError("metric_method", metric=type(self).__name__, method="value()")

    def result(self) -> Any:
        """Give one number, or for several thresholds an array."""
        value = self.value()
        return float(value[0]) if len(self.thresholds) == 1 else value


class Precision(Counting):
    """tp / (tp + fp): how many of those found are right."""

    def value(self) -> Array:
        """Give the precision at each threshold."""
        return ratio(self.tp, self.tp + self.fp)


class Recall(Counting):
    """tp / (tp + fn): how many of those there are have been found."""

    def value(self) -> Array:
        """Give the recall at each threshold."""
        return ratio(self.tp, self.tp + self.fn)


class Count(Counting):
    """One of the four counts.

    kind: "tp", "fp", "tn" or "fn".
    """

    def __init__(self, kind: str, thresholds: Any = None, name: str | None = None) -> None:
        self.kind = kind
        super().__init__(thresholds, name=name or kind)

    def value(self) -> Array:
        """Give the count at each threshold."""
        return getattr(self, self.kind)


class BestAt(Counting):
    """The best of one rate over all thresholds at which another is at least a value.

    best, least: "precision", "recall" (sensitivity) or "specificity".  value_at_least: of `least`.
    """

    def __init__(
        self, best: str, least: str, value_at_least: float, num_thresholds: int = 200,
        class_id: int | None = None, name: str | None = None,
    ) -> None:
        if not 0 <= value_at_least <= 1:
            raise OptionError("thresholds", given=value_at_least)
        grid: Any = 0.5 if num_thresholds == 1 else np.linspace(0, 1, num_thresholds)
        self.best, self.least, self.value_at_least = best, least, value_at_least
        super().__init__(grid, None, class_id, name)

    def _rate(self, name: str) -> Array:
        if name == "precision":
            return ratio(self.tp, self.tp + self.fp)
        if name == "recall":
            return ratio(self.tp, self.tp + self.fn)
        return ratio(self.tn, self.tn + self.fp)

    def result(self) -> float:
        """Give the best rate; 0 if the other nowhere reaches the value."""
        fine = self._rate(self.least) >= np.float32(self.value_at_least)
        return float(np.where(fine, self._rate(self.best), 0).max(initial=0))


class AUC(Metric):
    """The area under a curve over thresholds: of ROC, or of precision and recall.

    curve: "ROC" or "PR".  summation_method: "interpolation" (trapezoids; for PR Davis and Goadrich
    2006), "minoring" or "majoring".  thresholds: between 0 and 1, instead of num_thresholds evenly
    spaced.  multi_label: an area for each column of outputs, averaged, by label_weights if given.
    from_logits: take sigmoid of the outputs first.
    """

    adds_rows = True

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC",
        summation_method: str = "interpolation", name: str | None = None,
        thresholds: Sequence[float] | None = None, multi_label: bool = False,
        label_weights: Any = None, from_logits: bool = False,
    ) -> None:
        for option, given, known in (
            ("curve", curve.upper(), ("ROC", "PR")),
            ("summation_method", summation_method.lower(), SUMMATIONS),
        ):
            if given not in known:
                raise OptionError(
                    "no_choice", op="AUC", name=option, given=given, choices=", ".join(known)
                )
        if thresholds is None and num_thresholds < 2:
            raise OptionError("num_thresholds", given=num_thresholds)
        inner = (
            np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else sorted(thresholds)
        )
        self.thresholds = np.array([-1e-7, *inner, 1 + 1e-7])
        self.curve, self.summation_method = curve.upper(), summation_method.lower()
        self.multi_label, self.from_logits = multi_label, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, float)
        super().__init__(name)

    def reset(self) -> None:
        """Forget every batch."""
        self.tp, self.fp, self.tn, self.fn = (np.zeros(len(self.thresholds)) for _ in KINDS)

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in: outputs are probabilities of yes, targets 0 or 1."""
        p = array_of(output)
        if self.from_logits:
            p = 1 / (1 + np.exp(-np.clip(p.astype(np.float64), -700, 700)))
        found = counts(
            target, p, self.thresholds, weight, multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        for name, value in found.items():
            old = getattr(self, name)
            setattr(self, name, value if old.shape != value.shape else old + value)

    def result(self) -> float:
        """Give the area."""
        areas = self._areas()
        if not self.multi_label or areas.ndim == 0:
            return float(areas)
        if self.label_weights is None:
            return float(areas.mean())
        return float(ratio((areas * self.label_weights).sum(), self.label_weights.sum()))

    def _areas(self) -> Array:
        tp, fp = self.tp, self.fp
        recall = _safe(tp, tp + self.fn)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated()
        if self.curve == "PR":
            x, y = recall, _safe(tp, tp + fp)
        else:
            x, y = _safe(fp, fp + self.tn), recall
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        else:
            heights = SUMMATIONS[self.summation_method](y[:-1], y[1:])
        return ((x[:-1] - x[1:]) * heights).sum(0)

    def _interpolated(self) -> Array:
        """Integrate precision over recall, with tp a linear function of tp + fp in between."""
        tp, all_found = self.tp, self.tp + self.fp
        d_tp = tp[:-1] - tp[1:]
        slope = _safe(d_tp, np.maximum(all_found[:-1] - all_found[1:], 0))
        rest = tp[1:] - slope * all_found[1:]
        both = (all_found[:-1] > 0) & (all_found[1:] > 0)
        quotient = np.where(both, _safe(all_found[:-1], np.maximum(all_found[1:], 0)), 1.0)
        part = slope * (d_tp + rest * np.log(quotient))
        return _safe(part, np.maximum(tp[1:] + self.fn[1:], 0)).sum(0)


def _safe(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b != 0)


SUMMATIONS: dict[str, Any] = {
    "interpolation": None, "minoring": np.minimum, "majoring": np.maximum
}
