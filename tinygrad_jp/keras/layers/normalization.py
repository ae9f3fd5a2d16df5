"""Layers that standardize: over the batch, over each example, or by the data they have seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.arguments import array_of
from ...autograd.functions import maximum, sqrt
from ...autograd.generate import op
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError, ShapeError
from ...nn.parameter import overwrite
from ...vocabulary.normalization import center_and_scale, standardize
from .. import constraints, initializers, regularizers
from ..layer import Layer
from ..variable import Variable

_standardize = op(standardize)
_center_and_scale = op(center_and_scale)


class Scaling(Layer):
    """What the first two layers below share: gamma and beta along some axes."""

    gamma: Variable | None
    beta: Variable | None

    def __init__(
        self, epsilon: float, center: bool, scale: bool, beta_initializer: Any,
        gamma_initializer: Any, beta_regularizer: Any, gamma_regularizer: Any,
        beta_constraint: Any, gamma_constraint: Any, more: dict[str, Any],
    ) -> None:
        super().__init__(**more)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None

    def _scales(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta."""
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, name="gamma", regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, name="beta", regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )

    def _scaled(self, y: Tensor, place: Any) -> Tensor:
        """Give y·gamma + beta, each put where it belongs by `place`."""
        if self.gamma is not None:
            y = y * place(self.gamma)
        return y if self.beta is None else y + place(self.beta)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the input's shape."""
        return input_shape


_SCALES = (
    "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer",
    "gamma_regularizer", "beta_constraint", "gamma_constraint",
)


class BatchNormalization(Scaling):
    """Standardize each feature over the batch, then scale and shift it.

    Training takes the batch's mean and variance and moves moving_mean and moving_variance to
    momentum·old + (1 − momentum)·new (the variance as it is, not the unbiased one); else those are
    used, and where `trainable` is False. axis: that of the features.
    Source: S. Ioffe, C. Szegedy, Batch Normalization (2015).
    """

    _options = (
        "axis", "momentum", *_SCALES, "moving_mean_initializer", "moving_variance_initializer",
    )
    moving_mean: Variable
    moving_variance: Variable

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True,
        scale: bool = True, beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros", moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
        gamma_constraint: Any = None, synchronized: bool = False, **more: Any,
    ) -> None:
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, more,
        )
        self.axis = axis
        self.momentum = momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Any) -> None:
        """Make gamma, beta and the moving statistics, (features,)."""
        axis = self.axis % len(input_shape)
        if input_shape[axis] is None:
            raise ShapeError("keras_last_axis", layer=self.name, given=tuple(input_shape))
        features = (input_shape[axis],)
        self._scales(features)
        self.moving_mean = self.add_weight(
            features, self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            features, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Tensor:
        """Give the input standardized, scaled and shifted."""
        if mask is not None:
            raise OptionError("keras_mask", name="mask")
        axis = self.axis % inputs.ndim
        others = tuple(i for i in range(inputs.ndim) if i != axis)
        if inputs.shape[axis] != self.moving_mean.shape[0]:
            raise ShapeError(
                "keras_last_axis_other", layer=self.name, given=tuple(inputs.shape),
                wanted=self.moving_mean.shape[0],
            )
        shape = (-1, *(1 for _ in range(inputs.ndim - axis - 1)))

        def place(v: Any) -> Any:
            return v if len(shape) == 1 else v.reshape(shape)

        if training and self.trainable:
            y, mean, variance = _standardize(inputs, others, self.epsilon)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        else:
            factor = 1 / sqrt(self.moving_variance.detach() + self.epsilon)
            y = (inputs - place(self.moving_mean.detach())) * place(factor)
        return self._scaled(y, place)

    def _move(self, statistic: Variable, now: Tensor) -> None:
        new = statistic._data * self.momentum + now._data.reshape(-1) * (1.0 - self.momentum)
        overwrite(statistic, new)


class LayerNormalization(Scaling):
    """Standardize each example over the last axis, or those named, then scale and shift.

    Source: J. Ba et al., Layer Normalization (2016).
    """

    _options = ("axis", *_SCALES)

    def __init__(
        self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
        beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
        gamma_constraint: Any = None, **more: Any,
    ) -> None:
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, more,
        )
        self.axis = axis if isinstance(axis, int) else list(axis)

    def _axes(self, ndim: int) -> tuple[int, ...]:
        given = [self.axis] if isinstance(self.axis, int) else self.axis
        return tuple(sorted(a % ndim for a in given))

    def build(self, input_shape: Any) -> None:
        """Make gamma and beta, of the lengths along the axes."""
        self._scales(tuple(input_shape[a] for a in self._axes(len(input_shape))))

    def call(self, inputs: Any) -> Tensor:
        """Give the input standardized, scaled and shifted."""
        axes = self._axes(inputs.ndim)
        shape = tuple(n if i in axes else 1 for i, n in enumerate(inputs.shape))
        is_last = axes == (inputs.ndim - 1,)
        y = _center_and_scale(inputs, axes, self.epsilon)
        return self._scaled(y, lambda v: v if is_last else v.reshape(shape))


class UnitNormalization(Layer):
    """Give vectors along an axis the length 1."""

    _options = ("axis",)

    def __init__(self, axis: Any = -1, **more: Any) -> None:
        super().__init__(**more)
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        """Give the vectors, each divided by its length."""
        axes = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        squares = (inputs * inputs).sum(axes, keepdim=True)
        return inputs / sqrt(maximum(squares, 1e-12))  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the input's shape."""
        return input_shape


class Normalization(Layer):
    """Subtract the mean and divide by the deviation of data seen before, feature by feature.

    Show it the training data by `adapt`, or give mean and variance. axis: that of the features;
    None for one mean of everything. invert: undo it. Raises ArgumentError before it is adapted.

    >>> import numpy as np
    >>> from tinygrad_jp.keras.layers import Normalization
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(np.array([[3.0, 10.0]]))
    tensor([[ 1., -1.]])
    """

    _options = ("axis", "invert")

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        if (mean is None) != (variance is None):
            raise ArgumentError("keras_normalization_pair")
        self.axis = axis if axis is None or isinstance(axis, int) else list(axis)
        self.invert = invert
        self._given = None if mean is None else (np.asarray(mean), np.asarray(variance))
        self._is_adapted = mean is not None

    adapt_mean: Any  # Variables where they are learned from data, else Tensors
    adapt_variance: Any

    @property
    def mean(self) -> Tensor:
        """The mean of each feature, in a shape that broadcasts: (1, features). Once it is built."""
        return self.adapt_mean.detach().reshape(self._wide)  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The variance of each feature, in a shape that broadcasts: (1, features)."""
        return self.adapt_variance.detach().reshape(self._wide)  # type: ignore[no-any-return]

    def _axes(self, ndim: int) -> tuple[int, ...]:
        given = [] if self.axis is None else self.axis
        given = [given] if isinstance(given, int) else given
        return tuple(sorted(a % ndim for a in given))

    def build(self, input_shape: Any) -> None:
        """Make mean, variance and count, none of them for an optimizer; or take those given."""
        axes = self._axes(len(input_shape))
        shape = tuple(input_shape[a] for a in axes)
        if None in shape:
            raise ShapeError("keras_last_axis", layer=self.name, given=tuple(input_shape))
        self._wide = tuple(
            input_shape[i] if i in axes else 1 for i in range(len(input_shape))
        )
        if self._given is not None:
            self.adapt_mean, self.adapt_variance = (
                Tensor(np.broadcast_to(v.reshape(-1), shape or (1,)).reshape(shape), self._dtype)
                for v in self._given
            )
            return
        self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", "int64", trainable=False, name="count")

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take mean and variance from data: an array, or an iterable of batches (`steps` of them).

        What was learned from other data is forgotten.
        """
        if self._given is not None:
            raise ArgumentError("keras_normalization_given", layer=self.name)
        if hasattr(data, "shape") or isinstance(data, (list, tuple)):
            x = np.asarray(array_of(data), np.float64)
        else:
            parts: list[Any] = []
            for batch in data:
                if steps is not None and len(parts) >= steps:
                    break
                parts.append(array_of(batch[0] if isinstance(batch, (tuple, list)) else batch))
            x = np.concatenate(parts).astype(np.float64)
        if x.ndim == 1 and self.axis is not None:
            x = x[:, None]
        if not self.built:
            self.build((None, *x.shape[1:]))
        others = tuple(i for i in range(x.ndim) if i not in self._axes(x.ndim))
        self.adapt_mean.assign(x.mean(others).reshape(self.adapt_mean.shape))
        self.adapt_variance.assign(x.var(others).reshape(self.adapt_mean.shape))
        self.count.assign(len(x))
        self._is_adapted = True

    def call(self, inputs: Any) -> Tensor:
        """Give (x − mean) / deviation, or with invert x·deviation + mean."""
        if not self._is_adapted:
            # weights of a file, or of Keras itself, which leaves its counter at 0
            if not self.adapt_mean._data.any() and (self.adapt_variance._data == 1).all():
                raise ArgumentError("keras_not_adapted", layer=self.name)
            self._is_adapted = True
        mean, variance = self.mean, self.variance
        if mean.size == 1:  # numbers without an axis of features, too
            mean, variance = mean.reshape(()), variance.reshape(())
        deviation = maximum(sqrt(variance), 1e-7)
        if self.invert:
            return inputs * deviation + mean  # type: ignore[no-any-return]
        return (inputs - mean) / deviation  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Tell the arguments; mean and variance too where they were given."""
        config = super().get_config()
        if self._given is not None:
            config |= {"mean": self._given[0].tolist(), "variance": self._given[1].tolist()}
        return config
