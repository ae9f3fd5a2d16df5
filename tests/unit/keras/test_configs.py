"""Objects to configs and back, piece by piece: names, scopes, nesting, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tinygrad_jp import keras
from tinygrad_jp.errors import ArgumentError, OptionError
from tinygrad_jp.keras.saving import configs
from tinygrad_jp.keras.saving import deserialize_keras_object as made
from tinygrad_jp.keras.saving import serialize_keras_object as told


@pytest.fixture(autouse=True)
def _tables():
    """Leave the tables of names as they were."""
    tables = configs.REGISTERED, configs.SCOPED
    before = [dict(table) for table in tables]
    yield
    for table, held in zip(tables, before, strict=True):
        table.clear()
        table.update(held)


def half(x):
    return x / 2


class Scaled(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_plain_values_stay_as_they_are_and_lists_and_dicts_are_gone_through():
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": (1, 2)}}
    assert told(value) == {"a": [1, 2.5, None, True, "x"], "b": {"c": [1, 2]}}
    assert made(told(value)) == told(value)
    layers = told([keras.layers.Dense(3), keras.layers.ReLU()])
    assert [c["class_name"] for c in layers] == ["Dense", "ReLU"]
    back = made(json.loads(json.dumps(layers)))
    assert [type(layer).__name__ for layer in back] == ["Dense", "ReLU"]
    assert back[0].units == 3


def test_functions_by_name():
    assert told(half) == {"class_name": "function", "config": "half"}
    with pytest.raises(OptionError, match="half"):
        made(told(half))
    assert made(told(half), custom_objects={"half": half}) is half
    keras.saving.register_keras_serializable("mine")(half)
    assert told(half) == {"class_name": "function", "config": "mine>half"}
    assert made(told(half)) is half
    assert keras.saving.get_registered_name(half) == "mine>half"
    assert keras.saving.get_registered_name(np.sum) == "sum"


def test_numpy_values_become_pythons():
    assert configs.plain({1: np.float32(0.5), "n": np.int64(3), "a": np.arange(3)}) == {
        "1": 0.5, "n": 3, "a": [0, 1, 2]
    }


def test_what_has_no_config_is_refused():
    with pytest.raises(OptionError, match="object"):
        told(object())
    with pytest.raises(ArgumentError, match="Plain"):
        keras.saving.register_keras_serializable()(type("Plain", (), {}))


def test_a_class_of_ones_own_in_all_the_ways_to_say_so():
    config = json.loads(json.dumps(told(Scaled(3.0))))
    assert made(config, custom_objects={"Scaled": Scaled}).factor == 3.0
    with keras.saving.custom_object_scope({"Scaled": Scaled}):
        assert made(config).factor == 3.0
    assert made(config).factor == 3.0  # its module is imported: here
    elsewhere = {**config, "module": "nowhere"}
    with pytest.raises(OptionError, match="Scaled"):
        made(elsewhere)
    keras.saving.get_custom_objects()["Scaled"] = Scaled
    assert made(elsewhere).factor == 3.0
    del keras.saving.get_custom_objects()["Scaled"]
    keras.saving.register_keras_serializable("other", "Scaled")(Scaled)
    assert made(elsewhere).factor == 3.0  # by its short name, from any package
    assert told(Scaled())["registered_name"] == "other>Scaled"
    assert keras.saving.get_registered_object("other>Scaled") is Scaled
    assert keras.saving.get_registered_object("none") is None
    assert keras.saving.get_registered_object("none", {"none": half}) is half


def test_layers_are_built_for_the_shapes_they_had():
    dense = keras.layers.Dense(2)
    dense(np.ones((4, 3), "f"))
    config = json.loads(json.dumps(told(dense)))
    assert config["build_config"] == {"input_shape": [None, 3]} or config["build_config"] == {
        "input_shape": [4, 3]
    }
    assert made(config).kernel.shape == (3, 2)
    assert configs.as_shape([[None, 3], [None, 4]]) == [(None, 3), (None, 4)]
    assert configs.as_shape({"a": [2, 3]}) == {"a": (2, 3)}


def test_a_layer_with_named_shapes():
    class Two(keras.layers.Layer):
        def build(self, a_shape, b_shape):
            self.seen = a_shape, b_shape
            self.built = True

    layer = Two()
    configs.build(layer, {"a_shape": [None, 3], "b_shape": [None, 4]})
    assert layer.seen == ((None, 3), (None, 4))


def test_what_compile_was_told_nested_as_it_was():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, {"a": keras.layers.Dense(1, name="a")(inputs),
                                 "b": keras.layers.Dense(1, name="b")(inputs)})
    assert configs.compile_config(model) is None
    keras.saving.register_keras_serializable("mine")(half)

    def twice(y, t):
        return keras.ops.mean((y - t) ** 2, axis=-1)

    keras.saving.register_keras_serializable("mine")(twice)
    model.compile("sgd", loss={"a": "mse", "b": twice}, metrics={"a": ["mae", keras.metrics.MeanSquaredError()]},
                  loss_weights={"a": 1.0, "b": 0.5})
    config = json.loads(json.dumps(configs.compile_config(model)))
    assert config["loss"]["b"] == "mine>twice"
    back = configs.compile_arguments(config)
    assert back["loss"]["b"] is twice
    assert back["loss_weights"] == {"a": 1.0, "b": 0.5}
    assert type(back["metrics"]["a"][1]).__name__ == "MeanSquaredError"
    assert type(back["optimizer"]).__name__ == "SGD"
    assert configs.read("mine>twice", keras.losses, {"mine>twice": half}) is half
