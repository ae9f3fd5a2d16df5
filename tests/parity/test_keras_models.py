"""Whole trainings give Keras 3's numbers: losses, metrics and weights, from equal weights and data.

The same program runs under both libraries: here with `tinygrad_jp.keras`, and where Keras is
installed with Keras itself (see golden).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_jp import keras as ours
from tinygrad_jp.data import load_boston_housing

from .golden import expected

EVERY = 7  # so many weights are skipped in the records, which would be long


def drawn(shapes: list[tuple[int, ...]], seed: int = 0) -> list[np.ndarray]:
    """Draw weights for a model, small ones, biases too."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(-0.3, 0.3, s).astype("float32") for s in shapes]


def result(model: Any, history: Any, x: Any) -> dict[str, Any]:
    """Collect what a training gave."""
    flat = np.concatenate([np.ravel(np.asarray(w)) for w in model.get_weights()])
    outputs = model.predict(x, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    numbers = {k: np.array(v, "float64") for k, v in history.history.items()}
    return {
        "names": np.array([len(k) for k in numbers]), **numbers, "weights": flat[::EVERY],
        "outputs": np.concatenate([np.ravel(np.asarray(y)) for y in outputs])[::EVERY],
    }


# ── seed 004: 3-64-64-1, Adam, house prices ─────────────────────────────────────────────────────


def housing(keras: Any, epochs: int = 8) -> dict[str, Any]:
    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = keras.layers.Dense(64, activation="relu")
            self.second = keras.layers.Dense(64, activation="relu")
            self.last = keras.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.last(self.second(self.first(inputs)))

    (x, t), (x_test, t_test) = load_boston_housing()
    x, x_test = x[:, [5, 6, 12]] / 10, x_test[:, [5, 6, 12]] / 10
    model = Net()
    model(x[:1])
    model.set_weights(drawn([(3, 64), (64,), (64, 64), (64,), (64, 1), (1,)]))
    model.compile(keras.optimizers.Adam(learning_rate=0.001), loss="mse", metrics=["mae"])
    history = model.fit(
        x, t, epochs=epochs, verbose=0, shuffle=False, validation_data=(x_test, t_test)
    )
    return result(model, history, x_test)


# ── seed 000: two heads, RMSprop ────────────────────────────────────────────────────────────────


def health(keras: Any, epochs: int = 6) -> dict[str, Any]:
    layers = keras.layers
    inputs = keras.Input(shape=(6,))
    x = layers.Dense(64, activation="relu")(inputs)
    y = layers.Dense(256, activation="sigmoid")(x)
    y = layers.Dropout(0.0)(y)
    z = layers.Dense(32, activation="relu")(y)
    bmi = layers.Dense(1, name="bmi")(z)
    life = layers.Dense(1, name="life_expectancy")(z)
    model = keras.Model(inputs=inputs, outputs=[bmi, life], name="Health")
    model.set_weights(drawn([w.shape for w in model.weights]))
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.001), loss_weights=[1.0, 0.8], loss=["mse", "huber"],
        metrics=["mae", "mse"],
    )
    rng = np.random.default_rng(1)
    data = rng.random((150, 6)).astype("float32")
    targets = [data[:, :1] * 2 + data[:, 1:2], 3 * data[:, 2:3] - data[:, 3:4]]
    history = model.fit(
        data, targets, batch_size=16, epochs=epochs, verbose=0, shuffle=False,
        validation_split=0.2,
    )
    return result(model, history, data)


# ── a classifier with normalisation, weights of samples and regularization ──────────────────────


def classifier(keras: Any, epochs: int = 6) -> dict[str, Any]:
    layers = keras.layers
    model = keras.Sequential([
        keras.Input(shape=(5,)),
        layers.Dense(16, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.01)),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dropout(0.0),
        layers.LayerNormalization(),
        layers.Dense(3, activation="softmax"),
    ])
    start = drawn([w.shape for w in model.weights], seed=2)
    start[4] = np.abs(start[4]) + 0.5  # a variance
    model.set_weights(start)
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["acc"],
    )
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 5)).astype("float32")
    t = (x[:, 0] > 0).astype("int64") + (x[:, 1] > 0.5)
    history = model.fit(
        x, t, batch_size=20, epochs=epochs, verbose=0, shuffle=False,
        sample_weight=rng.random(90).astype("float32"), validation_data=(x[:30], t[:30]),
    )
    return result(model, history, x)


# ── several inputs and outputs, by name, with a shared layer and an auxiliary loss ──────────────


def branches(keras: Any, epochs: int = 5) -> dict[str, Any]:
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(8, activation="tanh", activity_regularizer=keras.regularizers.L1(0.01))
    joined = layers.Concatenate()([shared(a), shared(b), a * b])
    mixed = layers.Add()([layers.Dense(8)(joined), layers.Dense(8, activation="gelu")(joined)])
    one = layers.Dense(1, activation="sigmoid", name="one")(mixed)
    two = layers.Dense(2, name="two")(mixed - 0.5)
    model = keras.Model({"a": a, "b": b}, [one, two])
    model.set_weights(drawn([w.shape for w in model.weights], seed=4))
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        loss={"one": "binary_crossentropy", "two": keras.losses.Huber(0.5)},
        loss_weights={"one": 0.5, "two": 2.0}, metrics={"two": ["mae"], "one": "accuracy"},
    )
    rng = np.random.default_rng(5)
    x = {k: rng.normal(size=(60, 4)).astype("float32") for k in "ab"}
    t = {
        "one": (x["a"][:, :1] > 0).astype("float32"),
        "two": x["b"][:, :2] * x["a"][:, 2:],
    }
    history = model.fit(x, t, batch_size=13, epochs=epochs, verbose=0, shuffle=False)
    return result(model, history, x)


@pytest.mark.parametrize("program", [housing, health, classifier, branches])
def test_a_whole_training_gives_kerass_numbers(program):
    want = expected(f"keras_models/{program.__name__}", program)
    got = program(ours)
    assert list(got) == list(want)  # the very names of the history, in order
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=2e-4, atol=2e-5, err_msg=name)
