"""Linear algebra: inverses, determinants, factorisations, spectra. Leading axes are batches.

Sources: M. Giles, Collected matrix derivative results for forward and reverse mode (2008);
J. Townsend, Differentiating the singular value decomposition (2016); I. Murray, Differentiation of
the Cholesky decomposition (2016); S. Walter and L. Lehmann, Algorithmic differentiation of linear
algebra functions (2010), and Liao et al. (2019) for qr of wide matrices; G. Golub and V. Pereyra
(1973) for the pseudoinverse.

Where eigenvalues or singular values meet, their vectors have no derivative: it comes out infinite
or NaN, never a finite guess. Their values alone (eigvalsh, svdvals) have one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import OptionError
from ..vocabulary.domain import call
from ..vocabulary.matrices import (
    cofactor,
    cofactor_slope,
    eye_like,
    thin_qr,
    thin_svd,
    widened,
)
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import composite, constant, rule, unsupported

Array = Any


def T(x: Array) -> Array:  # noqa: N802
    """Transpose the last two axes."""
    return np.swapaxes(x, -1, -2)


def inv(x: Array) -> Array:
    """Invert, in any precision."""
    return widened(np.linalg.inv, x)


def solve(a: Array, b: Array) -> Array:
    """Solve a·y = b for matrices b, in any precision."""
    return widened(np.linalg.solve, a, b)


def off_diagonal(x: Array) -> Array:
    """Put 0 on the diagonal."""
    return x * (1 - eye_like(x))


def lower_mirrored(x: Array) -> Array:
    """Copy the lower triangle to the upper one."""
    return np.tril(x) + T(np.tril(x, -1))


def over(x: Array, gap: Array) -> Array:
    """Divide, giving 0 for 0/0; anything else over 0 is infinite, for it has no derivative."""
    return x / np.where((gap == 0) & (x == 0), math.inf, gap)


# ── inverses and systems of equations ───────────────────────────────────────────────────────────

rule(
    np.linalg.inv,
    lambda g, y: -(T(y) @ g @ T(y)),
    evaluate=lambda x: widened(np.linalg.inv, x),
    about="x⁻¹",
    samples=lambda s: [
        call(s.invertible(3)), call(s.invertible(2, 4)), call(s.invertible(1)),
        call(s.invertible(2, 2, 1)),
    ],
)


def solve_adjoint(a: Array, g: Array, b_shape: tuple[int, ...]) -> Array:
    """Solve aᵀ·y = g, where b of that shape was one vector or a stack of matrices."""
    if len(b_shape) == 1:
        return solve(T(a), g[..., None])[..., 0]
    return solve(T(a), g)


def solve_pull(g: Array, y: Array, a: Array, a_shape: Any, b_shape: Any) -> Array:
    """Give −(a⁻ᵀ·g)·yᵀ, summed over batches that a does not have."""
    z = solve_adjoint(a, g, b_shape)
    if len(b_shape) == 1:
        return sum_to(-z[..., None] * y[..., None, :], a_shape)
    return sum_to(-(z @ T(y)), a_shape)


rule(
    np.linalg.solve,
    solve_pull,
    lambda g, a, b_shape: sum_to(solve_adjoint(a, g, b_shape), b_shape),
    evaluate=lambda a, b: widened(np.linalg.solve, a, b),
    about="a⁻¹·b",
    samples=lambda s: [
        call(s.invertible(3), s(3)), call(s.invertible(3), s(3, 2)), call(s.invertible(2, 4), s(2)),
        call(s.invertible(2, 4), s(2, 3)), call(s.invertible(2), s(4, 2, 3)),
        call(s.invertible(2, 3, 1), s(4, 2, 1)),
    ],
)


def pinv_pull(g: Array, x: Array, y: Array, rcond: Any = None) -> Array:
    """Give the gradient where the rank stays as it is: −yᵀgyᵀ + (I − xy)gᵀyyᵀ + yᵀygᵀ(I − yx)."""
    gt, yt = T(g), T(y)
    return (
        -(yt @ g @ yt) + (gt - x @ (y @ gt)) @ (y @ yt) + (yt @ y) @ (gt - (gt @ y) @ x)
    )


rule(
    np.linalg.pinv,
    pinv_pull,
    evaluate=lambda x, rcond: widened(np.linalg.pinv, x, rcond=rcond),
    about="the Moore–Penrose inverse x⁺",
    samples=lambda s: [
        call(s.full_rank(3, 2)), call(s.full_rank(2, 3)), call(s.full_rank(2, 2, 3)),
        call(s.full_rank(3, 2), rcond=1e-3),
    ],
)


@composite(
    np.linalg.tensorinv, about="inverse of x as a map between tensors",
    samples=lambda s: [call(s.invertible(4).reshape(2, 2, 4), ind=2),
                       call(s.invertible(4).reshape(4, 2, 2), ind=1)],
)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Invert the matrix that a is when its first `ind` axes are made one."""
    if ind <= 0:
        raise OptionError("tensorinv_ind", ind=ind)
    shape = a.shape[ind:] + a.shape[:ind]
    return np.reshape(np.linalg.inv(np.reshape(a, (math.prod(a.shape[:ind]), -1))), shape)


@composite(
    np.linalg.tensorsolve, about="x with tensordot(a, x, x.ndim) = b",
    samples=lambda s: [call(s.invertible(4).reshape(2, 2, 4), s(2, 2)),
                       call(s.invertible(4).reshape(2, 4, 2), s(2, 2), axes=(1,))],
)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solve the system that a is when the axes of b are made one."""
    if axes is not None:
        for k in axes:
            a = np.moveaxis(a, k, -1)
    rest = a.shape[b.ndim:]
    size = math.prod(rest)
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, size)), np.reshape(b, (-1,))), rest)


@composite(
    np.linalg.lstsq, about="the x of least ‖a·x − b‖",
    samples=lambda s: [call(s.full_rank(4, 2), s(4), rcond=None),
                       call(s.full_rank(4, 2), s(4, 3), rcond=None),
                       call(s.full_rank(2, 4), s(2), rcond=None)],
)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Solve by the pseudoinverse; gives x, the residuals, the rank and the singular values."""
    m, n = a.shape
    if rcond is None:
        rcond = float(np.finfo(a.dtype).eps) * max(m, n)
    s = np.linalg.svdvals(a)
    rank = int(np.sum(s > rcond * s[0])) if min(m, n) else 0
    x = np.linalg.pinv(a, rcond) @ b
    short = b - a @ x
    left = np.sum(np.reshape(short * short, (m, -1)), axis=0)
    return x, left if rank == n < m else left[:0], rank, s


# ── determinants ────────────────────────────────────────────────────────────────────────────────

rule(
    np.linalg.det,
    lambda g, x: g[..., None, None] * cofactor(x),
    evaluate=lambda x: widened(np.linalg.det, x),
    about="the determinant",
    samples=lambda s: [
        call(s.invertible(3)), call(s.invertible(2, 4)), call(s.invertible(1)),
        call(s.full_rank(4, 4)), call(s(3, 1) @ s(1, 3)), call(s(3, 2) @ s(2, 3)),
    ],
)
rule(
    cofactor,
    lambda g, x: cofactor_slope(x, g),
    about="det(x)·x⁻ᵀ",
    samples=lambda s: [call(s.invertible(3)), call(s.invertible(2, 4))],
)


def cofactor_curve(g: Array, x: Array, h: Array) -> Array:
    """Give the gradient in x of ⟨g, cofactor_slope(x, h)⟩ = det(x)·(⟨g,b⟩⟨h,b⟩ − ⟨g, b·hᵀ·b⟩).

    Here b = x⁻ᵀ, so a singular x raises: the third derivative of a determinant is left there.
    """
    b = T(inv(x))
    bg, bh = b @ T(g) @ b, b @ T(h) @ b
    p, q, r = inner(g, b), inner(h, b), inner(g, bh)
    twice = b @ T(g) @ bh + b @ T(h) @ bg
    return widened(np.linalg.det, x)[..., None, None] * ((p * q - r) * b - q * bg - p * bh + twice)


def inner(a: Array, b: Array) -> Array:
    """Give ⟨a, b⟩ of each pair of matrices, shaped (..., 1, 1)."""
    return np.sum(a * b, axis=(-2, -1), keepdims=True)


rule(
    cofactor_slope,
    lambda g, x, h: cofactor_curve(g, x, h),
    lambda g, x: cofactor_slope(x, g),
    arguments="x h", about="the gradient of ⟨h, cofactor(x)⟩",
    samples=lambda s: [call(s.invertible(3), s(3, 3)), call(s.invertible(2, 4), s(4, 2, 2))],
)
rule(
    np.linalg.slogdet,
    lambda g, x: g[1][..., None, None] * T(inv(x)),
    outputs=2,
    evaluate=lambda x: widened(np.linalg.slogdet, x),
    about="sign and log |det x|",
    samples=lambda s: [call(s.invertible(3)), call(s.invertible(2, 4)), call(-s.invertible(3))],
)

# ── factorisations ──────────────────────────────────────────────────────────────────────────────


def cholesky_pull(g: Array, y: Array, upper: bool = False) -> Array:
    """Give ½·l⁻ᵀ·mirror(lᵀ·g)·l⁻¹, symmetric as x is."""
    low, gl = (T(y), T(g)) if upper else (y, g)
    back = inv(low)
    return (T(back) @ lower_mirrored(T(low) @ gl) @ back) * 0.5


rule(
    np.linalg.cholesky,
    cholesky_pull,
    evaluate=lambda x, upper: widened(np.linalg.cholesky, x, upper=upper),
    about="l with x = l·lᵀ, lower triangular",
    samples=lambda s: [
        call(s.positive_definite(3)), call(s.positive_definite(2, 4)), call(s.positive_definite(1)),
        call(s.positive_definite(3), upper=True),
    ],
)


def tall_qr_pull(gq: Array, gr: Array, q: Array, r: Array) -> Array:
    """Give (gq + q·mirror(r·grᵀ − gqᵀ·q))·r⁻ᵀ, for at least as many rows as columns."""
    middle = lower_mirrored(r @ T(gr) - T(gq) @ q)
    return T(solve(r, T(gq + q @ middle)))


def thin_qr_pull(g: Any, y: Any) -> Array:
    """Treat a wide x = [a | b] as qr of a, and b = q·(the rest of r)."""
    (gq, gr), (q, r) = g, y
    k = q.shape[-1]
    if r.shape[-1] == k:
        return tall_qr_pull(gq, gr, q, r)
    ga = tall_qr_pull(gq + (q @ r[..., k:]) @ T(gr[..., k:]), gr[..., :k], q, r[..., :k])
    return np.concatenate([ga, q @ gr[..., k:]], axis=-1)


rule(
    thin_qr,
    thin_qr_pull,
    outputs=2, about="q, r with x = q·r, q orthonormal, r upper triangular",
    samples=lambda s: [
        call(s.invertible(3)), call(s.full_rank(4, 2)), call(s.full_rank(2, 4)),
        call(s.full_rank(3, 2, 2)), call(s.full_rank(2, 3, 2)),
    ],
)


@composite(
    np.linalg.qr, about="x = q·r, q orthonormal, r upper triangular",
    samples=lambda s: [call(s.full_rank(3, 2)), call(s.full_rank(2, 3), mode="r"),
                       call(s.invertible(3), "complete")],
)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Refuse q of all columns where x is tall: which orthonormal columns are added is arbitrary."""
    square = a.shape[-2] <= a.shape[-1]
    if mode not in ("reduced", "r") and not (mode == "complete" and square):
        raise OptionError("qr_mode", mode=mode, shape=tuple(a.shape))
    return thin_qr(a)[1] if mode == "r" else thin_qr(a)


# ── spectra ─────────────────────────────────────────────────────────────────────────────────────


def eigh_pull(g: Any, y: Any, UPLO: str = "L") -> Array:
    """Give v·(diag(gw) + vᵀ·gv / (wⱼ − wᵢ))·vᵀ, made symmetric as x is."""
    (gw, gv), (w, v) = g, y
    turn = over(off_diagonal(T(v) @ gv), w[..., None, :] - w[..., :, None])
    x = (v * gw[..., None, :] + v @ turn) @ T(v)
    return (x + T(x)) * 0.5


rule(
    np.linalg.eigh,
    eigh_pull,
    outputs=2,
    evaluate=lambda x, UPLO: widened(np.linalg.eigh, x, UPLO=UPLO),
    about="eigenvalues w and eigenvectors v of a symmetric x = v·diag(w)·vᵀ",
    samples=lambda s: [
        call(s.symmetric(3)), call(s.symmetric(2, 4)), call(s.symmetric(1)),
        call(s.symmetric(3), UPLO="U"),
    ],
)


def eigvalsh_recorded(x: Array, UPLO: str) -> tuple[Array, Array]:
    """Give the eigenvalues, and the eigenvectors that their gradient needs."""
    w, v = widened(np.linalg.eigh, x, UPLO=UPLO)
    return w, v


rule(
    np.linalg.eigvalsh,
    lambda g, v, UPLO="L": (v * g[..., None, :]) @ T(v),
    evaluate=lambda x, UPLO: widened(np.linalg.eigvalsh, x, UPLO=UPLO),
    recorded=eigvalsh_recorded,
    residual={"v": lambda x, UPLO: np.linalg.eigh(x, UPLO)[1]},
    about="eigenvalues of a symmetric x",
    samples=lambda s: [
        call(s.symmetric(3)), call(s.symmetric(2, 4)), call(s.symmetric(3), UPLO="U"),
    ],
)


def thin_svd_pull(g: Any, y: Any) -> Array:
    """Give Townsend's gradient; the parts across u and v only where x is not square."""
    (gu, gs, gvh), (u, s, vh) = g, y
    v, gv = T(vh), T(gvh)
    row, column = s[..., None, :], s[..., :, None]
    gap = (row - column) * (row + column)
    uu, vv = T(u) @ gu, T(v) @ gv
    j, k = over(off_diagonal(uu), gap), over(off_diagonal(vv), gap)
    x = (u * gs[..., None, :] + u @ ((j + T(j)) * row + column * (k + T(k)))) @ vh
    if u.shape[-2] > s.shape[-1]:
        x = x + over(gu - u @ uu, row) @ vh
    if vh.shape[-1] > s.shape[-1]:
        x = x + u @ T(over(gv - v @ vv, row))
    return x


rule(
    thin_svd,
    thin_svd_pull,
    outputs=3, about="u, s, vh with x = u·diag(s)·vh",
    samples=lambda s: [
        call(s.full_rank(3, 3)), call(s.full_rank(4, 2)), call(s.full_rank(2, 4)),
        call(s.full_rank(2, 3, 2)),
    ],
)


def svdvals_recorded(x: Array) -> tuple[Array, Any]:
    """Give the singular values, and the singular vectors that their gradient needs."""
    u, s, vh = thin_svd(x)
    return s, (u, vh)


rule(
    np.linalg.svdvals,
    lambda g, vectors: (vectors[0] * g[..., None, :]) @ vectors[1],
    evaluate=lambda x: widened(np.linalg.svdvals, x),
    recorded=svdvals_recorded,
    residual={"vectors": lambda x: thin_svd(x)[::2]},
    about="singular values",
    samples=lambda s: [
        call(s.full_rank(3, 3)), call(s.full_rank(4, 2)), call(s.full_rank(2, 4)),
        call(s.full_rank(2, 3, 2)),
    ],
)


@composite(
    np.linalg.svd, about="u, s, vh with x = u·diag(s)·vh",
    samples=lambda s: [call(s.full_rank(3, 2), full_matrices=False), call(s.full_rank(3, 3)),
                       call(s.full_rank(2, 3), compute_uv=False)],
)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Refuse full matrices unless square: which orthonormal columns are added is arbitrary."""
    if hermitian:
        raise OptionError("svd_hermitian")
    if not compute_uv:
        return np.linalg.svdvals(a)
    if full_matrices and a.shape[-2] != a.shape[-1]:
        raise OptionError("svd_full", shape=tuple(a.shape))
    return thin_svd(a)


constant(eye_like, about="the identity matrix")
constant(np.linalg.matrix_rank, about="an integer")
unsupported(
    "固有値は一般に複素数になります。対称行列なら np.linalg.eigh か eigvalsh を使ってください。",
    "eigenvalues are complex in general. For a symmetric matrix use np.linalg.eigh or eigvalsh.",
    np.linalg.eig, np.linalg.eigvals,
)
