"""Every metric gives Keras 3's value, after one batch and after three, with and without weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_jp import keras as ours

from .golden import close, expected

RNG = np.random.default_rng(23)
N, K = 9, 7


def softmax(x: Any) -> Any:
    e = np.exp(x)
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def batches(make: Any) -> list[Any]:
    return [make() for _ in range(3)]


def real() -> Any:
    return RNG.normal(size=(N, 2)).astype("float32"), RNG.normal(size=(N, 2)).astype("float32")


def positive() -> Any:
    return tuple(np.abs(a) + 0.05 for a in real())


def column() -> Any:
    t, p = yes_no()
    return t[:, 0], p[:, :1]


def classes() -> Any:
    return RNG.integers(0, K, N), softmax(3 * RNG.normal(size=(N, K)))


def one_hot() -> Any:
    labels, p = classes()
    return np.eye(K, dtype="float32")[labels], p


def soft() -> Any:
    return softmax(RNG.normal(size=(N, K))), softmax(RNG.normal(size=(N, K)))


def yes_no() -> Any:
    t = RNG.integers(0, 2, (N, 3)).astype("float32")
    p = np.round(np.clip(0.3 * t + 0.7 * RNG.random((N, 3)), 0, 1), 2)  # on thresholds too
    return t, p.astype("float32")


def signs() -> Any:
    t, p = real()
    return np.sign(t), p


def whole() -> Any:
    return RNG.integers(0, 3, (N, 1)).astype("float32"), RNG.integers(0, 3, (N, 1)).astype("float32")


def trial() -> Any:
    t, p = yes_no()
    return t[:, 0], p[:, 0]


DATA = {f.__name__: batches(f) for f in (
    real, positive, column, classes, one_hot, soft, yes_no, signs, whole, trial,
)}
WEIGHTS = [RNG.choice([0.0, 0.5, 1.0, 2.0], N).astype("float32") for _ in range(3)]

# name -> (class, arguments, data)
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "accuracy": ("Accuracy", {}, "whole"),
    "binary": ("BinaryAccuracy", {}, "yes_no"),
    "binary-column": ("BinaryAccuracy", {}, "column"),
    "binary-threshold": ("BinaryAccuracy", dict(threshold=0.3), "trial"),
    "categorical": ("CategoricalAccuracy", {}, "one_hot"),
    "sparse": ("SparseCategoricalAccuracy", {}, "classes"),
    "top-k": ("TopKCategoricalAccuracy", dict(k=2), "one_hot"),
    "top-5": ("TopKCategoricalAccuracy", {}, "one_hot"),
    "sparse-top-k": ("SparseTopKCategoricalAccuracy", dict(k=3), "classes"),
    "mse": ("MeanSquaredError", {}, "real"),
    "mae": ("MeanAbsoluteError", {}, "real"),
    "mape": ("MeanAbsolutePercentageError", {}, "real"),
    "msle": ("MeanSquaredLogarithmicError", {}, "positive"),
    "rmse": ("RootMeanSquaredError", {}, "real"),
    "cosine": ("CosineSimilarity", {}, "real"),
    "log-cosh": ("LogCoshError", {}, "real"),
    "hinge": ("Hinge", {}, "signs"),
    "squared-hinge": ("SquaredHinge", {}, "yes_no"),
    "categorical-hinge": ("CategoricalHinge", {}, "one_hot"),
    "kl": ("KLDivergence", {}, "soft"),
    "poisson": ("Poisson", {}, "positive"),
    "bce": ("BinaryCrossentropy", {}, "yes_no"),
    "bce-logits": ("BinaryCrossentropy", dict(from_logits=True, label_smoothing=0.1), "yes_no"),
    "cce": ("CategoricalCrossentropy", dict(label_smoothing=0.1), "one_hot"),
    "scce": ("SparseCategoricalCrossentropy", {}, "classes"),
    "scce-logits": ("SparseCategoricalCrossentropy", dict(from_logits=True), "classes"),
    "r2": ("R2Score", {}, "real"),
    "r2-each": ("R2Score", dict(class_aggregation=None), "real"),
    "r2-weighted": ("R2Score", dict(class_aggregation="variance_weighted_average"), "real"),
    "r2-adjusted": ("R2Score", dict(num_regressors=2), "real"),
    "tp": ("TruePositives", {}, "yes_no"),
    "fp": ("FalsePositives", dict(thresholds=[0.2, 0.6]), "yes_no"),
    "tn": ("TrueNegatives", dict(thresholds=[0.0, 0.5, 1.0]), "yes_no"),
    "fn": ("FalseNegatives", dict(thresholds=0.7), "trial"),
    "precision": ("Precision", {}, "yes_no"),
    "precision-many": ("Precision", dict(thresholds=[0.1, 0.5, 0.95]), "trial"),
    "precision-top": ("Precision", dict(top_k=2), "one_hot"),
    "precision-class": ("Precision", dict(class_id=1), "yes_no"),
    "recall": ("Recall", {}, "column"),
    "recall-top": ("Recall", dict(top_k=3, class_id=2), "one_hot"),
    "auc": ("AUC", {}, "trial"),
    "auc-pr": ("AUC", dict(curve="PR"), "trial"),
    "auc-few": ("AUC", dict(num_thresholds=5), "yes_no"),
    "auc-minoring": ("AUC", dict(summation_method="minoring"), "trial"),
    "auc-pr-majoring": ("AUC", dict(curve="PR", summation_method="majoring"), "trial"),
    "auc-thresholds": ("AUC", dict(thresholds=[0.1, 0.35, 0.8]), "trial"),
    "auc-multi": ("AUC", dict(multi_label=True), "yes_no"),
    "auc-multi-weights": ("AUC", dict(multi_label=True, label_weights=[1.0, 2.0, 0.5], curve="PR"), "yes_no"),
    "auc-logits": ("AUC", dict(from_logits=True), "trial"),
    "sensitivity": ("SensitivityAtSpecificity", dict(specificity=0.6), "trial"),
    "specificity": ("SpecificityAtSensitivity", dict(sensitivity=0.6), "trial"),
    "precision-at": ("PrecisionAtRecall", dict(recall=0.5), "trial"),
    "recall-at": ("RecallAtPrecision", dict(precision=0.6, num_thresholds=50), "trial"),
    "f1": ("F1Score", {}, "one_hot"),
    "f1-micro": ("F1Score", dict(average="micro", threshold=0.4), "yes_no"),
    "f1-macro": ("F1Score", dict(average="macro"), "one_hot"),
    "f-beta": ("FBetaScore", dict(average="weighted", beta=2.0, threshold=0.5), "yes_no"),
    "iou": ("IoU", dict(num_classes=3, target_class_ids=[0, 2]), "whole"),
    "mean-iou": ("MeanIoU", dict(num_classes=4), "whole"),
    "mean-iou-ignore": ("MeanIoU", dict(num_classes=3, ignore_class=1), "whole"),
    "one-hot-iou": ("OneHotIoU", dict(num_classes=K, target_class_ids=[1, 3]), "one_hot"),
    "one-hot-mean-iou": ("OneHotMeanIoU", dict(num_classes=K), "one_hot"),
    "binary-iou": ("BinaryIoU", dict(threshold=0.4), "trial"),
    "pearson": ("PearsonCorrelation", {}, "soft"),
    "concordance": ("ConcordanceCorrelation", {}, "soft"),
}
UNWEIGHTED = {"auc-multi-weights"}


def run(keras: Any, name: str, weighted: bool) -> Any:
    kind, options, data = CASES[name]
    metric = getattr(keras.metrics, kind)(**options)
    values = []
    for (y_true, y_pred), weight in zip(DATA[data], WEIGHTS, strict=True):
        metric.update_state(y_true, y_pred, **(dict(sample_weight=weight) if weighted else {}))
        values.append(keras.ops.convert_to_numpy(metric.result()))
    metric.reset_state()
    metric.update_state(*DATA[data][1])
    values.append(keras.ops.convert_to_numpy(metric.result()))
    return np.array(values)


RUNS = [  # Keras makes whole numbers of the weights of IoU
    (name, weighted) for name in CASES for weighted in (False, True)
    if not (weighted and "iou" in name)
]


@pytest.mark.parametrize(("name", "weighted"), RUNS)
def test_metric(name, weighted):
    want = expected(
        f"keras_metrics/{name} {'weighted' if weighted else 'plain'}",
        lambda keras: run(keras, name, weighted),
    )
    got = run(ours, name, weighted)
    assert got.dtype == np.float32
    close(f"keras_metrics/{name}", got, want, rtol=5e-6, atol=3e-6)


@pytest.mark.parametrize("kind", ["Mean", "Sum"])
def test_of_values(kind):
    def values(keras: Any) -> Any:
        metric = getattr(keras.metrics, kind)()
        found = []
        for value, weight in [
            (3.0, None), ([1.0, 2.0], None), ([1.0, 2.0], [0.5, 3.0]),
            (RNG_VALUES, None), (RNG_VALUES, [1.0, 0.0, 2.0]),
            (RNG_VALUES, np.abs(RNG_VALUES)),
        ]:
            metric.update_state(np.asarray(value, "float32"), sample_weight=weight)
            found.append(float(metric.result()))
        return np.array(found)

    want = expected(f"keras_metrics/{kind}", values)
    np.testing.assert_allclose(values(ours), want, rtol=2e-6)


RNG_VALUES = np.random.default_rng(2).normal(size=(3, 4)).astype("float32")


def test_configs():
    def facts(keras: Any) -> Any:
        made = {}
        for name, (kind, options, _) in CASES.items():
            config = getattr(keras.metrics, kind)(**options).get_config()
            made[name] = sorted(k for k in config if k not in ("fn", "dtype"))
        return {name: [[ord(c) for c in key] for key in keys] for name, keys in made.items()}

    want = expected("keras_metrics/configs", facts)
    got = facts(ours)
    for name, keys in want.items():
        mine = {"".join(map(chr, k)) for k in got[name]}
        assert {"".join(map(chr, k)) for k in keys} <= mine | {"fn"}, name
