"""Every layer gives Keras 3's outputs, shapes and weights, trained or not, from equal weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_jp import keras as ours

from .golden import expected

RNG = np.random.default_rng(21)
X = RNG.normal(size=(4, 6)).astype("float32")
CUBE = RNG.normal(size=(3, 4, 5)).astype("float32")
OTHER = RNG.normal(size=(4, 6)).astype("float32")
INDEX = RNG.integers(0, 7, (3, 2))
PIXELS = RNG.integers(0, 256, (2, 3), dtype="uint8")

# name -> (class, arguments, input, call arguments)
CASES: dict[str, tuple[str, dict[str, Any], Any, dict[str, Any]]] = {
    "dense": ("Dense", dict(units=3), X, {}),
    "dense-relu": ("Dense", dict(units=3, activation="relu"), X, {}),
    "dense-softmax": ("Dense", dict(units=3, activation="softmax"), X, {}),
    "dense-no-bias": ("Dense", dict(units=2, use_bias=False, activation="tanh"), X, {}),
    "dense-cube": ("Dense", dict(units=2, activation="gelu"), CUBE, {}),
    "activation-elu": ("Activation", dict(activation="elu"), X, {}),
    "activation-swish": ("Activation", dict(activation="swish"), X, {}),
    "relu": ("ReLU", {}, X, {}),
    "relu-options": ("ReLU", dict(max_value=0.8, negative_slope=0.1, threshold=0.2), X, {}),
    "leaky-relu": ("LeakyReLU", {}, X, {}),
    "leaky-relu-slope": ("LeakyReLU", dict(negative_slope=0.05), X, {}),
    "prelu": ("PReLU", {}, X, {}),
    "prelu-shared": ("PReLU", dict(shared_axes=[1]), CUBE, {}),
    "elu": ("ELU", dict(alpha=0.7), X, {}),
    "softmax": ("Softmax", {}, X, {}),
    "softmax-axis": ("Softmax", dict(axis=1), CUBE, {}),
    "dropout": ("Dropout", dict(rate=0.4), X, dict(training=False)),
    "dropout-zero": ("Dropout", dict(rate=0.0), X, dict(training=True)),
    "noise": ("GaussianNoise", dict(stddev=0.4), X, dict(training=False)),
    "gaussian-dropout": ("GaussianDropout", dict(rate=0.4), X, dict(training=False)),
    "batch": ("BatchNormalization", {}, X, dict(training=False)),
    "batch-training": ("BatchNormalization", {}, X, dict(training=True)),
    "batch-options": (
        "BatchNormalization", dict(momentum=0.7, epsilon=0.1, center=False), X,
        dict(training=True),
    ),
    "batch-plain": ("BatchNormalization", dict(scale=False), X, dict(training=True)),
    "batch-cube": ("BatchNormalization", {}, CUBE, dict(training=True)),
    "batch-axis": ("BatchNormalization", dict(axis=1), CUBE, dict(training=True)),
    "batch-axis-judged": ("BatchNormalization", dict(axis=1), CUBE, dict(training=False)),
    "layer": ("LayerNormalization", {}, X, {}),
    "layer-axes": ("LayerNormalization", dict(axis=[1, 2]), CUBE, {}),
    "layer-epsilon": ("LayerNormalization", dict(epsilon=0.01), CUBE, {}),
    "layer-plain": ("LayerNormalization", dict(scale=False, center=False), CUBE, {}),
    "unit": ("UnitNormalization", {}, X, {}),
    "unit-axis": ("UnitNormalization", dict(axis=1), CUBE, {}),
    "normalization-given": ("Normalization", dict(mean=0.5, variance=4.0), X, {}),
    "normalization-list": (
        "Normalization", dict(mean=[0.0, 1, 2, 3, 4, 5], variance=[1.0, 2, 3, 4, 5, 6]), X, {},
    ),
    "normalization-invert": ("Normalization", dict(mean=0.5, variance=4.0, invert=True), X, {}),
    "flatten": ("Flatten", {}, CUBE, {}),
    "flatten-flat": ("Flatten", {}, X, {}),
    "flatten-vector": ("Flatten", {}, X[:, 0], {}),
    "reshape": ("Reshape", dict(target_shape=(2, 3)), X, {}),
    "reshape-unknown": ("Reshape", dict(target_shape=(-1, 2)), CUBE, {}),
    "permute": ("Permute", dict(dims=(2, 1)), CUBE, {}),
    "repeat": ("RepeatVector", dict(n=3), X, {}),
    "rescaling": ("Rescaling", dict(scale=1 / 255, offset=-0.5), X, {}),
    "rescaling-pixels": ("Rescaling", dict(scale=1 / 255), PIXELS, {}),
    "identity": ("Identity", {}, X, {}),
    "embedding": ("Embedding", dict(input_dim=7, output_dim=3), INDEX, {}),
    "concatenate": ("Concatenate", {}, [X, OTHER], {}),
    "concatenate-axis": ("Concatenate", dict(axis=1), [CUBE, CUBE[:, :2]], {}),
    "add": ("Add", {}, [X, OTHER, X], {}),
    "add-wider": ("Add", {}, [X, OTHER[:, :1]], {}),
    "subtract": ("Subtract", {}, [X, OTHER], {}),
    "multiply": ("Multiply", {}, [X, OTHER], {}),
    "average": ("Average", {}, [X, OTHER, OTHER], {}),
    "maximum": ("Maximum", {}, [X, OTHER], {}),
    "minimum": ("Minimum", {}, [X, OTHER], {}),
    "dot": ("Dot", dict(axes=1), [X, OTHER], {}),
    "dot-cosine": ("Dot", dict(axes=1, normalize=True), [X, OTHER], {}),
    "dot-cubes": ("Dot", dict(axes=(2, 1)), [CUBE, np.swapaxes(CUBE, 1, 2).copy()], {}),
    "activity": ("ActivityRegularization", dict(l1=0.1, l2=0.2), X, {}),
}


def run(keras: Any, name: str) -> dict[str, Any]:
    kind, arguments, x, more = CASES[name]
    layer = getattr(keras.layers, kind)(**arguments)
    layer(x)  # builds it
    rng = np.random.default_rng(5)
    layer.set_weights([
        w if kind == "Normalization" else rng.uniform(0.2, 1.5, w.shape).astype(w.dtype)
        for w in layer.get_weights()
    ])
    y = layer(x, **more) if kind != "Identity" else layer(x)
    losses = [np.asarray(keras.ops.convert_to_numpy(v)) for v in layer.losses]
    shapes = [tuple(a.shape) for a in x] if isinstance(x, list) else tuple(x.shape)
    return {
        "y": np.asarray(keras.ops.convert_to_numpy(y)),
        "shape": np.array(layer.compute_output_shape(shapes)),
        "weights": [np.asarray(w) for w in layer.get_weights()],
        "names": [len(w.name) for w in layer.weights],
        "trainable": [w.shape[0] for w in layer.trainable_weights],
        "parameters": layer.count_params(), "losses": losses,
    }


@pytest.mark.parametrize("name", CASES)
def test_a_layer_gives_kerass_outputs(name):
    want = expected(f"keras_layers/{name}", lambda keras: run(keras, name))
    got = run(ours, name)
    assert got["y"].dtype == want["y"].dtype
    np.testing.assert_allclose(got["y"], want["y"], rtol=2e-5, atol=2e-6)
    np.testing.assert_array_equal(got["shape"], want["shape"])
    assert len(got["weights"]) == len(want["weights"])
    for mine, theirs in zip(got["weights"], want["weights"], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)
    for key in ("names", "trainable", "parameters"):
        np.testing.assert_array_equal(got[key], want[key], err_msg=key)
    np.testing.assert_allclose(got["losses"], want["losses"], rtol=1e-5)


def normalization(keras: Any) -> list[Any]:
    """Adapt to data, along several axes, and in parts."""
    found = []
    for axis, data in ((-1, X), (None, X), (1, CUBE), ((1, 2), CUBE)):
        layer = keras.layers.Normalization(axis=axis)
        layer.adapt(data)
        found += [keras.ops.convert_to_numpy(layer(data)), np.asarray(layer.get_weights()[0])]
    return found


def test_normalization_adapts_as_kerass():
    for mine, theirs in zip(
        normalization(ours), expected("keras_layers/adapt", normalization), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)


def configs(keras: Any) -> dict[str, Any]:
    """Give the names in each layer's config."""
    found = {}
    for name, (kind, arguments, _, _) in CASES.items():
        config = getattr(keras.layers, kind)(**arguments).get_config()
        known = ("units", "rate", "epsilon", "momentum", "negative_slope", "target_shape",
                 "n", "input_dim", "stddev", "use_bias", "max_value", "threshold", "scale", "l1")
        found[name] = [len(str(config[k])) for k in known if k in config]
    return found


def test_configs_tell_the_same_options():
    got, want = configs(ours), expected("keras_layers/configs", configs)
    assert got == {k: [int(n) for n in v] for k, v in want.items()}
