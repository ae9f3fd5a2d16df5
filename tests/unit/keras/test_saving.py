"""Files and configs: a model comes back as it was, and nothing is ever executed."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.errors import ArgumentError, FileFormatError, OptionError, ShapeError
from tinygrad_jp.keras import layers

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


@keras.saving.register_keras_serializable("tests")
def halved(x):
    return x / 2


@keras.saving.register_keras_serializable("tests")
class Twice(layers.Layer):
    def __init__(self, factor=2.0, **more):
        super().__init__(**more)
        self.factor = factor

    def build(self, input_shape):
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="shift")

    def call(self, x):
        return x * self.factor + self.shift

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Subclassed(keras.Model):
    def __init__(self, units=4, **more):
        super().__init__(**more)
        self.units = units
        self.hidden = layers.Dense(units, "tanh")
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))


def functional():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    x = layers.Concatenate()([a, layers.Lambda(halved)(b), (a - 1)[:, :2]])
    x = layers.BatchNormalization()(Twice(3.0)(x))
    x = layers.Dense(4, keras.activations.gelu, kernel_regularizer="l2")(x)
    return keras.Model({"a": a, "b": b}, [layers.Dense(1, name="one")(x), keras.ops.exp(-x)])


def stack():
    return keras.Sequential([
        keras.Input((3,)), layers.Dense(4, "relu", kernel_constraint=keras.constraints.MaxNorm(2)),
        layers.Dropout(0.3, seed=1), Twice(), layers.Dense(1),
    ], name="stack")


MODELS = {
    "functional": (functional, {"a": X, "b": X[::-1].copy()}), "sequential": (stack, X),
    "subclassed": (Subclassed, X),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_comes_back_with_weights_and_names(name, tmp_path):
    make, x = MODELS[name]
    model = make()
    model(x)
    path = tmp_path / "model.keras"
    model.save(path)
    twin = keras.models.load_model(path)
    assert type(twin) is type(model)
    assert twin.name == model.name
    if name != "subclassed":  # whose layers are made, and named, by its own __init__
        assert [w.path for w in twin.weights] == [w.path for w in model.weights]
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    ours, theirs = model.predict(x, verbose=0), twin.predict(x, verbose=0)
    for a, b in zip(*(y if isinstance(y, list) else [y] for y in (ours, theirs)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_goes_on_where_it_stopped(tmp_path):
    def trained(epochs):
        keras.utils.set_random_seed(3)
        model = Subclassed()
        model.build((None, 3))
        model.compile(
            keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.9)),
            keras.losses.Huber(0.5), metrics=["mae", keras.metrics.R2Score()],
        )
        model.fit(X, Y, epochs=epochs, shuffle=False, verbose=0)
        return model

    half = trained(3)
    half.save(tmp_path / "half.keras")
    model = keras.models.load_model(tmp_path / "half.keras")
    assert int(model.optimizer.iterations) == 3
    history = model.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    assert list(history.history) == ["loss", "mae", "r2_score"]
    for a, b in zip(model.get_weights(), trained(6).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not keras.models.load_model(tmp_path / "half.keras", compile=False).compiled


def test_weights_alone(tmp_path):
    model, twin = stack(), stack()
    path = tmp_path / "w.weights.safetensors"
    model.save_weights(path)
    twin.load_weights(path)
    np.testing.assert_array_equal(twin.get_weights()[0], model.get_weights()[0])
    model.save(tmp_path / "m.keras")
    twin.load_weights(tmp_path / "m.keras")
    with pytest.raises(OptionError, match="overwrite"):
        model.save_weights(path, overwrite=False)
    other = keras.Sequential([keras.Input((5,)), *stack().layers[:0], layers.Dense(4)])
    with pytest.raises(ShapeError, match="5"):
        other.load_weights(path)
    narrow = keras.Sequential([
        keras.Input((3,)), layers.Dense(4), Twice(), layers.Dense(2),
    ])
    before = narrow.get_weights()
    with pytest.raises(ShapeError):
        narrow.load_weights(path)
    np.testing.assert_array_equal(narrow.get_weights()[0], before[0])  # nothing has changed
    narrow.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(narrow.get_weights()[0], model.get_weights()[0])
    with pytest.raises(ShapeError, match="build"):
        keras.Sequential([layers.Dense(4)]).load_weights(path)


def test_classes_of_ones_own_by_name(tmp_path):
    class Local(layers.Layer):
        def call(self, x):
            return x + 1

    model = keras.Sequential([keras.Input((3,)), Local(name="local")])
    model.save(tmp_path / "m.keras")
    with pytest.raises(OptionError, match="custom_objects"):
        keras.models.load_model(tmp_path / "m.keras")
    twin = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Local": Local})
    assert tj.equal(twin(X), model(X))
    with keras.saving.custom_object_scope({"Local": Local}):
        assert keras.models.load_model(tmp_path / "m.keras").layers[0].name == "local"


def test_functions_of_ones_own_in_compile(tmp_path):
    def mine(y_true, y_pred):
        return (y_true - y_pred) ** 2

    model = stack()
    model.compile("sgd", mine, metrics=[mine])
    model.save(tmp_path / "m.keras")
    twin = keras.models.load_model(tmp_path / "m.keras", {"mine": mine})
    assert twin.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


@pytest.mark.parametrize(
    ("make", "error", "word"),
    [
        (lambda p: stack().save(p / "m.h5"), OptionError, ".keras"),
        (lambda p: stack().save_weights(p / "m.h5"), OptionError, ".weights.h5"),
        (lambda p: stack().load_weights(zipped(p)), FileFormatError, "z.keras"),
        (lambda p: stack().load_weights(hdf5(p)), FileFormatError, "z.h5"),
        (lambda p: keras.Sequential([keras.Input((1,)), layers.Lambda(lambda x: x)]).save(
            p / "m.keras"), ArgumentError, "register_keras_serializable"),
        (lambda p: keras.models.load_model(zipped(p)), FileFormatError, "set_weights"),
        (lambda p: keras.models.load_model(hdf5(p)), FileFormatError, "set_weights"),
        (lambda p: keras.models.load_model(weights(p)), FileFormatError, "load_weights"),
        (lambda p: keras.saving.serialize_keras_object(object()), OptionError, "get_config"),
        (lambda p: keras.saving.register_keras_serializable()(int), ArgumentError, "get_config"),
    ],
)
def test_mistakes_are_named_with_the_repair(make, error, word, tmp_path):
    for language in ("ja", "en"):
        tj.set_language(language)
        try:
            with pytest.raises(error) as caught:
                make(tmp_path)
            assert word in str(caught.value)
        finally:
            tj.set_language(None)
    with pytest.raises(FileNotFoundError):
        keras.models.load_model(tmp_path / "nowhere.keras")


def zipped(folder):
    path = folder / "z.keras"
    path.write_bytes(b"PK\x03\x04 and so on")
    return path


def hdf5(folder):
    path = folder / "z.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    return path


def weights(folder):
    path = folder / "w.safetensors"
    stack().save_weights(path)
    return path


def test_configs_are_json():
    for make, x in MODELS.values():
        model = make()
        model(x)
        model.compile("adam", "mse", metrics=[keras.metrics.AUC()] * len(model.output_names or "1"))
        config = keras.saving.serialize_keras_object(model)
        assert json.loads(json.dumps(config)) == config
        told = model.get_compile_config()
        assert json.loads(json.dumps(told)) == told
        twin = make()
        twin.compile_from_config(told)
        assert twin.optimizer.get_config() == model.optimizer.get_config()


def test_layers_serialize_by_themselves():
    config = layers.serialize(layers.Dense(3, "relu", name="d"))
    twin = layers.deserialize(json.loads(json.dumps(config)))
    assert (twin.units, twin.name, twin.activation) == (3, "d", keras.activations.relu)
    assert keras.saving.get_registered_object("tests>Twice") is Twice
    assert keras.saving.get_registered_name(Twice) == "tests>Twice"
