"""The losses as classes: names, defaults and options as Keras 3 has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ...autograd.arguments import array_of
from ...autograd.tensor import Tensor
from ...errors import OptionError
from ...nn import functional
from ...train import row_losses as rows
from ...train.weighting import reduced
from ..config import epsilon
from . import functions
from .loss import REDUCTION, Loss


class RowLoss(Loss):
    """A Loss over one of the functions of this module.

    reduction, name, dtype: as in Loss.
    """

    _fn: Callable[..., Tensor]
    _name: str
    _own: tuple[str, ...] = ()  # the options of the function

    def __init_subclass__(cls) -> None:
        cls._options = (*cls._own, "name", "reduction")

    def __init__(
        self, reduction: str | None = REDUCTION, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name or self._name, reduction, dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Give the loss of a batch; sample_weight: one number a sample, or a row."""
        if sample_weight is None and self.reduction == REDUCTION:
            y = self._at_once(y_true, y_pred)
            if y is not None:
                return y
        p = rows.predictions(y_pred)
        if self._dtype is not None:
            p = p.to(self._dtype)
        return reduced(self.call(y_true, p), sample_weight, self.reduction, self._mask(y_true, p))

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """Give the mean over rows and batch as one operation, where there is one for the case."""
        return None

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """Give one value a row."""
        return self._fn(y_true, y_pred, **{name: getattr(self, name) for name in self._own})


def _alike(y_true: Any, y_pred: Any) -> bool:
    """Tell whether y_true is an array or a Tensor just like the Tensor y_pred, and not empty."""
    if not isinstance(y_pred, Tensor):
        return False
    t = y_true if type(y_true) is ndarray else getattr(y_true, "_data", None)
    p = y_pred._data
    return t is not None and t.shape == p.shape and t.dtype is p.dtype and p.size > 0


class MeanSquaredError(RowLoss):
    """The mean of (y_true − y_pred)².

    >>> from tinygrad_jp import keras
    >>> float(keras.losses.MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]))
    0.5
    """

    _fn = staticmethod(functions.mean_squared_error)
    _name = "mean_squared_error"

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self._dtype is None and _alike(y_true, y_pred):
            return functional.mse_loss(y_pred, y_true)
        return None


class MeanAbsoluteError(RowLoss):
    """The mean of |y_true − y_pred|."""

    _fn = staticmethod(functions.mean_absolute_error)
    _name = "mean_absolute_error"

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self._dtype is None and _alike(y_true, y_pred):
            return abs(y_pred - y_true).mean()  # type: ignore[no-any-return]
        return None


class MeanAbsolutePercentageError(RowLoss):
    """100 times the mean of |y_true − y_pred| / |y_true|."""

    _fn = staticmethod(functions.mean_absolute_percentage_error)
    _name = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(RowLoss):
    """The mean of (log(y_true + 1) − log(y_pred + 1))²."""

    _fn = staticmethod(functions.mean_squared_logarithmic_error)
    _name = "mean_squared_logarithmic_error"


class LogCosh(RowLoss):
    """The mean of log cosh(y_pred − y_true)."""

    _fn = staticmethod(functions.log_cosh)
    _name = "log_cosh"


class Hinge(RowLoss):
    """The mean of max(1 − y_true·y_pred, 0), for targets −1 and 1, or 0 and 1."""

    _fn = staticmethod(functions.hinge)
    _name = "hinge"


class SquaredHinge(RowLoss):
    """The mean of max(1 − y_true·y_pred, 0)², for targets −1 and 1, or 0 and 1."""

    _fn = staticmethod(functions.squared_hinge)
    _name = "squared_hinge"


class CategoricalHinge(RowLoss):
    """The mean of max(largest wrong score − right score + 1, 0), for one-hot targets."""

    _fn = staticmethod(functions.categorical_hinge)
    _name = "categorical_hinge"


class KLDivergence(RowLoss):
    """The mean over rows of Σ y_true·log(y_true / y_pred)."""

    _fn = staticmethod(functions.kl_divergence)
    _name = "kl_divergence"


class Poisson(RowLoss):
    """The mean of y_pred − y_true·log y_pred."""

    _fn = staticmethod(functions.poisson)
    _name = "poisson"


class CosineSimilarity(RowLoss):
    """The mean over rows of minus the cosine of the angle between y_true and y_pred."""

    _fn = staticmethod(functions.cosine_similarity)
    _name = "cosine_similarity"
    _own = ("axis",)

    def __init__(
        self, axis: int = -1, reduction: str | None = REDUCTION, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis


class Huber(RowLoss):
    """The mean of d²/2 where |d| ≤ delta, else delta·(|d| − delta/2), for d = y_pred − y_true."""

    _fn = staticmethod(functions.huber)
    _name = "huber_loss"
    _own = ("delta",)

    def __init__(
        self, delta: float = 1.0, reduction: str | None = REDUCTION, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = delta

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self._dtype is None and _alike(y_true, y_pred):
            return functional.huber_loss(y_pred, y_true, "mean", self.delta)
        return None


class BinaryCrossentropy(RowLoss):
    """The mean of −t·log p − (1 − t)·log(1 − p).

    from_logits: y_pred is a score x, p = σ(x).  label_smoothing: how far labels move to 1/2.
    """

    _fn = staticmethod(functions.binary_crossentropy)
    _name = "binary_crossentropy"
    _own = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = REDUCTION, name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if self._dtype is None and not self.label_smoothing and _alike(y_true, y_pred):
            return rows.binary_elements(y_true, y_pred, self.from_logits, epsilon()).mean()
        return None


class BinaryFocalCrossentropy(RowLoss):
    """The binary cross-entropy times (1 − p of the right class)^gamma.

    apply_class_balancing: weigh ones by alpha, zeros by 1 − alpha.
    """

    _fn = staticmethod(functions.binary_focal_crossentropy)
    _name = "binary_focal_crossentropy"
    _own = (
        "apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis",
    )

    def __init__(
        self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
        from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = REDUCTION, name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


class CategoricalCrossentropy(RowLoss):
    """The mean over rows of −Σ t·log p; t one-hot, or probabilities.

    from_logits: y_pred are scores, p their softmax; else y_pred is divided by its sum.
    label_smoothing: how much of each label is spread over all classes.
    """

    _fn = staticmethod(functions.categorical_crossentropy)
    _name = "categorical_crossentropy"
    _own = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = REDUCTION, name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


class CategoricalFocalCrossentropy(RowLoss):
    """The categorical cross-entropy, each class's term times alpha·(1 − p)^gamma."""

    _fn = staticmethod(functions.categorical_focal_crossentropy)
    _name = "categorical_focal_crossentropy"
    _own = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
        label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = REDUCTION,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.alpha, self.gamma, self.from_logits = alpha, gamma, from_logits
        self.label_smoothing, self.axis = label_smoothing, axis


class SparseCategoricalCrossentropy(RowLoss):
    """The mean over rows of −log p at the class numbers y_true: (N,) or (N, 1).

    from_logits: y_pred are scores, p their softmax; else y_pred is divided by its sum.
    ignore_class: a class number whose rows count nothing.
    """

    _fn = staticmethod(functions.sparse_categorical_crossentropy)
    _name = "sparse_categorical_crossentropy"
    _own = ("from_logits", "ignore_class", "axis")

    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None,
        reduction: str | None = REDUCTION, axis: int = -1, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def _at_once(self, y_true: Any, y_pred: Any) -> Tensor | None:
        if not self.from_logits or self.ignore_class is not None or self._dtype is not None:
            return None
        t = array_of(y_true)
        if t.dtype.kind in "iu" and isinstance(y_pred, Tensor) and y_pred._data.ndim == 2:
            if t.shape == (len(y_pred._data), 1):
                t = t.reshape(-1)
            if t.shape == y_pred._data.shape[:1] and t.size and t.min() >= 0:
                return functional.cross_entropy(y_pred, t)
        return None

    def _mask(self, y_true: Any, y_pred: Any) -> Any:
        if self.ignore_class is None:
            return None
        return rows.counted(y_true, y_pred, self.ignore_class, self.axis)


class CategoricalGeneralizedCrossEntropy(RowLoss):
    """The mean over rows of (1 − p^q)/q at the class numbers y_true; 0 < q < 1."""

    _fn = staticmethod(functions.categorical_generalized_cross_entropy)
    _name = "categorical_generalized_cross_entropy"
    _own = ("q",)

    def __init__(
        self, q: float = 0.5, reduction: str | None = REDUCTION, name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            owner = type(self).__name__
            raise OptionError("keras_range", owner=owner, name="q", wants="0 < q < 1", given=q)
        super().__init__(reduction, name, dtype)
        self.q = q


class Circle(RowLoss):
    """Pull unit vectors (N, D) of one class together and push those of others away.

    gamma: how sharply.  margin: how far.  remove_diagonal: do not compare a sample with itself.
    """

    _fn = staticmethod(functions.circle)
    _name = "circle"
    _own = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True,
        reduction: str | None = REDUCTION, name: str | None = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Give the mean over those samples whose loss is not 0."""
        values = self.call(y_true, rows.predictions(y_pred))
        return reduced(values, sample_weight, self.reduction, array_of(values) > 0)


class _Overlap(RowLoss):
    """A loss of the whole batch, or along axes: each weight stands beside the same value."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Give the loss of a batch; sample_weight: one number a sample."""
        values = self.call(y_true, rows.predictions(y_pred))
        shape = () if sample_weight is None else np.shape(array_of(sample_weight))
        if values.ndim == 0 and shape != (1,):
            values = values.broadcast_to(shape)
        return reduced(values, sample_weight, self.reduction)


class Dice(_Overlap):
    """1 − 2·Σ t·p / (Σ t + Σ p), over all elements or along `axis`."""

    _fn = staticmethod(functions.dice)
    _name = "dice"
    _own = ("axis",)

    def __init__(
        self, reduction: str | None = REDUCTION, name: str | None = None, axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis


class Tversky(_Overlap):
    """1 − Σ t·p / (Σ t·p + alpha·Σ t·(1 − p) + beta·Σ (1 − t)·p)."""

    _fn = staticmethod(functions.tversky)
    _name = "tversky"
    _own = ("alpha", "beta", "axis")

    def __init__(
        self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = REDUCTION,
        name: str | None = None, axis: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.alpha, self.beta, self.axis = alpha, beta, axis
