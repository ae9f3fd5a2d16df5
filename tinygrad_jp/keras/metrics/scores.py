"""Metrics of counts and of whole columns: precision, recall, AUC, F, R²."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...train import metrics as train
from .metric import Over


class _Counting(Over):
    """A metric of one of the confusion counts."""

    _kind: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(train.Count(self._kind, thresholds), name, dtype, thresholds=thresholds)


class TruePositives(_Counting):
    """How many of those said to be true are; thresholds: above it is yes, ½ unless given."""

    _kind = "tp"


class FalsePositives(_Counting):
    """How many of those said to be true are not."""

    _kind = "fp"


class TrueNegatives(_Counting):
    """How many of those said not to be true are not."""

    _kind = "tn"


class FalseNegatives(_Counting):
    """How many of those said not to be true are."""

    _kind = "fn"


class Precision(Over):
    """How many of those found are right: tp / (tp + fp).

    thresholds: above it is yes, ½ unless given.  top_k: only the k highest of a row can be yes.
    class_id: look at this column alone.
    """

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.Precision(thresholds, top_k, class_id)
        super().__init__(
            inner, name, dtype, thresholds=thresholds, top_k=top_k, class_id=class_id
        )


class Recall(Over):
    """How many of those there are have been found: tp / (tp + fn). Arguments: as Precision's."""

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.Recall(thresholds, top_k, class_id)
        super().__init__(
            inner, name, dtype, thresholds=thresholds, top_k=top_k, class_id=class_id
        )


class SensitivityAtSpecificity(Over):
    """The best sensitivity over thresholds at which the specificity is at least a value."""

    def __init__(
        self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.BestAt("recall", "specificity", specificity, num_thresholds, class_id)
        super().__init__(
            inner, name, dtype, specificity=specificity, num_thresholds=num_thresholds,
            class_id=class_id,
        )


class SpecificityAtSensitivity(Over):
    """The best specificity over thresholds at which the sensitivity is at least a value."""

    def __init__(
        self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.BestAt("specificity", "recall", sensitivity, num_thresholds, class_id)
        super().__init__(
            inner, name, dtype, sensitivity=sensitivity, num_thresholds=num_thresholds,
            class_id=class_id,
        )


class PrecisionAtRecall(Over):
    """The best precision over thresholds at which the recall is at least a value."""

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.BestAt("precision", "recall", recall, num_thresholds, class_id)
        super().__init__(
            inner, name, dtype, recall=recall, num_thresholds=num_thresholds, class_id=class_id
        )


class RecallAtPrecision(Over):
    """The best recall over thresholds at which the precision is at least a value."""

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = train.BestAt("recall", "precision", precision, num_thresholds, class_id)
        super().__init__(
            inner, name, dtype, precision=precision, num_thresholds=num_thresholds,
            class_id=class_id,
        )


class AUC(Over):
    """The area under the ROC curve, or under precision over recall; see `train.confusion.AUC`.

    num_labels: the columns, where multi_label; they are also read off the first batch.
    """

    def __init__(
        self, num_thresholds: int = 200, curve: str = "ROC",
        summation_method: str = "interpolation", name: str | None = None, dtype: Any = None,
        thresholds: Any = None, multi_label: bool = False, num_labels: int | None = None,
        label_weights: Any = None, from_logits: bool = False,
    ) -> None:
        if num_labels and not multi_label:
            raise OptionError(
                "keras_range", owner="AUC", name="num_labels", wants="None (multi_label=False)",
                given=num_labels,
            )
        inner = train.AUC(
            num_thresholds, curve, summation_method, None, thresholds, multi_label, label_weights,
            from_logits,
        )
        super().__init__(
            inner, name, dtype, num_thresholds=len(inner.thresholds), curve=inner.curve,
            summation_method=inner.summation_method, thresholds=thresholds,
            multi_label=multi_label, num_labels=num_labels, label_weights=label_weights,
            from_logits=from_logits,
        )


class FBetaScore(Over):
    """The weighted harmonic mean of precision and recall, for each column (N, D).

    average: None, "micro", "macro" or "weighted".  beta: how much more recall counts.
    threshold: above it is yes; None: the highest score of a row.
    """

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str = "fbeta_score", dtype: Any = None,
    ) -> None:
        inner = train.FBetaScore(average, beta, threshold, name)
        super().__init__(
            inner, name, dtype, average=average, beta=beta, threshold=threshold
        )


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, for each column (N, D)."""

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
        del self._arguments["beta"]


class R2Score(Over):
    """The share of the variance that is explained: 1 − Σ(y_true − y_pred)² / Σ(y_true − mean)².

    class_aggregation: "uniform_average", "variance_weighted_average", or None for one a column.
    num_regressors: adjust for so many.
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str = "r2_score", dtype: Any = None,
    ) -> None:
        super().__init__(
            train.R2Score(class_aggregation, num_regressors, name), name, dtype,
            class_aggregation=class_aggregation, num_regressors=num_regressors,
        )
