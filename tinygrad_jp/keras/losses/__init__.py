"""Losses: one number a batch, of targets and predictions, as classes and as functions.

A class averages over the batch (see `Loss`); a function gives one value a row. For one of your
own, write a function (y_true, y_pred), or subclass Loss with `call(y_true, y_pred)`.
`functions.py` has the functions, `classes.py` the classes, `loss.py` what they share.
"""

from __future__ import annotations

from typing import Any

from .. import absent
from ..identifiers import Table, named
from .classes import BinaryCrossentropy as BinaryCrossentropy
from .classes import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from .classes import CategoricalCrossentropy as CategoricalCrossentropy
from .classes import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from .classes import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from .classes import CategoricalHinge as CategoricalHinge
from .classes import Circle as Circle
from .classes import CosineSimilarity as CosineSimilarity
from .classes import Dice as Dice
from .classes import Hinge as Hinge
from .classes import Huber as Huber
from .classes import KLDivergence as KLDivergence
from .classes import LogCosh as LogCosh
from .classes import MeanAbsoluteError as MeanAbsoluteError
from .classes import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .classes import MeanSquaredError as MeanSquaredError
from .classes import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .classes import Poisson as Poisson
from .classes import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .classes import SquaredHinge as SquaredHinge
from .classes import Tversky as Tversky
from .functions import binary_crossentropy as binary_crossentropy
from .functions import binary_focal_crossentropy as binary_focal_crossentropy
from .functions import categorical_crossentropy as categorical_crossentropy
from .functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from .functions import (
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
)
from .functions import categorical_hinge as categorical_hinge
from .functions import circle as circle
from .functions import cosine_similarity as cosine_similarity
from .functions import dice as dice
from .functions import hinge as hinge
from .functions import huber as huber
from .functions import kl_divergence as kl_divergence
from .functions import log_cosh as log_cosh
from .functions import mean_absolute_error as mean_absolute_error
from .functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from .functions import mean_squared_error as mean_squared_error
from .functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .functions import poisson as poisson
from .functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .functions import squared_hinge as squared_hinge
from .functions import tversky as tversky
from .loss import Loss as Loss
from .loss import LossFunctionWrapper as LossFunctionWrapper

_CLASSES = (
    Circle,
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, CategoricalHinge,
    CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
    SparseCategoricalCrossentropy, SquaredHinge, Tversky,
)
_FUNCTIONS = (
    circle,
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_generalized_cross_entropy, categorical_hinge,
    cosine_similarity, dice, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error,
    poisson, sparse_categorical_crossentropy, squared_hinge, tversky,
)
table = Table("keras.losses", {
    **named(*_CLASSES, LossFunctionWrapper),
    **{fn.__name__: fn for fn in _FUNCTIONS},
    "mean_squared_error": mean_squared_error, "mse": mean_squared_error,
    "MSE": mean_squared_error, "mean_absolute_error": mean_absolute_error,
    "mae": mean_absolute_error, "MAE": mean_absolute_error,
    "mape": mean_absolute_percentage_error, "MAPE": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error, "MSLE": mean_squared_logarithmic_error,
    "bce": binary_crossentropy, "BCE": binary_crossentropy, "kld": kl_divergence,
    "KLD": kl_divergence, "logcosh": log_cosh,
})
get, serialize, deserialize = table.get, table.serialize, table.deserialize


def is_binary_or_sparse(y_true: Any, y_pred: Any) -> tuple[bool, bool]:
    """Tell by their shapes whether there is one class to tell, and whether labels are numbers."""
    t, p = y_true.shape, y_pred.shape
    is_sparse = len(t) < len(p) or (t[-1] == 1 and p[-1] > 1)
    return p[-1] == 1, is_sparse


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Loss | None:
    """Give the Loss that `compile` was told, for targets and predictions of these shapes.

    "crossentropy" and "ce" are chosen by the shapes; a function becomes a Loss of its name.
    """
    if identifier is None:
        return None
    if str(identifier).lower() in ("crossentropy", "ce"):
        is_binary, is_sparse = is_binary_or_sparse(y_true, y_pred)
        found: Any = categorical_crossentropy
        if is_binary:
            found = binary_crossentropy
        elif is_sparse:
            found = sparse_categorical_crossentropy
    else:
        found = get(identifier)
    if isinstance(found, Loss):
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "__name__", None)
    kind = _BY_FUNCTION.get(found)
    return LossFunctionWrapper(found, name=name) if kind is None else kind(name=name)


_BY_FUNCTION = {kind._fn: kind for kind in _CLASSES}

__getattr__ = absent.refusal("keras.losses")
