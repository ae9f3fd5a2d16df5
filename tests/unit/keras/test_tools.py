"""keras.utils and keras.datasets."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.data import TensorDataset
from tinygrad_jp.errors import AbsentNameError, ArgumentError, LabelError, OptionError
from tinygrad_jp.keras import utils


def test_to_categorical():
    np.testing.assert_array_equal(utils.to_categorical([1, 0]), [[0, 1], [1, 0]])
    assert utils.to_categorical([[1], [2]], 4).shape == (2, 4)
    assert utils.to_categorical(np.zeros((2, 3), int), 2).shape == (2, 3, 2)
    with pytest.raises(LabelError):
        utils.to_categorical([3], 3)


def test_normalize():
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(utils.normalize([[3.0], [1.0]], axis=0, order=1), [[0.75], [0.25]])


def test_one_seed_for_everything():
    import random

    def draw():
        utils.set_random_seed(7)
        return random.random(), np.random.rand(), float(tj.rand(1)), keras.random.normal((1,))

    a, b = draw(), draw()
    assert a[:3] == b[:3]
    assert tj.equal(a[3], b[3])
    with pytest.raises(OptionError):
        utils.set_random_seed(-1)


def test_split_dataset():
    x, t = np.arange(10), np.arange(10) * 2
    left, right = utils.split_dataset((x, t), left_size=0.7)
    assert (len(left), len(right)) == (7, 3)
    assert [int(i[1]) for i in right] == [14, 16, 18]
    left, right = utils.split_dataset(TensorDataset(x), right_size=4, shuffle=True, seed=0)
    assert sorted(int(i[0]) for part in (left, right) for i in part) == list(range(10))
    assert [int(i[0]) for i in left] != list(range(6))
    for wrong in (dict(), dict(left_size=11), dict(left_size=7, right_size=7)):
        with pytest.raises(OptionError):
            utils.split_dataset((x, t), **wrong)
    with pytest.raises(ArgumentError):
        utils.split_dataset(3, left_size=1)


def test_batches_of_ones_own_say_what_is_missing():
    with pytest.raises(ArgumentError, match="__len__"):
        len(utils.PyDataset())
    with pytest.raises(ArgumentError, match="__getitem__"):
        utils.PyDataset()[0]


def test_boston_housing_has_kerass_split():
    (x, y), (x_test, y_test) = keras.datasets.boston_housing.load_data()
    assert (x.shape, y.shape, x_test.shape, y_test.shape) == ((404, 13), (404,), (102, 13), (102,))
    np.testing.assert_allclose(y[:3], [15.2, 42.3, 50.0], rtol=1e-6)
    np.testing.assert_allclose(x[0, :3], [1.23247, 0.0, 8.14], rtol=1e-5)


def test_other_data_sets(monkeypatch):
    from tinygrad_jp.keras.datasets import california_housing, mnist

    rows = np.zeros((4, 28, 28), np.uint8)
    monkeypatch.setattr(
        mnist, "load_mnist", lambda normalize, flatten: (
            (rows.reshape(4, 1, 28, 28), np.arange(4)), (rows[:1].reshape(1, 1, 28, 28), np.ones(1))
        )
    )
    (x, t), (x_test, _) = mnist.load_data()
    assert (x.shape, x.dtype, t.dtype, x_test.shape) == ((4, 28, 28), "uint8", "uint8", (1, 28, 28))
    monkeypatch.setattr(
        california_housing, "load_california_housing", lambda seed, test_split: (
            (np.ones((3, 8)), np.array([1.5, 2, 3])), (np.ones((1, 8)), np.array([4.0]))
        )
    )
    (_, y), _ = california_housing.load_data()
    np.testing.assert_allclose(y, [150_000, 200_000, 300_000])
    with pytest.raises(OptionError):
        california_housing.load_data(version="small")


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10", "imdb"])
def test_data_sets_that_are_not_here_name_others(name):
    with pytest.raises(AbsentNameError, match=name):
        getattr(keras.datasets, name)
