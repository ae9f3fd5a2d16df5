"""Linear algebra beyond the laws: invariance, singular and degenerate matrices, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.autograd.backward import grad
from tinygrad_jp.errors import OptionError, RuleError, TinygradError
from tinygrad_jp.vocabulary.domain import Sampler
from tinygrad_jp.vocabulary.matrices import cofactor


def leaf(x: Any, dtype: Any = np.float64) -> tj.Tensor:
    return tj.Tensor(np.asarray(x, dtype), requires_grad=True)


def gradient(f: Any, x: tj.Tensor) -> np.ndarray[Any, Any]:
    return grad(f(x), x)[0].detach().numpy()


def hessian(f: Any, x: tj.Tensor) -> np.ndarray[Any, Any]:
    (g,) = grad(f(x), x, create_graph=True)
    rows = [grad(part, x, retain_graph=True)[0].detach().numpy() for part in g.reshape(-1)]
    return np.reshape(rows, (x.size, x.size))


# ── functions that do not depend on the choice of vectors ───────────────────────────────────────


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (3, 3, 2), (2, 3, 4)])
def test_product_of_the_factors_has_the_identity_as_derivative(shape: Any) -> None:
    s = Sampler(3)
    x, w = leaf(s.full_rank(*shape[-2:], *shape[:-2])), s(*shape)

    def by_svd(x: tj.Tensor) -> tj.Tensor:
        u, sigma, vh = np.linalg.svd(x, full_matrices=False)
        return np.sum(((u * sigma[..., None, :]) @ vh) * w)

    def by_qr(x: tj.Tensor) -> tj.Tensor:
        q, r = np.linalg.qr(x)
        return np.sum((q @ r) * w)

    assert_allclose(gradient(by_svd, x), w, atol=1e-10)
    assert_allclose(gradient(by_qr, x), w, atol=1e-10)


def test_matrix_functions_by_eigh_agree_with_their_series() -> None:
    s = Sampler(4)
    x, w = leaf(s.symmetric(4)), s.symmetric(4)

    def cubed(x: tj.Tensor) -> tj.Tensor:
        values, v = np.linalg.eigh(x)
        return np.sum(((v * values[..., None, :] ** 3) @ v.swapaxes(-1, -2)) * w)

    def series(x: tj.Tensor) -> tj.Tensor:
        return np.sum((x @ x @ x) * w)

    assert_allclose(gradient(cubed, x), gradient(series, x), atol=1e-9)


def test_projector_on_a_singular_vector_does_not_see_its_sign() -> None:
    s = Sampler(5)
    x, w = leaf(s.full_rank(4, 3)), s(4, 4)

    def projector(x: tj.Tensor) -> tj.Tensor:
        u = np.linalg.svd(x, full_matrices=False)[0][:, :1]
        return np.sum((u @ u.swapaxes(0, 1)) * w)

    found, d = gradient(projector, x), s(4, 3)
    at = lambda t: projector(tj.Tensor(x.detach().numpy() + t * d)).item()
    assert_allclose(np.sum(found * d), (at(1e-5) - at(-1e-5)) / 2e-5, rtol=1e-7)


def test_cholesky_gradient_is_symmetric_and_solves_the_gaussian() -> None:
    s = Sampler(6)
    a, b = s.positive_definite(4), s(4)
    x = leaf(a)

    def by_cholesky(x: tj.Tensor) -> tj.Tensor:
        low = np.linalg.cholesky(x)
        z = np.linalg.solve(low, b)
        return np.sum(z * z) + 2 * np.sum(np.log(np.diagonal(low)))

    inverse = np.linalg.inv(a)
    found = gradient(by_cholesky, x)
    assert_allclose(found, inverse - np.outer(inverse @ b, inverse @ b), atol=1e-10)
    assert_allclose(found, found.T)


# ── determinants of singular matrices ───────────────────────────────────────────────────────────


def cofactors(x: Any) -> Any:
    n = len(x)
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(x, i, 0), j, 1))
    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("rank", [4, 3, 2, 1, 0])
def test_gradient_of_det_is_the_cofactors_at_every_rank(rank: int) -> None:
    s = Sampler(rank)
    x = s(4, rank) @ s(rank, 4)
    assert_allclose(gradient(np.linalg.det, leaf(x)), cofactors(x), atol=1e-10)


@pytest.mark.parametrize("rank", [3, 2, 1, 0])
def test_hessian_of_det_is_right_at_every_rank(rank: int) -> None:
    s = Sampler(rank + 10)
    x = s(3, rank) @ s(rank, 3)
    step = np.eye(9).reshape(9, 3, 3) * 1e-4  # det is cubic: central differences are near exact
    wanted = np.stack([(cofactors(x + d) - cofactors(x - d)).ravel() / 2e-4 for d in step])
    assert_allclose(hessian(np.linalg.det, leaf(x)), wanted, atol=1e-7)


def test_third_derivative_of_det_where_it_exists_and_where_it_is_refused() -> None:
    s = Sampler(8)
    a, h = s.invertible(3), s(3, 3)
    f = lambda x: np.sum(cofactor(x) * h)
    step = 1e-5 * s(3, 3)
    wanted = (hessian(f, leaf(a + step)) - hessian(f, leaf(a - step))) / 2
    assert hessian(f, leaf(a)).shape == (9, 9)
    assert_allclose(wanted, 0, atol=1e-8)  # det of 3×3 is cubic, its cofactors quadratic
    with pytest.raises((TinygradError, np.linalg.LinAlgError)):
        hessian(f, leaf(np.zeros((3, 3))))


def test_slogdet_of_a_singular_matrix_raises_rather_than_guess() -> None:
    x = leaf(np.ones((2, 2)))
    sign, log = np.linalg.slogdet(x)
    assert sign.item() == 0
    assert log.item() == -math.inf
    with pytest.raises((TinygradError, np.linalg.LinAlgError)):
        log.backward()


# ── values that meet ────────────────────────────────────────────────────────────────────────────


def test_equal_eigenvalues_have_a_gradient_without_their_vectors() -> None:
    x = leaf(np.eye(3) * 2)
    assert_allclose(gradient(lambda x: np.sum(np.linalg.eigvalsh(x) ** 2), x), np.eye(3) * 4)
    assert_allclose(gradient(lambda x: np.sum(np.linalg.eigh(x)[0] ** 2), x), np.eye(3) * 4)
    assert_allclose(gradient(lambda x: np.sum(np.linalg.svdvals(x)), x), np.eye(3), atol=1e-15)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("factor", [np.linalg.eigh, np.linalg.svd])
def test_equal_values_never_give_a_finite_gradient_of_vectors(factor: Any) -> None:
    c = np.array([[1.0, 2.0], [2.0, -1.0]])

    def squared(x: tj.Tensor) -> tj.Tensor:  # its true gradient is 2c; the formula divides by 0
        values, v = factor(x)[:2] if factor is np.linalg.eigh else factor(x)[1::-1]
        return np.sum(((v * values[None, :] ** 2) @ v.swapaxes(0, 1)) * c)

    assert not np.isfinite(gradient(squared, leaf(np.eye(2)))).all()


def test_zero_singular_values_have_a_gradient_without_their_vectors() -> None:
    x = leaf([[3.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    found = gradient(lambda x: np.linalg.svd(x, full_matrices=False)[1][0], x)
    assert_allclose(found, [[1, 0], [0, 0], [0, 0]], atol=1e-15)


# ── norms ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", [None, 2, 3, 1.5])
def test_gradient_of_a_norm_at_zero_is_zero(order: Any) -> None:
    assert_array_equal(gradient(lambda x: np.linalg.norm(x, order), leaf(np.zeros(3))), 0)


def test_gradient_of_norms_at_one_zero_row() -> None:
    x = leaf([[3.0, 4.0], [0.0, 0.0]])
    found = gradient(lambda x: np.sum(np.linalg.norm(x, axis=1)), x)
    assert_allclose(found, [[0.6, 0.8], [0, 0]])
    assert np.isfinite(hessian(lambda x: np.sum(np.linalg.norm(x, axis=1)), x)).all()


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_matrix_norms_are_those_of_numpy(order: Any, keepdims: bool) -> None:
    x = Sampler(2)(2, 3, 4)
    for axis in [(0, 1), (2, 0), (-1, -2)]:
        found = np.linalg.norm(leaf(x), order, axis=axis, keepdims=keepdims)
        wanted = np.linalg.norm(x, order, axis=axis, keepdims=keepdims)
        assert_allclose(found.detach().numpy(), wanted)
        assert found.shape == wanted.shape


@pytest.mark.parametrize("order", [None, 0, 1, -1, 2, 3, -2, 0.5, math.inf, -math.inf])
def test_vector_norms_are_those_of_numpy(order: Any) -> None:
    x = Sampler(3)(2, 3)
    for axis in (0, 1, -1):
        found = np.linalg.norm(leaf(x), order, axis=axis)
        assert_allclose(found.detach().numpy(), np.linalg.norm(x, order, axis=axis))
    every = np.linalg.vector_norm(leaf(x), ord=2 if order is None else order)
    assert_allclose(every.item(), np.linalg.vector_norm(x, ord=2 if order is None else order))


def test_norm_of_integers_is_floating_point() -> None:
    assert np.linalg.norm(tj.Tensor([[3, 4]]), axis=1).tolist() == [5.0]
    assert np.linalg.norm(tj.Tensor([3, -4]), 1).dtype.kind == "f"


def test_half_precision_sums_in_single() -> None:
    x = leaf(np.full(1000, 200.0), np.float16)  # 200² · 1000 is far beyond float16
    y = np.linalg.norm(x)
    assert y.dtype == np.float16
    assert_allclose(y.item(), 200 * math.sqrt(1000), rtol=1e-3)
    y.backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float16


# ── forms, aliases, refusals ────────────────────────────────────────────────────────────────────


def test_results_have_numpys_names() -> None:
    x = leaf(Sampler(0).positive_definite(3))
    assert np.linalg.eigh(x).eigenvalues.shape == (3,)
    assert np.linalg.svd(x).Vh.shape == (3, 3)
    assert np.linalg.slogdet(x).logabsdet.requires_grad
    assert np.linalg.qr(x).R.requires_grad


def test_lstsq_gives_what_numpy_gives() -> None:
    s = Sampler(1)
    a, b = s.full_rank(5, 2), s(5, 3)
    for x, y in zip(np.linalg.lstsq(leaf(a), b), np.linalg.lstsq(a, b), strict=True):
        assert_allclose(x.detach().numpy() if isinstance(x, tj.Tensor) else x, y)


def test_a_vector_and_a_stack_are_told_apart_in_solve() -> None:
    s = Sampler(2)
    a, b = s.invertible(3, 2), s(3)
    found = np.linalg.solve(leaf(a), leaf(b))
    assert found.shape == (2, 3)
    assert_allclose(found.detach().numpy(), np.linalg.solve(a, b))


@pytest.mark.parametrize(
    "refused",
    [
        lambda x: np.linalg.svd(x),
        lambda x: np.linalg.svd(x, hermitian=True),
        lambda x: np.linalg.qr(x, mode="complete"),
        lambda x: np.linalg.qr(x, mode="raw"),
        lambda x: np.linalg.norm(x, "euclid"),
        lambda x: np.linalg.norm(x, 3),
        lambda x: np.linalg.norm(x, "fro", axis=0),
        lambda x: np.linalg.norm(x, axis=(0, 0)),
        lambda x: np.linalg.tensorinv(x, ind=0),
    ],
)
def test_what_has_no_derivative_is_refused_with_the_way_out(refused: Any) -> None:
    x = leaf(np.ones((3, 2)))
    for language in ("ja", "en"):
        tj.errors.set_language(language)
        with pytest.raises(OptionError) as error:
            refused(x)
        assert str(error.value)
    tj.errors.set_language(None)


def test_eigenvalues_of_a_general_matrix_are_refused() -> None:
    for fn in (np.linalg.eig, np.linalg.eigvals):
        with pytest.raises(RuleError, match="eigh"):
            fn(leaf(np.eye(2)))


def test_a_matrix_that_cannot_be_inverted_is_refused() -> None:
    with pytest.raises((TinygradError, np.linalg.LinAlgError)):
        np.linalg.inv(leaf(np.ones((2, 2))))
    with pytest.raises(TinygradError):
        np.linalg.inv(leaf(np.ones((2, 3))))
