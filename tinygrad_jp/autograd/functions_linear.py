"""Products of vectors and matrices, under PyTorch's names and NumPy's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..vocabulary.rule import is_array
from .arguments import tensor_of
from .functions_shape import _diagonal
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

matmul = op(np.matmul)
dot = op(np.dot)
inner = op(np.inner)
outer = ger = op(np.outer)
vdot = op(np.vdot)
kron = op(np.kron)


def _of_dims(name: str, *pairs: tuple[Any, int]) -> None:
    if any(tensor_of(x).ndim != n for x, n in pairs):
        raise ShapeError(
            "product_dims", op=name, dims=", ".join(str(n) for _, n in pairs),
            shapes=", ".join(str(tensor_of(x).shape) for x, _ in pairs),
        )


def mm(a: Any, b: Any) -> Tensor:
    """Multiply two matrices: (n, m), (m, k) → (n, k)."""
    _of_dims("mm", (a, 2), (b, 2))
    return matmul(a, b)


def bmm(a: Any, b: Any) -> Tensor:
    """Multiply two batches of matrices: (N, n, m), (N, m, k) → (N, n, k)."""
    _of_dims("bmm", (a, 3), (b, 3))
    if tensor_of(a).shape[0] != tensor_of(b).shape[0]:
        raise ShapeError("bmm_batch", a=tensor_of(a).shape, b=tensor_of(b).shape)
    return matmul(a, b)


def mv(a: Any, b: Any) -> Tensor:
    """Multiply a matrix by a vector: (n, m), (m) → (n)."""
    _of_dims("mv", (a, 2), (b, 1))
    return matmul(a, b)


def addmm(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Give β · x + α · a b."""
    product = mm(a, b)
    scaled = tensor_of(x) if beta == 1 else tensor_of(x) * beta
    return scaled + (product if alpha == 1 else product * alpha)


def addmv(x: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Give β · x + α · a b for a matrix a and a vector b."""
    product = mv(a, b)
    scaled = tensor_of(x) if beta == 1 else tensor_of(x) * beta
    return scaled + (product if alpha == 1 else product * alpha)


def tensordot(a: Any, b: Any, dims: Any = 2, *, axes: Any = None) -> Tensor:
    """Sum products over axes: the last n of a and first n of b, or pairs of lists of axes."""
    over = dims if axes is None else axes
    if is_array(over):
        over = tensor_of(over).tolist()
    return op(np.tensordot)(tensor_of(a), tensor_of(b), axes=over)


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sum products as the equation says: einsum("ij,jk->ik", a, b); a list of operands is taken."""
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    return op(np.einsum)(equation, *map(tensor_of, operands))


def cross(a: Any, b: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """Give the vector product along an axis of length 3 (as in PyTorch, the first such)."""
    a, b = _broadcast(a, b)
    at = dim if axis is None else axis
    if at is None:
        at = a.shape.index(3) if 3 in a.shape else -1
    return op(np.linalg.cross)(a, b, axis=at)


def _broadcast(a: Any, b: Any) -> tuple[Any, Any]:
    a, b = tensor_of(a), tensor_of(b)
    if a.shape == b.shape:
        return a, b
    shape = np.broadcast_shapes(a.shape, b.shape)
    return a.broadcast_to(shape), b.broadcast_to(shape)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Add up a diagonal."""
    return _diagonal(x, offset, axis1, axis2).sum(-1)


__all__ = [
    "addmm", "addmv", "bmm", "cross", "dot", "einsum", "ger", "inner", "kron", "matmul", "mm",
    "mv", "outer", "tensordot", "trace", "vdot",
]
