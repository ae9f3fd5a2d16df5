"""A training that was cut off goes on as if nothing had happened: the same bits, the same history."""

from __future__ import annotations

import numpy as np
import pytest
from nets import accuracy, adam, assert_equal, data, net, weights

import tinygrad_jp as tj
from tinygrad_jp import errors, nn, optim
from tinygrad_jp.data import DataLoader, TensorDataset


class PowerError(Exception):
    """What cuts a training off in these tests."""


def cut(step, moment="batch_begin"):
    """Cut off when so many batches are learned from."""

    def end(run):
        if run.step == step:
            raise PowerError

    return tj.train.On(**{moment: end})


def training(path=None, *, cut_at=None, moment="batch_begin", resume=False, make=adam, epochs=4, seed=3, **options):
    """Train a net with dropout, batch norm, a scheduler, metrics and early stopping."""
    model = net(dropout=0.3, norm=True, seed=0 if not resume else 77)
    if cut_at is None and not resume:
        tj.manual_seed(5)
    optimizer = make(model)
    early = tj.train.EarlyStopping("loss", patience=50)
    callbacks = [early, *options.pop("callbacks", ())]
    if cut_at:
        callbacks.append(cut(cut_at, moment))
    if path is not None:
        options["checkpoint"] = tj.train.Checkpoint(path, batches=1)
    try:
        history = tj.fit(
            model, options.pop("data", data(40)), nn.CrossEntropyLoss(), optimizer, epochs=epochs,
            batch_size=8, seed=seed, scheduler=optim.lr_scheduler.StepLR(optimizer, 1, 0.9),
            metrics=[accuracy], validation=data(seed=4), callbacks=callbacks, resume=resume,
            verbose=0, **options,
        )
    except PowerError:
        return None
    return model, optimizer, history


OPTIMIZERS = {
    "adam": adam,
    "sgd": lambda m: optim.SGD(m.parameters(), lr=0.05, momentum=0.9),
    "rmsprop": lambda m: optim.RMSprop(m.parameters(), lr=0.01, momentum=0.5, centered=True),
    "nadam": lambda m: optim.NAdam(m.parameters(), lr=0.01),
    "adadelta": lambda m: optim.Adadelta(m.parameters()),
    "radam": lambda m: optim.RAdam(m.parameters(), lr=0.02),
    "lbfgs": lambda m: optim.LBFGS(m.parameters(), lr=0.1, max_iter=3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("step", [3, 10])
def test_cut_at_a_batch_and_resumed_it_ends_with_the_same_bits(tmp_path, name, step):
    whole, whole_optimizer, whole_history = training(make=OPTIMIZERS[name])
    path = tmp_path / "run.safetensors"
    assert training(path, cut_at=step, make=OPTIMIZERS[name]) is None
    model, optimizer, history = training(path, resume=True, make=OPTIMIZERS[name])
    assert_equal(model, whole)
    assert history.history == whole_history.history
    assert history.epoch == whole_history.epoch
    a, b = optimizer.state_dict(), whole_optimizer.state_dict()
    assert a["param_groups"] == b["param_groups"]
    for i in b["state"]:
        for key, value in b["state"][i].items():
            if isinstance(value, tj.Tensor):
                np.testing.assert_array_equal(a["state"][i][key].numpy(), value.numpy())


@pytest.mark.parametrize("step", range(1, 20))
def test_at_every_batch_it_can_be_cut(tmp_path, step):
    whole, _, whole_history = training()
    path = tmp_path / "run.safetensors"
    training(path, cut_at=step)
    model, _, history = training(path, resume=True)
    assert_equal(model, whole)
    assert history.history == whole_history.history


@pytest.mark.parametrize("moment", [
    "batch_end", "validation_begin", "validation_end", "epoch_end", "epoch_begin",
])
def test_at_every_moment_it_can_be_cut(tmp_path, moment):
    whole, _, whole_history = training()
    path = tmp_path / "run.safetensors"
    assert training(path, cut_at=10, moment=moment) is None
    model, _, history = training(path, resume=True)
    assert_equal(model, whole)
    assert history.history == whole_history.history


def test_cut_many_times_over(tmp_path):
    whole, _, whole_history = training()
    path = tmp_path / "run.safetensors"
    for step in (1, 2, 5, 6, 11, 15, 19):
        assert training(path, cut_at=step, resume=step > 1) is None
    model, _, history = training(path, resume=True)
    assert_equal(model, whole)
    assert history.history == whole_history.history


def test_long_enough_for_the_optimizers_sweeps(tmp_path):
    # every 64 steps it rids its state of numbers that are about to underflow
    def run(path=None, cut_at=None, resume=False):
        return training(path, cut_at=cut_at, resume=resume, epochs=40)

    whole, _, _ = run()
    path = tmp_path / "run.safetensors"
    run(path, cut_at=97)
    model, _, _ = run(path, resume=True)
    assert_equal(model, whole)


def test_more_epochs_go_on_where_fewer_ended(tmp_path):
    path = tmp_path / "run.safetensors"
    whole, _, whole_history = training(epochs=6)
    training(path, epochs=2)
    model, _, history = training(path, epochs=6, resume=True)
    assert_equal(model, whole)
    assert history.history == whole_history.history


def test_a_finished_training_is_not_trained_again(tmp_path):
    path = tmp_path / "run.safetensors"
    whole, _, whole_history = training(path)
    model, _, history = training(path, resume=True)
    assert_equal(model, whole)
    assert history.history == whole_history.history
    assert history.ended == "done"


def test_without_a_file_a_resumed_training_begins(tmp_path):
    model = net(dropout=0.3, norm=True)
    path = tmp_path / "new folder" / "run.safetensors"
    history = tj.fit(
        model, data(40), nn.CrossEntropyLoss(), adam(model), batch_size=8, seed=3,
        checkpoint=path, resume=True, verbose=0,
    )
    assert len(history) == 1
    assert path.is_file()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(FileNotFoundError):
        training(resume=str(tmp_path / "none"))


def test_early_stopping_survives_with_its_best_weights(tmp_path):
    def run(path=None, cut_at=None, resume=False):
        model = net()
        early = tj.train.EarlyStopping("val_loss", patience=2)
        rates = tj.train.On(epoch_end=lambda run: run.epoch >= 1 and [
            g.update(lr=5.0) for g in run.optimizer.param_groups
        ])  # from the third epoch on it gets worse
        tj_callbacks = [early, rates] + ([cut(cut_at)] if cut_at else [])
        try:
            history = tj.fit(
                model, data(40), nn.CrossEntropyLoss(), adam(model), epochs=30, batch_size=8,
                seed=3, validation=data(seed=4), callbacks=tj_callbacks, resume=resume, verbose=0,
                checkpoint=tj.train.Checkpoint(path, batches=1) if path else None,
            )
        except PowerError:
            return None
        return model, early, history

    whole, early, history = run()
    assert history.ended == "stopped"
    assert len(history) < 30
    path = tmp_path / "run.safetensors"
    run(path, cut_at=13)
    model, again, resumed = run(path, resume=True)
    assert_equal(model, whole)
    assert (again.best, again.best_epoch) == (early.best, early.best_epoch)
    assert resumed.history == history.history
    model, again, resumed = run(path, resume=True)  # it stays stopped, with the best weights
    assert_equal(model, whole)
    assert resumed.ended == "stopped"
    assert len(resumed) == len(history)


@pytest.mark.parametrize("form", ["loader", "iterable", "endless"])
def test_other_feeds_are_resumed_too(tmp_path, form):
    x, t = data(40)

    def endless():
        i = 0
        while True:
            rows = np.arange(i, i + 8) % 40
            yield tj.tensor(x[rows]), tj.tensor(t[rows])
            i += 8

    def feed():
        if form == "loader":
            return DataLoader(TensorDataset(x, t), 8, shuffle=True)  # its seed is in the file
        return list(endless_part()) if form == "iterable" else endless()

    def endless_part():
        source = endless()
        return [next(source) for _ in range(5)]

    options = {"steps_per_epoch": 3} if form == "endless" else {}
    tj.manual_seed(1)
    given = feed()
    seed = getattr(given, "seed", None)
    whole, _, whole_history = training(data=given, **options)
    path = tmp_path / "run.safetensors"
    given = feed()
    if seed is not None:
        given.seed = seed
    training(path, cut_at=7, data=given, **options)
    model, _, history = training(path, resume=True, data=feed(), **options)
    assert history.history == whole_history.history
    assert_equal(model, whole)


# ── what does not fit changes nothing ───────────────────────────────────────────────────────────


def refused(path, model, kind, words, **change):
    before, optimizer = weights(model), adam(model)
    options = {"batch_size": 8, "epochs": 4, "seed": 3, **change}
    given = options.pop("data", data(40))
    with pytest.raises(kind, match=words):
        tj.fit(model, given, nn.CrossEntropyLoss(), optimizer, resume=str(path), verbose=0,
               metrics=options.pop("metrics", [accuracy]), **options)
    assert_equal(weights(model), before)
    assert optimizer.state_dict()["state"] == {}


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.safetensors"
    training(path, epochs=1)
    model = net(dropout=0.3, norm=True, seed=8)
    refused(path, model, errors.StateDictError, "batch_size", batch_size=4)
    refused(path, model, errors.StateDictError, "items", data=data(48))
    refused(path, net(seed=8), errors.StateDictError, "Sequential")
    refused(path, net(dropout=0.3, norm=True).double(), errors.StateDictError, "float64")
    refused(path, model, errors.StateDictError, "accuracy", metrics=[])


def test_a_broken_file_is_refused_and_changes_nothing(tmp_path):
    path = tmp_path / "run.safetensors"
    training(path, epochs=1)
    whole = path.read_bytes()
    model = net(dropout=0.3, norm=True, seed=8)
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, model, errors.FileFormatError, "cut off")
    flipped = bytearray(whole)
    flipped[-5] ^= 4
    path.write_bytes(flipped)
    refused(path, model, errors.FileFormatError, "checksum")
    tj.save(model, path)
    refused(path, model, errors.FileFormatError, "no checkpoint")


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────


def test_checkpoints_by_hand_go_on_bit_for_bit(tmp_path):
    path = tmp_path / "hand.safetensors"
    x, t = (tj.tensor(a) for a in data(40))

    def run(steps, resume):
        model = net(dropout=0.3, seed=5 if resume else 0)
        optimizer = adam(model)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
        first = 0
        if resume:
            first = tj.load_checkpoint(
                path, model=model, optimizer=optimizer, scheduler=scheduler
            )["step"]
        for step in range(first, steps):
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(model(x), t).backward()
            optimizer.step()
            scheduler.step()
            tj.save_checkpoint(path, model=model, optimizer=optimizer, scheduler=scheduler,
                               step=step + 1, note=["日本語", (1, 2.5, None), {3: np.arange(2)}])
        return model

    whole = run(10, resume=False)
    run(4, resume=False)
    assert_equal(run(10, resume=True), whole)
    plain = tj.load_checkpoint(path)
    assert plain["step"] == 10
    assert plain["note"][:2] == ["日本語", (1, 2.5, None)]
    np.testing.assert_array_equal(plain["note"][2][3], [0, 1])


def test_all_parts_of_a_checkpoint_or_none(tmp_path):
    path = tmp_path / "hand.safetensors"
    model = net()
    other = nn.Linear(2, 2)
    tj.save_checkpoint(path, a=model, b=other, number=1)
    model, wrong = net(seed=4), nn.Linear(3, 2)
    before = weights(model)
    with pytest.raises(errors.StateDictError, match="Linear"):
        tj.load_checkpoint(path, a=model, b=wrong)
    assert_equal(weights(model), before)
    with pytest.raises(errors.StateDictError, match="optimizer"):
        tj.load_checkpoint(path, a=model, optimizer=adam(model))
    with pytest.raises(errors.ArgumentError, match="number"):
        tj.load_checkpoint(path, number=0)
    assert_equal(weights(model), before)


@pytest.mark.parametrize("state", [
    {}, {"feed": {}}, [], 3, None, {"feed": 1}, "text",
    {"feed": {}, "task": {"metrics": [], "model": {}, "optimizer": {}}},
])
def test_a_state_of_another_kind_is_refused_and_changes_nothing(tmp_path, state):
    path = tmp_path / "run.safetensors"

    class Odd:
        def state_dict(self):
            return state

        load_state_dict = None

    tj.save_checkpoint(path, run=Odd())
    model = net(dropout=0.3, norm=True, seed=8)
    refused(path, model, errors.StateDictError, ".")


@pytest.mark.parametrize("wrong", ["optimizer", "scheduler"])
def test_parts_that_were_mixed_up_are_refused(tmp_path, wrong):
    path = tmp_path / "hand.safetensors"
    model = net()
    optimizer = adam(model)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 3)
    tj.save_checkpoint(path, model=model, optimizer=optimizer, scheduler=scheduler)
    before = weights(model)
    with pytest.raises(errors.StateDictError):
        tj.load_checkpoint(path, **{wrong: model})
    assert_equal(weights(model), before)


def test_a_checkpoint_among_the_callbacks_serves_as_well(tmp_path):
    whole, _, _ = training()
    path = tmp_path / "run.safetensors"
    training(callbacks=[tj.train.Checkpoint(path, batches=1)], cut_at=8)
    model, _, _ = training(callbacks=[tj.train.Checkpoint(path, batches=1)], resume=True)
    assert_equal(model, whole)
