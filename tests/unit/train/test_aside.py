"""Batches that metrics take in joined: nothing may come out otherwise than batch by batch."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.train import aside
from tinygrad_jp.train.aside import Aside, can_join, joined


class Seen:
    """Notes what it is given."""

    def __init__(self):
        self.batches = []
        self.aside = Aside(lambda *batch: self.batches.append(batch))

    def shapes(self):
        return [[None if part is None else part.shape for part in b] for b in self.batches]


def tensor(*shape, dtype=np.float32):
    return tj.Tensor(np.ones(shape, dtype), dtype=dtype)


def test_full_and_smaller_batches_come_as_one():
    seen = Seen()
    for n in (4, 4, 3):
        seen.aside.put(tensor(n, 2), tensor(n), None)
    assert seen.batches == []
    seen.aside.fold()
    seen.aside.fold()
    assert seen.shapes() == [[(11, 2), (11,), None]]


def test_a_nest_keeps_its_form_and_names_their_places():
    seen = Seen()
    for order in (("a", "b"), ("b", "a")):
        values = {"a": tj.Tensor(np.zeros((2, 1))), "b": tj.Tensor(np.ones((2, 1)))}
        seen.aside.put([tensor(2, 1), tensor(2, 3)], {name: values[name] for name in order})
    seen.aside.fold()
    outputs, targets, _ = seen.batches[0]
    assert [y.shape for y in outputs] == [(4, 1), (4, 3)]
    assert [targets[name].numpy().sum() for name in "ab"] == [0, 4]


def test_what_does_not_go_together_comes_batch_by_batch():
    several = {
        "rows": [(np.ones((2, 3)), np.ones(2), None), (np.ones((2, 4)), np.ones(2), None)],
        "dtype": [(np.ones((2, 1), "f4"), np.ones(2), None), (np.ones((2, 1)), np.ones(2), None)],
        "counts": [(np.ones((2, 1)), np.ones(1), None), (np.ones((2, 1)), np.ones(1), None)],
        "none": [(np.ones(2), np.ones(2), None), (np.ones(2), np.ones(2), np.ones(2))],
        "scalar": [(np.ones(()), np.ones(()), None)] * 2,
        "nest": [(np.ones(2), np.ones(2), None), ([np.ones(2)] * 2, np.ones(2), None)],
    }
    for name, batches in several.items():
        assert joined(batches) is batches, name


def test_what_is_written_over_later_was_kept():
    seen = Seen()
    target, weights, source = np.zeros(2), np.zeros(2), np.zeros((2, 2))
    seen.aside.put(tj.autograd.apply.wrap(source[:1]), tj.autograd.apply.wrap(target), weights)
    for array in (target, weights, source):
        array[...] = 7
    seen.aside.fold()
    assert [part.numpy().tolist() for part in seen.batches[0]] == [[[0.0, 0.0]], [0.0] * 2, [0.0] * 2]


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(aside, "BYTES", 100)
    seen = Seen()
    for _ in range(5):
        seen.aside.put(tensor(2, 3), tensor(2, 2))  # 40 bytes
    assert seen.shapes() == [[(4, 3), (4, 2), None]] * 2
    big = Seen()
    big.aside.put(tensor(2, 40), tensor(2))
    assert big.shapes() == [[(2, 40), (2,), None]]
    big.aside.put(tensor(2, 1), tensor(2))
    big.aside.clear()
    big.aside.fold()
    assert len(big.batches) == 1


def test_metrics_of_the_user_see_every_batch():
    class Own(keras.metrics.MeanSquaredError):
        pass

    metrics = keras.metrics
    assert can_join(metrics.MeanSquaredError())
    assert can_join(metrics.AUC())
    assert not can_join(Own())
    assert not can_join(metrics.MeanMetricWrapper(lambda t, y: t - y))
    assert not can_join(metrics.CosineSimilarity(axis=0))
    assert not can_join(metrics.IoU(2, [0], axis=1))
    assert not can_join(metrics.Mean())
    assert not can_join(tj.train.as_metric(lambda y, t: 0.0))
    assert can_join(tj.train.as_metric("accuracy"))


@pytest.mark.parametrize("metric", [
    keras.metrics.MeanAbsoluteError, keras.metrics.RootMeanSquaredError, keras.metrics.R2Score,
    keras.metrics.AUC, keras.metrics.Precision, keras.metrics.F1Score, keras.metrics.BinaryIoU,
    keras.metrics.BinaryAccuracy, keras.metrics.CosineSimilarity, keras.metrics.Hinge,
    keras.metrics.TruePositives, keras.metrics.BinaryCrossentropy,
])
@pytest.mark.parametrize("weighted", [False, True])
def test_joined_or_not_is_the_same(metric, weighted):
    rng = np.random.default_rng(0)
    one, many = metric(), metric()
    waiting = Aside(lambda y, t, w: one.update_state(t, y, w))
    assert can_join(one)
    for n in (5, 5, 2):
        y, t, w = rng.random((n, 3)), rng.integers(0, 2, (n, 3)) * 1.0, rng.random(n) + 0.1
        if metric is keras.metrics.BinaryIoU:  # one weight an element
            w = rng.random((n, 3))
        w = w if weighted else None
        waiting.put(tj.Tensor(y), tj.Tensor(t), w)
        many.update_state(tj.Tensor(t), tj.Tensor(y), w)
    waiting.fold()
    np.testing.assert_allclose(np.asarray(one.result()), np.asarray(many.result()), rtol=1e-6)
