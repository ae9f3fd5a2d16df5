"""Metrics: what is watched during training, added up over the batches of an epoch.

`metric.py` has what they share, `means.py` those that are means over samples, `scores.py` and
`overlap.py` the rest. For one of your own, give `metrics` a function (y_true, y_pred), or subclass
Metric.
"""

from __future__ import annotations

from typing import Any

from ...train.matches import binary_accuracy as binary_accuracy
from ...train.matches import categorical_accuracy as categorical_accuracy
from ...train.matches import sparse_categorical_accuracy as sparse_categorical_accuracy
from ...train.matches import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from ...train.matches import top_k_categorical_accuracy as top_k_categorical_accuracy
from ...train.metrics import concordance_correlation as concordance_correlation
from ...train.metrics import pearson_correlation as pearson_correlation
from .. import absent
from ..identifiers import Table, named
from ..losses import binary_crossentropy as binary_crossentropy
from ..losses import binary_focal_crossentropy as binary_focal_crossentropy
from ..losses import categorical_crossentropy as categorical_crossentropy
from ..losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from ..losses import categorical_hinge as categorical_hinge
from ..losses import hinge as hinge
from ..losses import huber as huber
from ..losses import is_binary_or_sparse
from ..losses import kl_divergence as kl_divergence
from ..losses import log_cosh as log_cosh
from ..losses import mean_absolute_error as mean_absolute_error
from ..losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from ..losses import mean_squared_error as mean_squared_error
from ..losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from ..losses import poisson as poisson
from ..losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from ..losses import squared_hinge as squared_hinge
from .means import Accuracy as Accuracy
from .means import BinaryAccuracy as BinaryAccuracy
from .means import BinaryCrossentropy as BinaryCrossentropy
from .means import CategoricalAccuracy as CategoricalAccuracy
from .means import CategoricalCrossentropy as CategoricalCrossentropy
from .means import CategoricalHinge as CategoricalHinge
from .means import ConcordanceCorrelation as ConcordanceCorrelation
from .means import CosineSimilarity as CosineSimilarity
from .means import Hinge as Hinge
from .means import KLDivergence as KLDivergence
from .means import LogCoshError as LogCoshError
from .means import MeanAbsoluteError as MeanAbsoluteError
from .means import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .means import MeanSquaredError as MeanSquaredError
from .means import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .means import PearsonCorrelation as PearsonCorrelation
from .means import Poisson as Poisson
from .means import RootMeanSquaredError as RootMeanSquaredError
from .means import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .means import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .means import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .means import SquaredHinge as SquaredHinge
from .means import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .metric import Mean as Mean
from .metric import MeanMetricWrapper as MeanMetricWrapper
from .metric import Metric as Metric
from .metric import Sum as Sum
from .overlap import BinaryIoU as BinaryIoU
from .overlap import IoU as IoU
from .overlap import MeanIoU as MeanIoU
from .overlap import OneHotIoU as OneHotIoU
from .overlap import OneHotMeanIoU as OneHotMeanIoU
from .scores import AUC as AUC
from .scores import F1Score as F1Score
from .scores import FalseNegatives as FalseNegatives
from .scores import FalsePositives as FalsePositives
from .scores import FBetaScore as FBetaScore
from .scores import Precision as Precision
from .scores import PrecisionAtRecall as PrecisionAtRecall
from .scores import R2Score as R2Score
from .scores import Recall as Recall
from .scores import RecallAtPrecision as RecallAtPrecision
from .scores import SensitivityAtSpecificity as SensitivityAtSpecificity
from .scores import SpecificityAtSensitivity as SpecificityAtSensitivity
from .scores import TrueNegatives as TrueNegatives
from .scores import TruePositives as TruePositives

_CLASSES = (
    BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU,
    AUC, Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy,
    CategoricalCrossentropy, CategoricalHinge, ConcordanceCorrelation, CosineSimilarity,
    F1Score, FBetaScore, FalseNegatives, FalsePositives, Hinge, KLDivergence, LogCoshError,
    Mean, MeanAbsoluteError, MeanAbsolutePercentageError, MeanMetricWrapper, MeanSquaredError,
    MeanSquaredLogarithmicError, PearsonCorrelation, Poisson, Precision, PrecisionAtRecall,
    R2Score, Recall, RecallAtPrecision, RootMeanSquaredError, SensitivityAtSpecificity,
    SparseCategoricalAccuracy, SparseCategoricalCrossentropy, SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity, SquaredHinge, Sum, TopKCategoricalAccuracy, TrueNegatives,
    TruePositives,
)
_FUNCTIONS = (
    binary_accuracy, binary_crossentropy, binary_focal_crossentropy, categorical_accuracy,
    categorical_crossentropy, categorical_focal_crossentropy, categorical_hinge,
    concordance_correlation, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error,
    pearson_correlation, poisson, sparse_categorical_accuracy, sparse_categorical_crossentropy,
    sparse_top_k_categorical_accuracy, squared_hinge, top_k_categorical_accuracy,
)
functions = Table("keras.metrics", {fn.__name__: fn for fn in _FUNCTIONS})
table = Table("keras.metrics", named(
    *_CLASSES, bce=BinaryCrossentropy, BCE=BinaryCrossentropy, mse=MeanSquaredError,
    MSE=MeanSquaredError, mae=MeanAbsoluteError, MAE=MeanAbsoluteError,
    mape=MeanAbsolutePercentageError, MAPE=MeanAbsolutePercentageError,
    msle=MeanSquaredLogarithmicError, MSLE=MeanSquaredLogarithmicError,
))
for _name, _fn in functions.objects.items():
    table.objects.setdefault(_name, _fn)
get, serialize, deserialize = table.get, table.serialize, table.deserialize


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """Give the Metric that `compile` was told, for targets and predictions of these shapes.

    "accuracy" and "acc" are chosen by the shapes. The metric bears the name that was given.
    """
    if str(identifier).lower() in ("accuracy", "acc"):
        is_binary, is_sparse = is_binary_or_sparse(y_true, y_pred)
        if is_binary:
            return BinaryAccuracy(name=str(identifier))
        kind: Any = SparseCategoricalAccuracy if is_sparse else CategoricalAccuracy
        return kind(name=str(identifier))  # type: ignore[no-any-return]
    found: Any = get(identifier)
    if not isinstance(found, Metric):
        name = getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__)
        found = MeanMetricWrapper(found, name=name)
    if isinstance(identifier, str):
        found.name = identifier
    return found  # type: ignore[no-any-return]


__getattr__ = absent.refusal("keras.metrics")
