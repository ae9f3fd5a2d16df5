"""Metrics: custom ones, names by shape, state, and what the training loop asks of them."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors, keras
from tinygrad_jp.train import as_metric, metrics

T = np.array([0, 1, 1, 0, 1], "float32")
P = np.array([0.1, 0.4, 0.8, 0.6, 0.9], "float32")


class Count(keras.metrics.Metric):
    """How many are above a threshold, as a user would write it."""

    def __init__(self, threshold=0.5, name="count", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.above = self.add_weight(shape=(), initializer="zeros", name="above")
        self.inner = keras.metrics.Mean()

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = keras.ops.cast(keras.ops.greater(y_pred, self.threshold), self.dtype)
        if sample_weight is not None:
            hits = hits * keras.ops.cast(sample_weight, self.dtype)
        self.above.assign_add(keras.ops.sum(hits))
        self.inner.update_state(y_pred)

    def result(self):
        return self.above

    def reset_state(self):
        self.above.assign(0.0)
        self.inner.reset_state()


def test_own_metric():
    metric = Count()
    assert float(metric(T, P)) == 3.0
    metric.update_state(T, P, sample_weight=np.array([1, 1, 0, 2, 0]))
    assert float(metric.result()) == 5.0
    assert next(v.name for v in metric.variables) == "above"
    state = metric.state_dict()
    other = Count()
    other.load_state_dict({k: v for k, v in state.items() if k == "0"} | {"1": 0.0, "2": 0.0})
    assert float(other.result()) == 5.0
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_default_reset_sets_every_variable_to_zero():
    class Kept(Count):
        reset_state = keras.metrics.Metric.reset_state

    metric = Kept()
    metric.inner = None
    metric.above.assign(4.0)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_as_the_training_loop_calls_it():
    metric = keras.metrics.BinaryAccuracy()
    metric.update(tj.Tensor(P), tj.Tensor(T))
    metric.update(tj.Tensor(P), T, np.ones(5))
    assert metric.result().item() == pytest.approx(0.6)
    assert as_metric(metric) is metric
    saved = metric.state_dict()
    metric.reset()
    assert metric.result().item() == 0.0
    metric.load_state_dict(saved)
    assert metric.result().item() == pytest.approx(0.6)


def test_accuracy_is_chosen_by_shapes():
    resolve = keras.metrics.resolve
    for name in ("accuracy", "acc", "Accuracy"):
        kinds = [
            resolve(name, np.ones((4, 1)), np.ones((4, 1))),
            resolve(name, np.ones((4,)), np.ones((4, 3))),
            resolve(name, np.ones((4, 1)), np.ones((4, 3))),
            resolve(name, np.ones((4, 3)), np.ones((4, 3))),
        ]
        assert [type(k).__name__ for k in kinds] == [
            "BinaryAccuracy", "SparseCategoricalAccuracy", "SparseCategoricalAccuracy",
            "CategoricalAccuracy",
        ]
        assert {k.name for k in kinds} == {name}


def test_names():
    y = np.ones((3, 1))
    for given, name, kind in (
        ("mae", "mae", "MeanAbsoluteError"), ("AUC", "AUC", "AUC"), ("auc", "auc", "AUC"),
        (keras.metrics.F1Score, "f1_score", "F1Score"), (keras.losses.huber, "huber", "MeanMetricWrapper"),
        (keras.losses.Huber(), "huber_loss", "MeanMetricWrapper"),
        ("binary_accuracy", "binary_accuracy", "BinaryAccuracy"), ("huber", "huber", "MeanMetricWrapper"),
        (keras.metrics.Precision(name="p"), "p", "Precision"),
    ):
        found = keras.metrics.resolve(given, y, y)
        assert (found.name, type(found).__name__) == (name, kind)


def test_configs_go_round():
    for metric in (
        keras.metrics.AUC(num_thresholds=50, curve="PR", name="a"), keras.metrics.F1Score(average="micro"),
        keras.metrics.Precision(top_k=2, class_id=1), keras.metrics.BinaryAccuracy(threshold=0.3),
        keras.metrics.TopKCategoricalAccuracy(k=3), keras.metrics.R2Score(num_regressors=1),
        keras.metrics.RecallAtPrecision(0.7), keras.metrics.RootMeanSquaredError(),
        keras.metrics.MeanMetricWrapper(keras.losses.mean_absolute_error, name="m"),
    ):
        again = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert type(again) is type(metric)
        assert again.get_config() == metric.get_config()


def test_metrics_do_not_record():
    p = tj.Tensor(P, requires_grad=True)
    metric = keras.metrics.MeanSquaredError()
    metric.update_state(T, p)
    assert metric.result().requires_grad is False
    np.testing.assert_allclose(metric.result().item(), ((T - P) ** 2).mean(), rtol=1e-6)


def test_results_are_float32_and_empty_ones_are_zero():
    for kind in ("MeanSquaredError", "AUC", "Precision", "BinaryAccuracy", "Mean", "Sum"):
        metric = getattr(keras.metrics, kind)()
        assert metric.result().item() == 0.0
        assert metric.result().dtype == np.float32
    assert np.isnan(keras.metrics.R2Score().result().item())


def test_what_is_said():
    for call, part in (
        (lambda: keras.metrics.get("precison"), "precision"),
        (lambda: keras.metrics.Precision(thresholds=1.5), "1.5"),
        (lambda: keras.metrics.AUC(curve="PRC"), "ROC, PR"),
        (lambda: keras.metrics.AUC(num_thresholds=1), "2"),
        (lambda: keras.metrics.F1Score(average="mean"), "macro"),
        (lambda: keras.metrics.IoU(3, [0, 3]), "3"),
        (lambda: keras.metrics.CategoricalAccuracy()(T, np.ones((5, 3))), "(5, 3)"),
        (lambda: keras.metrics.Precision(class_id=1)(T, P), "class_id"),
        (lambda: keras.metrics.Precision()(T, P, sample_weight=np.ones(3)), "(3,)"),
        (lambda: keras.metrics.SparseCategoricalAccuracy()(T[:2], np.ones((5, 3))), "(2,)"),
        (lambda: keras.metrics.Metric()(T, P), "update_state"),
        (lambda: keras.metrics.R2Score("mean"), "uniform_average"),
        (lambda: keras.metrics.FBetaScore(beta=0.0), "beta"),
    ):
        with pytest.raises(errors.TinygradError) as caught:
            call()
        for language in ("ja", "en"):
            errors.set_language(language)
            assert part in str(caught.value)
        errors.set_language(None)


# ── the same, without Keras's names ─────────────────────────────────────────────────────────────


def test_named_for_fit():
    labels, scores = np.array([0, 2, 1]), np.eye(3, dtype="float32")[[0, 1, 1]]
    for given, output, target, want in (
        ("accuracy", scores, labels, 2 / 3), ("acc", scores, np.eye(3)[labels], 2 / 3),
        ("accuracy", P[:, None], T, 0.6), ("mse", P, T, ((T - P) ** 2).mean()),
        ("rmse", P, T, np.sqrt(((T - P) ** 2).mean())), ("precision", P, T, 2 / 3),
        ("recall", P, T, 2 / 3), ("auc", P, T, 5 / 6), ("r2", P, T, 1 - ((T - P) ** 2).sum() / 1.2),
        ("sparse_categorical_accuracy", scores, labels, 2 / 3),
    ):
        metric = as_metric(given)
        metric.update(tj.Tensor(output), tj.Tensor(target))
        assert metric.name == given
        assert metric.result() == pytest.approx(want, rel=1e-5)
        saved = metric.state_dict()
        metric.reset()
        metric.load_state_dict(saved)
        assert metric.result() == pytest.approx(want, rel=1e-5)
    for output, target, want in (
        (scores, np.eye(3)[labels], (1 + 2 / 3 + 0) / 3), (scores, labels, (1 + 2 / 3 + 0) / 3),
        (P, T, 2 / 3), (P[:, None], T, 2 / 3),
    ):
        f1 = as_metric("f1")
        f1.update(output, target)
        assert f1.result() == pytest.approx(want, rel=1e-5)


def test_weights_of_overlap_are_taken_as_they_are():
    metric = keras.metrics.BinaryIoU(target_class_ids=[1])
    value = metric([1, 1, 0, 0], [0.9, 0.1, 0.8, 0.1], sample_weight=[0.5, 0.25, 0.25, 9.0])
    assert float(value) == pytest.approx(0.5)


def test_area_is_the_probability_of_the_right_order():
    rng = np.random.default_rng(1)
    t = rng.integers(0, 2, 400)
    p = np.clip(rng.normal(0.4 + 0.2 * t, 0.2), 0, 1)
    auc = metrics.AUC(num_thresholds=2000)
    for part in range(4):
        auc.update(p[part::4], t[part::4])
    pairs = (p[t == 1][:, None] > p[t == 0]) + 0.5 * (p[t == 1][:, None] == p[t == 0])
    assert auc.result() == pytest.approx(pairs.mean(), abs=2e-3)


def test_counts_by_both_ways_agree():
    from tinygrad_jp.train.confusion import counts, is_even

    rng = np.random.default_rng(2)
    t, p, w = rng.integers(0, 2, 300), np.round(rng.random(300), 3), rng.random(300)
    even, uneven = np.linspace(0, 1, 14), np.sort(np.append(np.linspace(0, 1, 14), 0.333))
    assert is_even(even)
    assert not is_even(uneven)
    a, b = counts(t, p, even, w), counts(t, p, uneven, w)
    rest = np.flatnonzero(uneven != 0.333)
    for kind in ("tp", "fp", "tn", "fn"):
        np.testing.assert_allclose(a[kind], b[kind][rest], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a["tp"] + a["fn"], w[t == 1].sum())
    np.testing.assert_allclose(a["fp"] + a["tn"], w[t == 0].sum())
