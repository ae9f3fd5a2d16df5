"""keras.ops.linalg: matrices, under NumPy's names."""

from __future__ import annotations

from typing import Any

from ...autograd import linalg as matrices
from ...autograd.tensor import Tensor
from .. import absent
from ..symbolic import recordable
from .axes import norm as norm

cholesky = recordable(matrices.cholesky)
det = recordable(matrices.det)
eigh = recordable(matrices.eigh)
inv = recordable(matrices.inv)
matrix_rank = recordable(matrices.matrix_rank)
pinv = recordable(matrices.pinv)
qr = recordable(matrices.qr)
slogdet = recordable(matrices.slogdet)
solve = recordable(matrices.solve)


@recordable
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Give u, s, vᵀ of x = u·diag(s)·vᵀ, or with compute_uv=False s alone."""
    if not compute_uv:
        return matrices.svdvals(x)
    return matrices.svd(x, full_matrices)


@recordable
def logdet(x: Any) -> Tensor:
    """Give log |x| of matrices with a positive determinant."""
    return matrices.slogdet(x)[1]


__getattr__ = absent.refusal("keras.ops.linalg")
