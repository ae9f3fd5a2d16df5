"""Layers made of a function, a number or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ..layer import Layer
from .activation import Elementwise


class Lambda(Layer):
    """Make a layer of a function of Tensors: Lambda(lambda x: x * 2).

    output_shape: of one example, if it cannot be found by trying. arguments: given to the function
    beside the input. It cannot be saved: for that write a subclass of Layer, or register the
    function with keras.saving.register_keras_serializable.
    """

    def __init__(
        self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None,
        arguments: dict[str, Any] | None = None, **more: Any,
    ) -> None:
        super().__init__(**more)
        if not callable(function):
            raise ArgumentError("keras_lambda", given=type(function).__name__)
        self.function = function
        self.arguments = dict(arguments or {})
        self._shape = output_shape
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Give what the function gives."""
        return self.function(inputs, **self.arguments)

    def _shape_rule(self) -> Any:
        return None if self._shape is None else self.compute_output_shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape that was said, or the one found by trying."""
        if self._shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._shape):
            return self._shape(input_shape)
        return (input_shape[0], *self._shape)

    def get_config(self) -> dict[str, Any]:
        """Tell the function's registered name. Raises ArgumentError where it has none."""
        from ..identifiers import registered_name

        name = registered_name(self.function)
        if name is None:
            raise ArgumentError("keras_lambda_config", layer=self.name)
        return {
            "name": self.name, "trainable": self.trainable, "dtype": self.dtype, "function": name,
            "output_shape": self._shape, "arguments": self.arguments,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer of a registered function."""
        from ..identifiers import REGISTERED

        if config["function"] not in REGISTERED:
            raise ArgumentError("keras_not_registered", name=config["function"])
        return cls(**{**config, "function": REGISTERED[config["function"]]})


class Rescaling(Elementwise):
    """Give x·scale + offset: Rescaling(1 / 255) for pixels."""

    _options = ("scale", "offset")

    def __init__(self, scale: Any, offset: Any = 0.0, **more: Any) -> None:
        super().__init__(**more)
        self.scale = scale
        self.offset = offset

    def call(self, inputs: Any) -> Tensor:
        """Give x·scale + offset, floating point."""
        x = inputs if inputs.dtype.kind == "f" else inputs.to(self._dtype)
        return x * self.scale + self.offset  # type: ignore[no-any-return]


class Identity(Elementwise):
    """Give the input."""

    _options = ()

    def call(self, inputs: Any) -> Any:
        """Give the input."""
        return inputs
