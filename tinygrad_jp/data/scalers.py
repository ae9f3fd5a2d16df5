"""Scalers: bring features to one scale, by what the training data alone says.

fit on what is trained on, then transform everything: numbers of test data must not leak.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np

from ..autograd.apply import default_dtype
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, NonFiniteError, OptionError, ShapeError

Array = Any
S = TypeVar("S", bound="Scaler")


class Scaler(ABC):
    """y = (x − shift_)/scale_ for each feature, with what `fit` found.

    Data: arrays or Tensors, (N, D) with a scale per column, (N,) with one scale, or more axes with
    one scale per place behind the first. Floating-point dtypes stay, integers take the default
    dtype. Gradients go through where Tensors require one.
    """

    shift_: Array = None
    scale_: Array = None

    @abstractmethod
    def measure(self, x: Array) -> tuple[Array, Array]:
        """Give (shift, scale) of float64 data."""

    def fit(self: S, x: Any, t: Any = None) -> S:
        """Find each feature's scale; gives itself.  t is taken and not used.

        A feature that is the same everywhere is only shifted. Raises ShapeError for no data,
        NonFiniteError for NaN and infinities.
        """
        array = np.asarray(x._data if isinstance(x, Tensor) else x, np.float64)
        if array.ndim == 0 or array.size == 0:
            raise ShapeError("scaler_empty", shape=array.shape)
        if not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise NonFiniteError("scaler_finite", place=place, value=float(array[place]))
        shift, scale = self.measure(array)
        tiny = 10 * np.finfo(np.float64).eps * np.maximum(np.abs(shift), 1e-300)
        self.shift_, self.scale_ = shift, np.where(np.abs(scale) <= tiny, 1.0, scale)
        return self

    def transform(self, x: Any) -> Any:
        """Scale data. Raises ArgumentError before fit, ShapeError where the features differ."""
        x, shift, scale = self._ready(x)
        return (x - shift) / scale

    def inverse_transform(self, y: Any) -> Any:
        """Undo `transform`, to read predictions in the units of the data."""
        y, shift, scale = self._ready(y)
        return y * scale + shift

    def fit_transform(self, x: Any, t: Any = None) -> Any:
        """Fit, and scale the same data."""
        return self.fit(x).transform(x)

    def _ready(self, x: Any) -> tuple[Any, Array, Array]:
        """Check data, and give it with shift and scale in its dtype."""
        if self.shift_ is None:
            raise ArgumentError("scaler_unfitted", scaler=type(self).__name__)
        if not isinstance(x, Tensor):
            x = np.asarray(x)
        if x.shape[1:] != self.shift_.shape or x.ndim == 0:
            raise ShapeError(
                "scaler_features", given=tuple(x.shape), features=self.shift_.shape
            )
        dtype = x.dtype if x.dtype.kind == "f" else default_dtype[0]
        if x.dtype != dtype:
            x = x.astype(dtype)
        return x, self.shift_.astype(dtype), self.scale_.astype(dtype)

    def state_dict(self) -> dict[str, Array]:
        """Give what `fit` found, for tj.save."""
        if self.shift_ is None:
            raise ArgumentError("scaler_unfitted", scaler=type(self).__name__)
        return {"shift": self.shift_, "scale": self.scale_}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        read = [state[k] for k in ("shift", "scale")]
        self.shift_, self.scale_ = (
            np.array(v._data if isinstance(v, Tensor) else v) for v in read
        )

    def __repr__(self) -> str:
        fitted = "" if self.shift_ is None else f"features={self.shift_.shape}"
        return f"{type(self).__name__}({fitted})"


class MinMaxScaler(Scaler):
    """Bring the least value of each feature to one end of a range, the greatest to the other.

    feature_range: (0, 1) unless given. New data may lie outside it.
    Raises OptionError unless its ends are in order.

    >>> from tinygrad_jp.data import MinMaxScaler
    >>> scaler = MinMaxScaler()
    >>> scaler.fit_transform([[1.0, 10.0], [3.0, 10.0], [2.0, 30.0]])
    array([[0. , 0. ],
           [1. , 0. ],
           [0.5, 1. ]])
    >>> scaler.inverse_transform([[0.5, 0.5]])
    array([[ 2., 20.]])
    """

    def __init__(self, feature_range: tuple[float, float] = (0.0, 1.0)) -> None:
        low, high = feature_range
        if not low < high:
            raise OptionError("scaler_range", given=feature_range)
        self.feature_range = (float(low), float(high))

    def measure(self, x: Array) -> tuple[Array, Array]:
        """Give (shift, scale) from the least and the greatest value."""
        low, high = self.feature_range
        least, greatest = x.min(0), x.max(0)
        spread = greatest - least
        scale = np.where(spread > 0, spread, 1.0) / (high - low)
        return least - low * scale, scale


class StandardScaler(Scaler):
    """Bring each feature to mean 0 and standard deviation 1 (of the whole, not of a sample).

    >>> from tinygrad_jp.data import StandardScaler
    >>> StandardScaler().fit_transform([1.0, 3.0])
    array([-1.,  1.])
    """

    def measure(self, x: Array) -> tuple[Array, Array]:
        """Give (mean, standard deviation)."""
        return x.mean(0), x.std(0)
