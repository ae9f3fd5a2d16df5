"""Callbacks: told as Keras tells them, and the ones that come with it."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.errors import ArgumentError, MissingExtraError, OptionError, TinygradWarning
from tinygrad_jp.keras import callbacks, layers

X = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
Y = X.sum(1, keepdims=True)


def model(rate=0.05, metrics=("mae",)):
    made = keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    made.compile(keras.optimizers.SGD(rate), "mse", metrics=list(metrics))
    return made


def test_every_moment_is_told_in_order():
    told = []

    class Ear(callbacks.Callback):
        pass

    def listener(name):
        def listen(self, *args):
            told.append((name, *(sorted(a) if isinstance(a, dict) else a for a in args)))

        return listen

    for name in dir(callbacks.Callback):
        if name.startswith("on_") and name not in ("on_batch_begin", "on_batch_end"):
            setattr(Ear, name, listener(name))
    ear = Ear()
    net = model()
    net.fit(
        X, Y, batch_size=10, validation_data=(X, Y), validation_batch_size=20, callbacks=[ear],
        verbose=0,
    )
    assert ear.model is net
    assert ear.params["epochs"] == 1
    assert ear.params["steps"] == 2
    both = ["loss", "mae"]
    assert told == [
        ("on_train_begin", []), ("on_epoch_begin", 0, []),
        ("on_train_batch_begin", 0, []), ("on_train_batch_end", 0, both),
        ("on_train_batch_begin", 1, []), ("on_train_batch_end", 1, both),
        ("on_test_begin", []), ("on_test_batch_begin", 0, []), ("on_test_batch_end", 0, both),
        ("on_test_end", both), ("on_epoch_end", 0, [*both, "val_loss", "val_mae"]),
        ("on_train_end", [*both, "val_loss", "val_mae"]),
    ]
    told.clear()
    net.predict(X, callbacks=[ear], verbose=0)
    net.evaluate(X, Y, callbacks=[ear], verbose=0)
    assert [t[0] for t in told] == [
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end",
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end",
    ]


def test_the_old_names_of_batches_and_plain_functions():
    seen = []

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append(batch)

    plain = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))
    history = model().fit(X, Y, batch_size=5, callbacks=[Old(), plain], verbose=0)
    assert seen == [0, 1, 2, 3, history.history["loss"][0]]


def test_a_callback_stops_the_training_at_once():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    net = model()
    net.fit(X, Y, batch_size=5, epochs=3, callbacks=[Stop()], verbose=0)
    assert int(net.optimizer.iterations) == 2
    net.fit(X, Y, batch_size=5, epochs=3, verbose=0)
    assert int(net.optimizer.iterations) == 14


def test_early_stopping():
    stop = callbacks.EarlyStopping("loss", min_delta=100, patience=2, restore_best_weights=True)
    net = model()
    weights = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda *_: weights.append(net.get_weights()[0]))
    history = net.fit(X, Y, epochs=9, callbacks=[note, stop], verbose=0)
    assert len(history.epoch) == 3
    assert stop.stopped_epoch == 2
    np.testing.assert_array_equal(net.get_weights()[0], weights[0])
    late = callbacks.EarlyStopping("loss", min_delta=100, patience=1, start_from_epoch=4)
    assert len(model().fit(X, Y, epochs=9, callbacks=[late], verbose=0).epoch) == 6
    never = callbacks.EarlyStopping("loss", patience=3, baseline=-1.0, min_delta=100)
    assert len(model().fit(X, Y, epochs=9, callbacks=[never], verbose=0).epoch) == 3
    higher = callbacks.EarlyStopping("val_mae", mode="max", patience=1)
    fit = model().fit(X, Y, epochs=9, callbacks=[higher], validation_split=0.5, verbose=0)
    assert len(fit.epoch) == 2


def test_early_stopping_of_a_number_that_is_not_there():
    with pytest.warns(TinygradWarning, match="val_loss"):
        model().fit(X, Y, callbacks=[callbacks.EarlyStopping()], verbose=0)


def test_the_direction_is_read_off_the_metric():
    watch = callbacks.MonitorCallback("val_acc")
    assert watch.is_higher_better()
    assert not callbacks.MonitorCallback("val_loss").is_higher_better()
    assert not callbacks.MonitorCallback("acc_loss").is_higher_better()
    with pytest.raises(OptionError):
        callbacks.MonitorCallback(mode="up")


def test_learning_rates():
    net = model(rate=0.4)
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = net.fit(X, Y, epochs=3, callbacks=[halve], verbose=0).history
    assert history["learning_rate"] == pytest.approx([0.2, 0.1, 0.05])
    fixed = callbacks.LearningRateScheduler(lambda epoch: 0.3)
    net.fit(X, Y, callbacks=[fixed], verbose=0)
    assert float(net.optimizer.learning_rate) == pytest.approx(0.3)
    with pytest.raises(ArgumentError):
        net.fit(X, Y, callbacks=[callbacks.LearningRateScheduler(lambda e, r: "slow")], verbose=0)
    plateau = callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=100, cooldown=2, min_lr=0.1
    )
    history = model(rate=0.4).fit(X, Y, epochs=6, callbacks=[plateau], verbose=0).history
    assert history["learning_rate"] == pytest.approx([0.4, 0.4, 0.2, 0.2, 0.1, 0.1])
    with pytest.raises(OptionError):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_model_checkpoint(tmp_path):
    net = model()
    every = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.3f}.keras")
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    history = net.fit(X, Y, epochs=2, callbacks=[every, best], verbose=0).history
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [
        f"01-{history['loss'][0]:.3f}.keras", f"02-{history['loss'][1]:.3f}.keras", "best.keras",
    ]
    twin = keras.models.load_model(tmp_path / "best.keras")
    np.testing.assert_array_equal(twin.get_weights()[0], net.get_weights()[0])
    worse = callbacks.ModelCheckpoint(
        tmp_path / "w.safetensors", monitor="loss", save_best_only=True, save_weights_only=True,
        initial_value_threshold=-1.0,
    )
    often = callbacks.ModelCheckpoint(
        tmp_path / "often-{batch}.safetensors", save_weights_only=True, save_freq=2
    )
    net.fit(X, Y, batch_size=5, callbacks=[worse, often], verbose=0)
    assert not (tmp_path / "w.safetensors").exists()
    assert (tmp_path / "often-2.safetensors").exists()
    assert (tmp_path / "often-4.safetensors").exists()
    with pytest.raises(OptionError, match=r"\.keras"):
        callbacks.ModelCheckpoint(tmp_path / "model.h5")
    wrong = callbacks.ModelCheckpoint(tmp_path / "{val_loss}.keras")
    with pytest.raises(OptionError, match="val_loss"):
        net.fit(X, Y, callbacks=[wrong], verbose=0)


def test_csv_logger(tmp_path):
    path = tmp_path / "log" / "log.csv"
    net = model()
    history = net.fit(X, Y, epochs=2, callbacks=[callbacks.CSVLogger(path)], verbose=0).history
    net.fit(X, Y, callbacks=[callbacks.CSVLogger(path, append=True)], verbose=0)
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows[:2]] == history["loss"]
    assert rows[0]["val_loss"] == "NA"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_terminate_on_nan(capsys):
    net = model(rate=1e30)
    net.fit(X * 1e20, Y, batch_size=5, epochs=9, callbacks=[callbacks.TerminateOnNaN()], verbose=0)
    assert int(net.optimizer.iterations) < 9
    assert capsys.readouterr().out


def test_verbose_callbacks_say_what_they_do(capsys):
    tj.set_language("ja")
    try:
        stop = callbacks.EarlyStopping(
            "loss", min_delta=100, patience=1, restore_best_weights=True, verbose=1
        )
        plateau = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100, verbose=1)
        model().fit(X, Y, epochs=5, callbacks=[stop, plateau], verbose=0)
    finally:
        tj.set_language(None)
    out = capsys.readouterr().out
    assert "学習率" in out
    assert "改善" in out
    assert "戻します" in out


def test_tensorboard(tmp_path, monkeypatch):
    board = callbacks.TensorBoard(tmp_path / "logs", histogram_freq=1, update_freq=1)
    model().fit(X, Y, validation_split=0.5, epochs=2, callbacks=[board], verbose=0)
    for part in ("train", "validation"):
        (events,) = (tmp_path / "logs" / part).iterdir()
        assert b"epoch_loss" in events.read_bytes()
    with pytest.raises(OptionError, match="profile_batch"):
        callbacks.TensorBoard(profile_batch=2)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match="tensorboard"):
        model().fit(X, Y, callbacks=[callbacks.TensorBoard(tmp_path)], verbose=0)


def test_a_killed_training_goes_on_bit_for_bit(tmp_path):
    class KilledError(Exception):
        pass

    class Kill(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KilledError

    def net():
        keras.utils.set_random_seed(5)
        made = keras.Sequential([
            keras.Input((2,)), layers.Dense(8, "tanh"), layers.Dropout(0.3, seed=2), layers.Dense(1),
        ])
        made.compile("adam", "mse", metrics=["mae"])
        return made

    whole = net()
    want = whole.fit(X, Y, batch_size=5, epochs=6, verbose=0)
    broken = net()
    backup = callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(KilledError):
        broken.fit(X, Y, batch_size=5, epochs=6, verbose=0, callbacks=[backup, Kill()])
    assert backup.path.exists()
    again = net()
    got = again.fit(X, Y, batch_size=5, epochs=6, verbose=0, callbacks=[backup])
    assert got.epoch == [3, 4, 5]
    assert got.history["loss"] == want.history["loss"][3:]
    for a, b in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not backup.path.exists()
    with pytest.raises(OptionError):
        callbacks.BackupAndRestore(tmp_path, save_freq=0)
