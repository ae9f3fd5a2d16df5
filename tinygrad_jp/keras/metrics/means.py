"""Metrics that are means over samples of a function: accuracies, errors, losses."""

from __future__ import annotations

from typing import Any

from ...autograd.tensor import Tensor
from ...train import matches, row_losses
from ...train import metrics as train
from .. import losses
from ..config import epsilon
from .metric import Mean, MeanMetricWrapper


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Give the cosine of the angle between the rows: 1 where they point alike, not −1."""
    return row_losses.cosine_similarity(y_true, y_pred, axis, epsilon())


class Accuracy(MeanMetricWrapper):
    """The share of predictions that equal the targets."""

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(matches.accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The share of right yes and no: yes is a probability above the threshold."""

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5,
    ) -> None:
        super().__init__(matches.binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """The share of rows whose highest score is at the 1 of one-hot targets."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(matches.categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The share of rows whose highest score is at the class number."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(matches.sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of rows whose one-hot target is among the k highest scores."""

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None,
    ) -> None:
        super().__init__(matches.top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of rows whose class number is among the k highest scores."""

    def __init__(
        self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            matches.sparse_top_k_categorical_accuracy, name, dtype, k=k,
            from_sorted_ids=from_sorted_ids
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids


class MeanSquaredError(MeanMetricWrapper):
    """The mean of (y_true − y_pred)²."""

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of |y_true − y_pred|."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """100 times the mean of |y_true − y_pred| / |y_true|."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of (log(y_true + 1) − log(y_pred + 1))²."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between y_true and y_pred: 1 where they point alike."""

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis


class LogCoshError(MeanMetricWrapper):
    """The mean of log cosh(y_pred − y_true)."""

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class Hinge(MeanMetricWrapper):
    """The mean of max(1 − y_true·y_pred, 0)."""

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of max(1 − y_true·y_pred, 0)²."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of max(largest wrong score − right score + 1, 0)."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """The mean over rows of Σ y_true·log(y_true / y_pred)."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of y_pred − y_true·log y_pred."""

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of −t·log p − (1 − t)·log(1 − p)."""

    def __init__(
        self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool =
        False, label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean over rows of −Σ t·log p."""

    def __init__(
        self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool =
        False, label_smoothing: float = 0, axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy, name, dtype, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean over rows of −log p at the class numbers."""

    def __init__(
        self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits:
        bool = False, ignore_class: int | None = None, axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits,
            ignore_class=ignore_class, axis=axis
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of Pearson's correlation of y_true and y_pred along an axis."""

    def __init__(
        self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1,
    ) -> None:
        super().__init__(train.pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of Lin's concordance of y_true and y_pred along an axis."""

    def __init__(
        self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1,
    ) -> None:
        super().__init__(train.concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over all batches."""

    adds_rows = True

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._inner = train.RootMeanSquaredError(name)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch in."""
        self._inner.update(y_pred, y_true, sample_weight)

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in, as train.Metric does."""
        self._inner.update(output, target, weight)
