"""The metrics: means of losses and of right answers, confusion counts, scores.

Each is found by name too: metrics=["mae", "accuracy"]. For one of your own, write a function of
(output, target), or subclass Metric.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..errors import OptionError, ShapeError
from ..vocabulary.origin import is_ours
from . import matches
from . import row_losses as rows
from .confusion import AUC as AUC
from .confusion import BestAt as BestAt
from .confusion import Count as Count
from .confusion import Precision as Precision
from .confusion import Recall as Recall
from .metric import Mean as Mean
from .metric import Metric, register
from .weighting import samplewise

Array = Any


class RowMean(Metric):
    """The mean over samples of a function (y_true, y_pred) that gives one value a row.

    fn: such a function (see `row_losses`, `matches`).  transform: what to make of the mean.

    >>> from tinygrad_jp.train.metrics import RowMean, rows
    >>> metric = RowMean(rows.mean_absolute_error, "mae")
    >>> metric.update([[1.0], [4.0]], [[1.0], [2.0]])
    >>> metric.result()
    1.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None,
        transform: Callable[[float], float] | None = None,
    ) -> None:
        self.fn = fn
        self.transform = transform
        super().__init__(name or fn.__name__)

    @property
    def adds_rows(self) -> bool:
        """Whether batches may come joined: a function of the user's may look at a whole one."""
        return is_ours(self.fn)

    def reset(self) -> None:
        """Forget every batch."""
        self.total, self.count = 0.0, 0.0

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in; weight: one number a sample, or a row."""
        self.add(self.fn(target, output), weight)

    def add(self, values: Any, weight: Any = None) -> None:
        """Take in values (N, ...) themselves."""
        array, weights = samplewise(values, weight)
        self.total += float(array.sum())
        if weights is None:
            self.count += array.shape[0] if array.ndim else 1
        else:
            self.count += float(weights.sum())

    def result(self) -> float:
        """Give the mean; 0 if there was nothing."""
        mean = self.total / self.count if self.count else 0.0
        return mean if self.transform is None else self.transform(mean)


class RowSum(RowMean):
    """The sum over samples of a function (y_true, y_pred) that gives one value a row."""

    def add(self, values: Any, weight: Any = None) -> None:
        """Take in values (N, ...) themselves."""
        self.total += float(samplewise(values, weight, is_sum=True)[0].sum())

    def result(self) -> float:
        """Give the sum."""
        return self.total


def right_answers(y_true: Any, y_pred: Any) -> Array:
    """Tell where predictions are right, by what the shapes say they are.

    Scores (N, K) against class numbers (N,) or one-hot targets (N, K): the highest counts.
    Probabilities (N,) or (N, 1): above ½ is 1.
    """
    t, p = array_of(y_true), array_of(y_pred)
    if p.ndim < 2 or p.shape[-1] == 1:
        return matches.binary_accuracy(t, p)
    if t.shape == p.shape:
        return matches.categorical_accuracy(t, p)
    return matches.sparse_categorical_accuracy(t, p)


class Accuracy(RowMean):
    """The share of right answers (see `right_answers`)."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(right_answers, name or "accuracy")


def squared_errors(y_true: Any, y_pred: Any) -> Any:
    """Give (y_true − y_pred)² of each element."""
    t, p = rows.paired("root_mean_squared_error", y_true, y_pred)
    return (p - t).square()


class RootMeanSquaredError(RowMean):
    """The root of the mean squared error over all batches."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(squared_errors, name or "rmse", np.sqrt)

    def result(self) -> float:
        """Give the root of the mean."""
        return float(super().result())


class R2Score(Metric):
    """1 − Σ(y_true − y_pred)² / Σ(y_true − mean)²: the share of the variance that is explained.

    class_aggregation: how the columns (N, D) become one number: "uniform_average",
    "variance_weighted_average", or None for one a column.  num_regressors: adjust for so many.
    """

    adds_rows = True

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str | None = None,
    ) -> None:
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise OptionError(
                "no_choice", op="R2Score", name="class_aggregation", given=class_aggregation,
                choices=", ".join(map(repr, known)),
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        super().__init__(name or "r2_score")

    def reset(self) -> None:
        """Forget every batch."""
        self.sum: Any = 0.0
        self.squares: Any = 0.0
        self.residual: Any = 0.0
        self.weight: Any = 0.0
        self.samples = 0

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in, (N, D)."""
        t, p = (np.asarray(array_of(a), np.float64) for a in (target, output))
        t, p = rows.same_rank(t, p)
        if t.shape != p.shape or t.ndim > 2:
            raise ShapeError("loss_rows", loss="r2_score", y_true=t.shape, y_pred=p.shape)
        t, p = (a.reshape(len(a), -1) for a in (t, p))
        w = np.ones((len(t), 1)) if weight is None else np.asarray(array_of(weight), np.float64)
        w = np.broadcast_to(w.reshape(len(t), -1) if w.ndim else w, t.shape)
        self.sum = self.sum + (t * w).sum(0)
        self.squares = self.squares + (t * t * w).sum(0)
        self.residual = self.residual + ((t - p) ** 2 * w).sum(0)
        self.weight = self.weight + w.sum(0)
        self.samples += t.size

    def result(self) -> Any:
        """Give the score; a column whose targets are all alike counts 0, or NaN if met exactly."""
        if not self.samples:
            return float("nan")
        total = self.squares - self.sum * (self.sum / self.weight)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - self.residual / total
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        freedom = self.samples - self.num_regressors - 1
        if self.num_regressors and freedom > 0:
            scores = 1 - (1 - scores) * (self.samples - 1) / freedom
        return float(scores) if np.ndim(scores) == 0 else scores


class FBetaScore(Metric):
    """(1 + β²)·precision·recall / (β²·precision + recall), for each of the columns (N, D).

    average: None (one a column), "micro" (of all counts), "macro" (mean over columns) or
    "weighted" (by how often each is true).  threshold: above it is yes; None: the highest score.
    """

    adds_rows = True

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        known = (None, "micro", "macro", "weighted")
        if average not in known:
            raise OptionError(
                "no_choice", op=type(self).__name__, name="average", given=average,
                choices=", ".join(map(repr, known)),
            )
        if not beta > 0:
            raise OptionError("not_positive", loss=type(self).__name__, name="beta", given=beta)
        if threshold is not None and not 0 < threshold <= 1:
            raise OptionError("thresholds", given=threshold)
        self.average, self.beta, self.threshold = average, beta, threshold
        super().__init__(name)

    def reset(self) -> None:
        """Forget every batch."""
        self.tp: Any = 0.0
        self.fp: Any = 0.0
        self.fn: Any = 0.0
        self.weights: Any = 0.0

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in, (N, D) each."""
        t, p = (np.asarray(array_of(a), np.float32) for a in (target, output))
        if t.shape != p.shape or t.ndim != 2:
            raise ShapeError("loss_rows", loss=self.name, y_true=t.shape, y_pred=p.shape)
        if self.threshold is None:
            yes = (p >= p.max(-1, keepdims=True)) & (np.abs(p) > 1e-9)
        else:
            yes = p > np.float32(self.threshold)  # 0.4 in float32 is above 0.4 in float64
        y = yes.astype(np.float64)
        w = 1.0 if weight is None else np.asarray(array_of(weight), np.float64).reshape(-1, 1)
        axis = None if self.average == "micro" else 0
        self.tp = self.tp + (y * t * w).sum(axis)
        self.fp = self.fp + (y * (1 - t) * w).sum(axis)
        self.fn = self.fn + ((1 - y) * t * w).sum(axis)
        self.weights = self.weights + (t * w).sum(axis)

    def result(self) -> Any:
        """Give the score, or one for each column."""
        tp, fp, fn = (np.asarray(a, np.float64) for a in (self.tp, self.fp, self.fn))
        precision, recall = _share(tp, tp + fp), _share(tp, tp + fn)
        square = self.beta**2
        score = (1 + square) * _share(precision * recall, precision * square + recall)
        if self.average == "weighted":
            score = (score * _share(self.weights, np.sum(self.weights))).sum()
        elif self.average is not None:
            score = score.mean()
        return float(score) if score.ndim == 0 else score


class F1Score(FBetaScore):
    """2·precision·recall / (precision + recall), averaged over the classes.

    Outputs (N,) or (N, 1) are probabilities of yes, above ½ it is one; of (N, K) the highest
    counts, and targets are class numbers (N,) or one-hot (N, K).
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__("macro", 1.0, None, name or "f1_score")

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in."""
        p, t = array_of(output), array_of(target)
        if p.ndim < 2 or p.shape[-1] == 1:
            p, t = (p.reshape(-1, 1) > 0.5), t.reshape(-1, 1)
        elif t.shape != p.shape:
            t = rows.class_labels(t, rows.predictions(p))[..., None] == np.arange(p.shape[-1])
        super().update(p, t, weight)


def _share(a: Array, b: Array) -> Array:
    return np.asarray(a) / (np.asarray(b) + rows.EPSILON)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Give Pearson's correlation along an axis; 0 where one of the two does not vary."""
    dt, dp = (a - a.mean(axis, keepdims=True) for a in _both("pearson_correlation", y_true, y_pred))
    spread = dt.std(axis) * dp.std(axis)
    return (dt * dp).mean(axis) / np.where(spread == 0, 1.0, spread)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Array:
    """Give Lin's concordance along an axis: a correlation that asks for equal means and spreads."""
    t, p = _both("concordance_correlation", y_true, y_pred)
    dt, dp = (a - a.mean(axis, keepdims=True) for a in (t, p))
    shift = (t.mean(axis) - p.mean(axis)) ** 2
    return 2 * (dt * dp).mean(axis) / (t.var(axis) + p.var(axis) + shift + rows.EPSILON)


def _both(metric: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    t, p = rows.same_rank(*(np.asarray(array_of(a), np.float64) for a in (y_true, y_pred)))
    if t.shape != p.shape:
        raise ShapeError("loss_rows", loss=metric, y_true=t.shape, y_pred=p.shape)
    return t, p


_NAMED: dict[str, tuple[Callable[..., Any], str]] = {
    "mse": (rows.mean_squared_error, "mean_squared_error"),
    "mae": (rows.mean_absolute_error, "mean_absolute_error"),
    "mape": (rows.mean_absolute_percentage_error, "mean_absolute_percentage_error"),
    "msle": (rows.mean_squared_logarithmic_error, "mean_squared_logarithmic_error"),
    "huber": (rows.huber, "huber_loss"),
    "cosine_similarity": (rows.cosine_similarity, "cosine"),
    "binary_accuracy": (matches.binary_accuracy, "binary_acc"),
    "categorical_accuracy": (matches.categorical_accuracy, "categorical_acc"),
    "sparse_categorical_accuracy": (matches.sparse_categorical_accuracy, "sparse_acc"),
    "top_k_categorical_accuracy": (matches.top_k_categorical_accuracy, "top_k"),
}


def _maker(fn: Callable[..., Any]) -> Callable[[], Metric]:
    return lambda: RowMean(fn)


for _short, (_fn, _long) in _NAMED.items():
    register(_short, _long)(_maker(_fn))
register("accuracy", "acc")(Accuracy)
register("rmse", "root_mean_squared_error")(RootMeanSquaredError)
register("r2", "r2_score")(R2Score)
register("auc")(AUC)
register("precision")(Precision)
register("recall")(Recall)
register("f1", "f1_score")(F1Score)
