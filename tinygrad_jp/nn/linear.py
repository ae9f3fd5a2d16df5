"""Layers that multiply by a matrix, look up a table, or only change the shape."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

from ..autograd.arguments import tensor_of
from ..autograd.generate import op
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, ShapeError
from ..vocabulary import layers
from . import functional as F  # noqa: N812 - as everyone calls it
from . import init
from .module import Module
from .parameter import Parameter, UninitializedParameter

linear = op(layers.linear)


class Linear(Module):
    """Apply x·Wᵀ + b to the last axis.

    x: (..., in_features)  →  (..., out_features).  weight: (out_features, in_features), bias:
    (out_features,) or None; both start uniform in ±1/√in_features, as PyTorch's do.
    Raises ShapeError, with the layer and both shapes, where the last axis of x is another.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features = _size("in_features", in_features)
        self.out_features = _size("out_features", out_features)
        # column by column: what BLAS multiplies by is then (in, out), as in a textbook's x @ W,
        # which two threads share out better (a product of 100×784×50: 53 µs against 65)
        self.weight = init.parameter((out_features, in_features), dtype, order="F")
        self.bias = init.parameter((out_features,), dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        if self.bias is not None:
            bound = 1 / sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """Give x·Wᵀ + b."""
        try:
            return linear(x, self.weight, self.bias)
        except ShapeError as error:
            raise self._explained(x, error) from error

    def _explained(self, x: Any, error: ShapeError) -> ShapeError:
        shape = tuple(getattr(x, "shape", ()))
        if x is None or (shape and shape[-1] == self.weight.shape[1]):
            return error
        flat = len(shape) > 2 and prod(shape[1:]) == self.in_features
        return ShapeError(
            "linear_flatten" if flat else "linear_features", layer=repr(self), given=shape,
            weight=self.weight.shape, wanted=self.in_features,
        )

    def extra_repr(self) -> str:
        """Say the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class LazyLinear(Linear):
    """A Linear that takes in_features from the first batch, and is a Linear from then on."""

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        Module.__init__(self)
        self.in_features = 0
        self.out_features = _size("out_features", out_features)
        self.weight = UninitializedParameter(init.values((0,), dtype))
        self.bias = UninitializedParameter(init.values((0,), dtype)) if bias else None

    def forward(self, x: Any) -> Tensor:
        """Take the shape of x, then give x·Wᵀ + b."""
        x = tensor_of(x)
        if x.ndim == 0:
            raise ShapeError(
                "linear_features", layer=repr(self), given=x.shape, weight="?", wanted="?"
            )
        for parameter, shape in (
            (self.weight, (self.out_features, x.shape[-1])), (self.bias, (self.out_features,)),
        ):
            if isinstance(parameter, UninitializedParameter):
                parameter.materialize(shape)
        self._settle()
        self.reset_parameters()
        return self.forward(x)

    def _settle(self) -> None:
        """Become a Linear, once the parameters have their shapes."""
        unset = [p for p in (self.weight, self.bias) if isinstance(p, UninitializedParameter)]
        if not unset:
            self.out_features, self.in_features = self.weight.shape
            self.__class__ = Linear  # type: ignore[assignment]


class Bilinear(Module):
    """Give x₁ᵀ·W·x₂ + b for pairs of rows.

    x1: (..., in1_features), x2: (..., in2_features)  →  (..., out_features).
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features = _size("in1_features", in1_features)
        self.in2_features = _size("in2_features", in2_features)
        self.out_features = _size("out_features", out_features)
        self.weight = init.parameter((out_features, in1_features, in2_features), dtype)
        self.bias = init.parameter((out_features,), dtype) if bias else None
        bound = 1 / sqrt(in1_features) if in1_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Give x₁ᵀ·W·x₂ + b."""
        return F.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Say the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Embedding(Module):
    """Look rows up in a table: integers of any shape (...)  →  (..., embedding_dim).

    padding_idx: a row that starts at zero and gets no gradient. weight: (num_embeddings,
    embedding_dim), normally distributed. Raises LabelError for an index outside the table.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        device: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = _size("num_embeddings", num_embeddings)
        self.embedding_dim = _size("embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise OptionError("padding_idx", given=padding_idx, size=num_embeddings)
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = init.parameter((num_embeddings, embedding_dim), dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.fill_row(self.weight, self.padding_idx, 0.0)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """Make an Embedding of a table that exists (rows, columns); frozen unless freeze=False."""
        weight = Parameter(embeddings, requires_grad=not freeze)
        if weight.ndim != 2:
            raise ShapeError("embedding_table", shape=weight.shape)
        made = cls(weight.shape[0], weight.shape[1], padding_idx)
        made.weight = weight
        return made

    def forward(self, index: Any) -> Tensor:
        """Give the rows of the table at the index."""
        return F.embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Say the sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Flatten(Module):
    """Make one axis of the axes from start_dim to end_dim; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Tensor:
        """Give x with those axes as one."""
        return F.flatten(tensor_of(x), self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Say the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Make several axes of one: x (..., a·b, ...)  →  (..., a, b, ...)."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        """Give x with that axis as several."""
        return F.unflatten(tensor_of(x), self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Say the axes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Give the input back; takes and ignores any arguments at its making, as PyTorch's does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        """Give x."""
        return x


def _size(name: str, value: Any) -> int:
    """Check a number of features."""
    try:
        size = value.__index__()
    except AttributeError:
        raise ArgumentError("layer_size", name=name, given=value) from None
    if size < 0:
        raise ArgumentError("layer_size", name=name, given=value)
    return int(size)

