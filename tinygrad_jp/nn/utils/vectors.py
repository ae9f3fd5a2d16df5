"""Parameters as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...autograd.tensor import Tensor
from ...errors import ShapeError
from ..parameter import overwrite


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Lay all parameters end to end in one vector; differentiable."""
    return np.concatenate([p.reshape((-1,)) for p in parameters])  # type: ignore[return-value]


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector into the parameters, one after another.

    Raises ShapeError unless its length is the number of their elements together.
    """
    several = list(parameters)
    total = sum(p._data.size for p in several)
    values = vec._data if isinstance(vec, Tensor) else np.asarray(vec)
    if values.shape != (total,):
        raise ShapeError("vector_length", given=values.shape, wanted=total)
    start = 0
    for parameter in several:
        end = start + parameter._data.size
        overwrite(parameter, values[start:end].reshape(parameter.shape))
        start = end
