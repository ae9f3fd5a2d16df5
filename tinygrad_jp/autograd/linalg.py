"""tj.linalg: PyTorch's names for NumPy's linear algebra, on matrices and batches of them.

Decompositions give named tuples; svd gives V transposed (Vh), as both PyTorch and NumPy do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import Axis, axis_of, tensor_of
from .functions_linear import cross as cross
from .functions_linear import matmul as matmul
from .functions_linear import tensordot as tensordot
from .functions_shape import diagonal as _diagonal
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

inv = op(np.linalg.inv)
solve = op(np.linalg.solve)
det = op(np.linalg.det)
slogdet = op(np.linalg.slogdet)
matrix_power = op(np.linalg.matrix_power)
multi_dot = op(np.linalg.multi_dot)
outer = op(np.linalg.outer)
pinv = op(np.linalg.pinv)
matrix_rank = op(np.linalg.matrix_rank)
cond = op(np.linalg.cond)


def cholesky(a: Any, *, upper: bool = False) -> Tensor:
    """Give the lower L of a = L Lᵀ, or the upper Lᵀ."""
    lower = op(np.linalg.cholesky)(tensor_of(a))
    return lower.mT if upper else lower


def eigh(a: Any, UPLO: str = "L") -> Any:
    """Give (eigenvalues, eigenvectors) of a symmetric matrix, ascending."""
    return op(np.linalg.eigh)(tensor_of(a), UPLO)


def eigvalsh(a: Any, UPLO: str = "L") -> Tensor:
    """Give the eigenvalues of a symmetric matrix, ascending."""
    return op(np.linalg.eigvalsh)(tensor_of(a), UPLO)


def svd(a: Any, full_matrices: bool = True) -> Any:
    """Give (U, S, Vh) of a = U diag(S) Vh."""
    return op(np.linalg.svd)(tensor_of(a), full_matrices=full_matrices)


def svdvals(a: Any) -> Tensor:
    """Give the singular values, descending."""
    return op(np.linalg.svdvals)(tensor_of(a))


def qr(a: Any, mode: str = "reduced") -> Any:
    """Give (Q, R) of a = Q R."""
    return op(np.linalg.qr)(tensor_of(a), mode)


def vecdot(a: Any, b: Any, *, dim: int = -1) -> Tensor:
    """Give Σ a b along an axis."""
    return tensor_of(a).mul(b).sum(dim)


def diagonal(a: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Take a diagonal of the last two axes."""
    return _diagonal(a, offset, dim1, dim2)


def norm(
    x: Any, ord: Any = None, dim: Axis = None, keepdim: bool = False, *,
    axis: Axis = None, keepdims: bool = False,
) -> Tensor:
    """Give a norm: of all of x, of the vectors along one axis, or of matrices along two."""
    at = axis_of("linalg.norm", dim, axis)
    return op(np.linalg.norm)(tensor_of(x), ord, at, keepdims or keepdim)


def vector_norm(
    x: Any, ord: float = 2, dim: Axis = None, keepdim: bool = False, *,
    axis: Axis = None, keepdims: bool = False,
) -> Tensor:
    """Give (Σ |x|ᵖ)^(1/p) over one or more axes, or over all."""
    at = axis_of("linalg.vector_norm", dim, axis)
    keep = keepdims or keepdim
    return op(np.linalg.vector_norm)(tensor_of(x), axis=at, keepdims=keep, ord=ord)


def matrix_norm(
    x: Any, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False
) -> Tensor:
    """Give a norm of matrices: "fro", "nuc", ±1, ±2 or ±inf."""
    return op(np.linalg.norm)(tensor_of(x), ord, dim, keepdim)


__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "outer", "pinv", "qr",
    "slogdet", "solve", "svd", "svdvals", "tensordot", "vecdot", "vector_norm",
]
