"""Weights in Keras's own files: its .weights.h5 is read, and ours lies as its does."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinygrad_jp import keras, nn
from tinygrad_jp.errors import FileFormatError, MissingExtraError, OptionError, ShapeError
from tinygrad_jp.keras import layers
from tinygrad_jp.keras.saving import hdf5

h5py = pytest.importorskip("h5py")
WRITTEN = Path(__file__).resolve().parents[2] / "golden" / "keras.weights.h5"  # by Keras 3.15.1
X = np.random.default_rng(1).random((3, 4)).astype("float32")
EXPECTED = [-1.645023, -0.3622045, 0.5441383]  # what that model gave for X


class Own(layers.Layer):
    def __init__(self, **more):
        super().__init__(**more)
        self.inner = layers.Dense(2)
        self.many = [layers.Dense(1), layers.Dense(1)]
        self.d = {"p": layers.Dense(1)}

    def build(self, input_shape):
        self.w = self.add_weight(shape=(2,), name="w")

    def call(self, x):
        y = self.inner(x)
        return self.many[0](y) * self.w[0] + self.many[1](y) + self.d["p"](x)


class Whole(keras.Model):
    def __init__(self, **more):
        super().__init__(**more)
        self.d2 = layers.Dense(2)
        self.own = Own()
        self.out = layers.Dense(1)
        self.blocks = [layers.Dense(2), [layers.Dense(2)]]
        self._last = layers.Dense(1)

    def call(self, x):
        x = self.blocks[1][0](self.blocks[0](x))
        return self._last(self.out(self.own(self.d2(x))))


def recorded():
    """Make the model whose weights the file holds."""
    return keras.Sequential([
        keras.Input((4,)), layers.Normalization(), layers.LayerNormalization(),
        layers.Dense(1, use_bias=False),
    ])


def functional():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)], name="in")
    a = keras.Input((3,))
    other = keras.Model(a, layers.Dense(3)(a))
    inputs = keras.Input((4,))
    x = layers.BatchNormalization()(other(inner(inputs)))
    return keras.Model(inputs, layers.Dense(1)(layers.Dense(2, name="ほげ")(x)))


def subclassed():
    model = Whole()
    model(X)
    return model


# the groups that Keras 3.15 makes of such models
PLACES = {
    recorded: [
        "layers/normalization/vars/0", "layers/normalization/vars/1",
        "layers/normalization/vars/2", "layers/layer_normalization/vars/0",
        "layers/layer_normalization/vars/1", "layers/dense/vars/0",
    ],
    functional: [
        "layers/sequential/layers/dense/vars/0", "layers/sequential/layers/dense/vars/1",
        "layers/functional/layers/dense/vars/0", "layers/functional/layers/dense/vars/1",
        *(f"layers/batch_normalization/vars/{i}" for i in range(4)),
        "layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/0",
        "layers/dense_1/vars/1",
    ],
    subclassed: [
        "blocks/dense/vars/0", "blocks/dense/vars/1", "blocks/container/dense/vars/0",
        "blocks/container/dense/vars/1", "d2/vars/0", "d2/vars/1",
        "layers/own/vars/0", "layers/own/d/dense/vars/0", "layers/own/d/dense/vars/1",
        "layers/own/inner/vars/0", "layers/own/inner/vars/1", "layers/own/many/dense/vars/0",
        "layers/own/many/dense/vars/1", "layers/own/many/dense_1/vars/0",
        "layers/own/many/dense_1/vars/1",
    ],
}


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_weights_lie_where_keras_puts_them_and_come_back(make, tmp_path):
    model, twin = make(), make()
    wanted = PLACES[make]
    assert [p for p in hdf5.places(model) if p in wanted] == wanted
    assert len(hdf5.places(model)) == len(model.weights)
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    with h5py.File(path) as file:
        assert all(place in file for place in wanted)
    twin.load_weights(path)
    for mine, its in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert np.array_equal(mine, its)
    assert os.listdir(tmp_path) == ["model.weights.h5"]


def test_a_file_that_keras_has_written():
    model = recorded()
    model.load_weights(WRITTEN)
    assert model.predict(X, verbose=0)[:, 0] == pytest.approx(EXPECTED, rel=1e-5)


def test_the_weights_in_a_file_of_keras_s_whole_model(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(WRITTEN, "model.weights.h5")
    model = recorded()
    model.load_weights(path)
    assert model.predict(X, verbose=0)[:, 0] == pytest.approx(EXPECTED, rel=1e-5)
    with pytest.raises(FileFormatError, match="load_weights"):
        keras.models.load_model(path)


def test_the_checkpoint_of_the_tutorials(tmp_path):
    model = recorded()
    model.layers[0].adapt(X)
    model.compile("adam", "mse")
    saving = keras.callbacks.ModelCheckpoint(
        filepath=str(tmp_path / "{epoch:02d}-{loss:.2f}.weights.h5"), save_weights_only=True
    )
    history = model.fit(X, np.ones((3, 1)), epochs=2, verbose=0, callbacks=[saving]).history
    first, second = (f"{i + 1:02d}-{loss:.2f}" for i, loss in enumerate(history["loss"]))
    assert sorted(os.listdir(tmp_path)) == [f"{first}.weights.h5", f"{second}.weights.h5"]
    twin = recorded()
    twin.load_weights(tmp_path / f"{second}.weights.h5")
    assert np.array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_layer_of_nn_in_it(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.extra = nn.Linear(2, 3)
    assert [p for p in hdf5.places(model) if p.startswith("extra")] == [
        "extra/vars/0", "extra/vars/1"
    ]


def test_what_does_not_fit_changes_nothing(tmp_path):
    wide = keras.Sequential([
        keras.Input((5,)), layers.Normalization(), layers.LayerNormalization(),
        layers.Dense(1, use_bias=False),
    ])
    before = wide.get_weights()
    with pytest.raises(ShapeError, match=r"normalization\w*/mean"):
        wide.load_weights(WRITTEN)
    assert all(map(np.array_equal, wide.get_weights(), before))
    wide.layers[0].count.assign(7)
    wide.load_weights(WRITTEN, skip_mismatch=True)
    assert int(wide.get_weights()[2]) == 0  # the counter fits
    longer = keras.Sequential([keras.Input((4,)), *recorded().layers, layers.Dense(1)])
    with pytest.raises(FileFormatError, match="layers/dense_1/vars/0"):
        longer.load_weights(WRITTEN)
    with pytest.raises(ShapeError, match="build"):
        keras.Sequential([layers.Dense(4)]).load_weights(WRITTEN)
    path = tmp_path / "once.weights.h5"
    recorded().save_weights(path)
    with pytest.raises(OptionError, match="overwrite"):
        recorded().save_weights(path, overwrite=False)


def test_no_link_in_a_file_leads_out_of_it(tmp_path):
    path = tmp_path / "linked.weights.h5"
    model = recorded()
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink(str(WRITTEN), "layers/dense/vars/0")
    with pytest.raises(FileFormatError, match="layers/dense/vars/0"):
        model.load_weights(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.weights.h5"
    model = recorded()
    model.save_weights(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        functional().save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_without_h5py(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"\[hdf5\]"):
        recorded().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(MissingExtraError, match=r"\[hdf5\]"):
        recorded().load_weights(WRITTEN)
