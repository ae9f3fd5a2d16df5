"""Activations as layers."""

from __future__ import annotations

from typing import Any

from ...autograd.tensor import Tensor
from ...errors import OptionError
from .. import activations, constraints, initializers, regularizers
from ..layer import Layer
from ..variable import Variable


class Elementwise(Layer):
    """What the layers below share: no weights, and an output of the input's shape."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the input's shape."""
        return input_shape


class Activation(Elementwise):
    """Apply an activation, given by name or as a function."""

    _options = ("activation",)

    def __init__(self, activation: Any, **more: Any) -> None:
        super().__init__(**more)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Tensor:
        """Give activation(x)."""
        return self.activation(inputs)  # type: ignore[no-any-return]


class ReLU(Elementwise):
    """Give x above the threshold, at most max_value; below it negative_slope·(x − threshold).

    Raises OptionError for a negative max_value, slope or threshold.
    """

    _options = ("max_value", "negative_slope", "threshold")

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        for name, value in (
            ("max_value", max_value or 0.0), ("negative_slope", negative_slope),
            ("threshold", threshold),
        ):
            not_negative("ReLU", name, value)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Any) -> Tensor:
        """Give the rectified input."""
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value,
            threshold=self.threshold,
        )


class LeakyReLU(Elementwise):
    """Give x where x ≥ 0, else negative_slope·x (Keras's slope is 0.3)."""

    _options = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **more: Any) -> None:
        if "alpha" in more:  # as Keras 2 called it
            negative_slope = more.pop("alpha")
        super().__init__(**more)
        not_negative("LeakyReLU", "negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Tensor:
        """Give the rectified input."""
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Elementwise):
    """Give x where x ≥ 0, else alpha·x, with an alpha that is learned for every feature.

    shared_axes: axes, counted with the batch, that share one alpha.
    Source: K. He et al., Delving Deep into Rectifiers (2015).
    """

    _options = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")
    alpha: Variable

    def __init__(
        self, alpha_initializer: Any = "zeros", alpha_regularizer: Any = None,
        alpha_constraint: Any = None, shared_axes: Any = None, **more: Any,
    ) -> None:
        super().__init__(**more)
        self.built = False
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        shared = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        self.shared_axes = None if shared is None else list(shared)

    def build(self, input_shape: Any) -> None:
        """Make alpha, of one example's shape."""
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape, self.alpha_initializer, name="alpha", regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )

    def call(self, inputs: Any) -> Tensor:
        """Give the rectified input."""
        return activations.relu(inputs) - self.alpha * activations.relu(-inputs)


class ELU(Elementwise):
    """Give x where x > 0, else alpha·(eˣ − 1)."""

    _options = ("alpha",)

    def __init__(self, alpha: float = 1.0, **more: Any) -> None:
        super().__init__(**more)
        self.alpha = alpha

    def call(self, inputs: Any) -> Tensor:
        """Give the activated input."""
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(Elementwise):
    """Give eˣ / Σ eˣ along an axis."""

    _options = ("axis",)

    def __init__(self, axis: int = -1, **more: Any) -> None:
        super().__init__(**more)
        self.axis = axis

    def call(self, inputs: Any) -> Tensor:
        """Give the probabilities."""
        return activations.softmax(inputs, axis=self.axis)


def not_negative(layer: str, name: str, value: float | None) -> None:
    """Refuse a negative option."""
    if value is None or value < 0:
        raise OptionError("keras_not_negative", layer=layer, name=name, given=value)
