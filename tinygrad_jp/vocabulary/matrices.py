"""Matrix functions that NumPy lacks, or whose results it gives in a form without a derivative.

    eye_like    identity        cofactor, cofactor_slope   first and second derivative of det
    thin_svd    economy SVD     thin_qr                    reduced QR
    p_norm      (Σ |x|ᵖ)^(1/p)  widened                    LAPACK in half precision
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .primitive import primitive
from .primitives import astype

Array = Any
F16, F32 = np.dtype(np.float16), np.dtype(np.float32)


def widened(fn: Callable[..., Any], *xs: Array, **options: Any) -> Any:
    """Run fn on xs; half precision, which LAPACK lacks, in float32 and cast back."""
    halves = [x.dtype == F16 for x in xs]
    if not any(halves):
        return fn(*xs, **options)
    y = fn(*(astype(x, F32) if half else x for x, half in zip(xs, halves, strict=True)), **options)
    if not all(halves):
        return y
    if isinstance(y, tuple):
        return y._make(part.astype(F16) for part in y)  # type: ignore[attr-defined]
    return astype(y, F16)


@primitive
def eye_like(x: Array) -> Array:
    """Give the identity matrix of the size of x's last axis, in x's dtype and place."""
    return np.eye(x.shape[-1], dtype=x.dtype, like=x)


@primitive
def thin_svd(x: Array) -> tuple[Array, Array, Array]:
    """Split x (..., M, N) into u (..., M, K), s (..., K), vh (..., K, N), K = min(M, N)."""
    return widened(np.linalg.svd, x, full_matrices=False)  # type: ignore[no-any-return]


@primitive
def thin_qr(x: Array) -> tuple[Array, Array]:
    """Split x (..., M, N) into q (..., M, K) orthonormal and r (..., K, N) upper triangular."""
    return widened(np.linalg.qr, x)  # type: ignore[no-any-return]


@primitive
def cofactor(x: Array) -> Array:
    """Give the matrix of cofactors of x (..., N, N): det(x)·x⁻ᵀ, also where x is singular.

    By x = u·s·vh it is det(u)·det(vh) · u · diag(∏ of the other singular values) · vh.
    Source: G. W. Stewart, On the adjugate matrix (1998).
    """
    return widened(_cofactor, x)


def _cofactor(x: Array) -> Array:
    u, s, vh = np.linalg.svd(x)
    others = np.prod(np.where(eye_like(x) == 1, 1, s[..., None, :]), axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return (u * (sign[..., None] * others)[..., None, :]) @ vh


@primitive
def cofactor_slope(x: Array, g: Array) -> Array:
    """Give the gradient of ⟨g, cofactor(x)⟩, also where x is singular; symmetric in its form.

    Where x is diagonal, ∂²det/∂xᵢᵢ∂xⱼⱼ is the product of the values but i and j, and
    ∂²det/∂xᵢⱼ∂xⱼᵢ is minus that; any x is diagonal between its singular vectors.
    """
    return widened(_cofactor_slope, x, g)


def _cofactor_slope(x: Array, g: Array) -> Array:
    u, s, vh = np.linalg.svd(x)
    eye = eye_like(x)
    left_out = (eye[:, None, :] + eye[None, :, :]) > 0
    others = np.prod(np.where(left_out, 1, s[..., None, None, :]), axis=-1) * (1 - eye)
    inner = np.swapaxes(u, -1, -2) @ g @ np.swapaxes(vh, -1, -2)
    across = np.sum(others * np.sum(inner * eye, axis=-1)[..., None, :], axis=-1)
    middle = eye * across[..., None] - others * np.swapaxes(inner, -1, -2)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return sign[..., None, None] * (u @ middle @ vh)


@primitive
def p_norm(x: Array, p: float, axis: tuple[int, ...]) -> Array:
    """Give (Σ |x|ᵖ)^(1/p) over axes that stay, with length 1; half precision sums in float32."""
    return widened(_p_norm, x, p=p, axis=axis)


def _p_norm(x: Array, p: float, axis: tuple[int, ...]) -> Array:
    if p == 2:
        return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=True))
    return np.power(np.sum(np.power(np.abs(x), p), axis=axis, keepdims=True), 1 / p)
