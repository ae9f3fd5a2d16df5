"""Layers that change the shape of each example, or take its steps together."""

from __future__ import annotations

from math import prod
from typing import Any

from ...autograd.tensor import Tensor
from ...errors import OptionError, ShapeError
from ..layer import Layer


class Reshaping(Layer):
    """What the layers below share: no weights, the dtype of the input."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.built = True

    def output_dtype(self, dtypes: list[str]) -> str:
        """Give the input's dtype."""
        return dtypes[0]


class Flatten(Reshaping):
    """Make one axis of all axes but the batch: (N, a, b)  →  (N, a·b); (N,)  →  (N, 1)."""

    _options = ("data_format",)

    def __init__(self, data_format: str | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.data_format = data_format

    def call(self, inputs: Any) -> Tensor:
        """Give the examples as rows."""
        return inputs.reshape((inputs.shape[0], prod(inputs.shape[1:])))  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give (N, product of the rest)."""
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else prod(rest))


class Reshape(Reshaping):
    """Give each example another shape; one length may be −1. Raises ShapeError if it cannot be."""

    _options = ("target_shape",)

    def __init__(self, target_shape: Any, **more: Any) -> None:
        super().__init__(**more)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Any) -> Tensor:
        """Give the examples in the shape."""
        return inputs.reshape(self.compute_output_shape(inputs.shape))  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give (N, *target_shape), with the −1 worked out."""
        rest, target = input_shape[1:], list(self.target_shape)
        if None in rest:
            return (input_shape[0], *(None if n == -1 else n for n in target))
        size, known = prod(rest), prod(n for n in target if n != -1)
        is_whole = known and size % known == 0 if -1 in target else size == known
        if target.count(-1) > 1 or not is_whole:
            raise ShapeError(
                "keras_reshape", layer=self.name, given=tuple(input_shape), target=tuple(target)
            )
        return (input_shape[0], *(size // known if n == -1 else n for n in target))


class Permute(Reshaping):
    """Reorder the axes of each example; dims counts from 1: Permute((2, 1))."""

    _options = ("dims",)

    def __init__(self, dims: Any, **more: Any) -> None:
        super().__init__(**more)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ShapeError("keras_permute", given=self.dims)

    def call(self, inputs: Any) -> Tensor:
        """Give the examples with their axes in that order."""
        return inputs.transpose((0, *self.dims))  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the lengths in that order."""
        return (input_shape[0], *(input_shape[i] for i in self.dims))


class RepeatVector(Reshaping):
    """Repeat each vector n times: (N, D)  →  (N, n, D)."""

    _options = ("n",)

    def __init__(self, n: int, **more: Any) -> None:
        super().__init__(**more)
        self.n = n

    def call(self, inputs: Any) -> Tensor:
        """Give the vectors, repeated."""
        rows, features = inputs.shape
        return inputs.reshape((rows, 1, features)).broadcast_to((rows, self.n, features))  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give (N, n, D)."""
        return (input_shape[0], self.n, input_shape[1])


class Pooling1D(Layer):
    """What the two layers below share: (N, steps, D)  →  (N, D), or (N, 1, D) with keepdims."""

    _options = ("data_format", "keepdims")

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **more: Any
    ) -> None:
        super().__init__(**more)
        if data_format not in (None, "channels_last", "channels_first"):
            raise OptionError("keras_data_format", layer=type(self).__name__, given=data_format)
        self.data_format = data_format
        self.keepdims = keepdims
        self._axis = 2 if data_format == "channels_first" else 1
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape without the steps."""
        n, *rest = input_shape
        if len(rest) != 2:
            raise ShapeError(
                "keras_steps", layer=self.name, kind=type(self).__name__, given=tuple(input_shape)
            )
        rest[self._axis - 1] = 1
        return (n, *rest) if self.keepdims else (n, rest[2 - self._axis])


class GlobalAveragePooling1D(Pooling1D):
    """The mean over all steps of a sequence: (N, steps, D)  →  (N, D)."""

    def call(self, inputs: Any) -> Tensor:
        """Give the means."""
        self.compute_output_shape(inputs.shape)
        return inputs.mean(self._axis, keepdim=self.keepdims)  # type: ignore[no-any-return]


class GlobalMaxPooling1D(Pooling1D):
    """The largest over all steps of a sequence: (N, steps, D)  →  (N, D)."""

    def call(self, inputs: Any) -> Tensor:
        """Give the largest."""
        self.compute_output_shape(inputs.shape)
        return inputs.amax(self._axis, keepdim=self.keepdims)  # type: ignore[no-any-return]
