"""Scalers, sets drawn by formula, and tables: their numbers against others' and the formulas."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_jp as tj
from tinygrad_jp import data, errors

SCALERS = [data.MinMaxScaler, data.StandardScaler, lambda: data.MinMaxScaler((-1, 1))]
tables = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)) | st.tuples(st.integers(1, 12)),
    elements=st.floats(-1e6, 1e6).map(lambda v: round(v, 3)),
)


@pytest.mark.parametrize("make", SCALERS)
@given(x=tables)
def test_scaling_and_back_gives_the_data(make, x):
    scaler = make()
    y = scaler.fit_transform(x)
    np.testing.assert_allclose(scaler.inverse_transform(y), x, rtol=1e-9, atol=1e-6)


@given(x=tables)
def test_the_range_and_the_moments_are_as_promised(x):
    spread = x.max(0) - x.min(0)
    y = data.MinMaxScaler((2, 5)).fit_transform(x)
    np.testing.assert_allclose(y.min(0), 2, atol=1e-6)
    np.testing.assert_allclose(y.max(0), np.where(spread > 0, 5, 2), atol=1e-6)
    assume(np.all((spread == 0) | (spread > 1e-2)))
    y = data.StandardScaler().fit_transform(x)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(0), np.where(spread > 0, 1, 0), atol=1e-6)


@pytest.mark.parametrize("name", ["MinMaxScaler", "StandardScaler"])
def test_numbers_of_scikit_learn(name):
    other = getattr(pytest.importorskip("sklearn.preprocessing"), name)()
    rng = np.random.default_rng(0)
    x, new = rng.normal(3, 9, (50, 4)), rng.normal(3, 9, (5, 4))
    x[:, 2] = 7.0
    scaler = getattr(data, name)().fit(x)
    np.testing.assert_allclose(scaler.transform(new), other.fit(x).transform(new), rtol=1e-12)


@pytest.mark.parametrize("make", SCALERS)
def test_dtypes_tensors_gradients_and_shapes(make):
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    scaler = make().fit(x)
    assert scaler.transform(x).dtype == np.float32
    assert scaler.transform(x.astype(np.int64)).dtype == np.float32
    assert scaler.transform(x.astype(np.float64)).dtype == np.float64
    t = tj.tensor(x, requires_grad=True)
    y = scaler.transform(t)
    np.testing.assert_array_equal(y.detach().numpy(), scaler.transform(x))
    y.sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), 1 / np.broadcast_to(scaler.scale_, (6, 2)), rtol=1e-6)
    images = np.random.default_rng(0).random((5, 3, 2))
    assert make().fit(images).transform(images[:2]).shape == (2, 3, 2)
    with pytest.raises(errors.ShapeError, match=r"\(6, 3\)"):
        scaler.transform(np.ones((6, 3)))
    with pytest.raises(errors.ShapeError):
        make().fit(np.ones((0, 3)))
    with pytest.raises(errors.NonFiniteError, match="nan"):
        make().fit([1.0, float("nan")])
    for call in ("transform", "inverse_transform"):
        with pytest.raises(errors.ArgumentError, match="fit"):
            getattr(make(), call)(x)


def test_only_the_training_data_speaks():
    scaler = data.MinMaxScaler().fit([[0.0], [10.0]])
    assert scaler.transform([[20.0]]).tolist() == [[2.0]]


def test_a_scaler_is_saved_and_loaded(tmp_path):
    path = tmp_path / "scaler.safetensors"
    scaler = data.StandardScaler().fit(np.random.default_rng(0).random((9, 3)))
    tj.save(scaler, path)
    twin = data.StandardScaler()
    tj.load(path, twin)
    np.testing.assert_array_equal(twin.transform(np.eye(3)), scaler.transform(np.eye(3)))
    assert "features=(3,)" in repr(twin)
    with pytest.raises(errors.ArgumentError):
        tj.save(data.MinMaxScaler(), path)
    with pytest.raises(errors.OptionError):
        data.MinMaxScaler((1, 1))


# ── drawn by formula ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("n", [2, 7, 100])
@pytest.mark.parametrize("noise", [None, 0.1])
@pytest.mark.parametrize("shuffle", [True, False])
def test_make_circles_gives_scikit_learns_numbers(n, noise, shuffle):
    reference = pytest.importorskip("sklearn.datasets").make_circles
    options = {"noise": noise, "shuffle": shuffle, "factor": 0.6, "random_state": 3}
    for mine, other in zip(data.make_circles(n, **options), reference(n, **options), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-15)
        assert mine.dtype == other.dtype
    with pytest.raises(errors.OptionError):
        data.make_circles(factor=1.0)


def test_spiral_arms_wind_and_no_line_separates_them():
    x, t = data.make_spiral(300, noise=0.0, random_state=0)
    for k in range(3):
        radius = np.hypot(*x[t == k].T)
        order = radius.argsort()
        np.testing.assert_allclose(radius[order], np.arange(100) / 100, atol=1e-12)
        angle = 4 * (k + radius)
        np.testing.assert_allclose(x[t == k], np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1))
    one_hot = np.eye(3)[t]
    fit = np.linalg.lstsq(np.c_[x, np.ones(300)], one_hot, rcond=None)[0]
    assert ((np.c_[x, np.ones(300)] @ fit).argmax(1) == t).mean() < 0.65
    again = data.make_spiral(300, noise=0.0, random_state=0)
    np.testing.assert_array_equal(x, again[0])
    assert data.make_spiral(10, classes=4, random_state=0)[0].shape == (10, 2)


def test_xor_is_exclusive_or_and_no_line_separates_it():
    x, t = data.make_xor(8)
    assert t.tolist() == [int(a) ^ int(b) for a, b in x.astype(int)]
    noisy, same = data.make_xor(400, noise=0.1, random_state=0)
    np.testing.assert_array_equal(same, np.tile([0, 1, 1, 0], 100))
    assert 0.05 < np.abs(noisy - np.tile(x[:4], (100, 1))).mean() < 0.12


def test_apples_cost_what_the_formula_says():
    x, t = data.make_apples(500, random_state=1)
    np.testing.assert_allclose(t, x[:, 0] * x[:, 1] * (1 + x[:, 2]))
    assert (x.min(0)[:2] >= [50, 1]).all()
    assert (x.max(0)[:2] <= [200, 10]).all()
    assert set(x[:, 2]) == {0.08, 0.10}


# ── tables ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("load", "count", "features", "classes"), [
    (data.load_iris, 150, 4, 3), (data.load_digits, 1797, 64, 10), (data.load_wine, 178, 13, 3),
    (data.load_breast_cancer, 569, 30, 2), (data.load_diabetes, 442, 10, None),
])
def test_tables(load, count, features, classes):
    (x, t), (x_test, t_test) = load()
    assert x.shape == (int(count * 0.8), features)
    assert len(x) + len(x_test) == len(t) + len(t_test) == count
    assert x.dtype == np.float32
    if classes:
        assert t.dtype == np.int64
        assert set(t) == set(t_test) == set(range(classes))
    else:
        assert t.dtype == np.float32
        assert (min(t.min(), t_test.min()), max(t.max(), t_test.max())) == (25, 346)
    (again, _), _ = load()
    np.testing.assert_array_equal(again, x)
    (other, _), (rest, _) = load(seed=1, test_split=0.0)
    assert len(rest) == 0
    assert not np.array_equal(other[: len(x)], x)
    with pytest.raises(errors.OptionError):
        load(test_split=1.0)


def test_digits_are_normalized_and_diabetes_is_in_its_own_units():
    (x, _), _ = data.load_digits()
    assert (x.min(), x.max()) == (0, 1)
    (x, _), _ = data.load_digits(normalize=False)
    assert x.max() == 16
    (x, _), _ = data.load_diabetes()
    assert 19 <= x[:, 0].min() < x[:, 0].max() <= 79  # years


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(errors.MissingExtraError, match=r"\[data\]"):
        data.load_iris()
