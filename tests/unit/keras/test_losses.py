"""Losses: custom ones, names, configs, weights, and what is said where they are misused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors, keras
from tinygrad_jp.train import row_losses

RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(5, 3)).astype("float32")


def test_own_loss_by_function_and_by_class():
    def cubic(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 3, axis=-1)

    class Cubic(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return cubic(y_true, y_pred)

    want = np.abs(T.astype("float64") - P) ** 3
    by_function = keras.losses.resolve(cubic, T, P)
    assert by_function.name == "cubic"
    for loss in (by_function, Cubic()):
        p = tj.Tensor(P, requires_grad=True)
        value = loss(T, p)
        value.backward()
        np.testing.assert_allclose(value.item(), want.mean(), rtol=1e-6)
        np.testing.assert_allclose(p.grad.numpy(), 3 * (P - T) * np.abs(P - T) / 15, rtol=1e-4, atol=1e-7)
    weights = np.arange(5.0)
    np.testing.assert_allclose(
        Cubic(reduction="sum")(T, P, weights).item(), (want.mean(1) * weights).sum(), rtol=1e-6
    )
    assert Cubic().name.startswith("cubic")


def test_own_loss_of_several_outputs():
    class Both(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return sum(keras.ops.sum(abs(y_true[k] - y_pred[k]), axis=-1) for k in y_true)

    value = Both()({"a": T, "b": P}, {"a": P, "b": P})
    np.testing.assert_allclose(value.item(), np.abs(T - P).sum(1).mean(), rtol=1e-6)


@pytest.mark.parametrize("name", [
    "mse", "MSE", "mean_squared_error", "MeanSquaredError", "mae", "mape", "msle", "bce", "kld",
    "huber", "log_cosh", "logcosh", "poisson", "cosine_similarity", "hinge", "squared_hinge",
    "CategoricalHinge", "binary_crossentropy", "categorical_crossentropy",
    "sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", "binary_focal_crossentropy",
    "kl_divergence", "Tversky", "dice",
])
def test_names(name):
    loss = keras.losses.resolve(name, T, P)
    assert isinstance(loss, keras.losses.Loss)
    assert callable(keras.losses.get(name))


def test_crossentropy_is_chosen_by_shapes():
    resolve = keras.losses.resolve
    kinds = {
        "BinaryCrossentropy": (np.ones((4, 1)), np.ones((4, 1))),
        "SparseCategoricalCrossentropy": (np.ones((4,)), np.ones((4, 3))),
        "CategoricalCrossentropy": (np.ones((4, 3)), np.ones((4, 3))),
    }
    for kind, (y_true, y_pred) in kinds.items():
        found = resolve("crossentropy", y_true, y_pred)
        assert type(found).__name__ == kind


def test_configs_go_round():
    for loss in (
        keras.losses.Huber(delta=0.3, name="h", reduction="sum"),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2),
        keras.losses.BinaryFocalCrossentropy(gamma=1.0, label_smoothing=0.1),
        keras.losses.LossFunctionWrapper(keras.losses.mean_absolute_error, name="m"),
    ):
        config = keras.losses.serialize(loss)
        again = keras.losses.deserialize(config)
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()
    assert keras.losses.serialize(keras.losses.poisson) == "poisson"
    assert keras.losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    own = {"Mine": type("Mine", (keras.losses.Loss,), {"call": lambda self, t, p: t - p})}
    assert type(keras.losses.deserialize({"class_name": "Mine", "config": {}}, own)).__name__ == "Mine"


def test_the_quick_way_is_the_long_way():
    """What is one operation in the usual case gives the mean of the rows' values."""
    labels = RNG.integers(0, 3, 5)
    for loss, y_true in (
        (keras.losses.MeanSquaredError, T),
        (lambda **k: keras.losses.SparseCategoricalCrossentropy(from_logits=True, **k), labels),
        (lambda **k: keras.losses.SparseCategoricalCrossentropy(from_logits=True, **k), labels[:, None]),
    ):
        at_once, rows = loss()(y_true, tj.Tensor(P)), loss(reduction="none")(y_true, tj.Tensor(P))
        assert at_once.shape == ()
        assert rows.shape == (5,)
        np.testing.assert_allclose(at_once.item(), rows.numpy().mean(), rtol=1e-6)


def test_weights_go_with_samples_whatever_comes_after():
    """Also where the batch is as long as a row, which Keras would weigh instead."""
    t, p = RNG.normal(size=(2, 3, 3, 4)).astype("float32")
    w = np.array([1.0, 0.0, 3.0], "float32")
    rows = ((t - p) ** 2).mean(-1)
    loss = keras.losses.MeanSquaredError(reduction="sum")
    np.testing.assert_allclose(loss(t, p, w).item(), (rows * w[:, None]).sum(), rtol=1e-6)
    np.testing.assert_allclose(loss(t, p, np.outer(w, w)).item(), (rows * np.outer(w, w)).sum(), rtol=1e-6)
    whole = keras.losses.Dice()(np.ones((3, 2)), np.full((3, 2), 0.5), w)
    np.testing.assert_allclose(whole.item(), w.mean() / 3, rtol=1e-6)


def test_targets_may_have_a_gradient():
    t = tj.Tensor(T, requires_grad=True)
    keras.losses.MeanAbsoluteError()(t, P).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.sign(T - P) / 15, rtol=1e-6)


def test_dtypes():
    assert keras.losses.MeanSquaredError()(T.astype("float64"), P.astype("float64")).dtype == "float32"
    double = tj.Tensor(P.astype("float64"), requires_grad=True)
    loss = keras.losses.MeanAbsoluteError()(T, double)
    assert loss.dtype == np.float64
    assert keras.losses.MeanAbsoluteError(dtype="float64")(T, P).dtype == np.float64
    assert keras.losses.MeanSquaredError()([1, 2], [2, 4]).item() == 2.5


def said(kind, call):
    with pytest.raises(kind) as caught:
        call()
    texts = {}
    for language in ("ja", "en"):
        errors.set_language(language)
        texts[language] = str(caught.value)
    errors.set_language(None)
    assert texts["ja"] != texts["en"]
    return texts["en"]


def test_what_is_said():
    losses = keras.losses
    assert "mean_squared_error" in said(errors.OptionError, lambda: losses.get("mean_squared_eror"))
    assert "(5, 3)" in said(errors.ShapeError, lambda: losses.MeanAbsoluteError()(T[:, :2], P))
    assert "(5, 3)" in said(errors.ShapeError, lambda: losses.MeanSquaredError()(T[:3], P))
    for labels in (np.arange(5), np.arange(5)[:, None]):
        text = said(errors.ShapeError, lambda t=labels: losses.CategoricalCrossentropy()(t, P))
        assert "to_categorical" in text
    assert "sparse_categorical_crossentropy" in text
    text = said(errors.ShapeError, lambda: losses.SparseCategoricalCrossentropy()(np.eye(3)[[0, 1, 2, 0, 1]], P))
    assert "categorical_crossentropy" in text
    text = said(errors.LabelError, lambda: losses.SparseCategoricalCrossentropy()([0, 1, 2, 3, 0], P))
    assert "3" in text
    said(errors.LabelError, lambda: losses.SparseCategoricalCrossentropy(from_logits=True)([0, 1, 2, -1, 0], tj.Tensor(P)))
    said(errors.LabelError, lambda: losses.SparseCategoricalCrossentropy()([0, 1, 0.5, 0, 0], P))
    said(errors.OptionError, lambda: losses.Huber(reduction="average"))
    said(errors.OptionError, lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0))
    said(errors.OptionError, lambda: losses.BinaryCrossentropy(label_smoothing=2.0)(T, P))
    said(errors.ShapeError, lambda: losses.MeanSquaredError()(T, P, sample_weight=np.ones(4)))
    text = said(errors.ShapeError, lambda: losses.MeanSquaredError()(T[:, 0], P[:, 0], sample_weight=np.ones(5)))
    assert "(N, 1)" in text
    said(errors.ArgumentError, lambda: losses.Loss()(T, P))
    said(errors.ArgumentError, lambda: losses.binary_crossentropy(T, P, axis=True))
    assert "function loss(y_true, y_pred)" in said(errors.AbsentNameError, lambda: losses.CTC)


def test_gradients_by_numerical_differentiation():
    rng = np.random.default_rng(4)
    one_hot = np.eye(3)[rng.integers(0, 3, 4)]
    p = rng.uniform(0.1, 0.9, (4, 3))
    x = rng.normal(size=(4, 3))
    checks = [
        (lambda y: row_losses.log_cosh(x, y).sum(), x + rng.normal(size=(4, 3))),
        (lambda y: row_losses.cosine_similarity(x, y).sum(), rng.normal(size=(4, 3))),
        (lambda y: row_losses.categorical_focal_crossentropy(one_hot, y).sum(), p),
        (lambda y: row_losses.binary_focal_crossentropy(one_hot, y, True, from_logits=True).sum(), x),
        (lambda y: row_losses.tversky(one_hot, y, 0.3, 0.9), p),
        (lambda y: row_losses.generalized_crossentropy([0, 2, 1, 1], y).sum(), p),
        (lambda y: row_losses.sparse_categorical_crossentropy([0, 2, 1, 1], y).sum(), p),
    ]
    for f, at in checks:
        assert tj.gradcheck(f, [tj.Tensor(at, requires_grad=True)])
