"""Metrics: what is added up, found by name, saved; and the History of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nets import adam, data, net

import tinygrad_jp as tj
from tinygrad_jp import errors, nn
from tinygrad_jp.train import History, Mean, MeanOf, Metric, as_metric
from tinygrad_jp.train.metric import NAMED, snake_case

numbers = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.01, 10)), min_size=1, max_size=20)


@given(numbers)
def test_a_mean_in_parts_is_the_mean(pairs):
    mean = Mean("m")
    for value, weight in pairs:
        mean.update(value, weight=weight)
    values, weights = np.array(pairs).T
    assert mean.result() == pytest.approx(np.average(values, weights=weights), abs=1e-9)
    twin = Mean("m")
    twin.load_state_dict(mean.state_dict())
    assert twin.result() == mean.result()
    mean.reset()
    assert mean.result() == 0.0


@given(st.integers(1, 30), st.integers(1, 9))
def test_a_function_counts_every_sample_once(n, size):
    rng = np.random.default_rng(n)
    y, t, w = rng.random((n, 2)), rng.random((n, 2)), rng.random(n) + 0.1
    each = MeanOf(lambda y, t: (y - t) ** 2, "each")
    whole = MeanOf(lambda y, t: ((y - t) ** 2).mean(), "whole")
    weighed = MeanOf(lambda y, t: (y - t) ** 2)
    for i in range(0, n, size):
        part = slice(i, i + size)
        each.update(y[part], t[part])
        whole.update(y[part], t[part])
        weighed.update(y[part], t[part], w[part])
    rows = ((y - t) ** 2).mean(1)
    assert each.result() == pytest.approx(rows.mean())
    assert whole.result() == pytest.approx(rows.mean())
    assert weighed.result() == pytest.approx(np.average(rows, weights=w))


def test_metrics_are_found():
    mean = Mean("x")
    assert as_metric(mean) is mean

    class Mine(Metric):
        def reset(self):
            self.n = 0

        def update(self, output, target, weight=None):
            self.n += 1

        def result(self):
            return self.n

    assert type(as_metric(Mine)) is Mine
    assert as_metric(Mine).name == "mine"
    assert as_metric(abs).name == "abs"
    with pytest.raises(errors.ArgumentError, match="float"):
        as_metric(1.0)
    with pytest.raises(errors.OptionError, match="accuracy"):
        as_metric("acuracy")
    with pytest.raises(errors.ArgumentError, match="reset"):
        Metric()


def test_every_metric_has_a_name_and_a_state_that_a_checkpoint_can_hold(tmp_path):
    as_metric("accuracy")
    rng = np.random.default_rng(0)
    assert len(NAMED) > 10
    for name in NAMED:
        metric, twin = as_metric(name), as_metric(name)
        assert metric.name == name
        t = rng.integers(0, 2, (6, 3)) if "sparse" not in name else rng.integers(0, 3, 6)
        y = rng.random((6, 3)).astype(np.float32)
        metric.update(tj.tensor(y), tj.tensor(t.astype(np.float32) if t.ndim > 1 else t))
        path = tmp_path / "metric.safetensors"
        tj.save({"state": metric.state_dict()}, path)
        twin.load_state_dict(tj.load(path)["state"])
        np.testing.assert_array_equal(twin.result(), metric.result(), err_msg=name)


def test_metrics_by_name_in_fit():
    model = net()
    history = tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=20, verbose=0,
                     metrics=["sparse_categorical_accuracy"])
    y = tj.predict(model, data()[0]).numpy().argmax(1)
    judged = tj.evaluate(model, data(), nn.CrossEntropyLoss(), metrics="sparse_categorical_accuracy")
    assert judged["sparse_categorical_accuracy"] == pytest.approx((y == data()[1]).mean())
    assert history["sparse_categorical_accuracy"][-1] > 0.8


@pytest.mark.parametrize(("name", "snake"), [
    ("MeanSquaredError", "mean_squared_error"), ("AUC", "auc"), ("R2Score", "r2_score"),
    ("F1Score", "f1_score"), ("Accuracy", "accuracy"), ("KLDivergence", "kl_divergence"),
])
def test_snake_case(name, snake):
    assert snake_case(name) == snake


def test_history():
    h = History()
    for epoch, logs in enumerate([{"a": 3.0}, {"a": 1.0, "b": 5.0}, {"a": 2.0}]):
        h.add(epoch, logs)
    assert h["a"] == [3, 1, 2]
    assert [math.isnan(v) for v in h["b"]] == [True, False, True]
    assert h.best("a") == (1, 1.0)
    assert h.best("a", "max") == (0, 3.0)
    assert h.best("b") == (1, 5.0)
    assert list(h) == ["a", "b"]
    assert "a" in h
    assert "c" not in h
    assert dict(h)["a"] == h.history["a"]
    assert h.epoch == [0, 1, 2]
    assert "epochs=3" in repr(h)
    assert "epochs=0" in repr(History())


def test_counts_of_which_nothing_is_made_are_refused():
    from tinygrad_jp.train.confusion import Counting

    metric = Counting(0.5)
    metric.update(np.array([0.9, 0.1]), np.array([1, 0]))
    with pytest.raises(errors.ArgumentError, match=r"Counting has no value\(\)"):
        metric.result()
