"""Callbacks: who is told when, when it stops, what is kept and written."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from nets import accuracy, adam, assert_equal, data, net, weights

import tinygrad_jp as tj
from tinygrad_jp import errors, nn, optim
from tinygrad_jp.train import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    On,
    SaveBest,
    Schedule,
    StopOnNaN,
    callback,
)
from tinygrad_jp.train.callback import MOMENTS


def fit(model=None, optimizer=None, *, callbacks=(), epochs=2, **options):
    model = net() if model is None else model
    return tj.fit(
        model, options.pop("data", data(20)), options.pop("loss", nn.CrossEntropyLoss()),
        optimizer or adam(model), epochs=epochs, batch_size=8, seed=0, verbose=0,
        callbacks=callbacks, **options,
    )


def scripted(values, name="val_loss"):
    """Put given values in the place of a number: what a callback sees is then known."""
    return On(validation_end=lambda run: run.validation.update({name: values[run.epoch]}))


# ── who is told ─────────────────────────────────────────────────────────────────────────────────


def test_everybody_is_told_in_order():
    told = []
    spy = On(**{
        m.removeprefix("on_"): lambda run, m=m: told.append((m[3:], run.epoch, run.batch, run.done))
        for m in MOMENTS
    })
    fit(callbacks=[spy], validation=data(8))
    names = [t[0] for t in told]
    epoch = ["epoch_begin", *["batch_begin", "batch_end"] * 3, "validation_begin", "validation_end", "epoch_end"]
    assert names == ["train_begin", *epoch, *epoch, "train_end"]
    batches = [t[1:] for t in told if t[0].startswith("batch")]
    assert batches == [
        (e, b, b + is_end) for e in range(2) for b in range(3) for is_end in (0, 1)
    ]


def test_only_those_who_listen_are_called():
    class Loud(Callback):
        def on_epoch_end(self, run):
            """Listen to one moment."""

    assert callback.listeners([Callback(), Loud()], "on_batch_end") == []
    assert len(callback.listeners([Callback(), Loud()], "on_epoch_end")) == 1
    with pytest.raises(errors.ArgumentError, match="epoch_end"):
        On(epoch_ended=print)


def test_what_a_callback_can_read():
    seen = []

    def look(run):
        seen.append((run.loss, dict(run.logs), run.step, run.batches, run.epochs))
        assert run.model is model
        assert run.optimizer is optimizer

    model = net()
    optimizer = adam(model)
    history = fit(model, optimizer, callbacks=[On(batch_end=look)], metrics=[accuracy])
    assert [s[2] for s in seen] == [1, 2, 3, 4, 5, 6]
    assert {s[3:] for s in seen} == {(3, 2)}
    assert seen[0][0] == seen[0][1]["loss"]
    sizes = [8, 8, 4]
    mean = sum(s[0] * n for s, n in zip(seen[:3], sizes, strict=True)) / 20
    assert history["loss"][0] == pytest.approx(mean, 1e-12)
    assert seen[2][1] == {"loss": history["loss"][0], "accuracy": history["accuracy"][0]}


def test_an_error_in_a_callback_comes_out():
    def fail(run):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(callbacks=[On(epoch_end=fail)])


def test_stop_ends_the_epoch_with_its_validation():
    history = fit(epochs=5, validation=data(8), callbacks=[
        On(batch_end=lambda run: run.step == 5 and run.stop("enough"))])
    assert (history.ended, history.reason, len(history)) == ("stopped", "enough", 2)
    assert len(history["val_loss"]) == 2
    assert not history.interrupted


def test_validation_now_and_then():
    history = fit(epochs=5, validation=data(8), validation_every=2)
    assert [math.isnan(v) for v in history["val_loss"]] == [True, False, True, False, True]
    assert history.best("val_loss")[0] in (1, 3)


# ── when the loss stagnates ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("values", "options", "epochs", "best"), [
    ([5, 4, 3, 2, 1, 0], {"patience": 2}, 6, 5),
    ([5, 4, 4, 4, 4, 4], {"patience": 2}, 4, 1),
    ([5, 4, 4.5, 3, 3.5, 4], {"patience": 2}, 6, 3),
    ([5, 4.95, 4.9, 4.85, 4, 3], {"patience": 2, "min_delta": 0.5}, 3, 0),
    ([5, 6, 1, 7, 8, 9], {"patience": 1}, 2, 0),
    ([5, 6, 6, 6, 6, 6], {"patience": 2, "start_from_epoch": 2}, 5, 2),
    ([float("nan")] * 6, {"patience": 3}, 3, None),
    ([1, 2, 3, 2, 2, 2], {"patience": 2, "mode": "max"}, 5, 2),
    ([5, 5, 5, 5, 5, 5], {"patience": 0}, 2, 0),
])
def test_early_stopping_stops_where_it_should_and_goes_back(values, options, epochs, best):
    kept = []
    model = net()
    early = EarlyStopping("val_loss", **options)
    history = fit(model, epochs=6, validation=data(8), callbacks=[
        scripted(values), early, On(epoch_end=lambda run: kept.append(weights(run.model)))])
    assert len(history) == epochs
    assert history.ended == ("done" if epochs == 6 else "stopped")
    assert early.best_epoch == best
    assert early.best == (None if best is None else values[best])
    assert_equal(weights(model), kept[-1 if best is None else best])


def test_early_stopping_keeps_the_last_weights_if_asked_to():
    kept = []
    model = net()
    fit(model, epochs=5, validation=data(8), callbacks=[
        scripted([1, 2, 3, 4, 5]), EarlyStopping(patience=2, restore_best=False),
        On(epoch_end=lambda run: kept.append(weights(run.model)))])
    assert_equal(weights(model), kept[-1])
    assert len(kept) == 3


def test_early_stopping_watches_the_loss_without_validation_and_accuracy_upward():
    model = net()
    early = EarlyStopping(patience=1)
    history = fit(model, optim.SGD(model.parameters(), lr=0.0), epochs=9, callbacks=[early])
    assert len(history) <= 3  # the order changes the last digits, and nothing else changes
    early = EarlyStopping("val_accuracy", patience=2)
    fit(epochs=5, validation=data(8), metrics=[accuracy], callbacks=[
        scripted([0.1, 0.9, 0.5, 0.5, 0.5], "val_accuracy"), early])
    assert (early.best, early.best_epoch) == (0.9, 1)


def test_a_number_that_is_not_there_is_said_and_a_mode_that_is_none_refused():
    with pytest.warns(errors.TinygradWarning, match=r"val_acc.*loss"):
        fit(callbacks=[EarlyStopping("val_acc")], epochs=1)
    with pytest.raises(errors.OptionError):
        EarlyStopping(mode="up")


def test_it_says_why_it_stopped_in_both_languages():
    for language, word in (("ja", "良くならなかった"), ("en", "No improvement for 2 epochs")):
        try:
            errors.set_language(language)
            history = fit(epochs=5, validation=data(8), callbacks=[
                scripted([1, 2, 3, 4, 5]), EarlyStopping(patience=2)])
        finally:
            errors.set_language(None)
        assert word in history.reason


def test_stop_on_nan_stops_at_once():
    x, t = data(20)
    x[7] = float("nan")
    steps = []
    history = fit(data=(x, t), epochs=5, callbacks=[StopOnNaN(), On(batch_end=lambda r: steps.append(r.batch))])
    assert history.ended == "stopped"
    assert len(history) == 1
    order = np.random.default_rng([0, 0]).permutation(20).tolist()
    assert steps == list(range(order.index(7) // 8 + 1))
    assert f"batch {steps[-1] + 1}" in history.reason


# ── schedules ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["epoch", "batch"])
def test_a_scheduler_is_stepped(by):
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    rates = []
    fit(model, optimizer, epochs=2, scheduler=optim.lr_scheduler.ExponentialLR(optimizer, 0.5),
        schedule_by=by, callbacks=[On(batch_begin=lambda r: rates.append(optimizer.param_groups[0]["lr"]))])
    expected = [1, 1, 1, 0.5, 0.5, 0.5] if by == "epoch" else [0.5**i for i in range(6)]
    assert rates == expected


def test_a_plateau_is_shown_the_number():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    fit(model, optimizer, epochs=4, validation=data(8),
        callbacks=[scripted([3, 2, 2, 2]), Schedule(plateau)])
    assert optimizer.param_groups[0]["lr"] == 0.25
    with pytest.warns(errors.TinygradWarning, match="no_such"):
        fit(model, optimizer, epochs=1, callbacks=[Schedule(plateau, monitor="no_such")])


# ── what is kept and written ────────────────────────────────────────────────────────────────────


def test_the_best_weights_are_saved(tmp_path):
    path = tmp_path / "best.safetensors"
    kept = []
    fit(epochs=4, validation=data(8), callbacks=[
        scripted([3, 1, 2, 4]), SaveBest(path), On(epoch_end=lambda r: kept.append(weights(r.model)))])
    assert_equal({k: v.numpy() for k, v in tj.load(path).items()}, kept[1])


@pytest.mark.parametrize(("options", "expected"), [
    ({"batches": 2}, [2, 4, 6, 6]), ({"epochs": 1}, [3, 6, 6]), ({"epochs": 2}, [6, 6]),
    ({"seconds": 1e-9}, [1, 2, 3, 3, 4, 5, 6, 6, 6]), ({}, [6]), ({"seconds": 1000}, [6]),
])
def test_a_checkpoint_is_saved_when_it_is_due(tmp_path, monkeypatch, options, expected):
    saved = []
    checkpoint = Checkpoint(tmp_path / "run", **options)
    real = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda run: (saved.append(run.step), real(run)))
    fit(checkpoint=checkpoint)
    assert saved == expected


@pytest.mark.parametrize("options", [{"batches": 0}, {"seconds": -1}, {"epochs": 0}])
def test_a_checkpoint_never_is_refused(options):
    with pytest.raises(errors.OptionError):
        Checkpoint("x", **options)


def test_a_csv_file_has_every_epoch_also_when_resumed(tmp_path):
    path, run = tmp_path / "new" / "log.csv", tmp_path / "run"
    fit(epochs=2, callbacks=[CSVLog(path)], checkpoint=run, validation=data(8), validation_every=2)
    history = fit(epochs=4, callbacks=[CSVLog(path)], checkpoint=run, resume=True,
                  validation=data(8), validation_every=2)
    with open(path, newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert [r[0] for r in rows[1:]] == ["1", "2", "3", "4"]
    np.testing.assert_array_equal([float(r[1]) for r in rows[1:]], history["loss"])
    np.testing.assert_array_equal([float(r[2]) for r in rows[1:]], history["val_loss"])


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    path = tmp_path / "run"
    fit(epochs=1, checkpoint=path)
    kept = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.warns(errors.TinygradWarning, match="No space left"):
        history = fit(epochs=2, checkpoint=Checkpoint(path, epochs=1))
    assert history.ended == "done"
    assert path.read_bytes() == kept
