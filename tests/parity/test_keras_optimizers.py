"""Every optimizer and schedule of the front gives Keras 3's weights, step for step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tinygrad_jp import keras as ours

from .golden import close, expected

STEPS = 25
RNG = np.random.default_rng(5)
START = [RNG.normal(size=(3, 2)).astype("float32"), RNG.normal(size=2).astype("float32")]
GRADS = [[RNG.normal(size=(3, 2)).astype("float32"), RNG.normal(size=2).astype("float32")]
         for _ in range(STEPS)]

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "sgd-momentum": ("SGD", dict(learning_rate=0.05, momentum=0.9)),
    "sgd-nesterov": ("SGD", dict(learning_rate=0.05, momentum=0.8, nesterov=True)),
    "sgd-decay": ("SGD", dict(learning_rate=0.05, weight_decay=0.1)),
    "adam": ("Adam", {}),
    "adam-all": ("Adam", dict(learning_rate=0.05, beta_1=0.5, beta_2=0.9, epsilon=1e-3, amsgrad=True)),
    "adam-decay": ("Adam", dict(learning_rate=0.05, weight_decay=0.3)),
    "adamw": ("AdamW", {}),
    "adamw-all": ("AdamW", dict(learning_rate=0.05, weight_decay=0.2, amsgrad=True)),
    "adamax": ("Adamax", {}),
    "adamax-all": ("Adamax", dict(learning_rate=0.05, beta_1=0.7, beta_2=0.9, epsilon=1e-2, weight_decay=0.1)),
    "nadam": ("Nadam", {}),
    "nadam-all": ("Nadam", dict(learning_rate=0.05, beta_1=0.7, beta_2=0.9, epsilon=1e-3, weight_decay=0.1)),
    "rmsprop": ("RMSprop", {}),
    "rmsprop-momentum": ("RMSprop", dict(learning_rate=0.02, rho=0.7, momentum=0.9, epsilon=1e-2)),
    "rmsprop-centered": ("RMSprop", dict(learning_rate=0.02, centered=True, weight_decay=0.1)),
    "adagrad": ("Adagrad", {}),
    "adagrad-all": ("Adagrad", dict(learning_rate=0.1, initial_accumulator_value=0.5, epsilon=1e-2, weight_decay=0.1)),
    "adadelta": ("Adadelta", {}),
    "adadelta-all": ("Adadelta", dict(learning_rate=0.7, rho=0.8, epsilon=1e-3, weight_decay=0.1)),
    "lion": ("Lion", {}),
    "lion-all": ("Lion", dict(learning_rate=0.02, beta_1=0.6, beta_2=0.8, weight_decay=0.1)),
    "ftrl": ("Ftrl", {}),
    "ftrl-all": ("Ftrl", dict(
        learning_rate=0.1, learning_rate_power=-0.7, initial_accumulator_value=0.3,
        l1_regularization_strength=0.05, l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.02, beta=0.1, weight_decay=0.01,
    )),
    "clipnorm": ("SGD", dict(learning_rate=0.1, clipnorm=0.7)),
    "clipvalue": ("Adam", dict(learning_rate=0.1, clipvalue=0.3)),
    "global-clipnorm": ("SGD", dict(learning_rate=0.1, momentum=0.5, global_clipnorm=1.1)),
    "ema": ("SGD", dict(learning_rate=0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)),
    "accumulated": ("Adam", dict(learning_rate=0.1, gradient_accumulation_steps=3)),
    "accumulated-clipped": ("SGD", dict(learning_rate=0.1, gradient_accumulation_steps=2, clipnorm=0.4)),
    "ema-accumulated": ("Adam", dict(
        learning_rate=0.1, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3,
        gradient_accumulation_steps=2,
    )),
    "scaled": ("SGD", dict(learning_rate=0.1, loss_scale_factor=8.0)),
}


def path(keras: Any, optimizer: Any, variables: list[Any]) -> Any:
    """Take the steps, halving the rate once on the way; give the weights after each."""
    after = []
    for i, grads in enumerate(GRADS):
        if i == 15:
            optimizer.learning_rate = float(np.asarray(keras.ops.convert_to_numpy(optimizer.learning_rate))) / 2
        optimizer.apply_gradients(
            [(keras.ops.convert_to_tensor(g), v) for g, v in zip(grads, variables, strict=True)]
        )
        after.append(np.concatenate([np.ravel(keras.ops.convert_to_numpy(v)) for v in variables]))
    return np.array(after)


@pytest.mark.parametrize("name", CASES)
def test_optimizer(name):
    kind, options = CASES[name]

    def run(keras: Any) -> Any:
        variables = [keras.Variable(a.copy()) for a in START]
        return path(keras, getattr(keras.optimizers, kind)(**options), variables)

    got, want = run(ours), expected(f"keras_optimizers/{name}", run)
    assert got.dtype == np.float32
    close(f"keras_optimizers/{name}", got, want, rtol=2e-5, atol=3e-6)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Adamax", "Nadam", "RMSprop", "AdamW"])
def test_gradients_that_are_missing_now_and_then(kind):
    """Steps are counted for all variables alike, also for one that stands still meanwhile."""

    def run(keras: Any) -> Any:
        a, b = (keras.Variable(x.copy()) for x in START)
        optimizer = getattr(keras.optimizers, kind)(learning_rate=0.05)
        for i, (g, h) in enumerate(GRADS):
            missing = None if i < 4 or i in (9, 10) else keras.ops.convert_to_tensor(h)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                optimizer.apply_gradients([(keras.ops.convert_to_tensor(g), a), (missing, b)])
            if i == 15:
                optimizer.iterations.assign(30)
        return [keras.ops.convert_to_numpy(v) for v in (a, b)]

    want = expected(f"keras_optimizers/missing {kind}", run)
    for x, y in zip(run(ours), want, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=3e-6)


SCHEDULES: dict[str, Any] = {
    "exponential": lambda s: s.ExponentialDecay(0.1, 7, 0.6),
    "exponential-stairs": lambda s: s.ExponentialDecay(0.1, 7, 0.6, staircase=True),
    "inverse": lambda s: s.InverseTimeDecay(0.1, 5, 0.7),
    "inverse-stairs": lambda s: s.InverseTimeDecay(0.1, 5, 0.7, staircase=True),
    "piecewise": lambda s: s.PiecewiseConstantDecay([4, 11, 20], [0.1, 0.05, 0.02, 0.01]),
    "polynomial": lambda s: s.PolynomialDecay(0.1, 17, 0.01, power=0.5),
    "polynomial-cycle": lambda s: s.PolynomialDecay(0.1, 6, 0.01, power=2.0, cycle=True),
    "cosine": lambda s: s.CosineDecay(0.1, 20, alpha=0.1),
    "cosine-warm": lambda s: s.CosineDecay(0.0, 15, warmup_target=0.1, warmup_steps=5),
    "restarts": lambda s: s.CosineDecayRestarts(0.1, 5),
    "restarts-all": lambda s: s.CosineDecayRestarts(0.1, 4, t_mul=1.5, m_mul=0.8, alpha=0.05),
    "restarts-even": lambda s: s.CosineDecayRestarts(0.1, 6, t_mul=1.0, m_mul=0.7),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    def run(keras: Any) -> Any:
        schedule = SCHEDULES[name](keras.optimizers.schedules)
        return np.array([float(schedule(i)) for i in range(40)])

    want = expected(f"keras_optimizers/schedule {name}", run)
    close(f"keras_optimizers/schedule-{name}", run(ours), want, rtol=2e-5, atol=2e-8)


def test_optimizer_with_a_schedule():
    def run(keras: Any) -> Any:
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))
        variables = [keras.Variable(a.copy()) for a in START]
        for grads in GRADS:
            pairs = zip(grads, variables, strict=True)
            optimizer.apply_gradients([(keras.ops.convert_to_tensor(g), v) for g, v in pairs])
        return [keras.ops.convert_to_numpy(v) for v in variables]

    want = expected("keras_optimizers/scheduled", run)
    for a, b in zip(run(ours), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_configs():
    def facts(keras: Any) -> Any:
        made = {}
        for kind in sorted({kind for kind, _ in CASES.values()}):
            config = getattr(keras.optimizers, kind)().get_config()
            made[kind] = {k: -1 if v is None else v for k, v in config.items() if k != "name"}
        return made

    want = expected("keras_optimizers/defaults", facts)
    got = facts(ours)
    for kind, config in want.items():
        assert config.keys() == got[kind].keys(), kind
        for key, value in config.items():
            np.testing.assert_allclose(got[kind][key], value, rtol=1e-6, err_msg=f"{kind}.{key}")
