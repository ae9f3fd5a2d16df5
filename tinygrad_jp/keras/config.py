"""The settings of Keras: the floating dtype, and the ε that keeps logarithms finite."""

from __future__ import annotations

import numpy as np

from ..autograd.tensor import get_default_dtype, set_default_dtype
from ..errors import OptionError

_epsilon = [1e-7]


def floatx() -> str:
    """Give the name of the floating dtype in force: "float32" as it starts."""
    return get_default_dtype().name


def set_floatx(value: str) -> None:
    """Choose the floating dtype: "float16", "float32" or "float64". It is tj's default dtype."""
    if value not in ("float16", "float32", "float64"):
        raise OptionError(
            "no_choice", op="set_floatx", name="value", given=value,
            choices="'float16', 'float32', 'float64'",
        )
    set_default_dtype(np.dtype(value))


def epsilon() -> float:
    """Give the small number that losses and metrics keep logarithms and divisors finite with."""
    return _epsilon[0]


def set_epsilon(value: float) -> None:
    """Choose that number, 1e-7 as it starts."""
    _epsilon[0] = float(value)


def backend() -> str:
    """Name what computes: always "tinygrad_jp"."""
    return "tinygrad_jp"


def image_data_format() -> str:
    """Say where images have their channels: "channels_last", Keras's default."""
    return "channels_last"


def standardize_dtype(dtype: object) -> str:
    """Give the name of a dtype; None is the floating dtype in force."""
    if dtype is None:
        return floatx()
    return np.dtype(getattr(dtype, "name", dtype)).name  # type: ignore[call-overload, no-any-return]
