"""Weights from a file into a model's variables: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...errors import ShapeError


def assign_all(pairs: Iterable[tuple[Any, Any]], skip_mismatch: bool = False) -> None:
    """Assign arrays to variables once all of them fit.

    Raises ShapeError where a shape differs, and assigns none; with skip_mismatch leaves it out.
    """
    fitting = []
    for variable, array in pairs:
        if variable.shape == array.shape:
            fitting.append((variable, array))
        elif not skip_mismatch:
            raise ShapeError(
                "keras_assign", name=variable.path, given=array.shape, shape=variable.shape
            )
    for variable, array in fitting:
        variable.assign(array)
