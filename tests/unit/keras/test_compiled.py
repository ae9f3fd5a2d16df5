"""A training step of the front under tj.compile: what is replayed is what eager steps do."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors, keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype("float32")
COLUMN = RNG.normal(size=(16, 1)).astype("float32")
YES = RNG.integers(0, 2, (16, 1)).astype("float32")
LABELS = RNG.integers(0, 4, 16)
LOSSES = {
    "MeanSquaredError": COLUMN, "MeanAbsoluteError": COLUMN, "Huber": COLUMN, "LogCosh": COLUMN,
    "MeanAbsolutePercentageError": COLUMN, "Hinge": YES, "BinaryCrossentropy": YES,
    "BinaryFocalCrossentropy": YES, "CategoricalCrossentropy": np.eye(4, dtype="float32")[LABELS],
    "SparseCategoricalCrossentropy": LABELS, "KLDivergence": np.eye(4, dtype="float32")[LABELS],
    "CosineSimilarity": np.eye(4, dtype="float32")[LABELS],
}


def made(loss, optimizer, weight=None):
    """Give the variables of a small network, and a function that trains it by one step."""
    outputs = 4 if "ategorical" in loss.name or loss.name.startswith(("kl", "cosine")) else 1
    w = keras.Variable(keras.initializers.HeNormal(seed=1)((3, 8)), name="w")
    u = keras.Variable(keras.initializers.HeNormal(seed=2)((8, outputs)), name="u")
    optimizer.build([w, u])

    def step(x, y):
        h = keras.ops.matmul(keras.ops.tanh(keras.ops.matmul(x, w)), u)
        if outputs == 4:
            h = keras.activations.softmax(h)
        elif "crossentropy" in loss.name:
            h = keras.activations.sigmoid(h)
        value = loss(y, h) if weight is None else loss(y, h, weight)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return [w, u], step


def together(loss, make_optimizer, y, steps=6, between=lambda optimizer, i: None, weight=None):
    first, second = make_optimizer(), make_optimizer()
    eager, step = made(loss, first, weight)
    replayed, other = made(loss, second, weight)
    compiled = tj.compile(other)
    x, y = tj.Tensor(X), tj.Tensor(y)
    for i in range(steps):
        between(first, i)
        between(second, i)
        np.testing.assert_allclose(step(x, y).item(), compiled(x, y).item(), rtol=2e-6)
    for a, b in zip(eager, replayed, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
    assert int(first.iterations) == int(second.iterations) == steps


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    loss = getattr(keras.losses, name)()
    rate = 1e-5 if "Percentage" in name else 0.1  # its gradients are in the hundreds
    together(loss, lambda: keras.optimizers.SGD(rate), LOSSES[name])


@pytest.mark.parametrize("name", ["MeanSquaredError", "SparseCategoricalCrossentropy"])
def test_weights(name):
    weights = np.linspace(0, 2, 16).astype("float32")
    loss = getattr(keras.losses, name)(reduction="mean_with_sample_weight")
    together(loss, lambda: keras.optimizers.SGD(0.1), LOSSES[name], weight=weights)


@pytest.mark.parametrize("name", [
    "SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Lion", "Ftrl",
])
def test_optimizers(name):
    together(
        keras.losses.MeanSquaredError(), lambda: getattr(keras.optimizers, name)(0.05), COLUMN
    )


@pytest.mark.parametrize("options", [
    dict(clipnorm=0.1), dict(clipvalue=0.02), dict(global_clipnorm=0.1), dict(weight_decay=0.1),
    dict(loss_scale_factor=4.0),
], ids=str)
def test_options(options):
    together(
        keras.losses.MeanSquaredError(), lambda: keras.optimizers.SGD(0.1, **options), COLUMN
    )


def test_rates_are_not_frozen():
    def lower(optimizer, i):
        if i == 3:
            optimizer.learning_rate = 0.01

    loss = keras.losses.MeanSquaredError()
    together(loss, lambda: keras.optimizers.Adam(0.1), COLUMN, between=lower)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    together(loss, lambda: keras.optimizers.Adam(schedule), COLUMN)


def test_constraints_hold():
    def make():
        optimizer = keras.optimizers.SGD(0.5)
        build = optimizer.build

        def constrained(variables):
            variables[0].constraint = keras.constraints.MaxNorm(0.3)
            build(variables)

        optimizer.build = constrained
        return optimizer

    together(keras.losses.MeanSquaredError(), make, COLUMN)


def test_labels_are_looked_at_in_replays_too():
    _, step = made(keras.losses.SparseCategoricalCrossentropy(), keras.optimizers.SGD(0.1))
    compiled = tj.compile(step)
    for _ in range(3):
        compiled(tj.Tensor(X), tj.Tensor(LABELS))
    wrong = LABELS.copy()
    wrong[2] = 4
    with pytest.raises(errors.LabelError):
        compiled(tj.Tensor(X), tj.Tensor(wrong))


@pytest.mark.parametrize("options", [
    dict(use_ema=True), dict(gradient_accumulation_steps=2),
], ids=str)
def test_what_cannot_be_recorded_says_so(options):
    _, step = made(keras.losses.MeanSquaredError(), keras.optimizers.SGD(0.1, **options))
    with pytest.raises(errors.CompileError, match=next(iter(options))):
        tj.compile(step)(tj.Tensor(X), tj.Tensor(COLUMN))
