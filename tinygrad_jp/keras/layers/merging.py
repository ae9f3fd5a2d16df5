"""Layers of several inputs."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ...autograd.functions import cat, maximum, minimum
from ...autograd.tensor import Tensor
from ...errors import ShapeError
from ...nn.functional import normalize
from ..layer import Layer


class Merge(Layer):
    """What the layers below share: a list of inputs, taken together element by element."""

    _options: tuple[str, ...] = ()

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        """Give the inputs taken together."""
        if isinstance(inputs, Tensor) or len(inputs) < 2:
            raise ShapeError("keras_merge_list", layer=self.name, kind=type(self).__name__)
        self.compute_output_shape([tuple(x.shape) for x in inputs])
        return self.merged(inputs)

    def merged(self, inputs: Any) -> Tensor:
        """Take the inputs together; each layer its own way."""
        return reduce(self.pair, inputs)  # type: ignore[no-any-return]

    def pair(self, a: Any, b: Any) -> Any:
        """Take two inputs together."""
        return a + b

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape that the inputs broadcast to. Raises ShapeError where they do not."""
        shapes = list(input_shape)
        if not shapes or not isinstance(shapes[0], (tuple, list)):
            raise ShapeError("keras_merge_list", layer=self.name, kind=type(self).__name__)
        longest = max(map(len, shapes))
        result: list[int | None] = []
        for axis in range(longest):
            found = {s[axis - longest] for s in shapes if len(s) >= longest - axis} - {1}
            known = found - {None}
            if len(known) > 1:
                raise ShapeError(
                    "keras_merge", layer=self.name, kind=type(self).__name__,
                    shapes=", ".join(str(tuple(s)) for s in shapes),
                )
            result.append(next(iter(known), None) if found else 1)
        return tuple(result)


class Add(Merge):
    """Add inputs: Add()([a, b])."""


class Subtract(Merge):
    """Subtract the second input from the first."""

    def call(self, inputs: Any) -> Tensor:
        """Give a − b."""
        if not isinstance(inputs, Tensor) and len(inputs) != 2:
            raise ShapeError("keras_merge_two", layer=self.name, given=len(inputs))
        return super().call(inputs)

    def pair(self, a: Any, b: Any) -> Any:
        """Subtract."""
        return a - b


class Multiply(Merge):
    """Multiply inputs."""

    def pair(self, a: Any, b: Any) -> Any:
        """Multiply."""
        return a * b


class Average(Merge):
    """Give the mean of the inputs."""

    def merged(self, inputs: Any) -> Tensor:
        """Give the mean."""
        return reduce(self.pair, inputs) / len(inputs)  # type: ignore[no-any-return]


class Maximum(Merge):
    """Give the largest of the inputs, element by element."""

    def pair(self, a: Any, b: Any) -> Any:
        """Give the larger."""
        return maximum(a, b)


class Minimum(Merge):
    """Give the smallest of the inputs, element by element."""

    def pair(self, a: Any, b: Any) -> Any:
        """Give the smaller."""
        return minimum(a, b)


class Concatenate(Merge):
    """Put inputs one after another along an axis; all other lengths must be the same."""

    _options = ("axis",)

    def __init__(self, axis: int = -1, **more: Any) -> None:
        super().__init__(**more)
        self.axis = axis

    def merged(self, inputs: Any) -> Tensor:
        """Put them one after another."""
        return cat(list(inputs), self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape with the lengths along the axis added up."""
        shapes = [list(s) if isinstance(s, (tuple, list)) else s for s in input_shape]
        if not shapes or not isinstance(shapes[0], list):
            raise ShapeError("keras_merge_list", layer=self.name, kind="Concatenate")
        axis = self.axis % len(shapes[0])
        lengths = [s[axis] for s in shapes if len(s) > axis]
        for s in shapes:
            others = [
                (n, m) for i, (n, m) in enumerate(zip(s, shapes[0], strict=False)) if i != axis
            ]
            if len(s) != len(shapes[0]) or any(n != m and None not in (n, m) for n, m in others):
                raise ShapeError(
                    "keras_concatenate", layer=self.name, axis=self.axis,
                    shapes=", ".join(str(tuple(s)) for s in shapes),
                )
        whole = None if None in lengths else sum(lengths)
        return (*shapes[0][:axis], whole, *shapes[0][axis + 1 :])


class Dot(Merge):
    """Multiply two inputs and add up along one axis of each, example by example.

    axes: one number for both, or a pair; the batch is axis 0. normalize: make the vectors of
    length 1 first, which gives their cosine.
    """

    _options = ("axes", "normalize")

    def __init__(self, axes: Any, normalize: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.axes = axes
        self.normalize = normalize

    def _both(self, a: int, b: int) -> tuple[int, int]:
        """Give the axes, counted from the front, for inputs of a and b axes."""
        first, second = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return first % a, second % b

    def merged(self, inputs: Any) -> Tensor:
        """Give the products."""
        a, b = inputs
        i, j = self._both(a.ndim, b.ndim)
        if self.normalize:
            a, b = normalize(a, 2.0, i, 1e-12), normalize(b, 2.0, j, 1e-12)
        rows, shape = a.shape[0], self.compute_output_shape([a.shape, b.shape])
        left = np.moveaxis(a, i, -1).reshape((rows, -1, a.shape[i]))
        right = np.moveaxis(b, j, 1).reshape((rows, b.shape[j], -1))
        return np.matmul(left, right).reshape(shape)  # type: ignore[no-any-return]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the lengths that remain, or (N, 1)."""
        if len(input_shape) != 2 or not isinstance(input_shape[0], (tuple, list)):
            raise ShapeError("keras_merge_two", layer=self.name, given=len(input_shape))
        a, b = map(list, input_shape)
        i, j = self._both(len(a), len(b))
        if a[i] != b[j] and None not in (a[i], b[j]):
            raise ShapeError(
                "keras_merge", layer=self.name, kind="Dot", shapes=f"{tuple(a)}, {tuple(b)}"
            )
        kept = [*a[:i], *a[i + 1 :], *b[1:j], *b[j + 1 :]]
        return tuple(kept) if len(kept) > 1 else (*kept, 1)


def add(inputs: Any, **more: Any) -> Any:
    """Do as the layer Add."""
    return Add(**more)(inputs)


def subtract(inputs: Any, **more: Any) -> Any:
    """Do as the layer Subtract."""
    return Subtract(**more)(inputs)


def multiply(inputs: Any, **more: Any) -> Any:
    """Do as the layer Multiply."""
    return Multiply(**more)(inputs)


def average(inputs: Any, **more: Any) -> Any:
    """Do as the layer Average."""
    return Average(**more)(inputs)


def largest(inputs: Any, **more: Any) -> Any:
    """Do as the layer Maximum."""
    return Maximum(**more)(inputs)


def smallest(inputs: Any, **more: Any) -> Any:
    """Do as the layer Minimum."""
    return Minimum(**more)(inputs)


def concatenate(inputs: Any, axis: int = -1, **more: Any) -> Any:
    """Do as the layer Concatenate."""
    return Concatenate(axis, **more)(inputs)


def dot(inputs: Any, axes: Any = -1, **more: Any) -> Any:
    """Do as the layer Dot."""
    return Dot(axes, **more)(inputs)
