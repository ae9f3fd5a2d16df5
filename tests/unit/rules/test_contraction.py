"""Products beyond the laws: the order of a chain, which contractions are planned once."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.rules import contraction, einsum


def test_a_chain_of_products_is_split_where_it_is_least_work() -> None:
    best = contraction._order((30, 35, 15, 5, 10, 20, 25))  # Cormen et al., figure 14.5
    assert best[0, 5] == (15_125, 2)
    assert {k: best[k][0] for k in ((0, 2), (1, 4), (3, 5), (2, 2))} == {
        (0, 2): 7_875, (1, 4): 7_125, (3, 5): 3_500, (2, 2): 0,
    }  # fmt: skip


def test_a_chain_is_ordered_by_the_sizes_of_its_matrices(monkeypatch: Any) -> None:
    asked, order = [], contraction._order
    monkeypatch.setattr(contraction, "_order", lambda sizes: asked.append(sizes) or order(sizes))
    a, b, c = (tj.tensor(np.ones(shape), requires_grad=True) for shape in ((2, 3), (3, 4), (4, 5)))
    for chain in ([a, b, c], [a[0], b, c], [a, b, c[:, 0]], [a[0], b, c[:, 0]]):
        shapes = [m.shape for m in chain]
        assert np.linalg.multi_dot(chain).tolist() == np.linalg.multi_dot([np.ones(s) for s in shapes]).tolist()
    assert asked == [(2, 3, 4, 5), (1, 3, 4, 5), (2, 3, 4, 1), (1, 3, 4, 1)]


def test_the_order_of_a_contraction_is_asked_for_once(monkeypatch: Any) -> None:
    asked, ask = [], np.einsum_path
    monkeypatch.setattr(np, "einsum_path", lambda *a, **k: asked.append(a[0]) or ask(*a, **k))
    einsum._path.cache_clear()
    x = tj.tensor(np.ones((2, 3)), requires_grad=True)
    found = [np.einsum("ij,kj,kl->il", x, np.ones((4, 3)), np.ones((4, 5))) for _ in range(3)]
    assert [y.tolist() for y in found] == [[[12.0] * 5] * 2] * 3
    assert len(asked) == 1


def test_the_first_power_of_a_matrix_is_that_matrix() -> None:
    x = np.array([[np.inf, 1.0], [0.0, 2.0]])  # a product with 1 would make NaN of it
    assert np.linalg.matrix_power(tj.tensor(x, requires_grad=True), 1).tolist() == x.tolist()
