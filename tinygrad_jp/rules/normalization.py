"""Normalisation over axes: by mean and variance, and by root mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vocabulary.domain import call
from ..vocabulary.normalization import (
    center_and_scale,
    center_recorded,
    rms_recorded,
    rms_standardize,
    standardize,
)
from ..vocabulary.rule import rule


def standardize_pull(g: Any, y: Any, axis: tuple[int, ...], eps: float) -> Any:
    """Send back (g − mean(g) − z·mean(g·z)) / √(σ² + eps), and what came to μ and σ².

    Source: S. Ioffe, C. Szegedy, Batch Normalization (2015), section 3.
    """
    gz, gm, gv = g
    z, _, var = y
    n = z.size // (var.size or 1) or 1
    square = var + eps
    scale = np.sqrt(square)
    a = np.mean(gz, axis, keepdims=True) - gm * scale / n
    b = np.mean(gz * z, axis, keepdims=True) - gv * square * (2 / n)
    return (gz - a - z * b) / scale


rule(
    standardize,
    standardize_pull,
    outputs=3, about="(x − μ) / √(σ² + eps), with μ and σ²",
    samples=lambda s: [
        call(s(4, 3), (0,), 1e-5), call(s(3, 5), (1,), 1e-5), call(s(2, 3, 4), (0, 2), 1e-3),
    ],
)


def center_and_scale_pull(g: Any, y: Any, r: Any, axis: tuple[int, ...], eps: float) -> Any:
    """Send back (g − mean(g) − y·mean(g·y)) / √(σ² + eps)."""
    a = np.mean(g, axis, keepdims=True)
    return (g - a - y * np.mean(g * y, axis, keepdims=True)) * r


rule(
    center_and_scale,
    center_and_scale_pull,
    recorded=center_recorded,
    residual={"r": lambda x, axis, eps: 1 / np.sqrt(np.var(x, axis, keepdims=True) + eps)},
    about="(x − μ) / √(σ² + eps)",
    samples=lambda s: [
        call(s(4, 3), (0,), 1e-5), call(s(3, 5), (1,), 1e-5), call(s(2, 3, 4), (1, 2), 1e-3),
    ],
)
rule(
    rms_standardize,
    lambda g, y, r, axis, eps: (g - y * np.mean(g * y, axis, keepdims=True)) * r,
    recorded=rms_recorded,
    residual={"r": lambda x, axis, eps: 1 / np.sqrt(np.mean(x * x, axis, keepdims=True) + eps)},
    about="x / √(mean x² + eps)",
    samples=lambda s: [call(s(4, 3), (1,), 1e-5), call(s(2, 3, 4), (1, 2), 1e-3)],
)
